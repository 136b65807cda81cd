/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/needs.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"

enum { PATHS_MAX = 64, KEY_MAX = 64, MEMORY_MIN_MB = 16, MEMORY_MAX_MB = 1 << 20 };
#define TEMPLATE "${config."

static si_rc wrong(struct si_error *error, const char *member, const char *why) {
  si_error_set(error, SI_E_INVALID, "PLUGIN_NEEDS",
               "the needs that the plugin is listed with: \"%.64s\" %s", member, why);
  return si_error_hint(
      error,
      "its maker's to mend: NEEDS of si_add_plugin, in [[ ]] for the ${config.KEY} "
      "in it; else it is of another si, or not genuine: install it again");
}

/* Components between single slashes, none of them "." or "..", no control characters: "/a/b", or
 * "/" itself. */
static bool clean(const char *path) {
  size_t len = strnlen(path, SI_PATH_MAX);
  if (path[0] != '/' || len == SI_PATH_MAX) {
    return false;
  }
  for (const char *at = path; *at; at++) {
    if ((unsigned char)*at < 0x20 || *at == 0x7f) {
      return false;
    }
  }
  for (const char *at = path + 1; path[1];) {
    size_t part = strcspn(at, "/");
    if (part == 0 || (part == 1 && at[0] == '.') || (part == 2 && memcmp(at, "..", 2) == 0)) {
      return false;
    }
    if (at[part] == '\0') {
      break;
    }
    at += part + 1;
  }
  return true;
}

/* The key within `path` and what follows its brace; false where it is no template. */
static bool is_template(const char *path, char key[KEY_MAX + 1], const char **sub) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  const size_t start = sizeof TEMPLATE - 1;
  if (strncmp(path, TEMPLATE, start) != 0) {
    return false;
  }
  size_t len = strspn(path + start, letters);
  if (len == 0 || len > KEY_MAX || path[start + len] != '}') {
    return false;
  }
  memcpy(key, path + start, len);
  key[len] = '\0';
  *sub = path + start + len + 1;
  return **sub == '\0' || (clean(*sub) && (*sub)[1]);
}

static si_rc take_paths(const cJSON *member, const cJSON **out, struct si_error *error) {
  const cJSON *path;
  char key[KEY_MAX + 1];
  const char *sub;
  if (!cJSON_IsArray(member) || cJSON_GetArraySize(member) > PATHS_MAX) {
    return wrong(error, member->string, "must be a list of at most 64 paths");
  }
  cJSON_ArrayForEach(path, member) {
    const char *text = cJSON_GetStringValue(path);
    if (!text || !(clean(text) ? !strstr(text, "${") : is_template(text, key, &sub))) {
      return wrong(error, member->string,
                   "must hold absolute paths without \"..\", or ${config.KEY}, alone");
    }
  }
  *out = member;
  return SI_OK;
}

static si_rc take_flag(const cJSON *member, bool *out, struct si_error *error) {
  if (!cJSON_IsBool(member)) {
    return wrong(error, member->string, "must be true or false");
  }
  *out = cJSON_IsTrue(member);
  return SI_OK;
}

static si_rc take(const cJSON *needs, const cJSON *member, struct si_needs *out,
                  struct si_error *error) {
  const struct {
    const char *name;
    bool *flag;
  } flags[] = {{"network", &out->network}, {"unix", &out->unix_sockets}, {"exec", &out->exec}};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    if (strcmp(member->string, flags[i].name) == 0) {
      return take_flag(member, flags[i].flag, error);
    }
  }
  if (strcmp(member->string, "read") == 0) {
    return take_paths(member, &out->read, error);
  }
  if (strcmp(member->string, "write") == 0) {
    return take_paths(member, &out->write, error);
  }
  if (strcmp(member->string, "memory_mb") == 0) {
    out->memory_mb = (uint32_t)si_json_int(needs, member->string, MEMORY_MIN_MB, MEMORY_MAX_MB, 0);
    return out->memory_mb ? SI_OK
                          : wrong(error, member->string, "must be an integer from 16 to 1048576");
  }
  return wrong(error, member->string, "is nothing that this si can allow");
}

si_rc si_needs_read(const cJSON *needs, struct si_needs *out, struct si_error *error) {
  struct si_needs found = {.memory_mb = 0};
  si_rc status = cJSON_IsObject(needs) ? SI_OK : wrong(error, "needs", "must be an object");
  for (const cJSON *m = status == SI_OK ? needs->child : NULL; status == SI_OK && m; m = m->next) {
    status = take(needs, m, &found, error);
  }
  if (status == SI_OK) {
    *out = found;
  }
  return status;
}

si_rc si_needs_path(const char *path, const cJSON *config, char to[SI_PATH_MAX],
                    struct si_error *error) {
  char filled[2 * SI_PATH_MAX];
  char key[KEY_MAX + 1] = "";
  const char *sub = "";
  const char *value = path;
  if (is_template(path, key, &sub)) {
    const cJSON *member = si_json_get(config, key);
    if (!member) {
      return SI_E_NOT_FOUND;
    }
    value = cJSON_GetStringValue(member);
  }
  size_t len = value ? strnlen(value, SI_PATH_MAX) : 0;
  while (len > 1 && value[len - 1] == '/') {
    len--;
  }
  snprintf(filled, sizeof filled, "%.*s%s", len == 1 && sub[0] ? 0 : (int)len, value ? value : "",
           sub);
  if (len == 0 || len >= SI_PATH_MAX || value[0] != '/' || !clean(filled)) {
    char pointer[KEY_MAX + 2];
    snprintf(pointer, sizeof pointer, "/%s", key);
    si_error_set(error, SI_E_INVALID, "PLUGIN_NEEDS",
                 "the setting \"%s\" must be an absolute path without \"..\": the plugin may open "
                 "what it names, and nothing else",
                 key);
    return si_error_target(error, "configuration", pointer);
  }
  si_copy(to, SI_PATH_MAX, filled);
  return SI_OK;
}

/* --- in words --- */

static si_rc add_paths(const char *what, const cJSON *paths, struct si_buf *out) {
  const cJSON *path;
  si_rc status = si_buf_puts(out, what);
  const char *before = "";
  cJSON_ArrayForEach(path, paths) {
    status = status == SI_OK ? si_buf_printf(out, "%s%s", before, path->valuestring) : status;
    before = ", ";
  }
  if (status == SI_OK && !before[0]) {
    status = si_buf_puts(out, "none");
  }
  return status == SI_OK ? si_buf_puts(out, "\n") : status;
}

si_rc si_needs_words(const struct si_needs *needs, struct si_buf *out) {
  si_rc status = si_buf_printf(out, "network: %s\nunix sockets: %s\nprograms: %s\n",
                               needs->network ? "any" : "none",
                               needs->unix_sockets ? "any, the engine's too" : "none",
                               needs->exec ? "may start them" : "none");
  status = status == SI_OK ? add_paths("reads: ", needs->read, out) : status;
  status = status == SI_OK ? add_paths("writes: ", needs->write, out) : status;
  return status == SI_OK && needs->memory_mb
             ? si_buf_printf(out, "memory: %u MiB\n", needs->memory_mb)
             : status;
}
