/* SPDX-License-Identifier: Apache-2.0 */
/* paas/lifecycle/judge.h: what a provider shows is held against what was asked; its own word for
 * it counts nothing. R63, R66. */
#include <stdio.h>
#include <string.h>

#include "paas/lifecycle/judge.h"
#include "paas/lifecycle/life.h"
#include "tests/unit/unit.h"

static cJSON *parse(const char *text) {
  cJSON *value = NULL;
  struct si_error error;
  if (si_json_parse(text, strlen(text), &value, &error) != SI_OK) {
    printf("  no JSON: %s: %s\n", text, error.message);
    CU_FAIL_FATAL("a case is no JSON");
  }
  return value;
}

static void judged(const char *what, si_rc status, const struct si_error *error, const char *code,
                   const char *target) {
  bool right = strcmp(error->code, code) == 0 && strcmp(error->target, target) == 0 &&
               (status == SI_OK) == (code[0] == '\0') && error->status == status;
  if (!right) {
    printf("  %s: %s (%s), %s (%s) was to come\n", what, error->code, error->target, code, target);
    CU_FAIL("another verdict than this was to come");
  }
}

#define WEB "{\"services\":[{\"name\":\"web\"}]}"
#define CHECKED "{\"services\":[{\"name\":\"web\",\"healthcheck\":{\"test\":[\"CMD\",\"true\"]}}]}"
#define SEEN(members) "{\"services\":[{\"name\":\"web\"," members "}]}"
#define DOWN "PAAS_HEALTH_CHECK_FAILED"

