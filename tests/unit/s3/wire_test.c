/* SPDX-License-Identifier: Apache-2.0 */
/* What lies between the S3 client and its store: bits that turn, silence, proxies, strangers. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/base/path.h"
#include "kit/base/text.h"
#include "kit/net/s3.h"
#include "tests/unit/s3/bucket.h"
#include "tests/unit/s3/peer.h"
#include "tests/unit/unit.h"

#define PART (5u << 20)
#define FLIP(times) "[{\"method\":\"PUT\",\"do\":\"flip\",\"times\":" times "}]"

static char directory[] = "/tmp/si-s3-wire-XXXXXX";
static char ca_file[64], proxy_base[64];
static char *big, *room;
static const size_t big_len = 2 * PART + 12345;
static const struct si_s3_call forever = {0, NULL, NULL};

static struct si_s3_options options(void) {
  return (struct si_s3_options){.endpoint = base,
                                .region = "r",
                                .bucket = "bucket",
                                .access_key_id = "AK",
                                .secret = "secret",
                                .secret_len = 6,
                                .path_style = true,
                                .allow_http = true};
}

static struct si_s3 *client(const struct si_s3_options *o) {
  struct si_s3 *s3 = NULL;
  struct si_error error;
  if (si_s3_open(o, &s3, &error) != SI_OK) {
    fprintf(stderr, "%s\n", error.message);
    abort();
  }
  return s3;
}

static si_rc put(struct si_s3 *s3, const char *key, size_t len, struct si_error *error) {
  const struct si_s3_put what = {.key = key, .data = big, .len = len};
  return si_s3_put(s3, &forever, &what, NULL, error);
}

static si_rc take(void *ctx, const void *data, size_t len) {
  size_t *have = ctx;
  memcpy(room + *have, data, len);
  *have += len;
  return SI_OK;
}

static bool reads_back(struct si_s3 *s3, const char *key, size_t len) {
  const struct si_s3_range all = {0, len, NULL};
  struct si_error error;
  size_t have = 0;
  si_rc status = si_s3_get(s3, &forever, key, &all, take, &have, NULL, &error);
  if (status != SI_OK) {
    fprintf(stderr, "  %s: %s\n", error.code, error.message);
  }
  return status == SI_OK && have == len && memcmp(room, big, len) == 0;
}

/* --- bits that turn --- */

static si_instance *bucket(si_op *op) {
  char config[512];
  si_instance *store = NULL;
  snprintf(config, sizeof config,
           "{\"bucket\":\"bucket\",\"endpoint\":\"%s\",\"allow_http\":true,"
           "\"force_path_style\":true,\"auth\":\"vault\",\"access_key_id\":\"AK\","
           "\"secret_access_key\":\"vault:S\",\"part_size\":%u,\"max_attempts\":3}",
           base, PART);
  CU_ASSERT_EQUAL_FATAL(bucket_open(config, op, &store), SI_OK);
  return store;
}

static void a_body_that_is_spoiled_on_its_way_is_refused_and_sent_again(void) {
  static const size_t lengths[] = {5, 2 * PART + 12345};
  si_op op = {.status = SI_OK};
  si_instance *store = bucket(&op);
  for (size_t i = 0; i < 2; i++) {
    rules(FLIP("1"));
    CU_ASSERT_EQUAL(bucket_put(store, &op, "k", 0, big, lengths[i]), SI_OK);
    CU_ASSERT_EQUAL(asked("PUT "), i == 0 ? 2 : 4);
    CU_ASSERT_EQUAL(asked(" md5"), 0); /* the signed hash is enough */
    CU_ASSERT_EQUAL(bucket_get(store, &op, "k", 0, UINT64_MAX, room, big_len + 1),
                    (long)lengths[i]);
    CU_ASSERT_EQUAL(memcmp(room, big, lengths[i]), 0);
    rules("[]");
    CU_ASSERT_EQUAL(bucket_table()->remove(store, &op, "k"), SI_OK);
    rules(FLIP("99"));
    CU_ASSERT_EQUAL(bucket_put(store, &op, "k", 0, big, lengths[i]), SI_E_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(op.message, "changed on their way"));
  }
  rules("[]");
  state_is("{\"objects\": [], \"uploads\": []}");
  bucket_close(store);
}

