/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/record.h - what the last run of the doctor found critical in a context, kept in its
 * store as document "doctor" so that it blocks until it is mended: {"schema":"si.doctor/1","at",
 * "critical":[{"check","scope","detail","remedy"}],"repositories":[PATH]}. Depends on
 * paas/state/document.h, paas/events.
 */
#ifndef SI_PAAS_DOCTOR_RECORD_H
#define SI_PAAS_DOCTOR_RECORD_H

#include "kit/base/json.h"
#include "paas/doctor/doctor.h"

/* *out NULL: nothing was found yet. The caller's. */
si_rc si_record_read(struct si_state *state, cJSON **out, struct si_error *error) SI_MUST_USE;

/* An empty record, and its parts. False without memory; what is too much is left out. */
cJSON *si_record_new(void);
/* `own`: it is the context's own affair (scope "context"), else the root's. */
bool si_record_add(cJSON *record, const struct si_finding *finding, bool own);
bool si_record_add_repository(cJSON *record, const char *path);
/* All critical findings of `from` too. */
bool si_record_join(cJSON *record, const cJSON *from);

/* Stores it, and audits the change, unless it says what the stored one says. *changed (may be
 * NULL). Without findings nothing is stored where nothing is. */
si_rc si_record_write(const struct si_context *context, struct si_state *state, cJSON *record,
                      bool *changed, struct si_error *error) SI_MUST_USE;

#endif
