/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client against a real peer (peer.py), on a unix socket and on loopback. */
#include "kit/net/http.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/base/json.h"
#include "kit/base/text.h"
#include "kit/net/url.h"
#include "tests/unit/unit.h"

static char directory[] = "/tmp/si-http-test-XXXXXX";
static char socket_path[64];
static char base[64]; /* of the loopback listener */

static struct si_http *client(bool local) {
  struct si_http_options options = {.base = local ? "http://peer" : base,
                                    .unix_socket = local ? socket_path : NULL,
                                    .user_agent = "si-test",
                                    .connect_timeout_ms = 2000};
  struct si_http *http = NULL;
  struct si_error error;
  if (si_http_open(&options, &http, &error) != SI_OK) {
    fprintf(stderr, "%s\n", error.message);
    abort();
  }
  return http;
}

static struct si_http_request request(const char *method, const char *target) {
  return (struct si_http_request){
      .method = method, .target = target, .deadline_ns = si_monotonic_ns() + 20000000000u};
}

static const char *member(const cJSON *echo, const char *key) {
  const char *value = si_json_str(echo, key);
  return value ? value : "";
}

/* The peer's view of the request. */
static cJSON *echoed(struct si_http *http, const struct si_http_request *r) {
  struct si_http_response response = {.body = SI_BUF(1024 * 1024)};
  struct si_error error = {0};
  cJSON *value = NULL;
  si_rc status = si_http_send(http, r, &response, &error);
  if (status != SI_OK) {
    fprintf(stderr, "  %s %s: %s\n", r->method, r->target, error.message);
  }
  CU_ASSERT_EQUAL_FATAL(status, SI_OK);
  CU_ASSERT_EQUAL(response.status, 200);
  CU_ASSERT_EQUAL_FATAL(
      si_json_parse(si_buf_text(&response.body), response.body.len, &value, &error), SI_OK);
  si_buf_free(&response.body);
  return value;
}

static void a_request_arrives_as_it_was_given(void) {
  static const struct si_http_header headers[] = {{"X-One", "1"},
                                                  {"Content-Type", "application/json"}};
  static const struct {
    const char *method, *target, *body;
  } cases[] = {
      {"GET", "/echo/a/../b/./c?q=%2F&r=a+b", NULL},
      {"POST", "/echo", "{\"k\":1}"},
      {"PUT", "/echo", "put"},
      {"DELETE", "/echo?v=true", NULL},
      {"POST", "/echo", NULL},
      {"PATCH", "/echo", "p"},
  };
  for (int local = 0; local < 2; local++) {
    struct si_http *http SI_AUTO(si_http_close) = client(local);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
      struct si_http_request r = request(cases[i].method, cases[i].target);
      r.headers = headers;
      r.header_count = cases[i].body ? 2 : 1;
      r.body = cases[i].body;
      r.body_len = cases[i].body ? strlen(cases[i].body) : 0;
      cJSON *echo SI_AUTO(si_json_free) = echoed(http, &r);
      const cJSON *got = si_json_get(echo, "headers");
      CU_ASSERT_STRING_EQUAL(member(echo, "method"), cases[i].method);
      CU_ASSERT_STRING_EQUAL(member(echo, "target"), cases[i].target);
      CU_ASSERT_STRING_EQUAL(member(echo, "body"), cases[i].body ? cases[i].body : "");
      CU_ASSERT_STRING_EQUAL(member(got, "x-one"), "1");
      CU_ASSERT_STRING_EQUAL(member(got, "user-agent"), "si-test");
      CU_ASSERT_STRING_EQUAL(member(got, "content-type"), cases[i].body ? "application/json" : "");
      CU_ASSERT_PTR_NULL(si_json_get(got, "expect"));
      CU_ASSERT_PTR_NULL(si_json_get(got, "accept-encoding"));
    }
  }
}

static si_rc give_abc(void *ctx, void *data, size_t cap, size_t *got) {
  size_t *given = ctx;
  *got = cap < 1000 ? cap : 1000;
  memset(data, 'a' + (int)(*given / 1000 % 3), *got);
  *given += *got;
  return *given > 1000000 ? SI_E_IO : SI_OK;
}

