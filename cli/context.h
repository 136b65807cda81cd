/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/context.h - what the commands on contexts themselves share (cli/cmd_context*.c). Depends on
 * paas/context, paas/events.
 */
#ifndef SI_CLI_CONTEXT_H
#define SI_CLI_CONTEXT_H

#include "cli/command.h"
#include "paas/context/context.h"
#include "paas/state/state.h"

/* The settings as --json shows them, without what by its name is a secret. NULL without memory. */
cJSON *si_context_json(const struct si_context *context);
/* The same for people. */
void si_context_print(struct si_invocation *inv, const struct si_context *context);

/* The name, given once: as argument or with --name. */
si_rc si_context_given_name(struct si_invocation *inv, const char **name) SI_MUST_USE;

/* A warning on every command that works on a context whose state lies in a repository. */
void si_context_warn(struct si_invocation *inv, const struct si_context *context);

/* Adds the event to the context's audit chain. `fields` is taken; NULL for none. */
si_rc si_context_audit(struct si_invocation *inv, const struct si_context *context,
                       const char *action, cJSON *fields) SI_MUST_USE;

#endif
