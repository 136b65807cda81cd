/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/copy_impl.h - what copy.c (the order of things, and the two judgements) and
 * copy_pass.c (the bytes on their way) share. Private to core/runpack.
 */
#ifndef SI_CORE_RUNPACK_COPY_IMPL_H
#define SI_CORE_RUNPACK_COPY_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/runpack/copy.h"
#include "core/runpack/reader.h"

enum { SI_COPY_BLOCK = 128 * 1024, SI_COPY_LANES = 8 };

/* One object on its way. Its bytes may come on any thread of the source's, one call at a time. */
struct si_copy_lane {
  struct si_copying *copy;
  const char *path;
  const char *content_type;
  uint32_t flags; /* SI_PUT_* */
  uint64_t length;
  uint64_t got;
  struct si_hasher hasher;
  char *block; /* what is hashed and put never lies where another process could write */
  bool begun;
  bool put; /* it is open in `to`, as put_id */
  uint64_t put_id;
  bool ended;
};

struct si_copying {
  struct si_store *from;
  struct si_store *to;
  const char *prefix; /* in `from` */
  const struct si_copy_options *options;
  struct si_copy_result result;
  struct si_manifest manifest;
  struct si_manifest_reader *reader;
  uint64_t *lengths; /* of the artifacts, by their place in the table; UINT64_MAX: not listed */
  uint64_t manifest_length;
  struct si_copy_lane lanes[SI_COPY_LANES];
  size_t copied;        /* artifacts */
  pthread_mutex_t lock; /* of `to`, and of the failure */
  _Atomic si_rc status; /* the first failure; nothing is copied after it */
  struct si_error why;
  /* What the destination holds. */
  bool complete;
  struct si_lock_ground ground; /* under lock */
  char leftover[SI_KEY_SIZE];
};

/* Each records a failure, where it is the first, and returns the first one's status. */
si_rc si_copy_fail(struct si_copying *c, si_rc status, const struct si_error *error);
si_rc si_copy_hash_failed(struct si_copying *c, si_rc status);
si_rc si_copy_exists(struct si_copying *c);

/* --- copy_pass.c --- */

/* Gets one object of `prefix` in `store` on a lane of its own, which is handed to the callbacks
 * with its hasher started, and waits for its end. */
si_rc si_copy_get(struct si_copying *c, struct si_store *store, const char *prefix,
                  struct si_copy_lane *lane, si_store_data on_data,
                  si_store_end on_end) SI_MUST_USE;
/* The source's manifest, which must have the hash that was verified, into the table. */
si_rc si_copy_read_manifest(struct si_copying *c) SI_MUST_USE;
/* Under lock: what the destination has is held against the manifest, and locked; `whole`: the
 * manifest too. */
si_rc si_copy_keep(struct si_copying *c, bool whole) SI_MUST_USE;
/* Every artifact, then the manifest. */
si_rc si_copy_artifacts(struct si_copying *c) SI_MUST_USE;
si_rc si_copy_manifest(struct si_copying *c) SI_MUST_USE;

#endif
