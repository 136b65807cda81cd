/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/crypt.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#define LEN_MAX (1u << 30)

/* An implicit fetch at each use costs several times the work itself. HMAC keeps its digest in the
 * context: one is made, and copied. libcrypto frees neither in time for its own leak check, so
 * they are kept reachable here. */
static EVP_CIPHER *chacha;
static EVP_MAC_CTX *hmac;
static EVP_KDF *scrypt;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void fetch(void) {
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  chacha = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
  scrypt = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
  EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
  hmac = mac ? EVP_MAC_CTX_new(mac) : NULL;
  EVP_MAC_free(mac);
  if (hmac && !EVP_MAC_CTX_set_params(hmac, params)) {
    EVP_MAC_CTX_free(hmac);
    hmac = NULL;
  }
}

si_rc si_random_bytes(void *to, size_t len) {
  unsigned char *p = to;
  while (len > 0) {
    ssize_t n = getrandom(p, len, 0);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return SI_E_IO;
    }
    p += n;
    len -= (size_t)n;
  }
  return SI_OK;
}

void si_wipe(void *data, size_t len) {
  if (data) {
    OPENSSL_cleanse(data, len);
  }
}

bool si_same_bytes(const void *a, const void *b, size_t len) {
  return CRYPTO_memcmp(a, b, len) == 0;
}

/* --- X25519 --- */

static void free_key(EVP_PKEY **key) {
  EVP_PKEY_free(*key);
}

static void free_context(EVP_PKEY_CTX **context) {
  EVP_PKEY_CTX_free(*context);
}

si_rc si_x25519_public(const uint8_t secret[SI_KEY_SIZE], uint8_t to[SI_KEY_SIZE]) {
  EVP_PKEY *key SI_AUTO(free_key) =
      EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, secret, SI_KEY_SIZE);
  size_t len = SI_KEY_SIZE;
  if (!key) {
    return SI_E_INTERNAL;
  }
  return EVP_PKEY_get_raw_public_key(key, to, &len) == 1 && len == SI_KEY_SIZE ? SI_OK
                                                                               : SI_E_INTERNAL;
}

si_rc si_x25519_shared(const uint8_t secret[SI_KEY_SIZE], const uint8_t peer[SI_KEY_SIZE],
                       uint8_t to[SI_KEY_SIZE]) {
  static const uint8_t zero[SI_KEY_SIZE];
  uint8_t shared[SI_KEY_SIZE];
  size_t len = sizeof shared;
  EVP_PKEY *own SI_AUTO(free_key) =
      EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, secret, SI_KEY_SIZE);
  EVP_PKEY *other SI_AUTO(free_key) =
      EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, peer, SI_KEY_SIZE);
  EVP_PKEY_CTX *context SI_AUTO(free_context) =
      own ? EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL) : NULL;
  if (!other || !context || EVP_PKEY_derive_init(context) != 1 ||
      EVP_PKEY_derive_set_peer(context, other) != 1) {
    return SI_E_INTERNAL;
  }
  /* libcrypto itself fails where the result is all zero; it is looked at here all the same. */
  bool done = EVP_PKEY_derive(context, shared, &len) == 1 && len == sizeof shared &&
              !si_same_bytes(shared, zero, sizeof zero);
  if (done) {
    memcpy(to, shared, sizeof shared);
  }
  si_wipe(shared, sizeof shared);
  return done ? SI_OK : SI_E_REFUSED;
}

/* --- HMAC, HKDF, scrypt --- */

static void free_mac(EVP_MAC_CTX **context) {
  EVP_MAC_CTX_free(*context);
}

static void free_kdf(EVP_KDF_CTX **context) {
  EVP_KDF_CTX_free(*context);
}

struct piece {
  const void *data;
  size_t len;
};

static si_rc mac(const void *key, size_t key_len, const struct piece *pieces, size_t count,
                 uint8_t to[SI_KEY_SIZE]) {
  static const unsigned char empty;
  size_t len = 0;
  pthread_once(&fetched, fetch);
  if (!hmac) {
    return SI_E_INTERNAL;
  }
  EVP_MAC_CTX *context SI_AUTO(free_mac) = EVP_MAC_CTX_dup(hmac);
  /* A key of NULL would mean the one from before: there is none. */
  bool done = context && EVP_MAC_init(context, key_len > 0 ? key : &empty, key_len, NULL);
  for (size_t i = 0; done && i < count; i++) {
    done = EVP_MAC_update(context, pieces[i].data, pieces[i].len);
  }
  done = done && EVP_MAC_final(context, to, &len, SI_KEY_SIZE) && len == SI_KEY_SIZE;
  return done ? SI_OK : context ? SI_E_INTERNAL : SI_E_NOMEM;
}

si_rc si_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                     uint8_t to[SI_KEY_SIZE]) {
  const struct piece pieces[] = {{data, len}};
  return mac(key, key_len, pieces, len > 0, to);
}

