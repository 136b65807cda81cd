/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/escalate.h - raises critical alerts for the findings that are to be escalated at once
 * (R30): contamination, exposure, a vault inside a repository, data across contexts. Depends on
 * paas/alert.
 */
#ifndef SI_PAAS_DOCTOR_ESCALATE_H
#define SI_PAAS_DOCTOR_ESCALATE_H

#include "kit/base/json.h"
#include "paas/doctor/doctor.h"

/* One alert for each check of the record (record.h), deduplicated by the check. What is wrong at
 * the root is told to the context that was asked for (`named`), else to internal ones alone: a
 * customer's channel hears nothing of other things. A failure keeps nothing back: the record blocks
 * all the same. */
void si_escalate(const struct si_context *context, struct si_state *state, const cJSON *record,
                 bool named);

#endif
