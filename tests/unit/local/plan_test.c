/* SPDX-License-Identifier: Apache-2.0 */
/* The provisioner's pure parts: configuration, names and marks, the order of services, hashes. */
#include "plugins/local/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/local/config.h"
#include "plugins/local/project.h"
#include "tests/unit/unit.h"

#define NEED(name) "{\"service\":\"" name "\",\"condition\":\"service_started\"}"
#define SERVICE(name, needs)                                                         \
  "{\"name\":\"" name                                                                \
  "\",\"image\":\"i:1\",\"environment\":{},\"labels\":{},\"ports\":[],"              \
  "\"volumes\":[],\"networks\":[{\"name\":\"n\",\"aliases\":[]}],\"oneshot\":false," \
  "\"depends_on\":[" needs "]}"
#define STACK_WITH(services)                                                                 \
  "{\"schema\":\"si.stack/1\",\"volumes\":[{\"name\":\"v\"}],\"networks\":[{\"name\":\"n\"," \
  "\"internal\":false},{\"name\":\"inside\",\"internal\":true}],\"services\":[" services "]}"

static void services_start_after_what_they_need(void) {
  static const struct {
    const char *stack;
    const char *order;
  } cases[] = {
      {STACK_WITH(SERVICE("a", "") "," SERVICE("b", "") "," SERVICE("c", "")), "a b c "},
      {STACK_WITH(SERVICE("a", NEED("b")) "," SERVICE("b", NEED("c")) "," SERVICE("c", "")),
       "c b a "},
      {STACK_WITH(SERVICE("app", NEED("db") "," NEED("job")) "," SERVICE("db", "") "," SERVICE(
           "job", NEED("db")) "," SERVICE("web", NEED("app"))),
       "db job app web "},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct local_plan plan SI_AUTO(local_plan_free) = {0};
    struct si_error error = {0};
    char order[100] = "";
    CU_ASSERT_EQUAL_FATAL(local_plan_read(cases[i].stack, &plan, &error), SI_OK);
    for (size_t k = 0; k < plan.service_count; k++) {
      strncat(order, plan.services[k].name, 20);
      strncat(order, " ", 2);
      for (size_t n = 0; n < plan.services[k].need_count; n++) {
        CU_ASSERT(plan.services[k].needs[n].service < k);
      }
    }
    CU_ASSERT_STRING_EQUAL(order, cases[i].order);
  }
}

#define ODD(members)                                                                    \
  STACK_WITH(                                                                           \
      "{\"name\":\"a\",\"image\":\"i:1\",\"environment\":{},\"labels\":{},\"oneshot\":" \
      "false," members "}")

