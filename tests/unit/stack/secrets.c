/* SPDX-License-Identifier: Apache-2.0 */
/* x-si-secrets and `${KEY}`: what the document gets, and what is refused (R67, R12). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/path.h"
#include "paas/stack/stack.h"
#include "tests/unit/unit.h"

#define MAP(secrets) "x-si-secrets:\n  " secrets "\n"
#define WEB(environment) "services:\n  web:\n    image: web:1\n    environment: " environment "\n"

/* The member `name` of the document, or of its only service. */
static void expect_member(const char *text, bool of_service, const char *name, const char *json) {
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  struct si_buf got SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  struct si_error error = {.message = ""};
  cJSON *document SI_AUTO(si_json_free) = NULL;
  si_rc status = si_stack_parse("stack.yaml", text, strlen(text), &stack, &error);
  if (status != SI_OK) {
    printf("\n  refused: %s\n%s\n", error.message, text);
  }
  CU_ASSERT_EQUAL_FATAL(status, SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_json_parse(stack.json, stack.len, &document, NULL), SI_OK);
  const cJSON *from =
      of_service ? cJSON_GetArrayItem(si_json_get(document, "services"), 0) : document;
  const cJSON *member = si_json_get(from, name);
  CU_ASSERT_EQUAL(si_buf_puts(&got, member ? "" : "none"), SI_OK);
  CU_ASSERT_TRUE(!member || si_json_canonical(member, &got) == SI_OK);
  if (strcmp(si_buf_text(&got), json) != 0) {
    printf("\n%s\n  got  %s\n  want %s\n", text, got.data, json);
  }
  CU_ASSERT_STRING_EQUAL(si_buf_text(&got), json);
}

