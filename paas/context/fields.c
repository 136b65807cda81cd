/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/context/fields.c - the fields of config.json (R3): what each may hold, and which there are.
 * Depends on sdk/kit/base.
 */
#include <stdio.h>
#include <string.h>

#include "paas/context/private.h"
#include "paas/retention/policy.h"
#include "paas/stack/guard.h"

#define TARGETS_MAX 256
#define REPOSITORIES_MAX 256
#define HOSTS_MAX 256

/* Of each: NULL where it is as it must be, else what it must be. */

static const char *is_path(const cJSON *value) {
  const char *text = cJSON_IsString(value) ? value->valuestring : "";
  bool plain = text[0] == '/' && strlen(text) < SI_PATH_MAX && !strpbrk(text, "\n\r");
  return plain ? NULL : "an absolute path";
}

static const char *is_path_or_null(const cJSON *value) {
  return cJSON_IsNull(value) || !is_path(value) ? NULL : "an absolute path, or null";
}

static const char *is_type(const cJSON *value) {
  const char *text = cJSON_IsString(value) ? value->valuestring : "";
  return si_context_type(text) ? NULL : "one of internal, demo, customer";
}

static const char *is_id(const cJSON *value) {
  return cJSON_IsString(value) && si_context_id_valid(value->valuestring)
             ? NULL
             : "ctx- and 32 hex digits";
}

static const char *is_time(const cJSON *value) {
  int64_t ms;
  return cJSON_IsString(value) && si_time_parse(value->valuestring, &ms) == SI_OK ? NULL : "a time";
}

static const char *is_name(const cJSON *value) {
  return cJSON_IsString(value) && si_name_valid(value->valuestring) ? NULL : "a name";
}

static const char *is_bool(const cJSON *value) {
  return cJSON_IsBool(value) ? NULL : "true or false";
}

static const char *is_sandbox(const cJSON *value) {
  const char *text = cJSON_IsString(value) ? value->valuestring : "";
  return strcmp(text, "warn") == 0 || strcmp(text, "required") == 0 ? NULL
                                                                    : "\"warn\" or \"required\"";
}

static const char *is_schema(const cJSON *value) {
  return cJSON_IsString(value) && strcmp(value->valuestring, SI_CONTEXT_SCHEMA) == 0
             ? NULL
             : SI_CONTEXT_SCHEMA;
}

/* Are all entries of a list texts that `is` takes, none twice, at most `most`? */
static bool is_set(const cJSON *value, const char *(*is)(const cJSON *value), int most) {
  const cJSON *entry = NULL;
  if (!cJSON_IsArray(value) || cJSON_GetArraySize(value) > most) {
    return false;
  }
  cJSON_ArrayForEach(entry, value) {
    if (is(entry)) {
      return false;
    }
    for (const cJSON *later = entry->next; later; later = later->next) {
      if (cJSON_IsString(later) && strcmp(later->valuestring, entry->valuestring) == 0) {
        return false;
      }
    }
  }
  return true;
}

static const char *is_targets(const cJSON *value) {
  return is_set(value, is_name, TARGETS_MAX) ? NULL : "a list of names, none of them twice";
}

static const char *is_repositories(const cJSON *value) {
  return is_set(value, is_path, REPOSITORIES_MAX) ? NULL
                                                  : "a list of absolute paths, none of them twice";
}

static const char *is_provider(const cJSON *value) {
  return cJSON_IsObject(value) && cJSON_GetArraySize(value) == 2 &&
                 si_name_valid(si_json_str(value, "provider")) &&
                 cJSON_IsObject(si_json_get(value, "config"))
             ? NULL
             : "{\"provider\": NAME, \"config\": {}}";
}

static const char *is_runpacks(const cJSON *value) {
  return cJSON_IsObject(value) && cJSON_GetArraySize(value) == 1 &&
                 si_json_int(value, "max_artifact_bytes", 1, 1ll << 50, 0) > 0
             ? NULL
             : "{\"max_artifact_bytes\": BYTES}";
}

