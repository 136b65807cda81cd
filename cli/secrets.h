/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/secrets.h - what the rows of `si vault` and `si paas secret` share: the context's vault
 * opened, values and passphrases read so that they pass by no argument, no environment and no file
 * of si's own. Depends on cli/scope.h, paas/vault.
 */
#ifndef SI_CLI_SECRETS_H
#define SI_CLI_SECRETS_H

#include "cli/scope.h"
#include "kit/base/locked.h"
#include "paas/vault/vault.h"

struct si_secrets {
  struct si_scope scope;
  struct si_vault *vault;
  struct si_locked passphrase; /* of the identity, once it was asked for */
};

/* The context, its store and its vault. `gated`: a change of secrets, which a critical finding of
 * the doctor blocks. */
si_rc si_secrets_open(struct si_secrets *secrets, struct si_invocation *inv, int mode,
                      bool gated) SI_MUST_USE;
/* Context and store alone, and who is asked for a passphrase. */
si_rc si_secrets_begin(struct si_secrets *secrets, struct si_invocation *inv, int mode) SI_MUST_USE;
void si_secrets_close(struct si_secrets *secrets); /* for SI_AUTO */
/* The life cycle of this scope (opened, begun, or not) asks for the passphrase here. */
void si_secrets_for_life(struct si_secrets *secrets);
/* A si_vault_ask: --passphrase-fd, else the terminal. ctx: the struct si_secrets. */
si_rc si_secrets_ask(void *ctx, const char *what, struct si_buf *out,
                     struct si_error *error) SI_MUST_USE;

/* The rows' options: where a value comes from, and where the identity's passphrase. */
#define SI_SECRETS_VALUE_OPTIONS                                                               \
  {"stdin", 0, NULL, "Read the value from stdin (typed without echo on a terminal)", 0, NULL}, \
      {"file", 0, "FILE", "Read the value from a file", 0, NULL},                              \
      {"fd", 0, "N", "Read the value from this open descriptor", 0, NULL}, {                   \
    "trim", 0, NULL, "Without the newline at the value's end", 0, NULL                         \
  }
#define SI_SECRETS_PASSPHRASE_OPTION \
  { "passphrase-fd", 0, "N", "Read the identity's passphrase from this open descriptor", 0, NULL }
#define SI_SECRETS_SEAL_OPTIONS                                                                    \
  {"seal-identity", 0, NULL, "Ask for a passphrase and seal the new identity with it", 0, NULL}, { \
    "new-passphrase-fd", 0, "N", "Seal the new identity with the passphrase read there", 0, NULL   \
  }

/* Was any of --stdin, --file, --fd given? */
bool si_secrets_has_value(const struct si_invocation *inv);
/* At most `max` bytes from the one of them that was given (a usage error where not exactly one
 * was). Without --trim bytes are kept as they come. */
si_rc si_secrets_value(struct si_invocation *inv, size_t max, struct si_locked *out) SI_MUST_USE;
/* The passphrase for a new identity: *out stays empty where none was asked for. */
si_rc si_secrets_new_passphrase(struct si_invocation *inv, struct si_locked *out) SI_MUST_USE;
/* May secrets go to stdout? Not to a terminal without --reveal. */
si_rc si_secrets_may_show(struct si_invocation *inv, bool revealed) SI_MUST_USE;

#endif
