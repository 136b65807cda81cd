/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/secret.c - single secrets. What is sealed is
 *
 *   si.secret/1 \n context <id> \n app <app> \n key <key> \n revision <n> \n \n <value>
 *
 * (without the blanks), so that an age file fits one place in one vault alone.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/redact/redact.h"
#include "paas/vault/base64.h"
#include "paas/vault/private.h"

#define HEAD_MAX 512u

si_rc si_vault_argument(struct si_error *error, const char *fmt, ...) {
  char text[512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT", "%s", text);
}

/* A key that is none may be a value in the wrong place: it is not repeated. */
si_rc si_vault_check_name(const char *app, const char *key, struct si_error *error) {
  if (!si_vault_app_valid(app)) {
    (void)si_vault_argument(error, "that is not the name of an app");
    si_error_hint(error, "an app is a project's name: 1 to 63 of a-z, 0-9 and -");
    return SI_E_INVALID;
  }
  if (!si_vault_key_valid(key)) {
    (void)si_vault_argument(error, "that is not the key of a secret");
    si_error_hint(error, "a key is 1 to 128 of A-Z, 0-9 and _, and no digit first");
    return SI_E_INVALID;
  }
  return SI_OK;
}

si_rc si_vault_not_found(const char *app, const char *key, struct si_error *error) {
  char target[200];
  si_vault_target(app, key, target);
  si_error_set(error, SI_E_NOT_FOUND, "SECRET_NOT_FOUND", "the vault holds no secret %s", target);
  si_error_target(error, "vault", target);
  si_error_hint(error, "see what it holds with: si vault list");
  return SI_E_NOT_FOUND;
}

static int write_head(const struct si_vault *vault, const char *app, const char *key,
                      uint64_t revision, char head[HEAD_MAX]) {
  return snprintf(head, HEAD_MAX,
                  "si.secret/1\ncontext %s\napp %s\nkey %s\nrevision %" PRIu64 "\n\n",
                  vault->context->id, app, key, revision);
}

/* --- sealing --- */

si_rc si_vault_seal(const struct si_vault *vault, struct si_vault_text *text, const char *app,
                    const char *key, uint64_t revision, const void *value, size_t len,
                    struct si_error *error) {
  struct si_locked plain SI_AUTO(si_locked_free) = {.data = NULL};
  struct si_buf sealed SI_AUTO(si_buf_free) = SI_BUF(SI_VAULT_TEXT_MAX);
  const char *recipients[SI_AGE_RECIPIENTS_MAX];
  char head[HEAD_MAX];
  int head_len = write_head(vault, app, key, revision, head);
  for (size_t i = 0; i < text->recipient_count; i++) {
    recipients[i] = text->recipients[i];
  }
  si_rc status = si_locked_make(&plain, (size_t)head_len + len);
  status = status == SI_OK ? si_locked_add(&plain, head, (size_t)head_len) : status;
  status = status == SI_OK ? si_locked_add(&plain, value, len) : status;
  status = status == SI_OK
               ? si_age_seal(recipients, text->recipient_count, plain.data, plain.len, &sealed)
               : status;
  status = status == SI_OK ? si_vault_text_put(text, app, key, sealed.data, sealed.len) : status;
  if (status != SI_OK) {
    return si_error_set(
        error, status, status == SI_E_QUOTA ? "VAULT_TOO_LARGE" : "VAULT_SEAL",
        "a secret cannot be sealed: %s",
        status == SI_E_REFUSED ? "a recipient's key is unusable" : si_status_text(status));
  }
  return SI_OK;
}

static si_rc check_value(const struct si_secret_value *value, struct si_error *error) {
  static const char *const origins[] = {"set", "generated", "imported"};
  char target[200];
  bool known = false;
  si_rc status = si_vault_check_name(value->app, value->key, error);
  if (status != SI_OK) {
    return status;
  }
  si_vault_target(value->app, value->key, target);
  if (value->len == 0 || value->len > SI_SECRET_MAX) {
    return si_vault_argument(error, "the value of %s is %s", target,
                             value->len == 0 ? "empty" : "longer than 65536 bytes");
  }
  if (memchr(value->value, '\0', value->len)) {
    return si_vault_argument(error, "the value of %s holds a NUL", target);
  }
  for (size_t i = 0; i < 3; i++) {
    known = known || strcmp(value->origin, origins[i]) == 0;
  }
  return known ? SI_OK : si_vault_argument(error, "%s is no origin of a secret", value->origin);
}

static bool add_item(cJSON *items, const struct si_secret_value *value, uint64_t revision) {
  char number[24];
  cJSON *item = cJSON_CreateObject();
  snprintf(number, sizeof number, "%" PRIu64, revision);
  return cJSON_AddItemToArray(items, item) && cJSON_AddStringToObject(item, "app", value->app) &&
         cJSON_AddStringToObject(item, "key", value->key) &&
         cJSON_AddStringToObject(item, "origin", value->origin) &&
         cJSON_AddStringToObject(item, "revision", number);
}

/* fields: {count, items: [{app, key, origin, revision}]}, the first so many. */
static bool tell(cJSON *fields, const struct si_vault_change *change,
                 const struct si_secret_value *values) {
  cJSON *items = cJSON_AddArrayToObject(fields, "items");
  bool done = items && cJSON_AddNumberToObject(fields, "count", (double)change->count);
  for (size_t i = 0; done && i < change->count && i < SI_VAULT_NAMED_MAX; i++) {
    done = add_item(items, &values[i], change->rows[i].revision);
  }
  return done;
}

static si_rc set_one(struct si_vault *vault, struct si_vault_change *change,
                     const struct si_secret_value *value, struct si_error *error) {
  const struct si_ledger_row *row = si_ledger_find(&vault->ledger, value->app, value->key);
  uint64_t revision = row ? row->revision + 1 : 1;
  si_rc status = check_value(value, error);
  for (size_t i = 0; status == SI_OK && i < change->count; i++) {
    if (strcmp(change->rows[i].app, value->app) == 0 &&
        strcmp(change->rows[i].key, value->key) == 0) {
      return si_vault_argument(error, "the secret %s is given twice", value->key);
    }
  }
  if (status == SI_OK && si_redact_remember(value->value, value->len) != SI_OK) {
    return si_vault_no_memory(error);
  }
  status = status == SI_OK ? si_vault_seal(vault, &change->text, value->app, value->key, revision,
                                           value->value, value->len, error)
                           : status;
  if (status == SI_OK) {
    si_vault_change_note(change, value->app, value->key, revision, value->origin);
  }
  return status;
}

si_rc si_vault_set_all(struct si_vault *vault, const struct si_secret_value *values, size_t count,
                       struct si_error *error) {
  struct si_vault_change change SI_AUTO(si_vault_change_free) = {.rows = NULL};
  char target[200];
  if (count == 0) {
    return SI_OK;
  }
  if (count > SI_VAULT_SECRETS_MAX) {
    return si_vault_argument(error, "%zu secrets are too many at once", count);
  }
  si_rc status = si_vault_change_begin(vault, count, &change, error);
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    status = set_one(vault, &change, &values[i], error);
  }
  if (status != SI_OK) {
    return status;
  }
  if (!tell(change.fields, &change, values)) {
    return si_vault_no_memory(error);
  }
  si_vault_target(values[0].app, values[0].key, target);
  change.action = "secret.set";
  change.target = count == 1 ? target : NULL;
  return si_vault_change_commit(vault, &change, error);
}

