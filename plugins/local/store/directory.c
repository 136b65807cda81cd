/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/store/directory.c - from a key to the open directory that holds its object, with
 * the last one kept open, and back: what a removal leaves empty. Depends on store.h, sdk/kit/base.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "plugins/local/store/store.h"

si_rc store_check_key(si_instance *store, si_op *op, const char *key) {
  size_t parts = 1;
  for (const char *at = key; (at = strchr(at, '/')) != NULL; at++) {
    parts++;
  }
  if (si_key_valid(key) && parts <= STORE_DEPTH) {
    return SI_OK;
  }
  return si_fail(store->vt, op, SI_E_INVALID, NULL, "\"%.200s\" is not a key that this store takes",
                 key);
}

void store_forget(si_instance *store) {
  si_close(&store->dir);
  store->dir_path[0] = '\0';
}

/* The root comes into being with its first object. */
static si_rc make_root(si_instance *store, si_op *op, const char *key) {
  if (mkdir(store->root_path, 0700) != 0 && errno != EEXIST) {
    return si_fail(store->vt, op, si_status_of_errno(errno), key,
                   "cannot make the store's root %s: %s", store->root_path, strerror(errno));
  }
  store->root = open(store->root_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return store->root >= 0
             ? SI_OK
             : si_fail(store->vt, op, si_status_of_errno(errno), key,
                       "cannot open the store's root %s: %s", store->root_path, strerror(errno));
}

int store_has_root(si_instance *store) {
  if (store->root < 0) {
    store->root = open(store->root_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }
  return store->root >= 0;
}

/* Links are refused by si_open_beneath itself; without O_NOFOLLOW it says so (ELOOP) where the
 * last component is one, and not "not a directory". */
static int open_directory(si_instance *store, const char *path, int make) {
  int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  if (make && path[0] && si_mkdir_beneath(store->root, path, 0700) != 0) {
    int err = errno;
    if (err == ENOTDIR) {
      int fd SI_AUTO(si_close) = si_open_beneath(store->root, path, O_PATH | O_DIRECTORY, 0);
      err = fd < 0 && errno == ELOOP ? ELOOP : err;
    }
    errno = err;
    return -1;
  }
  return si_open_beneath(store->root, path[0] ? path : ".", flags, 0);
}

si_rc store_own_directory(si_instance *store, si_op *op, const char *key, int make, int fresh,
                          int *dir, const char **name) {
  int last = -1, own = -1;
  pthread_mutex_lock(&store->lock);
  if (fresh) {
    store_forget(store);
  }
  si_rc status = store_directory(store, op, key, make, &last, name);
  if (status == SI_OK && (own = fcntl(last, F_DUPFD_CLOEXEC, 0)) < 0) {
    status = store_fail_errno(store, op, errno, key, make ? "cannot store" : "cannot open");
  }
  pthread_mutex_unlock(&store->lock);
  if (status == SI_OK) {
    *dir = own;
  }
  return status;
}

si_rc store_directory(si_instance *store, si_op *op, const char *key, int make, int *dir,
                      const char **name) {
  char path[SI_PATH_MAX];
  const char *slash = strrchr(key, '/');
  size_t len = slash ? (size_t)(slash - key) : 0;
  if (store->root < 0 && make) {
    si_rc status = make_root(store, op, key);
    if (status != SI_OK) {
      return status;
    }
  }
  if (!store_has_root(store)) {
    return si_fail(store->vt, op, SI_E_NOT_FOUND, key, "there is no store at %s", store->root_path);
  }
  memcpy(path, key, len);
  path[len] = '\0';
  if (store->dir < 0 || strcmp(store->dir_path, path) != 0) {
    store_forget(store);
    store->dir = open_directory(store, path, make);
    if (store->dir < 0) {
      int err = errno;
      if (make && (err == ENOTDIR || err == EEXIST)) {
        return si_fail(store->vt, op, SI_E_CONFLICT, key,
                       "cannot store %s/%s: a part of its path is an object", store->root_path,
                       key);
      }
      return store_fail_errno(store, op, err, key, make ? "cannot store" : "cannot open");
    }
    memcpy(store->dir_path, path, len + 1);
  }
  *dir = store->dir;
  *name = key + len + (slash != NULL);
  return SI_OK;
}

void store_prune(si_instance *store, const char *key) {
  char path[STORE_PATH];
  memcpy(path, key, strlen(key) + 1);
  for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
    *slash = '\0';
    const char *name = strrchr(path, '/');
    size_t above = name ? (size_t)(name - path) : 0;
    char parent[STORE_PATH] = ".";
    if (above) {
      memcpy(parent, path, above);
      parent[above] = '\0';
    }
    int fd SI_AUTO(si_close) =
        si_open_beneath(store->root, parent, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0 || unlinkat(fd, name ? name + 1 : path, AT_REMOVEDIR) != 0) {
      return;
    }
  }
}
