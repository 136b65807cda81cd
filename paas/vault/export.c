/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/export.c - every secret of a context as one age file. Its plain text is JSON (one
 * object, si.secrets/1) that is put together in locked memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "paas/vault/base64.h"
#include "paas/vault/private.h"

#define ITEM_MAX 1024u /* an item without its value */

/* Base64 into locked memory, piece by piece: nothing is left on the heap. */
static si_rc add_base64(struct si_locked *to, const unsigned char *value, size_t len) {
  si_rc status = SI_OK;
  while (status == SI_OK && len > 0) {
    struct si_buf piece SI_AUTO(si_buf_free) = SI_BUF(64);
    size_t part = len < 48 ? len : 48;
    status = si_base64_add(value, part, true, &piece);
    status = status == SI_OK ? si_locked_add(to, piece.data, piece.len) : status;
    si_wipe(piece.data, piece.cap);
    value += part;
    len -= part;
  }
  return status;
}

static si_rc add_item(struct si_vault *vault, const struct si_ledger_row *row, bool first,
                      struct si_locked *to, struct si_error *error) {
  struct si_locked plain SI_AUTO(si_locked_free) = {.data = NULL};
  char head[ITEM_MAX];
  const void *value = NULL;
  size_t len = 0;
  si_rc status = si_vault_unseal(vault, row->app, row->key, &plain, &value, &len, error);
  if (status != SI_OK) {
    return status;
  }
  /* None of these needs to be escaped. */
  snprintf(head, sizeof head,
           "%s\n{\"app\":\"%s\",\"key\":\"%s\",\"origin\":\"%s\",\"revision\":\"%" PRIu64
           "\",\"value\":\"",
           first ? "" : ",", row->app, row->key, row->origin, row->revision);
  status = si_locked_add(to, head, strlen(head));
  status = status == SI_OK ? add_base64(to, value, len) : status;
  status = status == SI_OK ? si_locked_add(to, "\"}", 2) : status;
  return status == SI_OK ? SI_OK : si_vault_no_memory(error);
}

static si_rc compose(struct si_vault *vault, struct si_locked *to, size_t *count,
                     struct si_error *error) {
  char head[256];
  size_t room = 1024;
  for (size_t i = 0; i < vault->text.count; i++) { /* a line is longer than its value */
    room += vault->text.lines[i].len * 4 / 3 + ITEM_MAX;
  }
  snprintf(head, sizeof head, "{\"schema\":\"si.secrets/1\",\"context\":\"%s\",\"secrets\":[",
           vault->context->id);
  si_rc status = si_locked_make(to, room);
  status = status == SI_OK ? si_locked_add(to, head, strlen(head)) : status;
  if (status != SI_OK) {
    return si_vault_no_memory(error);
  }
  for (size_t i = 0; status == SI_OK && i < vault->ledger.count; i++) {
    const struct si_ledger_row *row = &vault->ledger.rows[i];
    if (row->sha256[0]) {
      status = add_item(vault, row, *count == 0, to, error);
      *count += 1;
    }
  }
  if (status == SI_OK && si_locked_add(to, "\n]}\n", 4) != SI_OK) {
    return si_vault_no_memory(error);
  }
  return status;
}

/* Nothing changes, but all of it leaves: that is told before it does. */
static si_rc tell(struct si_vault *vault, const char *recipient, size_t count,
                  struct si_error *error) {
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  const struct si_event event = {
      .action = "vault.export", .severity = "warning", .target = recipient, .fields = fields};
  if (!cJSON_AddStringToObject(fields, "recipient", recipient) ||
      !cJSON_AddNumberToObject(fields, "count", (double)count)) {
    return si_vault_no_memory(error);
  }
  return si_events_append(vault->context, vault->state, &event, error);
}

si_rc si_vault_export(struct si_vault *vault, const char *recipient, struct si_buf *out,
                      struct si_error *error) {
  struct si_locked plain SI_AUTO(si_locked_free) = {.data = NULL};
  uint8_t key[SI_KEY_SIZE];
  size_t count = 0, before = out->len;
  if (si_age_recipient_parse(recipient, strlen(recipient), key) != SI_OK) {
    return si_vault_argument(error, "%.100s is no recipient of age (age1...)", recipient);
  }
  si_rc status = compose(vault, &plain, &count, error);
  if (status != SI_OK) {
    return status;
  }
  status = si_age_seal(&recipient, 1, plain.data, plain.len, out);
  if (status != SI_OK) {
    return si_error_set(error, status, "VAULT_SEAL", "the export cannot be sealed: %s",
                        si_status_text(status));
  }
  status = tell(vault, recipient, count, error);
  if (status != SI_OK) {
    out->len = before;
  }
  return status;
}
