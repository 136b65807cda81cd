/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/reading.h - a context's vault, opened to read a secret or two and shut again. Through
 * a store of its own: who writes to the vault holds its lock, and that may be this very process, in
 * the middle of an operation. Depends on paas/context, paas/state. One thread.
 */
#ifndef SI_PAAS_VAULT_READING_H
#define SI_PAAS_VAULT_READING_H

#include "paas/vault/vault.h"

struct si_vault_reading {
  struct si_state *state;
  struct si_vault *vault;
};

/* The context must live as long. `ask` gets a passphrase where the identity has one; or NULL.
 * *reading is written on success alone. */
si_rc si_vault_reading_open(const struct si_context *context, si_vault_ask ask, void *ask_ctx,
                            struct si_vault_reading *reading, struct si_error *error) SI_MUST_USE;
void si_vault_reading_close(struct si_vault_reading *reading); /* for SI_AUTO; empty is fine */

#endif
