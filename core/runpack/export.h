/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/export.h - puts a runpack into a store: the spec and the artifacts first, streamed
 * and hashed in si, then the manifest, created once (R47 to R50). Depends on store.h, manifest.h.
 *
 *   si_export_begin -> si_export_add (any number) -> si_export_finish -> si_export_free
 *
 * Until finish returns SI_OK the runpack is incomplete, and says so to any verifier: it has no
 * manifest. An export that failed or was never finished may be repeated with the same ids. Two
 * exports with the same ids at once are the caller's to prevent (operations hold a lock); at most
 * one of them makes the manifest.
 *
 * Under lock (options.lock) every object is locked as it is put, and counts once that was read
 * back; the manifest, put last, is locked like the others. So a runpack that a store locks in one
 * request with the object is never complete and unlocked. Of a store that locks right after, a
 * crash between the two can leave the manifest alone unlocked: what is told as stored is not, and
 * si_locks_extend, or si_runpack_copy, locks it. One that is incomplete may have parts that are
 * locked. An export that is repeated finds
 * those, reads them, and keeps them where they are what it would put (RUNPACK_LOCKED else). Memory:
 * a few blocks, and the table of what was stored. One thread calls.
 */
#ifndef SI_CORE_RUNPACK_EXPORT_H
#define SI_CORE_RUNPACK_EXPORT_H

#include <stdbool.h>

#include "core/runpack/lock.h"
#include "core/runpack/manifest.h"
#include "core/runpack/store.h"

struct si_export_options {
  const char *tenant;
  const char *namespace_id;
  const char *scenario;
  const char *run;
  uint32_t flags;              /* SI_KEY_OPERATION */
  uint64_t max_artifact_bytes; /* 0 = 16 MiB */
  enum si_generated generated;
  int64_t generated_value; /* milliseconds since 1970, or the caller's own count; 0 to 2^53 */
  const char *si_version;  /* NULL: the manifest tells no provenance */
  const struct si_plugin_ref *plugins;
  size_t plugin_count; /* the strings must live until finish */
  /* The secret Ed25519 key that signs the manifest, SI_SIGN_KEY bytes that live until finish; NULL:
   * it is not signed. */
  const uint8_t *sign_key;
  /* Everything is put under this lock, and artifacts/compliance.json tells of it; NULL: no lock. It
   * must live until finish. */
  const struct si_lock_terms *lock;
  /* After every artifact; NULL to hear nothing. */
  void (*progress)(void *ctx, uint64_t artifacts, uint64_t bytes);
  void *ctx;
};

enum si_artifact_from { SI_FROM_MEMORY = 0, SI_FROM_FILE = 1, SI_FROM_FD = 2 };

struct si_artifact {
  const char *name;         /* below artifacts/: "logs/web.txt" */
  const char *kind;         /* NULL: "custom" */
  const char *content_type; /* NULL: "application/octet-stream" */
  bool required;
  enum si_artifact_from from;
  const void *data; /* SI_FROM_MEMORY: len bytes */
  size_t len;
  int fd;  /* SI_FROM_FD: a regular file, read from its beginning to its end */
  int dir; /* SI_FROM_FILE: `file` below this directory; links are refused */
  const char *file;
};

struct si_export_result {
  char prefix[SI_KEY_SIZE];
  char manifest_sha256[SI_SHA256_HEX];
  uint64_t artifacts; /* the spec is one of them */
  uint64_t bytes;     /* of artifacts */
  struct si_store_lock
      lock;        /* as asked for, and read back; mode SI_LOCK_NONE without options.lock */
  int64_t skew_ms; /* this machine's clock is ahead of the store's by so much; 0 = unknown */
};

struct si_export;

/* Checks the ids, makes the spec canonical (it becomes artifacts/spec.json, its SHA-256 the spec
 * hash) and looks whether the runpack is there already: RUNPACK_EXISTS (SI_E_EXISTS). Under lock:
 * the codes of si_lock_begin, before anything is put. */
si_rc si_export_begin(struct si_store *store, const struct si_export_options *options,
                      const char *spec_json, size_t len, struct si_export **out,
                      struct si_error *error) SI_MUST_USE;

/* Streams one artifact into the store. After a failure the export cannot be finished. Errors of
 * its own: RUNPACK_ARTIFACT_INVALID (name, kind, content type, not a regular file),
 * RUNPACK_ARTIFACT_TOO_LARGE, RUNPACK_ARTIFACT_CHANGED (its length, while it was read); the target
 * is the artifact's path. */
si_rc si_export_add(struct si_export *e, const struct si_artifact *artifact,
                    struct si_error *error) SI_MUST_USE;

/* The same for a file (SI_FROM_FILE), which is read on another thread: returns once it waits for
 * its turn. What the artifact points to must live until si_export_settle has returned; a failure
 * shows here or at a later call. Many files, small ones above all, go faster than one by one. */
si_rc si_export_queue(struct si_export *e, const struct si_artifact *artifact,
                      struct si_error *error) SI_MUST_USE;
/* Returns once every queued artifact was read and is on its way into the store. */
si_rc si_export_settle(struct si_export *e, struct si_error *error) SI_MUST_USE;

/* Waits for every artifact, then writes the manifest. RUNPACK_DUPLICATE: a name was added twice;
 * RUNPACK_LEFTOVERS: an earlier, unfinished export left objects that this one does not have;
 * RUNPACK_EXISTS: another export was first. */
si_rc si_export_finish(struct si_export *e, struct si_export_result *result,
                       struct si_error *error) SI_MUST_USE;

void si_export_free(struct si_export **e); /* for SI_AUTO */

#endif