si_rc si_vault_set(struct si_vault *vault, const char *app, const char *key, const void *value,
                   size_t len, const char *origin, uint64_t *revision, struct si_error *error) {
  const struct si_secret_value one = {app, key, value, len, origin};
  si_rc status = si_vault_set_all(vault, &one, 1, error);
  if (status == SI_OK && revision) {
    *revision = si_vault_revision(vault, app, key);
  }
  return status;
}

si_rc si_vault_unset(struct si_vault *vault, const char *app, const char *key,
                     struct si_error *error) {
  struct si_vault_change change SI_AUTO(si_vault_change_free) = {.rows = NULL};
  char target[200];
  si_rc status = si_vault_check_name(app, key, error);
  uint64_t revision = status == SI_OK ? si_vault_revision(vault, app, key) : 0;
  if (status == SI_OK && revision == 0) {
    return si_vault_not_found(app, key, error);
  }
  status = status == SI_OK ? si_vault_change_begin(vault, 1, &change, error) : status;
  if (status != SI_OK) {
    return status;
  }
  si_vault_text_remove(&change.text, app, key);
  si_vault_change_note(&change, app, key, revision, NULL);
  si_vault_target(app, key, target);
  change.action = "secret.unset";
  change.target = target;
  return si_vault_change_commit(vault, &change, error);
}

