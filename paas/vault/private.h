/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/private.h - what the files of this room share: the handle, its loading and checking,
 * and the one way in which the file changes. Nothing outside it includes this.
 */
#ifndef SI_PAAS_VAULT_PRIVATE_H
#define SI_PAAS_VAULT_PRIVATE_H

#include "paas/events/events.h"
#include "paas/state/ledger.h"
#include "paas/vault/disk.h"
#include "paas/vault/identity.h"
#include "paas/vault/text.h"

struct si_vault {
  const struct si_context *context;
  struct si_state *state;
  struct si_vault_disk disk;
  struct si_vault_text text;
  struct si_ledger ledger;
  struct si_vault_keys keys;
  si_vault_ask ask;
  void *ask_ctx;
  bool unsettled; /* a change failed, and what became of it could not be told yet */
  bool taken;     /* the last load found what was begun, and took it */
};

/* --- load.c --- */

/* Reads file and ledger and holds the one against the other. Under the lock also settles what was
 * begun. The handle changes on success alone. */
si_rc si_vault_load(struct si_vault *vault, struct si_error *error) SI_MUST_USE;
/* The file alone, taken apart. VAULT_MISSING, VAULT_TAMPERED, PAAS_VAULT_SHARED. */
si_rc si_vault_text_read(const struct si_vault_disk *disk, const struct si_context *context,
                         bool header_alone, struct si_vault_text *out,
                         struct si_error *error) SI_MUST_USE;

/* --- change.c --- */

struct si_vault_change {
  struct si_vault_text text;     /* the new content; owned */
  struct si_ledger_change *rows; /* owned; their texts live elsewhere */
  size_t count;
  char (*hashes)[65];   /* behind rows[].sha256; owned */
  const char *own;      /* NULL: stays */
  bool recipients;      /* the set changes */
  const char *action;   /* of the event */
  const char *severity; /* NULL: info */
  const char *target;   /* or NULL */
  cJSON *fields;        /* owned, or NULL */
};
void si_vault_change_free(struct si_vault_change *change); /* for SI_AUTO */
/* A copy of the present content, with room for `count` rows. VAULT_OPENED_TO_READ without
 * the lock. */
si_rc si_vault_change_begin(struct si_vault *vault, size_t count, struct si_vault_change *change,
                            struct si_error *error) SI_MUST_USE;
/* The line in change->text of that secret is new: notes it for the ledger. */
void si_vault_change_note(struct si_vault_change *change, const char *app, const char *key,
                          uint64_t revision, const char *origin);
/* Intent, file, ledger with its event; then the handle holds the new content. */
si_rc si_vault_change_commit(struct si_vault *vault, struct si_vault_change *change,
                             struct si_error *error) SI_MUST_USE;

/* --- secret.c --- */

/* In an event, so many secrets are named one by one. */
#define SI_VAULT_NAMED_MAX 64u

/* Seals a value into the line of the secret in `text`, for the recipients of `text`. */
si_rc si_vault_seal(const struct si_vault *vault, struct si_vault_text *text, const char *app,
                    const char *key, uint64_t revision, const void *value, size_t len,
                    struct si_error *error) SI_MUST_USE;
/* Opens a secret; *value points into `out`. */
si_rc si_vault_unseal(struct si_vault *vault, const char *app, const char *key,
                      struct si_locked *out, const void **value, size_t *len,
                      struct si_error *error) SI_MUST_USE;

si_rc si_vault_no_memory(struct si_error *error);
si_rc si_vault_argument(struct si_error *error, const char *fmt, ...) SI_PRINTF(2, 3);
/* PAAS_INVALID_ARGUMENT unless both are well-formed. */
si_rc si_vault_check_name(const char *app, const char *key, struct si_error *error) SI_MUST_USE;
si_rc si_vault_not_found(const char *app, const char *key, struct si_error *error);
/* "app/KEY", or "KEY" */
void si_vault_target(const char *app, const char *key, char to[200]);

#endif