static void a_body_can_come_from_a_callback_and_go_to_one(void) {
  struct si_http *http SI_AUTO(si_http_close) = client(true);
  size_t given = 0;
  struct si_http_request r = request("PUT", "/echo");
  r.source = give_abc;
  r.source_ctx = &given;
  r.body_len = 100000;
  cJSON *echo SI_AUTO(si_json_free) = echoed(http, &r);
  CU_ASSERT_EQUAL(strlen(member(echo, "body")), 100000);
  CU_ASSERT_EQUAL(given, 100000);

  struct si_http_response response = {.body = SI_BUF(10)};
  struct si_error error = {0};
  given = 0;
  r.body_len = 2000000; /* the source fails half-way */
  CU_ASSERT_EQUAL(si_http_send(http, &r, &response, &error), SI_E_IO);
  CU_ASSERT_STRING_EQUAL(error.code, "HTTP_CALLBACK");
}

struct taken {
  size_t bytes, most;
};

static si_rc take(void *ctx, const void *data, size_t len) {
  struct taken *t = ctx;
  (void)data;
  t->bytes += len;
  return t->bytes > t->most ? SI_E_QUOTA : SI_OK;
}

static void an_answer_streams_into_a_callback_that_may_stop_it(void) {
  static const struct {
    const char *target;
    size_t most;
    si_rc status;
    int http;
    size_t bytes; /* taken by the sink */
    const char *body;
  } cases[] = {
      {"/big/3000000", 3000000, SI_OK, 200, 3000000, ""},
      {"/chunked", 100, SI_OK, 200, 7, ""},
      {"/status/404", 100, SI_OK, 404, 0, "{\"message\":\"because\"}"}, /* no part of the body */
      {"/big/3000000", 100000, SI_E_QUOTA, 200, 0, ""},
  };
  struct si_http *http SI_AUTO(si_http_close) = client(true);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct taken t = {0, cases[i].most};
    struct si_http_response response = {.body = SI_BUF(1000)};
    struct si_error error = {0};
    struct si_http_request r = request("GET", cases[i].target);
    r.sink = take;
    r.sink_ctx = &t;
    CU_ASSERT_EQUAL(si_http_send(http, &r, &response, &error), cases[i].status);
    CU_ASSERT_EQUAL(response.status, cases[i].http);
    if (cases[i].status == SI_OK) {
      CU_ASSERT_EQUAL(t.bytes, cases[i].bytes);
    } else {
      CU_ASSERT(t.bytes < 300000); /* it stopped soon */
    }
    CU_ASSERT_STRING_EQUAL(si_buf_text(&response.body), cases[i].body);
    si_buf_free(&response.body);
  }
}

static void a_refusal_that_does_not_fit_is_cut(void) {
  struct si_http *http SI_AUTO(si_http_close) = client(true);
  struct si_http_response response = {.body = SI_BUF(10)};
  struct si_http_request r = request("GET", "/status/500");
  CU_ASSERT_EQUAL(si_http_send(http, &r, &response, NULL), SI_OK);
  CU_ASSERT_EQUAL(response.status, 500);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&response.body), "{\"message\"");
  si_buf_free(&response.body);
}

static void a_refusal_that_does_not_end_is_left(void) {
  struct si_http *http SI_AUTO(si_http_close) = client(true);
  struct si_http_response response = {.body = SI_BUF(6)};
  struct si_http_request r = request("GET", "/rant");
  r.deadline_ns = si_monotonic_ns() + 20ull * 1000000000;
  CU_ASSERT_EQUAL(si_http_send(http, &r, &response, NULL), SI_OK);
  CU_ASSERT_EQUAL(response.status, 403);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&response.body), "nonono");
  si_buf_free(&response.body);
  response.body = (struct si_buf)SI_BUF(1000);
  r = request("GET", "/echo"); /* the client is as good as before */
  CU_ASSERT_EQUAL(si_http_send(http, &r, &response, NULL), SI_OK);
  CU_ASSERT_EQUAL(response.status, 200);
  si_buf_free(&response.body);
}

static bool admit(void *ctx, const struct sockaddr *address, socklen_t len) {
  int *asked = ctx;
  CU_ASSERT_EQUAL(address->sa_family, AF_INET);
  CU_ASSERT(len >= sizeof(sa_family_t));
  return ++*asked > 1;
}

