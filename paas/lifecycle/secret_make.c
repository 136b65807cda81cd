/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/secret_make.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/crypt.h"
#include "kit/base/text.h"

enum { CLAIMS_MAX = 64 * 1024 };

si_rc si_secret_password(size_t length, struct si_buf *out) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const unsigned count = sizeof letters - 1;
  uint8_t bytes[64];
  size_t made = 0;
  si_rc status = si_buf_reserve(out, length);
  while (status == SI_OK && made < length) {
    status = si_random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; status == SI_OK && i < sizeof bytes && made < length; i++) {
      if (bytes[i] < 256 / count * count) { /* the rest would make the first letters likelier */
        status = si_buf_add(out, &letters[bytes[i] % count], 1);
        made++;
      }
    }
  }
  si_wipe(bytes, sizeof bytes);
  return status;
}

/* base64url (RFC 4648) without padding. */
static si_rc add_base64url(const void *data, size_t len, struct si_buf *out) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const uint8_t *bytes = data;
  si_rc status = SI_OK;
  for (size_t bit = 0; status == SI_OK && bit < 8 * len; bit += 6) {
    size_t at = bit / 8;
    unsigned pair = (unsigned)bytes[at] << 8 | (at + 1 < len ? bytes[at + 1] : 0u);
    status = si_buf_add(out, &letters[pair >> (10 - bit % 8) & 63], 1);
  }
  return status;
}

static si_rc add_json(const cJSON *value, struct si_buf *out) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(CLAIMS_MAX);
  si_rc status = si_json_canonical(value, &text);
  return status == SI_OK ? add_base64url(text.data, text.len, out) : status;
}

static si_rc add_claims(const cJSON *claims, const char *expires, struct si_buf *out) {
  cJSON *all SI_AUTO(si_json_free) = claims ? cJSON_Duplicate(claims, true) : cJSON_CreateObject();
  char moment[40];
  int64_t ms = 0;
  if (expires) {
    snprintf(moment, sizeof moment, "%.16sT00:00:00.000Z", expires);
    if (si_time_parse(moment, &ms) != SI_OK) {
      return SI_E_INVALID;
    }
    if (!cJSON_AddNumberToObject(all, "exp", (double)(ms / 1000))) {
      return SI_E_NOMEM;
    }
  }
  return all ? add_json(all, out) : SI_E_NOMEM;
}

si_rc si_secret_jwt(const cJSON *claims, const char *expires, const void *key, size_t key_len,
                    struct si_buf *out) {
  static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
  struct si_buf jwt SI_AUTO(si_buf_free) = SI_SECRET_BUF(3 * CLAIMS_MAX);
  uint8_t signature[SI_KEY_SIZE];
  si_rc status = add_base64url(header, sizeof header - 1, &jwt);
  status = status == SI_OK ? si_buf_puts(&jwt, ".") : status;
  status = status == SI_OK ? add_claims(claims, expires, &jwt) : status;
  status = status == SI_OK ? si_hmac_sha256(key, key_len, jwt.data, jwt.len, signature) : status;
  status = status == SI_OK ? si_buf_puts(&jwt, ".") : status;
  status = status == SI_OK ? add_base64url(signature, sizeof signature, &jwt) : status;
  return status == SI_OK ? si_buf_add(out, jwt.data, jwt.len) : status;
}
