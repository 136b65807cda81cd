/* SPDX-License-Identifier: Apache-2.0 */
/* What a store's refusals mean, and what to do about them. */
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "kit/net/s3_private.h"
#include "kit/net/xml.h"

struct told {
  char code[64];
  char message[256];
  char region[64];
  char server_time[64];
};

struct meaning {
  const char *said; /* the store's word */
  si_rc status;
  uint32_t retry;
  const char *code;
  const char *what;
  const char *hint;
};

#define NEVER SI_RETRY_NEVER
#define SAFE SI_RETRY_SAFE
#define AFTER SI_RETRY_AFTER

static const struct meaning meanings[] = {
    {"SignatureDoesNotMatch", SI_E_AUTH, NEVER, "S3_SIGNATURE",
     "the store does not accept the signature",
     "the secret access key does not belong to this access key id: check the credentials"},
    {"InvalidAccessKeyId", SI_E_AUTH, NEVER, "S3_ACCESS_KEY",
     "the store does not know the access key id", "check the credentials, and the endpoint"},
    {"ExpiredToken", SI_E_AUTH, NEVER, "S3_TOKEN", "the session token has expired",
     "get new temporary credentials"},
    {"InvalidToken", SI_E_AUTH, NEVER, "S3_TOKEN", "the store does not accept the session token",
     "check that it belongs to these credentials"},
    {"RequestTimeTooSkewed", SI_E_AUTH, NEVER, "S3_CLOCK",
     "this machine's clock and the store's are too far apart", "set the clock (NTP)"},
    {"RequestExpired", SI_E_AUTH, NEVER, "S3_CLOCK",
     "this machine's clock and the store's are too far apart", "set the clock (NTP)"},
    {"AccessDenied", SI_E_AUTH, NEVER, "S3_DENIED", "the store denies access",
     "these credentials lack the permission, or a policy of the bucket forbids it"},
    {"AllAccessDisabled", SI_E_AUTH, NEVER, "S3_DENIED", "the bucket is disabled",
     "ask the store's operator"},
    {"NoSuchBucket", SI_E_INVALID, NEVER, "S3_NO_BUCKET", "the bucket does not exist",
     "make it first, or check bucket, endpoint and region"},
    {"NoSuchKey", SI_E_NOT_FOUND, NEVER, "S3_NO_KEY", "there is no such object", ""},
    {"NoSuchVersion", SI_E_NOT_FOUND, NEVER, "S3_NO_KEY", "there is no such version", ""},
    {"NoSuchUpload", SI_E_NOT_FOUND, NEVER, "S3_NO_UPLOAD",
     "the upload is gone: somebody ended or dropped it", "try again"},
    {"QuotaExceeded", SI_E_QUOTA, NEVER, "S3_QUOTA", "the store's quota is used up",
     "free some space there, or have the quota raised"},
    {"InsufficientCapacity", SI_E_QUOTA, NEVER, "S3_QUOTA", "the store is full",
     "free some space there"},
    {"EntityTooLarge", SI_E_QUOTA, NEVER, "S3_TOO_LARGE", "the store does not take so many bytes",
     ""},
    {"SlowDown", SI_E_UNAVAILABLE, AFTER, "S3_SLOW_DOWN", "the store asks to slow down",
     "try again later, or with fewer connections"},
    {"ServiceUnavailable", SI_E_UNAVAILABLE, AFTER, "S3_UNAVAILABLE", "the store cannot serve now",
     "try again later"},
    {"InternalError", SI_E_UNAVAILABLE, SAFE, "S3_INTERNAL", "the store failed", "try again later"},
    {"RequestTimeout", SI_E_UNAVAILABLE, SAFE, "S3_STALLED", "the store waited in vain for data",
     "try again"},
    {"OperationAborted", SI_E_UNAVAILABLE, SAFE, "S3_RACE", "another request is changing the same",
     "try again"},
    {"ConditionalRequestConflict", SI_E_UNAVAILABLE, SAFE, "S3_RACE",
     "another request is changing the same", "try again"},
    {"PreconditionFailed", SI_E_EXISTS, NEVER, "S3_EXISTS", "the object exists already", ""},
    {"InvalidRange", SI_E_INVALID, NEVER, "S3_RANGE", "the object has no such bytes", ""},
    {"PermanentRedirect", SI_E_INVALID, NEVER, "S3_REGION", "the bucket lies elsewhere",
     "set region, and endpoint, to those of the bucket"},
    {"TemporaryRedirect", SI_E_INVALID, NEVER, "S3_REGION", "the bucket lies elsewhere",
     "set region, and endpoint, to those of the bucket"},
    {"AuthorizationHeaderMalformed", SI_E_INVALID, NEVER, "S3_REGION",
     "the store does not accept the signature's region", "set region to that of the bucket"},
    {"IllegalLocationConstraintException", SI_E_INVALID, NEVER, "S3_REGION",
     "the bucket lies elsewhere", "set region to that of the bucket"},
    {"BadDigest", SI_E_CORRUPT, SAFE, "S3_FLIPPED", "the bytes changed on their way to the store",
     "look at the network, or at what stands in between"},
    {"InvalidDigest", SI_E_CORRUPT, SAFE, "S3_FLIPPED",
     "the bytes' hash changed on its way to the store",
     "look at the network, or at what stands in between"},
    {"XAmzContentSHA256Mismatch", SI_E_CORRUPT, SAFE, "S3_FLIPPED",
     "the bytes changed on their way to the store",
     "look at the network, or at what stands in between"},
    {"IncompleteBody", SI_E_UNAVAILABLE, SAFE, "S3_FLIPPED", "the store got too few bytes",
     "try again"},
    {"MissingContentMD5", SI_E_INVALID, NEVER, "S3_WANTS_MD5",
     "the store does not take the object without Content-MD5", ""},
    {"InvalidObjectState", SI_E_CONFLICT, NEVER, "S3_ARCHIVED",
     "the object lies in an archive, from which it must be restored first", ""},
    {"NotImplemented", SI_E_UNSUPPORTED, NEVER, "S3_UNSUPPORTED", "the store cannot do that", ""},
    {"InvalidBucketName", SI_E_INVALID, NEVER, "S3_NO_BUCKET",
     "the store does not take the bucket's name", ""},
    {"KMS.NotFoundException", SI_E_INVALID, NEVER, "S3_KMS", "the KMS key does not exist",
     "check kms_key_id"},
    {"KMS.DisabledException", SI_E_INVALID, NEVER, "S3_KMS", "the KMS key is disabled",
     "enable it, or choose another"},
};

