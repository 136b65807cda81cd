/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/redact/keys_test.c - values whose key is a secret's are taken out of texts and of JSON
 * (R13), and nothing else is. Depends on si_redact.
 */
#include <stdio.h>
#include <string.h>

#include "paas/redact/private.h"
#include "tests/unit/unit.h"

#define R SI_REDACTED

static void names_of_secrets_are_known(void) {
  static const char *const secret[] = {"secret",
                                       "client_secret",
                                       "TOKEN",
                                       "accessToken",
                                       "DB_PASSWORD",
                                       "passwd",
                                       "credentials",
                                       "private_key",
                                       "api-key",
                                       "apiKey",
                                       "X-Api-Key",
                                       "Authorization",
                                       "Proxy-Authorization",
                                       "privateKeyPem",
                                       "SECRETS",
                                       "aws.secret.access"};
  static const char *const plain[] = {"",    "name",   "key",   "private", "api",  "pass",
                                      "tok", "author", "secre", "toke_x",  "ets-x"};
  for (size_t i = 0; i < sizeof secret / sizeof *secret; i++) {
    CU_ASSERT_TRUE(si_redact_key(secret[i]));
  }
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
    CU_ASSERT_FALSE(si_redact_key(plain[i]));
  }
  CU_ASSERT_FALSE(si_redact_key(NULL));
}

static void values_of_secret_keys_are_taken_out_of_text(void) {
  static const char *const cases[][2] = {
      {"password=hunter2", "password=" R},
      {"DB_PASSWORD=hunter2 user=app", "DB_PASSWORD=" R " user=app"},
      {"a=1&token=abc&b=2", "a=1&token=" R "&b=2"},
      {"password: hunter2, user: app", "password: " R ", user: app"},
      {"passwd = 'two words' x", "passwd = '" R "' x"},
      {"secret => x1", "secret => " R},
      {"secret := x1", "secret := " R},
      {"Authorization: Bearer abc.def-ghi\nHost: x", "Authorization: " R "\nHost: x"},
      {"-H 'Authorization: Basic YTpi' -v", "-H 'Authorization: " R "' -v"},
      {"{\"password\":\"hunter2\",\"user\":\"app\"}", "{\"password\":\"" R "\",\"user\":\"app\"}"},
      {"{\"password\" : \"a\\\"b\\\\\",\"n\":1}", "{\"password\" : \"" R "\",\"n\":1}"},
      {"{\"token\":12345}", "{\"token\":\"" R "\"}"},
      {"{\"token\":null,\"secret\":true}", "{\"token\":null,\"secret\":true}"},
      {"\"{\\\"password\\\":\\\"hunter2\\\",\\\"n\\\":1}\"",
       "\"{\\\"password\\\":\\\"" R "\\\",\\\"n\\\":1}\""},
      {"{\"secrets\":[1,2],\"credentials\":{\"user\":\"x\"}}",
       "{\"secrets\":[1,2],\"credentials\":{\"user\":\"x\"}}"},
      {"password=" R " again", "password=" R " again"},
      {"password=\"unfinished", "password=\"" R},
      {"password=", "password="},
      {"password: \n next", "password: \n next"},
      {"{\"secret_access_key\":\"vault:S3_KEY\"}", "{\"secret_access_key\":\"vault:S3_KEY\"}"},
      {"secret_key=vault:S3_KEY next", "secret_key=vault:S3_KEY next"},
      {"secret_key=vault:s3 next", "secret_key=" R " next"},
      {"{\"password\":\"vault:\"}", "{\"password\":\"" R "\"}"},
      {"no secret here, no token there", "no secret here, no token there"},
      {"https://example.org/secret://x", "https://example.org/secret://x"},
      {"user=token", "user=token"},
      {"token::new()", "token::new()"},
      {"12:30:59 started", "12:30:59 started"},
  };
  si_redact_forget();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(1 << 16);
    CU_ASSERT_EQUAL(si_redact_text(cases[i][0], strlen(cases[i][0]), &out), SI_OK);
    if (strcmp(si_buf_text(&out), cases[i][1]) != 0) {
      printf("\n  text     %s\n  expected %s\n  got      %s\n", cases[i][0], cases[i][1],
             si_buf_text(&out));
    }
    CU_ASSERT_STRING_EQUAL(si_buf_text(&out), cases[i][1]);
  }
}

static void both_ways_meet_in_one_text(void) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(1 << 16);
  const char *text = "password=hunter-seventeen-x, url=postgres://app:hunter-seventeen@db token=z";
  si_redact_forget();
  CU_ASSERT_EQUAL(si_redact_remember("hunter-seventeen", 16), SI_OK);
  CU_ASSERT_EQUAL(si_redact_text(text, strlen(text), &out), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&out), "password=" R ", url=postgres://app:" R "@db token=" R);
}

static void json_is_redacted_by_key_and_by_value(void) {
  static const char *const cases[][2] = {
      {"{\"a\":\"x hunter-seventeen y\"}", "{\"a\":\"x " R " y\"}"},
      {"{\"a\":[\"hunter-seventeen\",{\"b\":\"hunter-seventeen\"}]}",
       "{\"a\":[\"" R "\",{\"b\":\"" R "\"}]}"},
      {"{\"hunter-seventeen\":1,\"x hunter-seventeen\":2}", "{\"" R "1\":1,\"" R "2\":2}"},
      {"{\"password\":\"p\",\"token\":17,\"secret\":null}",
       "{\"password\":\"" R "\",\"secret\":null,\"token\":\"" R "\"}"},
      {"{\"tokens\":[\"a\",1,{\"id\":\"b\"},null]}",
       "{\"tokens\":[\"" R "\",\"" R "\",{\"id\":\"b\"},null]}"},
      {"{\"env\":[\"postgres://app:\",{\"revision\":3,\"secret\":\"DB_PASSWORD\"}]}",
       "{\"env\":[\"postgres://app:\",{\"revision\":3,\"secret\":\"DB_PASSWORD\"}]}"},
      {"{\"revision\":3,\"secret\":\"no reference\"}", "{\"revision\":3,\"secret\":\"" R "\"}"},
      {"{\"revision\":3,\"secret\":\"DB_PASSWORD\",\"x\":1}",
       "{\"revision\":3,\"secret\":\"" R "\",\"x\":1}"},
      {"{\"log\":\"password=p1 x\"}", "{\"log\":\"password=" R " x\"}"},
      {"\"hunter-seventeen\"", "\"" R "\""},
      {"17", "17"},
  };
  si_redact_forget();
  CU_ASSERT_EQUAL(si_redact_remember("hunter-seventeen", 16), SI_OK);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cJSON *value SI_AUTO(si_json_free) = NULL;
    struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(1 << 16);
    CU_ASSERT_EQUAL(si_json_parse(cases[i][0], strlen(cases[i][0]), &value, NULL), SI_OK);
    CU_ASSERT_EQUAL(si_redact_json(value), SI_OK);
    CU_ASSERT_EQUAL(si_json_canonical(value, &out), SI_OK);
    CU_ASSERT_STRING_EQUAL(si_buf_text(&out), cases[i][1]);
  }
  CU_ASSERT_EQUAL(si_redact_json(NULL), SI_OK);
}

UNIT_MAIN("redact by key", UNIT(names_of_secrets_are_known),
          UNIT(values_of_secret_keys_are_taken_out_of_text), UNIT(both_ways_meet_in_one_text),
          UNIT(json_is_redacted_by_key_and_by_value))
