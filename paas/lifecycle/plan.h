/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/plan.h - what a deploy would change, told before it is begun (R26, R27). Depends
 * on paas/lifecycle/life.h.
 *
 *   {"schema":"si.plan/1","app","project_id","release":"3" or null,"stack_sha256","live_sha256",
 *    "services":[{"name","change":"add"|"remove"|"change"|"keep","members":["image",...],
 *                 "state":what the engine shows now or null}],
 *    "volumes":[{"name","change"}],"networks":[{"name","change"}]}
 *
 * stack_sha256 is that of the stack that would be deployed, live_sha256 that of what the engine
 * shows now: which containers there are, of which image and document, and whether they run.
 * Revisions of secrets are left out: a deploy takes those of its own moment.
 */
#ifndef SI_PAAS_LIFECYCLE_PLAN_H
#define SI_PAAS_LIFECYCLE_PLAN_H

#include "paas/lifecycle/life.h"

/* The plan for a project, or (NULL) for one that would be made. Asks the engine; changes nothing.
 */
si_rc si_plan_make(struct si_life *life, const char *slug, const struct si_project *project,
                   const struct si_stack *stack, cJSON **plan, struct si_error *error) SI_MUST_USE;

/* Does the plan, a document of a file, still hold? PLAN_STALE (SI_E_CONFLICT) says what moved;
 * PLAN_INVALID where it is none. */
si_rc si_plan_check(struct si_life *life, const char *slug, const struct si_project *project,
                    const struct si_stack *stack, const cJSON *plan,
                    struct si_error *error) SI_MUST_USE;

/* How many of its services, volumes and networks would change. */
size_t si_plan_changes(const cJSON *plan);

#endif
