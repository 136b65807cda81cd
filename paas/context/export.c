/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/hash.h"
#include "paas/context/private.h"
#include "paas/context/transfer.h"
#include "paas/redact/redact.h"

static si_rc no_memory(struct si_error *error) {
  return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: a context's export");
}

/* --- what is left out --- */

/* A path of this machine, plain or in a URL of a local thing. */
static bool is_local(const cJSON *value) {
  static const char *const begins[] = {"/", "~", "file:", "unix:"};
  for (size_t i = 0; cJSON_IsString(value) && i < sizeof begins / sizeof *begins; i++) {
    if (strncmp(value->valuestring, begins[i], strlen(begins[i])) == 0) {
      return true;
    }
  }
  return false;
}

/* The part of a JSON pointer that names a member. */
static si_rc add_part(struct si_buf *to, const char *key) {
  si_rc status = si_buf_puts(to, "/");
  for (; status == SI_OK && *key; key++) {
    status = *key == '~'   ? si_buf_puts(to, "~0")
             : *key == '/' ? si_buf_puts(to, "~1")
                           : si_buf_add(to, key, 1);
  }
  return status;
}

/* Takes out of `value` what must not leave; `pointer` names it. */
static si_rc cut(cJSON *value, struct si_buf *pointer, cJSON *omitted) {
  size_t own = pointer->len;
  size_t index = 0;
  si_rc status = SI_OK;
  for (cJSON *next, *member = value->child; status == SI_OK && member; member = next, index++) {
    char number[24];
    next = member->next;
    snprintf(number, sizeof number, "%zu", index);
    status = add_part(pointer, cJSON_IsArray(value) ? number : member->string);
    if (status != SI_OK) {
      break;
    }
    if ((member->string && si_redact_member(member)) || is_local(member)) {
      cJSON *text = cJSON_CreateString(si_buf_text(pointer));
      status = cJSON_AddItemToArray(omitted, text) ? SI_OK : SI_E_NOMEM;
      cJSON_Delete(cJSON_DetachItemViaPointer(value, member));
    } else if (cJSON_IsObject(member) || cJSON_IsArray(member)) {
      status = cut(member, pointer, omitted);
    }
    pointer->len = own;
    if (pointer->data) {
      pointer->data[own] = '\0';
    }
  }
  return status;
}

/* --- the parts --- */

/* What every new context has by itself: the file store in its own directory. */
static bool is_own_sink(const struct si_context *context, const char *key) {
  char root[SI_PATH_MAX + 16];
  const cJSON *sink = si_json_get(context->config, "audit_sink");
  const cJSON *config = si_json_get(sink, "config");
  const char *provider = si_json_str(sink, "provider");
  const char *own = si_json_str(config, "root");
  return strcmp(key, "audit_sink") == 0 && provider && strcmp(provider, "file") == 0 && own &&
         cJSON_GetArraySize(config) == 1 &&
         si_path_join(root, sizeof root, context->dir, "runpacks") == SI_OK &&
         strcmp(root, own) == 0;
}

static bool add_config(cJSON *document, const struct si_context *context, cJSON *omitted) {
  static const char *const keys[] = {"default_targets", "webhook_policy", "audit_sink",
                                     "provisioner",     "runpacks",       "retention"};
  struct si_buf pointer SI_AUTO(si_buf_free) = SI_BUF(65536);
  cJSON *own = cJSON_AddObjectToObject(document, "config");
  for (size_t i = 0; own && i < sizeof keys / sizeof *keys; i++) {
    const cJSON *value =
        is_own_sink(context, keys[i]) ? NULL : si_json_get(context->config, keys[i]);
    cJSON *copy = value ? cJSON_Duplicate(value, true) : NULL;
    if (value && (!copy || !cJSON_AddItemToObject(own, keys[i], copy))) {
      cJSON_Delete(copy);
      return false;
    }
  }
  return own && si_buf_puts(&pointer, "/config") == SI_OK && cut(own, &pointer, omitted) == SI_OK;
}

