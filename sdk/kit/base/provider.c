/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/provider.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "kit/base/path.h"
#include "kit/base/text.h"

#define KEY_MAX 4096

/* --- failing --- */

static si_rc record(const si_host_vt *vt, si_op *op, const si_failure *failure) {
  return op && SI_HAS(vt, si_host_vt, fail) ? vt->fail(op, failure) : failure->status;
}

/* A text that does not fit is cut at a character's border. */
static void print(char *to, size_t size, const char *fmt, va_list args) SI_PRINTF(3, 0);
static void print(char *to, size_t size, const char *fmt, va_list args) {
  int n = vsnprintf(to, size, fmt, args);
  if (n < 0) {
    to[0] = '\0';
  } else if ((size_t)n >= size) {
    to[si_utf8_cut(to, size - 1)] = '\0';
  }
}

si_rc si_fail(const si_host_vt *vt, si_op *op, si_rc status, const char *subject, const char *fmt,
              ...) {
  char message[1024];
  va_list args;
  va_start(args, fmt);
  print(message, sizeof message, fmt, args);
  va_end(args);
  const si_failure failure = {.size = sizeof failure,
                              .status = status,
                              .retry = SI_RETRY_NEVER,
                              .subject = subject,
                              .message = message};
  return record(vt, op, &failure);
}

static bool may_pass(int err) {
  return err == ENOSPC || err == EDQUOT || err == EIO || err == EMFILE || err == ENFILE ||
         err == ENOMEM || err == EINTR || err == EAGAIN;
}

si_rc si_fail_errno(const si_host_vt *vt, si_op *op, int err, const char *subject, const char *fmt,
                    ...) {
  char what[768], message[1024];
  va_list args;
  va_start(args, fmt);
  print(what, sizeof what, fmt, args);
  va_end(args);
  snprintf(message, sizeof message, "%s: %s", what, strerror(err));
  const si_failure failure = {.size = sizeof failure,
                              .status = si_status_of_errno(err),
                              .retry = may_pass(err) ? SI_RETRY_SAFE : SI_RETRY_NEVER,
                              .sys_errno = err,
                              .subject = subject,
                              .message = message};
  return record(vt, op, &failure);
}

si_rc si_fail_error(const si_host_vt *vt, si_op *op, const struct si_error *error,
                    const char *subject) {
  char message[sizeof error->message + sizeof error->hint + 8];
  snprintf(message, sizeof message, "%s%s%s", error->message, error->hint[0] ? "; " : "",
           error->hint);
  const si_failure failure = {.size = sizeof failure,
                              .status = error->status,
                              .retry = error->retry,
                              .retry_after_ms = error->retry == SI_RETRY_AFTER ? 1000 : 0,
                              .subject = subject,
                              .message = message,
                              .detail = error->detail[0] ? error->detail : NULL};
  return record(vt, op, &failure);
}

/* A name as a JSON pointer has it: '~' and '/' are escaped. */
static void pointer_to(const char *name, char *to, size_t size) {
  size_t at = 0;
  for (to[at++] = '/'; *name && at + 3 < size; name++) {
    if (*name == '~' || *name == '/') {
      to[at++] = '~';
      to[at++] = *name == '~' ? '0' : '1';
    } else {
      to[at++] = *name;
    }
  }
  to[at] = '\0';
}

si_rc si_fail_config(const si_host_vt *vt, si_op *op, const char *name, const char *fmt, ...) {
  char field[256] = "", message[1024];
  va_list args;
  va_start(args, fmt);
  print(message, sizeof message, fmt, args);
  va_end(args);
  if (name[0]) {
    pointer_to(name, field, sizeof field);
  }
  const si_failure failure = {
      .size = sizeof failure, .status = SI_E_INVALID, .field = field, .message = message};
  return record(vt, op, &failure);
}

/* --- configuration --- */

static bool is_one_of(const char *name, const char *const *names) {
  for (; *names; names++) {
    if (strcmp(name, *names) == 0) {
      return true;
    }
  }
  return false;
}

static si_rc unknown_member(const si_host_vt *vt, si_op *op, const char *member,
                            const char *const *names) {
  struct si_buf known SI_AUTO(si_buf_free) = SI_BUF(512);
  for (const char *const *each = names; *each; each++) {
    if (si_buf_printf(&known, "%s%s", known.len ? ", " : "", *each) != SI_OK) {
      break;
    }
  }
  return si_fail_config(vt, op, member, "\"%.100s\" is not one of the settings; they are: %s",
                        member, known.len ? si_buf_text(&known) : "none");
}

