/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/vault/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "paas/state/lock.h"
#include "paas/vault/vault.h"

si_rc si_vault_errno(int err, const char *what, const char *path, struct si_error *error) {
  bool full = err == ENOSPC || err == EDQUOT;
  si_rc status = full ? SI_E_QUOTA : SI_E_IO;
  si_error_errno(error, err, full ? "VAULT_FULL" : "VAULT_IO", "%s %s failed", what, path);
  if (error) {
    error->status = status;
  }
  si_error_hint(error, full ? "free some space there, then run the command again"
                            : "see to the file system and the permissions there, then run the "
                              "command again");
  return status;
}

si_rc si_vault_missing(const char *context, const char *path, struct si_error *error) {
  si_error_set(error, SI_E_NOT_FOUND, "VAULT_MISSING", "context %s has no vault: %s is not there",
               context, path);
  si_error_target(error, "vault", path);
  si_error_hint(error, "make one with: si vault init --context %s", context);
  return SI_E_NOT_FOUND;
}

static si_rc unsafe(const char *path, const char *why, struct si_error *error) {
  si_error_set(error, SI_E_REFUSED, "VAULT_UNSAFE", "%s %s", path, why);
  si_error_target(error, "vault", path);
  return SI_E_REFUSED;
}

si_rc si_vault_private(int fd, const char *path, bool dir, struct si_error *error) {
  struct stat st;
  if (fstat(fd, &st) != 0) {
    return si_vault_errno(errno, "looking at", path, error);
  }
  if (dir ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode)) {
    return unsafe(path, dir ? "is no directory" : "is no regular file", error);
  }
  if (st.st_uid != geteuid()) {
    (void)unsafe(path, "belongs to another user", error);
    si_error_hint(error, "run as its owner, or give the context a vault of your own");
    return SI_E_REFUSED;
  }
  if (st.st_mode & (S_IRWXG | S_IRWXO)) {
    (void)unsafe(path, "is open to its group or to others", error);
    si_error_hint(error, "who could read it until now? Then: chmod %s %s", dir ? "700" : "600",
                  path);
    return SI_E_REFUSED;
  }
  return SI_OK;
}

si_rc si_vault_path(const struct si_context *context, char *to, size_t size,
                    struct si_error *error) {
  const char *path = si_json_str(context->config, "vault_file");
  if (!path) {
    /* A context without a mapping has no vault, whatever lies in its directory (R12). */
    si_error_set(error, SI_E_NOT_FOUND, "VAULT_MISSING",
                 "context %s has no vault: its config.json names no vault_file", context->name);
    si_error_target(error, "vault", context->name);
    si_error_hint(error, "map one in config.json, then: si vault init --context %s", context->name);
    return SI_E_NOT_FOUND;
  }
  if (path[0] != '/' || strlen(path) >= size) {
    return si_error_set(error, SI_E_CORRUPT, "PAAS_CONTEXT_CONFIG",
                        "vault_file of context %s is no absolute path", context->name);
  }
  si_copy(to, size, path);
  return SI_OK;
}

/* The guard speaks of state; to whoever asks for a vault this is the vault's fault. */
static si_rc guard(const char *path, struct si_error *error) {
  si_rc status = si_context_guard(path, error);
  if (status == SI_E_REFUSED && error) {
    si_copy(error->code, sizeof error->code, "VAULT_UNSAFE");
    si_error_target(error, "vault", path);
  }
  return status;
}

static si_rc split(struct si_vault_disk *disk, char dir[SI_PATH_MAX], struct si_error *error) {
  si_copy(dir, SI_PATH_MAX, disk->path);
  char *slash = strrchr(dir, '/');
  if (!slash[1] || strcmp(slash, "/.") == 0 || strcmp(slash, "/..") == 0 ||
      strlen(slash + 1) >= sizeof disk->name) {
    return unsafe(disk->path, "does not end in a usable file name", error);
  }
  si_copy(disk->name, sizeof disk->name, slash + 1);
  slash[slash == dir] = '\0';
  return SI_OK;
}

/* No link in it, nobody else's, nothing that others may write to. */
static si_rc check_dir(const char *dir, struct si_error *error) {
  struct si_error why = {.code = ""};
  if (si_path_trusted(dir, &why) == SI_OK) {
    return SI_OK;
  }
  si_error_set(error, SI_E_REFUSED, "VAULT_UNSAFE", "the vault's directory is not safe: %s",
               why.message);
  si_error_target(error, "vault", dir);
  return SI_E_REFUSED;
}

si_rc si_vault_disk_open(const struct si_context *context, bool make, struct si_vault_disk *out,
                         struct si_error *error) {
  struct si_vault_disk disk SI_AUTO(si_vault_disk_close) = SI_VAULT_DISK;
  char dir[SI_PATH_MAX];
  si_copy(disk.context, sizeof disk.context, context->name);
  si_rc status = si_vault_path(context, disk.path, sizeof disk.path, error);
  status = status == SI_OK ? guard(disk.path, error) : status;
  status = status == SI_OK ? split(&disk, dir, error) : status;
  if (status != SI_OK) {
    return status;
  }
  if (make && si_mkdir_path(dir, 0700) != 0) {
    return si_vault_errno(errno, "making", dir, error);
  }
  disk.dir = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (disk.dir < 0) {
    return errno == ENOENT                      ? si_vault_missing(context->name, disk.path, error)
           : errno == ELOOP || errno == ENOTDIR ? unsafe(dir, "is no directory, but a link", error)
                                                : si_vault_errno(errno, "opening", dir, error);
  }
  status = check_dir(dir, error);
  if (status == SI_OK) {
    *out = disk;
    disk.dir = -1;
  }
  return status;
}

