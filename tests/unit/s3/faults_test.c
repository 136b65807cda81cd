/* SPDX-License-Identifier: Apache-2.0 */
/* The artifact store `s3` against a store with bad manners (peer.py): what is lost is made good,
 * what is spoiled is found, nothing is short, nothing is left behind. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "tests/unit/s3/bucket.h"
#include "tests/unit/s3/peer.h"
#include "tests/unit/unit.h"

#define MIB (1u << 20)
#define PART (5u << 20)

static char config[512];
static si_op op;
static si_instance *store;
static char *big; /* 12 MiB and a bit, of no period that parts have */
static char *room;
static const size_t big_len = 12 * MIB + 12345;

static void forget(const char *key) {
  rules("[]");
  CU_ASSERT_EQUAL(bucket_table()->remove(store, &op, key), SI_OK);
}

#define NOTHING "{\"objects\": [], \"uploads\": []}"

static void begin(const char *more) {
  memset(&op, 0, sizeof op);
  op.deadline_ns = si_monotonic_ns() + 60000000000u;
  snprintf(config, sizeof config,
           "{\"bucket\":\"bucket\",\"endpoint\":\"%s\",\"allow_http\":true,"
           "\"force_path_style\":true,\"prefix\":\"p\",\"auth\":\"vault\","
           "\"access_key_id\":\"AK\",\"secret_access_key\":\"vault:S\",\"part_size\":%u%s}",
           base, PART, more);
  rules("[]");
  CU_ASSERT_EQUAL_FATAL(bucket_open(config, &op, &store), SI_OK);
}

static void end(void) {
  bucket_close(store);
  store = NULL;
}

static bool reads_back(const char *key, const void *data, size_t len) {
  return bucket_get(store, &op, key, 0, UINT64_MAX, room, big_len + 1) == (long)len &&
         memcmp(room, data, len) == 0;
}

/* --- without faults --- */

static void objects_of_every_size_come_back(void) {
  static const size_t sizes[] = {0, 1, PART - 1, PART, PART + 1, 2 * PART, 0};
  begin("");
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t len = i + 1 < sizeof sizes / sizeof *sizes ? sizes[i] : big_len;
    CU_ASSERT_EQUAL(bucket_put(store, &op, "d/k", 0, big, len), SI_OK);
    CU_ASSERT(reads_back("d/k", big, len));
    si_object_info info;
    CU_ASSERT_EQUAL(bucket_table()->stat(store, &op, "d/k", &info), SI_OK);
    CU_ASSERT_EQUAL(info.length, len);
    CU_ASSERT_NOT_EQUAL(info.modified_ms, 0);
  }
  CU_ASSERT(asked("PUT /bucket/p/d/k?partNumber") > 0);
  static const struct {
    uint64_t offset, limit;
    long got;
  } parts[] = {{0, 10, 10},
               {5, 10, 10},
               {5 * MIB - 3, 9 * MIB, 7 * MIB + 3 + 12345},
               {4 * MIB, UINT64_MAX, 8 * MIB + 12345},
               {12 * MIB + 12345, 10, 0},
               {99 * MIB, 10, 0},
               {3, 0, 0}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    long got = bucket_get(store, &op, "d/k", parts[i].offset, parts[i].limit, room, big_len + 1);
    CU_ASSERT_EQUAL(got, parts[i].got);
    CU_ASSERT(got <= 0 || memcmp(room, big + parts[i].offset, (size_t)got) == 0);
  }
  forget("d/k");
  state_is(NOTHING);
  CU_ASSERT_EQUAL(bucket_get(store, &op, "d/k", 0, 10, room, 10), -1);
  CU_ASSERT_EQUAL(op.status, SI_E_NOT_FOUND);
  end();
}

static si_rc count_one(void *ctx, const char *key, const si_object_info *info) {
  char *to = ctx;
  (void)info;
  snprintf(to + strlen(to), 1000 - strlen(to), "%s ", key);
  return SI_OK;
}

