/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/audit.h - the event of a command that failed before anything began. Depends on paas/events.
 */
#ifndef SI_CLI_AUDIT_H
#define SI_CLI_AUDIT_H

#include "cli/command.h"

/* The frame's hook: what would have changed inv->context failed before an operation ran. It is told
 * to the audit chain of that context, where it can be opened. */
void si_audit_failure(const struct si_invocation *inv);

#endif
