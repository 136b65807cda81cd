/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/net/sigv4.h - AWS Signature Version 4 of a request whose payload is known, in the header
 * Authorization. Depends on kit/base; thread-safe.
 *
 * Nothing is encoded twice and no path is normalised (what S3 wants, other services differ): the
 * path and the query that are signed are those that are sent.
 */
#ifndef SI_KIT_NET_SIGV4_H
#define SI_KIT_NET_SIGV4_H

#include "kit/base/buf.h"
#include "kit/net/http.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SI_SIGV4_MAX 32 /* pairs of a query, headers of a request */
#define SI_SIGV4_TIME 17

struct si_sigv4_key {
  const char *access_key_id;
  const void *secret; /* secret_len bytes */
  size_t secret_len;
  const char *region;
  const char *service; /* "s3" */
};

struct si_sigv4_request {
  const char *method;
  const char *path;  /* encoded already: "/a%20b" */
  const char *query; /* as si_sigv4_query wrote it, or "" */
  /* All of these are signed: host and x-amz-date must be among them, and for S3
   * x-amz-content-sha256; x-amz-security-token where the credentials have one. */
  const struct si_http_header *headers;
  size_t header_count;
  const char *payload_sha256; /* 64 hex digits */
  const char *time;           /* that of x-amz-date: "20130524T000000Z" */
};

/* Unix time in milliseconds as x-amz-date has it. */
void si_sigv4_time(int64_t ms, char to[SI_SIGV4_TIME]);

/* Appends the pairs in canonical form: encoded, sorted by encoded name, then by encoded value. A
 * bare name ("uploads") has the value "" and is sent as "uploads=". SI_E_QUOTA: too many. */
si_rc si_sigv4_query(const struct si_http_header *pairs, size_t count,
                     struct si_buf *out) SI_MUST_USE;

/* Appends the value of the header Authorization. SI_E_QUOTA: too many headers, or no room;
 * SI_E_INVALID: the time is malformed. Copies of the secret are wiped. */
si_rc si_sigv4_authorization(const struct si_sigv4_key *key, const struct si_sigv4_request *request,
                             struct si_buf *out) SI_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
