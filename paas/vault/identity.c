/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/vault/identity.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "paas/redact/redact.h"
#include "paas/vault/disk.h"
#include "paas/vault/keys_dir.h"

#define FILE_MAX 65536u

/* --- the directory --- */

struct place {
  int dir; /* -1: there is none yet */
  char path[SI_PATH_MAX];
  char name[80]; /* <context>.identity */
};

static void close_place(struct place *place) {
  si_close(&place->dir);
}

static si_rc open_place(const struct si_context *context, bool make, struct place *out,
                        struct si_error *error) {
  snprintf(out->name, sizeof out->name, "%s.identity", context->name);
  return si_vault_keys_dir(make, out->path, &out->dir, error);
}

si_rc si_vault_identity_path(const struct si_context *context, char *to, size_t size,
                             struct si_error *error) {
  char root[SI_PATH_MAX];
  si_rc status = si_context_root(root, sizeof root, error);
  if (status != SI_OK) {
    return status;
  }
  int n = snprintf(to, size, "%s/keys/%s.identity", root, context->name);
  return n > 0 && (size_t)n < size ? SI_OK
                                   : si_vault_errno(ENAMETOOLONG, "naming a key in", root, error);
}

si_rc si_vault_identity_exists(const struct si_context *context, bool *exists,
                               struct si_error *error) {
  struct place place SI_AUTO(close_place) = {.dir = -1};
  struct stat st;
  si_rc status = open_place(context, false, &place, error);
  if (status != SI_OK) {
    return status;
  }
  *exists = place.dir >= 0 && fstatat(place.dir, place.name, &st, AT_SYMLINK_NOFOLLOW) == 0;
  return SI_OK;
}

/* --- names beside the context's own: <context>.identity.age1... --- */

typedef si_rc (*each_pending)(void *ctx, const struct place *place, const char *name,
                              const char *recipient, struct si_error *error);

static const char *recipient_of(const struct place *place, const char *name) {
  size_t len = strlen(place->name);
  uint8_t key[SI_KEY_SIZE];
  if (strncmp(name, place->name, len) != 0 || name[len] != '.') {
    return NULL;
  }
  const char *recipient = name + len + 1;
  return si_age_recipient_parse(recipient, strlen(recipient), key) == SI_OK ? recipient : NULL;
}

