/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an object, or a part of it; resumed where it breaks off. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "kit/net/s3_private.h"

enum { PROGRESS = 1 << 20 /* bytes behind which the tries are counted anew */ };

struct getting {
  struct si_s3 *client;
  const char *key;
  struct s3_reply *reply;
  si_http_sink sink;
  void *sink_ctx;
  struct si_s3_object *out;
  char etag[SI_S3_ETAG];
  uint64_t next;       /* offset of the byte that comes next */
  uint64_t end;        /* offset behind the last one wanted; UINT64_MAX before it is known */
  bool begun;          /* the headers of this try were looked at, and found good */
  struct si_error why; /* they were not; or status SI_OK */
};

/* "bytes 0-9/443" */
static bool read_range(const char *text, uint64_t *first, uint64_t *last, uint64_t *total) {
  char part[3][24];
  const char *at = strncmp(text, "bytes ", 6) == 0 ? text + 6 : NULL;
  for (int i = 0; at && i < 3; i++) {
    size_t len = strcspn(at, i == 0 ? "-" : i == 1 ? "/" : "");
    if (i == 2) {
      len = strlen(at);
    }
    if (len == 0 || len >= sizeof part[i] || (i < 2 && at[len] == '\0')) {
      return false;
    }
    memcpy(part[i], at, len);
    part[i][len] = '\0';
    at += len + (i < 2);
  }
  return at && si_parse_u64(part[0], 0, INT64_MAX, first) == SI_OK &&
         si_parse_u64(part[1], 0, INT64_MAX, last) == SI_OK &&
         si_parse_u64(part[2], 0, INT64_MAX, total) == SI_OK && *first <= *last && *last < *total;
}

static si_rc strange(struct getting *g, uint32_t retry, const char *what) {
  si_error_set(&g->why, SI_E_IO, "S3_REPLY", "GET s3://%s/%s: %s", g->client->bucket, g->key, what);
  g->why.retry = retry;
  return SI_E_IO;
}

/* Which bytes come, by the headers: [g->next, *end) of *total. */
static si_rc look_at_range(struct getting *g, uint64_t *end, uint64_t *total) {
  const struct si_http_wanted *h = g->reply->headers;
  uint64_t first = 0, last = 0, length = 0;
  if (si_parse_u64(h[S3_H_LENGTH].value, 0, INT64_MAX, &length) != SI_OK) {
    return strange(g, SI_RETRY_NEVER, "the store does not tell the answer's length");
  }
  if (!h[S3_H_RANGE].found) {
    *end = *total = length;
    return g->next == 0 ? SI_OK
                        : strange(g, SI_RETRY_NEVER, "the store cannot give a part of an object");
  }
  if (!read_range(h[S3_H_RANGE].value, &first, &last, total) || first != g->next ||
      last - first + 1 != length || (g->end != UINT64_MAX && last >= g->end)) {
    return strange(g, SI_RETRY_SAFE, "the store gives other bytes than were asked for");
  }
  *end = last + 1;
  return SI_OK;
}

/* What the headers promise, before the first byte is given on. */
static si_rc look(struct getting *g) {
  const char *etag = g->reply->headers[S3_H_ETAG].value;
  uint64_t end = 0, total = 0;
  si_rc status = look_at_range(g, &end, &total);
  if (status != SI_OK) {
    return status;
  }
  if (g->etag[0] && strcmp(g->etag, etag) != 0) {
    return si_error_set(&g->why, SI_E_CONFLICT, "S3_CHANGED",
                        "GET s3://%s/%s: the object was replaced while it was read",
                        g->client->bucket, g->key);
  }
  g->end = g->end < total ? g->end : total;
  if (end < g->end) {
    return strange(g, SI_RETRY_SAFE, "the store gives fewer bytes than were asked for");
  }
  si_copy(g->etag, sizeof g->etag, etag);
  s3_reply_object(g->reply, g->out);
  g->out->length = total;
  g->begun = true;
  return SI_OK;
}

