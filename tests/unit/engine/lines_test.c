/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a container's log, out of frames that are cut anywhere. */
#include "plugins/engine/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define T1 "2026-11-20T20:15:01.000000001Z "
#define T2 "2026-11-20T20:15:01.000000002Z "

struct taken {
  struct si_buf text; /* "1:word|" for each line */
  size_t cut;
  size_t longest;
  int64_t last_ns;
  si_rc answer;
};

static si_rc take(void *ctx, const struct si_log_line *line) {
  struct taken *taken = ctx;
  taken->cut += line->cut;
  taken->longest = line->len > taken->longest ? line->len : taken->longest;
  taken->last_ns = line->time_ns;
  if (line->len < 100) {
    CU_ASSERT_EQUAL(
        si_buf_printf(&taken->text, "%d:%.*s|", line->stream, (int)line->len, line->text), SI_OK);
  }
  return taken->answer;
}

static void frame(struct si_buf *to, int stream, const char *text, size_t len) {
  const unsigned char header[8] = {(unsigned char)stream,
                                   0,
                                   0,
                                   0,
                                   (unsigned char)(len >> 24),
                                   (unsigned char)(len >> 16),
                                   (unsigned char)(len >> 8),
                                   (unsigned char)len};
  CU_ASSERT_EQUAL(si_buf_add(to, header, sizeof header), SI_OK);
  CU_ASSERT_EQUAL(si_buf_add(to, text, len), SI_OK);
}

static si_rc feed(const struct si_buf *stream, size_t piece, struct taken *taken, char *trouble) {
  struct si_log_lines lines SI_AUTO(si_log_lines_free);
  si_rc status = SI_OK;
  si_log_lines_begin(&lines, taken, take);
  for (size_t at = 0; status == SI_OK && at < stream->len; at += piece) {
    size_t left = stream->len - at;
    status = si_log_lines_feed(&lines, stream->data + at, left < piece ? left : piece);
  }
  status = status == SI_OK ? si_log_lines_end(&lines) : status;
  snprintf(trouble, 256, "%s", lines.trouble);
  return status;
}

static void lines_come_whole_wherever_the_stream_is_cut(void) {
  struct si_buf stream SI_AUTO(si_buf_free) = SI_BUF(4096);
  char trouble[256];
  frame(&stream, 1, T1 "hello \xff\n", strlen(T1) + 8);
  frame(&stream, 2, T1 "world\n", strlen(T1) + 6);
  frame(&stream, 1, T1 "begins", strlen(T1) + 6);
  frame(&stream, 2, T2 "between\n", strlen(T1) + 8);
  frame(&stream, 1, T2 " and ends\n", strlen(T1) + 10);
  frame(&stream, 1, T2 "\n", strlen(T1) + 1);
  frame(&stream, 1, "", 0);
  frame(&stream, 2, T2 "no end", strlen(T1) + 6);
  for (size_t piece = 1; piece <= stream.len; piece++) {
    struct taken taken = {.text = SI_BUF(4096)};
    CU_ASSERT_EQUAL(feed(&stream, piece, &taken, trouble), SI_OK);
    CU_ASSERT_STRING_EQUAL(si_buf_text(&taken.text),
                           "1:hello \xff|2:world|2:between|1:begins and ends|1:|2:no end|");
    CU_ASSERT_EQUAL(taken.last_ns % 1000000000, 2);
    CU_ASSERT_EQUAL(taken.cut, 0);
    si_buf_free(&taken.text);
  }
}

static void a_line_without_an_end_is_cut_and_counted(void) {
  struct si_buf stream SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  char trouble[256];
  char text[40 + 16000];
  memcpy(text, T1, strlen(T1));
  memset(text + strlen(T1), 'x', 16000);
  for (int i = 0; i < 20; i++) {
    frame(&stream, 1, text, strlen(T1) + 16000);
  }
  frame(&stream, 1, T2 "\n", strlen(T2) + 1);
  frame(&stream, 1, T2 "next\n", strlen(T2) + 5);
  struct taken taken = {.text = SI_BUF(4096)};
  CU_ASSERT_EQUAL(feed(&stream, 777, &taken, trouble), SI_OK);
  CU_ASSERT_EQUAL(taken.longest, SI_LOG_LINE_MAX);
  CU_ASSERT_EQUAL(taken.cut, 1);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&taken.text), "1:next|");
  si_buf_free(&taken.text);
}

