/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/redact/stream_test.c - a secret that arrives in pieces is found as one that arrives
 * whole, and pieces come out one by one, in order (R13). Depends on si_redact.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paas/redact/private.h"
#include "tests/unit/unit.h"

#define R SI_REDACTED

/* What came out: "0:text|1:text|" */
static struct si_buf heard = SI_BUF(1 << 20);

static void hear(void *ctx, unsigned tag, const char *text) {
  (void)ctx;
  CU_ASSERT_EQUAL(si_buf_printf(&heard, "%u:%s|", tag, text), SI_OK);
}

static void feed(const char *const *pieces, size_t count, const char *before_end,
                 const char *expected) {
  struct si_redact_stream stream = {.count = 0};
  si_buf_clear(&heard);
  for (size_t i = 0; i < count; i++) {
    si_redact_feed(&stream, (unsigned)i, pieces[i], NULL, hear);
  }
  if (before_end) {
    CU_ASSERT_STRING_EQUAL(si_buf_text(&heard), before_end);
  }
  si_redact_end(&stream, NULL, hear);
  if (strcmp(si_buf_text(&heard), expected) != 0) {
    printf("\n  expected %s\n  got      %s\n", expected, si_buf_text(&heard));
  }
  CU_ASSERT_STRING_EQUAL(si_buf_text(&heard), expected);
}

static void pieces_come_out_in_order_and_only_a_doubtful_one_waits(void) {
  static const char *const pieces[] = {"first", "second hunter-", "third", "fourth h"};
  si_redact_forget();
  CU_ASSERT_EQUAL(si_redact_remember("hunter-seventeen", 16), SI_OK);
  feed(pieces, 1, "0:first|", "0:first|");
  feed(pieces, 2, "0:first|", "0:first|1:second hunter-|");
  feed(pieces, 3, "0:first|1:second hunter-|2:third|", "0:first|1:second hunter-|2:third|");
  feed(pieces, 4, "0:first|1:second hunter-|2:third|",
       "0:first|1:second hunter-|2:third|3:fourth h|");
}

static const char *const written[] = {
    "hunter-seventeen\xC3\xA9/+",               /* as it is */
    "hunter-seventeen\\u00e9\\/+",              /* JSON */
    "hunter-seventeen%C3%A9%2F%2b",             /* percent */
    "\\u0068%75nter-seventeen\\u00E9/%2B",      /* mixed */
    "68756E7465722d736576656e7465656ec3a92f2b", /* hex */
    "aHVudGVyLXNldmVudGVlbsOpLy",               /* base64: all that is whole */
    "h1bnRlci1zZXZlbnRlZW7DqS8r",               /* behind one byte: its core */
    "odW50ZXItc2V2ZW50ZWVuw6kvK",               /* behind two */
};

static void check_split(const char *text, size_t len, size_t first, size_t second) {
  char parts[3][80];
  const char *pieces[3] = {parts[0], parts[1], parts[2]};
  char expected[200];
  snprintf(parts[0], sizeof parts[0], "<%.*s", (int)first, text);
  snprintf(parts[1], sizeof parts[1], "%.*s", (int)(second - first), text + first);
  snprintf(parts[2], sizeof parts[2], "%.*s>", (int)(len - second), text + second);
  snprintf(expected, sizeof expected, "0:<%s|1:%s|2:%s>|", first > 0 ? R : "",
           second > first ? R : "", second < len ? R : "");
  feed(pieces, 3, NULL, expected);
}

static void a_secret_split_anywhere_is_found(void) {
  si_redact_forget();
  const char *secret = "hunter-seventeen\xC3\xA9/+";
  CU_ASSERT_EQUAL(si_redact_remember(secret, strlen(secret)), SI_OK);
  for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
    size_t len = strlen(written[i]);
    for (size_t first = 0; first <= len; first++) {
      for (size_t second = first; second <= len; second++) {
        check_split(written[i], len, first, second);
      }
    }
  }
}

static void a_secret_in_single_bytes_is_found(void) {
  struct si_redact_stream stream = {.count = 0};
  si_redact_forget();
  CU_ASSERT_EQUAL(si_redact_remember("hunter-seventeen", 16), SI_OK);
  si_buf_clear(&heard);
  for (const char *at = "a hunter-seventeen z"; *at; at++) {
    const char piece[2] = {*at, '\0'};
    si_redact_feed(&stream, 7, piece, NULL, hear);
  }
  si_redact_end(&stream, NULL, hear);
  for (size_t i = 0; i < heard.len; i++) {
    CU_ASSERT_PTR_NULL(strchr("hu", heard.data[i]));
  }
  CU_ASSERT_EQUAL(strncmp(heard.data, "7:a|7: |7:" R "|", 20), 0);
  CU_ASSERT_STRING_EQUAL(heard.data + heard.len - 8, "7: |7:z|");
}

