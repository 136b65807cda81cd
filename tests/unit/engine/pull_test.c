/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine says while it pulls: told in pieces of any size, bounded, its failures found. */
#include "plugins/engine/pull.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static const char whole[] =
    "{\"status\":\"Pulling from shop/web\",\"id\":\"1\"}\r\n"
    "{\"status\":\"Pulling fs layer\",\"progressDetail\":{},\"id\":\"a\"}\r\n"
    "{\"status\":\"Pulling fs layer\",\"progressDetail\":{},\"id\":\"b\"}\r\n"
    "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":1,\"total\":2},\"id\":\"a\"}\r\n"
    "{\"status\":\"Pull complete\",\"progressDetail\":{},\"id\":\"a\"}\r\n"
    "\r\n"
    "{\"status\":\"Pull complete\",\"progressDetail\":{},\"id\":\"b\"}\r\n"
    "{\"status\":\"Status: Downloaded newer image for shop/web:1\"}";

static void note(void *ctx, unsigned done, unsigned total) {
  char *to = ctx;
  size_t len = strlen(to);
  snprintf(to + len, 64 - len, "%u/%u ", done, total);
}

static void a_stream_is_read_however_it_is_cut(void) {
  for (size_t size = 1; size < sizeof whole; size++) {
    struct si_pull_stream stream SI_AUTO(si_pull_stream_free) = SI_PULL_STREAM;
    char told[64] = "";
    stream.layers = note;
    stream.ctx = told;
    for (size_t at = 0; at + 1 < sizeof whole; at += size) {
      size_t left = sizeof whole - 1 - at;
      CU_ASSERT_EQUAL(si_pull_stream_feed(&stream, whole + at, left < size ? left : size), SI_OK);
    }
    CU_ASSERT_EQUAL(si_pull_stream_end(&stream), SI_OK);
    CU_ASSERT_STRING_EQUAL(told, "1/2 2/2 ");
    CU_ASSERT_STRING_EQUAL(stream.failure, "");
  }
}

static si_rc feed(struct si_pull_stream *stream, const char *text) {
  si_rc status = si_pull_stream_feed(stream, text, strlen(text));
  return status == SI_OK ? si_pull_stream_end(stream) : status;
}

static void a_failure_is_what_the_engine_says_first(void) {
  static const char text[] =
      "{\"status\":\"Pulling from shop/web\"}\n"
      "{\"errorDetail\":{\"message\":\"manifest unknown\"},"
      "\"error\":\"manifest for shop/web:9 not found\"}\n"
      "{\"error\":\"and more\"}\n";
  struct si_pull_stream stream SI_AUTO(si_pull_stream_free) = SI_PULL_STREAM;
  CU_ASSERT_EQUAL(feed(&stream, text), SI_OK);
  CU_ASSERT_STRING_EQUAL(stream.failure, "manifest for shop/web:9 not found");
  struct si_pull_stream mute SI_AUTO(si_pull_stream_free) = SI_PULL_STREAM;
  CU_ASSERT_EQUAL(feed(&mute, "{\"error\":\"\"}"), SI_OK);
  CU_ASSERT(mute.failure[0] != '\0');
}

static void what_no_engine_says_is_refused(void) {
  static const char *const wrong[] = {"hello", "{\"status\":",     "[]",
                                      "1",     "{\"status\":1}{}", "{\n}"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct si_pull_stream stream SI_AUTO(si_pull_stream_free) = SI_PULL_STREAM;
    CU_ASSERT_EQUAL(feed(&stream, wrong[i]), SI_E_CORRUPT);
  }
}

static void lines_and_the_stream_are_bounded(void) {
  static const char line[] = "{\"status\":\"Downloading\"}\n";
  struct si_pull_stream endless SI_AUTO(si_pull_stream_free) = SI_PULL_STREAM;
  struct si_pull_stream stream SI_AUTO(si_pull_stream_free) = SI_PULL_STREAM;
  char piece[4096];
  si_rc status = SI_OK;
  size_t fed = 0;
  memset(piece, 'x', sizeof piece);
  for (; status == SI_OK && fed < 100; fed++) {
    status = si_pull_stream_feed(&endless, piece, sizeof piece);
  }
  CU_ASSERT_EQUAL(status, SI_E_QUOTA);
  CU_ASSERT(fed <= 17);
  stream.left = 100 * (sizeof line - 1);
  for (fed = 0, status = SI_OK; status == SI_OK && fed < 200; fed++) {
    status = si_pull_stream_feed(&stream, line, sizeof line - 1);
  }
  CU_ASSERT_EQUAL(status, SI_E_QUOTA);
  CU_ASSERT_EQUAL(fed, 101);
}

UNIT_MAIN("engine: pull", UNIT(a_stream_is_read_however_it_is_cut),
          UNIT(a_failure_is_what_the_engine_says_first), UNIT(what_no_engine_says_is_refused),
          UNIT(lines_and_the_stream_are_bounded))
