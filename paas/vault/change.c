/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/change.c - the one way in which the vault changes: intent into the ledger, the new
 * file, the ledger settled together with the event.
 */
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/vault/private.h"

void si_vault_change_free(struct si_vault_change *change) {
  si_vault_text_free(&change->text);
  free(change->rows);
  free(change->hashes);
  cJSON_Delete(change->fields);
  *change = (struct si_vault_change){.rows = NULL};
}

si_rc si_vault_change_begin(struct si_vault *vault, size_t count, struct si_vault_change *change,
                            struct si_error *error) {
  if (vault->disk.lock < 0) {
    return si_error_set(error, SI_E_INTERNAL, "VAULT_OPENED_TO_READ",
                        "the vault %s was opened to read, and is to be written", vault->disk.path);
  }
  si_rc status = vault->unsettled ? si_vault_load(vault, error) : SI_OK;
  if (status != SI_OK) {
    return status;
  }
  vault->unsettled = false;
  change->rows = calloc(count + 1, sizeof *change->rows);
  change->hashes = calloc(count + 1, sizeof *change->hashes);
  change->fields = cJSON_CreateObject();
  if (!change->rows || !change->hashes || !change->fields ||
      si_vault_text_copy(&vault->text, &change->text) != SI_OK) {
    return si_vault_no_memory(error);
  }
  return SI_OK;
}

void si_vault_change_note(struct si_vault_change *change, const char *app, const char *key,
                          uint64_t revision, const char *origin) {
  const struct si_vault_line *line = si_vault_text_find(&change->text, app, key);
  char *hash = change->hashes[change->count];
  si_copy(hash, 65, line ? line->sha256 : "");
  change->rows[change->count++] =
      (struct si_ledger_change){app, key, revision, line ? hash : NULL, origin};
}

static si_rc intend(struct si_vault *vault, const struct si_vault_change *change,
                    struct si_error *error) {
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  char trusted[65];
  const struct si_event event = {.action = change->action,
                                 .severity = change->severity,
                                 .target = change->target,
                                 .fields = change->fields};
  si_rc status = si_event_record(vault->context, &event, &record);
  status = status == SI_OK ? si_vault_text_fingerprint(&change->text, trusted) : status;
  if (status != SI_OK) {
    return si_error_set(error, status, "VAULT_EVENT", "the event %s cannot be recorded: %s",
                        change->action, si_status_text(status));
  }
  return si_ledger_intend(vault->state, change->rows, change->count, change->own,
                          change->recipients ? trusted : NULL, si_buf_text(&record), error);
}

static si_rc carry_out(struct si_vault *vault, const struct si_vault_change *change,
                       struct si_error *error) {
  struct si_buf bytes SI_AUTO(si_buf_free) = SI_BUF(SI_VAULT_TEXT_MAX);
  si_rc status = si_vault_text_write(&change->text, &bytes);
  if (status != SI_OK) {
    return si_error_set(error, status, status == SI_E_QUOTA ? "VAULT_TOO_LARGE" : "OUT_OF_MEMORY",
                        "the vault %s cannot grow: %s", vault->disk.path, si_status_text(status));
  }
  status = intend(vault, change, error);
  if (status == SI_OK) {
    status = si_vault_disk_write(&vault->disk, bytes.data, bytes.len, error);
  }
  return status;
}

/* Who ignores the lock put the old file back before the new one was read. */
static si_rc overtaken(const struct si_vault *vault, struct si_error *error) {
  si_error_set(error, SI_E_CONFLICT, "VAULT_OVERTAKEN",
               "somebody put the old vault %s back while it was written: nothing was changed",
               vault->disk.path);
  si_error_target(error, "vault", vault->disk.path);
  si_error_hint(error,
                "find what else writes there (a synchroniser, a restore), then run the "
                "command again");
  return SI_E_CONFLICT;
}

si_rc si_vault_change_commit(struct si_vault *vault, struct si_vault_change *change,
                             struct si_error *error) {
  si_rc status = carry_out(vault, change, error);
  if (status != SI_OK) {
    /* Whatever the disk took of it, now or, where that fails too, at the next open. */
    vault->unsettled = si_vault_load(vault, NULL) != SI_OK;
    return status;
  }
  /* Reading it back settles it: what is acknowledged is what the file holds. */
  status = si_vault_load(vault, error);
  vault->unsettled = status != SI_OK;
  if (status == SI_OK && !vault->taken) {
    return overtaken(vault, error);
  }
  if (status == SI_OK) {
    (void)!si_events_flush(vault->context, vault->state, NULL);
  }
  return status;
}
