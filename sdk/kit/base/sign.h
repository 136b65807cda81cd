/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/base/sign.h - Ed25519 signatures (RFC 8032) from OpenSSL's libcrypto, and their keys as PEM
 * texts, as `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` write them (RFC 8410).
 * Signing the same message with the same key gives the same bytes. Thread-safe. SI_E_INTERNAL
 * where libcrypto lacks the algorithm.
 */
#ifndef SI_KIT_BASE_SIGN_H
#define SI_KIT_BASE_SIGN_H

#include "kit/base/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SI_SIGN_KEY 32  /* bytes of a secret key (its seed), and of a public one */
#define SI_SIGNATURE 64 /* bytes */

/* The public key of a secret one. */
si_rc si_sign_public(const uint8_t secret[SI_SIGN_KEY], uint8_t to[SI_SIGN_KEY]) SI_MUST_USE;
si_rc si_sign(const uint8_t secret[SI_SIGN_KEY], const void *message, size_t len,
              uint8_t to[SI_SIGNATURE]) SI_MUST_USE;
/* SI_E_CORRUPT where the signature is not that key's for that message. */
si_rc si_sign_verify(const uint8_t key[SI_SIGN_KEY], const void *message, size_t len,
                     const uint8_t signature[SI_SIGNATURE]) SI_MUST_USE;

/* Append a PEM text; that of a secret key belongs into a SI_SECRET_BUF. */
si_rc si_sign_secret_pem(const uint8_t secret[SI_SIGN_KEY], struct si_buf *out) SI_MUST_USE;
si_rc si_sign_public_pem(const uint8_t key[SI_SIGN_KEY], struct si_buf *out) SI_MUST_USE;
/* Reads the first secret key of a text. SI_E_INVALID: there is none, or it is no plain Ed25519. */
si_rc si_sign_read_secret(const char *text, uint8_t to[SI_SIGN_KEY]) SI_MUST_USE;
/* Reads the next public key of a text and moves *text behind it. SI_E_NOT_FOUND: no more;
 * SI_E_INVALID as above. Text around the keys is passed over. */
si_rc si_sign_read_public(const char **text, uint8_t to[SI_SIGN_KEY]) SI_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
