/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/net/sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "kit/base/crypt.h"
#include "kit/base/hash.h"
#include "kit/base/text.h"
#include "kit/net/url.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

enum { CANONICAL_MAX = 64 * 1024 };

void si_sigv4_time(int64_t ms, char to[SI_SIGV4_TIME]) {
  time_t seconds = (time_t)(ms / 1000);
  struct tm tm;
  if (!gmtime_r(&seconds, &tm) || strftime(to, SI_SIGV4_TIME, "%Y%m%dT%H%M%SZ", &tm) == 0) {
    to[0] = '\0';
  }
}

/* --- the query --- */

struct pair {
  const char *name; /* both encoded */
  const char *value;
};

static int by_name_and_value(const void *a, const void *b) {
  const struct pair *x = a, *y = b;
  int order = strcmp(x->name, y->name);
  return order ? order : strcmp(x->value, y->value);
}

/* Encodes all into one buffer, each ended by NUL. */
static si_rc encode_pairs(const struct si_http_header *pairs, size_t count, struct si_buf *text) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    status = si_url_encode(pairs[i].name, strlen(pairs[i].name), false, text);
    status = status == SI_OK ? si_buf_add(text, "", 1) : status;
    status = status == SI_OK ? si_url_encode(pairs[i].value, strlen(pairs[i].value), false, text)
                             : status;
    status = status == SI_OK ? si_buf_add(text, "", 1) : status;
  }
  return status;
}

si_rc si_sigv4_query(const struct si_http_header *pairs, size_t count, struct si_buf *out) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(CANONICAL_MAX);
  struct pair sorted[SI_SIGV4_MAX];
  if (count > SI_SIGV4_MAX) {
    return SI_E_QUOTA;
  }
  si_rc status = encode_pairs(pairs, count, &text);
  const char *at = si_buf_text(&text);
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    sorted[i].name = at;
    sorted[i].value = at + strlen(at) + 1;
    at = sorted[i].value + strlen(sorted[i].value) + 1;
  }
  if (status == SI_OK && count > 1) {
    qsort(sorted, count, sizeof *sorted, by_name_and_value);
  }
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    status = si_buf_printf(out, "%s%s=%s", i ? "&" : "", sorted[i].name, sorted[i].value);
  }
  return status;
}

/* --- the headers --- */

static int by_header(const void *a, const void *b) {
  const struct si_http_header *const *x = a, *const *y = b;
  int order = strcasecmp((*x)->name, (*y)->name);
  /* Those of one name keep their order: they lie in one array. */
  return order ? order : *x < *y ? -1 : *x > *y;
}

static si_rc add_lower(const char *name, struct si_buf *out) {
  si_rc status = SI_OK;
  for (; status == SI_OK && *name; name++) {
    char c = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
    status = si_buf_add(out, &c, 1);
  }
  return status;
}

/* Without blanks around it, runs of blanks within as one. */
static si_rc add_trimmed(const char *value, struct si_buf *out) {
  si_rc status = SI_OK;
  bool started = false, blank = false;
  for (; status == SI_OK && *value; value++) {
    if (*value == ' ' || *value == '\t') {
      blank = started;
      continue;
    }
    status = blank ? si_buf_add(out, " ", 1) : SI_OK;
    status = status == SI_OK ? si_buf_add(out, value, 1) : status;
    started = true;
    blank = false;
  }
  return status;
}

/* The canonical headers, and their names. Several of one name are one, values joined by ','. */
static si_rc add_headers(const struct si_sigv4_request *request, struct si_buf *lines,
                         struct si_buf *names) {
  const struct si_http_header *sorted[SI_SIGV4_MAX];
  size_t count = request->header_count;
  si_rc status = count > SI_SIGV4_MAX ? SI_E_QUOTA : SI_OK;
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    sorted[i] = &request->headers[i];
  }
  if (status == SI_OK && count > 1) {
    qsort(sorted, count, sizeof *sorted, by_header);
  }
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    bool again = i > 0 && strcasecmp(sorted[i - 1]->name, sorted[i]->name) == 0;
    if (!again) {
      status = i ? si_buf_puts(names, ";") : SI_OK;
      status = status == SI_OK ? add_lower(sorted[i]->name, names) : status;
      status = status == SI_OK && i ? si_buf_puts(lines, "\n") : status;
      status = status == SI_OK ? add_lower(sorted[i]->name, lines) : status;
    }
    status = status == SI_OK ? si_buf_puts(lines, again ? "," : ":") : status;
    status = status == SI_OK ? add_trimmed(sorted[i]->value, lines) : status;
  }
  return status == SI_OK ? si_buf_puts(lines, "\n") : status;
}

