/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/checklist.h - the weekly list of the operations runbook, over all contexts (R29).
 * Depends on paas/doctor/doctor.h.
 */
#ifndef SI_PAAS_DOCTOR_CHECKLIST_H
#define SI_PAAS_DOCTOR_CHECKLIST_H

#include "paas/doctor/doctor.h"

enum { SI_MET, SI_NOT_MET, SI_NOT_APPLICABLE };

struct si_checklist_item {
  const char *id; /* doctor, distinct_targets, distinct_vaults, backup, alerts, rollback_drill */
  const char *context; /* or "" */
  int status;
  const char *why;
  const char *todo; /* "" unless it is not met */
};
typedef si_rc (*si_checklist_each)(void *ctx, const struct si_checklist_item *item);

/* "met", "not_met", "not_applicable" */
const char *si_checklist_status(int status);
/* Runs the doctor over everything first. What each() returns other than SI_OK ends the run. */
si_rc si_checklist_run(void *ctx, si_checklist_each each, struct si_error *error) SI_MUST_USE;

#endif
