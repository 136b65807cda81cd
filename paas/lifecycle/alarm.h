/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/alarm.h - alerts of the life of a project. Nothing here changes what came of an
 * operation. Private to paas/lifecycle. Depends on paas/alert.
 */
#ifndef SI_PAAS_LIFECYCLE_ALARM_H
#define SI_PAAS_LIFECYCLE_ALARM_H

#include "paas/lifecycle/life.h"

/* Raises a warning that the operation failed or was interrupted (R30); none where it was
 * cancelled. */
void si_alarm_failed(const struct si_life *life, const struct si_project *project,
                     const struct si_operation *operation, const struct si_error *why);

/* How many alerts wait to be sent (1000 at most are counted); with `apply` after an attempt for
 * each. */
si_rc si_alarm_pending(const struct si_life *life, bool apply, size_t *pending,
                       struct si_error *error) SI_MUST_USE;

#endif