/* --- the signature --- */

static si_rc derive(const struct si_sigv4_key *key, const char *date, uint8_t to[SI_KEY_SIZE]) {
  struct si_buf first SI_AUTO(si_buf_free) = SI_SECRET_BUF(4096);
  si_rc status = si_buf_reserve(&first, 4 + key->secret_len);
  status = status == SI_OK ? si_buf_puts(&first, "AWS4") : status;
  status = status == SI_OK ? si_buf_add(&first, key->secret, key->secret_len) : status;
  status = status == SI_OK ? si_hmac_sha256(first.data, first.len, date, 8, to) : status;
  const char *const parts[] = {key->region, key->service, "aws4_request"};
  for (size_t i = 0; status == SI_OK && i < sizeof parts / sizeof *parts; i++) {
    uint8_t next[SI_KEY_SIZE];
    status = si_hmac_sha256(to, SI_KEY_SIZE, parts[i], strlen(parts[i]), next);
    memcpy(to, next, sizeof next);
    si_wipe(next, sizeof next);
  }
  return status;
}

static si_rc hash_canonical(const struct si_sigv4_request *request, struct si_buf *names,
                            char hex[SI_SHA256_HEX]) {
  /* Headers may hold a session token. */
  struct si_buf text SI_AUTO(si_buf_free) = SI_SECRET_BUF(CANONICAL_MAX);
  si_rc status =
      si_buf_printf(&text, "%s\n%s\n%s\n", request->method, request->path, request->query);
  status = status == SI_OK ? add_headers(request, &text, names) : status;
  status = status == SI_OK
               ? si_buf_printf(&text, "\n%s\n%s", si_buf_text(names), request->payload_sha256)
               : status;
  return status == SI_OK ? si_sha256_hex(text.data, text.len, hex) : status;
}

si_rc si_sigv4_authorization(const struct si_sigv4_key *key, const struct si_sigv4_request *request,
                             struct si_buf *out) {
  struct si_buf names SI_AUTO(si_buf_free) = SI_BUF(CANONICAL_MAX);
  struct si_buf scope SI_AUTO(si_buf_free) = SI_BUF(1024);
  struct si_buf to_sign SI_AUTO(si_buf_free) = SI_BUF(4096);
  uint8_t signing[SI_KEY_SIZE], signature[SI_KEY_SIZE];
  char hex[SI_SHA256_HEX];
  if (strnlen(request->time, SI_SIGV4_TIME) != SI_SIGV4_TIME - 1) {
    return SI_E_INVALID;
  }
  si_rc status =
      si_buf_printf(&scope, "%.8s/%s/%s/aws4_request", request->time, key->region, key->service);
  status = status == SI_OK ? hash_canonical(request, &names, hex) : status;
  status = status == SI_OK ? si_buf_printf(&to_sign, ALGORITHM "\n%s\n%s\n%s", request->time,
                                           si_buf_text(&scope), hex)
                           : status;
  status = status == SI_OK ? derive(key, request->time, signing) : status;
  status = status == SI_OK
               ? si_hmac_sha256(signing, sizeof signing, to_sign.data, to_sign.len, signature)
               : status;
  si_wipe(signing, sizeof signing);
  if (status == SI_OK) {
    si_hex(signature, sizeof signature, hex);
    status = si_buf_printf(out, ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                           key->access_key_id, si_buf_text(&scope), si_buf_text(&names), hex);
  }
  return status;
}
