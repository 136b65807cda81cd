/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/doctor/repository.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kit/base/text.h"

/* 1: there, 0: not there, -1: cannot tell. */
static int has(const char *dir, const char *name) {
  char path[SI_PATH_MAX];
  struct stat st;
  if (si_path_join(path, sizeof path, strcmp(dir, "/") == 0 ? "" : dir, name) != SI_OK) {
    errno = ENAMETOOLONG;
    return -1;
  }
  if (lstat(path, &st) == 0) {
    return 1;
  }
  return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
}

static int is_repository(const char *dir) {
  static const char *const inside[] = {"HEAD", "objects", "refs"};
  int found = has(dir, ".git");
  for (size_t i = 0; found == 0 && i < 3; i++) {
    int part = has(dir, inside[i]);
    if (part != 1) {
      return part;
    }
    found = i == 2;
  }
  return found;
}

si_rc si_repository_around(const char *dir, char to[SI_PATH_MAX], bool *found) {
  char *real = realpath(dir, NULL);
  if (!real) {
    return SI_E_REFUSED;
  }
  bool any = false;
  si_rc status = SI_OK;
  for (char *slash = real; status == SI_OK && slash;) {
    int here = is_repository(real);
    if (here < 0) {
      status = SI_E_REFUSED;
    } else if (here > 0) {
      any = true;
      si_copy(to, SI_PATH_MAX, real);
    }
    slash = strcmp(real, "/") == 0 ? NULL : strrchr(real, '/');
    if (slash) {
      slash[slash == real] = '\0';
    }
  }
  int keep = errno;
  free(real);
  errno = keep;
  if (status == SI_OK) {
    *found = any;
  }
  return status;
}
