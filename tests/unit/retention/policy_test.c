/* SPDX-License-Identifier: Apache-2.0 */
/* What a retention policy may say, which rule holds, and what may be asked for within it (R54). */
#include "paas/retention/policy.h"

#include <stdio.h>
#include <string.h>

#include "paas/retention/terms.h"
#include "tests/unit/unit.h"

#define DAY 86400000ll
#define RULE(scenario, min, max) \
  "{\"scenario\":\"" scenario "\",\"min\":\"" min "\",\"max\":\"" max "\"}"
#define POLICY(mode, rules) "{\"mode\":\"" mode "\",\"rules\":[" rules "]}"
#define NOW 1800000000000ll

static cJSON *parse(const char *text) {
  cJSON *json = NULL;
  CU_ASSERT_EQUAL_FATAL(si_json_parse(text, strlen(text), &json, NULL), SI_OK);
  return json;
}

static void a_policy_is_read_strictly(void) {
  static const struct {
    const char *text, *why; /* why NULL: taken */
  } cases[] = {
      {POLICY("compliance", RULE("*", "1d", "2d")), NULL},
      {POLICY("governance", RULE("op.*", "30s", "36500d")), NULL},
      {POLICY("governance", RULE("op.*", "1h30m", "90m") "," RULE("a.b-c_d", "1d", "1d")), NULL},
      {"{\"mode\":\"compliance\",\"rules\":[" RULE(
           "*", "1d", "2d") "],\"replica\":{\"provider\":\"x\",\"config\":{}}}",
       NULL},
      {"[]", "no JSON object"},
      {"null", "no JSON object"},
      {"{}", "mode"},
      {"{\"mode\":7,\"rules\":[]}", "mode"},
      {POLICY("COMPLIANCE", RULE("*", "1d", "2d")), "mode"},
      {POLICY("none", RULE("*", "1d", "2d")), "mode"},
      {POLICY("compliance", ""), "rules"},
      {"{\"mode\":\"compliance\",\"rules\":{}}", "rules"},
      {POLICY("compliance", "7"), "rules[0]"},
      {POLICY("compliance", RULE("*", "1d", "2d") ",{}"), "rules[1]"},
      {POLICY("compliance", RULE("", "1d", "2d")), "scenario"},
      {POLICY("compliance", RULE("**", "1d", "2d")), "scenario"},
      {POLICY("compliance", RULE("a/b", "1d", "2d")), "scenario"},
      {POLICY("compliance", RULE("*a", "1d", "2d")), "scenario"},
      {POLICY("compliance", RULE("*", "0d", "2d")), "min"},
      {POLICY("compliance", RULE("*", "1", "2d")), "min"},
      {POLICY("compliance", RULE("*", "1d", "36501d")), "max"},
      {POLICY("compliance", RULE("*", "1d", "-2d")), "max"},
      {POLICY("compliance", RULE("*", "2d", "47h")), "less than min"},
      {"{\"mode\":\"compliance\",\"rules\":[" RULE("*", "1d", "2d") "],\"replica\":null}",
       "replica"},
      {"{\"mode\":\"compliance\",\"rules\":[" RULE(
           "*", "1d", "2d") "],\"replica\":{\"provider\":\"X!\",\"config\":{}}}",
       "replica"},
      {"{\"mode\":\"compliance\",\"rule\":[]}", "rule"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cJSON *policy SI_AUTO(si_json_free) = parse(cases[i].text);
    char why[200] = "";
    bool valid = si_retention_valid(policy, why, sizeof why);
    if (valid != !cases[i].why || (cases[i].why && !strstr(why, cases[i].why))) {
      printf("\n  %s: \"%s\"", cases[i].text, why);
      CU_FAIL("judged otherwise");
    }
  }
}

static void at_most_so_many_rules(void) {
  cJSON *policy SI_AUTO(si_json_free) = parse(POLICY("compliance", RULE("*", "1d", "2d")));
  cJSON *rules = cJSON_GetObjectItemCaseSensitive(policy, "rules");
  char why[200];
  while (cJSON_GetArraySize(rules) < SI_RETENTION_RULES_MAX) {
    cJSON_AddItemToArray(rules, cJSON_Duplicate(rules->child, true));
  }
  CU_ASSERT(si_retention_valid(policy, why, sizeof why));
  cJSON_AddItemToArray(rules, cJSON_Duplicate(rules->child, true));
  CU_ASSERT(!si_retention_valid(policy, why, sizeof why));
}

static void the_first_rule_that_fits_holds(void) {
  static const struct {
    const char *scenario;
    int64_t days; /* 0: none */
  } cases[] = {{"op.provision", 3}, {"op.destroy", 2}, {"op.", 2},     {"op", 0},
               {"nightly", 1},      {"nightly2", 0},   {"Nightly", 0}, {"", 0}};
  cJSON *policy SI_AUTO(si_json_free) = parse(POLICY(
      "compliance", RULE("nightly", "1d", "9d") "," RULE("op.provision", "3d", "9d") "," RULE(
                        "op.*", "2d", "9d") "," RULE("op.provision", "4d", "9d")));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_retention_rule rule = {.min_ms = 0};
    bool found = si_retention_rule_for(policy, cases[i].scenario, &rule);
    CU_ASSERT_EQUAL(found, cases[i].days > 0);
    CU_ASSERT_EQUAL(rule.min_ms, cases[i].days * DAY);
  }
  struct si_retention_rule rule;
  CU_ASSERT(!si_retention_rule_for(NULL, "op.provision", &rule));
}