static void a_listing_has_what_lies_under_the_prefix(void) {
  char text[1000] = "";
  char key[32];
  begin("");
  for (int i = 0; i < 7; i++) {
    snprintf(key, sizeof key, "a/b/%d", i);
    CU_ASSERT_EQUAL(bucket_put(store, &op, key, 0, "x", 1), SI_OK);
  }
  CU_ASSERT_EQUAL(bucket_put(store, &op, "a/bc", 0, "x", 1), SI_OK);
  CU_ASSERT_EQUAL(bucket_put(store, &op, "a/b", 0, "x", 1), SI_OK);
  CU_ASSERT_EQUAL(bucket_table()->list(store, &op, "a/b", text, count_one), SI_OK);
  CU_ASSERT_STRING_EQUAL(text, "a/b a/b/0 a/b/1 a/b/2 a/b/3 a/b/4 a/b/5 a/b/6 ");
  text[0] = '\0';
  CU_ASSERT_EQUAL(bucket_table()->list(store, &op, "", text, count_one), SI_OK);
  CU_ASSERT_STRING_EQUAL(text, "a/b a/b/0 a/b/1 a/b/2 a/b/3 a/b/4 a/b/5 a/b/6 a/bc ");
  text[0] = '\0';
  CU_ASSERT_EQUAL(bucket_table()->list(store, &op, "none", text, count_one), SI_OK);
  CU_ASSERT_STRING_EQUAL(text, "");
  for (int i = 0; i < 7; i++) {
    snprintf(key, sizeof key, "a/b/%d", i);
    CU_ASSERT_EQUAL(bucket_table()->remove(store, &op, key), SI_OK);
  }
  forget("a/bc");
  forget("a/b");
  end();
}

static void keys_that_the_abi_does_not_know_are_refused(void) {
  static const char *const keys[] = {"", "/a", "a/", "a//b", ".a", "a/../b", "a b", "a\n", "\xC3"};
  char url[2000];
  si_object_info info;
  begin("");
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    CU_ASSERT_EQUAL(bucket_put(store, &op, keys[i], 0, "x", 1), SI_E_INVALID);
    CU_ASSERT_EQUAL(bucket_table()->stat(store, &op, keys[i], &info), SI_E_INVALID);
    CU_ASSERT_EQUAL(bucket_table()->remove(store, &op, keys[i]), SI_E_INVALID);
    CU_ASSERT_EQUAL(bucket_get(store, &op, keys[i], 0, 1, room, 1), -1);
  }
  CU_ASSERT_EQUAL(asked(""), 0);
  CU_ASSERT_EQUAL(bucket_table()->uri(store, "a/b", url, sizeof url), SI_OK);
  CU_ASSERT_STRING_EQUAL(url, "s3://bucket/p/a/b");
  CU_ASSERT_EQUAL(bucket_table()->uri(store, "", url, sizeof url), SI_OK);
  CU_ASSERT_STRING_EQUAL(url, "s3://bucket/p");
  CU_ASSERT_EQUAL(bucket_table()->uri(store, "a/b", url, 17), SI_E_QUOTA);
  CU_ASSERT_EQUAL(bucket_table()->uri(store, "a/b", url, 18), SI_OK);
  end();
}

/* --- one PUT --- */

static void a_put_survives_what_passes(void) {
  static const struct {
    const char *rules;
    int puts;
  } cases[] = {
      {"[{\"method\":\"PUT\",\"do\":\"drop\",\"times\":2}]", 3},
      {"[{\"method\":\"PUT\",\"do\":\"lost\"}]", 2},
      {"[{\"method\":\"PUT\",\"do\":\"error\",\"status\":500,\"code\":\"InternalError\"}]", 2},
      {"[{\"method\":\"PUT\",\"do\":\"error\",\"status\":503,\"code\":\"SlowDown\"}]", 2},
      {"[{\"method\":\"PUT\",\"do\":\"error\",\"status\":400,\"code\":\"BadDigest\"}]", 2},
      {"[{\"method\":\"PUT\",\"do\":\"error\",\"status\":400,"
       "\"code\":\"XAmzContentSHA256Mismatch\"}]",
       2},
      {"[{\"method\":\"PUT\",\"do\":\"error\",\"status\":409,\"code\":\"OperationAborted\"}]", 2},
  };
  begin("");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    rules(cases[i].rules);
    CU_ASSERT_EQUAL(bucket_put(store, &op, "k", 0, "hello", 5), SI_OK);
    /* The HTTP library itself may send once more on a connection that was kept. */
    CU_ASSERT(asked("PUT ") >= cases[i].puts - 1 && asked("PUT ") <= cases[i].puts + 1);
    CU_ASSERT(reads_back("k", "hello", 5));
    forget("k");
  }
  end();
}

