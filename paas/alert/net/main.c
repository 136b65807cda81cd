/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/alert/net/main.c - si-net: si's own outgoing HTTP, ONE request in a process of its own, so
 * that si links no HTTP client. Started by si with an empty environment and nothing open but a
 * request on stdin and a pipe on stdout (paas/alert/net/request.h); it ends when si does. What
 * signs a request stays in si; the address that it is given may be a secret of its own, so nobody
 * traces it and it leaves no core file. Depends on sdk/kit.
 */
#include <errno.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kit/base/json.h"
#include "kit/base/path.h"
#include "kit/base/text.h"
#include "kit/net/http.h"
#include "paas/alert/net/address.h"
#include "paas/alert/net/request.h"
#include "paas/alert/net/url.h"

struct sending {
  cJSON *request; /* owned */
  struct si_url url;
  struct si_http_header headers[SI_NET_HEADERS_MAX];
  size_t header_count;
  const char *body;
  uint64_t timeout_ms;
  bool allow_private;
  size_t read; /* of the answer's body */
};

/* --- the process --- */

static bool undumpable(void) {
#ifdef __SANITIZE_ADDRESS__ /* whose search for leaks traces the process */
  return true;
#else
  return prctl(PR_SET_DUMPABLE, 0) == 0;
#endif
}

static bool confine(void) {
  const struct rlimit no_core = {0, 0};
  struct pollfd out = {.fd = STDOUT_FILENO};
  signal(SIGPIPE, SIG_IGN);
  /* si may have died before it could be tied to: then nobody reads the answer. */
  return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         setrlimit(RLIMIT_CORE, &no_core) == 0 && undumpable() && clearenv() == 0 &&
         (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) == 0 || errno == ENOSYS) &&
         poll(&out, 1, 0) == 0;
}

/* --- the request --- */

static si_rc malformed(const char *what, struct si_error *error) {
  return si_error_set(error, SI_E_INVALID, "NET_REQUEST", "the request to si-net: %s", what);
}

static bool known(const char *name) {
  static const char *const members[] = {
      "schema",     "url",     "headers",       "body",
      "timeout_ms", "ca_file", "allow_private", "allow_http_loopback"};
  for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
    if (strcmp(name, members[i]) == 0) {
      return true;
    }
  }
  return false;
}

static si_rc take_headers(struct sending *s, struct si_error *error) {
  const cJSON *headers = si_json_get(s->request, "headers");
  const cJSON *each;
  if (!cJSON_IsObject(headers)) {
    return malformed("headers are no object", error);
  }
  cJSON_ArrayForEach(each, headers) {
    if (s->header_count == SI_NET_HEADERS_MAX || !cJSON_IsString(each)) {
      return malformed("too many headers, or one that is no text", error);
    }
    s->headers[s->header_count++] =
        (struct si_http_header){.name = each->string, .value = each->valuestring};
  }
  return SI_OK;
}

static si_rc take_request(struct sending *s, struct si_error *error) {
  const char *schema = si_json_str(s->request, "schema");
  const char *url = si_json_str(s->request, "url");
  const cJSON *each;
  cJSON_ArrayForEach(each, s->request) {
    if (!known(each->string)) {
      return malformed("a member that it does not know", error);
    }
  }
  s->body = si_json_str(s->request, "body");
  s->timeout_ms = (uint64_t)si_json_int(s->request, "timeout_ms", SI_NET_TIMEOUT_MIN_MS,
                                        SI_NET_TIMEOUT_MAX_MS, 0);
  if (!schema || strcmp(schema, SI_NET_REQUEST_SCHEMA) != 0 || !url || !s->body ||
      s->timeout_ms == 0) {
    return malformed("schema, url, body or timeout_ms is missing or wrong", error);
  }
  const char *why = si_url_parse(url, &s->url);
  if (why) {
    return malformed(why, error);
  }
  s->allow_private = si_json_bool(s->request, "allow_private", false);
  if (!s->url.tls &&
      !(si_json_bool(s->request, "allow_http_loopback", false) && si_url_loopback(&s->url))) {
    return si_error_set(error, SI_E_REFUSED, "NET_PLAIN",
                        "%s is not https, and only a loopback address may do without, where "
                        "allow_http_loopback says so",
                        s->url.base);
  }
  return take_headers(s, error);
}

