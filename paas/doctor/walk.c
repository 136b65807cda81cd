/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/doctor/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void trouble(struct si_walk *walk, const char *why) {
  walk->trouble(walk->ctx, walk->path[0] ? walk->path : ".", why);
}

static void bound(struct si_walk *walk, const char *what, size_t most) {
  char why[96];
  snprintf(why, sizeof why, "%s than %zu: the rest was not looked at", what, most);
  trouble(walk, why);
  walk->ended = true;
}

static bool has(int dir, const char *name) {
  struct stat st;
  return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The inside of a repository, as git recognises it. */
static bool is_bare(int dir) {
  return has(dir, "HEAD") && has(dir, "objects") && has(dir, "refs");
}

static bool of_git(const char *name, bool bare) {
  static const char *const inside[] = {"objects", "refs",    "logs",     "hooks",
                                       "info",    "modules", "worktrees"};
  if (strcmp(name, ".git") == 0) {
    return true;
  }
  for (size_t i = 0; bare && i < sizeof inside / sizeof *inside; i++) {
    if (strcmp(name, inside[i]) == 0) {
      return true;
    }
  }
  return false;
}

static unsigned char type_of(int dir, const struct dirent *entry) {
  struct stat st;
  if (entry->d_type != DT_UNKNOWN) {
    return entry->d_type;
  }
  bool seen = fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0;
  return seen ? (unsigned char)IFTODT(st.st_mode) : DT_UNKNOWN;
}

static void read_dir(struct si_walk *walk, int fd, size_t len, unsigned depth);

static void go_in(struct si_walk *walk, int dir, const char *name, size_t len, unsigned depth) {
  if (depth >= walk->depth_max) {
    bound(walk, "directories are nested deeper", walk->depth_max);
    return;
  }
  int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0) {
    read_dir(walk, fd, len, depth + 1);
  } else if (errno != ENOENT) {
    trouble(walk, strerror(errno));
  }
}

static void one(struct si_walk *walk, int dir, const struct dirent *entry, size_t len,
                unsigned depth) {
  size_t name_len = strlen(entry->d_name);
  size_t slash = len > 0;
  if (++walk->entries > walk->entries_max) {
    bound(walk, "there are more files", walk->entries_max);
    return;
  }
  if (len + slash + name_len >= sizeof walk->path) {
    trouble(walk, "a path in it is too long");
    return;
  }
  if (slash) {
    walk->path[len] = '/';
  }
  memcpy(walk->path + len + slash, entry->d_name, name_len + 1);
  unsigned char type = type_of(dir, entry);
  bool on = walk->entry(walk->ctx, dir, entry->d_name, walk->path, type);
  if (on && type == DT_DIR) {
    go_in(walk, dir, entry->d_name, len + slash + name_len, depth);
  } else if (!on && type != DT_DIR) {
    walk->ended = true;
  }
  walk->path[len] = '\0';
}

/* Takes the descriptor. */
static void read_dir(struct si_walk *walk, int fd, size_t len, unsigned depth) {
  const struct dirent *entry;
  bool bare = walk->git && is_bare(fd);
  DIR *list = fdopendir(fd);
  if (!list) {
    trouble(walk, strerror(errno));
    si_close(&fd);
    return;
  }
  for (errno = 0; !walk->ended && (entry = readdir(list)) != NULL; errno = 0) {
    bool dots = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (!dots && !(walk->git && of_git(entry->d_name, bare))) {
      one(walk, fd, entry, len, depth);
    }
  }
  if (!walk->ended && errno != 0) {
    trouble(walk, strerror(errno));
  }
  closedir(list);
}

void si_walk_run(struct si_walk *walk, int top) {
  int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  walk->entries = 0;
  walk->ended = false;
  walk->path[0] = '\0';
  if (fd < 0) {
    trouble(walk, strerror(errno));
  } else {
    read_dir(walk, fd, 0, 0);
  }
}