static void a_retry_after_is_waited_for(void) {
  begin("");
  rules("[{\"method\":\"PUT\",\"do\":\"error\",\"status\":503,\"code\":\"SlowDown\",\"after\":2}]");
  uint64_t began = si_monotonic_ns();
  CU_ASSERT_EQUAL(bucket_put(store, &op, "k", 0, "hello", 5), SI_OK);
  CU_ASSERT(si_monotonic_ns() - began >= 2000000000u);
  forget("k");
  end();
}

static void what_does_not_pass_is_told_as_what_it_is(void) {
  static const struct {
    int http;
    const char *code;
    si_rc status;
    uint32_t retry;
    const char *words;
    int puts;
  } cases[] = {
      {403, "SignatureDoesNotMatch", SI_E_AUTH, SI_RETRY_NEVER, "secret access key", 1},
      {403, "InvalidAccessKeyId", SI_E_AUTH, SI_RETRY_NEVER, "(the id is AK)", 1},
      {403, "RequestTimeTooSkewed", SI_E_AUTH, SI_RETRY_NEVER, "here it is 2", 1},
      {403, "AccessDenied", SI_E_AUTH, SI_RETRY_NEVER, "permission", 1},
      {403, "QuotaExceeded", SI_E_QUOTA, SI_RETRY_NEVER, "quota", 1},
      {404, "NoSuchBucket", SI_E_INVALID, SI_RETRY_NEVER, "bucket does not exist", 1},
      {400, "AuthorizationHeaderMalformed", SI_E_INVALID, SI_RETRY_NEVER, "region", 1},
      {400, "Strange", SI_E_INVALID, SI_RETRY_NEVER, "HTTP 400 Strange: as told", 1},
      {501, "NotImplemented", SI_E_UNSUPPORTED, SI_RETRY_NEVER, "cannot do that", 1},
      {500, "InternalError", SI_E_UNAVAILABLE, SI_RETRY_SAFE, "failed", 3},
      {502, "", SI_E_UNAVAILABLE, SI_RETRY_SAFE, "failed", 3},
  };
  begin(",\"max_attempts\":3");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char rule[256];
    snprintf(rule, sizeof rule,
             "[{\"method\":\"PUT\",\"do\":\"error\",\"status\":%d,\"code\":\"%s\",\"times\":99}]",
             cases[i].http, cases[i].code);
    rules(rule);
    CU_ASSERT_EQUAL(bucket_put(store, &op, "k", 0, "hello", 5), cases[i].status);
    CU_ASSERT_EQUAL(op.status, cases[i].status);
    CU_ASSERT_EQUAL(op.retry, cases[i].retry);
    CU_ASSERT_STRING_EQUAL(op.subject, "k");
    if (!strstr(op.message, cases[i].words)) {
      fprintf(stderr, "  %s: %s\n", cases[i].code, op.message);
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(op.message, cases[i].words));
    CU_ASSERT_EQUAL(asked("PUT "), cases[i].puts);
  }
  rules("[{\"method\":\"PUT\",\"do\":\"redirect\"}]");
  CU_ASSERT_EQUAL(bucket_put(store, &op, "k", 0, "hello", 5), SI_E_INVALID);
  CU_ASSERT_PTR_NOT_NULL(strstr(op.message, "mars, not us-east-1"));
  state_is(NOTHING);
  end();
}