/* --- opening --- */

static si_rc not_its_own(const char *app, const char *key, const char *why,
                         struct si_error *error) {
  char target[200];
  si_vault_target(app, key, target);
  si_error_set(error, SI_E_CORRUPT, "VAULT_TAMPERED", "the vault's secret %s cannot be used: %s",
               target, why);
  si_error_target(error, "vault", target);
  return SI_E_CORRUPT;
}

static si_rc open_age(struct si_vault *vault, const void *sealed, size_t len, struct si_locked *out,
                      struct si_error *error) {
  si_rc status =
      si_vault_keys_read(vault->context, false, vault->ask, vault->ask_ctx, &vault->keys, error);
  if (status != SI_OK) {
    return status;
  }
  status =
      si_age_open(si_vault_keys_list(&vault->keys), vault->keys.count, sealed, len, out, error);
  if (status != SI_E_AUTH || vault->keys.pending_read) {
    return status;
  }
  /* A rotation that died may have sealed it for the identity that is to come. */
  status =
      si_vault_keys_read(vault->context, true, vault->ask, vault->ask_ctx, &vault->keys, error);
  return status == SI_OK ? si_age_open(si_vault_keys_list(&vault->keys), vault->keys.count, sealed,
                                       len, out, error)
                         : status;
}

si_rc si_vault_unseal(struct si_vault *vault, const char *app, const char *key,
                      struct si_locked *out, const void **value, size_t *len,
                      struct si_error *error) {
  struct si_buf sealed SI_AUTO(si_buf_free) = SI_BUF(SI_VAULT_TEXT_MAX);
  struct si_error why = {.code = ""};
  char head[HEAD_MAX];
  size_t used = 0;
  const struct si_vault_line *line = si_vault_text_find(&vault->text, app, key);
  if (!line) {
    return si_vault_not_found(app, key, error);
  }
  size_t text_len = line->len - line->value_at;
  if (si_buf_reserve(&sealed, text_len) != SI_OK) {
    return si_vault_no_memory(error);
  }
  if (si_base64_decode(line->text + line->value_at, text_len, true, sealed.data, text_len, &used) !=
      SI_OK) {
    return not_its_own(app, key, "it is no Base64", error);
  }
  si_rc status = open_age(vault, sealed.data, used, out, &why);
  if (status == SI_E_AUTH && strcmp(why.code, "AGE_NO_MATCH") == 0) {
    si_error_set(error, SI_E_AUTH, "VAULT_LOCKED", "the identity does not open the secret %s", key);
    si_error_hint(error, "is it the one of this vault? Compare with: si paas secret key");
    return SI_E_AUTH;
  }
  if (status == SI_E_CORRUPT && strncmp(why.code, "AGE_", 4) == 0) {
    return not_its_own(app, key, why.message, error);
  }
  if (status != SI_OK) {
    if (error) {
      *error = why;
    }
    return status;
  }
  size_t head_len = (size_t)write_head(vault, app, key, si_vault_revision(vault, app, key), head);
  if (out->len <= head_len || memcmp(out->data, head, head_len) != 0) {
    return not_its_own(app, key, "it was sealed for another place or revision", error);
  }
  *value = out->data + head_len;
  *len = out->len - head_len;
  return SI_OK;
}

si_rc si_vault_get(struct si_vault *vault, const char *app, const char *key, void *ctx,
                   si_vault_use use, struct si_error *error) {
  struct si_locked plain SI_AUTO(si_locked_free) = {.data = NULL};
  const void *value = NULL;
  size_t len = 0;
  si_rc status = si_vault_check_name(app, key, error);
  status = status == SI_OK ? si_vault_unseal(vault, app, key, &plain, &value, &len, error) : status;
  if (status == SI_OK && si_redact_remember(value, len) != SI_OK) {
    return si_vault_no_memory(error);
  }
  return status == SI_OK ? use(ctx, value, len) : status;
}