static void an_address_is_connected_to_only_where_it_is_admitted(void) {
  int asked = 0;
  struct si_http_options options = {.base = base, .admit = admit, .admit_ctx = &asked};
  struct si_http *http SI_AUTO(si_http_close) = NULL;
  struct si_http_response response = {.body = SI_BUF(1000)};
  struct si_error error = {0};
  struct si_http_request r = request("POST", "/chunked");
  CU_ASSERT_EQUAL_FATAL(si_http_open(&options, &http, &error), SI_OK);
  CU_ASSERT_EQUAL(si_http_send(http, &r, &response, &error), SI_E_REFUSED);
  CU_ASSERT_STRING_EQUAL(error.code, "HTTP_ADDRESS");
  CU_ASSERT_EQUAL(error.retry, SI_RETRY_SAFE); /* nothing was sent */
  CU_ASSERT_EQUAL(asked, 1);
  CU_ASSERT_EQUAL(si_http_send(http, &r, &response, &error), SI_OK);
  CU_ASSERT_EQUAL(asked, 2);
  si_buf_free(&response.body);
}

static void what_an_answer_holds_is_told_as_it_is(void) {
  static const struct {
    const char *method, *target;
    int http;
    const char *header;
    uint32_t retry, after_ms;
  } cases[] = {
      {"GET", "/echo", 200, "spaced value", SI_RETRY_NEVER, 0},
      {"GET", "/interim", 200, "final", SI_RETRY_NEVER, 0},
      {"GET", "/redirect", 302, NULL, SI_RETRY_NEVER, 0},
      {"GET", "/status/404", 404, NULL, SI_RETRY_NEVER, 0},
      {"GET", "/status/429?after", 429, NULL, SI_RETRY_AFTER, 7000},
      {"GET", "/status/503", 503, NULL, SI_RETRY_AFTER, 1000},
      {"POST", "/status/500", 500, NULL, SI_RETRY_NEVER, 0},
      {"HEAD", "/head", 200, NULL, SI_RETRY_NEVER, 0},
  };
  struct si_http *http SI_AUTO(si_http_close) = client(false);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_http_wanted wanted[] = {{.name = "x-answer"}};
    struct si_http_response response = {.body = SI_BUF(10000), .wanted = wanted, .wanted_count = 1};
    struct si_error error = {0};
    struct si_http_request r = request(cases[i].method, cases[i].target);
    CU_ASSERT_EQUAL(si_http_send(http, &r, &response, &error), SI_OK);
    CU_ASSERT_EQUAL(response.status, cases[i].http);
    CU_ASSERT_EQUAL(wanted[0].found, cases[i].header != NULL);
    CU_ASSERT_STRING_EQUAL(wanted[0].value, cases[i].header ? cases[i].header : "");
    CU_ASSERT_EQUAL(response.retry, cases[i].retry);
    if (cases[i].retry == SI_RETRY_AFTER) {
      CU_ASSERT_EQUAL(response.retry_after_ms, cases[i].after_ms);
    }
    si_buf_free(&response.body);
  }
}

static void a_failure_says_whether_it_may_be_repeated(void) {
  static const struct {
    const char *method, *target;
    si_rc status;
    const char *code;
    uint32_t retry;
  } cases[] = {
      {"GET", "/drop", SI_E_UNAVAILABLE, "HTTP_LOST", SI_RETRY_SAFE},
      {"DELETE", "/drop", SI_E_UNAVAILABLE, "HTTP_LOST", SI_RETRY_SAFE},
      {"POST", "/drop", SI_E_UNAVAILABLE, "HTTP_LOST", SI_OUTCOME_UNKNOWN},
      {"POST", "/short", SI_E_UNAVAILABLE, "HTTP_LOST", SI_OUTCOME_UNKNOWN},
      {"GET", "/short", SI_E_UNAVAILABLE, "HTTP_LOST", SI_RETRY_SAFE},
      {"GET", "/garbage", SI_E_IO, "HTTP_PROTOCOL", SI_RETRY_SAFE},
      {"GET", "/big/20000", SI_E_QUOTA, "HTTP_TOO_LARGE", SI_RETRY_SAFE},
      {"GET", "/flood", SI_E_QUOTA, "HTTP_HEADER", SI_RETRY_SAFE},
      {"GET", "/long-header", SI_E_QUOTA, "HTTP_HEADER", SI_RETRY_SAFE},
      {"GET", "no-slash", SI_E_INVALID, "HTTP_REQUEST", SI_RETRY_NEVER},
      {"GET", "/blank here", SI_E_INVALID, "HTTP_REQUEST", SI_RETRY_NEVER},
      {"GET", "/x\r\nHost: other", SI_E_INVALID, "HTTP_REQUEST", SI_RETRY_NEVER},
      {"get", "/echo", SI_E_INVALID, "HTTP_REQUEST", SI_RETRY_NEVER},
      {"GET / HTTP/1.1", "/echo", SI_E_INVALID, "HTTP_REQUEST", SI_RETRY_NEVER},
  };
  struct si_http *http SI_AUTO(si_http_close) = client(true);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_http_wanted wanted[] = {{.name = "X-Answer"}};
    struct si_http_response response = {.body = SI_BUF(10000), .wanted = wanted, .wanted_count = 1};
    struct si_error error = {0};
    struct si_http_request r = request(cases[i].method, cases[i].target);
    si_rc status = si_http_send(http, &r, &response, &error);
    CU_ASSERT_EQUAL(status, cases[i].status);
    CU_ASSERT_STRING_EQUAL(error.code, cases[i].code);
    CU_ASSERT_EQUAL(error.retry, cases[i].retry);
    if (status != cases[i].status || error.retry != cases[i].retry) {
      fprintf(stderr, "  case %zu: %d %s %s\n", i, status, error.code, error.message);
    }
    si_buf_free(&response.body);
  }
}

