/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/context/private.h"

si_rc si_context_root(char *to, size_t size, struct si_error *error) {
  const char *set = getenv("SI_PAAS_STATE_ROOT");
  const char *home = getenv("HOME");
  if (set && set[0]) {
    if (set[0] != '/') {
      si_error_set(error, SI_E_INVALID, "STATE_ROOT_RELATIVE",
                   "SI_PAAS_STATE_ROOT is %.200s, which is not an absolute path", set);
      si_error_hint(error, "let it begin with /");
      return SI_E_INVALID;
    }
    if (strlen(set) >= size) {
      return si_error_set(error, SI_E_INVALID, "STATE_ROOT_TOO_LONG",
                          "SI_PAAS_STATE_ROOT is longer than %zu bytes", size - 1);
    }
    si_copy(to, size, set);
    return SI_OK;
  }
  if (!home || home[0] != '/') {
    si_error_set(error, SI_E_INVALID, "STATE_ROOT_UNKNOWN",
                 "neither SI_PAAS_STATE_ROOT nor HOME says where si keeps its state");
    si_error_hint(error, "set SI_PAAS_STATE_ROOT to an absolute path outside any git repository");
    return SI_E_INVALID;
  }
  if (si_path_join(to, size, home, ".si/paas") != SI_OK) {
    return si_error_set(error, SI_E_INVALID, "STATE_ROOT_TOO_LONG", "HOME is too long a path");
  }
  return SI_OK;
}

si_rc si_context_errno(int err, const char *what, const char *path, struct si_error *error) {
  si_rc status =
      si_error_errno(error, err, err == ENOSPC || err == EDQUOT ? "STATE_FULL" : "STATE_ROOT_IO",
                     "%s %s failed", what, path);
  if (status == SI_E_NOT_FOUND || status == SI_E_EXISTS) {
    status = SI_E_IO; /* those two speak of contexts, not of their files */
    if (error) {
      error->status = status;
    }
  }
  if (err == EACCES || err == EPERM || err == EROFS) {
    si_error_hint(error,
                  "choose a place you can write to with SI_PAAS_STATE_ROOT, or run as the "
                  "user that owns it");
  } else if (err == ENOSPC || err == EDQUOT) {
    si_error_hint(error, "free some space there, then run the command again");
  }
  return status;
}

si_rc si_context_private(int dir, const char *path, struct si_error *error) {
  struct stat st;
  if (fstat(dir, &st) != 0) {
    return si_context_errno(errno, "looking at", path, error);
  }
  if (st.st_uid != geteuid()) {
    si_error_set(error, SI_E_REFUSED, "STATE_ROOT_OWNER", "%s belongs to user %u, not to you (%u)",
                 path, (unsigned)st.st_uid, (unsigned)geteuid());
    si_error_hint(error,
                  "run as that user, or choose a directory of your own with "
                  "SI_PAAS_STATE_ROOT");
    return SI_E_REFUSED;
  }
  if (st.st_mode & (S_IRWXG | S_IRWXO)) {
    si_error_set(error, SI_E_REFUSED, "STATE_ROOT_PERMISSIONS",
                 "%s is open to its group or to others (mode %04o)", path,
                 (unsigned)(st.st_mode & 07777));
    si_error_hint(error, "if only you have been using it: chmod 700 %s", path);
    return SI_E_REFUSED;
  }
  return SI_OK;
}

void si_context_sync_up(const char *path) {
  char at[SI_PATH_MAX];
  si_copy(at, sizeof at, path);
  for (;;) {
    int dir SI_AUTO(si_close) = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
      (void)fsync(dir); /* some file systems cannot; then there is nothing to do */
    }
    char *slash = strrchr(at, '/');
    if (!slash || strcmp(at, "/") == 0) {
      return;
    }
    slash[slash == at ? 1 : 0] = '\0';
  }
}

void si_context_home_close(struct si_context_home *home) {
  si_close(&home->contexts);
  si_close(&home->root);
}

/* Absent: *out stays -1. */
static si_rc open_private(int at, const char *name, const char *path, int *out,
                          struct si_error *error) {
  int dir SI_AUTO(si_close) = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dir < 0) {
    return errno == ENOENT ? SI_OK : si_context_errno(errno, "opening", path, error);
  }
  si_rc status = si_context_private(dir, path, error);
  if (status == SI_OK) {
    *out = dir;
    dir = -1;
  }
  return status;
}

bool si_context_in_repository(const struct si_error *error) {
  return strcmp(error->code, "STATE_ROOT_IN_REPOSITORY") == 0;
}

si_rc si_context_give(const struct si_error *from, struct si_error *error) {
  if (error) {
    *error = *from;
  }
  return from->status;
}

si_rc si_context_home_allowed(const struct si_context_home *home, bool unsafe,
                              struct si_error *error) {
  return unsafe || home->refused.status == SI_OK ? SI_OK : si_context_give(&home->refused, error);
}

static si_rc locate(struct si_context_home *home, struct si_error *error) {
  char root[SI_PATH_MAX];
  si_rc status = si_context_root(root, sizeof root, error);
  if (status != SI_OK) {
    return status;
  }
  status = si_context_guard(root, &home->refused);
  if (status != SI_OK && !si_context_in_repository(&home->refused)) {
    return si_context_give(&home->refused, error);
  }
  return si_context_real(root, home->path, error);
}

static si_rc open_both(struct si_context_home *home, struct si_error *error) {
  char path[SI_PATH_MAX + 16];
  si_rc status = open_private(AT_FDCWD, home->path, home->path, &home->root, error);
  if (status == SI_OK && home->root >= 0) {
    snprintf(path, sizeof path, "%s/contexts", home->path);
    status = open_private(home->root, "contexts", path, &home->contexts, error);
  }
  if (status == SI_OK && home->contexts >= 0 && home->refused.status == SI_OK) {
    status = si_context_guard_at(home->contexts, path, &home->refused);
    if (status != SI_OK && si_context_in_repository(&home->refused)) {
      status = SI_OK;
    } else if (status != SI_OK) {
      status = si_context_give(&home->refused, error);
    }
  }
  return status;
}

si_rc si_context_home_open(struct si_context_home *home, struct si_error *error) {
  si_rc status = locate(home, error);
  if (status == SI_OK) {
    status = open_both(home, error);
  }
  /* Of two faults the repository is the one to tell. */
  return status != SI_OK && si_context_in_repository(&home->refused)
             ? si_context_give(&home->refused, error)
             : status;
}

si_rc si_context_home_make(struct si_context_home *home, bool unsafe, struct si_error *error) {
  si_rc status = si_context_home_open(home, error);
  if (status == SI_OK) {
    status = si_context_home_allowed(home, unsafe, error);
  }
  if (status != SI_OK || home->contexts >= 0) {
    return status;
  }
  if (home->root < 0 && si_mkdir_path(home->path, 0700) != 0) {
    return si_context_errno(errno, "making", home->path, error);
  }
  if (home->root < 0) {
    status = open_both(home, error);
  }
  if (status != SI_OK) {
    return status;
  }
  if (home->contexts < 0 && mkdirat(home->root, "contexts", 0700) != 0 && errno != EEXIST) {
    return si_context_errno(errno, "making contexts/ in", home->path, error);
  }
  si_context_sync_up(home->path);
  si_context_home_close(home);
  status = open_both(home, error);
  if (status == SI_OK && home->contexts < 0) {
    return si_context_errno(ENOENT, "opening", home->path, error);
  }
  return status;
}
