/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/target.h - the rows of targets: engines that a context's projects run on (R24). What
 * their configuration means is paas/target's. Depends on paas/state/state.h.
 */
#ifndef SI_PAAS_STATE_TARGET_H
#define SI_PAAS_STATE_TARGET_H

#include "paas/state/state.h"

struct si_target_row {
  char name[64];
  char kind[8]; /* local, ssh */
  char made_at[32];
  char checked_at[32]; /* when it was last found to be well; or "" */
  char projects[12];   /* how many live there */
  char *config;        /* JSON object; owned */
  char *labels;        /* {"KEY":"value"}; owned */
};
void si_target_row_free(struct si_target_row *row);

/* Each in one transaction, with the event. TARGET_EXISTS (SI_E_EXISTS); TARGET_NOT_FOUND
 * (SI_E_NOT_FOUND); TARGET_USED (SI_E_CONFLICT) while projects live there. */
si_rc si_state_target_add(struct si_state *state, const struct si_target_row *row,
                          const struct si_state_event *event, struct si_error *error) SI_MUST_USE;
si_rc si_state_target_remove(struct si_state *state, const char *name,
                             const struct si_state_event *event,
                             struct si_error *error) SI_MUST_USE;
si_rc si_state_target_checked(struct si_state *state, const char *name,
                              struct si_error *error) SI_MUST_USE;
si_rc si_state_target(struct si_state *state, const char *name, struct si_target_row *out,
                      struct si_error *error) SI_MUST_USE;

typedef si_rc (*si_target_each)(void *ctx, const struct si_target_row *row);
/* By name; each() as si_state_projects. */
si_rc si_state_targets(struct si_state *state, void *ctx, si_target_each each,
                       struct si_error *error) SI_MUST_USE;

#endif
