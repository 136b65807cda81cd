/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/attest.h - a signed statement on how a runpack is locked (R55): what was verified,
 * and what the store told of every object's lock at one moment. Depends on locks.h, signature.h.
 *
 * Canonical JSON (RFC 8785), one line:
 *   {"all_locked","clock":{"local","skew_ms","store"},"earliest_until","key","made_at",
 *    "manifest_sha256","markers","objects":[{"held","key","mode","sha256"?,"until","version"}],
 *    "old_versions","runpack","schema":"si.attestation/1","si":{"version"},"signature":{"algorithm":
 *    "ed25519","key","value"},"storage_uri","store":{},"weakest_mode"}
 * Objects are those that a reader gets. The signature is over the text
 * "si.attestation/1 sha256:<64 hex digits>", the digits being the SHA-256 of the canonical form
 * without "signature".
 */
#ifndef SI_CORE_RUNPACK_ATTEST_H
#define SI_CORE_RUNPACK_ATTEST_H

#include "core/runpack/locks.h"
#include "core/runpack/signature.h"

#define SI_ATTESTATION "si.attestation/1"
#define SI_ATTESTATION_MAX (256u << 20)

struct si_attest_facts {
  const struct si_locks *locks;
  const char *manifest_sha256;
  const cJSON *manifest;   /* tells the artifacts' hashes */
  const char *storage_uri; /* "": the store tells none */
  const char *si_version;
  int64_t made_ms;
};

/* Appends the statement. ATTEST_FAILED. */
si_rc si_attest_make(const struct si_attest_facts *facts, const uint8_t secret[SI_SIGN_KEY],
                     struct si_buf *out, struct si_error *error) SI_MUST_USE;

/* Is it such a statement, to the byte (a newline at its end is passed over), and does its signature
 * hold? *statement is the caller's, signer[] the key that signed. SI_E_CORRUPT: ATTESTATION_INVALID
 * (no statement), ATTESTATION_SIGNATURE (not what was signed). */
si_rc si_attest_check(const char *text, size_t len, cJSON **statement, char signer[SI_SHA256_HEX],
                      struct si_error *error) SI_MUST_USE;

/* Are the same versions for a reader now as then? RUNPACK_CHANGED (SI_E_CONFLICT): what was
 * verified in between may be another's. */
si_rc si_attest_same(const struct si_locks *before, const struct si_locks *after,
                     struct si_error *error) SI_MUST_USE;

#endif