static void headers_that_would_smuggle_others_are_refused(void) {
  static const struct si_http_header bad[] = {
      {"X-A", "1\r\nX-B: 2"}, {"X-A\r\nX-B", "1"}, {"X A", "1"}, {"", "1"}, {"X:A", "1"}};
  struct si_http *http SI_AUTO(si_http_close) = client(true);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct si_http_response response = {.body = SI_BUF(10000)};
    struct si_error error = {0};
    struct si_http_request r = request("GET", "/echo");
    r.headers = &bad[i];
    r.header_count = 1;
    CU_ASSERT_EQUAL(si_http_send(http, &r, &response, &error), SI_E_INVALID);
    si_buf_free(&response.body);
  }
}

static void connections_are_kept_but_never_carry_a_post_twice(void) {
  struct si_http *http SI_AUTO(si_http_close) = client(true);
  struct si_http_request get = request("GET", "/echo");
  cJSON *a SI_AUTO(si_json_free) = echoed(http, &get);
  cJSON *b SI_AUTO(si_json_free) = echoed(http, &get);
  CU_ASSERT_EQUAL(si_json_int(a, "connection", 1, 1000, -1),
                  si_json_int(b, "connection", 1, 1000, -2));
  /* The peer reads the request on what could be a kept connection, and hangs up. */
  struct si_http_response response = {.body = SI_BUF(100)};
  struct si_error error = {0};
  struct si_http_request post = request("POST", "/drop/once");
  CU_ASSERT_EQUAL(si_http_send(http, &post, &response, &error), SI_E_UNAVAILABLE);
  CU_ASSERT_EQUAL(error.retry, SI_OUTCOME_UNKNOWN);
  struct si_http_request count = request("GET", "/count/drop/once");
  CU_ASSERT_EQUAL(si_http_send(http, &count, &response, &error), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&response.body), "1");
  si_buf_free(&response.body);
}

static void nobody_there_is_safe_to_try_again(void) {
  struct si_http_options options = {.base = "http://127.0.0.1:1", .connect_timeout_ms = 1000};
  struct si_http *http SI_AUTO(si_http_close) = NULL;
  struct si_http_response response = {.body = SI_BUF(100)};
  struct si_error error = {0};
  CU_ASSERT_EQUAL_FATAL(si_http_open(&options, &http, &error), SI_OK);
  struct si_http_request r = request("POST", "/echo");
  setenv("http_proxy", base, 1); /* must not be used */
  CU_ASSERT_EQUAL(si_http_send(http, &r, &response, &error), SI_E_UNAVAILABLE);
  unsetenv("http_proxy");
  CU_ASSERT_STRING_EQUAL(error.code, "HTTP_CONNECT");
  CU_ASSERT_EQUAL(error.retry, SI_RETRY_SAFE);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "Connection refused"));
}

static int after(void *ctx) {
  return si_monotonic_ns() >= *(uint64_t *)ctx;
}

