/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas secret ...` and the same rows of `si vault`: single secrets. */
#include <stdio.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/secrets.h"
#include "kit/base/crypt.h"
#include "kit/base/text.h"
#include "paas/vault/base64.h"

#define PASSWORD_MAX 256u

static const char *app_of(const struct si_invocation *inv) {
  const char *app = si_opt(inv, "app");
  return app ? app : "";
}

/* "KEY=value" as an argument: the value is not repeated, and not taken. */
static si_rc check_argument(struct si_invocation *inv) {
  const char *key = si_arg(inv, 0);
  if (!strchr(key, '=')) {
    return SI_OK;
  }
  return si_usage_error(inv,
                        "a secret is never given as an argument, where the list of processes and "
                        "the shell's history show it: name the key alone");
}

static cJSON *secret_json(const char *app, const char *key, uint64_t revision) {
  cJSON *json = cJSON_CreateObject();
  if (si_json_add_text(json, "app", app) != SI_OK || si_json_add_text(json, "key", key) != SI_OK ||
      si_json_add_u64(json, "revision", revision) != SI_OK) {
    cJSON_Delete(json);
    return NULL;
  }
  return json;
}

/* --- set --- */

static si_rc store(struct si_invocation *inv, const struct si_locked *value, const char *origin,
                   bool must_exist) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  const char *app = app_of(inv), *key = si_arg(inv, 0);
  uint64_t revision = 0;
  si_rc status = si_secrets_open(&secrets, inv, SI_STATE_WRITE, true);
  if (status == SI_OK && must_exist && si_vault_revision(secrets.vault, app, key) == 0) {
    si_error_set(&inv->error, SI_E_NOT_FOUND, "SECRET_NOT_FOUND",
                 "the vault holds no such secret to rotate");
    return si_error_hint(&inv->error, "see what it holds with: si paas secret list");
  }
  status = status == SI_OK ? si_vault_set(secrets.vault, app, key, value->data, value->len, origin,
                                          &revision, &inv->error)
                           : status;
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out, "secret %s%s%s is at revision %llu", app, app[0] ? "/" : "", key,
              (unsigned long long)revision);
  return si_out_result(inv->out, secret_json(app, key, revision));
}

static si_rc set(struct si_invocation *inv) {
  struct si_locked value SI_AUTO(si_locked_free) = {.data = NULL};
  si_rc status = check_argument(inv);
  status = status == SI_OK ? si_secrets_value(inv, SI_SECRET_MAX, &value) : status;
  return status == SI_OK ? store(inv, &value, "set", false) : status;
}

/* Letters and digits, each as likely as any other. */
static si_rc generate(struct si_invocation *inv, size_t len, struct si_locked *out) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const unsigned count = sizeof letters - 1;
  si_rc status = si_locked_make(out, len);
  while (status == SI_OK && out->len < len) {
    uint8_t byte = 0;
    status = si_random_bytes(&byte, 1);
    if (status == SI_OK && byte < 256 / count * count) {
      status = si_locked_add(out, &letters[byte % count], 1);
    }
  }
  return status == SI_OK
             ? SI_OK
             : si_error_set(&inv->error, status, "RANDOM", "the kernel gave no random bytes");
}

static si_rc rotate(struct si_invocation *inv) {
  struct si_locked value SI_AUTO(si_locked_free) = {.data = NULL};
  uint64_t len = 0;
  bool given = si_secrets_has_value(inv);
  si_rc status = check_argument(inv);
  status = status == SI_OK ? si_opt_u64(inv, "length", 16, PASSWORD_MAX, 32, &len) : status;
  if (status == SI_OK) {
    status =
        given ? si_secrets_value(inv, SI_SECRET_MAX, &value) : generate(inv, (size_t)len, &value);
  }
  return status == SI_OK ? store(inv, &value, given ? "set" : "generated", true) : status;
}

/* --- get --- */

struct showing {
  struct si_invocation *inv;
  const struct si_vault *vault;
};

static si_rc show_json(struct showing *showing, const void *value, size_t len) {
  struct si_invocation *inv = showing->inv;
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_BASE64_PADDED_LEN(SI_SECRET_MAX));
  const char *app = app_of(inv), *key = si_arg(inv, 0);
  cJSON *json = secret_json(app, key, si_vault_revision(showing->vault, app, key));
  si_rc status = si_base64_add(value, len, true, &text);
  status = status == SI_OK ? si_json_add_text(json, "value_base64", si_buf_text(&text)) : status;
  si_wipe(text.data, text.cap);
  if (status != SI_OK) {
    cJSON_Delete(json);
    return si_error_set(&inv->error, status, "CLI_MEMORY", "out of memory");
  }
  return si_out_result(inv->out, json);
}

static si_rc show(void *ctx, const void *value, size_t len) {
  struct showing *showing = ctx;
  struct si_output *out = showing->inv->out;
  if (out->json) {
    return show_json(showing, value, len);
  }
  si_out_put(out, value, len); /* as it is: --reveal was given, or nobody looks */
  if (out->tty_out) {
    si_out_put(out, "\n", 1);
  }
  return SI_OK;
}

static si_rc get(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  si_rc status = check_argument(inv);
  status = status == SI_OK ? si_secrets_may_show(inv, si_opt_flag(inv, "reveal")) : status;
  status = status == SI_OK ? si_secrets_open(&secrets, inv, SI_STATE_READ, false) : status;
  struct showing showing = {inv, secrets.vault};
  return status == SI_OK
             ? si_vault_get(secrets.vault, app_of(inv), si_arg(inv, 0), &showing, show, &inv->error)
             : status;
}

/* --- list, unset, key --- */

struct listing {
  struct si_grid table;
  cJSON *json;
};

static si_rc list_one(void *ctx, const struct si_secret *secret) {
  struct listing *listing = ctx;
  char revision[24];
  snprintf(revision, sizeof revision, "%llu", (unsigned long long)secret->revision);
  cJSON *json = secret_json(secret->app, secret->key, secret->revision);
  si_grid_row(&listing->table, secret->app, secret->key, revision, secret->origin,
              secret->updated_at);
  if (si_json_add_text(json, "origin", secret->origin) != SI_OK ||
      si_json_add_text(json, "created_at", secret->created_at) != SI_OK ||
      si_json_add_text(json, "updated_at", secret->updated_at) != SI_OK ||
      !cJSON_AddItemToArray(listing->json, json)) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  return SI_OK;
}

static si_rc list(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct listing listing = {.table = SI_GRID("APP", "KEY", "REVISION", "ORIGIN", "UPDATED"),
                            .json = cJSON_CreateArray()};
  si_rc status = si_secrets_open(&secrets, inv, SI_STATE_READ, false);
  status = status == SI_OK
               ? si_vault_list(secrets.vault, si_opt(inv, "app"), &listing, list_one, &inv->error)
               : status;
  if (status == SI_OK) {
    si_grid_print(inv->out, &listing.table);
  }
  si_grid_free(&listing.table);
  if (status != SI_OK) {
    cJSON_Delete(listing.json);
    return status;
  }
  if (cJSON_GetArraySize(listing.json) == 0) {
    si_out_note(inv->out, "no secrets yet: si paas secret set KEY --stdin");
  }
  return si_out_list(inv->out, listing.json);
}

static si_rc unset(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  const char *app = app_of(inv), *key = si_arg(inv, 0);
  si_rc status = check_argument(inv);
  status = status == SI_OK ? si_secrets_open(&secrets, inv, SI_STATE_WRITE, true) : status;
  uint64_t revision = status == SI_OK ? si_vault_revision(secrets.vault, app, key) : 0;
  status = status == SI_OK ? si_vault_unset(secrets.vault, app, key, &inv->error) : status;
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out, "secret %s%s%s is gone", app, app[0] ? "/" : "", key);
  return si_out_result(inv->out, secret_json(app, key, revision));
}

static si_rc take_own(void *ctx, const char *recipient, bool own) {
  if (own) {
    si_copy(ctx, 80, recipient);
  }
  return SI_OK;
}

static si_rc key(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  char recipient[80] = "";
  si_rc status = si_secrets_open(&secrets, inv, SI_STATE_READ, false);
  status = status == SI_OK ? si_vault_recipients(secrets.vault, recipient, take_own, &inv->error)
                           : status;
  if (status != SI_OK) {
    return status;
  }
  si_out_line(inv->out, "%s", recipient);
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "recipient", recipient);
  return si_out_result(inv->out, json);
}

/* --- rows --- */

#define APP_OPTION \
  { "app", 0, "APP", "The app (project) it belongs to; without it, the context itself", 0, NULL }
#define KEY_PARAM \
  { "KEY", 0, "A-Z, 0-9 and _, no digit first" }

static const struct si_option set_options[] = {APP_OPTION, SI_SECRETS_VALUE_OPTIONS, {0}};
static const struct si_option rotate_options[] = {
    APP_OPTION,
    SI_SECRETS_VALUE_OPTIONS,
    {"length", 0, "N", "Characters of a generated value: 16 to 256, by default 32", 0, NULL},
    {0}};
static const struct si_option get_options[] = {
    APP_OPTION,
    SI_SECRETS_PASSPHRASE_OPTION,
    {"reveal", 0, NULL, "Show it even on a terminal", 0, NULL},
    {0}};
static const struct si_option list_options[] = {{"app", 0, "APP", "Of this app alone", 0, NULL},
                                                {0}};
static const struct si_option unset_options[] = {APP_OPTION, {0}};

#define SET_ROW(row)                                                                             \
  {                                                                                              \
    .path = row, .summary = "Seal a secret; its value comes from stdin, a file or a descriptor", \
    .text =                                                                                      \
        "The value is 1 to 65536 bytes, without NUL, kept as it comes. It is never an "          \
        "argument, and no identity is needed to set it.",                                        \
    .params = {KEY_PARAM}, .options = set_options, .flags = SI_CMD_MUTATING | SI_CMD_SECRET,     \
    .run = set,                                                                                  \
  }
#define GET_ROW(row)                                                                          \
  {                                                                                           \
    .path = row, .summary = "Open a secret and write its bytes to stdout",                    \
    .text = "Refused on a terminal without --reveal. With --json the value is value_base64.", \
    .params = {KEY_PARAM}, .options = get_options, .flags = SI_CMD_CONTEXT | SI_CMD_SECRET,   \
    .run = get,                                                                               \
  }
#define LIST_ROW(row)                                                                  \
  {                                                                                    \
    .path = row, .summary = "List the secrets' names and revisions, never the values", \
    .options = list_options, .flags = SI_CMD_CONTEXT, .run = list,                     \
  }
#define UNSET_ROW(row)                                                                          \
  {                                                                                             \
    .path = row, .summary = "Remove a secret", .params = {KEY_PARAM}, .options = unset_options, \
    .flags = SI_CMD_MUTATING | SI_CMD_SECRET, .run = unset,                                     \
  }

const struct si_command si_cmd_secret_set = SET_ROW("paas secret set");
const struct si_command si_cmd_secret_get = GET_ROW("paas secret get");
const struct si_command si_cmd_secret_list = LIST_ROW("paas secret list");
const struct si_command si_cmd_secret_unset = UNSET_ROW("paas secret unset");
const struct si_command si_cmd_vault_set = SET_ROW("vault set");
const struct si_command si_cmd_vault_get = GET_ROW("vault get");
const struct si_command si_cmd_vault_list = LIST_ROW("vault list");
const struct si_command si_cmd_vault_unset = UNSET_ROW("vault unset");

const struct si_command si_cmd_secret_key = {
    .path = "paas secret key",
    .summary = "Show the context's public key, for which others can seal",
    .text =
        "What others seal for it (a si.secrets/1 document, with age) is taken in by "
        "`si vault import`.",
    .flags = SI_CMD_CONTEXT,
    .run = key,
};

const struct si_command si_cmd_secret_rotate = {
    .path = "paas secret rotate",
    .summary = "Give a secret a new value: a generated one, or the one given",
    .text =
        "A generated value has letters and digits. It is sealed and not shown; what uses it "
        "sees it at its next deploy.",
    .params = {KEY_PARAM},
    .options = rotate_options,
    .flags = SI_CMD_MUTATING | SI_CMD_SECRET,
    .run = rotate,
};
