/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/store/unfinished.c - the names of objects being written, and dropping what dead
 * writers left. Depends on store.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/local/store/store.h"

int store_is_temp(const char *name) {
  static const char hex[] = "0123456789abcdef";
  if (strncmp(name, STORE_TEMP, sizeof STORE_TEMP - 1) != 0) {
    return 0;
  }
  const char *at = name + sizeof STORE_TEMP - 1;
  if (strspn(at, hex) != STORE_TEMP_HEX || at[STORE_TEMP_HEX] != '-') {
    return 0;
  }
  at += STORE_TEMP_HEX + 1;
  size_t count = strspn(at, hex);
  return count >= 1 && count <= 16 && at[count] == '\0';
}

/* The name in its directory as a path below the root. */
static si_rc path_of(si_instance *store, si_op *op, const char *key, const char *id,
                     char path[STORE_PATH]) {
  if (!store_is_temp(id)) {
    return si_fail(store->vt, op, SI_E_INVALID, NULL,
                   "\"%.200s\" is no unfinished object of this store", id);
  }
  si_rc status = key[0] ? store_check_key(store, op, key) : SI_OK;
  if (status == SI_OK && strlen(key) >= SI_PATH_MAX) {
    status = si_fail(store->vt, op, SI_E_INVALID, NULL, "the key is too long for a directory");
  }
  if (status == SI_OK) {
    snprintf(path, STORE_PATH, "%s%s%s", key, key[0] ? "/" : "", id);
  }
  return status;
}

si_rc store_discard(si_instance *store, si_op *op, const char *key, const char *id) {
  char path[STORE_PATH];
  struct stat st;
  const char *name = NULL;
  int dir = -1;
  si_rc status = path_of(store, op, key, id, path);
  if (status != SI_OK) {
    return status;
  }
  store_forget(store);
  if (store_directory(store, NULL, path, 0, &dir, &name) == SI_E_NOT_FOUND) {
    return SI_OK;
  }
  status = store_directory(store, op, path, 0, &dir, &name);
  if (status != SI_OK) {
    return status;
  }
  if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode)) {
    return si_fail(store->vt, op, SI_E_REFUSED, path, "%s/%s is not a regular file",
                   store->root_path, path);
  }
  if (unlinkat(dir, name, 0) != 0 && errno != ENOENT) {
    return store_fail_errno(store, op, errno, path, "cannot remove");
  }
  if (fsync(dir) != 0) {
    return store_fail_errno(store, op, errno, path, "cannot make durable the removal of");
  }
  store_forget(store);
  store_prune(store, path);
  return SI_OK;
}
