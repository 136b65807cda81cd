/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "kit/net/http_impl.h"
#include "kit/net/memory.h"

enum { POLL_MS = 100, DEFAULT_CONNECT_MS = 10000 };

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready = CURLE_FAILED_INIT;

static void start_curl(void) {
  curl_ready = curl_global_init_mem(CURL_GLOBAL_DEFAULT, si_net_malloc, si_net_free, si_net_realloc,
                                    si_net_strdup, si_net_calloc);
}

/* --- opening --- */

static bool is_peer(const char *url, size_t scheme) {
  return url[scheme] != '\0' && !strpbrk(url + scheme, "/?#@\\") && http_printable(url, false) &&
         strlen(url) < sizeof((struct si_http *)0)->base;
}

static si_rc check_base(const char *base, bool *tls, struct si_error *error) {
  size_t skip = strncmp(base, "http://", 7) == 0 ? 7 : strncmp(base, "https://", 8) == 0 ? 8 : 0;
  if (skip == 0 || !is_peer(base, skip)) {
    return si_error_set(error, SI_E_INVALID, "HTTP_OPTIONS",
                        "\"%.200s\" is not of the form http://host[:port] or https://host[:port]",
                        base);
  }
  *tls = skip == 8;
  return SI_OK;
}

static si_rc check_proxy(const struct si_http_options *options, struct si_error *error) {
  if (options->proxy &&
      (strncmp(options->proxy, "http://", 7) != 0 || !is_peer(options->proxy, 7))) {
    /* What it is instead may hold a password. */
    return si_error_set(error, SI_E_INVALID, "HTTP_OPTIONS",
                        "the proxy is not of the form http://host[:port], without credentials");
  }
  if (options->proxy && (options->unix_socket || options->admit)) {
    return si_error_set(error, SI_E_INVALID, "HTTP_OPTIONS",
                        "a proxy goes neither with a unix socket nor with chosen addresses");
  }
  return SI_OK;
}

si_rc si_http_open(const struct si_http_options *options, struct si_http **out,
                   struct si_error *error) {
  bool tls = false;
  si_rc status = check_base(options->base ? options->base : "", &tls, error);
  status = status == SI_OK ? check_proxy(options, error) : status;
  if (status != SI_OK) {
    return status;
  }
  const char *socket = options->unix_socket;
  if (socket && (socket[0] != '/' || strlen(socket) >= sizeof((struct si_http *)0)->unix_socket)) {
    return si_error_set(error, SI_E_INVALID, "HTTP_OPTIONS",
                        "\"%.200s\" is not an absolute path of at most 107 bytes", socket);
  }
  if (options->ca_file &&
      (!options->ca_file[0] || strlen(options->ca_file) >= sizeof((struct si_http *)0)->ca_file)) {
    return si_error_set(error, SI_E_INVALID, "HTTP_OPTIONS",
                        "\"%.200s\" is no path of certificates", options->ca_file);
  }
  pthread_once(&curl_once, start_curl);
  struct si_http *client SI_AUTO(si_http_close) = calloc(1, sizeof *client);
  if (client && curl_ready == CURLE_OK) {
    client->multi = curl_multi_init();
    client->easy = curl_easy_init();
  }
  if (!client || !client->multi || !client->easy) {
    return si_error_set(error, SI_E_NOMEM, "HTTP_OPTIONS", "libcurl could not be started");
  }
  curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, 4L);
  si_copy(client->base, sizeof client->base, options->base);
  si_copy(client->unix_socket, sizeof client->unix_socket, socket);
  si_copy(client->user_agent, sizeof client->user_agent, options->user_agent);
  si_copy(client->ca_file, sizeof client->ca_file, options->ca_file);
  si_copy(client->proxy, sizeof client->proxy, options->proxy);
  client->tls = tls;
  client->bulk = options->bulk;
  client->admit = options->admit;
  client->admit_ctx = options->admit_ctx;
  client->connect_ms =
      options->connect_timeout_ms ? (long)options->connect_timeout_ms : (long)DEFAULT_CONNECT_MS;
  *out = client;
  client = NULL;
  return SI_OK;
}

void si_http_close(struct si_http **client) {
  if (*client) {
    curl_easy_cleanup((*client)->easy);
    curl_multi_cleanup((*client)->multi);
    free(*client);
    *client = NULL;
  }
}

