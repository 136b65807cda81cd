/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/evidence_key.h - the Ed25519 key with which a context signs its evidence (R50):
 * <root>/keys/<context>.<context id>.evidence, a PEM text, 0600. It is not sealed: evidence is
 * signed when nobody is there to ask. Depends on paas/context, paas/state/document.h,
 * kit/base/sign.h.
 *
 * The document "evidence_keys" of the state store names every public key that the context ever
 * signed with; each enters it in one transaction with its audit event, evidence.key. What was
 * signed with an older one stays trusted.
 *
 * Codes: VAULT_UNSAFE (SI_E_REFUSED: a link, another owner, open to others), EVIDENCE_KEY
 * (SI_E_CORRUPT: no Ed25519 key), VAULT_IO, VAULT_FULL.
 */
#ifndef SI_PAAS_VAULT_EVIDENCE_KEY_H
#define SI_PAAS_VAULT_EVIDENCE_KEY_H

#include "kit/base/hash.h"
#include "kit/base/locked.h"
#include "kit/base/sign.h"
#include "paas/context/context.h"
#include "paas/state/state.h"

struct si_evidence_key {
  struct si_locked secret; /* SI_SIGN_KEY bytes */
  char key[SI_SHA256_HEX]; /* the public one, as hex */
};

/* The context's key, made where there is none yet. `state` is open for writing. A key that takes
 * the place of one that is gone is a warning in the audit chain. */
si_rc si_evidence_key_open(const struct si_context *context, struct si_state *state,
                           struct si_evidence_key *out, struct si_error *error) SI_MUST_USE;
/* Makes a new one; the old secret key is gone, the old public key stays trusted. */
si_rc si_evidence_key_rotate(const struct si_context *context, struct si_state *state,
                             struct si_evidence_key *out, struct si_error *error) SI_MUST_USE;
void si_evidence_key_free(struct si_evidence_key *key); /* for SI_AUTO */

/* Every public key that the context signed with, oldest first. */
typedef si_rc (*si_evidence_key_each)(void *ctx, const char *key, const char *since);
si_rc si_evidence_keys(struct si_state *state, void *ctx, si_evidence_key_each each,
                       struct si_error *error) SI_MUST_USE;

#endif