static void a_store_that_insists_on_an_md5_gets_one(void) {
  si_op op = {.status = SI_OK};
  si_instance *store = bucket(&op);
  rules("[{\"method\":\"PUT\",\"do\":\"wish-md5\",\"times\":99}]");
  CU_ASSERT_EQUAL(bucket_put(store, &op, "k", SI_PUT_CREATE_ONLY, big, 5), SI_OK);
  CU_ASSERT_EQUAL(asked("PUT "), 2);
  CU_ASSERT_EQUAL(asked(" md5"), 1);
  /* Once it has said so, always. */
  CU_ASSERT_EQUAL(bucket_put(store, &op, "l", 0, big, big_len), SI_OK);
  CU_ASSERT_EQUAL(asked("PUT "), 5);
  CU_ASSERT_EQUAL(asked(" md5"), 4);
  bucket_close(store);
  store = bucket(&op);
  rules("[{\"method\":\"PUT\",\"match\":\"partNumber\",\"do\":\"wish-md5\",\"times\":99}]");
  CU_ASSERT_EQUAL(bucket_put(store, &op, "l", 0, big, big_len), SI_OK);
  CU_ASSERT_EQUAL(asked(" md5"), 3);
  CU_ASSERT_EQUAL(bucket_get(store, &op, "l", 0, UINT64_MAX, room, big_len + 1), (long)big_len);
  CU_ASSERT_EQUAL(memcmp(room, big, big_len), 0);
  CU_ASSERT_EQUAL(bucket_table()->remove(store, &op, "k"), SI_OK);
  CU_ASSERT_EQUAL(bucket_table()->remove(store, &op, "l"), SI_OK);
  bucket_close(store);
  /* Who knows that it is wanted has one from the start. */
  const struct si_s3_options o = options();
  struct si_s3 *s3 SI_AUTO(si_s3_close) = client(&o);
  const struct si_s3_put what = {.key = "k", .data = big, .len = 5, .with_md5 = true};
  rules("[]");
  CU_ASSERT_EQUAL(si_s3_put(s3, &forever, &what, NULL, NULL), SI_OK);
  CU_ASSERT_EQUAL(asked(" md5"), 1);
}

/* --- silence --- */

static void a_store_that_falls_silent_is_asked_again(void) {
  static const struct {
    const char *rules;
    bool reading;
    int tries;
  } cases[] = {
      {"[{\"method\":\"GET\",\"do\":\"stall\",\"seconds\":20}]", true, 2},
      {"[{\"method\":\"GET\",\"do\":\"hang\",\"seconds\":20}]", true, 2},
      {"[{\"method\":\"PUT\",\"do\":\"hang\",\"seconds\":20}]", false, 2},
      {"[{\"method\":\"GET\",\"do\":\"trickle\",\"seconds\":0.1}]", true, 1}, /* slow, not silent */
  };
  struct si_s3_options o = options();
  o.stall_ms = 600;
  struct si_s3 *s3 SI_AUTO(si_s3_close) = client(&o);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_error error = {.status = SI_OK};
    rules("[]");
    CU_ASSERT_EQUAL(put(s3, "k", PART, &error), SI_OK);
    rules(cases[i].rules);
    uint64_t began = si_monotonic_ns();
    if (cases[i].reading) {
      CU_ASSERT(reads_back(s3, "k", PART));
      CU_ASSERT_EQUAL(asked("GET "), cases[i].tries);
    } else {
      CU_ASSERT_EQUAL(put(s3, "k", PART, &error), SI_OK);
      CU_ASSERT_EQUAL(asked("PUT "), cases[i].tries);
    }
    uint64_t ms = (si_monotonic_ns() - began) / 1000000;
    CU_ASSERT(ms >= 600 && ms < 6000);
  }
  o.max_attempts = 1;
  struct si_s3 *once SI_AUTO(si_s3_close) = client(&o);
  struct si_error error = {.status = SI_OK};
  rules("[{\"method\":\"PUT\",\"do\":\"hang\",\"seconds\":20}]");
  CU_ASSERT_EQUAL(put(once, "k", 5, &error), SI_E_UNAVAILABLE);
  CU_ASSERT_STRING_EQUAL(error.code, "S3_STALLED");
  CU_ASSERT_EQUAL(error.retry, SI_RETRY_SAFE);
}

/* --- proxies --- */

static char *proxy_file(const char *name) {
  static char path[96];
  snprintf(path, sizeof path, "%s/proxy/%s", directory, name);
  return path;
}

/* The log of the proxy since the last call. */
static void proxy_log(struct si_buf *out) {
  si_buf_clear(out);
  if (si_read_file(AT_FDCWD, proxy_file("log"), out) != SI_OK) {
    si_buf_clear(out); /* nobody came */
  }
  unlink(proxy_file("log"));
}

