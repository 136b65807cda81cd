/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/text.h"

enum { MANIFEST_MAX = 1 << 20, PLUGINS_MAX = 200 };

static const char *const kind_names[] = {[SI_KIND_PROVISIONER] = "provisioner",
                                         [SI_KIND_ARTIFACT] = "artifact",
                                         [SI_KIND_BACKUP] = "backup"};
enum { KINDS_END = sizeof kind_names / sizeof *kind_names };

const char *si_kind_name(uint32_t kind) {
  return kind < KINDS_END && kind_names[kind] ? kind_names[kind] : "?";
}

uint32_t si_kind_of(const char *name) {
  for (uint32_t kind = 1; name && kind < KINDS_END; kind++) {
    if (strcmp(kind_names[kind], name) == 0) {
      return kind;
    }
  }
  return 0;
}

static si_rc invalid(const struct si_tree *tree, struct si_error *error, const char *what) {
  si_error_set(error, SI_E_CORRUPT, "PLUGIN_MANIFEST_INVALID", "%s/manifest.json: %s", tree->dir,
               what);
  return si_error_hint(error, "install the plugins again: their maker writes it");
}

static bool file_name_valid(const char *file) {
  size_t len = file ? strnlen(file, 256) : 0;
  return len > 3 && si_component_valid(file, len) && strcmp(file + len - 3, ".so") == 0;
}

static bool kinds_valid(const cJSON *kinds) {
  const cJSON *kind;
  if (!cJSON_IsArray(kinds) || !kinds->child) {
    return false;
  }
  cJSON_ArrayForEach(kind, kinds) {
    if (!cJSON_IsString(kind)) {
      return false;
    }
  }
  return true;
}

si_rc si_tree_file_name(const char *file, struct si_error *error) {
  size_t len = strlen(file);
  if (len > 3 && strcmp(file + len - 3, ".la") == 0) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_LIBTOOL",
                 "%.200s is a libtool archive, which leads to another file", file);
    return si_error_hint(error, "name the shared object itself (.so)");
  }
  if (!file_name_valid(file)) {
    return si_error_set(error, SI_E_INVALID, "PLUGIN_NAME",
                        "%.200s is no name of a plugin's file: letters, digits, . _ - and .so at "
                        "its end",
                        file);
  }
  return SI_OK;
}

static void read_entry(const cJSON *object, struct si_tree_entry *entry) {
  entry->file = si_json_str(object, "file");
  entry->sha256 = si_json_str(object, "sha256");
  entry->id = si_json_str(object, "id");
  entry->abi = si_json_str(object, "abi");
  entry->license = si_json_str(object, "license");
  entry->kinds = si_json_get(object, "kinds");
  entry->needs = si_json_get(object, "needs");
}

bool si_tree_entry_read(const cJSON *object, struct si_tree_entry *entry) {
  read_entry(object, entry);
  return si_name_valid(entry->id) && file_name_valid(entry->file) &&
         si_sha256_hex_valid(entry->sha256) && kinds_valid(entry->kinds) && entry->abi &&
         entry->license && cJSON_IsObject(entry->needs);
}

/* Whose tree it is, and which edition. */
static si_rc read_head(struct si_tree *tree, struct si_error *error) {
  const cJSON *of = si_json_get(tree->manifest, "tree");
  const char *name = of ? si_json_str(tree->manifest, "tree") : "oss";
  int64_t serial = si_json_int(tree->manifest, "serial", 1, INT64_C(1) << 53, 0);
  if (!name || (strcmp(name, "oss") != 0 && strcmp(name, "enterprise") != 0)) {
    return invalid(tree, error, "its `tree` is neither oss nor enterprise");
  }
  if (serial == 0) {
    return invalid(tree, error, "its `serial` is no number from 1 on");
  }
  tree->enterprise = name[0] == 'e';
  tree->serial = (uint64_t)serial;
  return SI_OK;
}

