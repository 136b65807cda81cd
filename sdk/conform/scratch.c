/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int make(const char *parent, const char *name, char *to, size_t size) {
  int n = snprintf(to, size, "%s/%s.XXXXXX", parent, name);
  if (n < 0 || (size_t)n >= size) {
    errno = ENAMETOOLONG;
    return -1;
  }
  return mkdtemp(to) ? 0 : -1;
}

int scratch_root(char *to, size_t size) {
  const char *parent = getenv("TMPDIR");
  return make(parent && parent[0] == '/' ? parent : "/tmp", "si-conform", to, size);
}

int scratch_make(const char *root, char *to, size_t size) {
  return make(root, "check", to, size);
}

/* The entries of an open directory, which it takes. */
static void empty(int fd) {
  DIR *dir = fdopendir(fd);
  const struct dirent *entry;
  while (dir && (entry = readdir(dir))) {
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || unlinkat(fd, name, 0) == 0) {
      continue;
    }
    int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below >= 0) {
      empty(below);
      unlinkat(fd, name, AT_REMOVEDIR);
    }
  }
  if (dir) {
    closedir(dir);
  }
}

void scratch_remove(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0) {
    empty(fd);
    rmdir(path);
  }
}
