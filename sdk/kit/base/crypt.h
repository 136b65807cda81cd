/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/base/crypt.h - the few primitives that secrets are sealed with, from OpenSSL's libcrypto.
 * What is used is fetched once a process, at the first use: programs that never seal do not pay.
 * Thread-safe. SI_E_INTERNAL where libcrypto lacks an algorithm, SI_E_NOMEM where memory is short.
 */
#ifndef SI_KIT_BASE_CRYPT_H
#define SI_KIT_BASE_CRYPT_H

#include <stdbool.h>

#include "kit/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SI_KEY_SIZE 32 /* keys of X25519 and ChaCha20-Poly1305, and HMAC-SHA256's output */
#define SI_NONCE_SIZE 12
#define SI_TAG_SIZE 16

/* Bytes of the kernel's random source. SI_E_IO. */
si_rc si_random_bytes(void *to, size_t len) SI_MUST_USE;
/* Overwrites memory; never optimised away. */
void si_wipe(void *data, size_t len);
/* Are the two the same? The time it takes depends on `len` alone. */
bool si_same_bytes(const void *a, const void *b, size_t len);

/* The public key of a secret one (RFC 7748). */
si_rc si_x25519_public(const uint8_t secret[SI_KEY_SIZE], uint8_t to[SI_KEY_SIZE]) SI_MUST_USE;
/* The shared secret. SI_E_REFUSED where it is all zero: the peer's key is of low order. */
si_rc si_x25519_shared(const uint8_t secret[SI_KEY_SIZE], const uint8_t peer[SI_KEY_SIZE],
                       uint8_t to[SI_KEY_SIZE]) SI_MUST_USE;

si_rc si_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                     uint8_t to[SI_KEY_SIZE]) SI_MUST_USE;
/* RFC 5869; salt NULL: none. At most 255 * 32 bytes (SI_E_INVALID). */
si_rc si_hkdf_sha256(const void *key, size_t key_len, const void *salt, size_t salt_len,
                     const void *info, size_t info_len, void *to, size_t len) SI_MUST_USE;
/* RFC 7914 with N = 2^log_n; takes 128 * r * N bytes of memory. SI_E_INVALID out of bounds
 * (log_n 1 to 24, r 1 to 32, p 1 to 16), SI_E_NOMEM. */
si_rc si_scrypt(const void *password, size_t password_len, const void *salt, size_t salt_len,
                unsigned log_n, unsigned r, unsigned p, void *to, size_t len) SI_MUST_USE;

/* ChaCha20-Poly1305 (RFC 8439). Writes len + SI_TAG_SIZE bytes. `to` may be `plain`. Lengths up to
 * 2^30 (SI_E_INVALID). */
si_rc si_aead_seal(const uint8_t key[SI_KEY_SIZE], const uint8_t nonce[SI_NONCE_SIZE],
                   const void *ad, size_t ad_len, const void *plain, size_t len,
                   void *to) SI_MUST_USE;
/* Writes len - SI_TAG_SIZE bytes; SI_E_CORRUPT, and `to` wiped, where the tag does not fit. `to`
 * may be `sealed`. */
si_rc si_aead_open(const uint8_t key[SI_KEY_SIZE], const uint8_t nonce[SI_NONCE_SIZE],
                   const void *ad, size_t ad_len, const void *sealed, size_t len,
                   void *to) SI_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
