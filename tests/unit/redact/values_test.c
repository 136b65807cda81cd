/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/redact/values_test.c - secrets are found by value in every way that they are written
 * (R13), and what only looks like one stays. Depends on si_redact.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "paas/redact/private.h"
#include "tests/unit/unit.h"

/* Under AddressSanitizer, however the compiler says so. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#define R SI_REDACTED

struct redaction {
  const char *text;
  const char *shown;
};

static void remember(const char *value) {
  CU_ASSERT_EQUAL(si_redact_remember(value, strlen(value)), SI_OK);
}

static void expect(const char *text, const char *shown) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  CU_ASSERT_EQUAL(si_redact_text(text, strlen(text), &out), SI_OK);
  if (strcmp(si_buf_text(&out), shown) != 0) {
    printf("\n  text     %s\n  expected %s\n  got      %s\n", text, shown, si_buf_text(&out));
  }
  CU_ASSERT_STRING_EQUAL(si_buf_text(&out), shown);
}

static void expect_all(const struct redaction *cases, size_t count) {
  for (size_t i = 0; i < count; i++) {
    expect(cases[i].text, cases[i].shown);
  }
}

/* s3cr3t/"p\w+%~é: a byte of every kind that somebody escapes. */
static const char odd[] = "s3cr3t/\"p\\w+%~ \xC3\xA9";

static void a_secret_is_found_in_every_encoding(void) {
  static const struct redaction cases[] = {
      {"as it is: s3cr3t/\"p\\w+%~ \xC3\xA9.", "as it is: " R "."},
      {"s3cr3t/\"p\\w+%~ \xC3\xA9", R},
      {"in JSON \"s3cr3t/\\\"p\\\\w+%~ \xC3\xA9\"", "in JSON \"" R "\""},
      {"in JSON \"s3cr3t\\/\\\"p\\\\w+%~ \\u00e9\"", "in JSON \"" R "\""},
      {"in JSON \"\\u0073\\u0033cr3t\\u002F\\u0022p\\u005cw\\u002b%~\\u0020\\u00E9\"",
       "in JSON \"" R "\""},
      {"JSON in JSON \"{\\\"k\\\":\\\"s3cr3t/\\\\\\\"p\\\\\\\\w+%~ \\\\u00e9\\\"}\"",
       "JSON in JSON \"{\\\"k\\\":\\\"" R "\\\"}\""},
      {"u=s3cr3t%2F%22p%5Cw%2B%25%7E%20%C3%A9&x", "u=" R "&x"},
      {"u=s3cr3t%2f%22p%5cw%2b%25~+%c3%a9&x", "u=" R "&x"},
      {"u=%73%33%63%72%33%74%2f%22%70%5c%77%2b%25%7e%20%c3%a9&x", "u=" R "&x"},
      {"mixed s%33cr\\u0033t/\\\"p\\w%2B%~+\\u00e9!", "mixed " R "!"},
      {"b'"
       "s3cr3t/\"p\\\\w+%~ \\xc3\\xa9'",
       "b'" R "'"},
      {"7333637233742f22705c772b257e20c3a9", R},
      {"(7333637233742F22705C772B257E20C3A9)", "(" R ")"},
      /* base64 of the secret, of x and of xx before it: what depends on these stays */
      {"czNjcjN0LyJwXHcrJX4gw6k=", R "k="},
      {"eHMzY3IzdC8icFx3KyV+IMOp", "eH" R},
      {"eHhzM2NyM3QvInBcdyslfiDDqQ==", "eHh" R "Q=="},
      {"eHMzY3IzdC8icFx3KyV-IMOp", "eH" R},
      {"czNjcjN0LyJw\nXHcrJX4gw6k=", R "k="},
      {"czNjcjN0LyJw\r\n    XHcrJX4gw6k=", R "k="},
      {"\"czNjcjN0LyJw\\nXHcrJX4gw6k=\"", "\"" R "k=\""},
      {"eHMzY3IzdC8icFx3KyV%2BIMOp", "eH" R},
  };
  si_redact_forget();
  remember(odd);
  expect_all(cases, sizeof cases / sizeof *cases);
}

static void a_near_miss_stays_as_it_is(void) {
  static const struct redaction cases[] = {
      {"hunter-seventee", "hunter-seventee"},
      {"hunter-Seventeen", "hunter-Seventeen"},
      {"unter-seventeen", "unter-seventeen"},
      {"hunter-seventen", "hunter-seventen"},
      {"hunter seventeen", "hunter seventeen"},
      {"hunter%2Eseventeen", "hunter%2Eseventeen"},
      {"hunter\\u002eseventeen", "hunter\\u002eseventeen"},
      {"aHVudGVyLXNldmVudGVl", "aHVudGVyLXNldmVudGVl"},     /* hunter-seventee */
      {"68756e7465722d73657665", "68756e7465722d73657665"}, /* hunter-seve */
      {"100%", "100%"},
      {"C:\\", "C:\\"},
      {"%zz %4 \\u12 \\q \\", "%zz %4 \\u12 \\q \\"},
      {"", ""},
      {"hunter-seventeenhunter-seventeen", R R},
      {"xhunter-seventeenx", "x" R "x"},
  };
  si_redact_forget();
  remember("hunter-seventeen");
  expect_all(cases, sizeof cases / sizeof *cases);
}

