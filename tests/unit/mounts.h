/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/mounts.h - mounts of a test program's own: in a mount namespace, as root or in a user
 * namespace. Depends on Linux.
 */
#ifndef SI_TESTS_UNIT_MOUNTS_H
#define SI_TESTS_UNIT_MOUNTS_H

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static inline bool mounts_write(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  bool well = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  if (fd >= 0) {
    close(fd);
  }
  return well;
}

/* False, with errno, where neither is allowed here. */
static inline bool own_mounts(void) {
  char map[64];
  uid_t uid = geteuid();
  gid_t gid = getegid();
  if (uid == 0) {
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
  }
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    return false;
  }
  snprintf(map, sizeof map, "%u %u 1", (unsigned)uid, (unsigned)uid);
  bool well =
      mounts_write("/proc/self/setgroups", "deny") && mounts_write("/proc/self/uid_map", map);
  snprintf(map, sizeof map, "%u %u 1", (unsigned)gid, (unsigned)gid);
  return well && mounts_write("/proc/self/gid_map", map);
}

#endif
