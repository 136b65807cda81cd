/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/exit.h"

/* By status: the code, and the code where an operation ran and failed. */
static const struct {
  si_rc status;
  int code;
  int ran;
} codes[] = {
    {SI_OK, 0, 0},          {SI_E_INVALID, 2, 1},
    {SI_E_AUTH, 5, 5},      {SI_E_NOT_FOUND, 3, 1},
    {SI_E_EXISTS, 4, 1},    {SI_E_CONFLICT, 4, 1},
    {SI_E_RETENTION, 4, 1}, {SI_E_UNAVAILABLE, 6, 6},
    {SI_E_CORRUPT, 8, 8},   {SI_E_CANCELLED, 130, 130},
    {SI_E_TIMEOUT, 7, 7},   {SI_E_REFUSED, 9, 1},
};

int si_exit_code(const struct si_error *error, bool ran) {
  if (!error || error->status == SI_OK) {
    return 0;
  }
  if (error->retry == SI_OUTCOME_UNKNOWN && error->status != SI_E_CANCELLED) {
    return 7;
  }
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    if (codes[i].status == error->status) {
      return ran ? codes[i].ran : codes[i].code;
    }
  }
  return 1;
}

si_rc si_exit_failed(struct si_invocation *inv) {
  inv->ran = true;
  return inv->error.status;
}
