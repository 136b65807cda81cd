/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kit/base/text.h"

void si_close(int *fd) {
  if (*fd >= 0) {
    int keep = errno;
    close(*fd);
    *fd = -1;
    errno = keep;
  }
}

/* One component; a link is ELOOP, as openat2 has it, also where a directory was asked for. */
static int open_component(int at, const char *name, int flags, mode_t mode) {
  struct stat st;
  int fd = openat(at, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0 && errno == ENOTDIR) {
    bool link = fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
    errno = link ? ELOOP : ENOTDIR;
  }
  return fd;
}

/* The walk for kernels without openat2: every component opened by itself, no link followed. */
static int walk_beneath(int dir, const char *path, int flags, mode_t mode) {
  int at SI_AUTO(si_close) = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  while (at >= 0) {
    size_t len = strcspn(path, "/");
    char name[256];
    if (len == 0 || len >= sizeof name || (len == 2 && memcmp(path, "..", 2) == 0)) {
      errno = len >= sizeof name ? ENAMETOOLONG : EXDEV;
      return -1;
    }
    memcpy(name, path, len);
    name[len] = '\0';
    if (path[len] == '\0') {
      return open_component(at, name, flags, mode);
    }
    int next = open_component(at, name, O_PATH | O_DIRECTORY, 0);
    si_close(&at);
    at = next;
    path += len + 1;
  }
  return -1;
}

int si_open_beneath(int dir, const char *path, int flags, mode_t mode) {
  struct open_how how = {
      .flags = (unsigned)flags | O_CLOEXEC,
      /* openat2 refuses a mode where nothing is made; O_TMPFILE holds O_DIRECTORY's bit. */
      .mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? mode : 0,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  for (int tries = 0;; tries++) {
    long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
    if (fd >= 0) {
      return (int)fd;
    }
    if (errno == ENOSYS) {
      return walk_beneath(dir, path, flags, mode);
    }
    if ((errno != EAGAIN && errno != EINTR) || tries > 100) {
      return -1;
    }
  }
}

int si_mkdir_beneath(int dir, const char *path, mode_t mode) {
  char part[SI_PATH_MAX];
  size_t total = strlen(path);
  if (total >= sizeof part) {
    errno = ENAMETOOLONG;
    return -1;
  }
  int at SI_AUTO(si_close) = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (const char *p = path; at >= 0 && *p;) {
    size_t len = strcspn(p, "/");
    memcpy(part, p, len);
    part[len] = '\0';
    if (mkdirat(at, part, mode) != 0 && errno != EEXIST) {
      return -1;
    }
    int next = si_open_beneath(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    si_close(&at);
    at = next;
    p += len + (p[len] == '/');
  }
  return at >= 0 ? 0 : -1;
}

int si_mkdir_path(const char *path, mode_t mode) {
  char part[SI_PATH_MAX];
  size_t total = strlen(path);
  if (total >= sizeof part) {
    errno = ENAMETOOLONG;
    return -1;
  }
  for (size_t i = 1; i <= total; i++) {
    if (path[i] != '/' && path[i] != '\0') {
      continue;
    }
    memcpy(part, path, i);
    part[i] = '\0';
    if (mkdir(part, mode) != 0 && errno != EEXIST) {
      /* An ancestor that exists on a read-only or foreign file system is no obstacle. */
      struct stat st;
      int keep = errno;
      if (stat(part, &st) != 0 || !S_ISDIR(st.st_mode)) {
        errno = keep;
        return -1;
      }
    }
  }
  struct stat st;
  if (stat(path, &st) != 0) {
    return -1;
  }
  if (!S_ISDIR(st.st_mode)) {
    errno = ENOTDIR;
    return -1;
  }
  return 0;
}

int si_write_all(int fd, const void *data, size_t len) {
  const char *p = data;
  while (len > 0) {
    ssize_t n = write(fd, p, len);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return -1;
    }
    p += n;
    len -= (size_t)n;
  }
  return 0;
}

si_rc si_write_file(int dir, const char *name, const void *data, size_t len, mode_t mode) {
  char suffix[17];
  char temp[300];
  si_rc status = si_random_hex(suffix, 8);
  if (status != SI_OK) {
    return status;
  }
  int n = snprintf(temp, sizeof temp, ".%s.%s", name, suffix);
  if (n < 0 || (size_t)n >= sizeof temp) {
    errno = ENAMETOOLONG;
    return SI_E_INVALID;
  }
  int fd SI_AUTO(si_close) =
      openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0) {
    return si_status_of_errno(errno);
  }
  if (si_write_all(fd, data, len) != 0 || fsync(fd) != 0 || renameat(dir, temp, dir, name) != 0) {
    int keep = errno;
    unlinkat(dir, temp, 0);
    errno = keep;
    return si_status_of_errno(errno);
  }
  return fsync(dir) == 0 ? SI_OK : si_status_of_errno(errno);
}

