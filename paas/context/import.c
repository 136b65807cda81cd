/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kit/base/hash.h"
#include "paas/context/private.h"
#include "paas/context/transfer.h"
#include "paas/redact/redact.h"

#define PROJECTS_MAX 100000

static si_rc invalid(struct si_error *error, const char *what) {
  si_error_set(error, SI_E_INVALID, "PAAS_IMPORT_INVALID", "this is no " SI_CONTEXT_EXPORT ": %s",
               what);
  si_error_hint(error, "give a file that si paas context export has written");
  return SI_E_INVALID;
}

static bool is_text(const cJSON *value, size_t most) {
  return cJSON_IsString(value) && strlen(value->valuestring) <= most;
}

/* Nothing but `keys` in the object. */
static bool only(const cJSON *object, const char *const *keys, size_t count) {
  const cJSON *member = NULL;
  cJSON_ArrayForEach(member, object) {
    size_t i = 0;
    while (i < count && strcmp(keys[i], member->string) != 0) {
      i++;
    }
    if (i == count) {
      return false;
    }
  }
  return cJSON_IsObject(object);
}
#define ONLY(object, ...)                          \
  only(object, (const char *const[]){__VA_ARGS__}, \
       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static const char *flaw_of_head(const cJSON *document) {
  int64_t ms;
  const char *type = si_json_str(document, "type");
  const char *at = si_json_str(document, "exported_at");
  const cJSON *from = si_json_get(document, "from");
  if (!ONLY(document, "config", "exported_at", "from", "name", "omitted", "projects", "schema",
            "secrets", "sha256", "type")) {
    return "it has a field that means nothing";
  }
  if (!si_name_valid(si_json_str(document, "name"))) {
    return "its name is no context's";
  }
  if (!type || !si_context_type(type)) {
    return "its type is none of internal, demo, customer";
  }
  if (!at || si_time_parse(at, &ms) != SI_OK) {
    return "its exported_at is no time";
  }
  return ONLY(from, "id") && si_context_id_valid(si_json_str(from, "id"))
             ? NULL
             : "its from is not {\"id\": ID}";
}

static const char *flaw_of_lists(const cJSON *document) {
  const cJSON *projects = si_json_get(document, "projects");
  const cJSON *omitted = si_json_get(document, "omitted");
  const cJSON *secrets = si_json_get(document, "secrets");
  const cJSON *entry = NULL;
  if (!cJSON_IsArray(projects) || !cJSON_IsArray(omitted) ||
      cJSON_GetArraySize(projects) > PROJECTS_MAX || cJSON_GetArraySize(omitted) > PROJECTS_MAX) {
    return "projects and omitted are not lists";
  }
  cJSON_ArrayForEach(entry, projects) {
    if (!ONLY(entry, "name", "provisioner") || !si_name_valid(si_json_str(entry, "name")) ||
        !si_name_valid(si_json_str(entry, "provisioner"))) {
      return "a project is not {\"name\": NAME, \"provisioner\": NAME}";
    }
  }
  cJSON_ArrayForEach(entry, omitted) {
    if (!is_text(entry, 65536) || entry->valuestring[0] != '/') {
      return "omitted holds what is no JSON pointer";
    }
  }
  if (secrets &&
      (!ONLY(secrets, "age", "recipient") || !is_text(si_json_get(secrets, "recipient"), 256) ||
       !cJSON_IsString(si_json_get(secrets, "age")))) {
    return "its secrets are not {\"age\": BASE64, \"recipient\": RECIPIENT}";
  }
  return NULL;
}

static const char *flaw_of_config(const cJSON *document) {
  const cJSON *config = si_json_get(document, "config");
  const cJSON *member = NULL;
  if (!ONLY(config, "audit_sink", "default_targets", "provisioner", "retention", "runpacks",
            "webhook_policy")) {
    return "its config has a field that means nothing";
  }
  cJSON_ArrayForEach(member, config) {
    if (!si_context_field_valid(member->string, member)) {
      return "a field of its config is not what it must be";
    }
  }
  return NULL;
}

static si_rc check_hash(cJSON *document, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_CONTEXT_EXPORT_MAX);
  char hash[SI_SHA256_HEX];
  cJSON *own SI_AUTO(si_json_free) = cJSON_DetachItemFromObjectCaseSensitive(document, "sha256");
  if (!cJSON_IsString(own)) {
    return invalid(error, "it has no sha256");
  }
  if (si_json_canonical(document, &text) != SI_OK ||
      si_sha256_hex(si_buf_text(&text), text.len, hash) != SI_OK) {
    return invalid(error, "it has a number with a fraction");
  }
  if (strcmp(own->valuestring, hash) == 0) {
    return SI_OK;
  }
  si_error_set(error, SI_E_CORRUPT, "PAAS_IMPORT_HASH",
               "the file was changed after it was exported: its sha256 is not that of its content");
  si_error_hint(error, "export it again");
  return SI_E_CORRUPT;
}

