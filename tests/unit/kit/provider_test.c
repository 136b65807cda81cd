/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/provider.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static si_rc said; /* the last failure that was recorded, or SI_OK */
static char field[64], message[600];

static si_rc on_fail(si_op *op, const si_failure *failure) {
  (void)op;
  said = failure->status;
  snprintf(field, sizeof field, "%s", failure->field ? failure->field : "");
  snprintf(message, sizeof message, "%s", failure->message);
  return failure->status;
}

/* A vault of one secret. */
static si_rc on_secret(si_op *op, const char *name, void *ctx, si_secret_use use) {
  (void)op;
  return strcmp(name, "TOKEN_2") == 0 ? use(ctx, "geheim", 6) : SI_E_NOT_FOUND;
}

static const si_host_vt vt = {.size = sizeof vt, .fail = on_fail, .secret = on_secret};
static const si_host_vt bare = {.size = sizeof bare, .fail = on_fail};
static si_op *const op = (si_op *)&said; /* never looked into */

static cJSON *config_of(const char *text) {
  cJSON *config = NULL;
  said = SI_OK;
  field[0] = message[0] = '\0';
  CU_ASSERT_EQUAL_FATAL(si_json_parse(text, strlen(text), &config, NULL), SI_OK);
  return config;
}

static void a_whole_number_within_its_bounds_is_taken_and_else_the_setting_is_named(void) {
  static const struct {
    const char *config;
    si_rc status;
    int64_t value;
  } cases[] = {
      {"{\"tries\":1}", SI_OK, 1},
      {"{\"tries\":10}", SI_OK, 10},
      {"{}", SI_OK, 3},
      {"{\"tries\":0}", SI_E_INVALID, 77},
      {"{\"tries\":11}", SI_E_INVALID, 77},
      {"{\"tries\":1.5}", SI_E_INVALID, 77},
      {"{\"tries\":\"5\"}", SI_E_INVALID, 77},
      {"{\"tries\":null}", SI_E_INVALID, 77},
      {"{\"tries\":true}", SI_E_INVALID, 77},
      {"{\"tries\":1e300}", SI_E_INVALID, 77},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t value = 77; /* written on success alone */
    cJSON *config SI_AUTO(si_json_free) = config_of(cases[i].config);
    CU_ASSERT_EQUAL(si_config_int(&vt, op, config, "tries", 1, 10, 3, &value), cases[i].status);
    CU_ASSERT_EQUAL(value, cases[i].value);
    CU_ASSERT_EQUAL(said, cases[i].status);
    CU_ASSERT_STRING_EQUAL(field, cases[i].status == SI_OK ? "" : "/tries");
  }
}

static char lent[16];

static si_rc take(void *ctx, const void *bytes, size_t len) {
  CU_ASSERT_PTR_EQUAL(ctx, lent);
  memcpy(lent, bytes, len);
  return SI_OK;
}

static si_rc refuse(void *ctx, const void *bytes, size_t len) {
  (void)ctx;
  (void)bytes;
  (void)len;
  return SI_E_CORRUPT;
}

static void a_secret_is_lent_to_its_use(void) {
  cJSON *config SI_AUTO(si_json_free) = config_of("{\"token\":\"vault:TOKEN_2\"}");
  CU_ASSERT_EQUAL(si_config_secret(&vt, op, config, "token", lent, take), SI_OK);
  CU_ASSERT_STRING_EQUAL(lent, "geheim");
  CU_ASSERT_EQUAL(said, SI_OK);
  CU_ASSERT_EQUAL(si_config_secret(&vt, op, config, "token", lent, refuse), SI_E_CORRUPT);
  CU_ASSERT_EQUAL(said, SI_OK); /* that record is the use's own */
}

static void a_value_in_the_place_of_a_reference_is_refused_and_not_repeated(void) {
  static const char *const values[] = {"s3cret",   "vault:",  "vault:s3cret",
                                       "vault:3S", "VAULT:S", "vault:S3CRET/x"};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    char text[64];
    snprintf(text, sizeof text, "{\"token\":\"%s\"}", values[i]);
    cJSON *config SI_AUTO(si_json_free) = config_of(text);
    CU_ASSERT_EQUAL(si_config_secret(&vt, op, config, "token", lent, take), SI_E_INVALID);
    CU_ASSERT_STRING_EQUAL(field, "/token");
    CU_ASSERT_PTR_NULL(strstr(message, "s3cret"));
    CU_ASSERT_PTR_NULL(strstr(message, "S3CRET"));
  }
  cJSON *none SI_AUTO(si_json_free) = config_of("{\"token\":5}");
  CU_ASSERT_EQUAL(si_config_secret(&vt, op, none, "token", lent, take), SI_E_INVALID);
}

static void a_secret_that_is_not_had_is_told_with_its_setting(void) {
  cJSON *config SI_AUTO(si_json_free) = config_of("{\"token\":\"vault:OTHER\"}");
  CU_ASSERT_EQUAL(si_config_secret(&vt, op, config, "token", lent, take), SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(said, SI_E_NOT_FOUND);
  CU_ASSERT_STRING_EQUAL(field, "/token");
  CU_ASSERT_PTR_NOT_NULL(strstr(message, "vault:OTHER"));
  CU_ASSERT_EQUAL(si_config_secret(&bare, op, config, "token", lent, take), SI_E_UNSUPPORTED);
  CU_ASSERT_EQUAL(said, SI_E_UNSUPPORTED);
}

UNIT_MAIN("kit/base/provider",
          UNIT(a_whole_number_within_its_bounds_is_taken_and_else_the_setting_is_named),
          UNIT(a_secret_is_lent_to_its_use),
          UNIT(a_value_in_the_place_of_a_reference_is_refused_and_not_repeated),
          UNIT(a_secret_that_is_not_had_is_told_with_its_setting))
