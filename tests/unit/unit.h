/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/unit.h - the frame of a CUnit program: a table of tests named after the behaviour they
 * show, and a main that fails when an assertion, a suite or CUnit itself did. Depends on CUnit.
 */
#ifndef SI_TESTS_UNIT_H
#define SI_TESTS_UNIT_H

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>

struct unit_test {
  const char *name;
  void (*run)(void);
};

static inline int unit_main(const char *suite_name, const struct unit_test *tests, size_t count) {
  if (CU_initialize_registry() != CUE_SUCCESS) {
    return 2;
  }
  CU_pSuite suite = CU_add_suite(suite_name, NULL, NULL);
  for (size_t i = 0; suite && i < count; i++) {
    if (!CU_add_test(suite, tests[i].name, tests[i].run)) {
      suite = NULL;
    }
  }
  if (!suite) {
    CU_cleanup_registry();
    return 2;
  }
  CU_basic_set_mode(CU_BRM_NORMAL);
  CU_basic_run_tests();
  unsigned failed = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
  unsigned run = CU_get_number_of_tests_run();
  CU_cleanup_registry();
  return failed == 0 && run == count ? 0 : 1;
}

#define UNIT_MAIN(suite, ...)                                     \
  int main(void) {                                                \
    static const struct unit_test tests[] = {__VA_ARGS__};        \
    return unit_main(suite, tests, sizeof tests / sizeof *tests); \
  }
#define UNIT(fn) \
  { #fn, fn }

#endif