/* A HEAD tells no reason: the reason is asked for. */
static void a_refused_look_says_why(void) {
  si_object_info info;
  begin("");
  rules(
      "[{\"method\":\"HEAD\",\"do\":\"error\",\"status\":403},{\"method\":\"GET\","
      "\"match\":\"list-type\",\"do\":\"error\",\"status\":403,"
      "\"code\":\"SignatureDoesNotMatch\"}]");
  CU_ASSERT_EQUAL(bucket_table()->stat(store, &op, "k", &info), SI_E_AUTH);
  CU_ASSERT_PTR_NOT_NULL(strstr(op.message, "secret access key"));
  rules(
      "[{\"method\":\"GET\",\"match\":\"list-type\",\"do\":\"error\",\"status\":404,"
      "\"code\":\"NoSuchBucket\"}]");
  CU_ASSERT_EQUAL(bucket_table()->stat(store, &op, "k", &info), SI_E_INVALID);
  CU_ASSERT_EQUAL(bucket_table()->stat(store, &op, "k", &info), SI_E_NOT_FOUND);
  end();
}

/* --- create-only --- */

static void one_creator_wins_whatever_gets_lost(void) {
  static const struct {
    const char *rules;
    bool there;
    si_rc status;
    uint32_t retry;
  } cases[] = {
      {"[]", false, SI_OK, 0},
      {"[]", true, SI_E_EXISTS, SI_RETRY_NEVER},
      {"[{\"method\":\"PUT\",\"do\":\"lost\"}]", false, SI_OK, 0},
      {"[{\"method\":\"PUT\",\"do\":\"drop\"}]", false, SI_OK, 0},
      {"[{\"method\":\"PUT\",\"do\":\"done-error\",\"status\":500,\"code\":\"InternalError\"}]",
       false, SI_OK, 0},
      {"[{\"method\":\"PUT\",\"do\":\"error\",\"status\":503,\"code\":\"SlowDown\"}]", false, SI_OK,
       0},
      {"[{\"method\":\"PUT\",\"do\":\"error\",\"status\":409,"
       "\"code\":\"ConditionalRequestConflict\"}]",
       false, SI_OK, 0},
      /* Another one's object came between the look and the PUT, whose reply is lost or not. */
      {"[{\"method\":\"HEAD\",\"do\":\"error\",\"status\":404}]", true, SI_E_EXISTS,
       SI_RETRY_NEVER},
      {"[{\"method\":\"HEAD\",\"do\":\"error\",\"status\":404},"
       "{\"method\":\"PUT\",\"do\":\"lost\"}]",
       true, SI_E_EXISTS, SI_RETRY_NEVER},
      /* Nobody can tell what became of it. */
      {"[{\"method\":\"HEAD\",\"do\":\"error\",\"status\":404},"
       "{\"method\":\"PUT\",\"do\":\"lost\"},"
       "{\"method\":\"HEAD\",\"do\":\"drop\",\"times\":99}]",
       false, SI_E_UNAVAILABLE, SI_OUTCOME_UNKNOWN},
  };
  begin(",\"max_attempts\":3");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    rules("[]");
    if (cases[i].there) {
      CU_ASSERT_EQUAL(bucket_put(store, &op, "k", 0, "other", 5), SI_OK);
    }
    op.retry = 0;
    rules(cases[i].rules);
    si_rc status = bucket_put(store, &op, "k", SI_PUT_CREATE_ONLY | SI_PUT_COMMIT, "mine!", 5);
    if (status != cases[i].status) {
      fprintf(stderr, "  %s: %d %s\n", cases[i].rules, status, op.message);
    }
    CU_ASSERT_EQUAL(status, cases[i].status);
    CU_ASSERT_EQUAL(op.retry, cases[i].retry);
    rules("[]");
    CU_ASSERT(reads_back("k", cases[i].there ? "other" : "mine!", 5));
    forget("k");
  }
  const si_put_options options = {
      .size = sizeof options, .flags = SI_PUT_CREATE_ONLY, .length = 65 * MIB};
  si_sink *sink = NULL;
  CU_ASSERT_EQUAL(bucket_table()->sink_open(store, &op, "k", &options, &sink), SI_E_QUOTA);
  end();
}

