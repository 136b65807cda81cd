/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/plan.h - what a deploy would change, told before it is begun (R26, R27). Depends
 * on paas/lifecycle/life.h.
 *
 *   {"schema":"si.plan/1","app","project_id","release":"3" or null,"stack_sha256","live_sha256",
 *    "targets":[{"name","change":"add"|"keep","release":"3" or "","live_sha256",
 *                "states":{SERVICE:what its engine shows now}}],
 *    "services":[{"name","change":"add"|"remove"|"change"|"keep","members":["image",...],
 *                 "state":that of the targets, "differs" where they do not agree, or null}],
 *    "volumes":[{"name","change"}],"networks":[{"name","change"}]}
 *
 * stack_sha256 is that of the stack that would be deployed, live_sha256 that of what the engines of
 * all its targets show now: which containers there are, of which image and document, and whether
 * they run. A target that is new is not looked at. Revisions of secrets are left out: a deploy
 * takes those of its own moment.
 */
#ifndef SI_PAAS_LIFECYCLE_PLAN_H
#define SI_PAAS_LIFECYCLE_PLAN_H

#include "paas/lifecycle/life.h"

/* What is to be deployed, and where to: no targets where the app lives, or its first one. */
struct si_plan_request {
  const char *slug;
  const struct si_project *project; /* NULL: it would be made */
  const struct si_stack *stack;
  const char *const *targets;
  size_t target_count;
};

/* Asks the engines; changes nothing. */
si_rc si_plan_make(struct si_life *life, const struct si_plan_request *request, cJSON **plan,
                   struct si_error *error) SI_MUST_USE;

/* Does the plan, a document of a file, still hold? PLAN_STALE (SI_E_CONFLICT) says what moved;
 * PLAN_INVALID where it is none. */
si_rc si_plan_check(struct si_life *life, const struct si_plan_request *request, const cJSON *plan,
                    struct si_error *error) SI_MUST_USE;

/* How many of its services, volumes, networks and targets would change. */
size_t si_plan_changes(const cJSON *plan);

#endif
