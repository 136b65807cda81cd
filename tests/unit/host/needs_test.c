/* SPDX-License-Identifier: Apache-2.0 */
/* core/host/needs.h and offer.h: what a manifest declares is understood whole or refused; its paths
 * lead where the configuration says, and nowhere else. Design 4. */
#include <stdio.h>
#include <string.h>

#include "core/host/needs.h"
#include "core/host/offer.h"
#include "tests/unit/unit.h"

static si_rc read_needs(const char *text, struct si_needs *out, cJSON **json,
                        struct si_error *error) {
  CU_ASSERT_EQUAL_FATAL(si_json_parse(text, strlen(text), json, error), SI_OK);
  return si_needs_read(*json, out, error);
}

static void nothing_declared_is_nothing_allowed(void) {
  struct si_needs needs = {.network = true};
  struct si_error error;
  cJSON *json SI_AUTO(si_json_free) = NULL;
  CU_ASSERT_EQUAL_FATAL(read_needs("{}", &needs, &json, &error), SI_OK);
  CU_ASSERT(!needs.network && !needs.unix_sockets && !needs.exec && needs.memory_mb == 0);
  CU_ASSERT(!needs.read && !needs.write);
}

static void every_member_is_read(void) {
  struct si_needs needs;
  struct si_error error;
  cJSON *json SI_AUTO(si_json_free) = NULL;
  struct si_buf words SI_AUTO(si_buf_free) = SI_BUF(4096);
  CU_ASSERT_EQUAL_FATAL(
      read_needs("{\"network\":true,\"unix\":true,\"exec\":true,\"memory_mb\":64,"
                 "\"read\":[\"/a/b\",\"${config.k}\"],\"write\":[\"/\",\"${config.a_b-C1}/x/y\"]}",
                 &needs, &json, &error),
      SI_OK);
  CU_ASSERT(needs.network && needs.unix_sockets && needs.exec && needs.memory_mb == 64);
  CU_ASSERT_EQUAL(cJSON_GetArraySize(needs.read), 2);
  CU_ASSERT_EQUAL(cJSON_GetArraySize(needs.write), 2);
  CU_ASSERT_EQUAL_FATAL(si_needs_words(&needs, &words), SI_OK);
  CU_ASSERT_STRING_EQUAL(si_buf_text(&words),
                         "network: any\nunix sockets: any, the engine's too\n"
                         "programs: may start them\nreads: /a/b, ${config.k}\n"
                         "writes: /, ${config.a_b-C1}/x/y\nmemory: 64 MiB\n");
}

static void what_is_not_understood_is_refused(void) {
  static const char *const cases[] = {
      "[]",
      "null",
      "{\"everything\":true}",
      "{\"Network\":true}",
      "{\"network\":1}",
      "{\"network\":\"true\"}",
      "{\"unix\":null}",
      "{\"exec\":[]}",
      "{\"read\":\"/a\"}",
      "{\"read\":{}}",
      "{\"read\":[1]}",
      "{\"read\":[\"\"]}",
      "{\"read\":[\"a\"]}",
      "{\"read\":[\"/a/../b\"]}",
      "{\"read\":[\"/a/..\"]}",
      "{\"read\":[\"/a/./b\"]}",
      "{\"read\":[\"/a//b\"]}",
      "{\"read\":[\"/a\\nb\"]}",
      "{\"read\":[\"/a\\u007fb\"]}",
      "{\"read\":[\"/a/\"]}",
      "{\"read\":[\"/a/${config.k}\"]}",
      "{\"write\":[\"${config.}\"]}",
      "{\"write\":[\"${config.k\"]}",
      "{\"write\":[\"${config.k.l}\"]}",
      "{\"write\":[\"${config.k}x\"]}",
      "{\"write\":[\"${config.k}/\"]}",
      "{\"write\":[\"${config.k}/../x\"]}",
      "{\"write\":[\"${env.HOME}\"]}",
      "{\"memory_mb\":15}",
      "{\"memory_mb\":1048577}",
      "{\"memory_mb\":64.5}",
      "{\"memory_mb\":\"64\"}",
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_needs needs;
    struct si_error error = {.code = ""};
    cJSON *json SI_AUTO(si_json_free) = NULL;
    si_rc status = read_needs(cases[i], &needs, &json, &error);
    if (status != SI_E_INVALID || strcmp(error.code, "PLUGIN_NEEDS") != 0) {
      printf("\n  %s: %d %s", cases[i], (int)status, error.code);
      CU_FAIL("it was taken");
    }
  }
}

static void too_many_paths_are_refused(void) {
  char text[64 * 8 + 64] = "{\"read\":[\"/a\"";
  for (int i = 0; i < 64; i++) {
    strcat(text, ",\"/a\"");
  }
  strcat(text, "]}");
  struct si_needs needs;
  struct si_error error;
  cJSON *json SI_AUTO(si_json_free) = NULL;
  CU_ASSERT_EQUAL(read_needs(text, &needs, &json, &error), SI_E_INVALID);
}

