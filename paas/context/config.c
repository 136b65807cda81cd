/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "paas/context/private.h"

const char *si_context_type(const char *type) {
  static const struct {
    const char *given, *stored;
  } types[] = {{"internal", "internal"},
               {"demo", "demo"},
               {"customer", "customer"},
               {"internal-dogfood", "internal"},
               {"oss-demo", "demo"}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (strcmp(types[i].given, type) == 0) {
      return types[i].stored;
    }
  }
  return NULL;
}

const char *si_context_type_of_name(const char *name) {
  const char *alias = si_context_type(name);
  if (alias) {
    return alias;
  }
  return strncmp(name, "customer-", 9) == 0 ? "customer" : "internal";
}

bool si_context_id_valid(const char *id) {
  return id && strlen(id) == 36 && strncmp(id, "ctx-", 4) == 0 &&
         strspn(id + 4, "0123456789abcdef") == 32;
}

static si_rc no_memory(struct si_error *error) {
  return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: a context's config");
}

si_rc si_context_write_json(int dir, const char *name, const cJSON *value, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_CONTEXT_CONFIG_MAX);
  if (si_json_print(value, true, &text) != SI_OK || si_buf_puts(&text, "\n") != SI_OK) {
    return no_memory(error);
  }
  if (si_write_file(dir, name, text.data, text.len, 0600) != SI_OK) {
    return si_context_errno(errno, "writing", name, error);
  }
  return SI_OK;
}

/* {"provider": provider, "config": {"root": root}}, without root where it is NULL */
static bool add_provider(cJSON *config, const char *key, const char *provider, const char *root) {
  cJSON *entry = cJSON_AddObjectToObject(config, key);
  cJSON *inner = NULL;
  if (entry && cJSON_AddStringToObject(entry, "provider", provider)) {
    inner = cJSON_AddObjectToObject(entry, "config");
  }
  return inner && (!root || cJSON_AddStringToObject(inner, "root", root));
}

static bool add_default(cJSON *config, const char *key, const char *dir) {
  char root[SI_PATH_MAX + 16];
  if (si_json_get(config, key)) {
    return true;
  }
  if (strcmp(key, "provisioner") == 0) {
    return add_provider(config, key, "local", NULL);
  }
  return si_path_join(root, sizeof root, dir, "runpacks") == SI_OK &&
         add_provider(config, key, "file", root);
}

static bool add_defaults(cJSON *config, const char *dir) {
  return add_default(config, "audit_sink", dir) && add_default(config, "provisioner", dir);
}

static cJSON *new_config(const struct si_context *context, const char *vault_file, uint64_t inode) {
  char number[24];
  cJSON *config = cJSON_CreateObject();
  snprintf(number, sizeof number, "%" PRIu64, inode); /* a number of JSON may be too small */
  bool done = cJSON_AddStringToObject(config, "schema", SI_CONTEXT_SCHEMA) &&
              cJSON_AddStringToObject(config, "name", context->name) &&
              cJSON_AddStringToObject(config, "type", context->type) &&
              cJSON_AddStringToObject(config, "id", context->id) &&
              cJSON_AddStringToObject(config, "created_at", context->created_at) &&
              cJSON_AddStringToObject(config, "state_root", context->dir) &&
              cJSON_AddStringToObject(config, "vault_file", vault_file) &&
              cJSON_AddArrayToObject(config, "default_targets");
  cJSON *webhooks = done ? cJSON_AddObjectToObject(config, "webhook_policy") : NULL;
  done = webhooks && cJSON_AddStringToObject(webhooks, "mode", "deny") &&
         add_defaults(config, context->dir);
  cJSON *identity = done ? cJSON_AddObjectToObject(config, "identity") : NULL;
  done = identity && cJSON_AddStringToObject(identity, "path", context->dir) &&
         cJSON_AddStringToObject(identity, "inode", number);
  if (!done) {
    cJSON_Delete(config);
    return NULL;
  }
  return config;
}

