/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "paas/context/private.h"
#include "paas/state/place.h"

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

/* The settings that an import brings. */
static bool add_settings(cJSON *config, const cJSON *settings) {
  const cJSON *member = NULL;
  cJSON_ArrayForEach(member, settings) {
    cJSON *copy = cJSON_Duplicate(member, true);
    if (!copy || !cJSON_AddItemToObject(config, member->string, copy)) {
      cJSON_Delete(copy);
      return false;
    }
  }
  return true;
}

static bool add_lists(cJSON *config) {
  static const char *const lists[] = {"default_targets", "repositories"};
  for (size_t i = 0; i < 2; i++) {
    if (!si_json_get(config, lists[i]) && !cJSON_AddArrayToObject(config, lists[i])) {
      return false;
    }
  }
  if (si_json_get(config, "webhook_policy")) {
    return true;
  }
  cJSON *webhooks = cJSON_AddObjectToObject(config, "webhook_policy");
  return webhooks && cJSON_AddStringToObject(webhooks, "mode", "deny");
}

bool si_context_identity_put(cJSON *config, const char *path, uint64_t inode) {
  char number[24];
  snprintf(number, sizeof number, "%" PRIu64, inode); /* a number of JSON may be too small */
  cJSON_DeleteItemFromObjectCaseSensitive(config, "identity");
  cJSON *identity = cJSON_AddObjectToObject(config, "identity");
  return identity && cJSON_AddStringToObject(identity, "path", path) &&
         cJSON_AddStringToObject(identity, "inode", number);
}

static cJSON *new_config(const struct si_context *context, const struct si_context_making *making,
                         uint64_t inode) {
  cJSON *config = cJSON_CreateObject();
  bool done = cJSON_AddStringToObject(config, "schema", SI_CONTEXT_SCHEMA) &&
              cJSON_AddStringToObject(config, "name", context->name) &&
              cJSON_AddStringToObject(config, "type", context->type) &&
              cJSON_AddStringToObject(config, "id", context->id) &&
              cJSON_AddStringToObject(config, "created_at", context->created_at) &&
              cJSON_AddStringToObject(config, "state_root", context->dir) &&
              cJSON_AddStringToObject(config, "vault_file", making->vault_file) &&
              add_settings(config, making->settings) && add_lists(config) &&
              add_defaults(config, context->dir) &&
              (!making->unsafe || cJSON_AddTrueToObject(config, "unsafe_repo_state")) &&
              si_context_identity_put(config, context->dir, inode);
  if (!done) {
    cJSON_Delete(config);
    return NULL;
  }
  return config;
}

si_rc si_context_config_write(int dir, const struct si_context *context,
                              const struct si_context_making *making, uint64_t inode,
                              struct si_error *error) {
  cJSON *config SI_AUTO(si_json_free) = new_config(context, making, inode);
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
    const char *sense = errno == ENOENT   ? "there is none"
                        : errno == EFBIG  ? "it is larger than 1 MiB"
                        : errno == EINVAL ? "it is no regular file"
                                          : NULL;
    return sense ? broken(path, sense, error)
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

/* What must hold before a word of it is believed: it is the directory that it was made in (R8). */
static si_rc check_identity(const cJSON *config, const char *dir, uint64_t inode,
                            struct si_error *error) {
  uint64_t made = 0;
  const cJSON *identity = si_json_get(config, "identity");
  const char *path = si_json_str(identity, "path");
  const char *number = si_json_str(identity, "inode");
  if (!path || !number || si_parse_u64(number, 0, UINT64_MAX, &made) != SI_OK) {
    return SI_OK; /* a flaw, which is told as one */
  }
  return strcmp(path, dir) == 0 && made == inode ? SI_OK : si_state_copied(dir, path, error);
}

si_rc si_context_config_take(cJSON *config, const char *dir, struct si_context *out,
                             struct si_error *error) {
  cJSON *own SI_AUTO(si_json_free) = config;
  char why[200];
  if (!si_context_fields_valid(own, why, sizeof why)) {
    return broken(dir, why, error);
  }
  if (!add_defaults(own, dir)) {
    return no_memory(error);
  }
  *out = (struct si_context){.name = ""};
  si_copy(out->name, sizeof out->name, si_json_str(own, "name"));
  si_copy(out->type, sizeof out->type, si_context_type(si_json_str(own, "type")));
  si_copy(out->id, sizeof out->id, si_json_str(own, "id"));
  si_copy(out->dir, sizeof out->dir, dir);
  si_copy(out->created_at, sizeof out->created_at, si_json_str(own, "created_at"));
  out->config = own;
  own = NULL;
  return SI_OK;
}

si_rc si_context_config_use(cJSON *config, const char *name, const char *dir, uint64_t inode,
                            struct si_context *out, struct si_error *error) {
  struct si_context found SI_AUTO(si_context_free) = {.name = ""};
  si_rc status = check_identity(config, dir, inode, error);
  if (status != SI_OK) {
    cJSON_Delete(config);
    return status;
  }
  status = si_context_config_take(config, dir, &found, error);
  if (status != SI_OK) {
    return status;
  }
  if (strcmp(found.name, name) != 0) {
    return broken(dir, "its name is not that of its directory", error);
  }
  if (strcmp(si_json_str(found.config, "state_root"), dir) != 0) {
    return broken(dir, "its state_root is not its directory", error);
  }
  *out = found;
  found.config = NULL;
  return SI_OK;
}

bool si_context_unsafe(const struct si_context *context) {
  return si_json_bool(context->config, "unsafe_repo_state", false);
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
  if (sink && !si_context_unsafe(context)) {
    si_rc status = si_context_guard_provider(inner, error);
    if (status != SI_OK) {
      return status;
    }
  }
  *provider = name;
  *config = inner;
  return SI_OK;
}

void si_context_free(struct si_context *context) {
  cJSON_Delete(context->config);
  context->config = NULL;
}

uint64_t si_context_max_artifact(const struct si_context *context) {
  const cJSON *runpacks = si_json_get(context->config, "runpacks");
  return (uint64_t)si_json_int(runpacks, "max_artifact_bytes", 1, 1ll << 50, 0);
}

bool si_context_sandbox_required(const struct si_context *context) {
  const char *sandbox = si_json_str(context->config, "sandbox");
  return sandbox && strcmp(sandbox, "required") == 0;
}