static si_rc check_manifest(struct si_tree *tree, struct si_error *error) {
  const char *schema = si_json_str(tree->manifest, "schema");
  const cJSON *plugins = si_json_get(tree->manifest, "plugins");
  const cJSON *object;
  if (!schema || strcmp(schema, "si.plugins/1") != 0) {
    return invalid(tree, error, "its schema is not si.plugins/1");
  }
  if (!cJSON_IsArray(plugins) || cJSON_GetArraySize(plugins) > PLUGINS_MAX) {
    return invalid(tree, error, "`plugins` is not a list of at most 200");
  }
  cJSON_ArrayForEach(object, plugins) {
    struct si_tree_entry entry;
    bool whole = si_tree_entry_read(object, &entry);
    if (entry.file && si_tree_file_name(entry.file, error) == SI_E_AUTH) {
      return SI_E_AUTH;
    }
    if (!whole) {
      return invalid(tree, error,
                     "an entry lacks a valid id, file, sha256, kinds, needs, abi or "
                     "license");
    }
    for (const cJSON *other = plugins->child; other != object; other = other->next) {
      if (strcmp(si_json_str(other, "id"), entry.id) == 0) {
        return invalid(tree, error, "an id stands twice");
      }
    }
  }
  return read_head(tree, error);
}

si_rc si_tree_parse(const char *text, size_t len, struct si_tree *tree, struct si_error *error) {
  struct si_error why;
  if (si_sha256_hex(text, len, tree->sha256) != SI_OK) {
    return si_error_set(error, SI_E_INTERNAL, "PLUGIN_MANIFEST_UNREADABLE",
                        "cannot hash %s/manifest.json", tree->dir);
  }
  si_rc status = si_json_parse(text, len, &tree->manifest, &why);
  return status == SI_OK ? check_manifest(tree, error) : invalid(tree, error, why.message);
}

static si_rc read_manifest(struct si_tree *tree, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(MANIFEST_MAX);
  struct stat st;
  if (fstatat(tree->fd, "manifest.json", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
      ((st.st_mode & (S_IWGRP | S_IWOTH)) || (st.st_uid != 0 && st.st_uid != geteuid()))) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_MANIFEST_WRITABLE",
                 "%s/manifest.json can be changed by others than root and you", tree->dir);
    return si_error_hint(error, "chown it to root and chmod 644 it, once you know it is genuine");
  }
  si_rc status = si_read_file(tree->fd, "manifest.json", &text);
  if (status == SI_E_QUOTA && errno == EFBIG) {
    return invalid(tree, error, "it is larger than 1 MiB");
  }
  if (status != SI_OK) {
    si_error_errno(error, errno, "PLUGIN_MANIFEST_UNREADABLE", "cannot read %s/manifest.json",
                   tree->dir);
    return si_error_hint(error, "is this a plugin directory? install si, or set SI_PLUGIN_DIR");
  }
  return si_tree_parse(si_buf_text(&text), text.len, tree, error);
}

si_rc si_tree_open(const char *dir, struct si_tree *tree, struct si_error *error) {
  memset(tree, 0, sizeof *tree);
  tree->fd = -1;
  si_copy(tree->dir, sizeof tree->dir, dir);
  struct si_error why;
  si_rc status = si_path_trusted(dir, &why);
  if (status != SI_OK) {
    char code[sizeof why.code];
    snprintf(code, sizeof code, "PLUGIN_DIR_%.30s", strchr(why.code, '_') + 1);
    si_error_set(error, status, code, "the plugin directory %s is not safe: %s", dir, why.message);
    return si_error_hint(
        error,
        "every directory down to it must belong to root or you, be no "
        "link, and not be writable by others (chmod go-w, once you know what is in "
        "it)");
  }
  tree->fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (tree->fd < 0) {
    return si_error_errno(error, errno, "PLUGIN_DIR_UNREADABLE", "cannot open %s", dir);
  }
  status = read_manifest(tree, error);
  if (status != SI_OK) {
    si_tree_close(tree);
  }
  return status;
}

void si_tree_close(struct si_tree *tree) {
  si_close(&tree->fd);
  si_json_free(&tree->manifest);
}

size_t si_tree_count(const struct si_tree *tree) {
  return (size_t)cJSON_GetArraySize(si_json_get(tree->manifest, "plugins"));
}

void si_tree_at(const struct si_tree *tree, size_t index, struct si_tree_entry *entry) {
  read_entry(cJSON_GetArrayItem(si_json_get(tree->manifest, "plugins"), (int)index), entry);
}

static bool serves(const struct si_tree_entry *entry, uint32_t kind) {
  const cJSON *each;
  cJSON_ArrayForEach(each, entry->kinds) {
    if (kind == 0 || strcmp(each->valuestring, si_kind_name(kind)) == 0) {
      return true;
    }
  }
  return false;
}

