/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/stack/guard.c - what a guard finds in a stack that can be read, with its line, and
 * what a context's policy makes of it. Pure.
 */
#include "paas/stack/guard.h"

#include <string.h>

#include "paas/stack/stack.h"
#include "tests/unit/unit.h"

#define WEB(key) "services:\n  web:\n    image: web:1\n    " key "\n"

/* The findings of a stack, as "rule@target rule@target ". */
static void expect_found(const char *text, const char *wanted) {
  struct si_stack stack SI_AUTO(si_stack_free) = {.json = NULL};
  struct si_error error = {0};
  char found[512] = "";
  const cJSON *each;
  CU_ASSERT_EQUAL(si_stack_parse("s.yaml", text, strlen(text), &stack, &error), SI_OK);
  cJSON_ArrayForEach(each, stack.findings) {
    size_t len = strlen(found);
    snprintf(found + len, sizeof found - len, "%s@%s ", si_json_str(each, "rule"),
             si_json_str(each, "target"));
    CU_ASSERT_STRING_EQUAL(si_json_str(each, "service"), "web");
    CU_ASSERT(si_json_str(each, "remediation")[0] != '\0');
    CU_ASSERT(strncmp(si_json_str(each, "message"), "s.yaml:", 7) == 0);
  }
  if (strcmp(found, wanted) != 0) {
    printf("\n%s\n  found %s\n  wanted %s\n", text, found, wanted);
  }
  CU_ASSERT_STRING_EQUAL(found, wanted);
}

static void each_rule_finds_what_it_is_for_and_nothing_beside_it(void) {
  expect_found("services:\n  web:\n    image: web\n", "image.tag@s.yaml:3 ");
  expect_found("services:\n  web:\n    image: host:5000/web\n", "image.tag@s.yaml:3 ");
  expect_found("services:\n  web:\n    image: web:latest\n", "image.tag@s.yaml:3 ");
  expect_found("services:\n  web:\n    image: web:latest-1\n", "");
  expect_found("services:\n  web:\n    image: host:5000/web:1\n", "");
  expect_found(
      "services:\n  web:\n    image: "
      "web@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n",
      "");
  expect_found(WEB("ports: [\"80:80\", \"127.0.0.1:81:81\", \"10.0.0.1:82:82\"]"), "");
  expect_found(WEB("ports: [\"0.0.0.0:80:80\"]"), "port.public@s.yaml:4 ");
  expect_found(WEB("ports: [\"[::]:80:80\", {target: 81, published: 81, host_ip: 0.0.0.0}]"),
               "port.public@s.yaml:4 port.public@s.yaml:4 ");
  expect_found(WEB("ports: [\"[::ffff:0.0.0.0]:80:80\"]"), "port.public@s.yaml:4 ");
  expect_found(WEB("cap_add: [NET_BIND_SERVICE, CHOWN]"), "");
  expect_found(WEB("cap_add: [CAP_SYS_ADMIN, NET_ADMIN]"), "cap.add@s.yaml:4 cap.add@s.yaml:4 ");
  expect_found(WEB("cap_add: [ALL]"), "cap.add@s.yaml:4 ");
}

static void secrets_in_plain_text_are_found_where_none_can_be_put(void) {
  static const char *const found[] = {
      "command: [serve, --password=hunter22]",
      "command: [serve, --password, hunter22, -v]",
      "command: redis-server --requirepass 'hunter22'",
      "command: [sh, -c, \"API_KEY=k3y-of-mine exec serve\"]",
      "entrypoint: [serve, \"postgres://shop:hunter22@db/shop\"]",
      "healthcheck: {test: [CMD, probe, --token, t0ken-of-mine]}",
      "healthcheck: {test: \"probe -v --token=t0ken-of-mine\"}",
      "labels: {api_token: t0ken-of-mine}",
      "labels: [\"store=redis://u:hunter22@cache\"]",
  };
  static const char *const passed[] = {
      "command: [serve, --password-file, /run/password]",
      "command: [serve, --password-file=/run/password, --token-ttl, 1h]",
      "command: [sh, -c, \"exec redis-server --requirepass $$REDIS_PASSWORD\"]",
      "command: [sh, -c, \"psql postgres://shop:$$PASSWORD@db/shop --password\"]",
      "command: [serve, --password, --verbose, loud]",
      "command: [serve, --no-password=true, https://a:80/x@y]",
      "healthcheck: {test: [CMD-SHELL, \"mysqladmin ping -p$$MYSQL_ROOT_PASSWORD\"]}",
      "labels: {tier: db, token_ttl: 15m}",
      "sysctls: {net.ipv4.tcp_fastopen_key: 1-2-3-4}",
  };
  for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
    char text[256];
    snprintf(text, sizeof text, WEB("%s"), found[i]);
    expect_found(text, "secret.literal@s.yaml:4 ");
  }
  for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
    char text[256];
    snprintf(text, sizeof text, WEB("%s"), passed[i]);
    expect_found(text, "");
  }
}

