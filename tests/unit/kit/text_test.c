/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/text.h"

#include <string.h>

#include "kit/base/buf.h"
#include "kit/base/hash.h"
#include "tests/unit/unit.h"

static void a_copy_ends_at_a_characters_border(void) {
  static const struct {
    const char *from;
    size_t size;
    const char *to;
  } cases[] = {{"abc", 4, "abc"},
               {"abc", 3, "ab"},
               {"abc", 1, ""},
               {NULL, 5, ""},
               {"a\xc3\xa9", 3, "a"},
               {"a\xc3\xa9", 4, "a\xc3\xa9"},
               {"\xf0\x9f\x98\x80", 4, ""},
               {"\xe2\x82\xac!", 4, "\xe2\x82\xac"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char to[16] = "unchanged";
    si_copy(to, cases[i].size, cases[i].from);
    CU_ASSERT_STRING_EQUAL(to, cases[i].to);
  }
}

static void a_message_that_is_cut_ends_at_a_characters_border(void) {
  static const struct {
    const char *tail; /* what stands at the end of the room */
    size_t kept;      /* bytes of it */
  } cases[] = {
      {"abc", 3},         {"\xc3\xa9", 2},      {"a\xc3", 1}, /* the second byte does not fit */
      {"a\xe2\x82", 1},   {"a\xf0\x9f\x98", 1}, {"\xf0\x9f\x98\x80", 4},
      {"\xe2\x82\xac", 3}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_error error;
    char text[2 * sizeof error.message];
    size_t room = sizeof error.message - 1, len = strlen(cases[i].tail);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text + room - len, cases[i].tail, len);
    si_error_set(&error, SI_E_INVALID, "CODE", "%s", text);
    CU_ASSERT_EQUAL(strlen(error.message), room - len + cases[i].kept);
    CU_ASSERT_TRUE(si_utf8_valid(error.message, strlen(error.message)));
  }
}