static void what_asks_for_less_is_known(void) {
  static const char *const one = POLICY("governance", RULE("op.*", "10d", "20d"));
  static const struct {
    const char *to;
    bool weaker;
  } cases[] = {{POLICY("governance", RULE("op.*", "10d", "20d")), false},
               {POLICY("compliance", RULE("op.*", "10d", "11d")), false},
               {POLICY("governance", RULE("*", "10d", "20d")), false},
               {POLICY("governance", RULE("op.*", "9d", "20d")), true},
               {POLICY("governance", RULE("op.x", "10d", "20d")), true}};
  cJSON *from SI_AUTO(si_json_free) = parse(one);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cJSON *to SI_AUTO(si_json_free) = parse(cases[i].to);
    CU_ASSERT_EQUAL(si_retention_weaker(from, to), cases[i].weaker);
    CU_ASSERT(!si_retention_weaker(NULL, to));
  }
  CU_ASSERT(si_retention_weaker(from, NULL));
  cJSON *strict SI_AUTO(si_json_free) = parse(POLICY("compliance", RULE("op.*", "10d", "20d")));
  CU_ASSERT(si_retention_weaker(strict, from));
}

/* --- terms --- */

static void terms_are_what_was_asked_within_the_policy(void) {
  static const struct {
    const char *scenario;
    struct si_retention_ask ask;
    const char *code; /* NULL: granted */
    bool locked;
    uint32_t mode;
    int64_t keep_days, until_days; /* of the terms; until from NOW */
  } cases[] = {
      {"op.x", {.now_ms = NOW}, NULL, true, SI_LOCK_COMPLIANCE, 10, 0},
      {"op.x", {.now_ms = NOW, .keep_ms = 20 * DAY}, NULL, true, SI_LOCK_COMPLIANCE, 20, 0},
      {"op.x", {.now_ms = NOW, .keep_ms = 20 * DAY + 1}, "RETENTION_ABOVE_MAX", false, 0, 0, 0},
      {"op.x", {.now_ms = NOW, .keep_ms = 10 * DAY - 1}, "RETENTION_BELOW_MIN", false, 0, 0, 0},
      {"op.x", {.now_ms = NOW, .until_ms = NOW + 12 * DAY}, NULL, true, SI_LOCK_COMPLIANCE, 0, 12},
      {"op.x", {.now_ms = NOW, .until_ms = NOW + 21 * DAY}, "RETENTION_ABOVE_MAX", false, 0, 0, 0},
      {"op.x", {.now_ms = NOW, .until_ms = NOW - DAY}, "RETENTION_BELOW_MIN", false, 0, 0, 0},
      {"op.x", {.now_ms = NOW, .mode = SI_LOCK_GOVERNANCE}, "RETENTION_MODE", false, 0, 0, 0},
      {"op.x", {.now_ms = NOW, .mode = SI_LOCK_COMPLIANCE}, NULL, true, SI_LOCK_COMPLIANCE, 10, 0},
      {"free", {.now_ms = NOW}, NULL, false, SI_LOCK_NONE, 0, 0},
      {"free", {.now_ms = NOW, .held = true}, NULL, true, SI_LOCK_NONE, 0, 0},
      {"free", {.now_ms = NOW, .keep_ms = DAY}, NULL, true, SI_LOCK_GOVERNANCE, 1, 0},
      {"free", {.now_ms = NOW, .mode = SI_LOCK_COMPLIANCE}, "RETENTION_PERIOD", false, 0, 0, 0},
  };
  struct si_context context = {.name = "c"};
  context.config = cJSON_CreateObject();
  cJSON_AddItemToObject(context.config, "retention",
                        parse(POLICY("compliance", RULE("op.*", "10d", "20d"))));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_retention_terms terms SI_AUTO(si_retention_terms_free) = SI_RETENTION_TERMS;
    struct si_error error = {.status = SI_OK};
    si_rc status = si_retention_terms(&context, cases[i].scenario, &cases[i].ask, &terms, &error);
    CU_ASSERT_STRING_EQUAL(error.code, cases[i].code ? cases[i].code : "");
    CU_ASSERT_EQUAL(status == SI_OK, !cases[i].code);
    if (cases[i].code) {
      continue;
    }
    CU_ASSERT_EQUAL(terms.locked, cases[i].locked);
    CU_ASSERT_EQUAL(terms.lock.mode, cases[i].mode);
    CU_ASSERT_EQUAL(terms.lock.keep_ms, cases[i].keep_days * DAY);
    CU_ASSERT_EQUAL(terms.lock.until_ms, cases[i].until_days ? NOW + cases[i].until_days * DAY : 0);
    CU_ASSERT_EQUAL(!terms.lock.policy, strncmp(cases[i].scenario, "op.", 3) != 0);
  }
  cJSON_Delete(context.config);
}

