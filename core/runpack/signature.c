/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"

#define MANIFEST "si.runpack/v1 manifest"

static size_t message(const char *what, const char sha256[SI_SHA256_HEX], char to[128]) {
  return (size_t)snprintf(to, 128, "%.40s sha256:%s", what, sha256);
}

si_rc si_signature_make_for(const char *what, const uint8_t secret[SI_SIGN_KEY],
                            const char sha256[SI_SHA256_HEX], struct si_signature *out) {
  uint8_t key[SI_SIGN_KEY], value[SI_SIGNATURE];
  char text[128];
  size_t len = message(what, sha256, text);
  si_rc status = si_sign_public(secret, key);
  status = status == SI_OK ? si_sign(secret, text, len, value) : status;
  if (status == SI_OK) {
    si_hex(key, sizeof key, out->key);
    si_hex(value, sizeof value, out->value);
  }
  return status;
}

si_rc si_signature_check_for(const char *what, const struct si_signature *signature,
                             const char sha256[SI_SHA256_HEX]) {
  uint8_t key[SI_SIGN_KEY], value[SI_SIGNATURE];
  char text[128];
  size_t len = message(what, sha256, text);
  return si_unhex(signature->key, sizeof key, key) &&
                 si_unhex(signature->value, sizeof value, value)
             ? si_sign_verify(key, text, len, value)
             : SI_E_CORRUPT;
}

si_rc si_signature_make(const uint8_t secret[SI_SIGN_KEY], const char sha256[SI_SHA256_HEX],
                        struct si_signature *out) {
  return si_signature_make_for(MANIFEST, secret, sha256, out);
}

si_rc si_signature_check(const struct si_signature *signature, const char sha256[SI_SHA256_HEX]) {
  return si_signature_check_for(MANIFEST, signature, sha256);
}

/* --- a set of keys --- */

si_rc si_key_set_add(struct si_key_set *set, const char *key) {
  if (!si_sha256_hex_valid(key)) {
    return SI_E_INVALID;
  }
  if (si_key_set_has(set, key)) {
    return SI_OK;
  }
  if (set->count == SI_KEY_SET_MAX) {
    return SI_E_QUOTA;
  }
  char(*grown)[SI_SHA256_HEX] = realloc(set->keys, (set->count + 1) * sizeof *grown);
  if (!grown) {
    return SI_E_NOMEM;
  }
  set->keys = grown;
  memcpy(grown[set->count++], key, SI_SHA256_HEX);
  return SI_OK;
}

bool si_key_set_has(const struct si_key_set *set, const char *key) {
  for (size_t i = 0; i < set->count; i++) {
    if (strcmp(set->keys[i], key) == 0) {
      return true;
    }
  }
  return false;
}

void si_key_set_free(struct si_key_set *set) {
  free(set->keys);
  *set = (struct si_key_set){NULL, 0};
}

/* --- a hash with a gap --- */

si_rc si_gap_start(struct si_gap_hasher *gap) {
  gap->fed = gap->from = gap->to = 0;
  gap->carried = 0;
  return si_hasher_start(&gap->hasher);
}

/* Hashes bytes that begin at offset `at`, but for those in the gap. */
static si_rc hash_around(struct si_gap_hasher *gap, uint64_t at, const unsigned char *data,
                         size_t len) {
  uint64_t end = at + len;
  uint64_t from = gap->from < at ? at : gap->from < end ? gap->from : end;
  uint64_t to = gap->to < from ? from : gap->to < end ? gap->to : end;
  si_rc status = si_hasher_add(&gap->hasher, data, (size_t)(from - at));
  return status == SI_OK ? si_hasher_add(&gap->hasher, data + (size_t)(to - at), (size_t)(end - to))
                         : status;
}

/* Hashes all but the last SI_GAP_BEHIND bytes of what was carried and what comes. */
si_rc si_gap_add(struct si_gap_hasher *gap, const void *data, size_t len) {
  const unsigned char *bytes = data;
  uint64_t at = gap->fed - gap->carried;
  size_t all = gap->carried + len;
  size_t keep = all < SI_GAP_BEHIND ? all : SI_GAP_BEHIND;
  size_t go = all - keep;
  size_t old = go < gap->carried ? go : gap->carried; /* of what was carried */
  si_rc status = hash_around(gap, at, gap->carry, old);
  status = status == SI_OK ? hash_around(gap, at + old, bytes, go - old) : status;
  memmove(gap->carry, gap->carry + old, gap->carried - old);
  gap->carried -= old;
  memcpy(gap->carry + gap->carried, bytes + (go - old), len - (go - old));
  gap->carried += len - (go - old);
  gap->fed += len;
  return status;
}

si_rc si_gap_end(struct si_gap_hasher *gap, char hex[SI_SHA256_HEX]) {
  si_rc status = hash_around(gap, gap->fed - gap->carried, gap->carry, gap->carried);
  gap->carried = 0;
  return status == SI_OK ? si_hasher_end(&gap->hasher, hex) : status;
}

void si_gap_free(struct si_gap_hasher *gap) {
  si_hasher_free(&gap->hasher);
}
