/* SPDX-License-Identifier: Apache-2.0 */
/* One request of the S3 client: signed, sent, its answer judged, and sent again where it may be. */
#include <stdio.h>
#include <string.h>

#include "kit/base/hash.h"
#include "kit/base/text.h"
#include "kit/net/s3_private.h"
#include "kit/net/sigv4.h"
#include "kit/net/url.h"

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum { SLOWEST = 64 * 1024 /* bytes a second that a try may take */ };

static const char *const names[S3_H_COUNT] = {
    [S3_H_ETAG] = "ETag",
    [S3_H_VERSION] = "x-amz-version-id",
    [S3_H_ENCRYPTION] = "x-amz-server-side-encryption",
    [S3_H_MARK] = "x-amz-meta-si-put",
    [S3_H_DATE] = "Date",
    [S3_H_MODIFIED] = "Last-Modified",
    [S3_H_LENGTH] = "Content-Length",
    [S3_H_RANGE] = "Content-Range",
    [S3_H_REGION] = "x-amz-bucket-region",
};

void s3_reply_init(struct s3_reply *reply, size_t max) {
  memset(reply, 0, sizeof *reply);
  reply->http.body = (struct si_buf)SI_BUF(max);
  for (size_t i = 0; i < S3_H_COUNT; i++) {
    reply->headers[i].name = names[i];
  }
  reply->http.wanted = reply->headers;
  reply->http.wanted_count = S3_H_COUNT;
}

void s3_reply_free(struct s3_reply *reply) {
  si_buf_free(&reply->http.body);
}

void s3_reply_object(const struct s3_reply *reply, struct si_s3_object *out) {
  const struct si_http_wanted *h = reply->headers;
  memset(out, 0, sizeof *out);
  if (si_parse_u64(h[S3_H_LENGTH].value, 0, INT64_MAX, &out->length) != SI_OK) {
    out->length = 0;
  }
  out->modified_ms = si_s3_time(h[S3_H_MODIFIED].value);
  si_copy(out->etag, sizeof out->etag, h[S3_H_ETAG].value);
  si_copy(out->version_id, sizeof out->version_id, h[S3_H_VERSION].value);
  si_copy(out->encryption, sizeof out->encryption, h[S3_H_ENCRYPTION].value);
  si_copy(out->mark, sizeof out->mark, h[S3_H_MARK].value);
  si_copy(out->date, sizeof out->date, h[S3_H_DATE].value);
}

/* --- making the request --- */

struct signed_request {
  struct si_buf path;
  struct si_buf target;
  struct si_buf authorization;
  struct si_http_header headers[SI_SIGV4_MAX + 1];
  size_t count;
  char time[SI_SIGV4_TIME];
};

static void add(struct signed_request *s, const char *name, const char *value) {
  s->headers[s->count++] = (struct si_http_header){name, value};
}

static si_rc sign(const struct si_s3 *client, const struct s3_request *r, const char *query,
                  struct signed_request *s) {
  const char *hash = r->body_sha256 ? r->body_sha256 : EMPTY_SHA256;
  si_sigv4_time(si_now_ms(), s->time);
  add(s, "Host", client->host);
  add(s, "x-amz-content-sha256", hash);
  add(s, "x-amz-date", s->time);
  if (client->token.len > 0) {
    add(s, "x-amz-security-token", (const char *)client->token.data);
  }
  for (size_t i = 0; i < r->header_count; i++) {
    add(s, r->headers[i].name, r->headers[i].value);
  }
  const struct si_sigv4_key key = {client->access_key_id, client->secret.data, client->secret.len,
                                   client->region, "s3"};
  const struct si_sigv4_request request = {.method = r->method,
                                           .path = si_buf_text(&s->path),
                                           .query = query,
                                           .headers = s->headers,
                                           .header_count = s->count,
                                           .payload_sha256 = hash,
                                           .time = s->time};
  si_rc status = si_sigv4_authorization(&key, &request, &s->authorization);
  add(s, "Authorization", si_buf_text(&s->authorization));
  return status;
}

static si_rc make(const struct si_s3 *client, const struct s3_request *r,
                  struct signed_request *s) {
  struct si_buf query SI_AUTO(si_buf_free) = SI_BUF(32 * 1024);
  if (r->header_count + 5 > SI_SIGV4_MAX ||
      (r->key && strnlen(r->key, SI_S3_KEY_MAX + 1) > SI_S3_KEY_MAX)) {
    return SI_E_QUOTA;
  }
  si_rc status = si_buf_printf(&s->path, "%s/", client->path);
  if (status == SI_OK && !r->key && client->path[0]) {
    s->path.data[--s->path.len] = '\0'; /* "/bucket", as the store's own clients ask for it */
  }
  if (status == SI_OK && r->key) {
    status = si_url_encode(r->key, strlen(r->key), true, &s->path);
  }
  status = status == SI_OK ? si_sigv4_query(r->query, r->query_count, &query) : status;
  status = status == SI_OK ? si_buf_printf(&s->target, "%s%s%s", si_buf_text(&s->path),
                                           query.len ? "?" : "", si_buf_text(&query))
                           : status;
  return status == SI_OK ? sign(client, r, si_buf_text(&query), s) : status;
}

