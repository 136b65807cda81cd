/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/net/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "kit/base/path.h"
#include "kit/base/text.h"
#include "kit/net/memory.h"

enum {
  POLL_MS = 100,
  MAX_HEADER_BYTES = 64 * 1024,
  DEFAULT_CONNECT_MS = 10000,
  CUT_MAX = 1024 * 1024
};

struct si_http {
  CURLM *multi;
  CURL *easy;
  char base[512];
  char unix_socket[108];
  char user_agent[128];
  char ca_file[SI_PATH_MAX];
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
  si_rc stopped;       /* why a callback of ours stopped it, or SI_OK */
  const char *stopper; /* the code that goes with it */
  char reason[CURL_ERROR_SIZE];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready = CURLE_FAILED_INIT;

static void start_curl(void) {
  curl_ready = curl_global_init_mem(CURL_GLOBAL_DEFAULT, si_net_malloc, si_net_free, si_net_realloc,
                                    si_net_strdup, si_net_calloc);
}

/* --- opening --- */

static bool printable(const char *text, bool blanks) {
  for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
    if (*p < 0x20 || *p == 0x7F || (!blanks && *p == ' ')) {
      return false;
    }
  }
  return true;
}

static si_rc check_base(const char *base, bool *tls, struct si_error *error) {
  size_t skip = strncmp(base, "http://", 7) == 0 ? 7 : strncmp(base, "https://", 8) == 0 ? 8 : 0;
  if (skip == 0 || base[skip] == '\0' || strpbrk(base + skip, "/?#@\\") ||
      !printable(base, false) || strlen(base) >= sizeof((struct si_http *)0)->base) {
    return si_error_set(error, SI_E_INVALID, "HTTP_OPTIONS",
                        "\"%.200s\" is not of the form http://host[:port] or https://host[:port]",
                        base);
  }
  *tls = skip == 8;
  return SI_OK;
}

si_rc si_http_open(const struct si_http_options *options, struct si_http **out,
                   struct si_error *error) {
  bool tls = false;
  si_rc status = check_base(options->base ? options->base : "", &tls, error);
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

/* --- what libcurl calls --- */

static size_t stop(struct exchange *x, si_rc status, const char *code) {
  if (x->stopped == SI_OK) {
    x->stopped = status;
    x->stopper = code;
  }
  return 0;
}

static size_t on_body(char *data, size_t one, size_t len, void *ctx) {
  struct exchange *x = ctx;
  long http = 0;
  (void)one; /* libcurl documents it as 1 */
  curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &http);
  if (len == 0) {
    return 0;
  }
  if (x->request->sink && http >= 200 && http < 300) {
    si_rc status = x->request->sink(x->request->sink_ctx, data, len);
    return status == SI_OK ? len : stop(x, status, "HTTP_CALLBACK");
  }
  struct si_buf *body = &x->response->body;
  size_t room = body->max - body->len;
  bool refusal = http < 200 || http >= 300;
  /* A refusal's text may be cut: its status is what matters. Its end is waited for, to keep the
   * connection, but not for ever. */
  si_rc status = si_buf_add(body, data, refusal && room < len ? room : len);
  x->cut += refusal && room < len ? len - room : 0;
  if (x->cut > CUT_MAX) {
    return 0;
  }
  return status == SI_OK || refusal ? len : stop(x, status, "HTTP_TOO_LARGE");
}

static bool is_named(const char *line, size_t len, const char *name) {
  size_t n = strlen(name);
  return len > n && line[n] == ':' && strncasecmp(line, name, n) == 0;
}

/* The value behind "Name:" without blanks around it; false where it does not fit. */
static bool take_value(const char *line, size_t len, const char *name, char *to, size_t size) {
  const char *from = line + strlen(name) + 1;
  const char *end = line + len;
  while (from < end && strchr(" \t", *from)) {
    from++;
  }
  while (end > from && strchr(" \t\r\n", end[-1])) {
    end--;
  }
  size_t n = (size_t)(end - from);
  if (n >= size || memchr(from, '\0', n)) {
    return false;
  }
  memcpy(to, from, n);
  to[n] = '\0';
  return true;
}

