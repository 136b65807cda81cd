/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/check.h - is the store whole, and when was it last written? For the doctor. Depends on
 * paas/state/state.h.
 */
#ifndef SI_PAAS_STATE_CHECK_H
#define SI_PAAS_STATE_CHECK_H

#include "paas/state/state.h"

/* Reads every page: SQLite's quick_check and foreign_key_check. STATE_CORRUPT (SI_E_CORRUPT) with
 * the first thing that is wrong. *schema is the version of its schema. Of a store that is open for
 * reading SQLite does not check constraints. */
si_rc si_state_verify(struct si_state *state, int *schema, struct si_error *error) SI_MUST_USE;

/* The newest time that stands in a project or an operation, as Unix time in milliseconds; 0 where
 * there is none. */
si_rc si_state_newest(struct si_state *state, int64_t *ms, struct si_error *error) SI_MUST_USE;

#endif