static si_rc add_project(void *ctx, const struct si_project *project) {
  cJSON *entry = cJSON_CreateObject();
  if (cJSON_AddStringToObject(entry, "name", project->slug) &&
      cJSON_AddStringToObject(entry, "provisioner", project->provisioner) &&
      cJSON_AddItemToArray(ctx, entry)) {
    return SI_OK;
  }
  cJSON_Delete(entry);
  return SI_E_NOMEM;
}

static bool add_sealed(cJSON *document, const struct si_context_sealed *sealed) {
  cJSON *secrets = sealed ? cJSON_AddObjectToObject(document, "secrets") : NULL;
  return !sealed || (secrets && cJSON_AddStringToObject(secrets, "recipient", sealed->recipient) &&
                     cJSON_AddStringToObject(secrets, "age", sealed->age));
}

static bool add_head(cJSON *document, const struct si_context *context) {
  char now[SI_TIME_SIZE];
  si_now_text(now);
  cJSON *from = cJSON_AddObjectToObject(document, "from");
  return from && cJSON_AddStringToObject(from, "id", context->id) &&
         cJSON_AddStringToObject(document, "schema", SI_CONTEXT_EXPORT) &&
         cJSON_AddStringToObject(document, "exported_at", now) &&
         cJSON_AddStringToObject(document, "name", context->name) &&
         cJSON_AddStringToObject(document, "type", context->type);
}

static bool add_hash(cJSON *document) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_CONTEXT_EXPORT_MAX);
  char hash[SI_SHA256_HEX];
  return si_json_canonical(document, &text) == SI_OK &&
         si_sha256_hex(text.data, text.len, hash) == SI_OK &&
         cJSON_AddStringToObject(document, "sha256", hash);
}

si_rc si_context_export(const struct si_context *context, struct si_state *state,
                        const struct si_context_sealed *sealed, struct si_buf *out,
                        struct si_error *error) {
  cJSON *document SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON *projects = cJSON_AddArrayToObject(document, "projects");
  cJSON *omitted = cJSON_AddArrayToObject(document, "omitted");
  if (!projects || !omitted) {
    return no_memory(error);
  }
  si_rc status = si_state_projects(state, NULL, false, projects, add_project, error);
  if (status != SI_OK) {
    return status == SI_E_NOMEM ? no_memory(error) : status;
  }
  if (!add_head(document, context) || !add_config(document, context, omitted) ||
      !add_sealed(document, sealed) || !add_hash(document) ||
      si_json_canonical(document, out) != SI_OK || si_buf_puts(out, "\n") != SI_OK) {
    return no_memory(error);
  }
  return SI_OK;
}

/* --- the file --- */

static si_rc write_new(int dir, const char *name, const char *path, const struct si_buf *text,
                       struct si_error *error) {
  int fd SI_AUTO(si_close) =
      openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST) {
    si_error_set(error, SI_E_EXISTS, "PAAS_EXPORT_EXISTS", "%s exists already", path);
    si_error_target(error, NULL, path);
    si_error_hint(error, "name another file, or replace this one with --force");
    return SI_E_EXISTS;
  }
  if (fd < 0 || si_write_all(fd, text->data, text->len) != 0 || fsync(fd) != 0 || fsync(dir) != 0) {
    int keep = errno;
    if (fd >= 0) {
      (void)unlinkat(dir, name, 0);
    }
    return si_context_errno(keep, "writing", path, error);
  }
  return SI_OK;
}

si_rc si_context_export_write(const char *path, bool force, const struct si_buf *text,
                              struct si_error *error) {
  char real[SI_PATH_MAX];
  si_rc status = si_context_guard(path, error);
  if (status == SI_OK) {
    status = si_context_real(path, real, error);
  }
  if (status != SI_OK) {
    return status;
  }
  char *slash = strrchr(real, '/');
  if (!slash[1]) {
    return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT", "%s is no file", path);
  }
  *slash = '\0';
  int dir SI_AUTO(si_close) =
      open(slash == real ? "/" : real, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dir < 0) {
    return si_context_errno(errno, "opening the directory of", path, error);
  }
  if (!force) {
    return write_new(dir, slash + 1, path, text, error);
  }
  return si_write_file(dir, slash + 1, text->data, text->len, 0600) == SI_OK
             ? SI_OK
             : si_context_errno(errno, "writing", path, error);
}
