/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/document.h - small documents of a context in its state store, each under a name: the
 * alert policy and others of its kind. Depends on paas/state/event.h.
 */
#ifndef SI_PAAS_STATE_DOCUMENT_H
#define SI_PAAS_STATE_DOCUMENT_H

#include "paas/state/event.h"

#define SI_DOCUMENT_MAX 65536u

/* Stores the JSON object `json` under `name` (1 to 64 bytes), in place of what was there, in one
 * transaction with `event` (NULL: none). PAAS_INVALID_ARGUMENT where it is too long. */
si_rc si_state_document_put(struct si_state *state, const char *name, const char *json,
                            const struct si_state_event *event, struct si_error *error) SI_MUST_USE;

/* Appends the document to *out. SI_E_NOT_FOUND (DOCUMENT_NOT_FOUND): there is none. */
si_rc si_state_document_get(struct si_state *state, const char *name, struct si_buf *out,
                            struct si_error *error) SI_MUST_USE;

#endif
