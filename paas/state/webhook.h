/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/webhook.h - the rows of webhooks that come in: what a push may deploy, and which
 * pushes came (the newest 10000 of all). Depends on paas/state/state.h.
 */
#ifndef SI_PAAS_STATE_WEBHOOK_H
#define SI_PAAS_STATE_WEBHOOK_H

#include "paas/state/state.h"

struct si_webhook {
  char seq[24];
  char name[64];
  char app[64];
  char source[32];
  char secret[129]; /* its key in the context's vault */
  char enabled_at[32];
  char enabled_by[128];
  char *stack;    /* absolute path of the stack file; this and what follows: owned */
  char *branches; /* JSON list of patterns */
  char *targets;  /* JSON list of names; empty: wherever the app lives */
};
void si_webhook_free(struct si_webhook *webhook); /* for SI_AUTO */

/* WEBHOOK_NOT_FOUND (SI_E_NOT_FOUND). */
si_rc si_state_webhook(struct si_state *state, const char *owner_id, const char *name,
                       struct si_webhook *out, struct si_error *error) SI_MUST_USE;
/* WEBHOOK_EXISTS (SI_E_CONFLICT). seq and enabled_at are the store's to give. In one transaction
 * with the event, as each of these. */
si_rc si_state_webhook_add(struct si_state *state, const char *owner_id,
                           const struct si_webhook *webhook, const struct si_state_event *event,
                           struct si_error *error) SI_MUST_USE;
si_rc si_state_webhook_remove(struct si_state *state, const char *owner_id, const char *name,
                              const char *by, const struct si_state_event *event,
                              struct si_error *error) SI_MUST_USE;
typedef si_rc (*si_webhook_each)(void *ctx, const struct si_webhook *webhook);
/* By name. each() as si_state_projects. */
si_rc si_state_webhooks(struct si_state *state, const char *owner_id, void *ctx,
                        si_webhook_each each, struct si_error *error) SI_MUST_USE;

struct si_push_row {
  char seq[24];
  char digest[65];
  char delivery[129];
  char branch[256];
  char commit[65];
  char outcome[16]; /* pending deployed failed ignored */
  char received_at[32];
  char ended_at[32]; /* "" while it is pending */
  char detail[1024];
};

/* Takes a push: *again is false where it is new, or where it came before and has come to nothing
 * yet (it failed, or whoever dealt with it died): it is pending then. Else *row tells what became
 * of it. digest, delivery, branch and commit of *row are the caller's. */
si_rc si_state_push_begin(struct si_state *state, const char *webhook_seq, struct si_push_row *row,
                          bool *again, struct si_error *error) SI_MUST_USE;
/* `outcome` as above, and not pending. */
si_rc si_state_push_end(struct si_state *state, const char *seq, const char *outcome,
                        const char *detail, struct si_error *error) SI_MUST_USE;
typedef si_rc (*si_push_each)(void *ctx, const struct si_push_row *row);
/* The newest first, at most `most`. */
si_rc si_state_pushes(struct si_state *state, const char *webhook_seq, unsigned most, void *ctx,
                      si_push_each each, struct si_error *error) SI_MUST_USE;

#endif
