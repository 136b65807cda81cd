/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/net/http.h - one HTTP/1.1 request at a time, over TCP, TLS or a unix socket. Depends on
 * libcurl. A client keeps its connections between requests; it belongs to one thread at a time.
 *
 * Redirects are off, paths are sent as given, nothing but http and https is spoken, certificates
 * are always checked. A proxy is used where one is given; the environment is never asked for one.
 * Every wait ends at the deadline, and within 200 ms of the
 * moment `cancelled` says so. An answer of any HTTP status is SI_OK: what it means is the caller's
 * matter (si_http_refusal helps). A failure says in error->retry whether the request may be
 * repeated: a request that is not idempotent, and that may have reached the peer, is
 * SI_OUTCOME_UNKNOWN, and is never sent twice behind the caller's back.
 */
#ifndef SI_KIT_NET_HTTP_H
#define SI_KIT_NET_HTTP_H

#include <stdbool.h>
#include <sys/socket.h>

#include "kit/base/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

struct si_http; /* a client */

/* May this address be connected to? Asked for each one that a name stands for. */
typedef bool (*si_http_admit)(void *ctx, const struct sockaddr *address, socklen_t len);

struct si_http_options {
  const char *base;            /* "http://host[:port]" or "https://host[:port]", no path */
  const char *unix_socket;     /* a path to connect to in place of base's host; or NULL */
  const char *user_agent;      /* or NULL */
  uint32_t connect_timeout_ms; /* 0: ten seconds */
  const char *ca_file;         /* certificates to trust in place of the system's; or NULL */
  si_http_admit admit;         /* NULL: any address */
  void *admit_ctx;
  bool bulk;         /* bodies are long: larger buffers */
  const char *proxy; /* "http://host[:port]" of a proxy to go through; or NULL */
};

/* HTTP_OPTIONS (SI_E_INVALID) where base or proxy is not of that form, or a proxy is given together
 * with a unix socket or with admit, which could not see the peer's address. */
si_rc si_http_open(const struct si_http_options *options, struct si_http **out,
                   struct si_error *error) SI_MUST_USE;
void si_http_close(struct si_http **client); /* for SI_AUTO; NULL inside is fine */

/* Takes part of an answer's body. A status other than SI_OK ends the request with it. */
typedef si_rc (*si_http_sink)(void *ctx, const void *data, size_t len);
/* Gives at most `cap` bytes of a request's body; *got 0 = the end, which must come after exactly
 * body_len bytes. A status other than SI_OK ends the request with it. */
typedef si_rc (*si_http_source)(void *ctx, void *data, size_t cap, size_t *got);

struct si_http_header {
  const char *name;
  const char *value;
};

struct si_http_request {
  const char *method; /* upper case */
  const char *target; /* "/path?query", encoded already (kit/net/url.h) */
  const struct si_http_header *headers;
  size_t header_count;
  const void *body;      /* body_len bytes, or NULL */
  si_http_source source; /* in place of body, or NULL */
  void *source_ctx;
  uint64_t body_len;
  bool secret;                 /* what is sent holds secrets: no buffer of it outlives the call */
  bool repeatable;             /* idempotent although the method (POST, PATCH) does not say so */
  uint64_t deadline_ns;        /* CLOCK_MONOTONIC; 0 = none */
  uint32_t stall_ms;           /* no byte moved either way for so long: HTTP_STALLED; 0 = never */
  int (*cancelled)(void *ctx); /* non-zero: stop; or NULL */
  void *cancel_ctx;
  si_http_sink sink; /* takes the body of a 2xx answer; NULL: response->body does */
  void *sink_ctx;
};

/* A header of the answer that the caller wants: set name, the rest is filled in. The first one of
 * that name counts; a value that does not fit is an error (HTTP_HEADER). */
struct si_http_wanted {
  const char *name;
  bool found;
  char value[512];
};

struct si_http_response {
  struct si_buf body;            /* the caller's: set its maximum, free it */
  struct si_http_wanted *wanted; /* the caller's; or NULL */
  size_t wanted_count;
  int status;              /* HTTP status; on failure of the answer that broke off, or 0 */
  uint32_t retry;          /* for 429 and 503 SI_RETRY_AFTER, else SI_RETRY_NEVER */
  uint32_t retry_after_ms; /* from Retry-After in seconds, at most an hour; 1000 where absent */
};

/* Sends the request and reads the whole answer. Codes: HTTP_CONNECT (no connection was made; the
 * status is AUTH where the system forbids it, else UNAVAILABLE), HTTP_ADDRESS (SI_E_REFUSED:
 * admit() let no address of the peer pass), HTTP_TLS (a peer that is
 * not trusted is SI_RETRY_NEVER), HTTP_PROXY (the proxy makes no connection to the peer), HTTP_LOST
 * (the connection broke), HTTP_STALLED (SI_E_UNAVAILABLE: nothing moved for stall_ms),
 * HTTP_PROTOCOL (the answer is no HTTP), HTTP_TOO_LARGE (SI_E_QUOTA: the body is beyond its
 * buffer), HTTP_TIMEOUT, HTTP_CANCELLED, HTTP_REQUEST (a malformed request), HTTP_CALLBACK (a sink
 * or source said stop). */
si_rc si_http_send(struct si_http *client, const struct si_http_request *request,
                   struct si_http_response *response, struct si_error *error) SI_MUST_USE;

/* Fills *error from an answer that is not 2xx: 401 is AUTH, 403 REFUSED, 404 NOT_FOUND, 409
 * CONFLICT, 413 and 507 QUOTA, 429 and 503 UNAVAILABLE (retry AFTER), 501 UNSUPPORTED, other 4xx
 * INVALID, other 5xx IO. `what` begins the message ("<what>: <why> (HTTP <status>)"); `why` may be
 * NULL. */
si_rc si_http_refusal(const struct si_http_response *response, const char *code, const char *what,
                      const char *why, struct si_error *error);

#ifdef __cplusplus
}
#endif
#endif