si_rc si_read_fd(int fd, struct si_buf *out) {
  char block[16384];
  for (;;) {
    ssize_t n = read(fd, block, sizeof block);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return n < 0 ? si_status_of_errno(errno) : SI_OK;
    }
    si_rc status = si_buf_add(out, block, (size_t)n);
    if (status != SI_OK) {
      errno = status == SI_E_QUOTA ? EFBIG : ENOMEM;
      return status;
    }
  }
}

si_rc si_read_file(int dir, const char *name, struct si_buf *out) {
  int fd SI_AUTO(si_close) = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0) {
    return si_status_of_errno(errno);
  }
  if (!S_ISREG(st.st_mode)) {
    errno = EINVAL;
    return SI_E_INVALID;
  }
  return si_read_fd(fd, out);
}

si_rc si_path_join(char *to, size_t size, const char *a, const char *b) {
  int n = snprintf(to, size, "%s/%s", a, b);
  return n >= 0 && (size_t)n < size ? SI_OK : SI_E_QUOTA;
}

si_rc si_path_absolute(const char *path, char *to, size_t size) {
  char here[SI_PATH_MAX];
  if (path[0] == '/') {
    if (strlen(path) >= size) {
      return SI_E_QUOTA;
    }
    si_copy(to, size, path);
    return SI_OK;
  }
  if (!getcwd(here, sizeof here)) {
    return si_status_of_errno(errno);
  }
  return si_path_join(to, size, here, path);
}

static si_rc component_trusted(const char *path, struct si_error *error) {
  struct stat st;
  if (lstat(path, &st) != 0) {
    return si_error_errno(error, errno, "PATH_UNREADABLE", "cannot look at %s", path);
  }
  if (S_ISLNK(st.st_mode)) {
    return si_error_set(error, SI_E_AUTH, "PATH_SYMLINK", "%s is a symbolic link", path);
  }
  if (st.st_uid != 0 && st.st_uid != geteuid()) {
    return si_error_set(error, SI_E_AUTH, "PATH_OWNER", "%s belongs to user %u, not to root or you",
                        path, (unsigned)st.st_uid);
  }
  bool sticky = S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX) && st.st_uid == 0;
  if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !sticky) {
    return si_error_set(error, SI_E_AUTH, "PATH_WRITABLE",
                        "%s can be written by its group or by others (mode %04o)", path,
                        (unsigned)(st.st_mode & 07777));
  }
  return SI_OK;
}

si_rc si_path_trusted(const char *path, struct si_error *error) {
  char part[SI_PATH_MAX];
  size_t total = strlen(path);
  if (path[0] != '/' || total >= sizeof part) {
    return si_error_set(error, SI_E_INVALID, "PATH_NOT_ABSOLUTE", "%s is not an absolute path",
                        path);
  }
  si_rc status = component_trusted("/", error);
  for (size_t i = 1; status == SI_OK && i <= total; i++) {
    if (path[i] == '/' || path[i] == '\0') {
      memcpy(part, path, i);
      part[i] = '\0';
      status = component_trusted(part, error);
    }
  }
  return status;
}