static si_rc on_data(void *ctx, const void *data, size_t len) {
  struct getting *g = ctx;
  if (!g->begun && look(g) != SI_OK) {
    return g->why.status;
  }
  uint64_t room = g->end - g->next;
  size_t take = len < room ? len : (size_t)room;
  si_rc status = take ? g->sink(g->sink_ctx, data, take) : SI_OK;
  g->next += status == SI_OK ? take : 0;
  /* The store ignores the range: what comes behind it is not wanted. */
  return status == SI_OK && take < len ? SI_E_QUOTA : status;
}

/* One try, from g->next on. */
static si_rc try_get(struct getting *g, const struct si_s3_call *call, struct si_error *error) {
  struct si_http_header headers[2];
  char range[64];
  size_t count = 0;
  const bool ranged = g->next > 0 || g->end != UINT64_MAX;
  g->begun = false;
  g->why.status = SI_OK;
  if (ranged) {
    char last[24] = "";
    if (g->end != UINT64_MAX) {
      snprintf(last, sizeof last, "%" PRIu64, g->end - 1);
    }
    snprintf(range, sizeof range, "bytes=%" PRIu64 "-%s", g->next, last);
    headers[count++] = (struct si_http_header){"Range", range};
  }
  if (g->etag[0]) {
    headers[count++] = (struct si_http_header){"If-Match", g->etag};
  }
  const struct s3_request request = {
      .method = "GET",
      .key = g->key,
      .headers = headers,
      .header_count = count,
      .expected = g->end == UINT64_MAX ? 64ull << 30 : g->end - g->next,
      .sink = on_data,
      .sink_ctx = g};
  si_rc status = s3_once(g->client, call, &request, g->reply, error);
  if (status == SI_OK && !g->begun) {
    status = look(g); /* no byte came; whether one should have is seen below */
  }
  if (g->why.status != SI_OK) {
    *error = g->why;
    return error->status;
  }
  if (g->begun && g->next == g->end) {
    return SI_OK; /* also where we stopped a store that went on */
  }
  if (status == SI_OK) {
    strange(g, SI_RETRY_SAFE, "the answer was shorter than it said");
    *error = g->why;
    status = error->status;
  }
  return status;
}

/* 416: the object ends before the part that was asked for. */
static si_rc behind_the_end(struct getting *g, const struct si_s3_call *call,
                            struct si_error *error) {
  struct si_s3_object object;
  struct si_error why;
  if (si_s3_head(g->client, call, g->key, &object, &why) != SI_OK || object.length > g->next) {
    return error->status;
  }
  if (g->out) {
    *g->out = object;
  }
  return SI_OK;
}

static si_rc get(struct getting *g, const struct si_s3_call *call, struct si_error *error) {
  uint32_t attempt = 1;
  for (;;) {
    uint64_t from = g->next;
    si_rc status = try_get(g, call, error);
    if (status == SI_OK) {
      return SI_OK;
    }
    if (strcmp(error->code, "S3_RANGE") == 0 && !g->etag[0]) {
      return behind_the_end(g, call, error);
    }
    attempt = g->next - from >= PROGRESS ? 1 : attempt;
    if (!s3_again(g->client, call, attempt++, g->reply, error)) {
      return error->status;
    }
  }
}

si_rc si_s3_get(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                const struct si_s3_range *range, si_http_sink sink, void *sink_ctx,
                struct si_s3_object *out, struct si_error *error) {
  struct s3_reply reply SI_AUTO(s3_reply_free);
  struct si_error why = {.status = SI_OK};
  struct si_s3_object object;
  struct getting g = {.client = client,
                      .key = key,
                      .reply = &reply,
                      .sink = sink,
                      .sink_ctx = sink_ctx,
                      .out = out ? out : &object,
                      .next = range->offset,
                      .end = UINT64_MAX};
  s3_reply_init(&reply, S3_ANSWER);
  si_copy(g.etag, sizeof g.etag, range->etag);
  if (range->limit < UINT64_MAX - range->offset) {
    g.end = range->offset + range->limit;
  }
  si_rc status =
      range->limit == 0 ? si_s3_head(client, call, key, g.out, &why) : get(&g, call, &why);
  if (status != SI_OK && error) {
    *error = why;
  }
  return status;
}