static void declared_secrets_stand_in_the_document_by_name(void) {
  static const struct {
    const char *text;
    const char *json;
  } cases[] = {
      {WEB("{}"), "none"},
      {"x-si-secrets: {}\n" WEB("{}"), "none"},
      {"x-si-secrets:\n" WEB("{}"), "none"},
      {MAP("B:\n  A: {}") WEB("{}"), "[{\"name\":\"A\"},{\"name\":\"B\"}]"},
      {MAP("P: {generate: password}") WEB("{}"),
       "[{\"generate\":\"password\",\"length\":32,\"name\":\"P\"}]"},
      {MAP("P: {generate: password, length: 128}") WEB("{}"),
       "[{\"generate\":\"password\",\"length\":128,\"name\":\"P\"}]"},
      {MAP("ANON: {generate: jwt, key: S, claims: {role: anon, n: 1, t: '1', b: true}}\n  S: "
           "{length: 16, generate: password}") WEB("{}"),
       "[{\"claims\":{\"b\":true,\"n\":1,\"role\":\"anon\",\"t\":\"1\"},\"generate\":\"jwt\","
       "\"key\":"
       "\"S\",\"name\":\"ANON\"},{\"generate\":\"password\",\"length\":16,\"name\":\"S\"}]"},
      {MAP("J: {generate: jwt, key: S, expires: 2036-01-31}\n  S:") WEB("{}"),
       "[{\"claims\":{},\"expires\":\"2036-01-31\",\"generate\":\"jwt\",\"key\":\"S\",\"name\":"
       "\"J\"}"
       ",{\"name\":\"S\"}]"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    expect_member(cases[i].text, false, "secrets", cases[i].json);
  }
}

#define REF(key) "{\"revision\":0,\"secret\":\"" key "\"}"

static void a_value_becomes_its_parts(void) {
  static const struct {
    const char *environment;
    const char *json;
  } cases[] = {
      {"{A: plain}", "{\"A\":\"plain\"}"},
      {"{A: ''}", "{\"A\":\"\"}"},
      {"{A: '$$5 and $${DB}'}", "{\"A\":\"$5 and ${DB}\"}"},
      {"{A: '${DB}'}", "{\"A\":[" REF("DB") "]}"},
      {"{A: $DB}", "{\"A\":[" REF("DB") "]}"},
      {"{A: 'postgres://app:${DB}@db/app'}",
       "{\"A\":[\"postgres://app:\"," REF("DB") ",\"@db/app\"]}"},
      {"{A: '${DB}${K2}'}", "{\"A\":[" REF("DB") "," REF("K2") "]}"},
      {"{A: '$$${DB}$$'}", "{\"A\":[\"$\"," REF("DB") ",\"$\"]}"},
      {"['A=x=${DB}', 'B=']", "{\"A\":[\"x=\"," REF("DB") "],\"B\":\"\"}"},
      {"['A=$$x']", "{\"A\":\"$x\"}"},
      {"{A: 8080, B: true}", "{\"A\":\"8080\",\"B\":\"true\"}"},
      {"{DB_PASSWORD: '${DB}'}", "{\"DB_PASSWORD\":[" REF("DB") "]}"},
      /* Named like a secret, and none. */
      {"{POSTGRES_HOST_AUTH_METHOD: trust}", "{\"POSTGRES_HOST_AUTH_METHOD\":\"trust\"}"},
      {"{PASSWORD: ''}", "{\"PASSWORD\":\"\"}"},
      {"{A: 'http://db:80/a:b@c', B: 'http://user@db:80', C: 'http://u:@db'}",
       "{\"A\":\"http://db:80/a:b@c\",\"B\":\"http://user@db:80\",\"C\":\"http://u:@db\"}"},
      {"{PASSWORD_FILE: pw.txt, TOKEN_TTL: 1 hour, API_KEY_ID: some-id}",
       "{\"API_KEY_ID\":\"some-id\",\"PASSWORD_FILE\":\"pw.txt\",\"TOKEN_TTL\":\"1 hour\"}"},
      {"{REFRESH_TOKEN_ROTATION: true, MIN_PASSWORD: 8, TOKEN_LIFE: 86400, SECRET: /run/s}",
       "{\"MIN_PASSWORD\":\"8\",\"REFRESH_TOKEN_ROTATION\":\"true\",\"SECRET\":\"/run/s\","
       "\"TOKEN_LIFE\":\"86400\"}"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[512];
    snprintf(text, sizeof text, MAP("DB: {generate: password}\n  K2:") WEB("%s"),
             cases[i].environment);
    expect_member(text, true, "environment", cases[i].json);
  }
}

static void what_is_wrong_is_named(void) {
#define INVALID "STACK_INVALID"
#define REFERENCE "STACK_REFERENCE"
#define UNSUPPORTED "STACK_UNSUPPORTED_KEY"
  static const struct {
    const char *text;
    const char *code;
    const char *says;
    const char *hint;
  } cases[] = {
      {MAP("db: {}") WEB("{}"), INVALID, "\"db\" is no name of a secret", "A-Z"},
      {MAP("1DB: {}") WEB("{}"), INVALID, "\"1DB\" is no name of a secret", "digit"},
      {MAP("DB: hunter2") WEB("{}"), INVALID, "DB must be a map", "secret set"},
      {MAP("DB: {value: hunter2}") WEB("{}"), UNSUPPORTED, "DB.value", "secret set"},
      {MAP("DB: {generate: uuid}") WEB("{}"), INVALID, "\"uuid\"", "password or jwt"},
      {MAP("DB: {generate: password, length: 15}") WEB("{}"), INVALID, "from 16 to 128", NULL},
      {MAP("DB: {generate: password, length: 129}") WEB("{}"), INVALID, "from 16 to 128", NULL},
      {MAP("DB: {length: 20}") WEB("{}"), INVALID, "has a `length`", NULL},
      {MAP("DB: {generate: password, claims: {a: b}}") WEB("{}"), INVALID, "has `claims`", NULL},
      {MAP("J: {generate: jwt}") WEB("{}"), INVALID, "has no `key`", NULL},
      {MAP("J: {generate: jwt, key: S}") WEB("{}"), REFERENCE, "signed with S", "S: {generate"},
      {MAP("J: {generate: jwt, key: J}") WEB("{}"), REFERENCE, "which is a jwt itself", NULL},
      {MAP("J: {generate: jwt, key: S, claims: {exp: 1}}\n  S:") WEB("{}"), INVALID,
       "claims.exp cannot be given", "expires"},
      {MAP("J: {generate: jwt, key: S, claims: {a: [1]}}\n  S:") WEB("{}"), INVALID,
       "claims.a must be a single value", NULL},
      {MAP("J: {generate: jwt, key: S, claims: {a: 1.5}}\n  S:") WEB("{}"), INVALID,
       "claims.a must be a whole number", NULL},
      {MAP("J: {generate: jwt, key: S, expires: 2036-02-30}\n  S:") WEB("{}"), INVALID,
       "is no date", "2036-01-31"},
      {"x-si-secrets: [A]\n" WEB("{}"), INVALID, "x-si-secrets must be a map", NULL},
      {MAP("DB:") WEB("{A: '${DP}'}"), "STACK_VARIABLE",
       "environment.A needs the variable DP, which is not set", "x-si-secrets: {DP: }"},
      {WEB("['A=${DB}']"), "STACK_VARIABLE", "the variable DB, which is not set", NULL},
      {MAP("DB:") WEB("{A: '${DB:-x}'}"), INVALID, "the secret DB together with a default", NULL},
      {MAP("DB:") WEB("{A: '${DB'}"), INVALID, "environment.A uses `$`", NULL},
      {MAP("DB:") WEB("{A: '${}'}"), INVALID, "environment.A uses `$`", NULL},
      {WEB("{POSTGRES_PASSWORD: hunter2}"), "STACK_SECRET",
       "environment.POSTGRES_PASSWORD sets POSTGRES_PASSWORD", "x-si-secrets"},
      {WEB("['apiKey=changeme']"), "STACK_SECRET", "environment[0] sets apiKey", "secret set"},
      {WEB("{S3_SECRET: 123456}"), "STACK_SECRET", "S3_SECRET", "${NAME}"},
      {WEB("{JWT_SECRET: 'a$$b'}"), "STACK_SECRET", "JWT_SECRET", NULL},
      {WEB("{DATABASE_URL: 'postgres://app:hunter2@db/app'}"), "STACK_SECRET", "DATABASE_URL",
       "x-si-secrets"},
      {MAP("DB:") WEB("['${DB}=x']"), INVALID, "`$` in the name of a variable", NULL},
      {MAP("DB:") "services: {web: {image: w, command: ['${DB}']}}", INVALID,
       "the secret DB, which only a variable can", NULL},
      {MAP("DB:") "services: {web: {image: w, labels: {a: '${DB}'}}}", INVALID,
       "the secret DB, which only a variable can", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_stack stack SI_AUTO(si_stack_free) = {0};
    struct si_error error = {.message = ""};
    si_rc status =
        si_stack_parse("stack.yaml", cases[i].text, strlen(cases[i].text), &stack, &error);
    bool ok = status == SI_E_INVALID && strcmp(error.code, cases[i].code) == 0 &&
              strstr(error.message, cases[i].says) &&
              (!cases[i].hint || strstr(error.hint, cases[i].hint));
    if (!ok) {
      printf("\n%s\n  code %s\n  message %s\n  hint %s\n", cases[i].text, error.code, error.message,
             error.hint);
    }
    CU_ASSERT_TRUE(ok);
  }
}

static void more_secrets_than_are_allowed_are_refused(void) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1 << 16);
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  struct si_error error = {.message = ""};
  CU_ASSERT_EQUAL(si_buf_puts(&text, "x-si-secrets:\n"), SI_OK);
  for (int i = 0; i < 201; i++) {
    CU_ASSERT_EQUAL(si_buf_printf(&text, "  K%d:\n", i), SI_OK);
  }
  CU_ASSERT_EQUAL(si_buf_puts(&text, WEB("{}")), SI_OK);
  CU_ASSERT_EQUAL(si_stack_parse("s", text.data, text.len, &stack, &error), SI_E_INVALID);
  CU_ASSERT_STRING_EQUAL(error.code, "STACK_TOO_LARGE");
}

/* docs/stack-file.md */
static void the_page_s_example_is_true(void) {
  struct si_buf page SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  CU_ASSERT_EQUAL_FATAL(si_read_file(AT_FDCWD, SI_STACK_PAGE, &page), SI_OK);
  char *section = strstr(page.data, "## Secrets");
  CU_ASSERT_PTR_NOT_NULL_FATAL(section);
  char *yaml = strstr(section, "```yaml\n") + strlen("```yaml\n");
  *strstr(yaml, "```") = '\0';
  expect_member(yaml, false, "secrets",
                "[{\"claims\":{\"iss\":\"my-app\",\"role\":\"anon\"},\"expires\":\"2036-01-31\","
                "\"generate\":\"jwt\",\"key\":\"JWT_SECRET\",\"name\":\"ANON_KEY\"},{\"generate\":"
                "\"password\",\"length\":32,\"name\":\"DB_PASSWORD\"},{\"generate\":\"password\","
                "\"length\":64,\"name\":\"JWT_SECRET\"},{\"name\":\"SMTP_PASSWORD\"}]");
  expect_member(yaml, true, "environment",
                "{\"ANON_KEY\":[" REF("ANON_KEY") "],\"DATABASE_URL\":[\"postgres://app:\"," REF(
                    "DB_PASSWORD") ",\"@db/app\"],\"SMTP_PASSWORD\":[" REF("SMTP_PASSWORD") "]}");
}

UNIT_MAIN("secrets of a stack", UNIT(declared_secrets_stand_in_the_document_by_name),
          UNIT(a_value_becomes_its_parts), UNIT(what_is_wrong_is_named),
          UNIT(more_secrets_than_are_allowed_are_refused), UNIT(the_page_s_example_is_true))
