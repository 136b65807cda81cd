/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/stack.h - the options that say which stack is meant, for every row that takes one. Depends on
 * cli/command.h and paas/stack.
 */
#ifndef SI_CLI_STACK_H
#define SI_CLI_STACK_H

#include "cli/command.h"
#include "paas/stack/stack.h"

/* Reads what `--stack` names, files among the arguments (where `args`) before that; the row has the
 * options of this page. `faults` may be NULL. */
si_rc si_stack_given(struct si_invocation *inv, bool args, struct si_stack *stack,
                     struct si_faults *faults) SI_MUST_USE;

#endif
