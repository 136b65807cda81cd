/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/reseal.c - every value sealed again: for another identity of the context's own, or for
 * other recipients. Revisions stay: the values are the same.
 */
#include <string.h>

#include "kit/base/text.h"
#include "paas/vault/private.h"

static si_rc reseal(struct si_vault *vault, struct si_vault_change *change,
                    struct si_error *error) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < vault->text.count; i++) {
    const struct si_vault_line *line = &vault->text.lines[i];
    struct si_locked plain SI_AUTO(si_locked_free) = {.data = NULL};
    uint64_t revision = si_vault_revision(vault, line->app, line->key);
    const void *value = NULL;
    size_t len = 0;
    status = si_vault_unseal(vault, line->app, line->key, &plain, &value, &len, error);
    status = status == SI_OK ? si_vault_seal(vault, &change->text, line->app, line->key, revision,
                                             value, len, error)
                             : status;
    if (status == SI_OK) {
      si_vault_change_note(change, line->app, line->key, revision, NULL);
    }
  }
  return status;
}

static si_rc commit(struct si_vault *vault, struct si_vault_change *change, const char *action,
                    const char *recipient, struct si_error *error) {
  change->recipients = true;
  change->action = action;
  change->target = recipient;
  if (!cJSON_AddStringToObject(change->fields, "recipient", recipient) ||
      !cJSON_AddNumberToObject(change->fields, "count", (double)vault->text.count)) {
    return si_vault_no_memory(error);
  }
  si_rc status = reseal(vault, change, error);
  return status == SI_OK ? si_vault_change_commit(vault, change, error) : status;
}

si_rc si_vault_rotate(struct si_vault *vault, const char *passphrase, char recipient[80],
                      struct si_error *error) {
  struct si_vault_change change SI_AUTO(si_vault_change_free) = {.rows = NULL};
  char made[80] = "";
  si_rc status = si_vault_change_begin(vault, vault->text.count, &change, error);
  /* The old one must open them all, before there is a new one. */
  status = status == SI_OK ? si_vault_keys_read(vault->context, false, vault->ask, vault->ask_ctx,
                                                &vault->keys, error)
                           : status;
  status = status == SI_OK
               ? si_vault_identity_begin(vault->context, passphrase, &vault->keys, made, error)
               : status;
  if (status != SI_OK) {
    return status;
  }
  (void)!si_vault_text_drop_recipient(&change.text, vault->ledger.own);
  if (si_vault_text_add_recipient(&change.text, made) != SI_OK) {
    return si_error_set(error, SI_E_QUOTA, "VAULT_RECIPIENTS", "the vault has too many recipients");
  }
  change.own = made;
  status = commit(vault, &change, "vault.rotate", made, error);
  if (status != SI_OK) {
    /* Where it came to nothing the new identity goes; where that is not known, the next open
     * settles it. */
    if (!vault->unsettled) {
      (void)!si_vault_identity_settle(vault->context, vault->ledger.own, NULL);
    }
    return status;
  }
  si_copy(recipient, 80, made);
  return SI_OK;
}

si_rc si_vault_recipients(struct si_vault *vault, void *ctx, si_recipient_each each,
                          struct si_error *error) {
  si_rc status = SI_OK;
  (void)error;
  for (size_t i = 0; status == SI_OK && i < vault->text.recipient_count; i++) {
    const char *recipient = vault->text.recipients[i];
    status = each(ctx, recipient, strcmp(recipient, vault->ledger.own) == 0);
  }
  return status;
}

/* A key of low order is well-formed, and nothing can be sealed for it: not even the next secret. */
static si_rc try_seal(const char *recipient) {
  struct si_buf sealed SI_AUTO(si_buf_free) = SI_BUF(4096);
  return si_age_seal(&recipient, 1, "", 0, &sealed);
}

si_rc si_vault_recipient_add(struct si_vault *vault, const char *recipient,
                             struct si_error *error) {
  struct si_vault_change change SI_AUTO(si_vault_change_free) = {.rows = NULL};
  si_rc status = si_vault_change_begin(vault, vault->text.count, &change, error);
  if (status != SI_OK) {
    return status;
  }
  status = si_vault_text_add_recipient(&change.text, recipient);
  status = status == SI_OK ? try_seal(recipient) : status;
  switch (status) {
    case SI_OK: return commit(vault, &change, "vault.recipients.add", recipient, error);
    case SI_E_EXISTS:
      return si_error_set(error, status, "VAULT_RECIPIENT_EXISTS", "%s is a recipient already",
                          recipient);
    case SI_E_QUOTA:
      return si_error_set(error, status, "VAULT_RECIPIENTS", "a vault has at most %u recipients",
                          SI_AGE_RECIPIENTS_MAX);
    case SI_E_INVALID:
      return si_vault_argument(error, "%.100s is no recipient of age (age1...)", recipient);
    case SI_E_REFUSED:
      return si_vault_argument(error, "%.100s is no key that anybody could have", recipient);
    default: return si_vault_no_memory(error);
  }
}

si_rc si_vault_recipient_remove(struct si_vault *vault, const char *recipient,
                                struct si_error *error) {
  struct si_vault_change change SI_AUTO(si_vault_change_free) = {.rows = NULL};
  if (strcmp(recipient, vault->ledger.own) == 0) {
    si_error_set(error, SI_E_REFUSED, "VAULT_OWN_RECIPIENT",
                 "%s is this context's own key: without it si could not open the vault", recipient);
    si_error_hint(error, "to replace it: si vault rotate");
    return SI_E_REFUSED;
  }
  si_rc status = si_vault_change_begin(vault, vault->text.count, &change, error);
  if (status != SI_OK) {
    return status;
  }
  if (si_vault_text_drop_recipient(&change.text, recipient) != SI_OK) {
    si_error_set(error, SI_E_NOT_FOUND, "VAULT_RECIPIENT_UNKNOWN", "%.100s is not a recipient",
                 recipient);
    si_error_hint(error, "see them with: si vault recipients list");
    return SI_E_NOT_FOUND;
  }
  return commit(vault, &change, "vault.recipients.remove", recipient, error);
}