void si_vault_disk_unlock(struct si_vault_disk *disk) {
  si_close(&disk->lock);
}

void si_vault_disk_close(struct si_vault_disk *disk) {
  si_close(&disk->lock);
  si_close(&disk->dir);
}

static void beside(const struct si_vault_disk *disk, const char *suffix, char to[256]) {
  snprintf(to, 256, "%s%s", disk->name, suffix);
}

si_rc si_vault_disk_lock(struct si_vault_disk *disk, unsigned wait_ms, struct si_error *error) {
  char name[256];
  char path[SI_PATH_MAX + 8];
  beside(disk, ".lock", name);
  snprintf(path, sizeof path, "%s.lock", disk->path);
  int fd SI_AUTO(si_close) =
      openat(disk->dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
  if (fd < 0) {
    return si_vault_errno(errno, "opening the lock of", disk->path, error);
  }
  si_rc status = si_vault_private(fd, path, false, error);
  if (status != SI_OK) {
    return status;
  }
  if (si_lock_wait(fd, wait_ms) != 0) {
    if (errno != EWOULDBLOCK) {
      return si_vault_errno(errno, "locking", disk->path, error);
    }
    si_error_set(error, SI_E_CONFLICT, "VAULT_BUSY",
                 "another si has been writing the vault %s for too long", disk->path);
    si_error_hint(error, "let the other command end, then run this one again");
    return SI_E_CONFLICT;
  }
  disk->lock = fd;
  fd = -1;
  return SI_OK;
}

si_rc si_vault_disk_read(const struct si_vault_disk *disk, struct si_buf *out,
                         struct si_error *error) {
  int fd SI_AUTO(si_close) =
      openat(disk->dir, disk->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return errno == ENOENT  ? si_vault_missing(disk->context, disk->path, error)
           : errno == ELOOP ? unsafe(disk->path, "is a symbolic link", error)
                            : si_vault_errno(errno, "opening", disk->path, error);
  }
  si_rc status = si_vault_private(fd, disk->path, false, error);
  if (status == SI_OK && si_read_fd(fd, out) != SI_OK) {
    return si_vault_errno(errno, "reading", disk->path, error);
  }
  return status;
}

static si_rc copy_previous(const struct si_vault_disk *disk, const char *previous,
                           struct si_error *error) {
  struct si_buf old SI_AUTO(si_buf_free) = SI_BUF(128u << 20);
  if (unlinkat(disk->dir, previous, 0) != 0 && errno != ENOENT) {
    return si_vault_errno(errno, "replacing the previous copy of", disk->path, error);
  }
  si_rc status = si_vault_disk_read(disk, &old, error);
  if (status == SI_OK && si_write_file(disk->dir, previous, old.data, old.len, 0600) != SI_OK) {
    return si_vault_errno(errno, "keeping the previous copy of", disk->path, error);
  }
  return status;
}

/* The file changes places with the new one, and becomes .previous: at no moment has it a second
 * name, which would look like another's hold on it. Where the file system cannot do that, .previous
 * is a copy. */
static si_rc put_in_place(const struct si_vault_disk *disk, const char *new_name,
                          struct si_error *error) {
  char previous[256];
  bool first = false;
  beside(disk, ".previous", previous);
  if (renameat2(disk->dir, new_name, disk->dir, disk->name, RENAME_EXCHANGE) == 0) {
    return renameat(disk->dir, new_name, disk->dir, previous) == 0
               ? SI_OK
               : si_vault_errno(errno, "keeping the previous copy of", disk->path, error);
  }
  first = errno == ENOENT;
  if (!first && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) {
    return si_vault_errno(errno, "replacing", disk->path, error);
  }
  si_rc status = first ? SI_OK : copy_previous(disk, previous, error);
  if (status == SI_OK && renameat(disk->dir, new_name, disk->dir, disk->name) != 0) {
    return si_vault_errno(errno, "replacing", disk->path, error);
  }
  return status;
}

static si_rc write_new(const struct si_vault_disk *disk, const char *name, const void *data,
                       size_t len, struct si_error *error) {
  if (unlinkat(disk->dir, name, 0) != 0 && errno != ENOENT) {
    return si_vault_errno(errno, "replacing what was left beside", disk->path, error);
  }
  int fd SI_AUTO(si_close) =
      openat(disk->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || si_write_all(fd, data, len) != 0 || fsync(fd) != 0) {
    return si_vault_errno(errno, "writing", disk->path, error);
  }
  return SI_OK;
}

si_rc si_vault_disk_write(const struct si_vault_disk *disk, const void *data, size_t len,
                          struct si_error *error) {
  char name[256];
  beside(disk, ".new", name);
  si_rc status = write_new(disk, name, data, len, error);
  status = status == SI_OK ? put_in_place(disk, name, error) : status;
  if (status != SI_OK) {
    (void)unlinkat(disk->dir, name, 0);
    return status;
  }
  return si_vault_disk_sync(disk, error);
}

si_rc si_vault_disk_sync(const struct si_vault_disk *disk, struct si_error *error) {
  return fsync(disk->dir) == 0 ? SI_OK : si_vault_errno(errno, "syncing", disk->path, error);
}

void si_vault_disk_tidy(const struct si_vault_disk *disk, bool previous) {
  static const char *const suffixes[] = {".new", ".previous"};
  bool gone = false;
  for (size_t i = 0; i < (previous ? 2 : 1); i++) {
    char name[256];
    beside(disk, suffixes[i], name);
    gone = unlinkat(disk->dir, name, 0) == 0 || gone;
  }
  if (gone) {
    (void)fsync(disk->dir);
  }
}

bool si_vault_disk_has_previous(const struct si_vault_disk *disk) {
  char name[256];
  struct stat st;
  beside(disk, ".previous", name);
  return fstatat(disk->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}
