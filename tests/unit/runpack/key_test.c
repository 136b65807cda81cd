/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of runpacks (R47, R51, R56): derived, never given; read back only in their exact shape. */
#include "core/runpack/key.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#define HASH "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
#define PREFIX "tenant/oss-demo/namespace/p1/scenario/demo/run/r-1/" HASH

static void a_prefix_is_derived_from_the_ids_and_read_back(void) {
  struct si_runpack_ids ids, back;
  struct si_error error;
  char prefix[SI_KEY_SIZE], key[SI_KEY_SIZE];
  CU_ASSERT_EQUAL_FATAL(si_runpack_ids_set(&ids, "oss-demo", "p1", "demo", "r-1", HASH, 0, &error),
                        SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_runpack_prefix(&ids, prefix, &error), SI_OK);
  CU_ASSERT_STRING_EQUAL(prefix, PREFIX);
  CU_ASSERT_EQUAL_FATAL(si_runpack_prefix_parse(prefix, &back), SI_OK);
  CU_ASSERT_EQUAL(memcmp(&ids, &back, sizeof ids), 0);
  CU_ASSERT_EQUAL(si_runpack_key(prefix, SI_KEY_MANIFEST, key), SI_OK);
  CU_ASSERT_STRING_EQUAL(key, PREFIX "/manifest.json");
  CU_ASSERT_EQUAL(si_runpack_key("", SI_KEY_MANIFEST, key), SI_OK);
  CU_ASSERT_STRING_EQUAL(key, "manifest.json");
}

static void an_id_that_cannot_be_a_component_is_refused_by_name(void) {
  static char longest[256], too_long[257];
  memset(longest, 'a', sizeof longest - 1);
  memset(too_long, 'a', sizeof too_long - 1);
  static const char *const bad[] = {"",    ".",    "..",       ".hidden", "a/b",    "/a", "a b",
                                    "a\n", "a\\b", "\xc3\xa4", "a%2f",    too_long, NULL};
  static const char *const names[] = {"tenant", "namespace", "scenario", "run"};
  struct si_runpack_ids ids;
  struct si_error error;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    for (size_t at = 0; at < 4; at++) {
      const char *v[4] = {"t", "n", "s", "r"};
      v[at] = bad[i];
      CU_ASSERT_EQUAL(si_runpack_ids_set(&ids, v[0], v[1], v[2], v[3], HASH, 0, &error),
                      SI_E_INVALID);
      CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_ID_INVALID");
      CU_ASSERT_PTR_NOT_NULL(strstr(error.message, names[at]));
    }
  }
  CU_ASSERT_EQUAL(si_runpack_ids_set(&ids, longest, longest, longest, longest, HASH, 0, &error),
                  SI_OK);
  static const char upper[] = "4F53CDA18C2BAA0C0354BB5F9A3ECBE5ED12AB4D8E11BA873C2F11161202B945";
  static const char *const hashes[] = {"", "ab", HASH "0", upper};
  for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
    CU_ASSERT_EQUAL(si_runpack_ids_set(&ids, "t", "n", "s", "r", hashes[i], 0, &error),
                    SI_E_INVALID);
  }
}

static void scenarios_of_operations_are_reserved(void) {
  struct si_runpack_ids ids;
  struct si_error error;
  CU_ASSERT_EQUAL(si_runpack_ids_set(&ids, "t", "n", "op.provision", "r", HASH, 0, &error),
                  SI_E_REFUSED);
  CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_SCENARIO_RESERVED");
  CU_ASSERT_EQUAL(
      si_runpack_ids_set(&ids, "t", "n", "op.provision", "r", HASH, SI_KEY_OPERATION, &error),
      SI_OK);
  CU_ASSERT_EQUAL(si_runpack_ids_set(&ids, "t", "n", "operate", "r", HASH, 0, &error), SI_OK);
}

static void only_the_exact_shape_is_a_prefix(void) {
  static const char *const bad[] = {
      "",
      "/" PREFIX,
      PREFIX "/",
      PREFIX "/manifest.json",
      "tenant/t/namespace/n/scenario/s/run/r",
      "tenant/t/namespace/n/scenario/s/run/r/",
      "tenant//namespace/n/scenario/s/run/r/" HASH,
      "tenant/../namespace/n/scenario/s/run/r/" HASH,
      "tenants/t/namespace/n/scenario/s/run/r/" HASH,
      "tenant/t/scenario/s/namespace/n/run/r/" HASH,
      "tenant/t/namespace/n/scenario/s/run/r/x" HASH,
  };
  struct si_runpack_ids ids;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CU_ASSERT_EQUAL(si_runpack_prefix_parse(bad[i], &ids), SI_E_INVALID);
  }
}

static void a_path_splits_into_root_and_prefix(void) {
  const char *prefix = NULL;
  size_t root = 0;
  CU_ASSERT_EQUAL_FATAL(si_runpack_path_split("/srv/packs/" PREFIX, &root, &prefix), SI_OK);
  CU_ASSERT_EQUAL(root, strlen("/srv/packs"));
  CU_ASSERT_STRING_EQUAL(prefix, PREFIX);
  CU_ASSERT_EQUAL_FATAL(si_runpack_path_split("/" PREFIX, &root, &prefix), SI_OK);
  CU_ASSERT_EQUAL(root, 1);
  CU_ASSERT_EQUAL(si_runpack_path_split(PREFIX, &root, &prefix), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_runpack_path_split("/srv/copied/runpack", &root, &prefix), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_runpack_path_split("/", &root, &prefix), SI_E_INVALID);
}

static void paths_of_artifacts_stay_below_artifacts(void) {
  static const struct {
    const char *path;
    int valid;
  } cases[] = {
      {"artifacts/a", 1},     {"artifacts/logs/web.txt", 1},
      {"artifacts/", 0},      {"artifacts", 0},
      {"manifest.json", 0},   {"/artifacts/a", 0},
      {"artifacts/../a", 0},  {"artifacts//a", 0},
      {"artifacts/a/", 0},    {"artifacts/.a", 0},
      {"other/a", 0},         {"artifacts/a b", 0},
      {"artifacts/a/./b", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CU_ASSERT_EQUAL(si_runpack_path_valid(cases[i].path, strlen(cases[i].path)), cases[i].valid);
  }
  static char key[4200];
  memset(key, 'a', sizeof key);
  for (size_t i = 200; i < sizeof key; i += 200) {
    key[i] = '/';
  }
  CU_ASSERT_EQUAL(si_runpack_key_valid(key, 4096), 1);
  CU_ASSERT_EQUAL(si_runpack_key_valid(key, 4097), 0);
}

UNIT_MAIN("runpack keys", UNIT(a_prefix_is_derived_from_the_ids_and_read_back),
          UNIT(an_id_that_cannot_be_a_component_is_refused_by_name),
          UNIT(scenarios_of_operations_are_reserved), UNIT(only_the_exact_shape_is_a_prefix),
          UNIT(a_path_splits_into_root_and_prefix), UNIT(paths_of_artifacts_stay_below_artifacts))