si_rc si_config_read(const si_host_vt *vt, si_op *op, const char *json, const char *const *names,
                     cJSON **out) {
  struct si_error error;
  cJSON *config SI_AUTO(si_json_free) = NULL;
  if (si_json_parse(json, strlen(json), &config, &error) != SI_OK) {
    return si_fail_config(vt, op, "", "the configuration is no JSON: %.400s", error.message);
  }
  if (!cJSON_IsObject(config)) {
    return si_fail_config(vt, op, "", "the configuration is not a JSON object");
  }
  for (const cJSON *member = config->child; member; member = member->next) {
    if (!is_one_of(member->string, names)) {
      return unknown_member(vt, op, member->string, names);
    }
  }
  *out = config;
  config = NULL;
  return SI_OK;
}

static si_rc no_directory(const si_host_vt *vt, si_op *op, int err, const char *name,
                          const char *path) {
  struct stat st;
  if (err == ENOENT) {
    return si_fail(vt, op, SI_E_NOT_FOUND, path, "%s: there is no directory %.600s; make it first",
                   name, path);
  }
  if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
    return si_fail(vt, op, SI_E_REFUSED, path,
                   "%s: %.600s is a symbolic link; name the directory itself", name, path);
  }
  return si_fail_errno(vt, op, err, path, "%s: cannot open %.600s", name, path);
}

si_rc si_config_dir(const si_host_vt *vt, si_op *op, const cJSON *config, const char *name,
                    int *out) {
  const char *path = si_json_str(config, name);
  if (!path || path[0] != '/' || strlen(path) >= SI_PATH_MAX) {
    return si_fail_config(vt, op, name, "%s must be the absolute path of a directory", name);
  }
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    return no_directory(vt, op, errno, name, path);
  }
  *out = fd;
  return SI_OK;
}

si_rc si_config_int(const si_host_vt *vt, si_op *op, const cJSON *config, const char *name,
                    int64_t min, int64_t max, int64_t otherwise, int64_t *out) {
  int64_t value = otherwise;
  if (si_json_get(config, name)) {
    value = si_json_int(config, name, min, max, INT64_MIN);
    if (value == INT64_MIN) {
      return si_fail_config(vt, op, name, "%s must be a whole number from %lld to %lld", name,
                            (long long)min, (long long)max);
    }
  }
  *out = value;
  return SI_OK;
}

/* The name that "vault:NAME" refers to, or NULL. */
static const char *secret_name(const char *text) {
  static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_", digits[] = "0123456789";
  if (!text || strncmp(text, "vault:", 6) != 0 || !text[6] || strchr(digits, text[6])) {
    return NULL;
  }
  for (const char *at = text + 6; *at; at++) {
    if (!strchr(first, *at) && !strchr(digits, *at)) {
      return NULL;
    }
  }
  return strlen(text) <= 6 + 128 ? text + 6 : NULL;
}

/* Whether a failure is the host's, or of `use` itself. */
struct lending {
  void *ctx;
  si_secret_use use;
  bool lent;
};

static si_rc lend(void *ctx, const void *bytes, size_t len) {
  struct lending *lending = ctx;
  lending->lent = true;
  return lending->use(lending->ctx, bytes, len);
}

si_rc si_config_secret(const si_host_vt *vt, si_op *op, const cJSON *config, const char *name,
                       void *ctx, si_secret_use use) {
  const char *secret = secret_name(si_json_str(config, name));
  struct lending lending = {.ctx = ctx, .use = use};
  if (!secret) {
    return si_fail_config(vt, op, name,
                          "%s must refer to a secret, as vault:NAME (A-Z, 0-9, _); a value itself "
                          "is not taken",
                          name);
  }
  si_rc status =
      SI_HAS(vt, si_host_vt, secret) ? vt->secret(op, secret, &lending, lend) : SI_E_UNSUPPORTED;
  if (status == SI_OK || lending.lent) {
    return status;
  }
  char field[256], message[512];
  pointer_to(name, field, sizeof field);
  snprintf(message, sizeof message,
           "%s: the secret vault:%s cannot be had: %s; is it in the vault?", name, secret,
           si_status_text(status));
  const si_failure failure = {
      .size = sizeof failure, .status = status, .field = field, .message = message};
  return record(vt, op, &failure);
}

/* --- keys --- */

bool si_key_valid(const char *key) {
  if (strnlen(key, KEY_MAX + 1) > KEY_MAX) {
    return false;
  }
  for (;; key++) {
    size_t len = strcspn(key, "/");
    if (!si_component_valid(key, len)) {
      return false;
    }
    key += len;
    if (!*key) {
      return true;
    }
  }
}

bool si_key_below(const char *key, const char *prefix) {
  size_t len = strlen(prefix);
  return len == 0 || (strncmp(key, prefix, len) == 0 && (key[len] == '/' || key[len] == '\0'));
}
