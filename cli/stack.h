/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/stack.h - the options that say which stack is meant, for every row that takes one. Depends on
 * cli/command.h and paas/stack.
 */
#ifndef SI_CLI_STACK_H
#define SI_CLI_STACK_H

#include "cli/command.h"
#include "paas/context/context.h"
#include "paas/stack/stack.h"

/* clang-format off */
/* The options beside `stack`. */
#define SI_STACK_OPTIONS \
  {"env-file", 0, "FILE", "Variables for `${NAME}` in the stack; without it .env beside it", \
   SI_OPT_REPEAT, NULL}, \
  {"env", 0, "NAME", "Take that variable from the environment of this command", \
   SI_OPT_REPEAT, NULL}, \
  {"profile", 0, "NAME", "Run the services of that profile too; '*' for all", SI_OPT_REPEAT, NULL}
/* clang-format on */

/* Reads what `--stack` names, files among the arguments (where `args`) before that; the row has the
 * options of this page. `app` (NULL: none) is whose add-ons come to it, as inv's context knows
 * them. `faults` may be NULL. */
si_rc si_stack_given(struct si_invocation *inv, const char *app, bool args, struct si_stack *stack,
                     struct si_faults *faults) SI_MUST_USE;

/* Reads one file as the app's stack, with no variables but those of .env beside it. */
si_rc si_stack_of(struct si_invocation *inv, const char *app, const char *file,
                  struct si_stack *stack) SI_MUST_USE;

/* Holds the stack against the context's policy (NULL: against what is usual): warnings are told,
 * and a refusal is STACK_GUARD. *told (or NULL) is the list of both (guard.h), the caller's. */
si_rc si_stack_guarded(struct si_invocation *inv, const struct si_context *context,
                       const struct si_stack *stack, cJSON **told) SI_MUST_USE;

#endif