static void a_path_is_filled_from_the_configuration(void) {
  static const char config[] =
      "{\"root\":\"/srv/x\",\"slash\":\"/srv/x/\",\"top\":\"/\",\"rel\":\"srv\",\"up\":\"/a/../b\","
      "\"double\":\"/a//b\",\"empty\":\"\",\"number\":7,\"unix\":\"unix:///run/x\","
      "\"nested\":\"${config.root}\"}";
  static const struct {
    const char *path;
    const char *filled; /* NULL: refused; "": left out */
  } cases[] = {
      {"/a/b", "/a/b"},
      {"${config.root}", "/srv/x"},
      {"${config.root}/sub/dir", "/srv/x/sub/dir"},
      {"${config.slash}", "/srv/x"},
      {"${config.slash}/sub", "/srv/x/sub"},
      {"${config.top}", "/"},
      {"${config.top}/sub", "/sub"},
      {"${config.absent}", ""},
      {"${config.absent}/sub", ""},
      {"${config.Root}", ""},
      {"${config.rel}", NULL},
      {"${config.up}", NULL},
      {"${config.double}", NULL},
      {"${config.empty}", NULL},
      {"${config.empty}/etc", NULL},
      {"${config.number}", NULL},
      {"${config.unix}", NULL},
      {"${config.nested}", NULL},
  };
  struct si_error error;
  cJSON *json SI_AUTO(si_json_free) = NULL;
  CU_ASSERT_EQUAL_FATAL(si_json_parse(config, strlen(config), &json, &error), SI_OK);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char to[SI_PATH_MAX] = "untouched";
    si_rc status = si_needs_path(cases[i].path, json, to, &error);
    si_rc wanted = !cases[i].filled ? SI_E_INVALID : cases[i].filled[0] ? SI_OK : SI_E_NOT_FOUND;
    const char *text = wanted == SI_OK ? cases[i].filled : "untouched";
    if (status != wanted || strcmp(to, text) != 0) {
      printf("\n  %s: %d %s", cases[i].path, (int)status, to);
      CU_FAIL("it leads elsewhere");
    }
  }
  CU_ASSERT_STRING_EQUAL(error.code, "PLUGIN_NEEDS");
  CU_ASSERT_STRING_EQUAL(error.target, "/nested");
}

static void a_path_that_is_too_long_is_refused(void) {
  static char config[SI_PATH_MAX + 100];
  char to[SI_PATH_MAX];
  struct si_error error;
  cJSON *json SI_AUTO(si_json_free) = NULL;
  int n = snprintf(config, sizeof config, "{\"root\":\"/%0*d\"}", SI_PATH_MAX - 3, 0);
  CU_ASSERT_EQUAL_FATAL(si_json_parse(config, (size_t)n, &json, &error), SI_OK);
  CU_ASSERT_EQUAL(si_needs_path("${config.root}", json, to, &error), SI_OK);
  CU_ASSERT_EQUAL(si_needs_path("${config.root}/sub", json, to, &error), SI_E_INVALID);
}

static void what_a_kernel_lacks_is_told(void) {
  static const struct {
    int landlock;
    bool seccomp;
    const char *says;
    const char * not ;
  } cases[] = {
      {0, true, "no Landlock", "before ABI"},    {1, true, "before ABI 3", "no Landlock"},
      {3, true, "before ABI 4", "before ABI 3"}, {5, true, "before ABI 6", "before ABI 4"},
      {6, false, "no seccomp", "Landlock"},      {0, false, "; no seccomp", "before ABI"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf lacks SI_AUTO(si_buf_free) = SI_BUF(1024);
    CU_ASSERT_EQUAL(si_offer_lacks(cases[i].landlock, cases[i].seccomp, &lacks), SI_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(si_buf_text(&lacks), cases[i].says));
    CU_ASSERT_PTR_NULL(strstr(si_buf_text(&lacks), cases[i].not ));
  }
  struct si_buf whole SI_AUTO(si_buf_free) = SI_BUF(1024);
  CU_ASSERT_EQUAL(si_offer_lacks(SI_LANDLOCK_WHOLE, true, &whole), SI_OK);
  CU_ASSERT_EQUAL(whole.len, 0);
}

UNIT_MAIN("host needs",
          {"nothing_declared_is_nothing_allowed", nothing_declared_is_nothing_allowed},
          {"every_member_is_read", every_member_is_read},
          {"what_is_not_understood_is_refused", what_is_not_understood_is_refused},
          {"too_many_paths_are_refused", too_many_paths_are_refused},
          {"a_path_is_filled_from_the_configuration", a_path_is_filled_from_the_configuration},
          {"a_path_that_is_too_long_is_refused", a_path_that_is_too_long_is_refused},
          {"what_a_kernel_lacks_is_told", what_a_kernel_lacks_is_told})
