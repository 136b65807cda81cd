/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/apps.h - what `si paas project` and `si paas app` share: two names for the same thing.
 * Depends on cli/scope.h.
 */
#ifndef SI_CLI_APPS_H
#define SI_CLI_APPS_H

#include "cli/scope.h"

/* Shows what an operation came to; returns the command's status. */
si_rc si_app_finish(struct si_invocation *inv, const struct si_scope *scope,
                    const struct si_outcome *outcome, si_rc status) SI_MUST_USE;

/* The row's option --accept-unverified. */
#define SI_ACCEPT_UNVERIFIED_OPTION \
  { "accept-unverified", 0, NULL, "Delete it although something cannot be proven gone", 0, NULL }
/* Asks, and deletes it on every target that it lives on. */
si_rc si_app_delete(struct si_invocation *inv, const char *slug) SI_MUST_USE;

/* `si paas status` of one app, or of all (NULL). */
si_rc si_app_status(struct si_invocation *inv, const char *app) SI_MUST_USE;

#endif
