/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets taken in, all or none: an age file of si.secrets/1 JSON, or a plain dotenv text. */
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/vault/base64.h"
#include "paas/vault/dotenv.h"
#include "paas/vault/private.h"

struct intake {
  struct si_locked room; /* values */
  struct si_secret_value *values;
  char (*keys)[132]; /* behind values[].key */
  char (*apps)[64];
  size_t count;
};

static void end(struct intake *intake) {
  si_locked_free(&intake->room);
  free(intake->values);
  free(intake->keys);
  free(intake->apps);
}

/* Strings of the tree may be values: none is given back unwiped. */
static void wipe_tree(cJSON *value) {
  for (; value; value = value->next) {
    wipe_tree(value->child);
    if (cJSON_IsString(value) && value->valuestring) {
      si_wipe(value->valuestring, strlen(value->valuestring));
    }
  }
}

static void free_wiped(cJSON **value) {
  wipe_tree(*value);
  cJSON_Delete(*value);
}

static si_rc begin(struct intake *intake, size_t room, size_t count, struct si_error *error) {
  if (count > SI_VAULT_SECRETS_MAX) {
    return si_vault_argument(error, "%zu secrets are too many", count);
  }
  intake->values = calloc(count + 1, sizeof *intake->values);
  intake->keys = calloc(count + 1, sizeof *intake->keys);
  intake->apps = calloc(count + 1, sizeof *intake->apps);
  return intake->values && intake->keys && intake->apps &&
                 si_locked_make(&intake->room, room) == SI_OK
             ? SI_OK
             : si_vault_no_memory(error);
}

static void add(struct intake *intake, const char *app, const char *key, const void *value,
                size_t len) {
  size_t n = intake->count++;
  si_copy(intake->apps[n], sizeof intake->apps[n], app);
  si_copy(intake->keys[n], sizeof intake->keys[n], key);
  intake->values[n] =
      (struct si_secret_value){intake->apps[n], intake->keys[n], value, len, "imported"};
}

/* --- si.secrets/1 --- */

static si_rc take_item(struct intake *intake, const cJSON *item, struct si_error *error) {
  const char *app = si_json_str(item, "app"), *key = si_json_str(item, "key");
  const char *value = si_json_str(item, "value");
  unsigned char *to = intake->room.data + intake->room.len;
  size_t used = 0;
  if (!app || !key || !value || !si_vault_app_valid(app) || !si_vault_key_valid(key)) {
    return si_vault_argument(error, "secret %zu has no app, key or value, or not as it must be",
                             intake->count + 1);
  }
  if (si_base64_decode(value, strlen(value), true, to, intake->room.size - intake->room.len,
                       &used) != SI_OK) {
    return si_vault_argument(error, "the value of %s is no Base64", key);
  }
  intake->room.len += used;
  add(intake, app, key, to, used);
  return SI_OK;
}

static si_rc take_json(struct intake *intake, const char *text, size_t len,
                       struct si_error *error) {
  cJSON *json SI_AUTO(free_wiped) = NULL;
  struct si_error why = {.code = ""};
  if (si_json_parse(text, len, &json, &why) != SI_OK) {
    return si_vault_argument(error, "what is sealed in it is no JSON"); /* no part of it is shown */
  }
  const char *schema = si_json_str(json, "schema");
  const cJSON *secrets = si_json_get(json, "secrets"), *item = NULL;
  if (!schema || strcmp(schema, "si.secrets/1") != 0 || !cJSON_IsArray(secrets)) {
    return si_vault_argument(error, "what is sealed in it is no si.secrets/1 document");
  }
  si_rc status = begin(intake, len, (size_t)cJSON_GetArraySize(secrets), error);
  cJSON_ArrayForEach(item, secrets) {
    status = status == SI_OK ? take_item(intake, item, error) : status;
  }
  return status;
}

static si_rc take_sealed(struct si_vault *vault, struct intake *intake, const char *text,
                         size_t len, struct si_error *error) {
  struct si_locked plain SI_AUTO(si_locked_free) = {.data = NULL};
  struct si_error why = {.code = ""};
  si_rc status =
      si_vault_keys_read(vault->context, false, vault->ask, vault->ask_ctx, &vault->keys, error);
  if (status != SI_OK) {
    return status;
  }
  status =
      si_age_open(si_vault_keys_list(&vault->keys), vault->keys.count, text, len, &plain, &why);
  if (status == SI_E_AUTH) {
    si_error_set(error, status, "VAULT_LOCKED",
                 "the file is not sealed for this context, whose key is %s", vault->ledger.own);
    si_error_hint(error, "export it again for that recipient");
    return status;
  }
  if (status != SI_OK) {
    si_error_set(error, status, "VAULT_IMPORT", "the file cannot be opened: %s", why.message);
    si_error_hint(error, "a plain dotenv text is read with --plain");
    return status;
  }
  return take_json(intake, (const char *)plain.data, plain.len, error);
}

/* --- a dotenv text --- */

static si_rc take_plain(struct intake *intake, const char *app, const char *text, size_t len,
                        struct si_error *error) {
  struct si_dotenv reader = {.at = text, .end = text + len};
  size_t lines = 1;
  bool more = true;
  for (const char *p = text; p < text + len; p++) {
    lines += *p == '\n';
  }
  if (!si_vault_app_valid(app)) {
    return si_vault_argument(error, "that is not the name of an app");
  }
  si_rc status =
      begin(intake, len, lines < SI_VAULT_SECRETS_MAX ? lines : SI_VAULT_SECRETS_MAX, error);
  while (status == SI_OK && more) {
    status = si_dotenv_next(&reader, &intake->room, &more, error);
    if (status == SI_OK && more) {
      if (intake->count >= SI_VAULT_SECRETS_MAX) {
        return si_vault_argument(error, "these are too many secrets");
      }
      add(intake, app, reader.key, reader.value, reader.len);
    }
  }
  return status;
}

si_rc si_vault_import(struct si_vault *vault, const char *app, bool plain, const char *text,
                      size_t len, size_t *count, struct si_error *error) {
  struct intake intake SI_AUTO(end) = {.count = 0};
  si_rc status = plain ? take_plain(&intake, app, text, len, error)
                       : take_sealed(vault, &intake, text, len, error);
  status = status == SI_OK ? si_vault_set_all(vault, intake.values, intake.count, error) : status;
  if (status == SI_OK) {
    *count = intake.count;
  }
  return status;
}
