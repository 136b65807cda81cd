/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/deployment.h - what an operation of kind deploy does, target by target, and which
 * release serves where. Depends on paas/state/release.h.
 *
 * A deploy queues a row a target; each goes queued -> applying -> ok | failed | rolled_back |
 * unknown, or queued -> skipped. An operation that ends closes what is open: applying is unknown
 * then, queued is skipped. `instances` tells what was last seen to serve: nothing is known from
 * the moment a target is applied to until somebody looked and judged.
 */
#ifndef SI_PAAS_STATE_DEPLOYMENT_H
#define SI_PAAS_STATE_DEPLOYMENT_H

#include "paas/state/release.h"

struct si_deployment {
  char operation_id[48];
  char project_id[40];
  char target[64];
  char release[12];
  char from_release[12]; /* what is to serve again where it fails; "" where nothing did */
  char status[16];
  char started_at[32];
  char ended_at[32];
  char *error; /* JSON, or NULL; owned */
};
void si_deployment_free(struct si_deployment *deployment);

struct si_instance {
  char project_id[40];
  char target[64];
  char release[12]; /* "" where nobody knows what serves */
  char updated_at[32];
};

struct si_deploy_start {
  const char *release; /* an existing one; or NULL, and a new one is made of: */
  const char *stack;
  const char *spec_sha256;
  const char *const *targets; /* at least one, each once */
  size_t target_count;
};

/* Begins an operation of kind deploy on a running project, as si_state_operation_begin_with, with
 * its release and a queued row a target. A newest release with the same stack that never served is
 * taken instead of a new one. release[12]: its number. */
si_rc si_state_deploy_begin(struct si_state *state, const char *project_id,
                            const struct si_deploy_start *start,
                            const struct si_state_teller *teller, struct si_operation *operation,
                            int *lock, char release[12], struct si_error *error) SI_MUST_USE;

/* The target is about to be changed. */
si_rc si_state_deployment_begin(struct si_state *state, const char *operation_id,
                                const char *target, struct si_error *error) SI_MUST_USE;
/* What came of it: ok, failed, rolled_back, unknown; `serves` is the release that was seen to
 * serve there, or NULL. */
si_rc si_state_deployment_end(struct si_state *state, const char *operation_id, const char *target,
                              const char *status, const char *serves, const char *error_json,
                              struct si_error *error) SI_MUST_USE;

typedef si_rc (*si_deployment_each)(void *ctx, const struct si_deployment *deployment);
/* Those of one operation, or (NULL) of the project's last deploy; in the order they were queued. */
si_rc si_state_deployments(struct si_state *state, const char *project_id, const char *operation_id,
                           void *ctx, si_deployment_each each, struct si_error *error) SI_MUST_USE;

typedef si_rc (*si_instance_each)(void *ctx, const struct si_instance *instance);
si_rc si_state_instances(struct si_state *state, const char *project_id, void *ctx,
                         si_instance_each each, struct si_error *error) SI_MUST_USE;

#endif