static void a_secret_of_several_lines_is_found_line_by_line(void) {
  static const char *const lines[] = {"key:", "ab", "cd", "ef", "end"};
  static const char *const broken[] = {"key:", "ab", "cd", "xx"};
  si_redact_forget();
  CU_ASSERT_EQUAL(si_redact_remember("ab\ncd\r\nef\n", 10), SI_OK);
  feed(lines, 5, NULL, "0:key:|1:" R "|2:" R "|3:" R "|4:end|");
  feed(broken, 4, NULL, "0:key:|1:ab|2:cd|3:xx|");
}

static void secrets_that_meet_at_a_border_are_both_found(void) {
  static const char *const pieces[] = {"[abc", "defxyz", "abcdef]"};
  si_redact_forget();
  CU_ASSERT_EQUAL(si_redact_remember("abcdef", 6), SI_OK);
  CU_ASSERT_EQUAL(si_redact_remember("efxyzabc", 8), SI_OK);
  feed(pieces, 3, NULL, "0:[" R "|1:" R "|2:" R "]|");
}

static void what_is_held_has_a_bound(void) {
  struct si_redact_stream stream = {.count = 0};
  char *secret = malloc(2 * SI_REDACT_PIECE + 1);
  char *piece = malloc(2 * SI_REDACT_PIECE + 1);
  si_redact_forget();
  for (size_t i = 0; i < 2 * SI_REDACT_PIECE; i++) {
    secret[i] = (char)('a' + (i * 7 + i / 26) % 26);
  }
  secret[2 * SI_REDACT_PIECE] = '\0';
  CU_ASSERT_EQUAL(si_redact_remember(secret, 2 * SI_REDACT_PIECE), SI_OK);
  si_buf_clear(&heard);
  /* A piece longer than what can be held, that ends within the secret. */
  snprintf(piece, 2 * SI_REDACT_PIECE, "x %.*s", (int)SI_REDACT_PIECE + 10, secret);
  si_redact_feed(&stream, 0, piece, NULL, hear);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&heard), "0:x " R "|");
  /* More pieces than can be held. */
  si_buf_clear(&heard);
  for (size_t i = 0; i < 2 * SI_REDACT_PIECES; i++) {
    snprintf(piece, 32, "%.10s", secret + 10 * i);
    si_redact_feed(&stream, 1, piece, NULL, hear);
    CU_ASSERT_TRUE(stream.count <= SI_REDACT_PIECES);
    CU_ASSERT_TRUE(stream.held.len <= SI_REDACT_PIECE);
  }
  CU_ASSERT_EQUAL(strncmp(si_buf_text(&heard), "1:" R "|1:" R "|", 26), 0);
  si_redact_end(&stream, NULL, hear);
  free(secret);
  free(piece);
}

static void a_line_that_was_cut_within_a_secret_shows_no_part_of_it(void) {
  struct si_redact_stream stream = {.count = 0};
  char line[SI_REDACT_LINE];
  si_redact_forget();
  CU_ASSERT_EQUAL(si_redact_remember("hunter-seventeen", 16), SI_OK);
  memset(line, '.', sizeof line);
  memcpy(line + sizeof line - 9, "hunter-s", 9);
  si_buf_clear(&heard);
  si_redact_feed(&stream, 0, line, NULL, hear);
  si_redact_feed(&stream, 1, "another line", NULL, hear);
  si_redact_end(&stream, NULL, hear);
  CU_ASSERT_PTR_NULL(strstr(heard.data, "hunter"));
  CU_ASSERT_PTR_NOT_NULL(strstr(heard.data, "." R "|1:another line|"));
}

static void release(void) {
  si_buf_free(&heard);
}

UNIT_MAIN("redact in pieces", UNIT(pieces_come_out_in_order_and_only_a_doubtful_one_waits),
          UNIT(a_secret_split_anywhere_is_found), UNIT(a_secret_in_single_bytes_is_found),
          UNIT(a_secret_of_several_lines_is_found_line_by_line),
          UNIT(secrets_that_meet_at_a_border_are_both_found), UNIT(what_is_held_has_a_bound),
          UNIT(a_line_that_was_cut_within_a_secret_shows_no_part_of_it), UNIT(release))
