/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/export_impl.h - what export.c and export_queue.c share: the export itself. Private
 * to core/runpack.
 */
#ifndef SI_CORE_RUNPACK_EXPORT_IMPL_H
#define SI_CORE_RUNPACK_EXPORT_IMPL_H

#include "core/runpack/export.h"

struct si_export {
  struct si_store *store;
  struct si_export_options options;
  struct si_runpack_ids ids;
  char prefix[SI_KEY_SIZE];
  uint64_t cap;
  uint64_t bytes;
  struct si_table table;
  struct si_hasher hasher;
  char *block;  /* what is hashed and put never lies where another process could write */
  uint64_t put; /* the object open */
  bool leftovers;
  struct si_lock_ground ground; /* under lock: what si_lock_begin found */
  bool keeping;                 /* the object at hand is there already: it is hashed, and not put */
  si_rc status;                 /* the first failure: nothing can follow it */
  struct si_queue *queue;       /* export_queue.c's; NULL before its first use */
};

/* --- export.c --- */

/* "artifacts/" and the artifact's name, with all that can be said of it before it is read. */
si_rc si_export_path(struct si_export *e, const struct si_artifact *artifact,
                     char path[SI_KEY_SIZE], struct si_error *error) SI_MUST_USE;
const char *si_export_content_type(const struct si_artifact *artifact);
/* It is stored: tells the table and whoever listens. */
si_rc si_export_record(struct si_export *e, const struct si_artifact *artifact, const char *path,
                       uint32_t marks, uint64_t length, const char hex[SI_SHA256_HEX],
                       struct si_error *error) SI_MUST_USE;
/* Both return the status, and name the path as what failed. */
si_rc si_export_refuse(struct si_error *error, si_rc status, const char *code, const char *path,
                       const char *why);
si_rc si_export_too_large(const struct si_export *e, const char *path, struct si_error *error);

/* --- export_lock.c --- */

/* Looks at what is there, and sets the store to lock. */
si_rc si_export_lock_begin(struct si_export *e, struct si_error *error) SI_MUST_USE;
/* compliance.json, the last artifact. */
si_rc si_export_lock_tell(struct si_export *e, struct si_error *error) SI_MUST_USE;

/* --- export.c, for that --- */
si_rc si_export_exists(const struct si_export *e, struct si_error *error);
si_rc si_export_put(struct si_export *e, const struct si_artifact *artifact, const char *path,
                    uint32_t marks, struct si_error *error) SI_MUST_USE;

/* --- export_queue.c --- */
void si_export_queue_free(struct si_export *e);

#endif