static void forget_headers(struct exchange *x) {
  for (size_t i = 0; i < x->response->wanted_count; i++) {
    x->response->wanted[i].found = false;
    x->response->wanted[i].value[0] = '\0';
  }
  x->response->retry_after_ms = 0;
}

static size_t on_header(char *line, size_t one, size_t len, void *ctx) {
  struct exchange *x = ctx;
  (void)one;
  x->header_bytes += len;
  if (x->header_bytes > MAX_HEADER_BYTES) {
    return stop(x, SI_E_QUOTA, "HTTP_HEADER");
  }
  if (len > 5 && strncmp(line, "HTTP/", 5) == 0) {
    forget_headers(x); /* what came before belonged to a 1xx answer */
  }
  for (size_t i = 0; i < x->response->wanted_count; i++) {
    struct si_http_wanted *w = &x->response->wanted[i];
    if (!w->found && is_named(line, len, w->name)) {
      if (!take_value(line, len, w->name, w->value, sizeof w->value)) {
        return stop(x, SI_E_QUOTA, "HTTP_HEADER");
      }
      w->found = true;
    }
  }
  if (is_named(line, len, "Retry-After")) {
    char text[16];
    uint64_t seconds = 0;
    if (take_value(line, len, "Retry-After", text, sizeof text) &&
        si_parse_u64(text, 0, UINT32_MAX, &seconds) == SI_OK) {
      x->response->retry_after_ms = (uint32_t)(seconds > 3600 ? 3600 : seconds) * 1000u;
    }
  }
  return len;
}

/* Called once for each address, with the one that is about to be connected to: no name can be asked
 * for again in between. */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address) {
  struct si_http *client = ctx;
  if (purpose != CURLSOCKTYPE_IPCXN ||
      !client->admit(client->admit_ctx, &address->addr, (socklen_t)address->addrlen)) {
    client->turned_away = !client->admitted;
    return CURL_SOCKET_BAD;
  }
  client->admitted = true;
  client->turned_away = false;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t on_source(char *to, size_t one, size_t len, void *ctx) {
  struct exchange *x = ctx;
  size_t got = 0;
  uint64_t left = x->request->body_len - x->given;
  size_t cap = len * one;
  cap = left < cap ? (size_t)left : cap;
  if (cap == 0) {
    return 0;
  }
  si_rc status = x->request->source(x->request->source_ctx, to, cap, &got);
  if (status == SI_OK && (got == 0 || got > cap)) {
    status = SI_E_INTERNAL; /* the source broke its promise on the length */
  }
  if (status != SI_OK) {
    stop(x, status, "HTTP_CALLBACK");
    return CURL_READFUNC_ABORT;
  }
  x->given += got;
  return got;
}

/* --- setting up --- */

static bool repeatable(const struct si_http_request *request) {
  static const char *const safe[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
  bool found = request->repeatable;
  for (size_t i = 0; i < sizeof safe / sizeof *safe; i++) {
    found = found || strcmp(request->method, safe[i]) == 0;
  }
  return found;
}

static bool method_valid(const char *method) {
  size_t len = strnlen(method, 17);
  return len > 0 && len < 17 && strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == len;
}

static si_rc add_header(struct exchange *x, const char *name, const char *value) {
  char line[8192];
  int n = snprintf(line, sizeof line, "%s:%s%s", name, value[0] ? " " : "", value);
  if (n < 0 || (size_t)n >= sizeof line) {
    return SI_E_INVALID;
  }
  struct curl_slist *longer = curl_slist_append(x->headers, line);
  if (!longer) {
    return SI_E_NOMEM;
  }
  x->headers = longer;
  return SI_OK;
}

static si_rc add_headers(struct exchange *x) {
  const struct si_http_request *request = x->request;
  bool typed = false;
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < request->header_count; i++) {
    const struct si_http_header *h = &request->headers[i];
    if (!h->name[0] || !printable(h->name, false) || strpbrk(h->name, ":;") || !h->value[0] ||
        !printable(h->value, true)) {
      return SI_E_INVALID;
    }
    typed = typed || strcasecmp(h->name, "Content-Type") == 0;
    status = add_header(x, h->name, h->value);
  }
  /* Without these libcurl would wait for a 100 Continue, or call a body a form. */
  status = status == SI_OK ? add_header(x, "Expect", "") : status;
  return status == SI_OK && !typed ? add_header(x, "Content-Type", "") : status;
}

static void set_body(CURL *easy, struct exchange *x) {
  const struct si_http_request *request = x->request;
  if (strcmp(request->method, "HEAD") == 0) {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request->source) {
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_len);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_source);
    curl_easy_setopt(easy, CURLOPT_READDATA, x);
  } else if (request->body || strcmp(request->method, "GET") != 0) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_peer(CURL *easy, struct si_http *client) {
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, client->tls ? "https" : "http");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, client->connect_ms);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  if (client->unix_socket[0]) {
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, client->unix_socket);
  }
  if (client->bulk) {
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024);
  }
  if (client->ca_file[0]) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  }
  if (client->admit) {
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, client);
  }
  if (client->user_agent[0]) {
    curl_easy_setopt(easy, CURLOPT_USERAGENT, client->user_agent);
  }
}

