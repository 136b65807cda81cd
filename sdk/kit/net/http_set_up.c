/* SPDX-License-Identifier: Apache-2.0 */
/* A request as libcurl wants it, and what libcurl calls while it runs. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "kit/base/text.h"
#include "kit/net/http_impl.h"

enum { MAX_HEADER_BYTES = 64 * 1024 };

/* --- what libcurl calls --- */

size_t http_stop(struct exchange *x, si_rc status, const char *code) {
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
    return status == SI_OK ? len : http_stop(x, status, "HTTP_CALLBACK");
  }
  struct si_buf *body = &x->response->body;
  size_t room = body->max - body->len;
  bool refusal = http < 200 || http >= 300;
  /* A refusal's text may be cut: its status is what matters. Its end is waited for, to keep the
   * connection, but not for ever. */
  si_rc status = si_buf_add(body, data, refusal && room < len ? room : len);
  x->cut += refusal && room < len ? len - room : 0;
  if (x->cut > HTTP_CUT_MAX) {
    return 0;
  }
  return status == SI_OK || refusal ? len : http_stop(x, status, "HTTP_TOO_LARGE");
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

void http_forget_headers(struct exchange *x) {
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
    return http_stop(x, SI_E_QUOTA, "HTTP_HEADER");
  }
  if (len > 5 && strncmp(line, "HTTP/", 5) == 0) {
    http_forget_headers(x); /* what came before belonged to a 1xx answer */
  }
  for (size_t i = 0; i < x->response->wanted_count; i++) {
    struct si_http_wanted *w = &x->response->wanted[i];
    if (!w->found && is_named(line, len, w->name)) {
      if (!take_value(line, len, w->name, w->value, sizeof w->value)) {
        return http_stop(x, SI_E_QUOTA, "HTTP_HEADER");
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
    http_stop(x, status, "HTTP_CALLBACK");
    return CURL_READFUNC_ABORT;
  }
  x->given += got;
  return got;
}

/* --- setting up --- */

bool http_printable(const char *text, bool blanks) {
  for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
    if (*p < 0x20 || *p == 0x7F || (!blanks && *p == ' ')) {
      return false;
    }
  }
  return true;
}

bool http_repeatable(const struct si_http_request *request) {
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
    if (!h->name[0] || !http_printable(h->name, false) || strpbrk(h->name, ":;") || !h->value[0] ||
        !http_printable(h->value, true)) {
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
  /* Both are set always: libcurl would else ask the environment. */
  curl_easy_setopt(easy, CURLOPT_PROXY, client->proxy);
  curl_easy_setopt(easy, CURLOPT_NOPROXY, client->proxy[0] ? "" : "*");
  /* The headers are the peer's: what asks a proxy for a tunnel is none of them, nor its answer. */
  curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
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

si_rc http_set_up(struct si_http *client, struct exchange *x, struct si_error *error) {
  const struct si_http_request *request = x->request;
  struct si_buf url SI_AUTO(si_buf_free) = SI_BUF(64 * 1024);
  CURL *easy = client->easy;
  si_rc status = SI_E_INVALID;
  if (method_valid(request->method) && request->target[0] == '/' &&
      http_printable(request->target, false) && !strchr(request->target, '#')) {
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
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, http_repeatable(request) ? 0L : 1L);
  return SI_OK;
}