static void a_stack_that_cannot_be_is_refused_by_name(void) {
  static const struct {
    const char *stack;
    const char *target;
    const char *message;
  } cases[] = {
      {"{}", "schema", "is not si.stack/1"},
      {STACK_WITH(""), "services", "no services"},
      {STACK_WITH(SERVICE("a", NEED("a"))), "a", "in a circle: a"},
      {STACK_WITH(SERVICE("x", "") "," SERVICE("a", NEED("b")) "," SERVICE(
           "b", NEED("c")) "," SERVICE("c", NEED("a"))),
       "a", "in a circle: a, b, c"},
      {STACK_WITH(SERVICE("a", NEED("ghost"))), "a", "depends on \"ghost\""},
      {STACK_WITH(SERVICE("a", "{\"service\":\"a\",\"condition\":\"service_dreaming\"}")), "a",
       "depends on \"a\""},
      {STACK_WITH(SERVICE("a", "") "," SERVICE("a", "")), "services", "stands twice"},
      {STACK_WITH(SERVICE("../a", "")), "services", "is no name"},
      {STACK_WITH(SERVICE("-a", "")), "services", "is no name"},
      {ODD("\"privileged\":true"), "a", "does not know \"privileged\""},
      {ODD("\"networks\":[{\"name\":\"m\"}]"), "a", "network \"m\" is not declared"},
      {ODD("\"volumes\":[{\"source\":\"w\",\"target\":\"/w\"}]"), "a",
       "volume \"w\" is not declared"},
      {ODD("\"volumes\":[{\"source\":\"v\",\"target\":\"w\"}]"), "a", "no absolute path"},
      {ODD("\"networks\":[{\"name\":\"inside\"}],\"ports\":[{\"port\":1}]"), "a",
       "its ports cannot open"},
      {"{\"schema\":\"si.stack/1\",\"volumes\":{},\"networks\":[],\"services\":[]}", "volumes",
       "is no list"},
      {"[", "", "not valid JSON"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct local_plan plan = {0};
    struct si_error error = {0};
    CU_ASSERT_EQUAL(local_plan_read(cases[i].stack, &plan, &error), SI_E_INVALID);
    CU_ASSERT_STRING_EQUAL(error.target, cases[i].target);
    if (!strstr(error.message, cases[i].message)) {
      CU_FAIL("the message says something else");
      fprintf(stderr, "  case %zu: %s\n", i, error.message);
    }
    CU_ASSERT_PTR_NULL(plan.services);
  }
}

static void the_hash_follows_the_document_and_the_image_alone(void) {
  static const struct {
    const char *a, *image_a, *b, *image_b;
    bool same;
  } cases[] = {
      {"{\"a\":1,\"b\":[2]}", "i", "{ \"b\": [2],\n \"a\": 1 }", "i", true},
      {"{\"a\":1}", "i", "{\"a\":2}", "i", false},
      {"{\"a\":1}", "i", "{\"a\":1}", "j", false},
      {"{\"a\":[1,2]}", "i", "{\"a\":[2,1]}", "i", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char a[SI_SHA256_HEX], b[SI_SHA256_HEX];
    cJSON *x = cJSON_Parse(cases[i].a);
    cJSON *y = cJSON_Parse(cases[i].b);
    CU_ASSERT_EQUAL(local_spec_hash(x, cases[i].image_a, a), SI_OK);
    CU_ASSERT_EQUAL(local_spec_hash(y, cases[i].image_b, b), SI_OK);
    CU_ASSERT_EQUAL(strcmp(a, b) == 0, cases[i].same);
    cJSON_Delete(x);
    cJSON_Delete(y);
  }
  cJSON *odd = cJSON_Parse("{\"a\":1.5}");
  char hex[SI_SHA256_HEX];
  CU_ASSERT_EQUAL(local_spec_hash(odd, "", hex), SI_E_INVALID);
  cJSON_Delete(odd);
}

#define PROJECT_WITH(members) "{\"schema\":\"si.project/1\"," members "}"

static void names_and_marks_follow_from_the_project(void) {
  struct local_project project;
  struct si_error error;
  char name[LOCAL_NAME_SIZE];
  CU_ASSERT_EQUAL_FATAL(
      local_project_read(PROJECT_WITH("\"context_id\":\"ctx-1\",\"project_id\":\"p\",\"slug\":"
                                      "\"blog\",\"operation_id\":\"o\",\"release\":\"r\""),
                         &project, &error),
      SI_OK);
  CU_ASSERT_EQUAL(local_resource_name(&project, "db", name), SI_OK);
  CU_ASSERT_STRING_EQUAL(name, "si-b6d44cbe-blog_db");
  CU_ASSERT_STRING_EQUAL(project.mark_context, "si.context=ctx-1");
  static const struct {
    const char *labels;
    bool ours;
  } cases[] = {
      {"{\"si.context\":\"ctx-1\",\"si.project\":\"p\"}", true},
      {"{\"si.context\":\"ctx-1\",\"si.project\":\"p\",\"x\":\"y\"}", true},
      {"{\"si.context\":\"ctx-1\"}", false},
      {"{\"si.context\":\"ctx-2\",\"si.project\":\"p\"}", false},
      {"{\"si.context\":\"ctx-1\",\"si.project\":\"P\"}", false},
      {"{\"SI.context\":\"ctx-1\",\"si.project\":\"p\"}", false},
      {"null", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cJSON *labels = cJSON_Parse(cases[i].labels);
    CU_ASSERT_EQUAL(local_is_ours(&project, labels), cases[i].ours);
    cJSON_Delete(labels);
  }
  /* A stack's own labels cannot take the marks' place. */
  cJSON *labels = cJSON_Parse("{\"si.project\":\"other\",\"k\":\"v\"}");
  CU_ASSERT_EQUAL(local_labels(&project, "si.service", "db", "h", labels), SI_OK);
  CU_ASSERT(local_is_ours(&project, labels));
  CU_ASSERT_STRING_EQUAL(si_json_str(labels, "k"), "v");
  CU_ASSERT_EQUAL(cJSON_GetArraySize(labels), 8);
  cJSON_Delete(labels);
}

static void a_project_without_its_ids_is_refused(void) {
  static const char *const bad[] = {
      "{}",
      "null",
      "\"context_id\"",
      PROJECT_WITH("\"project_id\":\"p\",\"slug\":\"s\""),
      PROJECT_WITH("\"context_id\":\"\",\"project_id\":\"p\",\"slug\":\"s\""),
      PROJECT_WITH("\"context_id\":\"c\",\"slug\":\"s\""),
      PROJECT_WITH("\"context_id\":\"c\",\"project_id\":\"p\""),
      PROJECT_WITH("\"context_id\":\"c\",\"project_id\":\"p\",\"slug\":\"No Slug\""),
      PROJECT_WITH("\"context_id\":\"c=d\",\"project_id\":\"p\",\"slug\":\"s\""),
      PROJECT_WITH("\"context_id\":7,\"project_id\":\"p\",\"slug\":\"s\""),
      "{\"schema\":\"si.project/2\",\"context_id\":\"c\",\"project_id\":\"p\",\"slug\":\"s\"}",
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct local_project project;
    struct si_error error;
    CU_ASSERT_EQUAL(local_project_read(bad[i], &project, &error), SI_E_INVALID);
  }
}

static void the_configuration_is_strict(void) {
  static const struct {
    const char *json;
    si_rc status;
    const char *field;
    const char *socket;
  } cases[] = {
      {NULL, SI_OK, "", "/var/run/docker.sock"},
      {"{}", SI_OK, "", "/var/run/docker.sock"},
      {"{\"socket\":\"/a\",\"settle_ms\":0,\"stop_timeout_s\":3600,\"ready_timeout_ms\":100}",
       SI_OK, "", "/a"},
      {"{\"socket\":\"unix:///a/b\"}", SI_OK, "", "/a/b"},
      {"{\"socket\":\"a\"}", SI_E_INVALID, "/socket", NULL},
      {"{\"socket\":\"tcp://h\"}", SI_E_INVALID, "/socket", NULL},
      {"{\"socket\":1}", SI_E_INVALID, "/socket", NULL},
      {"{\"settle_ms\":-1}", SI_E_INVALID, "/settle_ms", NULL},
      {"{\"settle_ms\":1.5}", SI_E_INVALID, "/settle_ms", NULL},
      {"{\"stop_timeout_s\":3601}", SI_E_INVALID, "/stop_timeout_s", NULL},
      {"{\"stop_timeout_s\":9000000000000}", SI_E_INVALID, "/stop_timeout_s", NULL},
      {"{\"ready_timeout_ms\":\"5\"}", SI_E_INVALID, "/ready_timeout_ms", NULL},
      {"{\"Socket\":\"/a\"}", SI_E_INVALID, "/Socket", NULL},
      {"[]", SI_E_INVALID, "", NULL},
      {"{", SI_E_INVALID, "", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct local_config config = {0};
    struct si_error error = {0};
    CU_ASSERT_EQUAL(local_config_read(cases[i].json, &config, &error), cases[i].status);
    CU_ASSERT_STRING_EQUAL(error.target, cases[i].field);
    CU_ASSERT_STRING_EQUAL(config.socket, cases[i].socket ? cases[i].socket : "");
  }
  cJSON *schema = NULL;
  CU_ASSERT_EQUAL(si_json_parse(local_config_schema, strlen(local_config_schema), &schema, NULL),
                  SI_OK);
  CU_ASSERT_EQUAL(cJSON_GetArraySize(si_json_get(schema, "properties")), 4);
  cJSON_Delete(schema);
}

UNIT_MAIN("local, plans", UNIT(services_start_after_what_they_need),
          UNIT(a_stack_that_cannot_be_is_refused_by_name),
          UNIT(the_hash_follows_the_document_and_the_image_alone),
          UNIT(names_and_marks_follow_from_the_project), UNIT(a_project_without_its_ids_is_refused),
          UNIT(the_configuration_is_strict))
