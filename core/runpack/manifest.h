/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/manifest.h - writes manifest v1 as canonical JSON (RFC 8785, no newline at the end):
 * what ran, which artifacts belong to it, and their hashes. It is written piece by piece from a
 * table, so that its size costs no memory; the same input gives the same bytes. Depends on
 * sdk/kit/base.
 *
 *   {"artifacts":[{"artifact_id","content_type","hash":{"algorithm","value"},"kind","path",
 *    "required"}],"generated_at":{"kind","value"},"hash_algorithm":"sha256","integrity":
 *    {"file_hashes":[{"hash","path"}],"root_hash"},"manifest_version":"v1","namespace_id",
 *    "provenance":{"plugins":[{"id","sha256","version"}],"si":{"version"}},"run_id","scenario_id",
 *    "signature":{"algorithm","key","value"},"spec_hash","tenant_id",
 *    "verifier_mode":"offline_strict"}
 *
 * Both arrays are sorted by path. root_hash is the SHA-256 of the canonical file_hashes array.
 */
#ifndef SI_CORE_RUNPACK_MANIFEST_H
#define SI_CORE_RUNPACK_MANIFEST_H

#include "core/runpack/key.h"
#include "core/runpack/signature.h"
#include "core/runpack/table.h"

#define SI_MANIFEST_VERSION "v1"
#define SI_MANIFEST_MAX (256ull << 20)    /* bytes; it is streamed */
#define SI_MANIFEST_ARTIFACTS_MAX 400000u /* entries */
#define SI_MANIFEST_TEXTS_MAX (24u << 20) /* bytes of their paths, kinds and types in a table */

/* How the time of a runpack is told. */
enum si_generated { SI_GENERATED_UNIX_MILLIS = 0, SI_GENERATED_LOGICAL = 1 };

struct si_plugin_ref {
  const char *id;
  const char *version;
  const char *sha256; /* lower-case hex */
};

struct si_manifest_head {
  const struct si_runpack_ids *ids;
  enum si_generated generated;
  int64_t generated_value; /* 0 to 2^53 */
  const char *si_version;  /* NULL: no provenance at all */
  const struct si_plugin_ref *plugins;
  size_t plugin_count;
  const struct si_signature *signature; /* NULL: the manifest has none */
};

typedef si_rc (*si_manifest_put)(void *ctx, const void *data, size_t len, struct si_error *error);

/* The root hash of a sorted table. */
si_rc si_manifest_root(const struct si_table *artifacts, char hex[SI_SHA256_HEX]) SI_MUST_USE;
/* Hands the manifest's bytes to `put`, in blocks. The table must be sorted. */
si_rc si_manifest_write(const struct si_manifest_head *head, const struct si_table *artifacts,
                        const char root[SI_SHA256_HEX], si_manifest_put put, void *ctx,
                        struct si_error *error) SI_MUST_USE;

/* One of the kinds of artifact that v1 knows: "scenario_spec", ..., "custom". */
int si_manifest_kind_valid(const char *kind);
/* type "/" subtype, then printable ASCII; at most 255 bytes. */
int si_manifest_content_type_valid(const char *content_type);

#endif