/* --- reading --- */

static void a_reading_that_breaks_off_goes_on_behind_the_last_byte(void) {
  begin("");
  CU_ASSERT_EQUAL(bucket_put(store, &op, "k", 0, big, big_len), SI_OK);
  rules("[{\"method\":\"GET\",\"do\":\"break\",\"bytes\":100000,\"times\":3}]");
  CU_ASSERT(reads_back("k", big, big_len));
  CU_ASSERT(asked("GET /bucket/p/k bytes=") >= 6);
  CU_ASSERT_EQUAL(asked("GET /bucket/p/k bytes=0-"), 1); /* nothing is read twice */
  rules(
      "[{\"method\":\"GET\",\"do\":\"error\",\"status\":503,\"code\":\"SlowDown\"},"
      "{\"method\":\"GET\",\"do\":\"drop\"}]");
  CU_ASSERT(reads_back("k", big, big_len));
  forget("k");
  end();
}

static void a_reading_is_never_short_and_never_of_two_objects(void) {
  static const struct {
    const char *rules;
    si_rc status;
    const char *words;
  } cases[] = {
      {"[{\"do\":\"break\",\"bytes\":1,\"times\":999}]", SI_E_UNAVAILABLE, "broke"},
      {"[{\"do\":\"endless\",\"times\":99}]", SI_E_IO, "length"},
      {"[{\"do\":\"no-length\",\"times\":99}]", SI_E_IO, "length"},
      {"[{\"do\":\"say\",\"body\":\"short\",\"times\":99,"
       "\"headers\":[\"Content-Range: bytes 0-4/12595257\"]}]",
       SI_E_IO, "fewer bytes"},
      {"[{\"do\":\"say\",\"body\":\"short\",\"times\":99,"
       "\"headers\":[\"Content-Range: bytes 7-11/12595257\"]}]",
       SI_E_IO, "other bytes"},
      {"[{\"do\":\"say\",\"body\":\"short\",\"times\":99,"
       "\"headers\":[\"Content-Range: nonsense\"]}]",
       SI_E_IO, "other bytes"},
      {"[{\"match\":\"k\",\"do\":\"break\",\"bytes\":100000},"
       "{\"match\":\"k\",\"do\":\"replace\"}]",
       SI_E_CONFLICT, "replaced"},
  };
  begin(",\"max_attempts\":2");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    rules("[]");
    CU_ASSERT_EQUAL(bucket_put(store, &op, "k", 0, big, big_len), SI_OK);
    rules(cases[i].rules);
    CU_ASSERT_EQUAL(bucket_get(store, &op, "k", 0, UINT64_MAX, room, big_len + 1), -1);
    CU_ASSERT_EQUAL(op.status, cases[i].status);
    if (!strstr(op.message, cases[i].words)) {
      fprintf(stderr, "  %s: %s\n", cases[i].rules, op.message);
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(op.message, cases[i].words));
  }
  forget("k");
  end();
}

/* --- parts --- */

static void an_upload_survives_what_passes(void) {
  static const char *const cases[] = {
      "[{\"match\":\"uploads=\",\"do\":\"drop\"}]",
      "[{\"match\":\"uploads=\",\"do\":\"error\",\"status\":503,\"code\":\"SlowDown\"}]",
      "[{\"match\":\"partNumber=2\",\"do\":\"lost\"}]",
      "[{\"match\":\"partNumber\",\"do\":\"error\",\"status\":500,\"times\":2}]",
      "[{\"method\":\"POST\",\"match\":\"uploadId\",\"do\":\"lost\"}]",
      "[{\"method\":\"POST\",\"match\":\"uploadId\",\"do\":\"drop\"}]",
      "[{\"method\":\"POST\",\"match\":\"uploadId\",\"do\":\"done-error\","
      "\"code\":\"InternalError\"}]",
      "[{\"method\":\"POST\",\"match\":\"uploadId\",\"do\":\"error\",\"status\":200,"
      "\"code\":\"InternalError\"}]",
      "[{\"method\":\"POST\",\"match\":\"uploadId\",\"do\":\"say\",\"body\":\"<Compl\"}]",
      "[{\"method\":\"POST\",\"match\":\"uploadId\",\"do\":\"done-error\",\"status\":404,"
      "\"code\":\"NoSuchUpload\"}]",
  };
  begin("");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    rules(cases[i]);
    si_rc status = bucket_put(store, &op, "k", 0, big, big_len);
    if (status != SI_OK) {
      fprintf(stderr, "  %s: %s\n", cases[i], op.message);
    }
    CU_ASSERT_EQUAL(status, SI_OK);
    CU_ASSERT(reads_back("k", big, big_len));
    forget("k");
    state_is(NOTHING);
  }
  end();
}