static void refuse(const char *status) {
  FILE *file = fopen(proxy_file("refuse"), "w");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  fputs(status, file);
  fclose(file);
}

static void a_proxy_is_used_where_it_is_set_and_only_there(void) {
  struct si_buf log SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  struct si_error error = {.status = SI_OK};
  rules("[]");
  for (int tls = 0; tls < 2; tls++) {
    struct si_s3_options o = options();
    o.endpoint = tls ? tls_base : base;
    o.ca_file = tls ? ca_file : NULL;
    o.token = "TOKEN";
    o.token_len = 5;
    /* Of the environment nothing is used: neither a proxy, nor a wish for none. */
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("https_proxy", "http://127.0.0.1:1", 1);
    struct si_s3 *direct SI_AUTO(si_s3_close) = client(&o);
    CU_ASSERT_EQUAL(put(direct, "k", 5000, &error), SI_OK);
    proxy_log(&log);
    CU_ASSERT_EQUAL(log.len, 0);
    setenv("no_proxy", "*", 1);
    setenv("NO_PROXY", "127.0.0.1", 1);
    o.proxy = proxy_base;
    struct si_s3 *s3 SI_AUTO(si_s3_close) = client(&o);
    CU_ASSERT_EQUAL(put(s3, "k", 5000, &error), SI_OK);
    CU_ASSERT(reads_back(s3, "k", 5000));
    proxy_log(&log);
    const char *said = si_buf_text(&log);
    if (tls) {
      CU_ASSERT_PTR_NOT_NULL(strstr(said, "CONNECT 127.0.0.1:"));
      CU_ASSERT_PTR_NULL(
          strcasestr(said, "authorization")); /* of all that is none of its business */
      CU_ASSERT_PTR_NULL(strcasestr(said, "TOKEN"));
      CU_ASSERT_PTR_NULL(strcasestr(said, "bucket"));
    } else {
      CU_ASSERT_PTR_NOT_NULL(strstr(said, "PUT http://127.0.0.1:"));
      CU_ASSERT_PTR_NOT_NULL(strstr(said, "GET http://127.0.0.1:"));
    }
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
  }
}

static void a_proxy_that_says_no_is_told_from_the_store(void) {
  static const struct {
    bool tls;
    const char *said, *code, *words;
    si_rc status;
    uint32_t retry;
  } cases[] = {
      {true, "407", "HTTP_PROXY", "makes no connection to https://", SI_E_AUTH, SI_RETRY_NEVER},
      {true, "403", "HTTP_PROXY", "(HTTP 403)", SI_E_REFUSED, SI_RETRY_NEVER},
      {true, "503", "HTTP_PROXY", "(HTTP 503)", SI_E_UNAVAILABLE, SI_RETRY_SAFE},
      {false, "407", "S3_PROXY", "proxy wants credentials", SI_E_AUTH, SI_RETRY_NEVER},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_s3_options o = options();
    struct si_error error = {.status = SI_OK};
    o.endpoint = cases[i].tls ? tls_base : base;
    o.ca_file = cases[i].tls ? ca_file : NULL;
    o.proxy = proxy_base;
    o.max_attempts = 2;
    struct si_s3 *s3 SI_AUTO(si_s3_close) = client(&o);
    struct si_buf log SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
    const struct si_s3_put what = {.key = "new", .data = big, .len = 5, .create_only = true};
    refuse(cases[i].said);
    si_rc status = si_s3_put(s3, &forever, &what, NULL, &error);
    if (status != cases[i].status || strcmp(error.code, cases[i].code) != 0) {
      fprintf(stderr, "  %s: %d %s %s\n", cases[i].said, status, error.code, error.message);
    }
    CU_ASSERT_EQUAL(status, cases[i].status);
    CU_ASSERT_STRING_EQUAL(error.code, cases[i].code);
    CU_ASSERT_EQUAL(error.retry, cases[i].retry);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, cases[i].words));
    unlink(proxy_file("refuse"));
    proxy_log(&log);
  }
  struct si_s3_options o = options();
  struct si_error error = {.status = SI_OK};
  o.proxy = "http://127.0.0.1:1";
  o.max_attempts = 1;
  struct si_s3 *s3 SI_AUTO(si_s3_close) = client(&o);
  CU_ASSERT_EQUAL(put(s3, "k", 5, &error), SI_E_UNAVAILABLE);
  CU_ASSERT_STRING_EQUAL(error.code, "HTTP_CONNECT");
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "proxy http://127.0.0.1:1"));
}

