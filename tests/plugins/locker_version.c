/* SPDX-License-Identifier: Apache-2.0 */
/* The store `locker`: versions of objects, and how they are locked, as files below its root. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tests/plugins/locker.h"

#define OBJECTS "objects"
#define VERSION ".v%012llu"
#define NAME_LEN 13 /* "v" and the digits */

int locker_enter(const si_instance *in, si_op *op, int how) {
  int fd = openat(in->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int failed = fd < 0 ? -1 : 1;
  while (failed == 1) {
    failed = flock(fd, how) == 0 ? 0 : errno == EINTR ? 1 : -1;
  }
  if (failed) {
    si_fail_errno(in->vt, op, errno, NULL, "cannot lock the store %s", in->root_path);
    si_close(&fd);
  }
  return fd;
}

int64_t locker_number(const si_instance *in, const char *file, int64_t otherwise) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(64);
  long long number;
  return si_read_file(in->root, file, &text) == SI_OK &&
                 sscanf(si_buf_text(&text), "%lld", &number) == 1
             ? number
             : otherwise;
}

int64_t locker_now(const si_instance *in) {
  return si_now_ms() + locker_number(in, "clock-offset", 0);
}

/* --- versions --- */

void locker_path(const char *key, const char *version, const char *suffix, char to[LOCKER_PATH]) {
  snprintf(to, LOCKER_PATH, OBJECTS "/%s%s.%s%s", key, key[0] ? "/" : "", version, suffix);
}

static void directory_of(const char *key, char to[LOCKER_PATH]) {
  snprintf(to, LOCKER_PATH, OBJECTS "%s%s", key[0] ? "/" : "", key);
}

static int is_version(const struct dirent *entry) {
  const char *name = entry->d_name;
  size_t len = strlen(name);
  return strncmp(name, ".v", 2) == 0 &&
         (len == NAME_LEN + 1 ||
          (len > NAME_LEN + 1 && strcmp(name + NAME_LEN + 1, ".marker") == 0));
}

static int is_visible(const struct dirent *entry) {
  return entry->d_name[0] != '.' && entry->d_type == DT_DIR;
}

static void free_entries(struct dirent **entries, int count) {
  for (int i = 0; i < count; i++) {
    free(entries[i]);
  }
  free(entries);
}

/* -1, recorded; none where the directory is not there. */
static int scan(const si_instance *in, si_op *op, const char *key,
                int (*filter)(const struct dirent *), struct dirent ***entries) {
  char path[LOCKER_PATH];
  directory_of(key, path);
  *entries = NULL;
  int count = scandirat(in->root, path, entries, filter, alphasort);
  if (count < 0 && (errno == ENOENT || errno == ENAMETOOLONG)) {
    return 0;
  }
  if (count < 0) {
    si_fail_errno(in->vt, op, errno, key, "cannot look for %.200s", key);
  }
  return count;
}

si_rc locker_versions(const si_instance *in, si_op *op, const char *key,
                      struct locker_versions *out) {
  struct dirent **entries;
  int count = scan(in, op, key, is_version, &entries);
  *out = (struct locker_versions){NULL, 0};
  if (count < 0) {
    return SI_E_IO;
  }
  out->each = calloc((size_t)count + 1, sizeof *out->each);
  for (int i = 0; out->each && i < count; i++) {
    struct locker_version *version = &out->each[out->count++];
    snprintf(version->name, sizeof version->name, "%.*s", NAME_LEN, entries[i]->d_name + 1);
    version->marker = strlen(entries[i]->d_name) > NAME_LEN + 1;
  }
  free_entries(entries, count);
  return out->each ? SI_OK : si_fail(in->vt, op, SI_E_NOMEM, key, "out of memory");
}

void locker_versions_free(struct locker_versions *versions) {
  free(versions->each);
  *versions = (struct locker_versions){NULL, 0};
}

const struct locker_version *locker_find(const struct locker_versions *versions, const char *name) {
  if (!name) {
    return locker_current(versions);
  }
  for (size_t i = 0; i < versions->count; i++) {
    if (strcmp(versions->each[i].name, name) == 0) {
      return &versions->each[i];
    }
  }
  return NULL;
}

const struct locker_version *locker_current(const struct locker_versions *versions) {
  const struct locker_version *last = versions->count ? &versions->each[versions->count - 1] : NULL;
  return last && !last->marker ? last : NULL;
}

si_rc locker_next(const si_instance *in, si_op *op, const char *key, char name[24]) {
  char path[LOCKER_PATH], text[32];
  unsigned long long number = (unsigned long long)locker_number(in, "next", 1);
  directory_of(key, path);
  if (strlen(path) >= LOCKER_KEY - 32) {
    return si_fail(in->vt, op, SI_E_QUOTA, key, "the key is too long for this store");
  }
  if (si_mkdir_beneath(in->root, path, 0700) != 0) {
    return si_fail_errno(in->vt, op, errno, key, "cannot make room for %.200s", key);
  }
  snprintf(text, sizeof text, "%llu\n", number + 1);
  snprintf(name, 24, "v%012llu", number);
  si_rc status = si_write_file(in->root, "next", text, strlen(text), 0600);
  return status == SI_OK
             ? SI_OK
             : si_fail(in->vt, op, status, key, "cannot number a version of %.200s", key);
}