/* Where the store says nothing that we know. */
static const struct {
  int http;
  struct meaning meaning;
} plain[] = {
    {301,
     {"", SI_E_INVALID, NEVER, "S3_REGION", "the bucket lies elsewhere",
      "set region, and endpoint, to those of the bucket"}},
    {307,
     {"", SI_E_INVALID, NEVER, "S3_REGION", "the bucket lies elsewhere",
      "set region, and endpoint, to those of the bucket"}},
    {400, {"", SI_E_INVALID, NEVER, "S3_REQUEST", "the store does not accept the request", ""}},
    {401, {"", SI_E_AUTH, NEVER, "S3_DENIED", "the store denies access", "check the credentials"}},
    {403,
     {"", SI_E_AUTH, NEVER, "S3_DENIED", "the store denies access",
      "check the credentials, their permissions and the clock"}},
    {404, {"", SI_E_NOT_FOUND, NEVER, "S3_NO_KEY", "there is no such object", ""}},
    {405, {"", SI_E_UNSUPPORTED, NEVER, "S3_UNSUPPORTED", "the store does not allow that", ""}},
    {407,
     {"", SI_E_AUTH, NEVER, "S3_PROXY", "the proxy wants credentials",
      "they are never given to a proxy: use one that asks for none"}},
    {408, {"", SI_E_UNAVAILABLE, SAFE, "S3_STALLED", "the store waited in vain for data", ""}},
    {409, {"", SI_E_UNAVAILABLE, SAFE, "S3_RACE", "another request is changing the same", ""}},
    {412, {"", SI_E_EXISTS, NEVER, "S3_EXISTS", "the object exists already", ""}},
    {413, {"", SI_E_QUOTA, NEVER, "S3_TOO_LARGE", "the store does not take so many bytes", ""}},
    {416, {"", SI_E_INVALID, NEVER, "S3_RANGE", "the object has no such bytes", ""}},
    {429,
     {"", SI_E_UNAVAILABLE, AFTER, "S3_SLOW_DOWN", "the store asks to slow down",
      "try again later"}},
    {501, {"", SI_E_UNSUPPORTED, NEVER, "S3_UNSUPPORTED", "the store cannot do that", ""}},
    {503,
     {"", SI_E_UNAVAILABLE, AFTER, "S3_UNAVAILABLE", "the store cannot serve now",
      "try again later"}},
    {507, {"", SI_E_QUOTA, NEVER, "S3_QUOTA", "the store is full", "free some space there"}},
};