static si_rc set_up(struct si_http *client, struct exchange *x, struct si_error *error) {
  const struct si_http_request *request = x->request;
  struct si_buf url SI_AUTO(si_buf_free) = SI_BUF(64 * 1024);
  CURL *easy = client->easy;
  si_rc status = SI_E_INVALID;
  if (method_valid(request->method) && request->target[0] == '/' &&
      printable(request->target, false) && !strchr(request->target, '#')) {
    status = add_headers(x);
  }
  status = status == SI_OK ? si_buf_puts(&url, client->base) : status;
  status = status == SI_OK ? si_buf_puts(&url, request->target) : status;
  if (status != SI_OK) {
    return si_error_set(error, status, "HTTP_REQUEST", "a malformed request: %.16s %.200s",
                        request->method, request->target);
  }
  curl_easy_reset(easy);
  set_peer(easy, client);
  set_body(easy, x);
  curl_easy_setopt(easy, CURLOPT_URL, si_buf_text(&url)); /* copied by libcurl */
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->reason);
  /* libcurl repeats a request by itself where a kept connection turns out dead. Only a new
   * connection keeps a request that must not run twice from being sent twice. */
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, repeatable(request) ? 0L : 1L);
  return SI_OK;
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

/* SI_OK: go on. */
static si_rc interrupted(struct exchange *x) {
  const struct si_http_request *request = x->request;
  if (request->deadline_ns && si_monotonic_ns() >= request->deadline_ns) {
    stop(x, SI_E_TIMEOUT, "HTTP_TIMEOUT");
  } else if (request->cancelled && request->cancelled(request->cancel_ctx)) {
    stop(x, SI_E_CANCELLED, "HTTP_CANCELLED");
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

/* May a request that failed be sent again? */
static uint32_t retry_class(struct si_http *client, const struct exchange *x) {
  long sent = 0;
  curl_easy_getinfo(client->easy, CURLINFO_REQUEST_SIZE, &sent);
  return sent > 0 && !repeatable(x->request) ? SI_OUTCOME_UNKNOWN : SI_RETRY_SAFE;
}

static si_rc explain_stop(const struct si_http *client, const struct exchange *x,
                          struct si_error *error) {
  const char *why = x->stopped == SI_E_TIMEOUT     ? "the deadline passed"
                    : x->stopped == SI_E_CANCELLED ? "cancelled"
                    : x->stopped == SI_E_QUOTA     ? "the answer is larger than allowed"
                                                   : si_status_text(x->stopped);
  return si_error_set(error, x->stopped, x->stopper, "%s %.300s at %s: %s", x->request->method,
                      x->request->target,
                      client->unix_socket[0] ? client->unix_socket : client->base, why);
}

static si_rc explain_connect(const struct si_http *client, CURLcode result, long os_errno,
                             struct si_error *error) {
  const char *where = client->unix_socket[0] ? client->unix_socket : client->base;
  if (client->turned_away) {
    return si_error_set(error, SI_E_REFUSED, "HTTP_ADDRESS",
                        "%s is at an address that may not be connected to", where);
  }
  bool forbidden = os_errno == EACCES || os_errno == EPERM;
  return si_error_set(error, forbidden ? SI_E_AUTH : SI_E_UNAVAILABLE, "HTTP_CONNECT",
                      "cannot connect to %s: %s", where,
                      os_errno ? strerror((int)os_errno) : curl_easy_strerror(result));
}

static si_rc explain(struct si_http *client, const struct exchange *x, CURLcode result,
                     struct si_error *error) {
  const char *where = client->unix_socket[0] ? client->unix_socket : client->base;
  const char *why = x->reason[0] ? x->reason : curl_easy_strerror(result);
  long os_errno = 0;
  curl_easy_getinfo(client->easy, CURLINFO_OS_ERRNO, &os_errno);
  if (x->stopped != SI_OK) {
    return explain_stop(client, x, error);
  }
  switch (result) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_OPERATION_TIMEDOUT: /* only the connect phase has a time-out of libcurl's own */
      return explain_connect(client, result, os_errno, error);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
      return si_error_set(error, SI_E_AUTH, "HTTP_TLS", "no trusted connection to %s: %s", where,
                          why);
    case CURLE_OUT_OF_MEMORY:
      return si_error_set(error, SI_E_NOMEM, "HTTP_LOST", "out of memory while asking %s", where);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return si_error_set(error, SI_E_IO, "HTTP_PROTOCOL", "%s does not answer in HTTP: %s", where,
                          why);
    default:
      return si_error_set(error, SI_E_UNAVAILABLE, "HTTP_LOST",
                          "the connection to %s broke during %s %.300s: %s", where,
                          x->request->method, x->request->target, why);
  }
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
  forget_headers(&x);
  response->status = 0;
  response->retry = SI_RETRY_NEVER;
  client->turned_away = false;
  client->admitted = false;
  si_rc status = set_up(client, &x, error);
  if (status == SI_OK) {
    CURLcode result = CURLE_OUT_OF_MEMORY;
    if (curl_multi_add_handle(client->multi, client->easy) == CURLM_OK) {
      result = run(client, &x);
      curl_multi_remove_handle(client->multi, client->easy);
    }
    result = result == CURLE_WRITE_ERROR && x.cut > CUT_MAX ? CURLE_OK : result;
    curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &http);
    response->status = (int)http;
    if (result != CURLE_OK) {
      status = explain(client, &x, result, error);
      if (error) {
        error->retry = retry_class(client, &x);
      }
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

si_rc si_http_refusal(const struct si_http_response *response, const char *code, const char *what,
                      const char *why, struct si_error *error) {
  static const struct {
    int http;
    si_rc status;
  } known[] = {{401, SI_E_AUTH},        {403, SI_E_REFUSED},     {404, SI_E_NOT_FOUND},
               {409, SI_E_CONFLICT},    {413, SI_E_QUOTA},       {429, SI_E_UNAVAILABLE},
               {501, SI_E_UNSUPPORTED}, {503, SI_E_UNAVAILABLE}, {507, SI_E_QUOTA}};
  si_rc status = response->status >= 400 && response->status < 500 ? SI_E_INVALID : SI_E_IO;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    status = known[i].http == response->status ? known[i].status : status;
  }
  si_error_set(error, status, code, "%s: %s (HTTP %d)", what, why && *why ? why : "no reason given",
               response->status);
  if (error) {
    error->retry = response->retry;
  }
  return status;
}
