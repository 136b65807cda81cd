/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/copy.h - a runpack from one store to another, byte for byte, to the place that its
 * ids say. Nothing is copied that does not verify, and nothing counts as copied before it was read
 * back: the source is verified in full, every artifact is held against the manifest again as it
 * passes, the manifest is created last, and the copy is verified in full. Depends on store.h,
 * verify.h.
 *
 * Under lock (options.lock) every object is locked in the destination as it is put; what is there
 * already, of an attempt that did not end or of the whole runpack, is read, kept, and locked.
 *
 * An interrupted copy is an incomplete runpack, which repeating it completes. Memory: one block and
 * the manifest's table, plus eight bytes an artifact. One thread.
 */
#ifndef SI_CORE_RUNPACK_COPY_H
#define SI_CORE_RUNPACK_COPY_H

#include "core/runpack/lock.h"
#include "core/runpack/verify.h"

enum si_copy_stage { SI_COPY_VERIFY_SOURCE = 0, SI_COPY_COPY, SI_COPY_VERIFY_COPY };

struct si_copy_options {
  uint64_t max_artifact_bytes;      /* 0 = the default */
  const struct si_lock_terms *lock; /* in the destination; NULL: none */
  /* After every artifact of a stage; NULL to hear nothing. */
  void (*progress)(void *ctx, enum si_copy_stage stage, uint64_t done, uint64_t total);
  void *ctx;
};

struct si_copy_result {
  char prefix[SI_KEY_SIZE]; /* in the destination */
  char manifest_sha256[SI_SHA256_HEX];
  uint64_t artifacts;
  uint64_t bytes;            /* of artifacts */
  bool already;              /* it was there before, byte for byte: verified, and nothing written */
  struct si_store_lock lock; /* mode SI_LOCK_NONE without options.lock */
  int64_t skew_ms; /* this machine's clock is ahead of the destination's by so much; 0 = unknown */
};

/*
 * Copies the runpack at `prefix` of `from` ("" as in verify.h) to `to`. Errors of its own:
 *   RUNPACK_EXISTS (SI_E_EXISTS)          another runpack is complete at that place
 *   RUNPACK_LEFTOVERS (SI_E_CONFLICT)     an unfinished one has an object that this one has not;
 *                                         target = its path
 *   RUNPACK_COPY_CHANGED (SI_E_CONFLICT)  the source is not what was verified a moment before;
 *                                         target = the artifact's path
 *   RUNPACK_LOCKED (SI_E_RETENTION)       it has other content, and is locked
 * and those of si_lock_begin before anything is put, of verification, of the source or, with
 * nothing more to be done, of the copy (SI_E_CORRUPT; the stage tells which: "source" or "copy").
 * *result is written on success alone.
 */
si_rc si_runpack_copy(struct si_store *from, const char *prefix, struct si_store *to,
                      const struct si_copy_options *options, struct si_copy_result *result,
                      struct si_error *error) SI_MUST_USE;

#endif