static void only_a_plain_proxy_is_taken(void) {
  static const char *const bad[] = {"",           "https://p:1",       "socks5://p", "http://",
                                    "http://p/x", "http://u:word@p:1", "http://p q"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct si_s3_options o = options();
    struct si_s3 *s3 = NULL;
    struct si_error error = {.status = SI_OK};
    o.proxy = bad[i];
    CU_ASSERT_EQUAL(si_s3_open(&o, &s3, &error), SI_E_INVALID);
    CU_ASSERT_PTR_NULL(s3);
    CU_ASSERT_PTR_NULL(strstr(error.message, "word"));
  }
}

/* --- strangers --- */

static int tls_peers(void) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(100);
  ask("GET", "/__tls", NULL, &text);
  return atoi(si_buf_text(&text));
}

static void a_store_that_is_not_trusted_is_asked_once(void) {
  struct si_s3_options o = options();
  struct si_error error = {.status = SI_OK};
  o.endpoint = tls_base;
  for (int other = 0; other < 2; other++) {
    char path[96];
    snprintf(path, sizeof path, "%s/nothing.pem", directory);
    o.ca_file = other ? path : NULL; /* the system's do not know it; that file is not there */
    struct si_s3 *s3 SI_AUTO(si_s3_close) = client(&o);
    int before = tls_peers();
    CU_ASSERT_EQUAL(put(s3, "k", 5, &error), SI_E_AUTH);
    CU_ASSERT_STRING_EQUAL(error.code, "HTTP_TLS");
    CU_ASSERT_EQUAL(error.retry, SI_RETRY_NEVER);
    CU_ASSERT(tls_peers() - before <= 1);
  }
  o.ca_file = ca_file;
  struct si_s3 *s3 SI_AUTO(si_s3_close) = client(&o);
  CU_ASSERT_EQUAL(put(s3, "k", 5, &error), SI_OK);
}

/* --- */

static pid_t start_proxy(const char *script) {
  pid_t pid = fork();
  if (pid == 0) {
    execlp("python3", "python3", script, proxy_file("."), (char *)NULL);
    _exit(127);
  }
  struct si_buf port SI_AUTO(si_buf_free) = SI_BUF(16);
  for (int i = 0; i < 3000 && si_read_file(AT_FDCWD, proxy_file("port"), &port) != SI_OK; i++) {
    usleep(10000);
  }
  snprintf(proxy_base, sizeof proxy_base, "http://127.0.0.1:%d", atoi(si_buf_text(&port)));
  return pid;
}

int main(int argc, char **argv) {
  static const struct bucket_secret secrets[] = {{"S", "secret"}, {NULL, NULL}};
  static const struct unit_test tests[] = {
      UNIT(a_body_that_is_spoiled_on_its_way_is_refused_and_sent_again),
      UNIT(a_store_that_insists_on_an_md5_gets_one),
      UNIT(a_store_that_falls_silent_is_asked_again),
      UNIT(a_proxy_is_used_where_it_is_set_and_only_there),
      UNIT(a_proxy_that_says_no_is_told_from_the_store),
      UNIT(only_a_plain_proxy_is_taken),
      UNIT(a_store_that_is_not_trusted_is_asked_once),
  };
  pid_t pid = -1;
  int keep = -1;
  signal(SIGPIPE, SIG_IGN);
  big = malloc(big_len);
  room = malloc(big_len + 1);
  if (argc != 3 || !big || !room || !mkdtemp(directory)) {
    return 2;
  }
  snprintf(ca_file, sizeof ca_file, "%s/ca.pem", directory);
  if (!start(argv[1], directory, &pid, &keep)) {
    fprintf(stderr, "skipped: %s does not start (it needs python3 and openssl)\n", argv[1]);
    return 77;
  }
  pid_t proxy = start_proxy(argv[2]);
  bucket_secrets = secrets;
  for (size_t i = 0; i < big_len; i++) {
    big[i] = (char)(i * 2654435761u >> 11);
  }
  int result =
      unit_main("artifact store: s3, what lies between", tests, sizeof tests / sizeof *tests);
  close(keep);
  kill(proxy, SIGTERM);
  waitpid(pid, NULL, 0);
  waitpid(proxy, NULL, 0);
  free(big);
  free(room);
  static const char *const left[] = {"proxy/port", "proxy/log", "proxy/refuse",
                                     "proxy",      "ca.pem",    "key.pem"};
  for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
    char path[96];
    snprintf(path, sizeof path, "%s/%s", directory, left[i]);
    (void)remove(path);
  }
  (void)remove(directory);
  return result;
}
