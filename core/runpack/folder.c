/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/path.h"
#include "kit/base/text.h"

struct walk {
  struct si_table files; /* the paths found */
  char path[SI_KEY_SIZE];
};

static void close_dir(DIR **dir) {
  if (*dir) {
    closedir(*dir);
  }
}

static si_rc refuse(const struct walk *w, struct si_error *error, const char *why) {
  si_error_set(error, SI_E_REFUSED, "RUNPACK_FOLDER_INVALID", "\"%.400s\" %s", w->path, why);
  si_error_target(error, "export", w->path);
  return SI_E_REFUSED;
}

static si_rc walk(struct walk *w, int parent, const char *name, int depth, struct si_error *error);

/* w->path is the entry's whole path. */
static si_rc take(struct walk *w, int dir, const struct dirent *entry, int depth,
                  struct si_error *error) {
  static const char no_hash[SI_SHA256_HEX] =
      "0000000000000000000000000000000000000000000000000000000000000000";
  const char *name = entry->d_name;
  struct stat st = {.st_mode = S_IFREG}; /* whoever opens it looks again */
  if (!si_component_valid(name, strlen(name))) {
    return refuse(w, error,
                  "has a name that cannot be part of a key: use A-Z a-z 0-9 . _ - and no "
                  "dot in front");
  }
  if (entry->d_type != DT_REG && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return si_error_errno(error, errno, "RUNPACK_FOLDER_INVALID", "cannot look at %.400s", w->path);
  }
  if (S_ISDIR(st.st_mode)) {
    return depth < SI_FOLDER_DEPTH ? walk(w, dir, name, depth + 1, error)
                                   : refuse(w, error, "lies deeper than 16 directories");
  }
  if (!S_ISREG(st.st_mode)) {
    return refuse(w, error, S_ISLNK(st.st_mode) ? "is a symbolic link" : "is not a regular file");
  }
  si_rc status = si_table_add(&w->files, w->path, "", "", 0, no_hash);
  return status == SI_OK ? SI_OK
                         : si_error_set(error, status, "RUNPACK_TOO_LARGE",
                                        "the directory holds too many files");
}

static si_rc walk(struct walk *w, int parent, const char *name, int depth, struct si_error *error) {
  size_t len = strlen(w->path);
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir SI_AUTO(close_dir) = fd >= 0 ? fdopendir(fd) : NULL;
  if (!dir) {
    int err = errno;
    si_close(&fd);
    return si_error_errno(error, err, "RUNPACK_FOLDER_INVALID", "cannot open directory \"%.400s\"",
                          w->path);
  }
  si_rc status = SI_OK;
  while (status == SI_OK) {
    errno = 0;
    const struct dirent *entry = readdir(dir);
    if (!entry) {
      if (errno) {
        status = si_error_errno(error, errno, "RUNPACK_FOLDER_INVALID",
                                "cannot read directory \"%.400s\"", w->path);
      }
      break;
    }
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
      continue;
    }
    int n = snprintf(w->path + len, sizeof w->path - len, "%s%s", len ? "/" : "", entry->d_name);
    status = n > 0 && (size_t)n < sizeof w->path - len
                 ? take(w, dirfd(dir), entry, depth, error)
                 : refuse(w, error, "is longer than 4096 bytes");
    w->path[len] = '\0';
  }
  return status;
}

static const char *content_type(const char *path) {
  static const struct {
    const char *ending;
    const char *type;
  } types[] = {
      {".json", "application/json"}, {".jsonl", "application/x-ndjson"},
      {".txt", "text/plain"},        {".log", "text/plain"},
      {".md", "text/markdown"},      {".yaml", "application/yaml"},
      {".yml", "application/yaml"},
  };
  const char *dot = strrchr(path, '.');
  for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++) {
    if (strcmp(dot, types[i].ending) == 0) {
      return types[i].type;
    }
  }
  return NULL;
}

static si_rc add_all(struct si_export *e, int dir, struct walk *w,
                     struct si_description *description, struct si_error *error) {
  si_rc status = walk(w, dir, ".", 0, error);
  si_table_sort(&w->files);
  for (size_t i = 0; status == SI_OK && i < w->files.count; i++) {
    const char *path = si_table_text(&w->files, w->files.entries[i].path);
    struct si_artifact artifact = {.name = path,
                                   .content_type = content_type(path),
                                   .required = true,
                                   .from = SI_FROM_FILE,
                                   .dir = dir,
                                   .file = path};
    if (description) {
      si_description_apply(description, &artifact);
    }
    status = si_export_queue(e, &artifact, error);
  }
  status = status == SI_OK ? si_export_settle(e, error) : status;
  return status == SI_OK && description ? si_description_end(description, error) : status;
}

si_rc si_export_add_folder(struct si_export *e, int dir, struct si_description *description,
                           struct si_error *error) {
  struct walk w = {.files = SI_TABLE(SI_MANIFEST_ARTIFACTS_MAX, SI_MANIFEST_TEXTS_MAX)};
  si_rc status = add_all(e, dir, &w, description, error);
  si_table_free(&w.files);
  return status;
}