si_rc locker_drop(const si_instance *in, si_op *op, const char *key,
                  const struct locker_versions *versions) {
  char path[LOCKER_PATH];
  for (size_t i = versions->count; i-- > (locker_breaks("store.lock.whole") ? 1 : 0);) {
    const struct locker_version *version = &versions->each[i];
    locker_path(key, version->name, version->marker ? ".marker" : "", path);
    if (unlinkat(in->root, path, 0) != 0 && errno != ENOENT) {
      return si_fail_errno(in->vt, op, errno, key, "cannot remove %.200s", key);
    }
    locker_path(key, version->name, ".lock", path);
    (void)unlinkat(in->root, path, 0);
  }
  directory_of(key, path);
  for (char *slash; unlinkat(in->root, path, AT_REMOVEDIR) == 0 && (slash = strrchr(path, '/'));) {
    *slash = '\0';
  }
  return SI_OK;
}

/* --- locks --- */

struct locker_lock locker_read(const si_instance *in, const char *key, const char *version) {
  struct locker_lock lock = {.mode = SI_LOCK_NONE};
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(128);
  char path[LOCKER_PATH];
  unsigned held = 0;
  long long until = 0;
  locker_path(key, version, ".lock", path);
  int fd SI_AUTO(si_close) = openat(in->root, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || si_read_fd(fd, &text) != SI_OK ||
      sscanf(si_buf_text(&text), "%u %lld %u", &lock.mode, &until, &held) != 3) {
    return (struct locker_lock){.mode = SI_LOCK_NONE};
  }
  lock.until_ms = until;
  lock.held = held;
  return lock;
}

si_rc locker_write(const si_instance *in, si_op *op, const char *key, const char *version,
                   const struct locker_lock *lock) {
  char path[LOCKER_PATH], text[96];
  locker_path(key, version, ".lock", path);
  char *slash = strrchr(path, '/');
  *slash = '\0';
  int dir SI_AUTO(si_close) = openat(in->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  snprintf(text, sizeof text, "%u %lld %u\n", lock->mode, (long long)lock->until_ms,
           (unsigned)lock->held);
  si_rc status = dir < 0 ? SI_E_IO : si_write_file(dir, slash + 1, text, strlen(text), 0600);
  return status == SI_OK ? SI_OK : si_fail(in->vt, op, status, key, "cannot lock %.200s", key);
}

bool locker_holds(const si_instance *in, const struct locker_lock *lock) {
  if (locker_breaks("store.lock.outlasts") && lock->mode != SI_LOCK_NONE) {
    return lock->until_ms > locker_now(in);
  }
  if (locker_breaks("store.lock.ends") && lock->mode != SI_LOCK_NONE) {
    return true;
  }
  return lock->held || (lock->mode != SI_LOCK_NONE && lock->until_ms > locker_now(in));
}

si_rc locker_refuse(const si_instance *in, si_op *op, const char *key,
                    const struct locker_versions *versions) {
  for (size_t i = 0; i < versions->count; i++) {
    const char *name = versions->each[i].name;
    struct locker_lock lock = locker_read(in, key, name);
    char until[SI_TIME_SIZE] = "";
    if (!locker_holds(in, &lock)) {
      continue;
    }
    si_time_text(lock.until_ms, until);
    if (locker_breaks("store.lock.words")) {
      return si_fail(in->vt, op, SI_E_RETENTION, key, "%.200s is not free", key);
    }
    if (lock.mode == SI_LOCK_NONE) {
      return si_fail(in->vt, op, SI_E_RETENTION, key,
                     "version %s of %.200s is under legal hold, which has no end", name, key);
    }
    return si_fail(in->vt, op, SI_E_RETENTION, key,
                   "version %s of %.200s is locked (%s) until %s%s", name, key,
                   lock.mode == SI_LOCK_COMPLIANCE ? "COMPLIANCE" : "GOVERNANCE", until,
                   lock.held ? ", and under legal hold" : "");
  }
  return SI_OK;
}

/* --- all of it --- */

static si_rc walk(const si_instance *in, si_op *op, char *key, void *ctx, locker_each each) {
  struct dirent **entries;
  size_t len = strlen(key);
  if (SI_HAS(in->vt, si_host_vt, cancelled) && in->vt->cancelled(op)) {
    return si_fail(in->vt, op, SI_E_CANCELLED, NULL, "cancelled");
  }
  si_rc status = key[0] ? each(ctx, key) : SI_OK;
  int count = status == SI_OK ? scan(in, op, key, is_visible, &entries) : 0;
  if (status != SI_OK || count < 0) {
    return status != SI_OK ? status : SI_E_IO;
  }
  for (int i = 0; status == SI_OK && i < count; i++) {
    const char *name = entries[i]->d_name;
    if (len + strlen(name) + 1 <= LOCKER_KEY) {
      snprintf(key + len, LOCKER_KEY + 1 - len, "%s%s", len ? "/" : "", name);
      status = walk(in, op, key, ctx, each);
      key[len] = '\0';
    }
  }
  free_entries(entries, count);
  return status;
}

si_rc locker_walk(const si_instance *in, si_op *op, const char *prefix, void *ctx,
                  locker_each each) {
  char key[LOCKER_KEY + 1];
  if (prefix[0] && !si_key_valid(prefix)) {
    return si_fail(in->vt, op, SI_E_INVALID, NULL, "\"%.200s\" is no prefix", prefix);
  }
  si_copy(key, sizeof key, prefix);
  return walk(in, op, key, ctx, each);
}