static void secrets_that_overlap_leave_nothing_of_each_other(void) {
  static const struct redaction cases[] = {
      {"[abcdefghi]", "[" R "]"},      /* the longer one that begins alike */
      {"[abcdef]", "[" R "]"},         /* the shorter one alone */
      {"[abcdefgh]", "[" R "gh]"},     /* the longer one not whole */
      {"[xyzabcdef]", "[" R "]"},      /* two that share `abc` */
      {"[xyzabcdefghi]", "[" R "]"},   /* three */
      {"[abcdefxyzabc]", "[" R R "]"}, /* side by side */
  };
  si_redact_forget();
  remember("abcdef");
  remember("abcdefghi");
  remember("xyzabc");
  expect_all(cases, sizeof cases / sizeof *cases);
}

static void what_is_remembered_is_what_can_be_told_apart(void) {
  static const struct redaction cases[] = {
      {"short is 12345", "short is 12345"}, /* below SI_REDACT_MIN */
      {"value sixsix!", "value " R "!"},
      {"file newline-at-end.", "file " R "."}, /* remembered with "\n" behind it */
      {"MIIEvQIBADANBgkqhkiG9w0B", R},         /* a line of a key */
      {"-----BEGIN", "-----BEGIN"},
      {"line\nline two", "line\nline two"}, /* too short for lines of their own */
      {"key: line\nline two\nline 3", "key: " R},
      {"key: line\\nline two\\nline 3", "key: " R},
  };
  si_redact_forget();
  remember("12345");
  remember("sixsix");
  remember("newline-at-end\n");
  remember("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END KEY-----\n");
  remember("line\nline two\nline 3");
  expect_all(cases, sizeof cases / sizeof *cases);
}

static void a_secret_of_backslashes_and_percents_has_an_end(void) {
  char secret[2000], text[8000];
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  si_redact_forget();
  for (size_t i = 0; i < sizeof secret; i++) {
    secret[i] = i % 2 ? '\\' : '%';
  }
  CU_ASSERT_EQUAL(si_redact_remember(secret, sizeof secret), SI_OK);
  memset(secret, '\\', sizeof secret);
  CU_ASSERT_EQUAL(si_redact_remember(secret, sizeof secret), SI_OK);
  memset(text, '\\', sizeof text);
  CU_ASSERT_EQUAL(si_redact_text(text, sizeof text, &out), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&out), R);
}

static void a_full_buffer_gets_nothing(void) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(20);
  si_redact_forget();
  remember("hunter-seventeen");
  CU_ASSERT_EQUAL(si_buf_puts(&out, "before"), SI_OK);
  const char *text = "some words, hunter-seventeen";
  CU_ASSERT_EQUAL(si_redact_text(text, strlen(text), &out), SI_E_QUOTA);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&out), "before");
}

static void a_line_is_redacted_in_its_place(void) {
  char line[40] = "it is hunter-seventeen, yes";
  char tight[14] = "x=abcabc y z"; /* the shorter secret grows */
  si_redact_forget();
  remember("hunter-seventeen");
  remember("abcabc");
  si_redact_line(line, sizeof line);
  CU_ASSERT_STRING_EQUAL(line, "it is " R ", yes");
  si_redact_line(tight, sizeof tight);
  CU_ASSERT_STRING_EQUAL(tight, "x=" R " ");
  si_redact_line(tight, 0);
}

static void an_error_is_redacted_in_every_text(void) {
  struct si_error error = {.status = SI_E_FAILED};
  si_redact_forget();
  remember("hunter-seventeen");
  snprintf(error.code, sizeof error.code, "C hunter-seventeen");
  snprintf(error.stage, sizeof error.stage, "S hunter-seventeen");
  snprintf(error.target, sizeof error.target, "T hunter-seventeen");
  snprintf(error.message, sizeof error.message, "M hunter-seventeen");
  snprintf(error.hint, sizeof error.hint, "H hunter-seventeen");
  /* The last lines of a log that was cut in the middle of one. */
  snprintf(error.detail, sizeof error.detail, "seventeen\nD aHVudGVyLXNldmVudGVlbg==");
  si_redact_error(&error);
  CU_ASSERT_STRING_EQUAL(error.code, "C " R);
  CU_ASSERT_STRING_EQUAL(error.stage, "S " R);
  CU_ASSERT_STRING_EQUAL(error.target, "T " R);
  CU_ASSERT_STRING_EQUAL(error.message, "M " R);
  CU_ASSERT_STRING_EQUAL(error.hint, "H " R);
  CU_ASSERT_STRING_EQUAL(error.detail, R "\nD " R "g==");
  si_redact_error(NULL);
}

