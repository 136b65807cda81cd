/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/secrets.h - the secrets of one operation's stack (R12, R67): what the stack
 * declares is bound to what the vault holds before anything is begun, and lent to the provider by
 * name while the operation runs. A project's secrets stand in the vault under its slug. Depends on
 * paas/vault. Private to paas/lifecycle.
 */
#ifndef SI_PAAS_LIFECYCLE_SECRETS_H
#define SI_PAAS_LIFECYCLE_SECRETS_H

#include "paas/lifecycle/life.h"

struct si_life_secrets;

/*
 * Reads a stack document (si.stack/1, whatever its revisions). Where it declares secrets, the vault
 * is opened; those to be generated that it does not hold yet are made, all at once, under its lock,
 * so that there is one value whoever comes first; *bound is the document with the present
 * revisions, the caller's to free; and *out lends exactly these, also when others set new ones
 * meanwhile. Where it declares none, nothing is opened, *bound stays empty and *out NULL.
 *
 * VAULT_MISSING and SECRET_NOT_FOUND (SI_E_NOT_FOUND) name every secret that the operator has to
 * set; then nothing was made. What the vault refuses is returned as it is. */
si_rc si_life_secrets_bind(struct si_life *life, const char *slug, const char *stack,
                           struct si_stack *bound, struct si_life_secrets **out,
                           struct si_error *error) SI_MUST_USE;
void si_life_secrets_free(struct si_life_secrets **secrets); /* for SI_AUTO */

/* Opens every secret that the vault holds for this app, so that from now on none of them is shown
 * (paas/redact). Makes none. Where the stack (or NULL) declares secrets, a vault that is missing is
 * a failure: then nobody could know them in what is to be shown. */
si_rc si_life_secrets_remember(struct si_life *life, const char *slug, const char *stack,
                               struct si_error *error) SI_MUST_USE;

/* As si_listener.secret. NULL, and names that no service of the stack refers to:
 * SECRET_NOT_REFERRED (SI_E_REFUSED). */
si_rc si_life_secrets_lend(struct si_life_secrets *secrets, const char *name, void *use_ctx,
                           si_secret_use use, struct si_error *error) SI_MUST_USE;

#endif
