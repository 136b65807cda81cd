/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/signer.h - who signs what is exported from a directory: --sign-key FILE, else the context
 * whose name is the runpack's tenant. Depends on cli/scope.h, paas/vault.
 */
#ifndef SI_CLI_SIGNER_H
#define SI_CLI_SIGNER_H

#include "cli/scope.h"
#include "kit/base/locked.h"

#define SI_SIGNER_OPTION \
  { "sign-key", 0, "FILE", "With --from: sign with the Ed25519 key (PEM) of this file", 0, NULL }

/* *key holds SI_SIGN_KEY bytes; nothing where nobody signs. A key file that others can read is
 * refused: RUNPACK_KEY_FILE. */
si_rc si_signer_open(struct si_invocation *inv, const char *tenant,
                     struct si_locked *key) SI_MUST_USE;

/* The secret key of a file, as --sign-key reads it; `code` is that of its failures. */
si_rc si_signer_read(struct si_invocation *inv, const char *file, const char *code,
                     struct si_locked *key) SI_MUST_USE;

#endif
