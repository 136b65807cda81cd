/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/addon/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/host/places.h"
#include "kit/base/path.h"
#include "kit/base/text.h"

enum { DESCRIPTOR_MAX = 64 << 10, FRAGMENT_MAX = 1 << 20, PACKS_MAX = 200 };

void si_pack_free(struct si_pack *pack) {
  si_json_free(&pack->descriptor);
  si_buf_free(&pack->text);
}

/* --- files --- */

static si_rc place(const char *dir, char to[SI_PATH_MAX], struct si_error *error) {
  if (!dir) {
    return si_place_data("SI_ADDON_DIR", "addons", to, SI_PATH_MAX, error);
  }
  si_copy(to, SI_PATH_MAX, dir);
  return SI_OK;
}

/* A directory that nobody else can have put something into; -1 with *error. */
static int open_dir(const char *path, struct si_error *error) {
  struct si_error why;
  struct stat st;
  if (stat(path, &st) != 0 && errno == ENOENT) {
    si_error_errno(error, errno, "ADDON_DIR_UNSAFE", "cannot open %s", path);
    return -1;
  }
  if (si_path_trusted(path, &why) != SI_OK) {
    si_error_set(error, SI_E_AUTH, "ADDON_DIR_UNSAFE",
                 "the directory of add-ons %s is not safe: %s", path, why.message);
    si_error_hint(error,
                  "every directory down to it must belong to root or you, be no link, and not be "
                  "writable by others (chmod go-w, once you know what is in it)");
    return -1;
  }
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    si_error_errno(error, errno, "ADDON_DIR_UNSAFE", "cannot open %s", path);
  }
  return fd;
}

static si_rc unsafe(const char *path, const char *name, const char *what, struct si_error *error) {
  si_error_set(error, SI_E_AUTH, "ADDON_FILE_UNSAFE", "%.300s/%s %s", path, name, what);
  return si_error_hint(error,
                       "install the add-ons again, or chmod go-w it once you know it is good");
}

/* Appends the file, and a line of sha256sum about it. */
static si_rc read_file(int dir, const char *path, const char *name, struct si_buf *text,
                       struct si_buf *sums, struct si_error *error) {
  struct stat st;
  char hex[SI_SHA256_HEX];
  int fd SI_AUTO(si_close) =
      openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0 && errno == ELOOP) {
    return unsafe(path, name, "is a link", error);
  }
  if (fd < 0 || fstat(fd, &st) != 0) {
    return si_error_errno(error, errno, "ADDON_INVALID", "cannot read %.300s/%s", path, name);
  }
  if (!S_ISREG(st.st_mode)) {
    return unsafe(path, name, "is no regular file", error);
  }
  if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH))) {
    return unsafe(path, name, "belongs to another user, or can be written by others", error);
  }
  si_rc status = si_read_fd(fd, text);
  status = status == SI_OK ? si_sha256_hex(si_buf_text(text), text->len, hex) : status;
  status = status == SI_OK ? si_buf_printf(sums, "%s  %s\n", hex, name) : status;
  return status == SI_OK
             ? SI_OK
             : si_error_set(error, status == SI_E_QUOTA ? SI_E_CORRUPT : status, "ADDON_INVALID",
                            "cannot read %.300s/%s: %s", path, name,
                            status == SI_E_QUOTA ? "it is too large" : si_status_text(status));
}

/* --- one pack --- */

struct names {
  char list[PACKS_MAX][64];
  size_t count;
};

static int by_name(const void *a, const void *b) {
  return strcmp(a, b);
}

static void names_free(struct names **names) {
  free(*names);
}

/* All in the directory that could be packs, sorted; takes the descriptor. */
static void read_names(int fd, struct names *names) {
  DIR *list = fdopendir(fd);
  const struct dirent *entry;
  while (list && names->count < PACKS_MAX && (entry = readdir(list))) {
    if (si_name_valid(entry->d_name)) {
      si_copy(names->list[names->count++], sizeof names->list[0], entry->d_name);
    }
  }
  if (list) {
    closedir(list);
  } else {
    close(fd);
  }
  qsort(names->list, names->count, sizeof names->list[0], by_name);
}