static void a_text_that_was_cut_within_a_secret_shows_no_part_of_it(void) {
  struct si_error error = {.status = SI_E_FAILED};
  char long_text[2000];
  si_redact_forget();
  remember("hunter-seventeen");
  memset(long_text, '.', sizeof long_text);
  memcpy(long_text + sizeof error.message - 9, "hunter-seventeen", 16);
  long_text[sizeof long_text - 1] = '\0';
  si_error_set(&error, SI_E_FAILED, "X", "%s", long_text);
  CU_ASSERT_STRING_EQUAL(error.message + sizeof error.message - 9, "hunter-s");
  si_redact_error(&error);
  CU_ASSERT_PTR_NULL(strstr(error.message, "hunter"));
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, ".<redac"));
  /* One that was not cut ends as it ends. */
  si_error_set(&error, SI_E_FAILED, "X", "hunter-s");
  si_redact_error(&error);
  CU_ASSERT_STRING_EQUAL(error.message, "hunter-s");
}

static void a_process_with_secrets_leaves_no_core_file(void) {
  struct rlimit limit = {1, 1};
  si_redact_forget();
  remember("hunter-seventeen");
  CU_ASSERT_EQUAL(getrlimit(RLIMIT_CORE, &limit), 0);
  CU_ASSERT_EQUAL(limit.rlim_cur, 0);
#ifndef SANITIZED
  CU_ASSERT_EQUAL(prctl(PR_GET_DUMPABLE), 0);
#endif
}

/* In /proc/self/smaps: the mapping that holds the secret, and whether it says `dd` (no dump) and
 * `lo` (locked). */
static void the_memory_of_secrets_is_locked_and_left_out_of_dumps(void) {
  char line[512];
  bool here = false, no_dump = false, locked = false;
  si_redact_forget();
  remember("hunter-seventeen");
  si_redact_lock();
  unsigned long at = (unsigned long)si_redact_forms('h')->bytes;
  si_redact_unlock();
  FILE *maps = fopen("/proc/self/smaps", "re");
  CU_ASSERT_PTR_NOT_NULL_FATAL(maps);
  while (fgets(line, sizeof line, maps)) {
    char *end = NULL;
    unsigned long from = strtoul(line, &end, 16);
    if (end && *end == '-') {
      here = at >= from && at < strtoul(end + 1, NULL, 16);
    } else if (here && strncmp(line, "VmFlags:", 8) == 0) {
      no_dump = no_dump || strstr(line, " dd");
      locked = locked || strstr(line, " lo");
    }
  }
  fclose(maps);
  CU_ASSERT_TRUE(no_dump);
#ifndef SANITIZED /* which leaves mlock out */
  CU_ASSERT_TRUE(locked);
#endif
}

/* Without an end to the search the test does not end either. */
static void a_text_that_repeats_a_long_secret_has_an_end(void) {
  enum { SECRET = 65536, TEXT = 512 * 1024 };
  char *text = malloc(TEXT + 1);
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(TEXT + 64);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  si_redact_forget();
  memset(text, 'a', TEXT);
  text[SECRET - 1] = 'b';
  CU_ASSERT_EQUAL(si_redact_remember(text, SECRET), SI_OK);
  text[SECRET - 1] = 'a';
  memcpy(text, "begin ", 6);
  text[TEXT] = '\0';
  CU_ASSERT_EQUAL(si_redact_text(text, TEXT, &out), SI_OK);
  CU_ASSERT_TRUE(out.len < 65536 && strncmp(si_buf_text(&out), "begin ", 6) == 0);
  CU_ASSERT_TRUE(out.len > 10 && strcmp(out.data + out.len - 10, R) == 0);
  free(text);
}

UNIT_MAIN("redact by value", UNIT(a_secret_is_found_in_every_encoding),
          UNIT(a_near_miss_stays_as_it_is), UNIT(secrets_that_overlap_leave_nothing_of_each_other),
          UNIT(what_is_remembered_is_what_can_be_told_apart),
          UNIT(a_secret_of_backslashes_and_percents_has_an_end),
          UNIT(a_text_that_repeats_a_long_secret_has_an_end), UNIT(a_full_buffer_gets_nothing),
          UNIT(a_line_is_redacted_in_its_place), UNIT(an_error_is_redacted_in_every_text),
          UNIT(a_text_that_was_cut_within_a_secret_shows_no_part_of_it),
          UNIT(a_process_with_secrets_leaves_no_core_file),
          UNIT(the_memory_of_secrets_is_locked_and_left_out_of_dumps))
