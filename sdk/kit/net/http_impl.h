/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/net/http_impl.h - what the parts of the HTTP client share: http.c (the client, and running a
 * request), http_set_up.c (the request as libcurl wants it), http_explain.c (what a failure means).
 * Private to kit/net/http*.c.
 */
#ifndef SI_KIT_NET_HTTP_IMPL_H
#define SI_KIT_NET_HTTP_IMPL_H

#include <curl/curl.h>

#include "kit/base/path.h"
#include "kit/net/http.h"

/* Of a refusal's text that nobody wants. */
#define HTTP_CUT_MAX (1024u * 1024)

struct si_http {
  CURLM *multi;
  CURL *easy;
  char base[512];
  char unix_socket[108];
  char user_agent[128];
  char ca_file[SI_PATH_MAX];
  char proxy[512];
  bool tls;
  bool bulk;
  long connect_ms;
  si_http_admit admit;
  void *admit_ctx;
  bool turned_away; /* every address of this request's peer, so far */
  bool admitted;    /* one of them */
};

/* One request in flight. */
struct exchange {
  const struct si_http_request *request;
  struct si_http_response *response;
  CURL *easy;
  struct curl_slist *headers;
  uint64_t given; /* bytes of the body handed to libcurl */
  size_t header_bytes;
  uint64_t cut;        /* bytes of a refusal that were left out of the answer */
  uint64_t moved;      /* bytes, either way, when last looked at */
  uint64_t moved_ns;   /* when there were fewer */
  si_rc stopped;       /* why a callback of ours stopped it, or SI_OK */
  const char *stopper; /* the code that goes with it */
  char reason[CURL_ERROR_SIZE];
};

/* Prepares client->easy for the request. */
si_rc http_set_up(struct si_http *client, struct exchange *x, struct si_error *error) SI_MUST_USE;
/* No control character, and no blank where `blanks` is false. */
bool http_printable(const char *text, bool blanks);
bool http_repeatable(const struct si_http_request *request);
/* Forgets what an earlier answer said. */
void http_forget_headers(struct exchange *x);
/* Notes why the request is stopped; the first reason counts. Returns 0. */
size_t http_stop(struct exchange *x, si_rc status, const char *code);
/* Why a request failed, and whether it may be repeated; the status. */
si_rc http_explain(struct si_http *client, const struct exchange *x, CURLcode result,
                   struct si_error *error);

#endif
