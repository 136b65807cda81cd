/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/verify.h - is this runpack what was exported? Needs a store and nothing else: no
 * state, no clock, no network of its own. Every artifact is read again and hashed here; the store
 * is believed for nothing. Depends on store.h, report.h.
 *
 * Held against each other: the manifest's bytes against their canonical form, its ids against the
 * key prefix, the spec artifact against spec_hash, artifacts against file_hashes both ways,
 * root_hash, every artifact's bytes against its hash, the store's listing against the manifest, and
 * the signature, where there is one, against the manifest. A missing artifact fails, whatever its
 * `required` says: the manifest vouches for all it names. A signature by a key that nobody trusts
 * proves nothing, and is no fault.
 *
 * Memory: the store's buffers, one table (reader.h: less than 48 MiB, whatever the manifest says),
 * and the report. One thread calls.
 */
#ifndef SI_CORE_RUNPACK_VERIFY_H
#define SI_CORE_RUNPACK_VERIFY_H

#include "core/runpack/report.h"
#include "core/runpack/signature.h"
#include "core/runpack/store.h"

#define SI_ARTIFACT_MAX_DEFAULT (16ull << 20) /* bytes an artifact */
#define SI_MANIFEST_SHOW_MAX (64ull << 20)    /* bytes of a manifest that is shown, as a whole */

/* What a pass has to rest on. */
enum si_require { SI_REQUIRE_NOTHING = 0, SI_REQUIRE_SIGNED, SI_REQUIRE_ANCHORED };

struct si_verify_options {
  uint64_t max_artifact_bytes;   /* 0 = the default */
  const struct si_key_set *keys; /* that the caller trusts; or NULL */
  enum si_require require;
  /* Of the manifest that was put there a moment ago: it must be there, and no other. NULL: any. */
  const char *manifest_sha256;
  /* Does a manifest of this hash stand in an audit chain? Asked once; NULL: no chain is known. A
   * failure is returned by the verification. */
  si_rc (*anchored)(void *ctx, const char manifest_sha256[SI_SHA256_HEX], bool *found,
                    struct si_error *error);
  /* After every artifact; NULL to hear nothing. */
  void (*progress)(void *ctx, uint64_t done, uint64_t total, uint64_t bytes);
  void *ctx;
};

/*
 * Verifies the runpack below `prefix` ("": the store's root is the runpack, as in a copied
 * directory; what does not have a prefix's shape has an unknown placement). Returns
 * - SI_OK: pass.
 * - SI_E_CORRUPT: fail. RUNPACK_VERIFY_FAILED, its target the path of the first faulty artifact;
 *   RUNPACK_INCOMPLETE where there are objects but no manifest.
 * - SI_E_NOT_FOUND, RUNPACK_NOT_FOUND: nothing is there (with manifest_sha256 that is a failure).
 * - any other: the store could not be asked; there is no verdict.
 *
 * *report is filled for SI_OK and SI_E_CORRUPT; start from SI_VERIFY_REPORT, free it always.
 */
si_rc si_runpack_verify(struct si_store *store, const char *prefix,
                        const struct si_verify_options *options, struct si_verify_report *report,
                        struct si_error *error) SI_MUST_USE;

/* Reads the manifest's bytes as they are, unjudged; *out bounds them. RUNPACK_INCOMPLETE
 * (SI_E_NOT_FOUND) where there is none. */
si_rc si_runpack_manifest(struct si_store *store, const char *prefix, struct si_buf *out,
                          struct si_error *error) SI_MUST_USE;

#endif
