/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/vault.h - the sealed secrets of one context (R10, R12, R67, R69). Depends on
 * paas/context, paas/state/ledger.h, paas/events, paas/redact, kit/base/crypt.h. One thread a
 * handle; processes exclude each other by a lock beside the file.
 *
 * The file (docs/vault.md) is a dotenv text: header comments name schema, context id and the
 * recipients (`# recipient age1...`), and each line `[app.]KEY=<base64>` is an age file whose plain
 * text binds context id, app, key and revision in front of the value. Anyone who can write the
 * file can seal; only an identity opens. The identities stand in <root>/keys/<context>.identity
 * (0600), itself sealed with a passphrase where the operator wants that.
 *
 * The ledger in state.db holds the SHA-256 of each line and the trusted set of recipients: a line
 * that was swapped, rolled back, cut off or added, and a changed recipient, are refused. A write
 * goes: intent into the ledger; the new file beside the old one, synced, renamed (the one before
 * stays as secrets.env.previous); ledger settled together with its audit event. What died in
 * between is settled by the next open for writing: by what the file holds, the old or the new.
 *
 * A handle borrows its context and its store: both must outlive it. One that writes holds the lock
 * until it is closed; a second one of the same process would wait for it in vain.
 *
 * Values are bytes, 1 to 65536 of them, without NUL. An app is a project's slug, or "" for the
 * context's own secrets. A key is [A-Z_][A-Z0-9_]{0,127}. Every value that passes is remembered by
 * paas/redact.
 *
 * Codes: VAULT_MISSING (SI_E_NOT_FOUND; the hint says `si vault init`), VAULT_EXISTS,
 * VAULT_UNSAFE (SI_E_REFUSED: a link, another owner, open to others, in a repository),
 * VAULT_UNTRUSTED (SI_E_AUTH: the recipients are not the trusted set), VAULT_TAMPERED
 * (SI_E_CORRUPT, target = the key), VAULT_LOCKED (SI_E_AUTH: no identity, or a passphrase is
 * needed), VAULT_PASSPHRASE (SI_E_AUTH: a wrong one), VAULT_IDENTITY (SI_E_CORRUPT), VAULT_BUSY
 * (SI_E_CONFLICT), VAULT_OVERTAKEN (SI_E_CONFLICT: the old file was put back under a writer),
 * VAULT_FULL and VAULT_TOO_LARGE (SI_E_QUOTA), VAULT_IO, PAAS_VAULT_SHARED (SI_E_REFUSED),
 * SECRET_NOT_FOUND (SI_E_NOT_FOUND), PAAS_INVALID_ARGUMENT.
 */
#ifndef SI_PAAS_VAULT_VAULT_H
#define SI_PAAS_VAULT_VAULT_H

#include "paas/context/context.h"
#include "paas/state/state.h"

#define SI_SECRET_MAX 65536u

struct si_vault;

/* Asks for the passphrase of the identity: appends it to *out (which the caller wipes), or fails.
 * NULL in place of it: none can be asked for. */
typedef si_rc (*si_vault_ask)(void *ctx, const char *what, struct si_buf *out,
                              struct si_error *error);

/* Makes identity and empty vault; trusts the recipient set it writes. `passphrase` NULL: the
 * identity is not sealed. Idempotent only where nothing is there (VAULT_EXISTS). *recipient[80] is
 * the public key. */
si_rc si_vault_init(const struct si_context *context, struct si_state *state,
                    const char *passphrase, char recipient[80], struct si_error *error) SI_MUST_USE;

/* The same where a vault was made before and is lost for good: every secret that it held counts as
 * removed (revisions count on), in one critical event, vault.force_new. Nothing that is there goes:
 * VAULT_EXISTS while the vault's file, its .previous or the identity is. *gone secrets. */
si_rc si_vault_init_anew(const struct si_context *context, struct si_state *state,
                         const char *passphrase, char recipient[80], size_t *gone,
                         struct si_error *error) SI_MUST_USE;

/* Opens for writing where `state` was opened for writing (waits for the lock, settles what was
 * begun), else for reading. Checks file, header, recipients and every line against the ledger. */
si_rc si_vault_open(const struct si_context *context, struct si_state *state, struct si_vault **out,
                    struct si_error *error) SI_MUST_USE;
void si_vault_close(struct si_vault *vault);
/* Gives the lock back: from here on the handle only reads, and what it has read. Others can write
 * while a long operation still needs its secrets. */
void si_vault_unlock(struct si_vault *vault);
/* Who is asked for the identity's passphrase; nobody until then. */
void si_vault_asker(struct si_vault *vault, si_vault_ask ask, void *ctx);

struct si_secret {
  const char *app;
  const char *key;
  uint64_t revision;  /* 1 and on */
  const char *origin; /* set, generated, imported */
  const char *created_at;
  const char *updated_at;
};
typedef si_rc (*si_secret_each)(void *ctx, const struct si_secret *secret);
/* By app, then key. app NULL: all. */
si_rc si_vault_list(struct si_vault *vault, const char *app, void *ctx, si_secret_each each,
                    struct si_error *error) SI_MUST_USE;
