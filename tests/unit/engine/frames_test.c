/* SPDX-License-Identifier: Apache-2.0 */
/* The engine client's pure parts: log frames, and which API version to speak. */
#include "plugins/engine/frames.h"

#include <string.h>

#include "plugins/engine/engine.h"
#include "tests/unit/unit.h"

/* Feeds the stream in pieces of `piece` bytes. */
static si_rc feed(struct si_buf *to, const char *stream, size_t len, size_t piece) {
  struct si_frames frames = {.to = to};
  si_rc status = SI_OK;
  for (size_t at = 0; status == SI_OK && at < len; at += piece) {
    status = si_frames_feed(&frames, stream + at, len - at < piece ? len - at : piece);
  }
  return status;
}

static void frames_are_taken_off_wherever_the_stream_is_cut(void) {
  static const char stream[] =
      "\1\0\0\0\0\0\0\6hello \2\0\0\0\0\0\0\6world\n\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\1!";
  for (size_t piece = 1; piece < sizeof stream; piece++) {
    struct si_buf to SI_AUTO(si_buf_free) = SI_BUF(100);
    CU_ASSERT_EQUAL(feed(&to, stream, sizeof stream - 1, piece), SI_OK);
    CU_ASSERT_STRING_EQUAL(si_buf_text(&to), "hello world\n!");
  }
}

static void only_the_end_of_a_long_log_is_kept(void) {
  char stream[8 + 200] = "\1\0\0\0\0\0\0\310"; /* one frame of 200 bytes */
  for (int i = 0; i < 200; i++) {
    stream[8 + i] = (char)('a' + i % 26);
  }
  for (size_t piece = 1; piece <= sizeof stream; piece += 13) {
    struct si_buf to SI_AUTO(si_buf_free) = SI_BUF(10);
    CU_ASSERT_EQUAL(feed(&to, stream, sizeof stream, piece), SI_OK);
    CU_ASSERT_EQUAL(to.len, 10);
    CU_ASSERT_NSTRING_EQUAL(si_buf_text(&to), stream + sizeof stream - 10, 10);
  }
}

static void a_stream_without_frames_is_refused(void) {
  static const char *const streams[] = {"plain text, no frames", "\4\0\0\0\0\0\0\1x",
                                        "\1\0\1\0\0\0\0\1x"};
  static const size_t lens[] = {21, 9, 9};
  for (size_t i = 0; i < 3; i++) {
    struct si_buf to SI_AUTO(si_buf_free) = SI_BUF(100);
    CU_ASSERT_EQUAL(feed(&to, streams[i], lens[i], lens[i]), SI_E_CORRUPT);
  }
}

static void log_text_is_made_fit_to_show(void) {
  static const struct {
    const char *from;
    unsigned lines;
    const char *to;
  } cases[] = {
      {"", 3, ""},
      {"\n\n", 3, ""},
      {"one\ntwo\n", 5, "one\ntwo"},
      {"one\ntwo\nthree\n", 2, "two\nthree"},
      {"one\ntwo", 1, "two"},
      {"a\x1b[31mred\x07\r\n", 3, "a[31mred"},
      {"tab\there", 3, "tab\there"},
      {"gr\xc3\xbc\xc3\x9f"
       "e \xff\xc3",
       3,
       "gr\xc3\xbc\xc3\x9f"
       "e ??"},
      {"\x80\xbf"
       "cut",
       3, "??cut"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(100);
    CU_ASSERT_EQUAL(si_buf_puts(&text, cases[i].from), SI_OK);
    si_log_clean(&text, cases[i].lines);
    CU_ASSERT_STRING_EQUAL(si_buf_text(&text), cases[i].to);
    CU_ASSERT_EQUAL(text.len, strlen(cases[i].to));
  }
}

static void the_version_spoken_fits_client_and_engine(void) {
  static const struct {
    const char *api, *least;
    si_rc status;
    const char *out;
  } cases[] = {
      {"1.41", "1.12", SI_OK, "1.41"},       {"1.43", "1.24", SI_OK, "1.41"},
      {"1.40", "1.24", SI_OK, "1.40"},       {"1.40", "", SI_OK, "1.40"},
      {"1.52", "1.44", SI_OK, "1.44"},       {"2.0", NULL, SI_OK, "1.41"},
      {"1.39", "1.12", SI_E_UNSUPPORTED, 0}, {"0.99", NULL, SI_E_UNSUPPORTED, 0},
      {NULL, NULL, SI_E_CORRUPT, 0},         {"", "", SI_E_CORRUPT, 0},
      {"latest", NULL, SI_E_CORRUPT, 0},     {"1.x", NULL, SI_E_CORRUPT, 0},
      {"1.41", "x", SI_E_CORRUPT, 0},        {"1.-41", NULL, SI_E_CORRUPT, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char out[16] = "";
    CU_ASSERT_EQUAL(si_engine_negotiate(cases[i].api, cases[i].least, out), cases[i].status);
    CU_ASSERT_STRING_EQUAL(out, cases[i].out ? cases[i].out : "");
  }
}

UNIT_MAIN("engine client", UNIT(frames_are_taken_off_wherever_the_stream_is_cut),
          UNIT(only_the_end_of_a_long_log_is_kept), UNIT(a_stream_without_frames_is_refused),
          UNIT(log_text_is_made_fit_to_show), UNIT(the_version_spoken_fits_client_and_engine))