static const char *is_host(const cJSON *value) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:";
  const char *text = cJSON_IsString(value) ? value->valuestring : "";
  const char *host = strncmp(text, "*.", 2) == 0 ? text + 2 : text;
  bool well = host[0] && host[0] != '.' && strlen(host) < 254 && !host[strspn(host, plain)];
  return well ? NULL : "a host, or *.DOMAIN";
}

static const char *is_policy(const cJSON *value) {
  const char *mode = si_json_str(value, "mode");
  const cJSON *allow = si_json_get(value, "allow");
  return cJSON_IsObject(value) && cJSON_GetArraySize(value) == 1 + !!allow && mode &&
                 (strcmp(mode, "deny") == 0 || strcmp(mode, "allow") == 0) &&
                 (!allow || is_set(allow, is_host, HOSTS_MAX))
             ? NULL
             : "{\"mode\": \"deny\"} or {\"mode\": \"allow\", \"allow\": [HOST or *.DOMAIN]}";
}

static const char *is_retention(const cJSON *value) {
  char why[200];
  return si_retention_valid(value, why, sizeof why) ? NULL : SI_RETENTION_FORM;
}

static const char *is_guard(const cJSON *value) {
  return si_guard_valid(value) ? NULL : SI_GUARD_FORM;
}

static const char *is_identity(const cJSON *value) {
  uint64_t inode;
  const char *number = si_json_str(value, "inode");
  return cJSON_IsObject(value) && cJSON_GetArraySize(value) == 2 &&
                 !is_path(si_json_get(value, "path")) && number &&
                 si_parse_u64(number, 0, UINT64_MAX, &inode) == SI_OK
             ? NULL
             : "{\"path\": PATH, \"inode\": \"NUMBER\"}";
}

static const struct {
  const char *key;
  bool required;
  const char *(*is)(const cJSON *value);
} fields[] = {
    {"schema", true, is_schema},
    {"name", true, is_name},
    {"type", true, is_type},
    {"id", true, is_id},
    {"created_at", true, is_time},
    {"state_root", true, is_path},
    {"vault_file", false, is_path_or_null},
    {"default_targets", false, is_targets},
    {"webhook_policy", false, is_policy},
    {"audit_sink", false, is_provider},
    {"provisioner", false, is_provider},
    {"runpacks", false, is_runpacks},
    {"retention", false, is_retention},
    {"stack_guard", false, is_guard},
    {"repositories", false, is_repositories},
    {"sandbox", false, is_sandbox},
    {"identity", true, is_identity},
    {"unsafe_repo_state", false, is_bool},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static size_t field_of(const char *key) {
  size_t i = 0;
  while (i < FIELDS && strcmp(fields[i].key, key) != 0) {
    i++;
  }
  return i;
}

bool si_context_field_valid(const char *key, const cJSON *value) {
  size_t i = field_of(key);
  return i < FIELDS && !fields[i].is(value);
}

static bool unknown(const char *key, char *why, size_t size) {
  const char *names[FIELDS];
  for (size_t i = 0; i < FIELDS; i++) {
    names[i] = fields[i].key;
  }
  const char *near = si_nearest(key, names, FIELDS);
  snprintf(why, size, "it has a field \"%.60s\", which means nothing%s%s%s", key,
           near ? " (is it " : "", near ? near : "", near ? "?)" : "");
  return false;
}

bool si_context_fields_valid(const cJSON *config, char *why, size_t size) {
  const cJSON *member = NULL;
  /* The schema first: of another one nothing else can be said. */
  for (size_t i = 0; i < FIELDS; i++) {
    const cJSON *value = si_json_get(config, fields[i].key);
    if (!value && !fields[i].required) {
      continue;
    }
    const char *wanted = value ? fields[i].is(value) : "there";
    if (wanted) {
      snprintf(why, size, "its %s is not %s", fields[i].key, wanted);
      return false;
    }
  }
  cJSON_ArrayForEach(member, config) {
    if (field_of(member->string) == FIELDS) {
      return unknown(member->string, why, size);
    }
  }
  return true;
}
