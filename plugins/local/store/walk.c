/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/store/walk.c - listing, of objects or of unfinished ones: a walk of the directories
 * below a prefix that follows no link and goes no deeper than a key can. What is no object and lies
 * there all the same (a link, a name that can be no key) is told as one: who holds a listing
 * against a manifest is to see it. Depends on store.h, sdk/kit/base.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "plugins/local/store/store.h"

struct walk {
  si_instance *store;
  si_op *op;
  void *ctx;
  si_list_fn each; /* NULL: for the unfinished */
  si_unfinished_fn each_unfinished;
  char key[SI_PATH_MAX + 1]; /* of the directory being read; "" is the root */
};

static void close_dir(DIR **dir) {
  if (*dir) {
    closedir(*dir);
  }
}

static int64_t modified_ms(const struct stat *st) {
  return (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

static si_rc tell(struct walk *w, const struct stat *st) {
  const si_object_info info = {.length = (uint64_t)st->st_size, .modified_ms = modified_ms(st)};
  return w->each ? w->each(w->ctx, w->key, &info) : SI_OK;
}

/* A temporary file; w->key is the directory's. */
static si_rc tell_unfinished(struct walk *w, int dir, const char *name) {
  struct stat st;
  if (w->each || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) {
    return SI_OK;
  }
  const si_unfinished found = {.size = sizeof found,
                               .key = w->key,
                               .id = name,
                               .length = (uint64_t)st.st_size,
                               .started_ms = modified_ms(&st)};
  return w->each_unfinished(w->ctx, &found);
}

/* What has no place in a store, with its name as far as it is text; w->key is the entry's. */
static si_rc tell_stranger(struct walk *w) {
  const struct stat nothing = {.st_size = 0};
  size_t len = strlen(w->key);
  bool text = si_utf8_valid(w->key, len);
  for (size_t i = 0; i < len; i++) {
    if ((unsigned char)w->key[i] < 0x20 || w->key[i] == 0x7f ||
        (!text && (unsigned char)w->key[i] > 0x7f)) {
      w->key[i] = '?';
    }
  }
  return tell(w, &nothing);
}

/* The entries of a directory; `depth` is how many components their keys have. */
static si_rc walk(struct walk *w, int parent, const char *name, int depth);

/* w->key is the entry's key, which has `depth` components. */
static si_rc visit(struct walk *w, int dir, const char *name, int depth) {
  struct stat st;
  if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    /* Gone since its name was read. */
    return errno == ENOENT ? SI_OK
                           : store_fail_errno(w->store, w->op, errno, w->key, "cannot look at");
  }
  if (S_ISREG(st.st_mode)) {
    return tell(w, &st);
  }
  if (!S_ISDIR(st.st_mode)) {
    return tell_stranger(w);
  }
  return depth < STORE_DEPTH ? walk(w, dir, name, depth + 1)
                             : si_fail(w->store->vt, w->op, SI_E_QUOTA, w->key,
                                       "%s lies deeper than a key can", w->key);
}

/* One entry of the directory that w->key names. */
static si_rc meet(struct walk *w, int dir, const char *name, int depth) {
  size_t len = strlen(w->key);
  if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
    return SI_OK;
  }
  if (store_is_temp(name)) {
    return tell_unfinished(w, dir, name);
  }
  int n = snprintf(w->key + len, sizeof w->key - len, "%s%s", len ? "/" : "", name);
  si_rc status = SI_OK;
  if (n > 0 && (size_t)n < sizeof w->key - len) {
    status = si_component_valid(name, strlen(name)) ? visit(w, dir, name, depth) : tell_stranger(w);
  }
  w->key[len] = '\0';
  return status;
}

static si_rc walk(struct walk *w, int parent, const char *name, int depth) {
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir SI_AUTO(close_dir) = fd >= 0 ? fdopendir(fd) : NULL;
  if (!dir) {
    int err = errno;
    si_close(&fd);
    return err == ENOENT ? SI_OK : store_fail_errno(w->store, w->op, err, w->key, "cannot list");
  }
  si_rc status = SI_OK;
  while (status == SI_OK) {
    errno = 0;
    const struct dirent *entry = readdir(dir);
    if (!entry) {
      if (errno) {
        status = store_fail_errno(w->store, w->op, errno, w->key, "cannot list");
      }
      break;
    }
    status = meet(w, dirfd(dir), entry->d_name, depth);
  }
  return status;
}

/* Begins at `prefix`. */
static si_rc walk_from(struct walk *w, const char *prefix) {
  si_instance *store = w->store;
  si_op *op = w->op;
  const char *name = NULL;
  int dir = -1;
  int depth = 1;
  si_rc status = prefix[0] ? store_check_key(store, op, prefix) : SI_OK;
  if (status != SI_OK || !store_has_root(store)) {
    return status;
  }
  if (prefix[0] == '\0') {
    return walk(w, store->root, ".", depth);
  }
  for (const char *at = prefix; *at; at++) {
    depth += *at == '/';
  }
  memcpy(w->key, prefix, strlen(prefix) + 1);
  store_forget(store);
  status = store_directory(store, NULL, prefix, 0, &dir, &name);
  if (status == SI_E_NOT_FOUND) {
    return SI_OK; /* nothing under a prefix is an empty listing */
  }
  if (status != SI_OK) {
    return store_directory(store, op, prefix, 0, &dir, &name);
  }
  return visit(w, dir, name, depth);
}

si_rc store_list(si_instance *store, si_op *op, const char *prefix, void *ctx, si_list_fn each) {
  struct walk w = {.store = store, .op = op, .ctx = ctx, .each = each};
  return walk_from(&w, prefix);
}

si_rc store_unfinished(si_instance *store, si_op *op, const char *prefix, void *ctx,
                       si_unfinished_fn each) {
  struct walk w = {.store = store, .op = op, .ctx = ctx, .each_unfinished = each};
  return walk_from(&w, prefix);
}