static si_rc refuse_secrets(const cJSON *value, struct si_error *error) {
  const cJSON *member = NULL;
  si_rc status = SI_OK;
  cJSON_ArrayForEach(member, value) {
    if (member->string && si_redact_member(member)) {
      si_error_set(error, SI_E_REFUSED, "PAAS_IMPORT_SECRET",
                   "the config holds %.80s, which by its name is a secret", member->string);
      si_error_hint(error, "take it out, and set it in the new context: si vault set");
      return SI_E_REFUSED;
    }
    status = refuse_secrets(member, error);
    if (status != SI_OK) {
      return status;
    }
  }
  return status;
}

static si_rc check(cJSON *document, struct si_error *error) {
  const char *schema = si_json_str(document, "schema");
  if (!schema || strcmp(schema, SI_CONTEXT_EXPORT) != 0) {
    return invalid(error, "its schema is another");
  }
  const char *flaw = flaw_of_head(document);
  flaw = flaw ? flaw : flaw_of_lists(document);
  flaw = flaw ? flaw : flaw_of_config(document);
  if (flaw) {
    return invalid(error, flaw);
  }
  si_rc status = check_hash(document, error);
  return status == SI_OK ? refuse_secrets(si_json_get(document, "config"), error) : status;
}

/* Whose root was left out has the default one again. */
static void drop_rootless_sink(cJSON *config) {
  const cJSON *sink = si_json_get(config, "audit_sink");
  const char *provider = si_json_str(sink, "provider");
  if (provider && strcmp(provider, "file") == 0 &&
      !si_json_get(si_json_get(sink, "config"), "root")) {
    cJSON_DeleteItemFromObjectCaseSensitive(config, "audit_sink");
  }
}

si_rc si_context_import(const char *text, size_t len, const struct si_context_options *options,
                        struct si_context *out, cJSON **document, struct si_error *error) {
  cJSON *own SI_AUTO(si_json_free) = NULL;
  struct si_context_options all = *options;
  struct si_error why;
  if (len > SI_CONTEXT_EXPORT_MAX) {
    return invalid(error, "it is too long");
  }
  if (si_json_parse(text, len, &own, &why) != SI_OK) {
    return invalid(error, why.message);
  }
  si_rc status = cJSON_IsObject(own) ? check(own, error) : invalid(error, "it is no JSON object");
  if (status != SI_OK) {
    return status;
  }
  cJSON *config = cJSON_GetObjectItemCaseSensitive(own, "config");
  drop_rootless_sink(config);
  all.type = si_json_str(own, "type");
  all.settings = config;
  all.exist_ok = false;
  status =
      si_context_guard_provider(si_json_get(si_json_get(config, "audit_sink"), "config"), error);
  const cJSON *replica = si_json_get(si_json_get(config, "retention"), "replica");
  if (status == SI_OK && replica) {
    status = si_context_guard_provider(si_json_get(replica, "config"), error);
  }
  if (status == SI_OK) {
    status = si_context_create(&all, out, NULL, error);
  }
  if (status == SI_OK && document) {
    *document = own;
    own = NULL;
  }
  return status;
}