static si_rc read_request(struct sending *s, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_SECRET_BUF(SI_NET_REQUEST_MAX);
  si_rc status = si_read_fd(STDIN_FILENO, &text);
  if (status != SI_OK) {
    return malformed("it cannot be read, or is too long", error);
  }
  status = si_json_parse(si_buf_text(&text), text.len, &s->request, error);
  return status == SI_OK ? take_request(s, error) : status;
}

/* --- sending --- */

static bool admit(void *ctx, const struct sockaddr *address, socklen_t len) {
  const struct sending *s = ctx;
  enum si_reach reach = si_address_reach(address, len);
  if (!s->url.tls) {
    return reach == SI_REACH_LOOPBACK; /* whatever the name "localhost" is made to stand for */
  }
  return reach == SI_REACH_PUBLIC || (reach != SI_REACH_NEVER && s->allow_private);
}

static si_rc swallow(void *ctx, const void *data, size_t len) {
  struct sending *s = ctx;
  (void)data;
  s->read += len;
  return s->read > SI_NET_BODY_MAX ? SI_E_QUOTA : SI_OK;
}

static si_rc send_request(struct sending *s, int *http, struct si_error *error) {
  struct si_http *client = NULL; /* never closed: main() tells why */
  struct si_http_options options = {
      .base = s->url.base,
      .user_agent = "si-net",
      .connect_timeout_ms = (uint32_t)s->timeout_ms,
      .ca_file = si_json_str(s->request, "ca_file"),
      .admit = admit,
      .admit_ctx = s,
  };
  struct si_http_request request = {
      .method = "POST",
      .target = s->url.target,
      .headers = s->headers,
      .header_count = s->header_count,
      .body = s->body,
      .body_len = strlen(s->body),
      .deadline_ns = si_monotonic_ns() + s->timeout_ms * 1000000u,
      .sink = swallow,
      .sink_ctx = s,
  };
  struct si_http_response response = {.body = SI_BUF(0)};
  si_rc status = si_http_open(&options, &client, error);
  if (status != SI_OK) {
    return status;
  }
  status = si_http_send(client, &request, &response, error);
  si_buf_free(&response.body);
  /* A receiver that has said yes has taken it: what is wrong with the rest of its answer must not
   * make it come again. */
  bool taken = response.status >= 200 && response.status < 300;
  if (status == SI_OK || taken) {
    *http = response.status;
    return SI_OK;
  }
  return status;
}

static si_rc add_error(cJSON *answer, si_rc status, const struct si_error *error) {
  cJSON *record = cJSON_AddObjectToObject(answer, "error");
  return record && cJSON_AddStringToObject(record, "code", error->code) &&
                 cJSON_AddStringToObject(record, "message", error->message) &&
                 cJSON_AddNumberToObject(record, "status", status) &&
                 cJSON_AddNumberToObject(record, "retry", error->retry)
             ? SI_OK
             : SI_E_NOMEM;
}

static int reply(int http, si_rc status, const struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_NET_ANSWER_MAX);
  cJSON *answer SI_AUTO(si_json_free) = cJSON_CreateObject();
  si_rc made = cJSON_AddStringToObject(answer, "schema", SI_NET_ANSWER_SCHEMA) &&
                       cJSON_AddNumberToObject(answer, "status", http)
                   ? SI_OK
                   : SI_E_NOMEM;
  if (made == SI_OK && status != SI_OK) {
    made = add_error(answer, status, error);
  }
  made = made == SI_OK ? si_json_canonical(answer, &text) : made;
  return made == SI_OK && si_write_all(STDOUT_FILENO, text.data, text.len) == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
  struct stat st;
  struct sending s = {.body = ""};
  struct si_error error = {.status = SI_OK};
  int http = 0;
  (void)argv;
  if (argc != 1 || fstat(STDOUT_FILENO, &st) != 0 || !S_ISFIFO(st.st_mode)) {
    fprintf(stderr, "si-net is started by si, for one request; it does nothing by itself\n");
    return 2;
  }
  if (!confine()) {
    return 4;
  }
  si_rc status = read_request(&s, &error);
  status = status == SI_OK ? send_request(&s, &http, &error) : status;
  int code = reply(http, status, &error);
  cJSON_Delete(s.request);
  /* A name server that does not answer would keep libcurl's thread, and so the end, waiting. */
  _exit(code);
}
