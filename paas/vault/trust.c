/* SPDX-License-Identifier: Apache-2.0 */
/* The trusted set of recipients: looked at and changed by the header alone. */
#include <string.h>

#include "kit/base/text.h"
#include "paas/vault/private.h"

struct trusting {
  struct si_vault_disk disk;
  struct si_vault_text text;
  struct si_ledger ledger;
  char found[65];
};

static void end(struct trusting *trusting) {
  si_vault_disk_close(&trusting->disk);
  si_vault_text_free(&trusting->text);
  si_ledger_free(&trusting->ledger);
}

/* A change that died is settled first, where it can be: what is trusted by it must not come back
 * after this. */
static void settle(const struct si_context *context, struct si_state *state,
                   const struct si_vault_disk *disk) {
  struct si_vault vault = {.context = context, .state = state, .disk = *disk};
  (void)!si_vault_load(&vault, NULL);
  si_vault_text_free(&vault.text);
  si_ledger_free(&vault.ledger);
}

static si_rc begin(const struct si_context *context, struct si_state *state, bool lock,
                   struct trusting *out, struct si_error *error) {
  si_rc status = si_vault_disk_open(context, false, &out->disk, error);
  if (status == SI_OK && lock) {
    status = si_vault_disk_lock(&out->disk, si_ledger_wait(state), error);
  }
  if (status == SI_OK && lock) {
    settle(context, state, &out->disk);
  }
  status =
      status == SI_OK ? si_vault_text_read(&out->disk, context, true, &out->text, error) : status;
  status = status == SI_OK ? si_ledger_read(state, &out->ledger, error) : status;
  if (status == SI_OK && si_vault_text_fingerprint(&out->text, out->found) != SI_OK) {
    return si_vault_no_memory(error);
  }
  return status;
}

si_rc si_vault_trust(const struct si_context *context, struct si_state *state,
                     struct si_vault_trust *out, struct si_error *error) {
  struct trusting trusting SI_AUTO(end) = {.disk = SI_VAULT_DISK};
  si_rc status = begin(context, state, false, &trusting, error);
  if (status == SI_OK) {
    si_copy(out->found, sizeof out->found, trusting.found);
    /* A file that a change which died has written is read as what it was to be. */
    bool next = strcmp(trusting.found, trusting.ledger.next_trusted) == 0;
    si_copy(out->trusted, sizeof out->trusted, next ? trusting.found : trusting.ledger.trusted);
    si_copy(out->trusted_at, sizeof out->trusted_at, trusting.ledger.trusted_at);
  }
  return status;
}

static si_rc record(const struct si_context *context, struct si_state *state, const char *action,
                    const char *fingerprint, const char *trusted, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  const struct si_event event = {.action = action, .fields = fields};
  if (!cJSON_AddStringToObject(fields, "fingerprint", fingerprint) ||
      si_event_record(context, &event, &text) != SI_OK) {
    return si_vault_no_memory(error);
  }
  si_rc status = si_ledger_trust(state, trusted, si_buf_text(&text), error);
  if (status == SI_OK) {
    (void)!si_events_flush(context, state, NULL);
  }
  return status;
}

si_rc si_vault_trust_accept(const struct si_context *context, struct si_state *state,
                            const char *fingerprint, struct si_error *error) {
  struct trusting trusting SI_AUTO(end) = {.disk = SI_VAULT_DISK};
  si_rc status = begin(context, state, true, &trusting, error);
  if (status != SI_OK) {
    return status;
  }
  if (strcmp(fingerprint, trusting.found) != 0) {
    si_error_set(error, SI_E_AUTH, "VAULT_UNTRUSTED",
                 "the vault's recipients have the fingerprint %s, not the one given",
                 trusting.found);
    si_error_hint(error, "look at them with: si vault trust status");
    return SI_E_AUTH;
  }
  if (!si_vault_text_has_recipient(&trusting.text, trusting.ledger.own)) {
    si_error_set(error, SI_E_AUTH, "VAULT_UNTRUSTED",
                 "the vault's recipients are without this context's own key %s: what is sealed for "
                 "them si could not open",
                 trusting.ledger.own);
    si_error_hint(error, "put the right file back");
    return SI_E_AUTH;
  }
  return record(context, state, "vault.trust.accept", trusting.found, trusting.found, error);
}

si_rc si_vault_trust_forget(const struct si_context *context, struct si_state *state,
                            struct si_error *error) {
  struct trusting trusting SI_AUTO(end) = {.disk = SI_VAULT_DISK};
  si_rc status = begin(context, state, true, &trusting, error);
  return status == SI_OK
             ? record(context, state, "vault.trust.forget", trusting.ledger.trusted, NULL, error)
             : status;
}
