/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/target/den.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/path.h"
#include "kit/base/text.h"

#define WHERE "/tmp"
#define BEGINS "si-target-"

static int open_dir(int at, const char *name) {
  return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Files alone are ever in one: what cannot be unlinked stays. Takes the descriptor. */
static void empty(int fd) {
  DIR *dir = fdopendir(fd);
  for (struct dirent *entry; dir && (entry = readdir(dir));) {
    if (entry->d_name[0] != '.') {
      unlinkat(dirfd(dir), entry->d_name, 0);
    }
  }
  if (dir) {
    closedir(dir);
  } else {
    close(fd);
  }
}

/* One that this user made and nobody has locked: whoever made it is gone. */
static void sweep_one(int where, const char *name) {
  struct stat st;
  int fd = open_dir(where, name);
  if (fd < 0) {
    return;
  }
  if (fstat(fd, &st) != 0 || st.st_uid != geteuid() || flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return;
  }
  empty(fd);
  unlinkat(where, name, AT_REMOVEDIR);
}

static void sweep(void) {
  int where = open_dir(AT_FDCWD, WHERE);
  int listed = where < 0 ? -1 : dup(where);
  DIR *dir = listed < 0 ? NULL : fdopendir(listed);
  for (struct dirent *entry; dir && (entry = readdir(dir));) {
    if (strncmp(entry->d_name, BEGINS, strlen(BEGINS)) == 0) {
      sweep_one(where, entry->d_name);
    }
  }
  if (dir) {
    closedir(dir);
  } else {
    si_close(&listed);
  }
  si_close(&where);
}

/* Between making and locking it another one may have swept it: then it has no name any more. */
static bool is_named(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

si_rc si_den_make(struct si_den *den, struct si_error *error) {
  sweep();
  for (int tries = 0; tries < 10; tries++) {
    si_copy(den->path, sizeof den->path, WHERE "/" BEGINS "XXXXXX");
    if (!mkdtemp(den->path)) {
      break;
    }
    den->fd = open_dir(AT_FDCWD, den->path);
    if (den->fd >= 0 && flock(den->fd, LOCK_EX) == 0 && is_named(den->fd)) {
      return SI_OK;
    }
    si_close(&den->fd);
  }
  den->path[0] = '\0';
  return si_error_errno(error, errno, "TARGET_TUNNEL", "cannot make a directory in " WHERE);
}

void si_den_remove(struct si_den *den) {
  if (den->path[0]) {
    int fd = dup(den->fd);
    if (fd >= 0) {
      empty(fd);
    }
    rmdir(den->path);
    si_close(&den->fd);
    den->path[0] = '\0';
  }
}
