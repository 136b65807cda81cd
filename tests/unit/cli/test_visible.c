/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/visible.h"
#include "kit/base/json.h"
#include "tests/unit/unit.h"

static void what_steers_a_terminal_is_written_out(void) {
  static const struct {
    const char *from;
    const char *keep;
    const char *to;
  } cases[] = {
      {"", "", ""},
      {"plain \\ text", "", "plain \\ text"},
      {"a\x1b[31mred\x1b]0;title\x07", "", "a\\x1b[31mred\\x1b]0;title\\x07"},
      {"a\nb\tc\rd", "", "a\\nb\\tc\\rd"},
      {"a\nb\tc\rd", "\n\t", "a\nb\tc\\rd"},
      {"\x7f", "", "\\x7f"},
      {"\xc2\x9b"
       "31m",
       "", "\\u009b31m"}, /* CSI in one character */
      {"\xe2\x80\xae"
       "abc",
       "",
       "\\u202e"
       "abc"},                                            /* text turned round */
      {"\xe2\x80\x8b", "", "\\u200b"},                    /* a blank that takes no room */
      {"\xf3\xa0\x80\x81", "", "\\U000e0001"},            /* a tag */
      {"\xff\xc3(\xe2\x82", "", "\\xff\\xc3(\\xe2\\x82"}, /* broken UTF-8 */
      {"\xed\xa0\x80", "", "\\xed\\xa0\\x80"},            /* a surrogate */
      {"gr\xc3\xbc\xc3\x9f \xe4\xb8\xad", "", "gr\xc3\xbc\xc3\x9f \xe4\xb8\xad"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(1024);
    CU_ASSERT_EQUAL(si_visible(cases[i].from, strlen(cases[i].from), cases[i].keep, &out), SI_OK);
    CU_ASSERT_STRING_EQUAL(si_buf_text(&out), cases[i].to);
  }
  struct si_buf nul SI_AUTO(si_buf_free) = SI_BUF(64);
  CU_ASSERT_EQUAL(si_visible("a\0b", 3, "\n\t", &nul), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&nul), "a\\x00b");
}

static void json_stays_the_same_value(void) {
  static const char json[] = "{\"k\":\"a\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\x81gr\xc3\xbc\"}";
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(1024);
  CU_ASSERT_EQUAL(si_visible_json(json, strlen(json), &out), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&out),
                         "{\"k\":\"a\\u007f\\u009b\\u202e\\udb40\\udc01gr\xc3\xbc\"}");
  cJSON *before SI_AUTO(si_json_free) = NULL;
  cJSON *after SI_AUTO(si_json_free) = NULL;
  CU_ASSERT_EQUAL_FATAL(si_json_parse(json, strlen(json), &before, NULL), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_json_parse(out.data, out.len, &after, NULL), SI_OK);
  CU_ASSERT_TRUE(cJSON_Compare(before, after, true));
}

static void width_is_that_of_a_terminal(void) {
  static const struct {
    const char *text;
    size_t width;
    size_t cut4; /* bytes in four columns */
  } cases[] = {
      {"", 0, 0},
      {"abc", 3, 3},
      {"abcdef", 6, 4},
      {"gr\xc3\xbc\xc3\x9f", 4, 6},
      {"\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97", 6, 6}, /* three wide ones */
      {"e\xcc\x81tat", 4, 6},                         /* an accent of its own */
      {"x\xf0\x9f\x90\xb3yz", 5, 6},                  /* a whale */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CU_ASSERT_EQUAL(si_display_width(cases[i].text), cases[i].width);
    CU_ASSERT_EQUAL(si_display_cut(cases[i].text, 4), cases[i].cut4);
  }
}

UNIT_MAIN("cli visible", UNIT(what_steers_a_terminal_is_written_out),
          UNIT(json_stays_the_same_value), UNIT(width_is_that_of_a_terminal))
