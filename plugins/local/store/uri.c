/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/store/uri.c - where people find an object: file://<root>/<key>, what a URI cannot
 * hold written as %XX. Depends on store.h.
 */
#include <stdio.h>
#include <string.h>

#include "plugins/local/store/store.h"

/* Appends at *at, and leaves room for the NUL; 0 where it does not fit. */
static int append(char *out, size_t cap, size_t *at, const char *path) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  for (; *path; path++) {
    if (cap - *at < 4) {
      return 0;
    }
    if (strchr(plain, *path)) {
      out[(*at)++] = *path;
    } else {
      *at += (size_t)snprintf(out + *at, 4, "%%%02X", (unsigned)(unsigned char)*path);
    }
  }
  return 1;
}

si_rc store_uri(si_instance *store, const char *key, char *out, size_t cap) {
  const char *root = strcmp(store->root_path, "/") == 0 ? "" : store->root_path;
  size_t at = strlen("file://");
  si_rc status = key[0] ? store_check_key(store, NULL, key) : SI_OK;
  if (status != SI_OK) {
    return status;
  }
  if (cap < at + 4) {
    return SI_E_QUOTA;
  }
  memcpy(out, "file://", at);
  if (!append(out, cap, &at, root) || ((key[0] || !root[0]) && !append(out, cap, &at, "/")) ||
      !append(out, cap, &at, key)) {
    return SI_E_QUOTA;
  }
  out[at] = '\0';
  return SI_OK;
}
