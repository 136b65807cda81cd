/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/retention/holds.h - who put a runpack under legal hold, and why, as the context's audit
 * chain tells it. Depends on paas/events.
 */
#ifndef SI_PAAS_RETENTION_HOLDS_H
#define SI_PAAS_RETENTION_HOLDS_H

#include "paas/events/events.h"

/* *out: [{"at","reason","who"}] of the holds at `prefix` since the last release, oldest first; the
 * caller's. The chain is verified on the way: EVENTS_TAMPERED (SI_E_CORRUPT). */
si_rc si_retention_holds(const struct si_context *context, struct si_state *state,
                         const char *prefix, cJSON **out, struct si_error *error) SI_MUST_USE;

/* "root@host" of an event. */
void si_retention_who(const cJSON *event, char *to, size_t size);

#endif
