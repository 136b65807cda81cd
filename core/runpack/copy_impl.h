/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/copy_impl.h - what copy.c (the order of things, and the two judgements) and
 * copy_pass.c (the bytes on their way) share. Private to core/runpack.
 */
#ifndef SI_CORE_RUNPACK_COPY_IMPL_H
#define SI_CORE_RUNPACK_COPY_IMPL_H

#include "core/runpack/copy.h"
#include "core/runpack/reader.h"

enum { SI_COPY_BLOCK = 128 * 1024 };

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
  struct si_hasher hasher;
  char *block;
  /* The object that `from` is delivering. */
  size_t current;
  bool put; /* it is open in `to` */
  uint64_t got;
  si_rc status; /* the first failure; nothing is copied after it */
  struct si_error why;
  /* What the destination holds. */
  bool complete;
  char leftover[SI_KEY_SIZE];
};

/* Each records a failure, where it is the first, and returns the first one's status. */
si_rc si_copy_fail(struct si_copying *c, si_rc status, const struct si_error *error);
si_rc si_copy_hash_failed(struct si_copying *c, si_rc status);
si_rc si_copy_exists(struct si_copying *c);

/* --- copy_pass.c --- */

/* Gets one object of `prefix` in `store`, hashes what on_data is given, and waits for its end. */
si_rc si_copy_get(struct si_copying *c, struct si_store *store, const char *prefix,
                  const char *path, si_store_data on_data, si_store_end on_end) SI_MUST_USE;
/* The source's manifest, which must have the hash that was verified, into the table. */
si_rc si_copy_read_manifest(struct si_copying *c) SI_MUST_USE;
/* Every artifact, then the manifest. */
si_rc si_copy_artifacts(struct si_copying *c) SI_MUST_USE;
si_rc si_copy_manifest(struct si_copying *c) SI_MUST_USE;

#endif
