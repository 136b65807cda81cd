/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/context/private.h"

#define DEPTH_MAX 200

static int empty_dir(int dir, dev_t device, const char *keep, unsigned depth);

/* A directory of ours that we may not write to or search is opened up first. */
static int open_child(int dir, const char *name) {
  int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int child = openat(dir, name, flags);
  if (child < 0 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0) {
    child = openat(dir, name, flags);
  }
  if (child >= 0) {
    (void)fchmod(child, 0700);
  }
  return child;
}

static int remove_dir(int dir, const char *name, dev_t device, unsigned depth) {
  struct stat st;
  if (depth >= DEPTH_MAX) {
    errno = ELOOP;
    return -1;
  }
  int child SI_AUTO(si_close) = open_child(dir, name);
  if (child < 0 || fstat(child, &st) != 0) {
    return -1;
  }
  if (st.st_dev != device) { /* what is mounted there is not ours to empty */
    errno = EBUSY;
    return -1;
  }
  if (empty_dir(child, device, NULL, depth + 1) != 0) {
    return -1;
  }
  return unlinkat(dir, name, AT_REMOVEDIR);
}

static int remove_entry(int dir, const char *name, dev_t device, unsigned depth) {
  struct stat st;
  if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? 0 : -1;
  }
  int done = S_ISDIR(st.st_mode) ? remove_dir(dir, name, device, depth) : unlinkat(dir, name, 0);
  return done == 0 || errno == ENOENT ? 0 : -1;
}

static int empty_dir(int dir, dev_t device, const char *keep, unsigned depth) {
  int first = 0;
  int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
  if (!list) {
    si_close(&fd);
    return -1;
  }
  errno = 0;
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (keep && strcmp(name, keep) == 0)) {
      continue;
    }
    if (remove_entry(dir, name, device, depth) != 0 && first == 0) {
      first = errno;
    }
  }
  closedir(list);
  errno = first;
  return first == 0 ? 0 : -1;
}

int si_context_empty_tree(int dir, const char *keep) {
  struct stat st;
  return fstat(dir, &st) == 0 ? empty_dir(dir, st.st_dev, keep, 0) : -1;
}