static si_rc not_found(const char *dir, const char *id, struct si_error *error) {
  struct names *names SI_AUTO(names_free) = calloc(1, sizeof *names);
  const char *known[PACKS_MAX];
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (names && fd >= 0) {
    read_names(fd, names);
  }
  for (size_t i = 0; names && i < names->count; i++) {
    known[i] = names->list[i];
  }
  const char *near = names ? si_nearest(id, known, names->count) : NULL;
  si_error_set(error, SI_E_NOT_FOUND, "ADDON_NOT_FOUND", "there is no add-on %.63s", id);
  si_error_target(error, NULL, id);
  return si_error_hint(error, "%s%s%sall of them: si paas addon contract",
                       near ? "did you mean " : "", near ? near : "", near ? "? " : "");
}

static si_rc parse(const struct si_buf *text, struct si_pack *pack, struct si_error *error) {
  struct si_error why;
  if (si_json_parse(si_buf_text(text), text->len, &pack->descriptor, &why) != SI_OK) {
    si_error_set(error, SI_E_CORRUPT, "ADDON_INVALID", "add-on %s: pack.json: %s", pack->id,
                 why.message);
    return si_error_hint(error, "install the add-ons again");
  }
  si_rc status = si_pack_check(pack->id, pack->descriptor, error);
  pack->version = si_json_str(pack->descriptor, "version");
  pack->summary = si_json_str(pack->descriptor, "summary");
  return status;
}

si_rc si_pack_open(const char *dir, const char *id, struct si_pack *out, struct si_error *error) {
  struct si_pack pack SI_AUTO(si_pack_free) = {.text = SI_BUF(FRAGMENT_MAX)};
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(DESCRIPTOR_MAX);
  struct si_buf sums SI_AUTO(si_buf_free) = SI_BUF(512);
  char root[SI_PATH_MAX], path[SI_PATH_MAX];
  struct stat st;
  si_rc status = place(dir, root, error);
  if (status != SI_OK) {
    return status;
  }
  if (!si_name_valid(id) || si_path_join(path, sizeof path, root, id) != SI_OK ||
      (stat(root, &st) == 0 && stat(path, &st) != 0 && errno == ENOENT)) {
    return not_found(root, id, error);
  }
  int fd SI_AUTO(si_close) = open_dir(path, error);
  if (fd < 0) {
    return error ? error->status : SI_E_AUTH;
  }
  si_copy(pack.id, sizeof pack.id, id);
  snprintf(pack.file, sizeof pack.file, "addons/%.63s/stack.yaml", id);
  status = read_file(fd, path, "pack.json", &text, &sums, error);
  status = status == SI_OK ? read_file(fd, path, "stack.yaml", &pack.text, &sums, error) : status;
  status = status == SI_OK ? parse(&text, &pack, error) : status;
  status = status == SI_OK ? si_sha256_hex(si_buf_text(&sums), sums.len, pack.sha256) : status;
  if (status == SI_OK) {
    *out = pack;
    pack = (struct si_pack){.text = SI_BUF(0)};
  }
  return status;
}

/* --- all of them --- */

si_rc si_pack_list(const char *dir, void *ctx, si_pack_each each, struct si_error *error) {
  struct names *names SI_AUTO(names_free) = calloc(1, sizeof *names);
  char root[SI_PATH_MAX];
  si_rc status = place(dir, root, error);
  if (status != SI_OK || !names) {
    return names ? status : si_error_set(error, SI_E_NOMEM, "ADDON_INVALID", "out of memory");
  }
  int fd = open_dir(root, error);
  if (fd < 0) {
    return error ? error->status : SI_E_AUTH;
  }
  read_names(fd, names);
  for (size_t i = 0; status == SI_OK && i < names->count; i++) {
    status = each(ctx, names->list[i]);
  }
  return status;
}
