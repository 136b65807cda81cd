/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "paas/context/private.h"

static si_rc unchecked(const char *path, const char *why, struct si_error *error) {
  si_error_set(error, SI_E_REFUSED, "STATE_ROOT_UNCHECKED",
               "cannot tell whether %s lies in a git repository: %s", path, why);
  si_error_hint(error,
                "name a directory that you can search from / downwards; what cannot be "
                "checked is refused");
  return SI_E_REFUSED;
}

/* Moves the last component of `path`, with its slash, to the front of `rest`; a `.` is dropped: of
 * one place there is one spelling. False at "/". */
static bool cut_component(char *path, char *rest) {
  char tail[SI_PATH_MAX];
  size_t len = strlen(path);
  while (len > 1 && path[len - 1] == '/') {
    path[--len] = '\0';
  }
  char *slash = strrchr(path, '/');
  if (len <= 1 || !slash) {
    return false;
  }
  int n = snprintf(tail, sizeof tail, "%s%s", strcmp(slash, "/.") == 0 ? "" : slash, rest);
  if (n < 0 || (size_t)n >= sizeof tail) {
    return false;
  }
  si_copy(rest, SI_PATH_MAX, tail);
  slash[slash == path ? 1 : 0] = '\0';
  return true;
}

/* Does a `..` stand in what does not exist yet? Where it leads shows only once it is made. */
static bool has_dotdot(const char *rest) {
  for (const char *p = strstr(rest, "/.."); p; p = strstr(p + 1, "/..")) {
    if (p[3] == '/' || p[3] == '\0') {
      return true;
    }
  }
  return false;
}

si_rc si_context_real(const char *path, char *to, struct si_error *error) {
  char at[SI_PATH_MAX];
  char real[SI_PATH_MAX];
  char rest[SI_PATH_MAX] = "";
  struct stat st;
  if (!path[0] || si_path_absolute(path, at, sizeof at) != SI_OK) {
    return unchecked(path[0] ? path : "(nothing)", "it is no usable path", error);
  }
  while (!realpath(at, real)) {
    if (errno != ENOENT) {
      return unchecked(path, strerror(errno), error);
    }
    if (lstat(at, &st) == 0) {
      return unchecked(path, "a symbolic link in it leads to nothing", error);
    }
    if (errno != ENOENT || !cut_component(at, rest)) {
      return unchecked(path, strerror(errno), error);
    }
  }
  if (has_dotdot(rest)) {
    return unchecked(path, "it goes through `..` of a directory that does not exist", error);
  }
  int n = snprintf(to, SI_PATH_MAX, "%s%s", rest[0] && strcmp(real, "/") == 0 ? "" : real, rest);
  return n > 0 && n < SI_PATH_MAX ? SI_OK : unchecked(path, "it is too long", error);
}

/* 1: dir/name is there, 0: it is not, -1: cannot tell (errno). `dir` is below the open directory
 * `at`, or absolute. */
static int look(int at, const char *dir, const char *name) {
  char path[SI_PATH_MAX];
  struct stat st;
  if (si_path_join(path, sizeof path, strcmp(dir, "/") == 0 ? "" : dir, name) != SI_OK) {
    errno = ENAMETOOLONG;
    return -1;
  }
  if (fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
    return 1;
  }
  return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
}

/* As look(), for a work tree's `.git` (a directory, or the file of a linked work tree or of a
 * submodule) and for the inside of a repository. */
static int repository(int at, const char *dir) {
  static const char *const inside[] = {"HEAD", "objects", "refs"};
  int found = look(at, dir, ".git");
  if (found != 0) {
    return found;
  }
  for (size_t i = 0; i < 3; i++) {
    found = look(at, dir, inside[i]);
    if (found != 1) {
      return found;
    }
  }
  return 1;
}

/* The parent of a real path, in place; false at "/". */
static bool go_up(char *dir) {
  char *slash = strrchr(dir, '/');
  if (strcmp(dir, "/") == 0 || !slash) {
    return false;
  }
  slash[slash == dir ? 1 : 0] = '\0';
  return true;
}

static si_rc judge(int found, const char *path, const char *dir, struct si_error *error) {
  if (found == 0) {
    return SI_OK;
  }
  if (found < 0) {
    return unchecked(path, strerror(errno), error);
  }
  si_error_set(error, SI_E_REFUSED, "STATE_ROOT_IN_REPOSITORY",
               "%s lies in the git repository %s: state and secrets there could be committed", path,
               dir);
  si_error_hint(error,
                "choose a directory outside any repository: set SI_PAAS_STATE_ROOT, or "
                "pass another path");
  return SI_E_REFUSED;
}

si_rc si_context_guard(const char *path, struct si_error *error) {
  char dir[SI_PATH_MAX];
  si_rc status = si_context_real(path, dir, error);
  if (status != SI_OK) {
    return status;
  }
  do {
    status = judge(repository(AT_FDCWD, dir), path, dir, error);
  } while (status == SI_OK && go_up(dir));
  return status;
}

si_rc si_context_guard_at(int dir, const char *path, struct si_error *error) {
  return judge(repository(dir, "."), path, path, error);
}

si_rc si_context_guard_provider(const cJSON *config, struct si_error *error) {
  const cJSON *member = NULL;
  si_rc status = SI_OK;
  cJSON_ArrayForEach(member, config) {
    if (cJSON_IsString(member) && member->valuestring[0] == '/') {
      status = si_context_guard(member->valuestring, error);
    } else {
      status = si_context_guard_provider(member, error);
    }
    if (status != SI_OK) {
      return status;
    }
  }
  return SI_OK;
}

si_rc si_context_guard_settings(const char *config, struct si_error *error) {
  cJSON *value SI_AUTO(si_json_free) = NULL;
  if (!config || !config[0]) {
    return SI_OK;
  }
  si_rc status = si_json_parse(config, strlen(config), &value, error);
  return status == SI_OK ? si_context_guard_provider(value, error) : status;
}
