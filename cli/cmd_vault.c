/* SPDX-License-Identifier: Apache-2.0 */
/* `si vault init|rotate|recipients|trust|doctor`: the vault itself. */
#include <stdio.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/prompt.h"
#include "cli/secrets.h"
#include "kit/base/text.h"

static cJSON *text_json(const char *name, const char *value) {
  cJSON *json = cJSON_CreateObject();
  if (si_json_add_text(json, name, value) != SI_OK) {
    cJSON_Delete(json);
    return NULL;
  }
  return json;
}

/* --- init, rotate --- */

static const char *passphrase_of(const struct si_locked *passphrase) {
  return passphrase->len > 0 ? (const char *)passphrase->data : NULL;
}

static si_rc tell_identity(struct si_invocation *inv, const struct si_context *context,
                           const char *recipient, cJSON *json) {
  char path[SI_PATH_MAX];
  si_rc status = si_vault_identity_path(context, path, sizeof path, &inv->error);
  if (status != SI_OK) {
    cJSON_Delete(json);
    return status;
  }
  si_out_field(inv->out, "recipient", "%s", recipient);
  si_out_field(inv->out, "identity", "%s", path);
  si_out_note(inv->out,
              "keep a copy of the identity in a safe place: without it nobody opens the vault");
  if (si_json_add_text(json, "identity", path) != SI_OK) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  return si_out_result(inv->out, json);
}

/* A vault that is lost for good: said by name, and loudly. */
static si_rc make_anew(struct si_invocation *inv, struct si_scope *scope, const char *passphrase,
                       char recipient[80], cJSON **json) {
  char question[160];
  size_t gone = 0;
  snprintf(question, sizeof question,
           "Give up every secret of context %.63s for good, and make a new vault?", inv->context);
  si_rc status = si_confirm_name(inv, question, inv->context);
  status = status == SI_OK ? si_vault_init_anew(&scope->context, scope->state, passphrase,
                                                recipient, &gone, &inv->error)
                           : status;
  if (status != SI_OK) {
    return status;
  }
  si_out_warn(inv->out,
              "%zu secret%s of context %s %s gone for good: set them again. What uses one keeps "
              "the old value; one that a stack generates is made anew at its next deploy",
              gone, gone == 1 ? "" : "s", inv->context, gone == 1 ? "is" : "are");
  *json = text_json("recipient", recipient);
  return cJSON_AddNumberToObject(*json, "gone", (double)gone) ? SI_OK : SI_E_NOMEM;
}

static si_rc init(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct si_locked passphrase SI_AUTO(si_locked_free) = {.data = NULL};
  char recipient[80];
  si_rc status = si_secrets_new_passphrase(inv, &passphrase);
  status = status == SI_OK ? si_secrets_begin(&secrets, inv, SI_STATE_WRITE) : status;
  if (status != SI_OK) {
    return status;
  }
  struct si_scope *scope = &secrets.scope;
  const char *given = passphrase_of(&passphrase);
  cJSON *json = NULL;
  if (si_opt_flag(inv, "force-new")) {
    status = make_anew(inv, scope, given, recipient, &json);
  } else {
    status = si_vault_init(&scope->context, scope->state, given, recipient, &inv->error);
    json = status == SI_OK ? text_json("recipient", recipient) : NULL;
  }
  return status == SI_OK ? tell_identity(inv, &scope->context, recipient, json) : status;
}

/* A sealed identity is not replaced by an open one unless somebody says so. */
static si_rc refuse_weaker(struct si_invocation *inv, const struct si_secrets *secrets,
                           const struct si_locked *passphrase) {
  bool sealed = false;
  si_rc status = si_vault_identity_sealed(&secrets->scope.context, &sealed, &inv->error);
  if (status != SI_OK || !sealed || passphrase->len > 0 || si_opt_flag(inv, "open-identity")) {
    return status;
  }
  return si_usage_error(inv,
                        "the identity is sealed with a passphrase: say what the new one is to be, "
                        "with --seal-identity, --new-passphrase-fd N or --open-identity");
}

static si_rc rotate(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct si_locked passphrase SI_AUTO(si_locked_free) = {.data = NULL};
  char recipient[80];
  si_rc status = si_secrets_new_passphrase(inv, &passphrase);
  status = status == SI_OK ? si_secrets_open(&secrets, inv, SI_STATE_WRITE, false) : status;
  status = status == SI_OK ? refuse_weaker(inv, &secrets, &passphrase) : status;
  status = status == SI_OK
               ? si_vault_rotate(secrets.vault, passphrase_of(&passphrase), recipient, &inv->error)
               : status;
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out, "the vault has a new key; the old one opens nothing in it any more");
  return tell_identity(inv, &secrets.scope.context, recipient, text_json("recipient", recipient));
}

/* --- recipients --- */

struct listing {
  struct si_grid table;
  cJSON *json;
};