static void numbers_from_outside_are_checked(void) {
  static const struct {
    const char *text;
    uint64_t min, max;
    si_rc status;
    uint64_t value;
  } cases[] = {{"0", 0, 10, SI_OK, 0},
               {"10", 0, 10, SI_OK, 10},
               {"11", 0, 10, SI_E_INVALID, 0},
               {"4", 5, 10, SI_E_INVALID, 0},
               {"18446744073709551615", 0, UINT64_MAX, SI_OK, UINT64_MAX},
               {"18446744073709551616", 0, UINT64_MAX, SI_E_INVALID, 0},
               {"99999999999999999999999", 0, UINT64_MAX, SI_E_INVALID, 0},
               {"", 0, 10, SI_E_INVALID, 0},
               {NULL, 0, 10, SI_E_INVALID, 0},
               {"01", 0, 10, SI_E_INVALID, 0},
               {"+1", 0, 10, SI_E_INVALID, 0},
               {"-1", 0, 10, SI_E_INVALID, 0},
               {" 1", 0, 10, SI_E_INVALID, 0},
               {"1 ", 0, 10, SI_E_INVALID, 0},
               {"0x1", 0, 10, SI_E_INVALID, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint64_t value = 0;
    CU_ASSERT_EQUAL(si_parse_u64(cases[i].text, cases[i].min, cases[i].max, &value),
                    cases[i].status);
    CU_ASSERT_EQUAL(value, cases[i].value);
  }
}

static void durations_are_read(void) {
  static const struct {
    const char *text;
    si_rc status;
    uint64_t ms;
  } cases[] = {
      {"90s", SI_OK, 90000},        {"3m", SI_OK, 180000},     {"1h30m", SI_OK, 5400000},
      {"250ms", SI_OK, 250},        {"1m30s", SI_OK, 90000},   {"0s", SI_OK, 0},
      {"365d", SI_OK, 31536000000}, {"366d", SI_E_INVALID, 0}, {"365d1ms", SI_E_INVALID, 0},
      {"", SI_E_INVALID, 0},        {"10", SI_E_INVALID, 0},   {"s", SI_E_INVALID, 0},
      {"30s1m", SI_E_INVALID, 0},   {"1s1s", SI_E_INVALID, 0}, {"1.5s", SI_E_INVALID, 0},
      {"-1s", SI_E_INVALID, 0},     {"1y", SI_E_INVALID, 0},   {"99999999999999s", SI_E_INVALID, 0},
      {NULL, SI_E_INVALID, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint64_t ms = 0;
    CU_ASSERT_EQUAL(si_parse_duration_ms(cases[i].text, &ms), cases[i].status);
    CU_ASSERT_EQUAL(ms, cases[i].ms);
  }
}

static void names_and_components_are_told_from_what_is_none(void) {
  static const struct {
    const char *text;
    bool name, component;
  } cases[] = {{"a", true, true},          {"a-b-1", true, true}, {"0", true, true},
               {"-a", false, true},        {"A", false, true},    {"a_b", false, true},
               {"a.b", false, true},       {".a", false, false},  {"..", false, false},
               {"", false, false},         {"a/b", false, false}, {"a b", false, false},
               {"\xc3\xa9", false, false}, {"a\n", false, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CU_ASSERT_EQUAL(si_name_valid(cases[i].text), cases[i].name);
    CU_ASSERT_EQUAL(si_component_valid(cases[i].text, strlen(cases[i].text)), cases[i].component);
  }
  char longest[300];
  memset(longest, 'a', sizeof longest);
  CU_ASSERT_TRUE(si_component_valid(longest, 255));
  CU_ASSERT_FALSE(si_component_valid(longest, 256));
  longest[64] = '\0';
  CU_ASSERT_FALSE(si_name_valid(longest));
  longest[63] = '\0';
  CU_ASSERT_TRUE(si_name_valid(longest));
}

static void utf8_is_told_from_what_looks_like_it(void) {
  static const struct {
    const char *text;
    bool valid;
  } cases[] = {{"", true},
               {"plain", true},
               {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", true},
               {"\xf4\x8f\xbf\xbf", true},
               {"\xc0\x80", false},
               {"\xc1\xbf", false},
               {"\xe0\x80\x80", false},
               {"\xed\xa0\x80", false},
               {"\xf0\x80\x80\x80", false},
               {"\xf4\x90\x80\x80", false},
               {"\xf5\x80\x80\x80", false},
               {"\x80", false},
               {"\xc3", false},
               {"\xe2\x82", false},
               {"\xc3(", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CU_ASSERT_EQUAL(si_utf8_valid(cases[i].text, strlen(cases[i].text)), cases[i].valid);
  }
}

static void times_are_written_and_read_back(void) {
  char text[SI_TIME_SIZE];
  int64_t ms = 0, before = si_now_ms();
  static const struct {
    int64_t ms;
    const char *text;
  } times[] = {{0, "1970-01-01T00:00:00.000Z"},
               {1700000000042, "2023-11-14T22:13:20.042Z"},
               {253402300799999, "9999-12-31T23:59:59.999Z"},
               {253402300800000, ""},
               {-1, ""},
               {INT64_MAX, ""}};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    si_time_text(times[i].ms, text);
    CU_ASSERT_STRING_EQUAL(text, times[i].text);
    CU_ASSERT(!text[0] || (si_time_parse(text, &ms) == SI_OK && ms == times[i].ms));
  }
  si_now_text(text);
  CU_ASSERT_EQUAL(si_time_parse(text, &ms), SI_OK);
  CU_ASSERT(ms >= before && ms <= si_now_ms());
  CU_ASSERT_EQUAL(si_time_parse("1970-01-01T00:00:01.042Z", &ms), SI_OK);
  CU_ASSERT_EQUAL(ms, 1042);
  static const char *const bad[] = {"",
                                    "2026-11-20",
                                    "2026-11-20T20:15:01Z",
                                    "2026-11-20T20:15:01.04Z",
                                    "2026-11-20T20:15:01.042+",
                                    " 2026-11-20T20:15:01.042Z",
                                    "2026-1-2T20:15:01.042Z",
                                    "2026-02-31T20:15:01.042Z",
                                    "2026-11-20T20:15:61.042Z",
                                    "+026-11-20T20:15:01.042Z",
                                    "2026-11-20T20:15:01.0x2Z"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CU_ASSERT_EQUAL(si_time_parse(bad[i], &ms), SI_E_INVALID);
  }
}

static void a_slip_finds_its_neighbour(void) {
  static const char *const names[] = {"create", "list", "show", "delete"};
  CU_ASSERT_STRING_EQUAL(si_nearest("craete", names, 4), "create");
  CU_ASSERT_STRING_EQUAL(si_nearest("lits", names, 4), "list");
  CU_ASSERT_PTR_NULL(si_nearest("bluegreen", names, 4));
  char longest[300]; /* the longer a word, the more slips it may have: but not so many */
  memset(longest, 'z', sizeof longest - 1);
  longest[sizeof longest - 1] = '\0';
  CU_ASSERT_PTR_NULL(si_nearest(longest, names, 4));
}

static void random_ids_differ(void) {
  char a[41], b[41];
  CU_ASSERT_EQUAL(si_random_hex(a, 20), SI_OK);
  CU_ASSERT_EQUAL(si_random_hex(b, 20), SI_OK);
  CU_ASSERT_EQUAL(strlen(a), 40);
  CU_ASSERT_STRING_NOT_EQUAL(a, b);
}

static void a_buffer_grows_to_its_maximum_and_no_further(void) {
  struct si_buf buf = SI_BUF(300);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&buf), "");
  for (int i = 0; i < 30; i++) {
    CU_ASSERT_EQUAL(si_buf_add(&buf, "0123456789", 10), SI_OK);
  }
  CU_ASSERT_EQUAL(si_buf_add(&buf, "x", 1), SI_E_QUOTA);
  CU_ASSERT_EQUAL(si_buf_puts(&buf, "x"), SI_E_QUOTA);
  CU_ASSERT_EQUAL(si_buf_printf(&buf, "%d", 1), SI_E_QUOTA);
  CU_ASSERT_EQUAL(si_buf_reserve(&buf, SIZE_MAX), SI_E_QUOTA);
  CU_ASSERT_EQUAL(si_buf_add(&buf, NULL, 0), SI_OK);
  CU_ASSERT_EQUAL(buf.len, 300);
  CU_ASSERT_EQUAL(strlen(si_buf_text(&buf)), 300);
  si_buf_clear(&buf);
  CU_ASSERT_EQUAL(si_buf_printf(&buf, "%s-%d", "a", 7), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&buf), "a-7");
  si_buf_free(&buf);
  CU_ASSERT_EQUAL(si_buf_puts(&buf, "again"), SI_OK);
  si_buf_free(&buf);
}

static void hashes_are_those_of_the_standard(void) {
  static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  char hex[SI_SHA256_HEX];
  CU_ASSERT_EQUAL(si_sha256_hex("abc", 3, hex), SI_OK);
  CU_ASSERT_STRING_EQUAL(hex, abc);
  CU_ASSERT_EQUAL(si_sha256_hex("", 0, hex), SI_OK);
  CU_ASSERT_STRING_EQUAL(hex, empty);
  struct si_hasher hasher SI_AUTO(si_hasher_free) = {NULL};
  for (int i = 0; i < 2; i++) { /* a hasher can be started again */
    CU_ASSERT_EQUAL(si_hasher_start(&hasher), SI_OK);
    CU_ASSERT_EQUAL(si_hasher_add(&hasher, "a", 1), SI_OK);
    CU_ASSERT_EQUAL(si_hasher_add(&hasher, "bc", 2), SI_OK);
    CU_ASSERT_EQUAL(si_hasher_end(&hasher, hex), SI_OK);
    CU_ASSERT_STRING_EQUAL(hex, abc);
  }
  CU_ASSERT_TRUE(si_sha256_hex_valid(abc));
  CU_ASSERT_FALSE(si_sha256_hex_valid(abc + 1));
  CU_ASSERT_FALSE(
      si_sha256_hex_valid("BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2"
                          "0015ad"));
  CU_ASSERT_FALSE(si_sha256_hex_valid(NULL));
}

static void hex_is_read_back_and_nothing_else_is(void) {
  static const char *const wrong[] = {"", "0", "00f", "00fg", "00FF", "00ff0", "00ff00", " 0ff"};
  unsigned char bytes[2] = {9, 9};
  char hex[5];
  CU_ASSERT(si_unhex("00ff", 2, bytes));
  CU_ASSERT_EQUAL(bytes[0], 0);
  CU_ASSERT_EQUAL(bytes[1], 255);
  si_hex(bytes, 2, hex);
  CU_ASSERT_STRING_EQUAL(hex, "00ff");
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CU_ASSERT_FALSE(si_unhex(wrong[i], 2, bytes));
  }
}

UNIT_MAIN("kit/base", UNIT(hex_is_read_back_and_nothing_else_is),
          UNIT(a_copy_ends_at_a_characters_border),
          UNIT(a_message_that_is_cut_ends_at_a_characters_border),
          UNIT(numbers_from_outside_are_checked), UNIT(durations_are_read),
          UNIT(names_and_components_are_told_from_what_is_none),
          UNIT(utf8_is_told_from_what_looks_like_it), UNIT(times_are_written_and_read_back),
          UNIT(a_slip_finds_its_neighbour), UNIT(random_ids_differ),
          UNIT(a_buffer_grows_to_its_maximum_and_no_further),
          UNIT(hashes_are_those_of_the_standard))