static void what_is_no_log_with_times_is_refused(void) {
  static const struct {
    int stream;
    const char *text;
  } cases[] = {{4, T1 "x\n"},
               {1, "no time\n"},
               {1, "2026-13-20T20:15:01Z x\n"},
               {1, "2026-11-20T20:15:01.000000001Zx\n"},
               {1, "2026-11-20T20:15:01.0000000010000000000000000000000000Z x\n"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf stream SI_AUTO(si_buf_free) = SI_BUF(4096);
    struct taken taken = {.text = SI_BUF(4096)};
    char trouble[256];
    frame(&stream, cases[i].stream, cases[i].text, strlen(cases[i].text));
    CU_ASSERT_EQUAL(feed(&stream, 3, &taken, trouble), SI_E_CORRUPT);
    CU_ASSERT_EQUAL(taken.text.len, 0);
    si_buf_free(&taken.text);
  }
}

static void the_engines_own_trouble_and_the_receivers_word_end_it(void) {
  struct si_buf stream SI_AUTO(si_buf_free) = SI_BUF(4096);
  struct taken taken = {.text = SI_BUF(4096)};
  char trouble[256];
  frame(&stream, 1, T1 "one\n", strlen(T1) + 4);
  frame(&stream, 1, T1 "two\n", strlen(T1) + 4);
  frame(&stream, 3, "no such driver", 14);
  CU_ASSERT_EQUAL(feed(&stream, 5, &taken, trouble), SI_E_IO);
  CU_ASSERT_STRING_EQUAL(trouble, "no such driver");
  CU_ASSERT_STRING_EQUAL(si_buf_text(&taken.text), "1:one|1:two|");
  si_buf_clear(&taken.text);
  taken.answer = SI_E_QUOTA;
  CU_ASSERT_EQUAL(feed(&stream, 5, &taken, trouble), SI_E_QUOTA);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&taken.text), "1:one|");
  si_buf_free(&taken.text);
}

static void times_are_read_and_written(void) {
  static const struct {
    const char *text;
    const char *again; /* NULL: refused */
  } cases[] = {
      {"2026-11-20T20:15:01.123456789Z", "2026-11-20T20:15:01.123456789Z"},
      {"2026-11-20T20:15:01Z", "2026-11-20T20:15:01.000000000Z"},
      {"2026-11-20T20:15:01.5+02:00", "2026-11-20T18:15:01.500000000Z"},
      {"2026-11-20T20:15:01.1234567899-01:30", "2026-11-20T21:45:01.123456789Z"},
      {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000000Z"},
      {"1970-01-01T00:00:00+01:00", NULL},
      {"1969-12-31T23:59:59Z", NULL},
      {"2262-01-01T00:00:00Z", NULL},
      {"2026-11-20T20:15:01", NULL},
      {"2026-11-20T20:15:01.Z", NULL},
      {"2026-11-20 20:15:01Z", NULL},
      {"2026-11-20T20:15:01Zx", NULL},
      {"", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t ns = 0;
    char text[SI_LOG_TIME_SIZE] = "";
    CU_ASSERT_EQUAL(si_log_time_parse(cases[i].text, &ns), cases[i].again ? SI_OK : SI_E_INVALID);
    if (cases[i].again) {
      si_log_time_text(ns, text);
      CU_ASSERT_STRING_EQUAL(text, cases[i].again);
    }
  }
}

UNIT_MAIN("engine log lines", UNIT(lines_come_whole_wherever_the_stream_is_cut),
          UNIT(a_line_without_an_end_is_cut_and_counted),
          UNIT(what_is_no_log_with_times_is_refused),
          UNIT(the_engines_own_trouble_and_the_receivers_word_end_it),
          UNIT(times_are_read_and_written))
