/* SPDX-License-Identifier: Apache-2.0 */
/* Listings of the reference store: a walk of its directories. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/conform/ref_store.h"

struct walk {
  si_instance *in;
  si_op *op;
  const char *prefix;
  void *ctx;
  si_list_fn each;             /* or NULL */
  si_unfinished_fn unfinished; /* or NULL */
  size_t told;
};

static bool under(const char *key, const char *prefix) {
  size_t len = strlen(prefix);
  bool begins = strncmp(key, prefix, len) == 0;
  if (bad("store.list.itself") && key[len] == '\0') {
    return false;
  }
  return begins && (len == 0 || key[len] == '/' || key[len] == '\0' || bad("store.list.prefix"));
}

static si_rc tell(struct walk *w, const char *dir, const char *name, const char *key,
                  const struct stat *st) {
  bool temp = strncmp(name, ".tmp-", 5) == 0;
  const si_object_info info = {.length =
                                   (uint64_t)st->st_size + (bad("store.list.lengths") ? 1 : 0)};
  const si_unfinished found = {.size = sizeof found,
                               .key = dir,
                               .id = name,
                               .length = (uint64_t)st->st_size,
                               .started_ms = (int64_t)st->st_mtim.tv_sec * 1000};
  if (!under(key, w->prefix) || (bad("store.list.many") && w->told > 1000)) {
    return SI_OK;
  }
  if (w->each && !temp) {
    w->told++;
    si_rc status = w->each(w->ctx, key, &info);
    return bad("store.list.stopped") ? SI_OK : status;
  }
  return w->unfinished && temp ? w->unfinished(w->ctx, &found) : SI_OK;
}

static si_rc walk(struct walk *w, int fd, char *key) {
  DIR *dir = fdopendir(fd);
  const struct dirent *entry;
  size_t len = strlen(key);
  si_rc status = dir ? ref_stop(w->in, w->op) : SI_E_IO;
  while (status == SI_OK && (entry = readdir(dir))) {
    const char *name = entry->d_name;
    struct stat st;
    char parent[REF_KEY_MAX + 1];
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    si_copy(parent, sizeof parent, key);
    snprintf(key + len, REF_KEY_MAX + 1 - len, "%s%s", len ? "/" : "", name);
    int below = S_ISDIR(st.st_mode) ? openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (below >= 0) {
      status = walk(w, below, key);
    } else if (S_ISREG(st.st_mode)) {
      status = tell(w, parent, name, key, &st);
    }
    key[len] = '\0';
  }
  if (dir) {
    closedir(dir);
  } else {
    close(fd);
  }
  return status;
}

static si_rc walk_all(struct walk *w) {
  char key[REF_KEY_MAX + 1] = "";
  int fd = openat(w->in->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd >= 0 ? walk(w, fd, key) : ref_fail_errno(w->in, w->op, w->prefix);
}

si_rc ref_list(si_instance *in, si_op *op, const char *prefix, void *ctx, si_list_fn each) {
  struct walk w = {.in = in, .op = op, .prefix = prefix, .ctx = ctx, .each = each};
  si_rc status = walk_all(&w);
  if (status == SI_OK && w.told == 0 && bad("store.list.none")) {
    status = ref_fail(in, op, SI_E_NOT_FOUND, prefix, "there is nothing under %.100s", prefix);
  }
  return status;
}

si_rc ref_unfinished(si_instance *in, si_op *op, const char *prefix, void *ctx,
                     si_unfinished_fn each) {
  struct walk w = {.in = in, .op = op, .prefix = prefix, .ctx = ctx, .unfinished = each};
  return walk_all(&w);
}

si_rc ref_discard(si_instance *in, si_op *op, const char *key, const char *id) {
  char path[2 * REF_KEY_MAX];
  if (strchr(id, '/') || (strncmp(id, ".tmp-", 5) != 0 && !bad("store.unfinished.objects"))) {
    return ref_fail(in, op, SI_E_INVALID, id, "%.100s is nothing unfinished", id);
  }
  snprintf(path, sizeof path, "%.4096s/%.255s", key[0] ? key : ".", id);
  return unlinkat(in->dir, path, 0) == 0 || errno == ENOENT ? SI_OK : ref_fail_errno(in, op, id);
}
