/* SPDX-License-Identifier: Apache-2.0 */
/* Objects in one request: put, head, delete. */
#include <string.h>

#include "kit/base/hash.h"
#include "kit/base/text.h"
#include "kit/net/s3_private.h"

enum { HEADERS = 24, CALLERS = 16 };

si_rc s3_mark(char mark[SI_S3_MARK], struct si_error *error) {
  si_rc status = si_random_hex(mark, 16);
  return status == SI_OK ? SI_OK : si_error_set(error, status, "S3_REQUEST", "no random bytes");
}

void s3_add_encryption(const struct si_s3 *client, struct si_http_header *headers, size_t *count) {
  if (client->encryption[0]) {
    headers[(*count)++] =
        (struct si_http_header){"x-amz-server-side-encryption", client->encryption};
  }
  if (client->kms_key_id[0]) {
    headers[(*count)++] =
        (struct si_http_header){"x-amz-server-side-encryption-aws-kms-key-id", client->kms_key_id};
  }
}

si_rc s3_check_encryption(const struct si_s3 *client, const char *confirmed, const char *key,
                          struct si_error *error) {
  if (!client->encryption[0] || strcmp(client->encryption, confirmed) == 0) {
    return SI_OK;
  }
  si_error_set(error, SI_E_REFUSED, "S3_NOT_ENCRYPTED",
               "the store was asked to encrypt s3://%s/%s with %s and did not confirm it (it says "
               "\"%.30s\"): the object was not kept",
               client->bucket, key, client->encryption, confirmed);
  return si_error_hint(error,
                       "this store ignores server_side_encryption: use one that honours it, or "
                       "leave the setting out");
}

/* --- head, delete --- */

static si_rc head_version(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                          const char *version_id, struct si_http_wanted *wanted, size_t count,
                          struct si_s3_object *out, struct si_error *error) {
  const struct si_http_header query[] = {{"versionId", version_id ? version_id : ""}};
  const struct s3_request request = {
      .method = "HEAD", .key = key, .query = query, .query_count = version_id ? 1 : 0};
  struct s3_reply reply SI_AUTO(s3_reply_free);
  s3_reply_init(&reply, S3_ANSWER);
  for (size_t i = 0; i < count; i++) {
    reply.headers[reply.http.wanted_count++].name = wanted[i].name;
  }
  si_rc status = s3_send(client, call, &request, &reply, error);
  if (status == SI_OK && !reply.headers[S3_H_LENGTH].found) {
    return si_error_set(error, SI_E_IO, "S3_REPLY",
                        "the store does not tell the length of s3://%s/%s", client->bucket, key);
  }
  if (status == SI_OK) {
    s3_reply_object(&reply, out);
  }
  for (size_t i = 0; i < count; i++) {
    wanted[i] = reply.headers[S3_H_COUNT + i];
  }
  return status;
}

static si_rc head(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                  struct si_s3_object *out, struct si_error *error) {
  return head_version(client, call, key, NULL, NULL, 0, out, error);
}

/* The answer to a HEAD has no body that would say why. A listing's has: ask for one, and believe it
 * where it speaks of more than the one object. */
static si_rc ask_why(struct si_s3 *client, const struct si_s3_call *call, struct si_error *error) {
  const struct si_http_header query[] = {{"list-type", "2"}, {"max-keys", "1"}};
  const struct s3_request request = {.method = "GET", .query = query, .query_count = 2};
  struct s3_reply reply SI_AUTO(s3_reply_free);
  struct si_error why;
  s3_reply_init(&reply, S3_ANSWER);
  si_rc status = s3_once(client, call, &request, &reply, &why);
  if (status != SI_OK && why.retry == SI_RETRY_NEVER && strcmp(why.code, "S3_DENIED") != 0 &&
      (status == SI_E_AUTH || status == SI_E_INVALID)) {
    *error = why;
  } else {
    atomic_store(&client->seen, true);
  }
  return error->status;
}