si_rc si_hkdf_sha256(const void *key, size_t key_len, const void *salt, size_t salt_len,
                     const void *info, size_t info_len, void *to, size_t len) {
  static const uint8_t no_salt[SI_KEY_SIZE];
  uint8_t prk[SI_KEY_SIZE], block[SI_KEY_SIZE];
  if (len > 255 * sizeof block) {
    return SI_E_INVALID;
  }
  si_rc status =
      si_hmac_sha256(salt ? salt : no_salt, salt ? salt_len : sizeof no_salt, key, key_len, prk);
  size_t done = 0;
  for (uint8_t n = 1; status == SI_OK && done < len; n++) {
    const struct piece pieces[] = {{block, n == 1 ? 0 : sizeof block}, {info, info_len}, {&n, 1}};
    status = mac(prk, sizeof prk, pieces, 3, block);
    size_t part = len - done < sizeof block ? len - done : sizeof block;
    if (status == SI_OK) {
      memcpy((uint8_t *)to + done, block, part);
      done += part;
    }
  }
  si_wipe(prk, sizeof prk);
  si_wipe(block, sizeof block);
  if (status != SI_OK) {
    si_wipe(to, len);
  }
  return status;
}

si_rc si_scrypt(const void *password, size_t password_len, const void *salt, size_t salt_len,
                unsigned log_n, unsigned r, unsigned p, void *to, size_t len) {
  if (log_n < 1 || log_n > 24 || r < 1 || r > 32 || p < 1 || p > 16) {
    return SI_E_INVALID;
  }
  pthread_once(&fetched, fetch);
  if (!scrypt) {
    return SI_E_INTERNAL;
  }
  static unsigned char empty;
  uint64_t n = 1ull << log_n, r64 = r, p64 = p, memory = (n + p + 2) * 128 * r + (1u << 20);
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD,
                                        password_len > 0 ? (void *)(uintptr_t)password : &empty,
                                        password_len),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
                                        salt_len > 0 ? (void *)(uintptr_t)salt : &empty, salt_len),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_R, &r64),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_P, &p64),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
      OSSL_PARAM_construct_end(),
  };
  EVP_KDF_CTX *context SI_AUTO(free_kdf) = EVP_KDF_CTX_new(scrypt);
  /* Its parameters are within bounds: what is left to fail is memory. */
  return context && EVP_KDF_derive(context, to, len, params) == 1 ? SI_OK : SI_E_NOMEM;
}

/* --- ChaCha20-Poly1305 --- */

static void free_cipher(EVP_CIPHER_CTX **context) {
  EVP_CIPHER_CTX_free(*context);
}

static si_rc start(EVP_CIPHER_CTX **out, const uint8_t *key, const uint8_t *nonce, const void *ad,
                   size_t ad_len, size_t len, int seal) {
  int n = 0;
  if (ad_len > LEN_MAX || len > LEN_MAX) {
    return SI_E_INVALID;
  }
  pthread_once(&fetched, fetch);
  if (!chacha) {
    return SI_E_INTERNAL;
  }
  EVP_CIPHER_CTX *context SI_AUTO(free_cipher) = EVP_CIPHER_CTX_new();
  if (!context) {
    return SI_E_NOMEM;
  }
  if (!EVP_CipherInit_ex2(context, chacha, key, nonce, seal, NULL) ||
      (ad_len > 0 && !EVP_CipherUpdate(context, NULL, &n, ad, (int)ad_len))) {
    return SI_E_INTERNAL;
  }
  *out = context;
  context = NULL;
  return SI_OK;
}

si_rc si_aead_seal(const uint8_t key[SI_KEY_SIZE], const uint8_t nonce[SI_NONCE_SIZE],
                   const void *ad, size_t ad_len, const void *plain, size_t len, void *to) {
  EVP_CIPHER_CTX *context SI_AUTO(free_cipher) = NULL;
  unsigned char *sealed = to;
  int n = 0, rest = 0;
  si_rc status = start(&context, key, nonce, ad, ad_len, len, 1);
  if (status != SI_OK) {
    return status;
  }
  bool done = len == 0 || EVP_CipherUpdate(context, sealed, &n, plain, (int)len);
  done = done && EVP_CipherFinal_ex(context, sealed + n, &rest) && (size_t)n + (size_t)rest == len;
  done =
      done && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, SI_TAG_SIZE, sealed + len) == 1;
  return done ? SI_OK : SI_E_INTERNAL;
}

si_rc si_aead_open(const uint8_t key[SI_KEY_SIZE], const uint8_t nonce[SI_NONCE_SIZE],
                   const void *ad, size_t ad_len, const void *sealed, size_t len, void *to) {
  EVP_CIPHER_CTX *context SI_AUTO(free_cipher) = NULL;
  uint8_t tag[SI_TAG_SIZE];
  unsigned char *plain = to;
  int n = 0, rest = 0;
  if (len < SI_TAG_SIZE) {
    return SI_E_CORRUPT;
  }
  len -= SI_TAG_SIZE;
  memcpy(tag, (const unsigned char *)sealed + len, sizeof tag);
  si_rc status = start(&context, key, nonce, ad, ad_len, len, 0);
  if (status != SI_OK) {
    return status;
  }
  bool done = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1 &&
              (len == 0 || EVP_CipherUpdate(context, plain, &n, sealed, (int)len)) &&
              EVP_CipherFinal_ex(context, plain + n, &rest) == 1;
  if (!done) {
    si_wipe(plain, len);
  }
  return done ? SI_OK : SI_E_CORRUPT;
}
