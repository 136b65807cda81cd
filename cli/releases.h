/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/releases.h - releases and deployments as every command shows them, and what a deploy would
 * change. Depends on cli/scope.h.
 */
#ifndef SI_CLI_RELEASES_H
#define SI_CLI_RELEASES_H

#include "cli/scope.h"
#include "paas/stack/stack.h"
#include "paas/state/deployment.h"

cJSON *si_deployment_json(const struct si_deployment *deployment);
cJSON *si_release_json(const struct si_release *release);

/* The plan (paas/lifecycle/plan.h) for the app of `--app`; the caller's to delete. */
si_rc si_plan_for(struct si_invocation *inv, const struct si_stack *stack,
                  cJSON **plan) SI_MUST_USE;
/* Does the plan of a file still hold? PLAN_STALE where it does not. */
si_rc si_plan_holds(struct si_invocation *inv, struct si_scope *scope, const char *file,
                    const struct si_stack *stack) SI_MUST_USE;
/* What deploying this stack onto the app of `--app` would change, service by service. Changes
 * nothing. */
si_rc si_plan_show(struct si_invocation *inv, const struct si_stack *stack) SI_MUST_USE;

#endif