static si_rc list_one(void *ctx, const char *recipient, bool own) {
  struct listing *listing = ctx;
  cJSON *json = text_json("recipient", recipient);
  si_grid_row(&listing->table, recipient, own ? "yes" : "");
  if (!cJSON_AddBoolToObject(json, "own", own) || !cJSON_AddItemToArray(listing->json, json)) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  return SI_OK;
}

static si_rc recipients_list(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct listing listing = {.table = SI_GRID("RECIPIENT", "OWN"), .json = cJSON_CreateArray()};
  si_rc status = si_secrets_open(&secrets, inv, SI_STATE_READ, false);
  status = status == SI_OK ? si_vault_recipients(secrets.vault, &listing, list_one, &inv->error)
                           : status;
  if (status == SI_OK) {
    si_grid_print(inv->out, &listing.table);
  }
  si_grid_free(&listing.table);
  if (status != SI_OK) {
    cJSON_Delete(listing.json);
    return status;
  }
  return si_out_list(inv->out, listing.json);
}

typedef si_rc (*change_recipient)(struct si_vault *vault, const char *recipient,
                                  struct si_error *error);

static si_rc change(struct si_invocation *inv, change_recipient how, const char *done) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  const char *recipient = si_arg(inv, 0);
  si_rc status = si_secrets_open(&secrets, inv, SI_STATE_WRITE, false);
  status = status == SI_OK ? how(secrets.vault, recipient, &inv->error) : status;
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out, "%s %s; every secret is sealed again", recipient, done);
  return si_out_result(inv->out, text_json("recipient", recipient));
}

static si_rc recipients_add(struct si_invocation *inv) {
  return change(inv, si_vault_recipient_add, "reads from now on");
}

static si_rc recipients_remove(struct si_invocation *inv) {
  return change(inv, si_vault_recipient_remove,
                "reads no more what is sealed from now on (what it has seen it may have kept: "
                "rotate those values)");
}

/* --- trust --- */

static si_rc show_trust(struct si_invocation *inv, struct si_secrets *secrets) {
  struct si_vault_trust trust = {.found = ""};
  struct si_scope *scope = &secrets->scope;
  si_rc status = si_vault_trust(&scope->context, scope->state, &trust, &inv->error);
  if (status != SI_OK) {
    return status;
  }
  bool trusted = strcmp(trust.found, trust.trusted) == 0;
  si_out_field(inv->out, "fingerprint", "%s", trust.found);
  si_out_field(inv->out, "trusted", "%s", trust.trusted[0] ? trust.trusted : "none");
  si_out_field(inv->out, "since", "%s", trust.trusted_at[0] ? trust.trusted_at : "-");
  si_out_field(inv->out, "status", "%s", trusted ? "trusted" : "NOT trusted");
  cJSON *json = text_json("fingerprint", trust.found);
  if (si_json_add_text(json, "trusted", trust.trusted) != SI_OK ||
      si_json_add_text(json, "trusted_at", trust.trusted_at) != SI_OK ||
      !cJSON_AddBoolToObject(json, "ok", trusted)) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  return si_out_result(inv->out, json);
}

static si_rc trust_status(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  si_rc status = si_secrets_begin(&secrets, inv, SI_STATE_READ);
  return status == SI_OK ? show_trust(inv, &secrets) : status;
}

static si_rc trust_accept(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct si_scope *scope = &secrets.scope;
  si_rc status = si_secrets_begin(&secrets, inv, SI_STATE_WRITE);
  status = status == SI_OK ? si_vault_trust_accept(&scope->context, scope->state,
                                                   si_opt(inv, "fingerprint"), &inv->error)
                           : status;
  return status == SI_OK ? show_trust(inv, &secrets) : status;
}

static si_rc trust_forget(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct si_scope *scope = &secrets.scope;
  si_rc status = si_secrets_begin(&secrets, inv, SI_STATE_WRITE);
  status =
      status == SI_OK ? si_vault_trust_forget(&scope->context, scope->state, &inv->error) : status;
  return status == SI_OK ? show_trust(inv, &secrets) : status;
}

/* --- doctor --- */

static si_rc hear(void *ctx, const struct si_vault_check *check) {
  struct listing *listing = ctx;
  cJSON *json = text_json("id", check->id);
  si_grid_row(&listing->table, check->ok ? "ok" : "CRITICAL", check->id, check->detail);
  if (!cJSON_AddBoolToObject(json, "ok", check->ok) ||
      si_json_add_text(json, "severity", check->ok ? "ok" : "critical") != SI_OK ||
      si_json_add_text(json, "detail", check->detail) != SI_OK ||
      si_json_add_text(json, "remediation", check->remedy) != SI_OK ||
      !cJSON_AddItemToArray(listing->json, json)) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  return SI_OK;
}