static void a_wait_ends_at_the_deadline_and_soon_after_a_cancellation(void) {
  static const struct {
    const char *method, *target;
    bool cancel;
    uint32_t retry;
  } cases[] = {
      {"GET", "/slow/10", false, SI_RETRY_SAFE}, {"POST", "/slow/10", false, SI_OUTCOME_UNKNOWN},
      {"GET", "/slow/10", true, SI_RETRY_SAFE},  {"POST", "/trickle", true, SI_OUTCOME_UNKNOWN},
      {"GET", "/trickle", false, SI_RETRY_SAFE},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_http *http SI_AUTO(si_http_close) = client(true);
    struct si_http_response response = {.body = SI_BUF(200000)};
    struct si_error error = {0};
    struct si_http_request r = request(cases[i].method, cases[i].target);
    uint64_t begun = si_monotonic_ns();
    uint64_t end = begun + 300000000;
    if (cases[i].cancel) {
      r.cancelled = after;
      r.cancel_ctx = &end;
    } else {
      r.deadline_ns = end;
    }
    CU_ASSERT_EQUAL(si_http_send(http, &r, &response, &error),
                    cases[i].cancel ? SI_E_CANCELLED : SI_E_TIMEOUT);
    uint64_t took_ms = (si_monotonic_ns() - begun) / 1000000;
    CU_ASSERT(took_ms >= 300 && took_ms < 600);
    CU_ASSERT_EQUAL(error.retry, cases[i].retry);
    si_buf_free(&response.body);
  }
}

static void silence_ends_a_request_and_slowness_does_not(void) {
  static const struct {
    const char *method, *target;
    const char *code;
    uint32_t retry;
  } cases[] = {
      {"GET", "/slow/10", "HTTP_STALLED", SI_RETRY_SAFE},
      {"POST", "/slow/10", "HTTP_STALLED", SI_OUTCOME_UNKNOWN},
      {"GET", "/trickle", "HTTP_TIMEOUT", SI_RETRY_SAFE}, /* of the deadline */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_http *http SI_AUTO(si_http_close) = client(true);
    struct si_http_response response = {.body = SI_BUF(200000)};
    struct si_error error = {0};
    struct si_http_request r = request(cases[i].method, cases[i].target);
    uint64_t begun = si_monotonic_ns();
    r.stall_ms = 400;
    r.deadline_ns = begun + 1200000000;
    CU_ASSERT_NOT_EQUAL(si_http_send(http, &r, &response, &error), SI_OK);
    CU_ASSERT_STRING_EQUAL(error.code, cases[i].code);
    CU_ASSERT_EQUAL(error.retry, cases[i].retry);
    CU_ASSERT(si_monotonic_ns() - begun >= 400000000);
    si_buf_free(&response.body);
  }
}

static void a_proxy_is_plain_and_goes_with_nothing_that_it_would_undo(void) {
  int asked = 0;
  const struct si_http_options bad[] = {
      {.base = base, .proxy = ""},
      {.base = base, .proxy = "https://proxy"},
      {.base = base, .proxy = "http://user:word@proxy"},
      {.base = base, .proxy = "http://proxy/x"},
      {.base = base, .proxy = "http://proxy", .unix_socket = socket_path},
      {.base = base, .proxy = "http://proxy", .admit = admit, .admit_ctx = &asked},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct si_http *http = NULL;
    struct si_error error = {0};
    CU_ASSERT_EQUAL(si_http_open(&bad[i], &http, &error), SI_E_INVALID);
    CU_ASSERT_STRING_EQUAL(error.code, "HTTP_OPTIONS");
    CU_ASSERT_PTR_NULL(strstr(error.message, "word"));
  }
}

static void only_plain_bases_are_taken(void) {
  static const char *const bad[] = {"",
                                    "ftp://host",
                                    "file:///etc/passwd",
                                    "http://",
                                    "http://host/path",
                                    "http://user@host",
                                    "http://host?x",
                                    "http://ho st",
                                    "HTTP://host",
                                    "http://host\r\n"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct si_http_options options = {.base = bad[i]};
    struct si_http *http = NULL;
    struct si_error error = {0};
    CU_ASSERT_EQUAL(si_http_open(&options, &http, &error), SI_E_INVALID);
    CU_ASSERT_PTR_NULL(http);
  }
}

