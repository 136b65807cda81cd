/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/net/s3_private.h - what the parts of the S3 client share: the client itself, one request and
 * its reply, faults, pauses. Depends on kit/net/s3.h.
 */
#ifndef SI_KIT_NET_S3_PRIVATE_H
#define SI_KIT_NET_S3_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "kit/base/locked.h"
#include "kit/base/path.h"
#include "kit/net/s3.h"

#define S3_CONNECTIONS 64
#define S3_PAGE (8u << 20)     /* bytes of a page of a listing */
#define S3_ANSWER (256u << 10) /* of any other document */

struct si_s3 {
  char base[512]; /* what is connected to: "https://bucket.host:port" */
  char host[512]; /* the header */
  char path[72];  /* "", or "/bucket" */
  char bucket[64];
  char region[64];
  char access_key_id[160];
  char ca_file[SI_PATH_MAX];
  char proxy[512];
  char encryption[16];
  char kms_key_id[512];
  struct si_locked secret;
  struct si_locked token; /* a text */
  uint32_t max_attempts;
  uint32_t connect_timeout_ms;
  uint32_t stall_ms;
  atomic_bool seen;      /* the bucket: it answered before */
  atomic_bool wants_md5; /* it does not take bodies without Content-MD5 */
  pthread_mutex_t lock;
  pthread_cond_t freed;
  struct si_http *idle[S3_CONNECTIONS];
  uint32_t idle_count;
  uint32_t made;
  uint32_t connections;
};

struct s3_request {
  const char *method;
  const char *key; /* NULL: the bucket */
  const struct si_http_header *query;
  size_t query_count;
  const struct si_http_header *headers; /* further ones, signed */
  size_t header_count;
  const void *body;
  size_t len;
  const char *body_sha256; /* NULL: there is no body */
  bool once;            /* a second run does harm: what may have happened is SI_OUTCOME_UNKNOWN */
  uint32_t patience_ms; /* for one try, besides the time its bytes need; 0: what is usual */
  uint64_t expected;    /* bytes of the answer's body, where they are many */
  si_http_sink sink;
  void *sink_ctx;
};

/* Headers of an answer. */
enum {
  S3_H_ETAG,
  S3_H_VERSION,
  S3_H_ENCRYPTION,
  S3_H_MARK,
  S3_H_DATE,
  S3_H_MODIFIED,
  S3_H_LENGTH,
  S3_H_RANGE,
  S3_H_REGION,
  S3_H_COUNT
};

struct s3_reply {
  struct si_http_response http;
  struct si_http_wanted headers[S3_H_COUNT + SI_S3_WANTED]; /* behind ours a caller's */
};

/* A reply whose body has at most `max` bytes; to be freed. */
void s3_reply_init(struct s3_reply *reply, size_t max);
void s3_reply_free(struct s3_reply *reply); /* for SI_AUTO */
/* What its headers say of an object; length where there is a Content-Length. */
void s3_reply_object(const struct s3_reply *reply, struct si_s3_object *out);

/* One try. An answer other than 2xx is a failure, explained by s3_fault. */
si_rc s3_once(struct si_s3 *client, const struct si_s3_call *call, const struct s3_request *request,
              struct s3_reply *reply, struct si_error *error) SI_MUST_USE;
/* As many as may be. */
si_rc s3_send(struct si_s3 *client, const struct si_s3_call *call, const struct s3_request *request,
              struct s3_reply *reply, struct si_error *error) SI_MUST_USE;

/* Lends a connection, or waits for one; to be given back. NULL gives back the right to make one. */
si_rc s3_borrow(struct si_s3 *client, const struct si_s3_call *call, struct si_http **out,
                struct si_error *error) SI_MUST_USE;
void s3_give_back(struct si_s3 *client, struct si_http *http);

/* --- faults (s3_fault.c) --- */

/* Explains an answer that is not 2xx, or an error document inside a 2xx one. */
si_rc s3_fault(const struct si_s3 *client, const struct s3_request *request,
               const struct s3_reply *reply, struct si_error *error);

/* --- pauses (s3_retry.c) --- */

/* How long to wait after try number `attempt` (from 1): half of it fixed, half random. */
uint32_t s3_backoff_ms(uint32_t attempt, uint32_t random);
/* May a failed call be tried again? Waits, then; else *error stays, or says that the call was
 * cancelled. */
bool s3_again(struct si_s3 *client, const struct si_s3_call *call, uint32_t attempt,
              const struct s3_reply *reply, struct si_error *error);

/* --- shared by objects and uploads (s3_object.c) --- */

/* A random mark. */
si_rc s3_mark(char mark[SI_S3_MARK], struct si_error *error) SI_MUST_USE;
/* Is what was asked for with every object what the store confirms? */
si_rc s3_check_encryption(const struct si_s3 *client, const char *confirmed, const char *key,
                          struct si_error *error) SI_MUST_USE;
/* Has a store that checks the SHA-256 that is signed to be given an MD5 as well? Costly: asked for
 * only where it insists, or the caller does. */
bool s3_sends_md5(const struct si_s3 *client, const struct si_s3_put *put);
/* After a failure of a request `with_md5` or without: is it to be sent again, with one? */
bool s3_wants_md5(struct si_s3 *client, bool with_md5, const struct si_error *error);
/* Appends the headers that every new object gets; *count grows by at most 3. */
void s3_add_encryption(const struct si_s3 *client, struct si_http_header *headers, size_t *count);

#endif
