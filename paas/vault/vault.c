/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/vault/vault.h"

#include <stdio.h>
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

static si_rc refuse_previous(const struct si_vault *vault, struct si_error *error) {
  char path[SI_PATH_MAX + 16];
  if (!si_vault_disk_has_previous(&vault->disk)) {
    return SI_OK;
  }
  snprintf(path, sizeof path, "%s.previous", vault->disk.path);
  return exists(path, "is there still: most of the lost secrets may be in it",
                "open it with age and the identity, or move it away", error);
}

/* Under the lock: is there truly nothing? What an earlier making left is settled first. `anew`: a
 * vault that was, and is gone, does not count. */
static si_rc refuse_existing(struct si_vault *vault, bool anew, struct si_error *error) {
  struct si_error why = {.code = ""};
  char path[SI_PATH_MAX];
  bool identity = false;
  si_rc status = si_vault_load(vault, &why);
  if (status == SI_OK || status == SI_E_AUTH || status == SI_E_CORRUPT) {
    return exists(vault->disk.path, "exists already",
                  anew ? "as long as it is there, it is not lost: move it away"
                       : "look at it with: si vault doctor; a new key for it: si vault rotate",
                  error);
  }
  if (status != SI_E_NOT_FOUND) {
    if (error) {
      *error = why;
    }
    return status;
  }
  status = si_ledger_read(vault->state, &vault->ledger, error);
  if (status == SI_OK && vault->ledger.own[0] && !anew) {
    return exists(vault->disk.path, "was made before, and is gone",
                  "put the file back from a copy: its secrets are in no other place; where there "
                  "is none: si vault init --force-new",
                  error);
  }
  status = status == SI_OK ? refuse_previous(vault, error) : status;
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

/* Every secret that was is noted as removed. A revision that a change which died may have shown to
 * a reader counts as used. */
static bool give_up(struct si_vault *vault, struct si_vault_change *change, size_t *gone) {
  cJSON *items = cJSON_AddArrayToObject(change->fields, "items");
  bool done = items != NULL;
  *gone = 0;
  for (size_t i = 0; done && i < vault->ledger.count; i++) {
    const struct si_ledger_row *row = &vault->ledger.rows[i];
    char target[200];
    if (!row->sha256[0] && !row->pending) {
      continue;
    }
    si_vault_change_note(change, row->app, row->key,
                         row->pending ? row->next_revision : row->revision, NULL);
    si_vault_target(row->app, row->key, target);
    done = ++*gone > SI_VAULT_NAMED_MAX || cJSON_AddItemToArray(items, cJSON_CreateString(target));
  }
  change->action = "vault.force_new";
  change->severity = "critical";
  return done && cJSON_AddNumberToObject(change->fields, "count", (double)*gone);
}

static si_rc make(struct si_vault *vault, const char *passphrase, char recipient[80], size_t *gone,
                  struct si_error *error) {
  struct si_vault_change change SI_AUTO(si_vault_change_free) = {.rows = NULL};
  si_rc status = si_vault_change_begin(vault, vault->ledger.count, &change, error);
  change.action = "vault.init";
  if (status == SI_OK && vault->ledger.own[0] && !give_up(vault, &change, gone)) {
    return si_vault_no_memory(error);
  }
  /* The lost one's last change is over, whatever became of it. */
  status = status == SI_OK && vault->ledger.pending ? si_ledger_settle(vault->state, false, error)
                                                    : status;
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
  return si_vault_change_commit(vault, &change, error);
}

static si_rc init(const struct si_context *context, struct si_state *state, bool anew,
                  const char *passphrase, char recipient[80], size_t *gone,
                  struct si_error *error) {
  struct si_vault *vault SI_AUTO(close_vault) = allocate(context, state);
  char made[80];
  if (!vault) {
    return si_vault_no_memory(error);
  }
  si_rc status = si_vault_disk_open(context, true, &vault->disk, error);
  if (status == SI_OK) {
    status = si_vault_disk_lock(&vault->disk, si_ledger_wait(state), error);
  }
  status = status == SI_OK ? refuse_existing(vault, anew, error) : status;
  status = status == SI_OK ? make(vault, passphrase, made, gone, error) : status;
  if (status == SI_OK) {
    si_copy(recipient, 80, made);
  }
  return status;
}

si_rc si_vault_init(const struct si_context *context, struct si_state *state,
                    const char *passphrase, char recipient[80], struct si_error *error) {
  size_t gone = 0;
  return init(context, state, false, passphrase, recipient, &gone, error);
}

si_rc si_vault_init_anew(const struct si_context *context, struct si_state *state,
                         const char *passphrase, char recipient[80], size_t *gone,
                         struct si_error *error) {
  *gone = 0;
  return init(context, state, true, passphrase, recipient, gone, error);
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