static void refusals_become_statuses(void) {
  static const struct {
    int http;
    si_rc status;
  } cases[] = {{400, SI_E_INVALID},     {401, SI_E_AUTH},        {403, SI_E_REFUSED},
               {404, SI_E_NOT_FOUND},   {409, SI_E_CONFLICT},    {413, SI_E_QUOTA},
               {418, SI_E_INVALID},     {429, SI_E_UNAVAILABLE}, {500, SI_E_IO},
               {503, SI_E_UNAVAILABLE}, {302, SI_E_IO}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_http_response response = {.status = cases[i].http};
    struct si_error error;
    CU_ASSERT_EQUAL(si_http_refusal(&response, "X", "doing it", NULL, &error), cases[i].status);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "doing it: no reason given (HTTP "));
  }
}

static void urls_are_encoded_as_signatures_expect(void) {
  static const struct {
    const char *from;
    bool slash;
    const char *to;
  } cases[] = {{"abcXYZ019-._~", false, "abcXYZ019-._~"},
               {"a b+c", false, "a%20b%2Bc"},
               {"a/b", false, "a%2Fb"},
               {"a/b", true, "a/b"},
               {"\xc3\xa9%", true, "%C3%A9%25"},
               {"{\"label\":[\"a=b\"]}", false, "%7B%22label%22%3A%5B%22a%3Db%22%5D%7D"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf to SI_AUTO(si_buf_free) = SI_BUF(200);
    CU_ASSERT_EQUAL(si_url_encode(cases[i].from, strlen(cases[i].from), cases[i].slash, &to),
                    SI_OK);
    CU_ASSERT_STRING_EQUAL(si_buf_text(&to), cases[i].to);
  }
  struct si_buf small SI_AUTO(si_buf_free) = SI_BUF(2);
  CU_ASSERT_EQUAL(si_url_encode("%", 1, false, &small), SI_E_QUOTA);
}

/* Starts the peer; *in is its standard input. False where it does not come up. */
static bool start_peer(const char *script, pid_t *child, int *in) {
  int to[2], from[2];
  char port[16] = "";
  if (pipe(to) != 0 || pipe(from) != 0) {
    return false;
  }
  *child = fork();
  if (*child == 0) {
    dup2(to[0], 0);
    dup2(from[1], 1);
    close(to[1]);
    close(from[0]);
    execlp("python3", "python3", script, socket_path, (char *)NULL);
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  *in = to[1];
  /* A line, which may come in pieces. */
  size_t have = 0;
  for (ssize_t n = 1; n > 0 && have < sizeof port - 1 && !strchr(port, '\n'); have += (size_t)n) {
    n = read(from[0], port + have, sizeof port - 1 - have);
    n = n < 0 ? 0 : n;
  }
  close(from[0]);
  if (!strchr(port, '\n')) {
    return false;
  }
  port[strcspn(port, "\n")] = '\0';
  snprintf(base, sizeof base, "http://127.0.0.1:%s", port);
  return true;
}

int main(int argc, char **argv) {
  static const struct unit_test tests[] = {
      UNIT(a_request_arrives_as_it_was_given),
      UNIT(a_body_can_come_from_a_callback_and_go_to_one),
      UNIT(a_refusal_that_does_not_fit_is_cut),
      UNIT(a_refusal_that_does_not_end_is_left),
      UNIT(an_answer_streams_into_a_callback_that_may_stop_it),
      UNIT(an_address_is_connected_to_only_where_it_is_admitted),
      UNIT(what_an_answer_holds_is_told_as_it_is),
      UNIT(a_failure_says_whether_it_may_be_repeated),
      UNIT(headers_that_would_smuggle_others_are_refused),
      UNIT(connections_are_kept_but_never_carry_a_post_twice),
      UNIT(nobody_there_is_safe_to_try_again),
      UNIT(a_wait_ends_at_the_deadline_and_soon_after_a_cancellation),
      UNIT(silence_ends_a_request_and_slowness_does_not),
      UNIT(a_proxy_is_plain_and_goes_with_nothing_that_it_would_undo),
      UNIT(only_plain_bases_are_taken),
      UNIT(refusals_become_statuses),
      UNIT(urls_are_encoded_as_signatures_expect),
  };
  pid_t child = -1;
  int in = -1;
  if (argc < 2 || !mkdtemp(directory)) {
    return 2;
  }
  snprintf(socket_path, sizeof socket_path, "%s/peer", directory);
  int code = 77;
  if (start_peer(argv[1], &child, &in)) {
    code = unit_main("HTTP client", tests, sizeof tests / sizeof *tests);
  } else {
    fprintf(stderr, "skipped: python3 does not run %s\n", argv[1]);
  }
  close(in);
  waitpid(child, NULL, 0);
  rmdir(directory);
  return code;
}
