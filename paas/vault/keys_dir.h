/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/keys_dir.h - <root>/keys, where a user's secret keys stand: 0700, this user's, no
 * link, in no repository. Depends on paas/context, disk.h. Private to paas/vault.
 */
#ifndef SI_PAAS_VAULT_KEYS_DIR_H
#define SI_PAAS_VAULT_KEYS_DIR_H

#include "paas/context/context.h"

/* Opens it; `make`: makes it where it is missing. *dir is -1 where there is none. VAULT_UNSAFE. */
si_rc si_vault_keys_dir(bool make, char path[SI_PATH_MAX], int *dir,
                        struct si_error *error) SI_MUST_USE;

#endif
