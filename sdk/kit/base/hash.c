/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/text.h"

static EVP_MD
    *sha256; /* one fetch a process: an implicit fetch at each use costs three times more */
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void fetch(void) {
  sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static EVP_MD *md5; /* apart: most programs never need it */
static pthread_once_t md5_fetched = PTHREAD_ONCE_INIT;

static void fetch_md5(void) {
  md5 = EVP_MD_fetch(NULL, "MD5", NULL);
}

si_rc si_hasher_start(struct si_hasher *hasher) {
  pthread_once(&fetched, fetch);
  if (!sha256) {
    return SI_E_INTERNAL;
  }
  if (!hasher->context) {
    hasher->context = EVP_MD_CTX_new();
    if (!hasher->context) {
      return SI_E_NOMEM;
    }
  }
  return EVP_DigestInit_ex2(hasher->context, sha256, NULL) ? SI_OK : SI_E_INTERNAL;
}

si_rc si_hasher_add(struct si_hasher *hasher, const void *data, size_t len) {
  return EVP_DigestUpdate(hasher->context, data, len) ? SI_OK : SI_E_INTERNAL;
}

si_rc si_hasher_end(struct si_hasher *hasher, char hex[SI_SHA256_HEX]) {
  unsigned char digest[SI_SHA256_SIZE];
  if (!EVP_DigestFinal_ex(hasher->context, digest, NULL)) {
    return SI_E_INTERNAL;
  }
  si_hex(digest, sizeof digest, hex);
  return SI_OK;
}

void si_hasher_free(struct si_hasher *hasher) {
  EVP_MD_CTX_free(hasher->context);
  hasher->context = NULL;
}

si_rc si_sha256_hex(const void *data, size_t len, char hex[SI_SHA256_HEX]) {
  struct si_hasher hasher SI_AUTO(si_hasher_free) = {NULL};
  si_rc status = si_hasher_start(&hasher);
  if (status == SI_OK) {
    status = si_hasher_add(&hasher, data, len);
  }
  return status == SI_OK ? si_hasher_end(&hasher, hex) : status;
}

si_rc si_sha256_fd(int fd, char hex[SI_SHA256_HEX]) {
  struct si_hasher hasher SI_AUTO(si_hasher_free) = {NULL};
  const size_t size = 128 * 1024;
  si_rc status = si_hasher_start(&hasher);
  char *block = malloc(size);
  if (!block) {
    return SI_E_NOMEM;
  }
  while (status == SI_OK) {
    ssize_t n = read(fd, block, size);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      status = n < 0 ? SI_E_IO : SI_OK;
      break;
    }
    status = si_hasher_add(&hasher, block, (size_t)n);
  }
  free(block);
  return status == SI_OK ? si_hasher_end(&hasher, hex) : status;
}

int si_sha256_hex_valid(const char *hex) {
  return hex && strnlen(hex, SI_SHA256_HEX) == SI_SHA256_HEX - 1 &&
         strspn(hex, "0123456789abcdef") == SI_SHA256_HEX - 1;
}

si_rc si_md5_base64(const void *data, size_t len, char to[SI_MD5_BASE64]) {
  unsigned char digest[16];
  unsigned char text[SI_MD5_BASE64];
  pthread_once(&md5_fetched, fetch_md5);
  if (!md5 || !EVP_Digest(data, len, digest, NULL, md5, NULL) ||
      EVP_EncodeBlock(text, digest, sizeof digest) != SI_MD5_BASE64 - 1) {
    return SI_E_INTERNAL;
  }
  memcpy(to, text, sizeof text);
  return SI_OK;
}
