/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/identity.h - the keys that open a context's vault: <root>/keys/<context>.identity, and
 * while one is being replaced, <context>.identity.<its recipient> beside it. Depends on age.h,
 * disk.h.
 *
 * A file is what age-keygen writes, or that sealed with a passphrase (age -p). Directory 0700,
 * files 0600, this user's, no links: VAULT_UNSAFE. VAULT_LOCKED where there is none, or nobody to
 * ask for the passphrase; VAULT_PASSPHRASE.
 */
#ifndef SI_PAAS_VAULT_IDENTITY_H
#define SI_PAAS_VAULT_IDENTITY_H

#include "paas/vault/age.h"
#include "paas/vault/vault.h"

#define SI_IDENTITIES_MAX 16u

struct si_vault_keys {
  struct si_locked memory; /* struct si_age_identity, one behind the other */
  size_t count;
  bool own_read; /* the context's own file was */
  bool pending_read;
};

void si_vault_keys_free(struct si_vault_keys *keys); /* for SI_AUTO */
const struct si_age_identity *si_vault_keys_list(const struct si_vault_keys *keys);

/* Adds the identities of the context's own file, or (`pending`) of those beside it. */
si_rc si_vault_keys_read(const struct si_context *context, bool pending, si_vault_ask ask,
                         void *ask_ctx, struct si_vault_keys *keys,
                         struct si_error *error) SI_MUST_USE;

/* Makes a new identity and writes it durably beside the context's own; adds it to `keys` where that
 * is not NULL. */
si_rc si_vault_identity_begin(const struct si_context *context, const char *passphrase,
                              struct si_vault_keys *keys, char recipient[80],
                              struct si_error *error) SI_MUST_USE;
/* The one of recipient `own` becomes the context's own, all others beside it go. Idempotent. */
si_rc si_vault_identity_settle(const struct si_context *context, const char *own,
                               struct si_error *error) SI_MUST_USE;
/* Is there one of the context's own? */
si_rc si_vault_identity_exists(const struct si_context *context, bool *exists,
                               struct si_error *error) SI_MUST_USE;

#endif