si_rc si_tree_grants(const struct si_tree_entry *entry, uint32_t kind, struct si_error *error) {
  if (serves(entry, kind)) {
    return SI_OK;
  }
  si_error_set(error, SI_E_INVALID, "PLUGIN_KIND", "plugin \"%s\" is no %s provider", entry->id,
               si_kind_name(kind));
  return si_error_hint(error, "see what there is: si plugin list");
}

/* Not listed: is there at least a file of that name, which somebody forgot to list or planted? */
static si_rc not_listed(const struct si_tree *tree, const char *id, struct si_error *error) {
  char file[80];
  struct stat st;
  snprintf(file, sizeof file, "%.63s.so", id);
  if (si_name_valid(id) && fstatat(tree->fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_NOT_LISTED",
                 "%s/%s exists, but the manifest beside it does not list it", tree->dir, file);
    return si_error_hint(error, "only listed plugins are loaded: install it as its maker says");
  }
  si_error_set(error, SI_E_NOT_FOUND, "PLUGIN_NOT_FOUND", "no plugin \"%.100s\" in %s, nor pinned",
               id, tree->dir);
  return si_error_hint(
      error,
      "see what there is: si plugin list; one of your own is pinned with si plugin "
      "trust add FILE.so");
}

si_rc si_tree_find(const struct si_tree *tree, const char *id, uint32_t kind,
                   struct si_tree_entry *entry, struct si_error *error) {
  size_t count = si_tree_count(tree);
  for (size_t i = 0; i < count; i++) {
    si_tree_at(tree, i, entry);
    if (strcmp(entry->id, id) == 0) {
      return si_tree_grants(entry, kind, error);
    }
  }
  return not_listed(tree, id, error);
}

static si_rc check_file(const char *name, int fd, struct si_error *error) {
  struct stat st;
  if (fstat(fd, &st) != 0) {
    return si_error_errno(error, errno, "PLUGIN_UNREADABLE", "cannot look at %s", name);
  }
  if (!S_ISREG(st.st_mode)) {
    return si_error_set(error, SI_E_AUTH, "PLUGIN_NOT_REGULAR", "%s is not a regular file", name);
  }
  if (st.st_uid != 0 && st.st_uid != geteuid()) {
    return si_error_set(error, SI_E_AUTH, "PLUGIN_OWNER",
                        "%s belongs to user %u, not to root or "
                        "you",
                        name, (unsigned)st.st_uid);
  }
  if (st.st_mode & (S_IWGRP | S_IWOTH)) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_WRITABLE",
                 "%s can be written by its group or by others (mode %04o)", name,
                 (unsigned)(st.st_mode & 07777));
    return si_error_hint(error, "install it again, or chmod go-w it once you know it is genuine");
  }
  return SI_OK;
}

si_rc si_tree_verify(const struct si_tree *tree, const struct si_tree_entry *entry, int *fd,
                     struct si_error *error) {
  char name[SI_PATH_MAX + 300];
  char hash[SI_SHA256_HEX];
  snprintf(name, sizeof name, "%s/%s", tree->dir, entry->file);
  int file SI_AUTO(si_close) =
      openat(tree->fd, entry->file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0 && errno == ELOOP) {
    return si_error_set(error, SI_E_AUTH, "PLUGIN_SYMLINK",
                        "%s is a symbolic link; plugins are loaded from regular files alone", name);
  }
  if (file < 0) {
    return si_error_errno(error, errno, "PLUGIN_UNREADABLE", "cannot open %s", name);
  }
  si_rc status = check_file(name, file, error);
  if (status != SI_OK) {
    return status;
  }
  status = si_sha256_fd(file, hash);
  if (status != SI_OK) {
    return si_error_set(error, status, "PLUGIN_UNREADABLE", "cannot read %s", name);
  }
  if (strcmp(hash, entry->sha256) != 0 && tree->pinned) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_HASH",
                 "%s is not the file that was pinned: its SHA-256 is %s, pinned is %s", name, hash,
                 entry->sha256);
    return si_error_hint(error,
                         "if you built it anew: si plugin trust add %s --replace; else find out "
                         "who changed it",
                         name);
  }
  if (strcmp(hash, entry->sha256) != 0) {
    si_error_set(error, SI_E_AUTH, "PLUGIN_HASH",
                 "%s is not the file that the manifest lists: its SHA-256 is %s, listed is %s",
                 name, hash, entry->sha256);
    return si_error_hint(error, "it was changed or damaged: install it again");
  }
  *fd = file;
  file = -1;
  return SI_OK;
}
