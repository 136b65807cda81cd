/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kit/base/buf.h"
#include "kit/base/crypt.h"
#include "kit/base/text.h"
#include "paas/webhook/webhook.h"

/* What a source sends. */
static const struct {
  const char *name;
  const char *header;
  const char *prefix; /* before the hex digits */
  bool token;         /* the secret itself, and no signature */
} sources[] = {
    [SI_WEBHOOK_GITHUB] = {"github", "X-Hub-Signature-256", "sha256=", false},
    [SI_WEBHOOK_GITEA] = {"gitea", "X-Gitea-Signature", "", false},
    [SI_WEBHOOK_GITLAB] = {"gitlab", "X-Gitlab-Token", "", true},
    [SI_WEBHOOK_SI] = {"si", "X-Si-Signature", "sha256=", false},
};

const char *si_webhook_source_name(enum si_webhook_source source) {
  return sources[source].name;
}

bool si_webhook_source_read(const char *name, enum si_webhook_source *out) {
  for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
    if (strcmp(sources[i].name, name) == 0) {
      *out = (enum si_webhook_source)i;
      return true;
    }
  }
  return false;
}

static si_rc refused(struct si_error *error) {
  si_error_set(error, SI_E_AUTH, "WEBHOOK_SIGNATURE", "the push was not accepted");
  return si_error_hint(error, "is its secret the one in the vault, and the source the right one?");
}

/* Two values of any length, compared by MACs of them under a key that nobody knows: how long it
 * takes tells nothing of either. */
static si_rc same(const void *a, size_t a_len, const void *b, size_t b_len, bool *equal) {
  uint8_t key[SI_KEY_SIZE], mac_a[SI_KEY_SIZE], mac_b[SI_KEY_SIZE];
  si_rc status = si_random_bytes(key, sizeof key);
  status = status == SI_OK ? si_hmac_sha256(key, sizeof key, a, a_len, mac_a) : status;
  status = status == SI_OK ? si_hmac_sha256(key, sizeof key, b, b_len, mac_b) : status;
  *equal = status == SI_OK && si_same_bytes(mac_a, mac_b, sizeof mac_a);
  return status;
}

/* What the header has to say: the secret, or the prefix and the MAC's digits. */
static si_rc wanted(enum si_webhook_source source, const char *timestamp, const void *body,
                    size_t len, const void *secret, size_t secret_len, struct si_buf *out) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_WEBHOOK_BODY + 64);
  uint8_t mac[SI_KEY_SIZE];
  char hex[2 * SI_KEY_SIZE + 1];
  if (sources[source].token) {
    return si_buf_add(out, secret, secret_len);
  }
  si_rc status = timestamp ? si_buf_printf(&text, "%s.", timestamp) : SI_OK;
  status = status == SI_OK ? si_buf_add(&text, body, len) : status;
  status = status == SI_OK ? si_hmac_sha256(secret, secret_len, si_buf_text(&text), text.len, mac)
                           : status;
  if (status == SI_OK) {
    si_hex(mac, sizeof mac, hex);
    status = si_buf_printf(out, "%s%s", sources[source].prefix, hex);
  }
  return status;
}

static si_rc check_time(const char *timestamp, int64_t now, struct si_error *error) {
  uint64_t at = 0;
  if (si_parse_u64(timestamp, 0, INT64_MAX, &at) == SI_OK &&
      (int64_t)at >= now - SI_WEBHOOK_STALE_S && (int64_t)at <= now + SI_WEBHOOK_STALE_S) {
    return SI_OK;
  }
  si_error_set(error, SI_E_REFUSED, "WEBHOOK_STALE", "the push was signed more than %d s from now",
               SI_WEBHOOK_STALE_S);
  return si_error_hint(error, "send it again; where it is new, one of the two clocks is wrong");
}

si_rc si_webhook_verify(enum si_webhook_source source, const struct si_webhook_headers *headers,
                        const void *body, size_t len, const void *secret, size_t secret_len,
                        int64_t now, struct si_error *error) {
  struct si_buf want SI_AUTO(si_buf_free) = SI_SECRET_BUF(SI_WEBHOOK_HEADERS);
  const char *given = si_webhook_header(headers, sources[source].header);
  const char *timestamp =
      source == SI_WEBHOOK_SI ? si_webhook_header(headers, "X-Si-Timestamp") : NULL;
  bool equal = false;
  if (!given || secret_len < SI_WEBHOOK_SECRET || (source == SI_WEBHOOK_SI && !timestamp)) {
    return refused(error);
  }
  si_rc status = wanted(source, timestamp, body, len, secret, secret_len, &want);
  status = status == SI_OK ? same(given, strlen(given), want.data, want.len, &equal) : status;
  if (status != SI_OK) {
    return si_error_set(error, status, "WEBHOOK_MEMORY", "the signature could not be checked");
  }
  if (!equal) {
    return refused(error);
  }
  return timestamp ? check_time(timestamp, now, error) : SI_OK;
}