static void what_was_found_is_not_told(void) {
  static const char text[] = WEB("command: [serve, --password=hunter22]");
  struct si_stack stack SI_AUTO(si_stack_free) = {.json = NULL};
  CU_ASSERT_EQUAL_FATAL(si_stack_parse("s.yaml", text, sizeof text - 1, &stack, NULL), SI_OK);
  char *told = cJSON_PrintUnformatted(stack.findings);
  CU_ASSERT_PTR_NOT_NULL_FATAL(told);
  CU_ASSERT_PTR_NOT_NULL(strstr(told, "(password)"));
  CU_ASSERT_PTR_NULL(strstr(told, "hunter22"));
  cJSON_free(told);
}

static const char *severity(const cJSON *told) {
  return told && told->child ? si_json_str(told->child, "severity") : "";
}

static void the_policy_decides_and_customers_are_held_to_more(void) {
  static const char text[] = "services:\n  web:\n    image: web\n";
  static const struct {
    const char *policy, *type, *severity;
    si_rc status;
  } cases[] = {
      {NULL, NULL, "warn", SI_OK},
      {NULL, "internal", "warn", SI_OK},
      {NULL, "customer", "refuse", SI_E_REFUSED},
      {"{\"image.tag\":\"refuse\"}", "internal", "refuse", SI_E_REFUSED},
      {"{\"image.tag\":\"allow\"}", "customer", "", SI_OK},
      {"{\"port.public\":\"refuse\"}", "demo", "warn", SI_OK},
  };
  struct si_stack stack SI_AUTO(si_stack_free) = {.json = NULL};
  CU_ASSERT_EQUAL_FATAL(si_stack_parse("s.yaml", text, sizeof text - 1, &stack, NULL), SI_OK);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cJSON *policy SI_AUTO(si_json_free) = cases[i].policy ? cJSON_Parse(cases[i].policy) : NULL;
    cJSON *told SI_AUTO(si_json_free) = NULL;
    struct si_error error = {0};
    CU_ASSERT_EQUAL(si_guard_judge(stack.findings, policy, cases[i].type, &told, &error),
                    cases[i].status);
    CU_ASSERT_STRING_EQUAL(severity(told), cases[i].severity);
    CU_ASSERT(cases[i].status == SI_OK ||
              (strcmp(error.code, "STACK_GUARD") == 0 && strcmp(error.target, "s.yaml:3") == 0));
  }
}

static void what_is_no_policy_is_refused(void) {
  static const char *const wrong[] = {"[]", "{\"image.tag\":\"never\"}", "{\"image.tag\":1}",
                                      "{\"other\":\"warn\"}", "\"warn\""};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    cJSON *policy SI_AUTO(si_json_free) = cJSON_Parse(wrong[i]);
    CU_ASSERT(!si_guard_valid(policy));
  }
  cJSON *fine SI_AUTO(si_json_free) = cJSON_Parse("{\"cap.add\":\"warn\"}");
  CU_ASSERT(si_guard_valid(fine));
}

UNIT_MAIN("stack: guard", UNIT(each_rule_finds_what_it_is_for_and_nothing_beside_it),
          UNIT(secrets_in_plain_text_are_found_where_none_can_be_put),
          UNIT(what_was_found_is_not_told), UNIT(the_policy_decides_and_customers_are_held_to_more),
          UNIT(what_is_no_policy_is_refused))