static void an_upload_that_fails_leaves_nothing_behind(void) {
  static const struct {
    const char *rules;
    si_rc status;
  } cases[] = {
      {"[{\"match\":\"partNumber=2\",\"do\":\"error\",\"status\":403,\"code\":\"AccessDenied\"}]",
       SI_E_AUTH},
      {"[{\"match\":\"partNumber=3\",\"do\":\"drop\",\"times\":99}]", SI_E_UNAVAILABLE},
      {"[{\"method\":\"POST\",\"match\":\"uploadId\",\"do\":\"error\",\"status\":403,"
       "\"code\":\"QuotaExceeded\"}]",
       SI_E_QUOTA},
      {"[{\"method\":\"POST\",\"match\":\"uploadId\",\"do\":\"error\",\"status\":200,"
       "\"code\":\"InternalError\",\"times\":99}]",
       SI_E_UNAVAILABLE},
  };
  const si_put_options options = {.size = sizeof options, .length = big_len};
  si_sink *sink = NULL;
  begin(",\"max_attempts\":2");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    rules(cases[i].rules);
    CU_ASSERT_EQUAL(bucket_put(store, &op, "k", 0, big, big_len), cases[i].status);
    CU_ASSERT_EQUAL(op.status, cases[i].status);
    state_is(NOTHING);
  }
  rules("[]");
  CU_ASSERT_EQUAL_FATAL(bucket_table()->sink_open(store, &op, "k", &options, &sink), SI_OK);
  CU_ASSERT_EQUAL(bucket_table()->sink_write(sink, &op, big, 6 * MIB), SI_OK);
  bucket_table()->sink_abort(sink);
  state_is(NOTHING);
  CU_ASSERT_EQUAL_FATAL(bucket_table()->sink_open(store, &op, "k", &options, &sink), SI_OK);
  CU_ASSERT_EQUAL(bucket_table()->sink_write(sink, &op, big, 6 * MIB), SI_OK);
  CU_ASSERT_EQUAL(bucket_table()->sink_finish(sink, &op), SI_E_INVALID); /* too few bytes */
  state_is(NOTHING);
  end();
}

static void *cancel_soon(void *arg) {
  (void)arg;
  usleep(300000);
  atomic_store(&op.cancelled, 1);
  return NULL;
}

static void a_cancelled_upload_ends_soon_and_leaves_nothing_behind(void) {
  pthread_t thread;
  begin("");
  rules("[{\"match\":\"partNumber\",\"do\":\"hang\",\"seconds\":3,\"times\":99}]");
  CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
  uint64_t began = si_monotonic_ns();
  CU_ASSERT_EQUAL(bucket_put(store, &op, "k", 0, big, big_len), SI_E_CANCELLED);
  CU_ASSERT(si_monotonic_ns() - began < 1500000000u);
  pthread_join(thread, NULL);
  state_is(NOTHING);
  atomic_store(&op.cancelled, 0);
  rules("[{\"method\":\"PUT\",\"do\":\"hang\",\"seconds\":3,\"times\":99}]");
  op.deadline_ns = si_monotonic_ns() + 500000000u;
  began = si_monotonic_ns();
  CU_ASSERT_EQUAL(bucket_put(store, &op, "k", 0, "x", 1), SI_E_TIMEOUT);
  CU_ASSERT(si_monotonic_ns() - began < 1500000000u);
  end();
}

