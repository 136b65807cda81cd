/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/exit.h"
#include "tests/unit/unit.h"

static void every_status_has_its_code(void) {
  static const struct {
    si_rc status;
    int code;
    int ran;
  } cases[] = {
      {SI_OK, 0, 0},
      {SI_E_INVALID, 2, 1},
      {SI_E_AUTH, 5, 5},
      {SI_E_NOT_FOUND, 3, 1},
      {SI_E_EXISTS, 4, 1},
      {SI_E_CONFLICT, 4, 1},
      {SI_E_RETENTION, 4, 1},
      {SI_E_QUOTA, 1, 1},
      {SI_E_UNAVAILABLE, 6, 6},
      {SI_E_IO, 1, 1},
      {SI_E_CORRUPT, 8, 8},
      {SI_E_UNSUPPORTED, 1, 1},
      {SI_E_CANCELLED, 130, 130},
      {SI_E_TIMEOUT, 7, 7},
      {SI_E_NOMEM, 1, 1},
      {SI_E_REFUSED, 9, 1},
      {SI_E_INTERNAL, 1, 1},
      {999, 1, 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_error error = {.status = cases[i].status};
    CU_ASSERT_EQUAL(si_exit_code(&error, false), cases[i].code);
    CU_ASSERT_EQUAL(si_exit_code(&error, true), cases[i].ran);
  }
  CU_ASSERT_EQUAL(si_exit_code(NULL, false), 0);
}

static void an_unknown_outcome_is_seven_unless_the_operator_stopped_it(void) {
  struct si_error error = {.status = SI_E_UNAVAILABLE, .retry = SI_OUTCOME_UNKNOWN};
  CU_ASSERT_EQUAL(si_exit_code(&error, false), 7);
  CU_ASSERT_EQUAL(si_exit_code(&error, true), 7);
  error.status = SI_E_CANCELLED;
  CU_ASSERT_EQUAL(si_exit_code(&error, true), 130);
  error.status = SI_OK;
  CU_ASSERT_EQUAL(si_exit_code(&error, true), 0);
}

static void a_body_marks_what_ran_and_failed(void) {
  struct si_invocation inv = {.error = {.status = SI_E_NOT_FOUND}};
  CU_ASSERT_EQUAL(si_exit_failed(&inv), SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(si_exit_code(&inv.error, inv.ran), 1);
}

UNIT_MAIN("cli exit", UNIT(every_status_has_its_code),
          UNIT(an_unknown_outcome_is_seven_unless_the_operator_stopped_it),
          UNIT(a_body_marks_what_ran_and_failed))
