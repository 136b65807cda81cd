/* SPDX-License-Identifier: Apache-2.0 */
/* The vault looked over: what is wrong is reported, and the next thing is looked at. */
#include <stdio.h>
#include <string.h>

#include "paas/vault/private.h"

struct visit {
  struct si_vault vault;
  bool values;
  void *ctx;
  si_vault_check_each each;
  size_t failed;
  struct si_error *error;
};

static void end(struct visit *visit) {
  si_vault_keys_free(&visit->vault.keys);
  si_vault_text_free(&visit->vault.text);
  si_ledger_free(&visit->vault.ledger);
  si_vault_disk_close(&visit->vault.disk);
}

static si_rc report(struct visit *visit, const char *id, const struct si_error *why,
                    const char *fine) {
  const struct si_vault_check check = {id, !why, why ? why->message : fine, why ? why->hint : ""};
  visit->failed += !check.ok;
  return visit->each(visit->ctx, &check);
}

/* --- lines --- */

static si_rc report_line(struct visit *visit, const char *app, const char *key, const char *what) {
  struct si_error why = {.code = ""};
  char target[200];
  si_vault_target(app, key, target);
  si_error_set(&why, SI_E_CORRUPT, "VAULT_TAMPERED", "the secret %s %s", target, what);
  si_error_hint(&why, "put back %s as it was after its last change (.previous is older)",
                visit->vault.disk.path);
  return report(visit, "vault_lines", &why, NULL);
}

static si_rc check_each_line(struct visit *visit) {
  const struct si_vault_text *text = &visit->vault.text;
  const struct si_ledger *ledger = &visit->vault.ledger;
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < text->count; i++) {
    const struct si_vault_line *line = &text->lines[i];
    const struct si_ledger_row *row = si_ledger_find(ledger, line->app, line->key);
    if (!row || !row->sha256[0]) {
      status = report_line(visit, line->app, line->key, "was added by somebody else, or removed");
    } else if (strcmp(row->sha256, line->sha256) != 0) {
      status = report_line(visit, line->app, line->key, "is not what was written last");
    }
  }
  for (size_t i = 0; status == SI_OK && i < ledger->count; i++) {
    const struct si_ledger_row *row = &ledger->rows[i];
    if (row->sha256[0] && !si_vault_text_find(text, row->app, row->key)) {
      status = report_line(visit, row->app, row->key, "is missing");
    }
  }
  return status;
}

/* Trust and lines, as an open would check them. */
static si_rc check_content(struct visit *visit) {
  struct si_vault *vault = &visit->vault;
  struct si_error why = {.code = ""};
  char detail[64];
  si_rc status = si_vault_load(vault, &why);
  if (status == SI_OK) {
    snprintf(detail, sizeof detail, "%zu secrets are as they were written", vault->text.count);
    status = report(visit, "vault_trust", NULL, "the recipients are the trusted ones");
    return status == SI_OK ? report(visit, "vault_lines", NULL, detail) : status;
  }
  if (strcmp(why.code, "VAULT_UNTRUSTED") == 0) {
    return report(visit, "vault_trust", &why, NULL);
  }
  if (si_vault_text_read(&vault->disk, vault->context, false, &vault->text, NULL) != SI_OK ||
      si_ledger_read(vault->state, &vault->ledger, NULL) != SI_OK || vault->ledger.pending) {
    return report(visit, "vault_lines", &why, NULL);
  }
  size_t before = visit->failed;
  status = check_each_line(visit);
  /* An open refuses it, for whatever reason: that is told in any case. */
  return status == SI_OK && visit->failed == before ? report(visit, "vault_lines", &why, NULL)
                                                    : status;
}

/* --- values --- */

static si_rc check_values(struct visit *visit) {
  struct si_vault *vault = &visit->vault;
  size_t before = visit->failed;
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < vault->text.count; i++) {
    const struct si_vault_line *line = &vault->text.lines[i];
    struct si_locked plain SI_AUTO(si_locked_free) = {.data = NULL};
    struct si_error why = {.code = ""};
    const void *value = NULL;
    size_t len = 0;
    if (si_vault_unseal(vault, line->app, line->key, &plain, &value, &len, &why) != SI_OK) {
      status = report(visit, "vault_opens", &why, NULL);
    }
  }
  return status == SI_OK && visit->failed == before
             ? report(visit, "vault_opens", NULL, "the identity opens every value")
             : status;
}

static si_rc check_identity(struct visit *visit) {
  struct si_vault *vault = &visit->vault;
  struct si_error why = {.code = ""};
  const struct si_age_identity *keys = NULL;
  bool found = false;
  if (si_vault_keys_read(vault->context, false, vault->ask, vault->ask_ctx, &vault->keys, &why) !=
      SI_OK) {
    return report(visit, "vault_identity", &why, NULL);
  }
  keys = si_vault_keys_list(&vault->keys);
  for (size_t i = 0; i < vault->keys.count; i++) {
    char text[SI_BECH32_SIZE];
    found = found || (si_age_recipient_text(keys[i].key, text) == SI_OK &&
                      si_vault_text_has_recipient(&vault->text, text));
  }
  if (!found) {
    si_error_set(&why, SI_E_AUTH, "VAULT_LOCKED", "the identity belongs to no recipient");
    si_error_hint(&why, "put the right identity back: without it the vault stays closed");
    return report(visit, "vault_identity", &why, NULL);
  }
  si_rc status =
      report(visit, "vault_identity", NULL, "the identity is this user's alone, and a recipient");
  return status == SI_OK ? check_values(visit) : status;
}

static si_rc look(struct visit *visit) {
  struct si_vault *vault = &visit->vault;
  struct si_vault_text text SI_AUTO(si_vault_text_free) = {.count = 0};
  struct si_error why = {.code = ""};
  si_rc status = si_vault_disk_open(vault->context, false, &vault->disk, &why);
  status = status == SI_OK ? si_vault_text_read(&vault->disk, vault->context, false, &text, &why)
                           : status;
  if (status == SI_E_NOT_FOUND) {
    if (visit->error) {
      *visit->error = why;
    }
    return status;
  }
  if (status != SI_OK) {
    bool shared = strcmp(why.code, "PAAS_VAULT_SHARED") == 0;
    return report(visit, shared ? "vault_context" : "vault_file", &why, NULL);
  }
  status = report(visit, "vault_file", NULL, "the file is whole, and this user's alone");
  status =
      status == SI_OK ? report(visit, "vault_context", NULL, "it is this context's own") : status;
  status = status == SI_OK ? check_content(visit) : status;
  return status == SI_OK && visit->values && visit->vault.text.recipient_count > 0
             ? check_identity(visit)
             : status;
}

si_rc si_vault_doctor(const struct si_context *context, struct si_state *state, bool values,
                      si_vault_ask ask, void *ask_ctx, void *ctx, si_vault_check_each each,
                      size_t *failed, struct si_error *error) {
  struct visit visit SI_AUTO(end) = {.vault = {.context = context,
                                               .state = state,
                                               .disk = SI_VAULT_DISK,
                                               .ask = ask,
                                               .ask_ctx = ask_ctx},
                                     .values = values,
                                     .ctx = ctx,
                                     .each = each,
                                     .error = error};
  si_rc status = look(&visit);
  *failed = visit.failed;
  return status;
}
