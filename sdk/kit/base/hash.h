/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/base/hash.h - SHA-256, from OpenSSL's libcrypto. An algorithm is fetched once a process, at
 * the first use: programs that only read never pay for it. A hasher is not shared by threads.
 */
#ifndef SI_KIT_BASE_HASH_H
#define SI_KIT_BASE_HASH_H

#include "kit/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SI_SHA256_SIZE 32
#define SI_SHA256_HEX 65 /* with the NUL */

struct si_hasher {
  void *context; /* libcrypto's; NULL before the first start */
};

/* Begins a hash; a hasher can be started again and again. */
si_rc si_hasher_start(struct si_hasher *hasher) SI_MUST_USE;
si_rc si_hasher_add(struct si_hasher *hasher, const void *data, size_t len) SI_MUST_USE;
/* Writes the lower-case hex digest. */
si_rc si_hasher_end(struct si_hasher *hasher, char hex[SI_SHA256_HEX]) SI_MUST_USE;
void si_hasher_free(struct si_hasher *hasher);

si_rc si_sha256_hex(const void *data, size_t len, char hex[SI_SHA256_HEX]) SI_MUST_USE;
/* The rest of an open file, from its present offset. */
si_rc si_sha256_fd(int fd, char hex[SI_SHA256_HEX]) SI_MUST_USE;
/* Is it 64 lower-case hex digits? */
int si_sha256_hex_valid(const char *hex);

#define SI_MD5_BASE64 25 /* with the NUL */

/* MD5 in base64, as the header Content-MD5 has it: it finds bits that flipped on the way, and
 * proves nothing against people. */
si_rc si_md5_base64(const void *data, size_t len, char to[SI_MD5_BASE64]) SI_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