si_rc si_s3_head_version(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                         const char *version_id, struct si_http_wanted *wanted, size_t count,
                         struct si_s3_object *out, struct si_error *error) {
  struct si_error why = {.status = SI_OK};
  bool seen = atomic_load(&client->seen);
  if (count > SI_S3_WANTED) {
    return si_error_set(error, SI_E_QUOTA, "S3_REQUEST", "more than %d headers", SI_S3_WANTED);
  }
  si_rc status = head_version(client, call, key, version_id, wanted, count, out, &why);
  if ((status == SI_E_NOT_FOUND && !seen) || strcmp(why.code, "S3_DENIED") == 0 ||
      strcmp(why.code, "S3_REQUEST") == 0 || strcmp(why.code, "S3_REGION") == 0) {
    status = ask_why(client, call, &why);
  }
  if (status != SI_OK && error) {
    *error = why;
  }
  return status;
}

si_rc si_s3_head(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                 struct si_s3_object *out, struct si_error *error) {
  return si_s3_head_version(client, call, key, NULL, NULL, 0, out, error);
}

si_rc si_s3_delete(struct si_s3 *client, const struct si_s3_call *call, const char *key,
                   const char *version_id, struct si_error *error) {
  struct si_error why;
  const struct si_http_header query[] = {{"versionId", version_id ? version_id : ""}};
  const struct s3_request request = {
      .method = "DELETE", .key = key, .query = query, .query_count = version_id ? 1 : 0};
  struct s3_reply reply SI_AUTO(s3_reply_free);
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

/* --- put --- */

bool s3_sends_md5(const struct si_s3 *client, const struct si_s3_put *put) {
  return atomic_load(&client->wants_md5) || (put && put->with_md5);
}

bool s3_wants_md5(struct si_s3 *client, bool with_md5, const struct si_error *error) {
  if (with_md5 || strcmp(error->code, "S3_WANTS_MD5") != 0) {
    return false;
  }
  atomic_store(&client->wants_md5, true);
  return true;
}

struct putting {
  struct si_s3 *client;
  const struct si_s3_call *call;
  const struct si_s3_put *put;
  struct s3_request request;
  struct si_http_header headers[HEADERS];
  char sha256[SI_SHA256_HEX];
  char md5[SI_MD5_BASE64];
  bool with_md5;
  char mark[SI_S3_MARK];
};

static si_rc prepare(struct putting *p, struct si_error *error) {
  const struct si_s3_put *put = p->put;
  size_t count = 0;
  if (put->header_count > CALLERS || put->len > SI_S3_PUT_MAX) {
    return si_error_set(error, SI_E_QUOTA, "S3_REQUEST",
                        "%.200s: more than 5 GiB, or more than 16 headers, in one request",
                        put->key);
  }
  si_rc status = si_sha256_hex(put->data, put->len, p->sha256);
  p->with_md5 = s3_sends_md5(p->client, put);
  if (status == SI_OK && p->with_md5) {
    status = si_md5_base64(put->data, put->len, p->md5);
    p->headers[count++] = (struct si_http_header){"Content-MD5", p->md5};
  }
  if (status != SI_OK) {
    return si_error_set(error, status, "S3_REQUEST", "the data cannot be hashed");
  }
  if (put->content_type && put->content_type[0]) {
    p->headers[count++] = (struct si_http_header){"Content-Type", put->content_type};
  }
  s3_add_encryption(p->client, p->headers, &count);
  if (put->create_only) {
    p->headers[count++] = (struct si_http_header){"If-None-Match", "*"};
    p->headers[count++] = (struct si_http_header){"x-amz-meta-si-put", p->mark};
    status = s3_mark(p->mark, error);
  }
  for (size_t i = 0; i < put->header_count; i++) {
    p->headers[count++] = put->headers[i];
  }
  p->request = (struct s3_request){.method = "PUT",
                                   .key = put->key,
                                   .headers = p->headers,
                                   .header_count = count,
                                   .body = put->data,
                                   .len = put->len,
                                   .body_sha256 = p->sha256,
                                   .once = put->create_only};
  return status;
}

/* After a create-only PUT of which it is not known whether it ran: whose object stands there?
 * SI_OK: ours. */
static si_rc whose(const struct putting *p, struct si_s3_object *out, struct si_error *error) {
  struct si_s3_object found;
  struct si_error why;
  si_rc status = head(p->client, p->call, p->put->key, &found, &why);
  if (status == SI_OK && strcmp(found.mark, p->mark) == 0 && found.length == p->put->len) {
    *out = found;
    return SI_OK;
  }
  if (status == SI_OK) {
    return si_error_set(error, SI_E_EXISTS, "S3_EXISTS", "s3://%s/%s exists already",
                        p->client->bucket, p->put->key);
  }
  if (status == SI_E_NOT_FOUND) {
    error->retry = SI_RETRY_SAFE; /* it did not run: harmless to send again */
    return error->status;
  }
  *error = why;
  error->retry = SI_OUTCOME_UNKNOWN;
  si_error_hint(error, "look whether s3://%s/%s exists before trying again", p->client->bucket,
                p->put->key);
  return error->status;
}

static si_rc put_new(struct putting *p, struct s3_reply *reply, struct si_s3_object *out,
                     struct si_error *error) {
  uint32_t attempt = 1;
  for (;;) {
    si_rc status = s3_once(p->client, p->call, &p->request, reply, error);
    if (status == SI_OK) {
      s3_reply_object(reply, out);
      return SI_OK;
    }
    bool unknown = error->retry == SI_OUTCOME_UNKNOWN;
    /* A connection may have been lost, and the request sent again, below us: also a plain "exists"
     * may speak of our own object. */
    if (unknown || strcmp(error->code, "S3_EXISTS") == 0) {
      status = whose(p, out, error);
      if (status == SI_OK) {
        return SI_OK;
      }
    }
    if (!s3_again(p->client, p->call, attempt++, reply, error)) {
      if (unknown && error->retry == SI_RETRY_SAFE) {
        error->retry = SI_OUTCOME_UNKNOWN; /* it may still arrive */
      }
      return error->status;
    }
  }
}

/* What is not encrypted as asked for must not stay. */
static si_rc settle(const struct putting *p, const struct si_s3_object *object,
                    struct si_error *error) {
  struct si_error why;
  si_rc status = s3_check_encryption(p->client, object->encryption, p->put->key, error);
  if (status != SI_OK &&
      si_s3_delete(p->client, p->call, p->put->key,
                   object->version_id[0] ? object->version_id : NULL, &why) != SI_OK) {
    si_error_set(error, SI_E_REFUSED, "S3_NOT_ENCRYPTED",
                 "the store did not encrypt s3://%s/%s as asked, and it could not be deleted again "
                 "(%.300s): delete it by hand",
                 p->client->bucket, p->put->key, why.message);
  }
  return status;
}

si_rc si_s3_put(struct si_s3 *client, const struct si_s3_call *call, const struct si_s3_put *put,
                struct si_s3_object *out, struct si_error *error) {
  struct putting p = {.client = client, .call = call, .put = put};
  struct s3_reply reply SI_AUTO(s3_reply_free);
  struct si_s3_object object = {.length = 0};
  struct si_error why = {.status = SI_OK};
  s3_reply_init(&reply, S3_ANSWER);
  si_rc status = SI_OK;
  do {
    status = prepare(&p, &why);
    if (status == SI_OK && put->create_only) {
      status = put_new(&p, &reply, &object, &why);
    } else if (status == SI_OK) {
      status = s3_send(client, call, &p.request, &reply, &why);
      s3_reply_object(&reply, &object);
    }
  } while (status != SI_OK && s3_wants_md5(client, p.with_md5, &why));
  status = status == SI_OK ? settle(&p, &object, &why) : status;
  if (status == SI_OK && out) {
    *out = object;
    out->length = put->len;
  }
  if (status != SI_OK && error) {
    *error = why;
  }
  return status;
}
