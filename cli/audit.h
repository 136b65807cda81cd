/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/audit.h - the event of a command that failed before anything began, and of one that concerns
 * every context. Depends on paas/events.
 */
#ifndef SI_CLI_AUDIT_H
#define SI_CLI_AUDIT_H

#include "cli/command.h"

/* The frame's hook: what would have changed inv->context failed before an operation ran. It is told
 * to the audit chain of that context, where it can be opened. */
void si_audit_failure(const struct si_invocation *inv);

/* The trust in plugins was changed, which decides what may run in every context of the root: told
 * to the audit chain of each as `action`, about `what` (a key or a pin, as plugins.json has it). A
 * chain that cannot be told costs a warning; the change stands. */
void si_audit_trust(struct si_invocation *inv, const char *action, const cJSON *what);

#endif