struct found {
  char key[64], id[64];
  int count;
};

static si_rc on_unfinished(void *ctx, const si_unfinished *u) {
  struct found *f = ctx;
  si_copy(f->key, sizeof f->key, u->key);
  si_copy(f->id, sizeof f->id, u->id);
  CU_ASSERT_EQUAL(u->length, UINT64_MAX);
  CU_ASSERT_NOT_EQUAL(u->started_ms, 0);
  f->count++;
  return SI_OK;
}

static void what_a_dead_writer_left_is_found_and_dropped(void) {
  begin("");
  for (int i = 0; i < 2; i++) {
    ask("POST", i ? "/bucket/p/a/bc?uploads=" : "/bucket/p/a/b/k?uploads=", "", NULL);
  }
  struct found f = {.count = 0};
  CU_ASSERT_EQUAL(bucket_table()->unfinished(store, &op, "a/b", &f, on_unfinished), SI_OK);
  CU_ASSERT_EQUAL(f.count, 1);
  CU_ASSERT_STRING_EQUAL(f.key, "a/b/k");
  CU_ASSERT_EQUAL(bucket_table()->discard(store, &op, f.key, f.id), SI_OK);
  CU_ASSERT_EQUAL(bucket_table()->discard(store, &op, f.key, f.id), SI_OK); /* gone is success */
  CU_ASSERT_EQUAL(bucket_table()->discard(store, &op, f.key, ""), SI_E_INVALID);
  f.count = 0;
  CU_ASSERT_EQUAL(bucket_table()->unfinished(store, &op, "", &f, on_unfinished), SI_OK);
  CU_ASSERT_EQUAL(f.count, 1);
  CU_ASSERT_EQUAL(bucket_table()->discard(store, &op, f.key, f.id), SI_OK);
  state_is(NOTHING);
  end();
}

/* --- encryption --- */

static void what_is_not_encrypted_as_asked_does_not_stay(void) {
  begin(",\"server_side_encryption\":\"AES256\"");
  CU_ASSERT_EQUAL(bucket_put(store, &op, "k", 0, "x", 1), SI_E_REFUSED);
  CU_ASSERT_PTR_NOT_NULL(strstr(op.message, "did not confirm"));
  CU_ASSERT_EQUAL(bucket_put(store, &op, "k", SI_PUT_CREATE_ONLY, "x", 1), SI_E_REFUSED);
  CU_ASSERT_EQUAL(bucket_put(store, &op, "k", 0, big, big_len), SI_E_REFUSED);
  CU_ASSERT_EQUAL(asked("partNumber"), 0);
  state_is(NOTHING);
  rules("[{\"do\":\"encrypt\"}]");
  CU_ASSERT_EQUAL(bucket_put(store, &op, "k", SI_PUT_CREATE_ONLY, "x", 1), SI_OK);
  CU_ASSERT_EQUAL(bucket_put(store, &op, "k", 0, big, big_len), SI_OK);
  rules("[{\"do\":\"encrypt\"},{\"method\":\"PUT\",\"do\":\"lost\"}]");
  CU_ASSERT_EQUAL(bucket_put(store, &op, "l", SI_PUT_CREATE_ONLY, "x", 1), SI_OK);
  forget("l");
  forget("k");
  end();
}

/* --- listings --- */

#define PAGE(inside) "<ListBucketResult>" inside "</ListBucketResult>"
#define ENTRY(key) "<Contents><Key>" key "</Key><Size>1</Size></Contents>"
#define SAY(body, times) \
  "[{\"match\":\"list-type\",\"do\":\"say\",\"body\":\"" body "\",\"times\":" times "}]"
#define MORE "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"

