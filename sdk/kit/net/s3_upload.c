/* SPDX-License-Identifier: Apache-2.0 */
/* Objects in parts: begin, send a part, end, abort. */
#include <stdio.h>
#include <string.h>

#include "kit/base/hash.h"
#include "kit/base/text.h"
#include "kit/net/s3_private.h"
#include "kit/net/xml.h"

enum { CALLERS = 16, HEADERS = 24, LIST_MAX = 4 << 20, END_PATIENCE_MS = 600000 };

/* --- begin --- */

struct begun {
  char *id;
  bool found;
};

static si_rc on_begun(void *ctx, const char *path, const char *text, size_t len) {
  struct begun *b = ctx;
  if (strcmp(path, "InitiateMultipartUploadResult/UploadId") == 0) {
    if (len == 0 || len >= SI_S3_UPLOAD_ID) {
      return SI_E_CORRUPT;
    }
    memcpy(b->id, text, len + 1);
    b->found = true;
  }
  return SI_OK;
}

static si_rc begin(struct si_s3 *client, const struct si_s3_call *call,
                   const struct s3_request *request, struct s3_reply *reply,
                   struct si_s3_upload *out, struct si_error *error) {
  for (uint32_t attempt = 1;; attempt++) {
    struct begun b = {.id = out->id};
    si_rc status = s3_once(client, call, request, reply, error);
    if (status == SI_OK &&
        si_xml_read(si_buf_text(&reply->http.body), reply->http.body.len, on_begun, &b, NULL) ==
            SI_OK &&
        b.found) {
      return SI_OK;
    }
    if (status == SI_OK) {
      si_error_set(error, SI_E_IO, "S3_REPLY",
                   "the store begins an upload of s3://%s/%s without "
                   "telling its id",
                   client->bucket, request->key);
      error->retry = SI_RETRY_SAFE;
    }
    if (!s3_again(client, call, attempt, reply, error)) {
      return error->status;
    }
  }
}

si_rc si_s3_upload_begin(struct si_s3 *client, const struct si_s3_call *call,
                         const struct si_s3_put *put, struct si_s3_upload *out,
                         struct si_error *error) {
  const struct si_http_header query[] = {{"uploads", ""}};
  struct si_http_header headers[HEADERS];
  struct s3_reply reply SI_AUTO(s3_reply_free);
  struct si_error why = {.status = SI_OK};
  struct si_s3_upload upload;
  size_t count = 0;
  s3_reply_init(&reply, S3_ANSWER);
  si_rc status = put->header_count > CALLERS
                     ? si_error_set(&why, SI_E_QUOTA, "S3_REQUEST", "more than 16 headers")
                     : s3_mark(upload.mark, &why);
  if (status == SI_OK) {
    headers[count++] = (struct si_http_header){"x-amz-meta-si-put", upload.mark};
    if (put->content_type && put->content_type[0]) {
      headers[count++] = (struct si_http_header){"Content-Type", put->content_type};
    }
    s3_add_encryption(client, headers, &count);
    for (size_t i = 0; i < put->header_count; i++) {
      headers[count++] = put->headers[i];
    }
    const struct s3_request request = {.method = "POST",
                                       .key = put->key,
                                       .query = query,
                                       .query_count = 1,
                                       .headers = headers,
                                       .header_count = count};
    status = begin(client, call, &request, &reply, &upload, &why);
  }
  if (status == SI_OK) {
    status = s3_check_encryption(client, reply.headers[S3_H_ENCRYPTION].value, put->key, &why);
    struct si_error ignored; /* nothing was sent yet, and the refusal tells more */
    if (status != SI_OK &&
        si_s3_upload_abort(client, call, put->key, upload.id, &ignored) != SI_OK) {
      si_error_detail(&why, ignored.message);
    }
  }
  if (status == SI_OK) {
    *out = upload;
  } else if (error) {
    *error = why;
  }
  return status;
}

/* --- a part --- */

/* The request, with Content-MD5 or without. */
static si_rc send_part(struct si_s3 *client, const struct si_s3_call *call,
                       const struct s3_request *plain, bool with_md5, struct s3_reply *reply,
                       struct si_error *error) {
  char md5[SI_MD5_BASE64];
  const struct si_http_header headers[] = {{"Content-MD5", md5}};
  struct s3_request request = *plain;
  if (with_md5) {
    si_rc status = si_md5_base64(request.body, request.len, md5);
    if (status != SI_OK) {
      return si_error_set(error, status, "S3_REQUEST", "the data cannot be hashed");
    }
    request.headers = headers;
    request.header_count = 1;
  }
  return s3_send(client, call, &request, reply, error);
}

