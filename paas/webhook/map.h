/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/webhook/map.h - which pushes an operator lets deploy which app (R14; docs/webhooks.md).
 * Depends on paas/state, paas/events, paas/vault, paas/target, paas/alert's policy.
 */
#ifndef SI_PAAS_WEBHOOK_MAP_H
#define SI_PAAS_WEBHOOK_MAP_H

#include "paas/context/context.h"
#include "paas/state/webhook.h"

/* Enables it, told to the audit chain, once all of it holds: names and patterns are such, the
 * context's webhook_policy can be read, the vault (opened from this store) has the secret, the
 * targets are there. WEBHOOK_INVALID (SI_E_INVALID) says what does not; or the codes of those
 * rooms. That the stack can be deployed is the caller's to see. */
si_rc si_webhook_enable(const struct si_context *context, struct si_state *state,
                        const char *owner_id, const struct si_webhook *webhook,
                        struct si_error *error) SI_MUST_USE;
si_rc si_webhook_remove(const struct si_context *context, struct si_state *state,
                        const char *owner_id, const char *name, struct si_error *error) SI_MUST_USE;

/* Does one of the patterns of a JSON list match? */
bool si_webhook_matches(const char *branches, const char *branch);

/* A push was not accepted (`why`), or came to this: a line of the audit chain. */
si_rc si_webhook_tell(const struct si_context *context, struct si_state *state, const char *name,
                      const struct si_push_row *row, const char *outcome,
                      struct si_error *error) SI_MUST_USE;

#endif
