/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/bucket/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "kit/bucket/ini.h"

enum { FILE_MAX = 64 * 1024 };

void si_bucket_credentials_free(struct si_bucket_credentials *credentials) {
  si_locked_free(&credentials->access_key_id);
  si_locked_free(&credentials->secret_access_key);
  si_locked_free(&credentials->session_token);
}

static si_rc keep(struct si_locked *to, const void *data, size_t len) {
  si_rc status = si_locked_make(to, len);
  return status == SI_OK ? si_locked_add(to, data, len) : status;
}

/* --- of the host --- */

static si_rc on_secret(void *ctx, const void *bytes, size_t len) {
  return len == 0 || len > 4096 || memchr(bytes, '\0', len) ? SI_E_INVALID : keep(ctx, bytes, len);
}

static si_rc ask(const si_host_vt *vt, si_op *op, const char *name, const char *field,
                 struct si_locked *to, struct si_error *error) {
  si_rc status =
      SI_HAS(vt, si_host_vt, secret) ? vt->secret(op, name, to, on_secret) : SI_E_UNSUPPORTED;
  if (status != SI_OK) {
    si_error_set(error, status, SI_BUCKET_TOLD, "the secret \"%s\" cannot be had: %s", name,
                 si_status_text(status));
    si_error_hint(error, "set it in the vault, or choose another auth");
    si_error_target(error, NULL, field);
  }
  return status;
}

static si_rc from_vault(const struct si_bucket_config *c, const si_host_vt *vt, si_op *op,
                        struct si_bucket_credentials *out, struct si_error *error) {
  const char *id = si_bucket_config_reference(c->access_key_id);
  const char *token = si_bucket_config_reference(c->session_token);
  si_rc status = id ? ask(vt, op, id, "/access_key_id", &out->access_key_id, error)
                    : keep(&out->access_key_id, c->access_key_id, strlen(c->access_key_id));
  if (status == SI_OK) {
    status = ask(vt, op, si_bucket_config_reference(c->secret_access_key), "/secret_access_key",
                 &out->secret_access_key, error);
  }
  if (status == SI_OK && token) {
    status = ask(vt, op, token, "/session_token", &out->session_token, error);
  }
  return status;
}

static si_rc from_environment(const si_host_vt *vt, si_op *op, struct si_bucket_credentials *out,
                              struct si_error *error) {
  si_rc status = ask(vt, op, "env:AWS_ACCESS_KEY_ID", "/auth", &out->access_key_id, error);
  if (status == SI_OK) {
    status = ask(vt, op, "env:AWS_SECRET_ACCESS_KEY", "/auth", &out->secret_access_key, error);
  }
  struct si_error none;
  if (status == SI_OK &&
      ask(vt, op, "env:AWS_SESSION_TOKEN", "/auth", &out->session_token, &none) != SI_OK) {
    si_locked_free(&out->session_token); /* long-lived credentials have none */
  }
  return status;
}

/* --- of a file --- */

static si_rc bad_file(struct si_error *error, const char *path, si_rc status, const char *why) {
  si_error_set(error, status, "S3_CREDENTIALS", "%s: %s", path, why);
  return si_error_target(error, NULL, "/auth_file");
}

static si_rc read_file(const char *path, struct si_locked *text, struct si_error *error) {
  struct stat st;
  int fd SI_AUTO(si_close) = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) != 0) {
    return bad_file(
        error, path, si_status_of_errno(errno),
        errno == ELOOP ? "it is a symbolic link; name the file itself" : strerror(errno));
  }
  if (!S_ISREG(st.st_mode)) {
    return bad_file(error, path, SI_E_REFUSED, "it is not a regular file");
  }
  if (st.st_mode & 077) {
    return bad_file(error, path, SI_E_REFUSED,
                    "others than its owner can read or write it: chmod 600 it");
  }
  if (st.st_uid != geteuid() && st.st_uid != 0) {
    return bad_file(error, path, SI_E_REFUSED, "it belongs to another user");
  }
  if (st.st_size > FILE_MAX) {
    return bad_file(error, path, SI_E_QUOTA, "it has more than 64 KiB");
  }
  si_rc status = si_locked_make(text, FILE_MAX + 2);
  status = status == SI_OK ? si_locked_read(text, fd) : status;
  return status == SI_OK ? SI_OK : bad_file(error, path, status, "it cannot be read");
}

static si_rc from_file(const struct si_bucket_config *c, struct si_bucket_credentials *out,
                       struct si_error *error) {
  struct si_locked text SI_AUTO(si_locked_free) = {NULL, 0, 0};
  struct si_bucket_ini ini;
  struct si_error why;
  si_rc status = read_file(c->auth_file, &text, error);
  if (status != SI_OK) {
    return status;
  }
  if (si_bucket_ini_read((const char *)text.data, text.len, c->profile, &ini, &why) != SI_OK) {
    return bad_file(error, c->auth_file, SI_E_INVALID, why.message);
  }
  if (!ini.access_key_id.data || ini.access_key_id.len == 0 || ini.access_key_id.len > 128 ||
      !ini.secret_access_key.data || ini.secret_access_key.len == 0 ||
      ini.secret_access_key.len > 1024 || ini.session_token.len > 4096) {
    return bad_file(error, c->auth_file, SI_E_INVALID,
                    "the profile lacks aws_access_key_id or aws_secret_access_key, or one is too "
                    "long");
  }
  status = keep(&out->access_key_id, ini.access_key_id.data, ini.access_key_id.len);
  status = status == SI_OK ? keep(&out->secret_access_key, ini.secret_access_key.data,
                                  ini.secret_access_key.len)
                           : status;
  if (status == SI_OK && ini.session_token.len > 0) {
    status = keep(&out->session_token, ini.session_token.data, ini.session_token.len);
  }
  return status;
}

si_rc si_bucket_credentials_get(const struct si_bucket_config *config, const si_host_vt *vt,
                                si_op *op, struct si_bucket_credentials *out,
                                struct si_error *error) {
  struct si_bucket_credentials found = {{NULL, 0, 0}, {NULL, 0, 0}, {NULL, 0, 0}};
  si_error_set(error, SI_E_NOMEM, "S3_CREDENTIALS", "out of memory");
  si_rc status = config->source == SI_BUCKET_VAULT  ? from_vault(config, vt, op, &found, error)
                 : config->source == SI_BUCKET_FILE ? from_file(config, &found, error)
                                                    : from_environment(vt, op, &found, error);
  if (status != SI_OK) {
    si_bucket_credentials_free(&found);
    return status;
  }
  *out = found;
  return SI_OK;
}