static void an_inspection_is_held_against_the_stack(void) {
  static const struct {
    const char *what, *stack, *seen, *code, *target;
  } cases[] = {
      {"up", WEB, SEEN("\"state\":\"running\""), "", ""},
      {"up, and no health check to heed", WEB,
       SEEN("\"state\":\"running\",\"health\":\"unhealthy\""), "", ""},
      {"ended", WEB, SEEN("\"state\":\"exited\",\"exit_code\":0"), DOWN, "web"},
      {"going round", WEB, SEEN("\"state\":\"restarting\""), DOWN, "web"},
      {"in no state", WEB, SEEN("\"health\":\"healthy\""), DOWN, "web"},
      {"in a state that is no text", WEB, SEEN("\"state\":true"), DOWN, "web"},
      {"not there", WEB, "{\"services\":[]}", DOWN, "web"},
      {"healthy", CHECKED, SEEN("\"state\":\"running\",\"health\":\"healthy\""), "", ""},
      {"not yet healthy", CHECKED, SEEN("\"state\":\"running\",\"health\":\"starting\""), DOWN,
       "web"},
      {"unhealthy", CHECKED, SEEN("\"state\":\"running\",\"health\":\"unhealthy\""), DOWN, "web"},
      {"of no health", CHECKED, SEEN("\"state\":\"running\""), DOWN, "web"},
      {"healthy, but not running", CHECKED, SEEN("\"state\":\"exited\",\"health\":\"healthy\""),
       DOWN, "web"},
      {"its health check switched off",
       "{\"services\":[{\"name\":\"web\",\"healthcheck\":{\"disable\":true}}]}",
       SEEN("\"state\":\"running\""), "", ""},
      {"a one-shot that ended well", "{\"services\":[{\"name\":\"web\",\"oneshot\":true}]}",
       SEEN("\"state\":\"exited\",\"exit_code\":0"), "", ""},
      {"a one-shot that failed", "{\"services\":[{\"name\":\"web\",\"oneshot\":true}]}",
       SEEN("\"state\":\"exited\",\"exit_code\":1"), DOWN, "web"},
      {"a one-shot of no exit code", "{\"services\":[{\"name\":\"web\",\"oneshot\":true}]}",
       SEEN("\"state\":\"exited\""), DOWN, "web"},
      {"a one-shot that runs", "{\"services\":[{\"name\":\"web\",\"oneshot\":true}]}",
       SEEN("\"state\":\"running\",\"exit_code\":0"), DOWN, "web"},
      {"the second of two is down", "{\"services\":[{\"name\":\"db\"},{\"name\":\"web\"}]}",
       "{\"services\":[{\"name\":\"web\",\"state\":\"dead\"},{\"name\":\"db\",\"state\":"
       "\"running\"}]}",
       DOWN, "web"},
      {"one too many", WEB,
       "{\"services\":[{\"name\":\"web\",\"state\":\"running\"},{\"name\":\"miner\"}]}",
       "PAAS_UNEXPECTED_SERVICE", "miner"},
      {"one without a name", WEB, "{\"services\":[{\"name\":\"web\",\"state\":\"running\"},{}]}",
       "PROVIDER_RESULT", ""},
      {"one that is none", WEB, "{\"services\":[{\"name\":\"web\",\"state\":\"running\"},7]}",
       "PROVIDER_RESULT", ""},
      {"no list", WEB, "{}", "PROVIDER_RESULT", ""},
      {"a list that is none", WEB, "{\"services\":{\"name\":\"web\"}}", "PROVIDER_RESULT", ""},
      {"nothing asked, nothing there", "{\"services\":[]}", "{\"services\":[]}", "", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cJSON *stack SI_AUTO(si_json_free) = parse(cases[i].stack);
    cJSON *seen SI_AUTO(si_json_free) = parse(cases[i].seen);
    struct si_error error = {.code = ""};
    si_rc status = si_judge_inspection(stack, seen, &error);
    judged(cases[i].what, status, &error, cases[i].code, cases[i].target);
    CU_ASSERT_EQUAL(si_judge_inspection(stack, seen, NULL), status);
  }
}

static void a_service_that_shows_twice_must_be_up_twice(void) {
  cJSON *stack SI_AUTO(si_json_free) = parse(WEB);
  cJSON *seen SI_AUTO(si_json_free) = parse(
      "{\"services\":[{\"name\":\"web\",\"state\":\"running\"},"
      "{\"name\":\"web\",\"state\":\"exited\",\"exit_code\":1}]}");
  struct si_error error = {.code = ""};
  judged("twice", si_judge_inspection(stack, seen, &error), &error, "PAAS_UNEXPECTED_SERVICE",
         "web");
}

static void what_remains_is_named(void) {
  static const struct {
    const char *what, *text, *code, *target;
  } cases[] = {
      {"nothing", "{\"remaining\":[]}", "", ""},
      {"a volume",
       "{\"remaining\":[{\"type\":\"volume\",\"name\":\"data\",\"reason\":\"it is in use\"}]}",
       "PAAS_DELETE_UNPROVEN", "data"},
      {"what cannot be told", "{\"remaining\":[0]}", "PAAS_DELETE_UNPROVEN", ""},
      {"no list", "{}", "PROVIDER_RESULT", ""},
      {"an object", "{\"remaining\":{}}", "PROVIDER_RESULT", ""},
      {"null", "{\"remaining\":null}", "PROVIDER_RESULT", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cJSON *result SI_AUTO(si_json_free) = parse(cases[i].text);
    struct si_error error = {.code = ""};
    judged(cases[i].what, si_judge_remaining(result, &error), &error, cases[i].code,
           cases[i].target);
  }
}

static void gone_is_what_no_listing_shows(void) {
  static const struct {
    const char *what, *text, *code, *target;
  } cases[] = {
      {"nothing at all", "{\"resources\":[]}", "", ""},
      {"another's", "{\"resources\":[{\"project_id\":\"prj-2\",\"name\":\"x\"}]}", "", ""},
      {"its network behind another's",
       "{\"resources\":[{\"project_id\":\"prj-2\",\"name\":\"x\"},"
       "{\"project_id\":\"prj-1\",\"type\":\"network\",\"name\":\"net\"}]}",
       "PAAS_DELETE_UNPROVEN", "net"},
      {"no list", "{\"resources\":\"none\"}", "PROVIDER_RESULT", ""},
      {"nothing said", "{}", "PROVIDER_RESULT", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cJSON *listing SI_AUTO(si_json_free) = parse(cases[i].text);
    struct si_error error = {.code = ""};
    judged(cases[i].what, si_judge_gone(listing, "prj-1", &error), &error, cases[i].code,
           cases[i].target);
  }
}

static void an_error_becomes_a_document_whatever_it_holds(void) {
  struct si_error error;
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(65536);
  si_error_set(&error, SI_E_FAILED, "CODE", "bad bytes: \xff\xfe and \x01");
  memset(error.detail, 1, sizeof error.detail - 1); /* six characters each, once escaped */
  error.retry = 77;
  cJSON *json SI_AUTO(si_json_free) = si_error_json(&error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(json);
  CU_ASSERT_STRING_EQUAL(si_json_str(json, "retry"), "never");
  CU_ASSERT_EQUAL_FATAL(si_json_canonical(json, &text), SI_OK);
  cJSON *again SI_AUTO(si_json_free) = parse(text.data);
  CU_ASSERT_STRING_EQUAL(si_json_str(again, "code"), "CODE");
}

UNIT_MAIN("judge", UNIT(an_inspection_is_held_against_the_stack),
          UNIT(a_service_that_shows_twice_must_be_up_twice), UNIT(what_remains_is_named),
          UNIT(gone_is_what_no_listing_shows), UNIT(an_error_becomes_a_document_whatever_it_holds))
