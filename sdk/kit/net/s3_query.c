/* SPDX-License-Identifier: Apache-2.0 */
/* What hangs on an object or the bucket: small documents, asked for and set. */
#include <string.h>

#include "kit/base/hash.h"
#include "kit/base/text.h"
#include "kit/net/s3_private.h"

si_rc si_s3_query(struct si_s3 *client, const struct si_s3_call *call,
                  const struct si_s3_query *query, struct si_s3_answer *out,
                  struct si_error *error) {
  char sha256[SI_SHA256_HEX], md5[SI_MD5_BASE64];
  const struct si_http_header headers[] = {{"Content-MD5", md5},
                                           {"Content-Type", "application/xml"}};
  struct s3_request request = {.method = query->method,
                               .key = query->key,
                               .query = query->pairs,
                               .query_count = query->pair_count};
  struct s3_reply reply SI_AUTO(s3_reply_free);
  struct si_error why = {.status = SI_OK};
  si_rc status = SI_OK;
  s3_reply_init(&reply, S3_ANSWER);
  if (query->body) {
    request.headers = headers;
    request.header_count = 2;
    request.body = query->body;
    request.len = query->len;
    request.body_sha256 = sha256;
    status = si_sha256_hex(query->body, query->len, sha256);
    status = status == SI_OK ? si_md5_base64(query->body, query->len, md5) : status;
  }
  status = status == SI_OK
               ? s3_send(client, call, &request, &reply, &why)
               : si_error_set(&why, status, "S3_REQUEST", "the document cannot be hashed");
  out->http = reply.http.status;
  si_copy(out->date, sizeof out->date, reply.headers[S3_H_DATE].value);
  si_buf_clear(&out->body);
  if (si_buf_add(&out->body, reply.http.body.data, reply.http.body.len) != SI_OK &&
      status == SI_OK) {
    status = si_error_set(&why, SI_E_NOMEM, "S3_REPLY", "out of memory");
  }
  if (status != SI_OK && error) {
    *error = why;
  }
  return status;
}
