/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/json.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static void what_is_not_strict_json_is_refused_with_its_place(void) {
  static const struct {
    const char *text;
    size_t len; /* 0: strlen */
    const char *why;
  } cases[] = {
      {"", 0, "ends too soon"},
      {" ", 0, "ends too soon"},
      {"\xEF\xBB\xBF{}", 0, "malformed"},
      {"{} {}", 0, "behind the value"},
      {"{}x", 0, "behind the value"},
      {"{}\0", 3, "behind the value"},
      {"{\"a\":1,}", 0, "a string was expected"},
      {"[1,]", 0, "malformed"},
      {"{a:1}", 0, "a string was expected"},
      {"{\"a\" 1}", 0, "':' was expected"},
      {"{\"a\":1 \"b\":2}", 0, "',' or '}'"},
      {"[1 2]", 0, "',' or ']'"},
      {"{\"a\":1,\"a\":2}", 0, "stands twice: a"},
      {"[{\"x\":{\"k\":1,\"j\":0,\"k\":1}}]", 0, "stands twice: k"},
      {"{\"\\u0061\":1,\"a\":2}", 0, "stands twice: a"},
      {"01", 0, "malformed"},
      {"-", 0, "malformed"},
      {"1.", 0, "malformed"},
      {".5", 0, "malformed"},
      {"1e", 0, "malformed"},
      {"+1", 0, "malformed"},
      {"NaN", 0, "malformed"},
      {"1e999", 0, "beyond 2^53"},
      {"9007199254740993", 0, "beyond 2^53"},
      {"-9007199254740993", 0, "beyond 2^53"},
      {"10000000000000000", 0, "beyond 2^53"},
      {"[0.00000000000000000000000000000000000000000000000000000000000001]", 0, "too long"},
      {"nul", 0, "a value was expected"},
      {"True", 0, "malformed"},
      {"\"a", 0, "does not end"},
      {"\"\\", 0, "does not end"},
      {"\"\t\"", 0, "control character"},
      {"\"a\0b\"", 5, "control character"},
      {"\"\\x\"", 0, "an escape is unknown"},
      {"\"\\u12\"", 0, "\\u escape"},
      {"\"\\u12g4\"", 0, "not hexadecimal"},
      {"\"\\u0000\"", 0, "\\u0000"},
      {"\"\\ud800\"", 0, "surrogate"},
      {"\"\\udc00\"", 0, "surrogate"},
      {"\"\\ud800\\u0041\"", 0, "surrogate"},
      {"\"\xff\"", 0, "UTF-8"},
      {"\"\xc0\xaf\"", 0, "UTF-8"},
      {"\"\xed\xa0\x80\"", 0, "UTF-8"},
      {"// x\n{}", 0, "malformed"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cJSON *out = NULL;
    struct si_error error = {0};
    size_t len = cases[i].len ? cases[i].len : strlen(cases[i].text);
    CU_ASSERT_EQUAL(si_json_parse(cases[i].text, len, &out, &error), SI_E_INVALID);
    CU_ASSERT_PTR_NULL(out);
    CU_ASSERT_STRING_EQUAL(error.code, "JSON_INVALID");
    if (!strstr(error.message, cases[i].why)) {
      CU_FAIL("the reason is another");
      fprintf(stderr, "  %s: %s\n", cases[i].text, error.message);
    }
  }
}

static void depth_is_bounded(void) {
  for (size_t depth = 60; depth < 70; depth++) {
    char text[200] = "";
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    cJSON *out = NULL;
    CU_ASSERT_EQUAL(si_json_parse(text, depth * 2, &out, NULL), depth <= 64 ? SI_OK : SI_E_INVALID);
    cJSON_Delete(out);
  }
  static char deep[1000000];
  cJSON *out = NULL;
  memset(deep, '[', sizeof deep);
  CU_ASSERT_EQUAL(si_json_parse(deep, sizeof deep, &out, NULL), SI_E_INVALID);
}

static void the_canonical_form_is_one_for_all_spellings(void) {
  static const struct {
    const char *from, *to;
  } cases[] = {
      {" { \"b\" : [ 1 , true , null ] , \"a\" : \"x\" } ", "{\"a\":\"x\",\"b\":[1,true,null]}"},
      {"{}", "{}"},
      {"[]", "[]"},
      {"1.0", "1"},
      {"-0", "0"},
      {"1e3", "1000"},
      {"9007199254740992", "9007199254740992"},
      {"-9007199254740992", "-9007199254740992"},
      {"1000000000000000", "1000000000000000"},
      {"\"\\u00e9\\/\\u0041\"", "\"\xc3\xa9/A\""},
      {"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\""},
      {"\"\\u0001\\b\\f\\n\\r\\t\\\"\\\\\\u007f\"", "\"\\u0001\\b\\f\\n\\r\\t\\\"\\\\\x7f\""},
      /* RFC 8785 sorts by UTF-16 units: U+10000 (D800...) comes before U+E000. */
      {"{\"\xee\x80\x80\":1,\"\xf0\x90\x80\x80\":2,\"z\":3,\"\":4}",
       "{\"\":4,\"z\":3,\"\xf0\x90\x80\x80\":2,\"\xee\x80\x80\":1}"},
      {"{\"aa\":1,\"a\":2,\"B\":3}", "{\"B\":3,\"a\":2,\"aa\":1}"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(1000);
    cJSON *value SI_AUTO(si_json_free) = NULL;
    CU_ASSERT_EQUAL_FATAL(si_json_parse(cases[i].from, strlen(cases[i].from), &value, NULL), SI_OK);
    CU_ASSERT_EQUAL(si_json_canonical(value, &out), SI_OK);
    CU_ASSERT_STRING_EQUAL(si_buf_text(&out), cases[i].to);
  }
}

static void a_float_has_no_canonical_form_and_a_full_buffer_says_so(void) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(1000);
  struct si_buf small SI_AUTO(si_buf_free) = SI_BUF(8);
  cJSON *number SI_AUTO(si_json_free) = cJSON_Parse("{\"a\":0.5}");
  cJSON *text SI_AUTO(si_json_free) = cJSON_Parse("[\"123456789\"]");
  CU_ASSERT_EQUAL(si_json_canonical(number, &out), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_json_canonical(text, &small), SI_E_QUOTA);
}

static void members_are_read_with_their_type_and_range(void) {
  cJSON *o SI_AUTO(si_json_free) =
      cJSON_Parse("{\"s\":\"x\",\"n\":7,\"f\":7.5,\"b\":true,\"S\":\"upper\",\"z\":null}");
  CU_ASSERT_STRING_EQUAL(si_json_str(o, "s"), "x");
  CU_ASSERT_PTR_NULL(si_json_str(o, "n"));
  CU_ASSERT_PTR_NULL(si_json_str(o, "t"));
  CU_ASSERT_PTR_NULL(si_json_str(NULL, "t"));
  CU_ASSERT_EQUAL(si_json_int(o, "n", 0, 10, -1), 7);
  CU_ASSERT_EQUAL(si_json_int(o, "n", 8, 10, -1), -1);
  CU_ASSERT_EQUAL(si_json_int(o, "n", 0, 6, -1), -1);
  CU_ASSERT_EQUAL(si_json_int(o, "f", 0, 10, -1), -1);
  CU_ASSERT_EQUAL(si_json_int(o, "s", 0, 10, -1), -1);
  CU_ASSERT_TRUE(si_json_bool(o, "b", false));
  CU_ASSERT_TRUE(si_json_bool(o, "n", true));
  CU_ASSERT_FALSE(si_json_bool(o, "z", false));
}

static void an_integer_that_no_int64_holds_is_otherwise(void) {
  static const char text[] = "{\"a\":9223372036854775808.0,\"b\":-1e300,\"c\":9007199254740992}";
  cJSON *o SI_AUTO(si_json_free) = NULL;
  CU_ASSERT_EQUAL_FATAL(si_json_parse(text, sizeof text - 1, &o, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_json_int(o, "a", INT64_MIN, INT64_MAX, 7), 7);
  CU_ASSERT_EQUAL(si_json_int(o, "b", INT64_MIN, INT64_MAX, 7), 7);
  CU_ASSERT_EQUAL(si_json_int(o, "c", INT64_MIN, INT64_MAX, 7), 9007199254740992);
}

#define REPLACED "\xEF\xBF\xBD"

/* And no character beside the broken bytes suffers. */
static void broken_utf8_is_quoted_as_replacement(void) {
  static const struct {
    const char *from, *to;
  } cases[] = {{"a\xff\"", "\"a" REPLACED "\\\"\""},
               {"\xc3\xa9\xff\xe2\x82\xac", "\"\xc3\xa9" REPLACED "\xe2\x82\xac\""},
               {"\xe2\x82", "\"" REPLACED REPLACED "\""},
               {"\xf0\x9f\x98\x80\x80", "\"\xf0\x9f\x98\x80" REPLACED "\""},
               {"\xff\xff\xff\xff", "\"" REPLACED REPLACED REPLACED REPLACED "\""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(100);
    CU_ASSERT_EQUAL(si_json_quote(cases[i].from, strlen(cases[i].from), &out), SI_OK);
    CU_ASSERT_STRING_EQUAL(si_buf_text(&out), cases[i].to);
  }
}

UNIT_MAIN("kit/base/json", UNIT(what_is_not_strict_json_is_refused_with_its_place),
          UNIT(depth_is_bounded), UNIT(the_canonical_form_is_one_for_all_spellings),
          UNIT(a_float_has_no_canonical_form_and_a_full_buffer_says_so),
          UNIT(members_are_read_with_their_type_and_range),
          UNIT(an_integer_that_no_int64_holds_is_otherwise),
          UNIT(broken_utf8_is_quoted_as_replacement))