/* --- sending it --- */

static uint32_t patience(const struct si_s3 *client, const struct s3_request *r) {
  return r->patience_ms ? r->patience_ms : client->stall_ms;
}

static uint64_t end_of_try(const struct si_s3 *client, const struct si_s3_call *call,
                           const struct s3_request *r) {
  uint64_t ms = patience(client, r) + ((uint64_t)r->len + r->expected) * 1000 / SLOWEST;
  uint64_t end = si_monotonic_ns() + ms * 1000000;
  return call->deadline_ns && call->deadline_ns < end ? call->deadline_ns : end;
}

/* What a failure of the connection means for this request. */
static void judge(const struct si_s3_call *call, const struct s3_request *r,
                  struct si_error *error) {
  bool unsent = strcmp(error->code, "HTTP_CONNECT") == 0 || strcmp(error->code, "HTTP_TLS") == 0 ||
                strcmp(error->code, "HTTP_REQUEST") == 0 || strcmp(error->code, "HTTP_PROXY") == 0;
  bool overdue = call->deadline_ns && si_monotonic_ns() >= call->deadline_ns;
  if (strcmp(error->code, "HTTP_STALLED") == 0 ||
      (strcmp(error->code, "HTTP_TIMEOUT") == 0 && !overdue)) {
    error->status = SI_E_UNAVAILABLE;
    si_copy(error->code, sizeof error->code, "S3_STALLED");
    si_copy(error->message, sizeof error->message, "the store did not answer in time");
    error->retry = SI_RETRY_SAFE;
  } else if (strcmp(error->code, "HTTP_CALLBACK") == 0 ||
             (error->status != SI_E_UNAVAILABLE && error->status != SI_E_IO && !unsent)) {
    error->retry = SI_RETRY_NEVER;
  } else if (!unsent) {
    error->retry = SI_RETRY_SAFE;
  }
  /* Also where we gave up ourselves: it was sent. */
  if (r->once && !unsent) {
    error->retry = SI_OUTCOME_UNKNOWN;
  }
}

static si_rc exchange(struct si_s3 *client, const struct si_s3_call *call,
                      const struct s3_request *r, const struct signed_request *s,
                      struct s3_reply *reply, struct si_error *error) {
  struct si_http *http = NULL;
  si_rc status = s3_borrow(client, call, &http, error);
  if (status != SI_OK) {
    return status;
  }
  const struct si_http_request request = {.method = r->method,
                                          .target = si_buf_text(&s->target),
                                          .headers = s->headers,
                                          .header_count = s->count,
                                          .body = r->body,
                                          .body_len = r->len,
                                          .secret = client->token.len > 0,
                                          .repeatable = !r->once,
                                          .deadline_ns = end_of_try(client, call, r),
                                          .stall_ms = patience(client, r),
                                          .cancelled = call->cancelled,
                                          .cancel_ctx = call->ctx,
                                          .sink = r->sink,
                                          .sink_ctx = r->sink_ctx};
  status = si_http_send(http, &request, &reply->http, error);
  s3_give_back(client, http);
  if (status != SI_OK) {
    judge(call, r, error);
    status = error->status;
  }
  return status;
}

si_rc s3_once(struct si_s3 *client, const struct si_s3_call *call, const struct s3_request *request,
              struct s3_reply *reply, struct si_error *error) {
  struct signed_request s = {.path = SI_BUF(4 * SI_S3_KEY_MAX),
                             .target = SI_BUF(48 * 1024),
                             .authorization = SI_BUF(8 * 1024)};
  si_rc status = make(client, request, &s);
  if (status != SI_OK) {
    si_error_set(error, status, "S3_REQUEST", "the request for %.200s could not be made: %s",
                 request->key ? request->key : client->bucket, si_status_text(status));
  } else {
    status = exchange(client, call, request, &s, reply, error);
  }
  si_buf_free(&s.path);
  si_buf_free(&s.target);
  si_buf_free(&s.authorization);
  if (status == SI_OK && (reply->http.status < 200 || reply->http.status > 299)) {
    status = s3_fault(client, request, reply, error);
  }
  if (status == SI_OK || strcmp(error->code, "S3_NO_KEY") == 0) {
    atomic_store(&client->seen, true);
  }
  return status;
}

si_rc s3_send(struct si_s3 *client, const struct si_s3_call *call, const struct s3_request *request,
              struct s3_reply *reply, struct si_error *error) {
  si_rc status = SI_OK;
  uint32_t attempt = 1;
  do {
    status = s3_once(client, call, request, reply, error);
  } while (status != SI_OK && s3_again(client, call, attempt++, reply, error));
  return status == SI_OK ? SI_OK : error->status;
}
