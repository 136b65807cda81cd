/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vault/bech32_test.c - keys and Base64 as texts: known ones, and every way in which one
 * can be wrong.
 */
#include "paas/vault/bech32.h"

#include "paas/vault/age.h"
#include "paas/vault/base64.h"
#include "tests/unit/state/scratch.h"

/* A pair that age-keygen made. */
static const char identity[] =
    "AGE-SECRET-KEY-"
    "1AX467WKP75A6JT8H48EK7NAPJ2U0JP9ALUU944LHLYQHGZ4RJFZQCXK4AR";
static const char recipient[] = "age1krn0c25yrlkc40xhunw59cvfnz7e778xy9wfzcw2ujs9l8ewcqaste286e";

static void a_pair_of_age_keygen_is_read_and_written(void) {
  struct si_age_identity pair;
  char text[SI_BECH32_SIZE];
  CU_ASSERT_EQUAL_FATAL(si_age_identity_parse(identity, strlen(identity), &pair), SI_OK);
  CU_ASSERT_EQUAL(si_age_recipient_text(pair.key, text), SI_OK);
  EXPECT_TEXT(text, recipient);
  CU_ASSERT_EQUAL(si_age_identity_text(&pair, text), SI_OK);
  EXPECT_TEXT(text, identity);
}

static void a_key_with_one_wrong_character_is_refused(void) {
  static const char other[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7lbio1A -";
  uint8_t key[SI_KEY_SIZE];
  char text[sizeof recipient];
  for (size_t i = 0; i < sizeof recipient - 1; i++) {
    for (const char *c = other; *c; c++) {
      memcpy(text, recipient, sizeof recipient);
      text[i] = *c;
      if (*c != recipient[i]) {
        CU_ASSERT_EQUAL(si_age_recipient_parse(text, strlen(text), key), SI_E_INVALID);
      }
    }
  }
}

static void other_shapes_of_a_key_are_refused(void) {
  char upper[sizeof recipient];
  uint8_t key[SI_KEY_SIZE];
  size_t len = strlen(recipient);
  for (size_t i = 0; i <= len; i++) {
    upper[i] =
        (char)(recipient[i] >= 'a' && recipient[i] <= 'z' ? recipient[i] - 32 : recipient[i]);
  }
  CU_ASSERT_EQUAL(si_age_recipient_parse(upper, len, key), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_age_recipient_parse(recipient, len - 1, key), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_age_recipient_parse("", 0, key), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_age_recipient_parse(identity, strlen(identity), key), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_age_recipient_parse(recipient, len, key), SI_OK);
}

static void base64_is_written_as_rfc_4648_says(void) {
  static const struct {
    const char *plain, *padded, *bare;
  } cases[] = {{"", "", ""},
               {"f", "Zg==", "Zg"},
               {"fo", "Zm8=", "Zm8"},
               {"foo", "Zm9v", "Zm9v"},
               {"foob", "Zm9vYg==", "Zm9vYg"},
               {"fooba", "Zm9vYmE=", "Zm9vYmE"},
               {"foobar", "Zm9vYmFy", "Zm9vYmFy"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (int padded = 0; padded < 2; padded++) {
      struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(64);
      const char *wanted = padded ? cases[i].padded : cases[i].bare;
      char plain[16] = "";
      size_t used = 99;
      CU_ASSERT_EQUAL(si_base64_add(cases[i].plain, strlen(cases[i].plain), padded, &text), SI_OK);
      EXPECT_TEXT(si_buf_text(&text), wanted);
      CU_ASSERT_EQUAL(si_base64_decode(wanted, strlen(wanted), padded, plain, 6, &used), SI_OK);
      CU_ASSERT_EQUAL(used, strlen(cases[i].plain));
      EXPECT_TEXT(plain, cases[i].plain);
    }
  }
}

static void base64_of_another_form_is_refused(void) {
  static const struct {
    const char *text;
    bool padded;
    si_rc status;
  } cases[] = {{"Zg", true, SI_E_INVALID},        {"Zg=", true, SI_E_INVALID},
               {"Zg==", false, SI_E_INVALID},     {"Zg===", true, SI_E_INVALID},
               {"Z===", true, SI_E_INVALID},      {"====", true, SI_E_INVALID},
               {"Z", false, SI_E_INVALID},        {"Zh==", true, SI_E_INVALID},
               {"Zm9=", true, SI_E_INVALID},      {"Zm 9", true, SI_E_INVALID},
               {"Zm9v\n", false, SI_E_INVALID},   {"Zm9_", false, SI_E_INVALID},
               {"Zg==Zg==", true, SI_E_INVALID},  {"AAAAAAAAA", false, SI_E_INVALID},
               {"AAAAAAAAAAA", false, SI_E_QUOTA}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char to[6];
    size_t used = 0;
    CU_ASSERT_EQUAL(si_base64_decode(cases[i].text, strlen(cases[i].text), cases[i].padded, to,
                                     sizeof to, &used),
                    cases[i].status);
  }
}

UNIT_MAIN("bech32", UNIT(a_pair_of_age_keygen_is_read_and_written),
          UNIT(a_key_with_one_wrong_character_is_refused), UNIT(other_shapes_of_a_key_are_refused),
          UNIT(base64_is_written_as_rfc_4648_says), UNIT(base64_of_another_form_is_refused))