/* The present revision; 0 where there is none such. */
uint64_t si_vault_revision(const struct si_vault *vault, const char *app, const char *key);

/* Seals a new revision; needs no identity. *revision may be NULL. */
si_rc si_vault_set(struct si_vault *vault, const char *app, const char *key, const void *value,
                   size_t len, const char *origin, uint64_t *revision,
                   struct si_error *error) SI_MUST_USE;
/* Several at once: all of them or none. */
struct si_secret_value {
  const char *app;
  const char *key;
  const void *value;
  size_t len;
  const char *origin;
};
si_rc si_vault_set_all(struct si_vault *vault, const struct si_secret_value *values, size_t count,
                       struct si_error *error) SI_MUST_USE;
si_rc si_vault_unset(struct si_vault *vault, const char *app, const char *key,
                     struct si_error *error) SI_MUST_USE;

/* Opens one and lends its bytes to use() in locked memory, wiped when it returns. */
typedef si_rc (*si_vault_use)(void *ctx, const void *value, size_t len);
si_rc si_vault_get(struct si_vault *vault, const char *app, const char *key, void *ctx,
                   si_vault_use use, struct si_error *error) SI_MUST_USE;

/* Is the context's identity sealed with a passphrase? VAULT_LOCKED where there is none. */
si_rc si_vault_identity_sealed(const struct si_context *context, bool *sealed,
                               struct si_error *error) SI_MUST_USE;

/* A new identity; every value is sealed again for it. The old one opens nothing any more. */
si_rc si_vault_rotate(struct si_vault *vault, const char *passphrase, char recipient[80],
                      struct si_error *error) SI_MUST_USE;

/* --- recipients and trust --- */

typedef si_rc (*si_recipient_each)(void *ctx, const char *recipient, bool own);
si_rc si_vault_recipients(struct si_vault *vault, void *ctx, si_recipient_each each,
                          struct si_error *error) SI_MUST_USE;
/* Adds or removes a further reader (an escrow key, say): every value is sealed again. */
si_rc si_vault_recipient_add(struct si_vault *vault, const char *recipient,
                             struct si_error *error) SI_MUST_USE;
si_rc si_vault_recipient_remove(struct si_vault *vault, const char *recipient,
                                struct si_error *error) SI_MUST_USE;

/* Trust on first use: which set the file names, and which one is trusted ("" for none). Reads the
 * header alone, so that it works where si_vault_open refuses. fingerprint = SHA-256 over the
 * sorted recipients, each followed by a newline, as hex. */
struct si_vault_trust {
  char found[65];
  char trusted[65];
  char trusted_at[32];
};
si_rc si_vault_trust(const struct si_context *context, struct si_state *state,
                     struct si_vault_trust *out, struct si_error *error) SI_MUST_USE;
/* Trusts the set that the file names, if it is `fingerprint`; the lines stay bound by the ledger.
 */
si_rc si_vault_trust_accept(const struct si_context *context, struct si_state *state,
                            const char *fingerprint, struct si_error *error) SI_MUST_USE;
si_rc si_vault_trust_forget(const struct si_context *context, struct si_state *state,
                            struct si_error *error) SI_MUST_USE;

/* --- moving secrets --- */

/* Appends one age file, sealed for `recipient`, that holds every secret of the context as JSON. */
si_rc si_vault_export(struct si_vault *vault, const char *recipient, struct si_buf *out,
                      struct si_error *error) SI_MUST_USE;
/* Sets every secret of such a file, opened with this context's identities, or of a plain dotenv
 * text (`plain`; every key goes to `app`). All or none. *count of them. */
si_rc si_vault_import(struct si_vault *vault, const char *app, bool plain, const char *text,
                      size_t len, size_t *count, struct si_error *error) SI_MUST_USE;

/* --- looking it over --- */

struct si_vault_check {
  const char *id; /* vault_file, vault_context, vault_trust, vault_lines, vault_identity,
                     vault_opens */
  bool ok;
  const char *detail; /* what was seen; never a value */
  const char *remedy; /* "" where it is ok */
};
typedef si_rc (*si_vault_check_each)(void *ctx, const struct si_vault_check *check);
/* Changes nothing; `state` may be opened to read. A check that needs one that failed is left out.
 * Opens every value only where `values`. *failed counts. VAULT_MISSING where there is none. */
si_rc si_vault_doctor(const struct si_context *context, struct si_state *state, bool values,
                      si_vault_ask ask, void *ask_ctx, void *ctx, si_vault_check_each each,
                      size_t *failed, struct si_error *error) SI_MUST_USE;

/* Where the context's vault is, and its identity's file. */
si_rc si_vault_path(const struct si_context *context, char *to, size_t size,
                    struct si_error *error) SI_MUST_USE;
si_rc si_vault_identity_path(const struct si_context *context, char *to, size_t size,
                             struct si_error *error) SI_MUST_USE;

#endif