si_rc si_context_config_write(int dir, const struct si_context *context, const char *vault_file,
                              uint64_t inode, struct si_error *error) {
  cJSON *config SI_AUTO(si_json_free) = new_config(context, vault_file, inode);
  return config ? si_context_write_json(dir, "config.json", config, error) : no_memory(error);
}

static si_rc broken(const char *path, const char *why, struct si_error *error) {
  si_error_set(error, SI_E_CORRUPT, "PAAS_CONTEXT_CONFIG", "%s/config.json: %s", path, why);
  si_error_hint(error,
                "mend the file, or put back the one that was written when the context was "
                "made");
  return SI_E_CORRUPT;
}

si_rc si_context_config_read(int dir, const char *path, cJSON **out, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_CONTEXT_CONFIG_MAX);
  struct si_error why;
  si_rc status = si_read_file(dir, "config.json", &text);
  if (status != SI_OK) {
    return errno == ENOENT ? broken(path, "there is none", error)
                           : si_context_errno(errno, "reading config.json in", path, error);
  }
  cJSON *config SI_AUTO(si_json_free) = NULL;
  if (si_json_parse(text.data ? text.data : "", text.len, &config, &why) != SI_OK) {
    return broken(path, why.message, error);
  }
  if (!cJSON_IsObject(config)) {
    return broken(path, "it is no JSON object", error);
  }
  *out = config;
  config = NULL;
  return SI_OK;
}

/* NULL where all is well. */
static const char *flaw(const cJSON *config, const char *name) {
  const char *schema = si_json_str(config, "schema");
  const char *own = si_json_str(config, "name");
  const char *type = si_json_str(config, "type");
  const char *created = si_json_str(config, "created_at");
  if (!schema || strcmp(schema, SI_CONTEXT_SCHEMA) != 0) {
    return "its schema is not " SI_CONTEXT_SCHEMA;
  }
  if (!own || strcmp(own, name) != 0) {
    return "its name is not that of its directory";
  }
  if (!type || !si_context_type(type)) {
    return "its type is none of internal, demo, customer";
  }
  if (!si_context_id_valid(si_json_str(config, "id"))) {
    return "its id is not ctx- and 32 hex digits";
  }
  if (!created || strlen(created) >= SI_TIME_SIZE) {
    return "its created_at is no time";
  }
  return NULL;
}

si_rc si_context_config_use(cJSON *config, const char *name, const char *dir,
                            struct si_context *out, struct si_error *error) {
  cJSON *own SI_AUTO(si_json_free) = config;
  const char *why = flaw(own, name);
  if (why) {
    return broken(dir, why, error);
  }
  if (!add_defaults(own, dir)) {
    return no_memory(error);
  }
  *out = (struct si_context){.name = ""};
  si_copy(out->name, sizeof out->name, name);
  si_copy(out->type, sizeof out->type, si_context_type(si_json_str(own, "type")));
  si_copy(out->id, sizeof out->id, si_json_str(own, "id"));
  si_copy(out->dir, sizeof out->dir, dir);
  si_copy(out->created_at, sizeof out->created_at, si_json_str(own, "created_at"));
  out->config = own;
  own = NULL;
  return SI_OK;
}

si_rc si_context_provider(const struct si_context *context, const char *kind, const char **provider,
                          const cJSON **config, struct si_error *error) {
  bool sink = strcmp(kind, "sink") == 0;
  if (!sink && strcmp(kind, "provisioner") != 0) {
    return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT", "a context has no default %s",
                        kind);
  }
  const char *key = sink ? "audit_sink" : "provisioner";
  const cJSON *entry = si_json_get(context->config, key);
  const char *name = si_json_str(entry, "provider");
  const cJSON *inner = si_json_get(entry, "config");
  if (!si_name_valid(name) || !cJSON_IsObject(inner)) {
    return broken(context->dir,
                  sink ? "audit_sink is not {\"provider\": NAME, \"config\": {}}"
                       : "provisioner is not {\"provider\": NAME, \"config\": {}}",
                  error);
  }
  *provider = name;
  *config = inner;
  return SI_OK;
}

void si_context_free(struct si_context *context) {
  cJSON_Delete(context->config);
  context->config = NULL;
}
