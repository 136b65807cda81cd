/* SPDX-License-Identifier: Apache-2.0 */
/* Variables that secrets are part of: joined from what the host lends, one by one (R67). */
#include "plugins/local/environment.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/local/host.h"
#include "tests/unit/unit.h"

static size_t lent;

static si_rc on_secret(si_op *op, const char *name, void *ctx, si_secret_use use) {
  (void)op;
  lent++;
  if (strcmp(name, "DB") == 0) {
    return use(ctx, "p w", 3);
  }
  return strcmp(name, "JWT") == 0 ? use(ctx, "e.y.j", 5) : SI_E_NOT_FOUND;
}

/* The Env of the request, with the pairs of texts that a request has; or how it failed. */
static si_rc fill(const char *environment, bool lends, struct si_buf *out, struct si_error *error) {
  si_host_vt vt = test_host;
  si_instance instance = {.vt = &vt};
  struct si_op op;
  struct local_call call = {.in = &instance, .op = &op};
  cJSON *spec SI_AUTO(si_json_free) = NULL;
  cJSON *body SI_AUTO(si_json_wipe) = NULL;
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(4096);
  vt.secret = lends ? on_secret : NULL;
  memset(&op, 0, sizeof op);
  lent = 0;
  CU_ASSERT_EQUAL(si_buf_printf(&text, "{\"environment\":%s}", environment), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_json_parse(text.data, text.len, &spec, NULL), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_json_parse("{\"Env\":[\"A=1\"]}", 15, &body, NULL), SI_OK);
  const struct local_service service = {.name = "web", .spec = spec};
  si_rc status = local_environment_fill(&call, &service, body);
  *error = call.error;
  return status == SI_OK ? si_json_canonical(si_json_get(body, "Env"), out) : status;
}

#define REF(key) "{\"secret\":\"" key "\",\"revision\":3}"

static void parts_are_joined_behind_the_plain_ones(void) {
  static const struct {
    const char *environment;
    const char *env;
    size_t lent;
  } cases[] = {
      {"{}", "[\"A=1\"]", 0},
      {"{\"B\":\"plain\"}", "[\"A=1\"]", 0}, /* a request has these already */
      {"{\"B\":[" REF("DB") "]}", "[\"A=1\",\"B=p w\"]", 1},
      {"{\"B\":[\"pg://a:\"," REF("DB") ",\"@h\"],\"C\":[" REF("JWT") "," REF("DB") "]}",
       "[\"A=1\",\"B=pg://a:p w@h\",\"C=e.y.jp w\"]", 3},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(4096);
    struct si_error error;
    CU_ASSERT_EQUAL(fill(cases[i].environment, true, &out, &error), SI_OK);
    CU_ASSERT_STRING_EQUAL(si_buf_text(&out), cases[i].env);
    CU_ASSERT_EQUAL(lent, cases[i].lent);
  }
}

static void what_cannot_be_had_is_named_and_no_value_is(void) {
  static const struct {
    const char *environment;
    bool lends;
    si_rc status;
    const char *says;
  } cases[] = {
      {"{\"B\":[" REF("DB") "," REF("GONE") "]}", true, SI_E_NOT_FOUND, "the secret GONE"},
      {"{\"B\":[" REF("DB") "]}", false, SI_E_UNSUPPORTED, "lends none"},
      {"{\"B\":[" REF("DB") ",7]}", true, SI_E_INVALID, "variable B"},
      {"{\"B\":[{\"revision\":1}]}", true, SI_E_INVALID, "variable B"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(4096);
    struct si_error error;
    CU_ASSERT_EQUAL(fill(cases[i].environment, cases[i].lends, &out, &error), cases[i].status);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, cases[i].says));
    CU_ASSERT_PTR_NULL(strstr(error.message, "p w"));
    CU_ASSERT_STRING_EQUAL(error.target, "web");
  }
}

static void a_new_revision_is_another_container_and_a_value_never_counts(void) {
  static const char *const specs[] = {
      "{\"environment\":{\"B\":[" REF("DB") "]}}",
      "{\"environment\":{\"B\":[{\"secret\":\"DB\",\"revision\":4}]}"
      "}"};
  char hashes[2][SI_SHA256_HEX];
  for (size_t i = 0; i < 2; i++) {
    cJSON *spec SI_AUTO(si_json_free) = NULL;
    CU_ASSERT_EQUAL_FATAL(si_json_parse(specs[i], strlen(specs[i]), &spec, NULL), SI_OK);
    CU_ASSERT_EQUAL(local_spec_hash(spec, "sha256:1", hashes[i]), SI_OK);
  }
  CU_ASSERT_STRING_NOT_EQUAL(hashes[0], hashes[1]);
}

UNIT_MAIN("environment", UNIT(parts_are_joined_behind_the_plain_ones),
          UNIT(what_cannot_be_had_is_named_and_no_value_is),
          UNIT(a_new_revision_is_another_container_and_a_value_never_counts))