static void a_limit_is_told_in_words(void) {
  struct si_context context = {.name = "c"};
  struct si_error error;
  const struct si_retention_ask ask = {.keep_ms = DAY, .now_ms = NOW};
  struct si_retention_terms terms SI_AUTO(si_retention_terms_free) = SI_RETENTION_TERMS;
  context.config = cJSON_CreateObject();
  cJSON_AddItemToObject(context.config, "retention",
                        parse(POLICY("governance", RULE("*", "10d", "20d"))));
  CU_ASSERT_EQUAL(si_retention_terms(&context, "x", &ask, &terms, &error), SI_E_REFUSED);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "10d"));
  CU_ASSERT_EQUAL(si_retention_extend(&context, "x", &ask, &terms, &error), SI_OK);
  CU_ASSERT_STRING_EQUAL(
      terms.lock.policy,
      "{\"mode\":\"governance\",\"rule\":{\"max\":\"20d\",\"min\":\"10d\",\"scenario\":\"*\"}}");
  cJSON_Delete(context.config);
}

UNIT_MAIN("retention policy", UNIT(a_policy_is_read_strictly), UNIT(at_most_so_many_rules),
          UNIT(the_first_rule_that_fits_holds), UNIT(what_asks_for_less_is_known),
          UNIT(terms_are_what_was_asked_within_the_policy), UNIT(a_limit_is_told_in_words))