/* --- running --- */

static int wait_ms(const struct si_http_request *request) {
  if (request->deadline_ns) {
    uint64_t now = si_monotonic_ns();
    uint64_t left = now < request->deadline_ns ? (request->deadline_ns - now) / 1000000u : 0;
    return left < POLL_MS ? (int)left + 1 : POLL_MS;
  }
  return POLL_MS;
}

/* Until a request is on its way, the time to connect is what bounds it. */
static bool stalled(struct exchange *x) {
  curl_off_t up = 0, down = 0;
  long sent = 0;
  uint64_t now = si_monotonic_ns();
  curl_easy_getinfo(x->easy, CURLINFO_SIZE_UPLOAD_T, &up);
  curl_easy_getinfo(x->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
  uint64_t moved = (uint64_t)up + (uint64_t)down + x->header_bytes;
  curl_easy_getinfo(x->easy, CURLINFO_REQUEST_SIZE, &sent);
  if (moved != x->moved || x->moved_ns == 0 || sent == 0) {
    x->moved = moved;
    x->moved_ns = now;
  }
  return now - x->moved_ns >= x->request->stall_ms * 1000000ull;
}

/* SI_OK: go on. */
static si_rc interrupted(struct exchange *x) {
  const struct si_http_request *request = x->request;
  if (request->deadline_ns && si_monotonic_ns() >= request->deadline_ns) {
    http_stop(x, SI_E_TIMEOUT, "HTTP_TIMEOUT");
  } else if (request->cancelled && request->cancelled(request->cancel_ctx)) {
    http_stop(x, SI_E_CANCELLED, "HTTP_CANCELLED");
  } else if (request->stall_ms && stalled(x)) {
    http_stop(x, SI_E_UNAVAILABLE, "HTTP_STALLED");
  }
  return x->stopped;
}

static CURLcode run(struct si_http *client, struct exchange *x) {
  int running = 1;
  int left = 0;
  while (interrupted(x) == SI_OK) {
    if (curl_multi_perform(client->multi, &running) != CURLM_OK) {
      return CURLE_OUT_OF_MEMORY;
    }
    const CURLMsg *message = curl_multi_info_read(client->multi, &left);
    if (message && message->msg == CURLMSG_DONE) {
      return message->data.result;
    }
    curl_multi_poll(client->multi, NULL, 0, wait_ms(x->request), NULL);
  }
  return CURLE_ABORTED_BY_CALLBACK;
}

/* libcurl keeps its buffers as long as the handle, and gives them back with it (memory.h). */
static void renew(struct si_http *client) {
  CURL *easy = curl_easy_init();
  if (easy) { /* else the old one goes on; it is wiped at the client's end */
    curl_easy_cleanup(client->easy);
    client->easy = easy;
  }
}

si_rc si_http_send(struct si_http *client, const struct si_http_request *request,
                   struct si_http_response *response, struct si_error *error) {
  struct exchange x = {.request = request, .response = response, .easy = client->easy};
  long http = 0;
  si_buf_clear(&response->body);
  http_forget_headers(&x);
  response->status = 0;
  response->retry = SI_RETRY_NEVER;
  client->turned_away = false;
  client->admitted = false;
  si_rc status = http_set_up(client, &x, error);
  if (status == SI_OK) {
    CURLcode result = CURLE_OUT_OF_MEMORY;
    if (curl_multi_add_handle(client->multi, client->easy) == CURLM_OK) {
      result = run(client, &x);
      curl_multi_remove_handle(client->multi, client->easy);
    }
    result = result == CURLE_WRITE_ERROR && x.cut > HTTP_CUT_MAX ? CURLE_OK : result;
    curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &http);
    response->status = (int)http;
    if (result != CURLE_OK) {
      status = http_explain(client, &x, result, error);
    }
  }
  curl_easy_reset(client->easy); /* it must not keep pointers into this frame */
  if (request->secret) {
    renew(client);
  }
  curl_slist_free_all(x.headers);
  if (status == SI_OK && (http == 429 || http == 503)) {
    response->retry = SI_RETRY_AFTER;
    response->retry_after_ms = response->retry_after_ms ? response->retry_after_ms : 1000;
  }
  return status;
}