static si_rc for_each_pending(const struct place *place, each_pending each, void *ctx,
                              struct si_error *error) {
  int fd = openat(place->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
  if (!list) {
    int keep = errno;
    si_close(&fd);
    return si_vault_errno(keep, "listing", place->path, error);
  }
  si_rc status = SI_OK;
  for (const struct dirent *entry; status == SI_OK && (entry = readdir(list)) != NULL;) {
    const char *recipient = recipient_of(place, entry->d_name);
    if (recipient) {
      status = each(ctx, place, entry->d_name, recipient, error);
    }
  }
  closedir(list);
  return status;
}

/* --- reading --- */

void si_vault_keys_free(struct si_vault_keys *keys) {
  si_locked_free(&keys->memory);
  *keys = (struct si_vault_keys){.count = 0};
}

const struct si_age_identity *si_vault_keys_list(const struct si_vault_keys *keys) {
  return (const struct si_age_identity *)(const void *)keys->memory.data;
}

static si_rc add_key(struct si_vault_keys *keys, const char *text, size_t len) {
  struct si_age_identity identity;
  si_rc status = SI_OK;
  if (!keys->memory.data) {
    status = si_locked_make(&keys->memory, SI_IDENTITIES_MAX * sizeof identity);
  }
  status = status == SI_OK ? si_age_identity_parse(text, len, &identity) : status;
  status = status == SI_OK ? si_locked_add(&keys->memory, &identity, sizeof identity) : status;
  /* Whoever prints it by mistake prints nothing. */
  status = status == SI_OK ? si_redact_remember(text, len) : status;
  keys->count += status == SI_OK;
  si_wipe(&identity, sizeof identity);
  return status;
}

static si_rc take_text(const struct si_locked *text, const char *path, struct si_vault_keys *keys,
                       struct si_error *error) {
  const char *line = (const char *)text->data, *end = line + text->len;
  size_t before = keys->count;
  while (line < end) {
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    size_t len = (size_t)((newline ? newline : end) - line);
    const char *next = newline ? newline + 1 : end;
    len -= len > 0 && line[len - 1] == '\r';
    if (len > 0 && line[0] != '#' && add_key(keys, line, len) != SI_OK) {
      return si_error_set(error, SI_E_CORRUPT, "VAULT_IDENTITY",
                          "%s holds a line that is no identity of age, or too many of them", path);
    }
    line = next;
  }
  return keys->count > before ? SI_OK
                              : si_error_set(error, SI_E_CORRUPT, "VAULT_IDENTITY",
                                             "%s holds no identity of age", path);
}

static si_rc unseal(const struct si_locked *sealed, const char *path, si_vault_ask ask,
                    void *ask_ctx, struct si_vault_keys *keys, struct si_error *error) {
  struct si_locked text SI_AUTO(si_locked_free) = {.data = NULL};
  struct si_buf passphrase SI_AUTO(si_buf_free) = SI_BUF(1024);
  struct si_error why = {.code = ""};
  if (!ask) {
    si_error_set(error, SI_E_AUTH, "VAULT_LOCKED",
                 "the identity %s is sealed with a passphrase, and there is nobody to ask", path);
    si_error_hint(error, "give it with --passphrase-fd N, or run si on a terminal");
    return SI_E_AUTH;
  }
  /* All of its room at once: what grows leaves copies behind. */
  si_rc status = si_buf_reserve(&passphrase, passphrase.max);
  status = status == SI_OK ? ask(ask_ctx, path, &passphrase, error) : status;
  if (status == SI_OK) {
    status =
        si_age_open_passphrase(si_buf_text(&passphrase), sealed->data, sealed->len, &text, &why);
    if (status == SI_E_AUTH) {
      si_error_set(error, status, "VAULT_PASSPHRASE", "that is not the passphrase of %s", path);
    } else if (status != SI_OK) {
      si_error_set(error, status, "VAULT_IDENTITY", "%s cannot be opened: %s", path, why.message);
    }
  }
  si_wipe(passphrase.data, passphrase.cap);
  return status == SI_OK ? take_text(&text, path, keys, error) : status;
}

static si_rc read_all(int fd, struct si_locked *out, const char *path, struct si_error *error) {
  if (si_locked_make(out, FILE_MAX) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: an identity");
  }
  switch (si_locked_read(out, fd)) {
    case SI_OK: return SI_OK;
    case SI_E_QUOTA:
      return si_error_set(error, SI_E_CORRUPT, "VAULT_IDENTITY", "%s is too large for an identity",
                          path);
    default: return si_vault_errno(errno, "reading", path, error);
  }
}

struct reading {
  struct si_vault_keys *keys;
  si_vault_ask ask;
  void *ask_ctx;
  bool *sealed; /* where keys is NULL: the answer alone */
};

static si_rc read_one(void *ctx, const struct place *place, const char *name, const char *recipient,
                      struct si_error *error) {
  const struct reading *reading = ctx;
  struct si_locked text SI_AUTO(si_locked_free) = {.data = NULL};
  char path[SI_PATH_MAX + 256];
  (void)recipient;
  snprintf(path, sizeof path, "%s/%s", place->path, name);
  int fd SI_AUTO(si_close) =
      openat(place->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && errno == ELOOP) {
    return si_error_set(error, SI_E_REFUSED, "VAULT_UNSAFE", "%s is a symbolic link", path);
  }
  if (fd < 0 && errno == ENOENT) {
    si_error_set(error, SI_E_AUTH, "VAULT_LOCKED", "the identity %s is not there", path);
    si_error_hint(error, "put it back: nothing else opens the vault");
    return SI_E_AUTH;
  }
  if (fd < 0) {
    return si_vault_errno(errno, "opening", path, error);
  }
  si_rc status = si_vault_private(fd, path, false, error);
  status = status == SI_OK ? read_all(fd, &text, path, error) : status;
  if (status != SI_OK) {
    return status;
  }
  bool sealed = si_age_wants_passphrase(text.data, text.len);
  if (!reading->keys) {
    *reading->sealed = sealed;
    return SI_OK;
  }
  return sealed ? unseal(&text, path, reading->ask, reading->ask_ctx, reading->keys, error)
                : take_text(&text, path, reading->keys, error);
}

static si_rc no_identity(const struct place *place, struct si_error *error) {
  si_error_set(error, SI_E_AUTH, "VAULT_LOCKED", "the identity %s/%s is not there", place->path,
               place->name);
  si_error_hint(error, "put it back: nothing else opens the vault");
  return SI_E_AUTH;
}

si_rc si_vault_identity_sealed(const struct si_context *context, bool *sealed,
                               struct si_error *error) {
  struct place place SI_AUTO(close_place) = {.dir = -1};
  struct reading reading = {.sealed = sealed};
  si_rc status = open_place(context, false, &place, error);
  if (status != SI_OK) {
    return status;
  }
  return place.dir < 0 ? no_identity(&place, error)
                       : read_one(&reading, &place, place.name, NULL, error);
}

si_rc si_vault_keys_read(const struct si_context *context, bool pending, si_vault_ask ask,
                         void *ask_ctx, struct si_vault_keys *keys, struct si_error *error) {
  struct place place SI_AUTO(close_place) = {.dir = -1};
  struct reading reading = {keys, ask, ask_ctx, NULL};
  bool *done = pending ? &keys->pending_read : &keys->own_read;
  if (*done) {
    return SI_OK;
  }
  si_rc status = open_place(context, false, &place, error);
  if (status == SI_OK && place.dir < 0) {
    return no_identity(&place, error);
  }
  if (status == SI_OK) {
    status = pending ? for_each_pending(&place, read_one, &reading, error)
                     : read_one(&reading, &place, place.name, NULL, error);
  }
  *done = status == SI_OK;
  return status;
}

/* --- writing --- */

static si_rc compose(const struct si_age_identity *identity, const char *recipient,
                     struct si_locked *out) {
  char secret[SI_BECH32_SIZE], head[256], now[SI_TIME_SIZE];
  si_now_text(now);
  snprintf(head, sizeof head, "# created: %s\n# public key: %s\n", now, recipient);
  si_rc status = si_locked_make(out, 1024);
  status = status == SI_OK ? si_age_identity_text(identity, secret) : status;
  status = status == SI_OK ? si_locked_add(out, head, strlen(head)) : status;
  status = status == SI_OK ? si_locked_add(out, secret, strlen(secret)) : status;
  status = status == SI_OK ? si_locked_add(out, "\n", 1) : status;
  si_wipe(secret, sizeof secret);
  return status;
}

static si_rc write_file(const struct place *place, const char *name, const void *data, size_t len,
                        struct si_error *error) {
  int fd SI_AUTO(si_close) =
      openat(place->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || si_write_all(fd, data, len) != 0 || fsync(fd) != 0 || fsync(place->dir) != 0) {
    int keep = errno;
    if (fd >= 0) {
      (void)unlinkat(place->dir, name, 0);
    }
    return si_vault_errno(keep, "writing an identity in", place->path, error);
  }
  return SI_OK;
}

static si_rc make(const char *passphrase, struct si_locked *text, struct si_buf *sealed,
                  struct si_vault_keys *keys, char recipient[80]) {
  struct si_age_identity identity;
  si_rc status = si_age_identity_make(&identity);
  status = status == SI_OK ? si_age_recipient_text(identity.key, recipient) : status;
  status = status == SI_OK ? compose(&identity, recipient, text) : status;
  if (status == SI_OK && keys) {
    char secret[SI_BECH32_SIZE];
    status = si_age_identity_text(&identity, secret);
    status = status == SI_OK ? add_key(keys, secret, strlen(secret)) : status;
    si_wipe(secret, sizeof secret);
  }
  if (status == SI_OK && passphrase) {
    status = si_age_seal_passphrase(passphrase, SI_AGE_WORK, text->data, text->len, sealed);
  }
  si_wipe(&identity, sizeof identity);
  return status;
}

si_rc si_vault_identity_begin(const struct si_context *context, const char *passphrase,
                              struct si_vault_keys *keys, char recipient[80],
                              struct si_error *error) {
  struct place place SI_AUTO(close_place) = {.dir = -1};
  struct si_locked text SI_AUTO(si_locked_free) = {.data = NULL};
  struct si_buf sealed SI_AUTO(si_buf_free) = SI_BUF(FILE_MAX);
  char name[256];
  si_rc status = make(passphrase, &text, &sealed, keys, recipient);
  if (status != SI_OK) {
    return si_error_set(error, status, "VAULT_IDENTITY", "no identity can be made: %s",
                        si_status_text(status));
  }
  status = open_place(context, true, &place, error);
  if (status != SI_OK) {
    return status;
  }
  snprintf(name, sizeof name, "%s.%s", place.name, recipient);
  return passphrase ? write_file(&place, name, sealed.data, sealed.len, error)
                    : write_file(&place, name, text.data, text.len, error);
}

struct settling {
  const char *own;
  bool done; /* something: it is to be synced */
};

static si_rc settle_one(void *ctx, const struct place *place, const char *name,
                        const char *recipient, struct si_error *error) {
  struct settling *settling = ctx;
  bool ours = strcmp(recipient, settling->own) == 0;
  int done =
      ours ? renameat(place->dir, name, place->dir, place->name) : unlinkat(place->dir, name, 0);
  settling->done = true;
  return done == 0 || errno == ENOENT
             ? SI_OK
             : si_vault_errno(errno, "settling an identity in", place->path, error);
}

si_rc si_vault_identity_settle(const struct si_context *context, const char *own,
                               struct si_error *error) {
  struct place place SI_AUTO(close_place) = {.dir = -1};
  struct settling settling = {own, false};
  si_rc status = open_place(context, false, &place, error);
  if (status != SI_OK || place.dir < 0) {
    return status;
  }
  status = for_each_pending(&place, settle_one, &settling, error);
  if (status == SI_OK && settling.done && fsync(place.dir) != 0) {
    return si_vault_errno(errno, "syncing", place.path, error);
  }
  return status;
}
