/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/vault/vault.h"

#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/vault/private.h"

void si_vault_close(struct si_vault *vault) {
  if (vault) {
    si_vault_keys_free(&vault->keys);
    si_vault_text_free(&vault->text);
    si_ledger_free(&vault->ledger);
    si_vault_disk_close(&vault->disk);
    free(vault);
  }
}

static void close_vault(struct si_vault **vault) {
  si_vault_close(*vault);
}

void si_vault_asker(struct si_vault *vault, si_vault_ask ask, void *ctx) {
  vault->ask = ask;
  vault->ask_ctx = ctx;
}

void si_vault_unlock(struct si_vault *vault) {
  si_vault_disk_unlock(&vault->disk);
}

static struct si_vault *allocate(const struct si_context *context, struct si_state *state) {
  struct si_vault *vault = calloc(1, sizeof *vault);
  if (vault) {
    vault->context = context;
    vault->state = state;
    vault->disk = (struct si_vault_disk)SI_VAULT_DISK;
  }
  return vault;
}

si_rc si_vault_open(const struct si_context *context, struct si_state *state, struct si_vault **out,
                    struct si_error *error) {
  struct si_vault *vault SI_AUTO(close_vault) = allocate(context, state);
  if (!vault) {
    return si_vault_no_memory(error);
  }
  si_rc status = si_vault_disk_open(context, false, &vault->disk, error);
  if (status == SI_OK && si_ledger_writable(state)) {
    status = si_vault_disk_lock(&vault->disk, si_ledger_wait(state), error);
  }
  status = status == SI_OK ? si_vault_load(vault, error) : status;
  if (status == SI_OK) {
    *out = vault;
    vault = NULL;
  }
  return status;
}

/* --- making one --- */

static si_rc exists(const char *path, const char *what, const char *next, struct si_error *error) {
  si_error_set(error, SI_E_EXISTS, "VAULT_EXISTS", "%s %s", path, what);
  si_error_target(error, "vault", path);
  si_error_hint(error, "%s", next);
  return SI_E_EXISTS;
}

/* Under the lock: is there truly nothing? What an earlier making left is settled first. */
static si_rc refuse_existing(struct si_vault *vault, struct si_error *error) {
  struct si_error why = {.code = ""};
  char path[SI_PATH_MAX];
  bool identity = false;
  si_rc status = si_vault_load(vault, &why);
  if (status == SI_OK || status == SI_E_AUTH || status == SI_E_CORRUPT) {
    return exists(vault->disk.path, "exists already",
                  "look at it with: si vault doctor; a new key for it: si vault rotate", error);
  }
  if (status != SI_E_NOT_FOUND) {
    if (error) {
      *error = why;
    }
    return status;
  }
  status = si_ledger_read(vault->state, &vault->ledger, error);
  if (status == SI_OK && vault->ledger.own[0]) {
    return exists(vault->disk.path, "was made before, and is gone",
                  "put the file back from a copy: its secrets are in no other place", error);
  }
  status =
      status == SI_OK ? si_vault_identity_path(vault->context, path, sizeof path, error) : status;
  status = status == SI_OK ? si_vault_identity_exists(vault->context, &identity, error) : status;
  if (status == SI_OK && identity) {
    return exists(path, "is there already, though its vault is not",
                  "put the vault it opens back, or move the identity away", error);
  }
  /* Identities of makings that died. */
  return status == SI_OK ? si_vault_identity_settle(vault->context, "", error) : status;
}

static si_rc make(struct si_vault *vault, const char *passphrase, char recipient[80],
                  struct si_error *error) {
  struct si_vault_change change SI_AUTO(si_vault_change_free) = {.rows = NULL};
  si_rc status = si_vault_change_begin(vault, 0, &change, error);
  status = status == SI_OK
               ? si_vault_identity_begin(vault->context, passphrase, NULL, recipient, error)
               : status;
  if (status != SI_OK) {
    return status;
  }
  si_copy(change.text.context, sizeof change.text.context, vault->context->id);
  if (si_vault_text_add_recipient(&change.text, recipient) != SI_OK ||
      !cJSON_AddStringToObject(change.fields, "recipient", recipient)) {
    return si_vault_no_memory(error);
  }
  change.own = recipient;
  change.recipients = true;
  change.action = "vault.init";
  return si_vault_change_commit(vault, &change, error);
}

si_rc si_vault_init(const struct si_context *context, struct si_state *state,
                    const char *passphrase, char recipient[80], struct si_error *error) {
  struct si_vault *vault SI_AUTO(close_vault) = allocate(context, state);
  char made[80];
  if (!vault) {
    return si_vault_no_memory(error);
  }
  si_rc status = si_vault_disk_open(context, true, &vault->disk, error);
  if (status == SI_OK) {
    status = si_vault_disk_lock(&vault->disk, si_ledger_wait(state), error);
  }
  status = status == SI_OK ? refuse_existing(vault, error) : status;
  status = status == SI_OK ? make(vault, passphrase, made, error) : status;
  if (status == SI_OK) {
    si_copy(recipient, 80, made);
  }
  return status;
}

/* --- what is in it --- */

uint64_t si_vault_revision(const struct si_vault *vault, const char *app, const char *key) {
  const struct si_ledger_row *row = si_ledger_find(&vault->ledger, app, key);
  return row && row->sha256[0] ? row->revision : 0;
}

si_rc si_vault_list(struct si_vault *vault, const char *app, void *ctx, si_secret_each each,
                    struct si_error *error) {
  si_rc status = SI_OK;
  (void)error;
  for (size_t i = 0; status == SI_OK && i < vault->ledger.count; i++) {
    const struct si_ledger_row *row = &vault->ledger.rows[i];
    const struct si_secret secret = {row->app,    row->key,        row->revision,
                                     row->origin, row->created_at, row->updated_at};
    if (row->sha256[0] && (!app || strcmp(app, row->app) == 0)) {
      status = each(ctx, &secret);
    }
  }
  return status;
}