si_rc si_s3_upload_part(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                        const struct si_s3_upload *upload, uint32_t number, const void *data,
                        size_t len, struct si_s3_part *out, struct si_error *error) {
  char digits[16], sha256[SI_SHA256_HEX];
  const struct si_http_header query[] = {{"partNumber", digits}, {"uploadId", upload->id}};
  struct s3_reply reply SI_AUTO(s3_reply_free);
  struct si_error why = {.status = SI_OK};
  bool with_md5 = false;
  s3_reply_init(&reply, S3_ANSWER);
  snprintf(digits, sizeof digits, "%u", number);
  si_rc status = si_sha256_hex(data, len, sha256);
  if (status != SI_OK) {
    return si_error_set(error, status, "S3_REQUEST", "the data cannot be hashed");
  }
  const struct s3_request request = {.method = "PUT",
                                     .key = key,
                                     .query = query,
                                     .query_count = 2,
                                     .body = data,
                                     .len = len,
                                     .body_sha256 = sha256};
  do {
    with_md5 = s3_sends_md5(client, NULL);
    status = send_part(client, call, &request, with_md5, &reply, &why);
  } while (status != SI_OK && s3_wants_md5(client, with_md5, &why));
  const char *etag = reply.headers[S3_H_ETAG].value;
  if (status == SI_OK && (!etag[0] || strlen(etag) >= sizeof out->etag || strpbrk(etag, "<>&"))) {
    status =
        si_error_set(&why, SI_E_IO, "S3_REPLY",
                     "the store takes a part of s3://%s/%s without an ETag", client->bucket, key);
  }
  if (status == SI_OK) {
    si_copy(out->etag, sizeof out->etag, etag);
  } else if (error) {
    *error = why;
  }
  return status;
}

/* --- the end --- */

static si_rc write_list(const struct si_s3_part *parts, uint32_t count, struct si_buf *out) {
  si_rc status = si_buf_puts(out, "<CompleteMultipartUpload>");
  for (uint32_t i = 0; status == SI_OK && i < count; i++) {
    status = si_buf_printf(out, "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag></Part>", i + 1,
                           parts[i].etag);
  }
  return status == SI_OK ? si_buf_puts(out, "</CompleteMultipartUpload>") : status;
}

struct ended {
  bool result;
  bool error;
};

static si_rc on_ended(void *ctx, const char *path, const char *text, size_t len) {
  struct ended *e = ctx;
  (void)text;
  (void)len;
  e->result = e->result || strcmp(path, "CompleteMultipartUploadResult") == 0;
  e->error = e->error || strcmp(path, "Error") == 0;
  return SI_OK;
}

/* A 200 may hold an error, or break off: the store answers before it knows. */
static si_rc end_once(struct si_s3 *client, const struct si_s3_call *call,
                      const struct s3_request *request, struct s3_reply *reply,
                      struct si_error *error) {
  struct ended e = {false, false};
  const struct si_buf *body = &reply->http.body;
  si_rc status = s3_once(client, call, request, reply, error);
  if (status != SI_OK) {
    return status;
  }
  si_rc read = si_xml_read(si_buf_text(body), body->len, on_ended, &e, NULL);
  if (e.error) {
    return s3_fault(client, request, reply, error);
  }
  if (read != SI_OK || !e.result) {
    si_error_set(error, SI_E_IO, "S3_REPLY",
                 "the store's answer to the end of an upload of "
                 "s3://%s/%s cannot be read",
                 client->bucket, request->key);
    error->retry = SI_OUTCOME_UNKNOWN;
    return SI_E_IO;
  }
  return SI_OK;
}

/* Does our object stand, whole? */
static si_rc confirm(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                     const struct si_s3_upload *upload, uint64_t length, struct si_s3_object *out,
                     struct si_error *error) {
  struct si_s3_object found;
  si_rc status = si_s3_head(client, call, key, &found, error);
  if (status != SI_OK) {
    return status;
  }
  if (strcmp(found.mark, upload->mark) != 0) {
    si_error_set(error, SI_E_CONFLICT, "S3_CHANGED",
                 "s3://%s/%s: another writer's object stands in place of what was uploaded",
                 client->bucket, key);
    return si_error_hint(error, "let one at a time write it, and try again");
  }
  if (found.length != length) {
    return si_error_set(error, SI_E_CORRUPT, "S3_UPLOAD",
                        "s3://%s/%s is not what was uploaded: %llu bytes in place of %llu",
                        client->bucket, key, (unsigned long long)found.length,
                        (unsigned long long)length);
  }
  *out = found;
  return SI_OK;
}