static void a_listing_that_makes_no_sense_is_found_out(void) {
  static const struct {
    const char *rules;
    si_rc status;
    const char *words;
  } cases[] = {
      {SAY("<ListBucketResult><IsTrunc", "1"), SI_OK, ""},
      {"[{\"match\":\"list-type\",\"do\":\"break\",\"bytes\":60}]", SI_OK, ""},
      {SAY(PAGE(""), "99"), SI_E_CORRUPT, "whether there is more"},
      {SAY(PAGE(ENTRY("q/k") "<IsTruncated>false</IsTruncated>"), "99"), SI_E_CORRUPT, "outside"},
      {SAY(PAGE(ENTRY("p/.k") "<IsTruncated>false</IsTruncated>"), "99"), SI_E_CORRUPT,
       "outside of what this store writes"},
      {SAY(PAGE(ENTRY("p/k") "<IsTruncated>false</IsTruncated><KeyCount>2</KeyCount>"), "99"),
       SI_E_CORRUPT, "another number"},
      {SAY(PAGE(ENTRY("p/k") MORE), "99"), SI_E_CORRUPT, "circles"},
      {SAY(PAGE(MORE), "99"), SI_E_CORRUPT, "circles"},
      {SAY("<!DOCTYPE x>" PAGE("<IsTruncated>false</IsTruncated>"), "99"), SI_E_CORRUPT,
       "document type"},
      {SAY("<Other><IsTruncated>false</IsTruncated></Other>", "99"), SI_E_CORRUPT,
       "another document"},
      {"[{\"match\":\"list-type\",\"do\":\"endless\",\"times\":99}]", SI_E_QUOTA, "larger"},
  };
  begin(",\"max_attempts\":2");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[1000] = "";
    rules(cases[i].rules);
    si_rc status = bucket_table()->list(store, &op, "", text, count_one);
    if (status != cases[i].status || !strstr(op.message, cases[i].words)) {
      fprintf(stderr, "  %s: %d %s\n", cases[i].rules, status, op.message);
    }
    CU_ASSERT_EQUAL(status, cases[i].status);
    CU_ASSERT_PTR_NOT_NULL(strstr(op.message, cases[i].words));
  }
  end();
}

int main(int argc, char **argv) {
  static const struct bucket_secret secrets[] = {{"S", "secret"}, {NULL, NULL}};
  static const struct unit_test tests[] = {
      UNIT(objects_of_every_size_come_back),
      UNIT(a_listing_has_what_lies_under_the_prefix),
      UNIT(keys_that_the_abi_does_not_know_are_refused),
      UNIT(a_put_survives_what_passes),
      UNIT(a_retry_after_is_waited_for),
      UNIT(what_does_not_pass_is_told_as_what_it_is),
      UNIT(a_refused_look_says_why),
      UNIT(one_creator_wins_whatever_gets_lost),
      UNIT(a_reading_that_breaks_off_goes_on_behind_the_last_byte),
      UNIT(a_reading_is_never_short_and_never_of_two_objects),
      UNIT(an_upload_survives_what_passes),
      UNIT(an_upload_that_fails_leaves_nothing_behind),
      UNIT(a_cancelled_upload_ends_soon_and_leaves_nothing_behind),
      UNIT(what_a_dead_writer_left_is_found_and_dropped),
      UNIT(what_is_not_encrypted_as_asked_does_not_stay),
      UNIT(a_listing_that_makes_no_sense_is_found_out),
  };
  pid_t pid = -1;
  int keep = -1;
  signal(SIGPIPE, SIG_IGN);
  big = malloc(big_len);
  room = malloc(big_len + 1);
  if (argc != 2 || !big || !room || !start(argv[1], NULL, &pid, &keep)) {
    fprintf(stderr, "usage: %s peer.py, which must start\n", argv[0]);
    return 2;
  }
  bucket_secrets = secrets;
  for (size_t i = 0; i < big_len; i++) {
    big[i] = (char)(i * 2654435761u >> 11);
  }
  int result = unit_main("artifact store: s3, faults", tests, sizeof tests / sizeof *tests);
  close(keep);
  waitpid(pid, NULL, 0);
  free(big);
  free(room);
  return result;
}