static si_rc on_element(void *ctx, const char *path, const char *text, size_t len) {
  struct told *told = ctx;
  struct {
    const char *path;
    char *to;
    size_t size;
  } const fields[] = {
      {"Error/Code", told->code, sizeof told->code},
      {"Error/Message", told->message, sizeof told->message},
      {"Error/Region", told->region, sizeof told->region},
      {"Error/ServerTime", told->server_time, sizeof told->server_time},
  };
  (void)len;
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    if (strcmp(path, fields[i].path) == 0) {
      si_copy(fields[i].to, fields[i].size, text);
    }
  }
  return SI_OK;
}

/* For a terminal and a log: one line. */
static void clean(char *text) {
  for (; *text; text++) {
    if ((unsigned char)*text < 0x20 || *text == 0x7F) {
      *text = ' ';
    }
  }
}

static struct meaning find(const struct told *told, int http) {
  const char *said = told->code;
  static const struct meaning broken = {
      "", SI_E_UNAVAILABLE, SAFE, "S3_INTERNAL", "the store failed", "try again later"};
  static const struct meaning strange = {
      "", SI_E_INVALID, NEVER, "S3_REQUEST", "the store does not accept the request", ""};
  /* One store says so in words alone. */
  if (strcmp(said, "InvalidRequest") == 0 && strstr(told->message, "Content-MD5")) {
    said = "MissingContentMD5";
  }
  for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
    if (strcmp(meanings[i].said, said) == 0) {
      return meanings[i];
    }
  }
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
    if (plain[i].http == http) {
      return plain[i].meaning;
    }
  }
  /* A 2xx answer with an error inside is one of the store's own failing. */
  return http >= 500 || http < 300 ? broken : strange;
}

static void add_hint(const struct si_s3 *client, const struct s3_reply *reply,
                     const struct meaning *m, const struct told *told, struct si_error *error) {
  const char *region = told->region[0] ? told->region : reply->headers[S3_H_REGION].value;
  if (strcmp(m->code, "S3_CLOCK") == 0) {
    char here[SI_TIME_SIZE];
    const char *there = told->server_time[0] ? told->server_time : reply->headers[S3_H_DATE].value;
    si_now_text(here);
    si_error_hint(error, "set the clock (NTP): here it is %s, at the store %s", here,
                  there[0] ? there : "another time");
  } else if (strcmp(m->code, "S3_REGION") == 0 && region[0]) {
    si_error_hint(error, "%s: %.63s, not %s", m->hint, region, client->region);
  } else if (strcmp(m->code, "S3_ACCESS_KEY") == 0) {
    si_error_hint(error, "%s (the id is %s)", m->hint, client->access_key_id);
  } else {
    si_error_hint(error, "%s", m->hint);
  }
}

si_rc s3_fault(const struct si_s3 *client, const struct s3_request *request,
               const struct s3_reply *reply, struct si_error *error) {
  struct told told = {{0}, {0}, {0}, {0}};
  const struct si_buf *body = &reply->http.body;
  int http = reply->http.status;
  /* What cannot be read tells nothing; the status still does. */
  if (body->len > 0 && si_xml_read(body->data, body->len, on_element, &told, NULL) != SI_OK &&
      !told.code[0]) {
    told.message[0] = '\0';
  }
  clean(told.code);
  clean(told.message);
  clean(told.region);
  clean(told.server_time);
  struct meaning m = find(&told, http);
  bool conditional = false;
  for (size_t i = 0; i < request->header_count; i++) {
    conditional = conditional || strcmp(request->headers[i].name, "If-Match") == 0;
  }
  if (conditional && strcmp(m.code, "S3_EXISTS") == 0) {
    m.status = SI_E_CONFLICT;
    m.code = "S3_CHANGED";
    m.what = "the object was replaced while it was read";
    m.hint = "try again";
  }
  si_error_set(error, m.status, m.code, "%s s3://%s%s%s: %s (HTTP %d%s%s%s%.200s)", request->method,
               client->bucket, request->key ? "/" : "", request->key ? request->key : "", m.what,
               http, told.code[0] ? " " : "", told.code, told.message[0] ? ": " : "", told.message);
  add_hint(client, reply, &m, &told, error);
  error->retry = m.retry;
  if (m.retry != NEVER && request->once && http != 503 && http != 429 &&
      (http >= 500 || http < 300)) {
    error->retry = SI_OUTCOME_UNKNOWN;
  }
  return m.status;
}