static si_rc conclude(struct si_invocation *inv, const cJSON *checks, size_t failed) {
  const cJSON *check = NULL;
  if (failed == 0) {
    return SI_OK;
  }
  si_error_set(&inv->error, SI_E_CORRUPT, "VAULT_UNSOUND", "%zu check%s of the vault failed",
               failed, failed == 1 ? "" : "s");
  cJSON_ArrayForEach(check, checks) {
    const char *remedy = si_json_str(check, "remediation");
    if (!si_json_bool(check, "ok", true) && remedy) {
      return si_error_hint(&inv->error, "%s", remedy);
    }
  }
  return SI_E_CORRUPT;
}

static si_rc doctor(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct listing listing = {.table = SI_GRID("RESULT", "CHECK", "DETAIL"),
                            .json = cJSON_CreateArray()};
  struct si_scope *scope = &secrets.scope;
  size_t failed = 0;
  si_rc status = si_secrets_begin(&secrets, inv, SI_STATE_READ);
  status = status == SI_OK ? si_vault_doctor(&scope->context, scope->state, true, si_secrets_ask,
                                             &secrets, &listing, hear, &failed, &inv->error)
                           : status;
  if (status == SI_OK) {
    si_grid_print(inv->out, &listing.table);
    status = conclude(inv, listing.json, failed);
    (void)si_out_list(inv->out, listing.json);
  } else {
    cJSON_Delete(listing.json);
  }
  si_grid_free(&listing.table);
  return status;
}

/* --- rows --- */

static const struct si_option init_options[] = {
    SI_SECRETS_SEAL_OPTIONS,
    {"force-new", 0, NULL, "The vault that was is lost for good: give up its secrets", 0, NULL},
    {0}};
static const struct si_option rotate_options[] = {
    SI_SECRETS_PASSPHRASE_OPTION,
    SI_SECRETS_SEAL_OPTIONS,
    {"open-identity", 0, NULL, "Seal the new identity with none, though the old one was", 0, NULL},
    {0}};
static const struct si_option passphrase_options[] = {SI_SECRETS_PASSPHRASE_OPTION, {0}};
static const struct si_option accept_options[] = {
    {"fingerprint", 0, "SHA256", "The set's fingerprint, as trust status shows it", SI_OPT_REQUIRED,
     NULL},
    {0}};

const struct si_command si_cmd_vault_init = {
    .path = "vault init",
    .summary = "Make the context's vault and its identity",
    .text =
        "The identity opens the vault: keys/CONTEXT.identity under si's root, for this user "
        "alone.\n\n"
        "Where a vault was made before and its file is gone, it is refused: put the file back. "
        "With --force-new (and --yes --confirm CONTEXT, or the name typed at the question) all "
        "that it held is given up. Nothing that is still there goes: a vault or an identity that "
        "is of no use any more is moved away first.",
    .options = init_options,
    .flags = SI_CMD_MUTATING,
    .run = init,
};

const struct si_command si_cmd_vault_rotate = {
    .path = "vault rotate",
    .summary = "Give the vault a new identity and seal every secret again",
    .options = rotate_options,
    .flags = SI_CMD_MUTATING,
    .run = rotate,
};

const struct si_command si_cmd_vault_recipients_list = {
    .path = "vault recipients list",
    .summary = "List who can open the vault's secrets",
    .flags = SI_CMD_CONTEXT,
    .run = recipients_list,
};

const struct si_command si_cmd_vault_recipients_add = {
    .path = "vault recipients add",
    .summary = "Let another key open every secret (an escrow key, say)",
    .params = {{"RECIPIENT", 0, "A public key of age (age1...)"}},
    .options = passphrase_options,
    .flags = SI_CMD_MUTATING,
    .run = recipients_add,
};

const struct si_command si_cmd_vault_recipients_remove = {
    .path = "vault recipients remove",
    .summary = "Seal every secret again without that key",
    .params = {{"RECIPIENT", 0, "A public key of age (age1...)"}},
    .options = passphrase_options,
    .flags = SI_CMD_MUTATING,
    .run = recipients_remove,
};

const struct si_command si_cmd_vault_trust_status = {
    .path = "vault trust status",
    .summary = "Show the vault's set of recipients and the trusted one",
    .flags = SI_CMD_CONTEXT,
    .run = trust_status,
};

const struct si_command si_cmd_vault_trust_accept = {
    .path = "vault trust accept",
    .summary = "Trust the set of recipients that the vault names",
    .options = accept_options,
    .flags = SI_CMD_MUTATING,
    .run = trust_accept,
};

const struct si_command si_cmd_vault_trust_forget = {
    .path = "vault trust forget",
    .summary = "Trust no set: the vault stays closed until one is accepted",
    .flags = SI_CMD_MUTATING,
    .run = trust_forget,
};

const struct si_command si_cmd_vault_doctor = {
    .path = "vault doctor",
    .summary = "Check the vault: its place, trust, every line and every value",
    .options = passphrase_options,
    .flags = SI_CMD_CONTEXT,
    .run = doctor,
};
