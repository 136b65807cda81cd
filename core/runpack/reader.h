/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/reader.h - reads manifest v1 as it streams by and holds its parts against each
 * other, in 52 bytes an artifact plus its path. Depends on canon.h, table.h. One thread.
 *
 * Two kinds of fault. What cannot be understood (not canonical JSON, a field missing or of the
 * wrong type, an invalid path) ends the reading with MANIFEST_INVALID. What is understood and
 * wrong (a duplicate, a hash that two places tell differently, an unknown version) goes to
 * `problem`, and reading goes on. Unknown fields are allowed: the manifest's hash covers them.
 */
#ifndef SI_CORE_RUNPACK_READER_H
#define SI_CORE_RUNPACK_READER_H

#include "core/runpack/canon.h"
#include "core/runpack/key.h"
#include "core/runpack/signature.h"
#include "core/runpack/table.h"

/* One fault; artifact is its path, or "" where none is meant. */
typedef void (*si_manifest_problem)(void *ctx, const char *code, const char *artifact,
                                    const char *message);

struct si_manifest {
  struct si_runpack_ids ids; /* integers are told by their digits */
  char version[32];
  char hash_algorithm[32];
  char verifier_mode[32];
  char generated_kind[16];
  int64_t generated_value;
  char root_hash[SI_SHA256_HEX]; /* as it claims */
  char signature_algorithm[32];
  struct si_signature signature;     /* as it claims; key "" where it has none */
  char signed_sha256[SI_SHA256_HEX]; /* of the manifest without its signature */
  struct si_table artifacts;         /* sorted */
};

struct si_manifest_reader;

/* Begins; *manifest must live as long as the reader, and is freed by si_manifest_free. */
si_rc si_manifest_reader_new(struct si_manifest *manifest, si_manifest_problem problem, void *ctx,
                             struct si_manifest_reader **out) SI_MUST_USE;
si_rc si_manifest_reader_feed(struct si_manifest_reader *reader, const void *data, size_t len,
                              struct si_error *error) SI_MUST_USE;
/* The manifest ends here. After SI_OK *manifest is whole. */
si_rc si_manifest_reader_end(struct si_manifest_reader *reader, struct si_error *error) SI_MUST_USE;
void si_manifest_reader_free(struct si_manifest_reader **reader); /* for SI_AUTO */
void si_manifest_free(struct si_manifest *manifest);

#endif