/* SI_OK: the store says so, or shows the object. */
static si_rc end(struct si_s3 *client, const struct si_s3_call *call,
                 const struct s3_request *request, const struct si_s3_upload *upload,
                 uint64_t length, struct si_s3_object *out, struct si_error *error) {
  struct s3_reply reply SI_AUTO(s3_reply_free);
  s3_reply_init(&reply, S3_ANSWER);
  for (uint32_t attempt = 1;; attempt++) {
    struct si_error why;
    si_rc status = end_once(client, call, request, &reply, error);
    if (status == SI_OK) {
      return confirm(client, call, request->key, upload, length, out, error);
    }
    bool unknown = error->retry == SI_OUTCOME_UNKNOWN;
    if (unknown || strcmp(error->code, "S3_NO_UPLOAD") == 0) {
      status = confirm(client, call, request->key, upload, length, out, &why);
      if (status == SI_OK) {
        return SI_OK;
      }
      /* Not there yet: to ask once more is harmless, the store knows whether it ended. */
      if (unknown &&
          (status == SI_E_NOT_FOUND || status == SI_E_CONFLICT || status == SI_E_CORRUPT)) {
        error->retry = SI_RETRY_SAFE;
      }
    }
    if (!s3_again(client, call, attempt, &reply, error)) {
      error->retry = unknown ? SI_OUTCOME_UNKNOWN : error->retry;
      return error->status;
    }
  }
}

si_rc si_s3_upload_end(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                       const struct si_s3_upload *upload, const struct si_s3_part *parts,
                       uint32_t count, uint64_t length, struct si_s3_object *out,
                       struct si_error *error) {
  const struct si_http_header query[] = {{"uploadId", upload->id}};
  const struct si_http_header headers[] = {{"Content-Type", "application/xml"}};
  struct si_buf list SI_AUTO(si_buf_free) = SI_BUF(LIST_MAX);
  struct si_error why = {.status = SI_OK}, ignored;
  struct si_s3_object object = {.length = 0};
  char sha256[SI_SHA256_HEX];
  si_rc status = count == 0 || count > SI_S3_PARTS_MAX ? SI_E_QUOTA : SI_OK;
  status = status == SI_OK ? write_list(parts, count, &list) : status;
  status = status == SI_OK ? si_sha256_hex(list.data, list.len, sha256) : status;
  if (status != SI_OK) {
    return si_error_set(error, status, "S3_REQUEST", "the list of %u parts cannot be made", count);
  }
  const struct s3_request request = {.method = "POST",
                                     .key = key,
                                     .query = query,
                                     .query_count = 1,
                                     .headers = headers,
                                     .header_count = 1,
                                     .body = list.data,
                                     .len = list.len,
                                     .body_sha256 = sha256,
                                     .once = true,
                                     .patience_ms = END_PATIENCE_MS};
  status = end(client, call, &request, upload, length, &object, &why);
  if (status == SI_OK) {
    status = s3_check_encryption(client, object.encryption, key, &why);
    if (status != SI_OK &&
        si_s3_delete(client, call, key, object.version_id[0] ? object.version_id : NULL,
                     &ignored) != SI_OK) {
      si_error_detail(&why, ignored.message);
    }
  }
  if (status == SI_OK && out) {
    *out = object;
  }
  if (status != SI_OK && error) {
    *error = why;
  }
  return status;
}

si_rc si_s3_upload_abort(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                         const char *upload_id, struct si_error *error) {
  const struct si_http_header query[] = {{"uploadId", upload_id}};
  const struct s3_request request = {
      .method = "DELETE", .key = key, .query = query, .query_count = 1};
  struct s3_reply reply SI_AUTO(s3_reply_free);
  struct si_error why;
  s3_reply_init(&reply, S3_ANSWER);
  si_rc status = s3_send(client, call, &request, &reply, &why);
  if (status == SI_E_NOT_FOUND) {
    return SI_OK;
  }
  if (status != SI_OK && error) {
    *error = why;
  }
  return status;
}
