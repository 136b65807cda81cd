/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/signature.h - the signature of a manifest: Ed25519 over the ASCII text
 *
 *   si.runpack/v1 manifest sha256:<64 hex digits>
 *
 * (no newline), the digits being the SHA-256 of the canonical manifest without its member
 * "signature". In the manifest: {"algorithm":"ed25519","key":<64 hex>,"value":<128 hex>}. What is
 * signed is a hash, so that neither side holds a manifest of 256 MiB in memory. Depends on
 * kit/base/sign.h. One thread.
 */
#ifndef SI_CORE_RUNPACK_SIGNATURE_H
#define SI_CORE_RUNPACK_SIGNATURE_H

#include "kit/base/hash.h"
#include "kit/base/sign.h"

#define SI_SIGNATURE_ALGORITHM "ed25519"
#define SI_SIGNATURE_HEX (2 * SI_SIGNATURE + 1) /* with the NUL */

struct si_signature {
  char key[SI_SHA256_HEX]; /* the public key; "" = there is no signature */
  char value[SI_SIGNATURE_HEX];
};

si_rc si_signature_make(const uint8_t secret[SI_SIGN_KEY], const char sha256[SI_SHA256_HEX],
                        struct si_signature *out) SI_MUST_USE;
/* SI_E_CORRUPT where it is not that key's signature of that hash, or no signature at all. */
si_rc si_signature_check(const struct si_signature *signature,
                         const char sha256[SI_SHA256_HEX]) SI_MUST_USE;

/* The same over the text "<what> sha256:<64 hex digits>", of which a manifest's is one: a signature
 * made for one thing is none for another. `what` has at most 40 bytes. */
si_rc si_signature_make_for(const char *what, const uint8_t secret[SI_SIGN_KEY],
                            const char sha256[SI_SHA256_HEX], struct si_signature *out) SI_MUST_USE;
si_rc si_signature_check_for(const char *what, const struct si_signature *signature,
                             const char sha256[SI_SHA256_HEX]) SI_MUST_USE;

/* Public keys that somebody trusts, as hex. Start from zero, free always. */
#define SI_KEY_SET_MAX 1024u

struct si_key_set {
  char (*keys)[SI_SHA256_HEX];
  size_t count;
};

/* SI_E_INVALID: no 64 lower-case hex digits; SI_E_QUOTA: one too many. */
si_rc si_key_set_add(struct si_key_set *set, const char *key) SI_MUST_USE;
bool si_key_set_has(const struct si_key_set *set, const char *key);
void si_key_set_free(struct si_key_set *set); /* for SI_AUTO */

/* The hash of a manifest that streams by, without one range of its bytes. The range may be named
 * up to SI_GAP_BEHIND bytes behind what was fed. */
#define SI_GAP_BEHIND 16

struct si_gap_hasher {
  struct si_hasher hasher;
  uint64_t fed;
  uint64_t from, to; /* the gap: bytes from (with) to to (without); none where both are 0 */
  unsigned char carry[SI_GAP_BEHIND]; /* the last bytes fed, not hashed yet */
  size_t carried;
};

si_rc si_gap_start(struct si_gap_hasher *gap) SI_MUST_USE;
si_rc si_gap_add(struct si_gap_hasher *gap, const void *data, size_t len) SI_MUST_USE;
si_rc si_gap_end(struct si_gap_hasher *gap, char hex[SI_SHA256_HEX]) SI_MUST_USE;
void si_gap_free(struct si_gap_hasher *gap);

#endif
