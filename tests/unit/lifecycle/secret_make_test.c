/* SPDX-License-Identifier: Apache-2.0 */
/* Values of generated secrets (R67). */
#include "paas/lifecycle/secret_make.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static void passwords_are_of_the_length_and_of_letters_and_digits(void) {
  static const size_t lengths[] = {16, 32, 64, 65, 128};
  struct si_buf before SI_AUTO(si_buf_free) = SI_SECRET_BUF(200);
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    struct si_buf out SI_AUTO(si_buf_free) = SI_SECRET_BUF(200);
    CU_ASSERT_EQUAL(si_secret_password(lengths[i], &out), SI_OK);
    CU_ASSERT_EQUAL(out.len, lengths[i]);
    CU_ASSERT_EQUAL(
        strspn(out.data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
        lengths[i]);
    CU_ASSERT_NOT_EQUAL(strncmp(si_buf_text(&before), out.data, 16), 0);
    si_buf_clear(&before);
    CU_ASSERT_EQUAL(si_buf_puts(&before, out.data), SI_OK);
  }
  struct si_buf small SI_AUTO(si_buf_free) = SI_SECRET_BUF(10);
  CU_ASSERT_EQUAL(si_secret_password(16, &small), SI_E_QUOTA);
}

static void every_letter_is_as_likely_as_any_other(void) {
  size_t seen[128] = {0};
  struct si_buf out SI_AUTO(si_buf_free) = SI_SECRET_BUF(62 * 1000);
  CU_ASSERT_EQUAL(si_secret_password(62 * 1000, &out), SI_OK);
  for (size_t i = 0; i < out.len; i++) {
    seen[(unsigned char)out.data[i] & 127]++;
  }
  for (size_t i = 0; i < 128; i++) { /* 1000 each, and 7.5 standard deviations off is too far */
    CU_ASSERT(seen[i] == 0 || (seen[i] > 765 && seen[i] < 1235));
  }
}

/* Made with another program's HMAC and base64. */
static void a_jwt_is_what_others_make(void) {
  static const struct {
    const char *claims;
    const char *expires;
    const char *key;
    const char *jwt;
  } cases[] = {
      {"{\"role\":\"anon\",\"iss\":\"test\"}", NULL, "a-key-of-some-length",
       "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJ0ZXN0Iiwicm9sZSI6ImFub24ifQ."
       "TQFzoWSZGGOeERVVI20HORlDzfKDofM2XTEBlch6U8k"},
      {"{}", "2036-01-31", "k",
       "eyJhbGciOiJI"
       "UzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjIwODUzNTA0MDB9.YQpZgmGtpmMzFk3z_nqwMi_"
       "3nILfccGU4J7CQQ9WCyU"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cJSON *claims SI_AUTO(si_json_free) = NULL;
    struct si_buf out SI_AUTO(si_buf_free) = SI_SECRET_BUF(4096);
    CU_ASSERT_EQUAL(si_json_parse(cases[i].claims, strlen(cases[i].claims), &claims, NULL), SI_OK);
    CU_ASSERT_EQUAL(
        si_secret_jwt(claims, cases[i].expires, cases[i].key, strlen(cases[i].key), &out), SI_OK);
    CU_ASSERT_STRING_EQUAL(si_buf_text(&out), cases[i].jwt);
  }
}

static void a_date_that_is_none_makes_no_jwt(void) {
  static const char *const dates[] = {"2036-02-30", "", "tomorrow", "2036-01-31T00"};
  for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
    struct si_buf out SI_AUTO(si_buf_free) = SI_SECRET_BUF(4096);
    CU_ASSERT_EQUAL(si_secret_jwt(NULL, dates[i], "k", 1, &out), SI_E_INVALID);
    CU_ASSERT_EQUAL(out.len, 0);
  }
}

UNIT_MAIN("making secrets", UNIT(passwords_are_of_the_length_and_of_letters_and_digits),
          UNIT(every_letter_is_as_likely_as_any_other), UNIT(a_jwt_is_what_others_make),
          UNIT(a_date_that_is_none_makes_no_jwt))
