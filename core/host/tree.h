/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/tree.h - a plugin tree: a directory with manifest.json, which lists every plugin by
 * file, SHA-256 and kinds (design: trust comes before load). Depends on sdk/kit/base.
 *
 * manifest.json: {"schema":"si.plugins/1","tree":"oss"|"enterprise","serial":N,"plugins":[{"file",
 * "sha256","id","kinds":["provisioner"|"artifact"|"backup"],"needs":{},"abi","license"}]}, at most
 * 1 MiB and 200 plugins. "tree" may be absent: oss. Serials count from 1.
 *
 * A plugin is trusted when the directory and every component above it belong to root or to this
 * user and cannot be written by others, the manifest lists it, and its file is a regular one, no
 * link, as safely owned, with the listed hash; who else has a say stands in core/host/resolve.h.
 * Codes: PLUGIN_DIR_*, PLUGIN_MANIFEST_*, PLUGIN_LIBTOOL, PLUGIN_NOT_LISTED, PLUGIN_KIND,
 * PLUGIN_SYMLINK, PLUGIN_NOT_REGULAR, PLUGIN_OWNER, PLUGIN_WRITABLE, PLUGIN_HASH.
 */
#ifndef SI_CORE_HOST_TREE_H
#define SI_CORE_HOST_TREE_H

#include "kit/base/hash.h"
#include "kit/base/json.h"
#include "kit/base/path.h"

struct si_tree {
  char dir[SI_PATH_MAX];
  int fd;                     /* of dir */
  cJSON *manifest;            /* owned */
  char sha256[SI_SHA256_HEX]; /* of the manifest's bytes, as they were read */
  bool enterprise;
  bool pinned; /* no directory with a manifest: one plugin that the operator pinned */
  uint64_t serial;
};

/* One entry; texts belong to the tree. */
struct si_tree_entry {
  const char *file;
  const char *sha256;
  const char *id;
  const char *abi;
  const char *license;
  const cJSON *kinds;
  const cJSON *needs;
};

/* Opens and checks the directory and its manifest. */
si_rc si_tree_open(const char *dir, struct si_tree *tree, struct si_error *error) SI_MUST_USE;
/* The manifest alone, from its bytes: fills sha256, manifest, enterprise and serial of a tree that
 * has its dir. si_tree_close, on failure too. */
si_rc si_tree_parse(const char *text, size_t len, struct si_tree *tree,
                    struct si_error *error) SI_MUST_USE;
void si_tree_close(struct si_tree *tree);

size_t si_tree_count(const struct si_tree *tree);
void si_tree_at(const struct si_tree *tree, size_t index, struct si_tree_entry *entry);
/* May it serve `kind` (SI_KIND_*; 0: any)? PLUGIN_KIND. */
si_rc si_tree_grants(const struct si_tree_entry *entry, uint32_t kind,
                     struct si_error *error) SI_MUST_USE;
/* Is it a name that a plugin's file may have: NAME.so, no path? PLUGIN_LIBTOOL, PLUGIN_NAME. */
si_rc si_tree_file_name(const char *file, struct si_error *error) SI_MUST_USE;
/* Fills *entry from an object with an entry's members; false where one is missing or malformed. */
bool si_tree_entry_read(const cJSON *object, struct si_tree_entry *entry);
/* The plugin of that id, if it may serve `kind` (SI_KIND_*; 0: any). */
si_rc si_tree_find(const struct si_tree *tree, const char *id, uint32_t kind,
                   struct si_tree_entry *entry, struct si_error *error) SI_MUST_USE;
/* Opens the plugin's file and checks all of it; *fd is what was hashed and is what to load. */
si_rc si_tree_verify(const struct si_tree *tree, const struct si_tree_entry *entry, int *fd,
                     struct si_error *error) SI_MUST_USE;

/* "provisioner", "artifact", "backup"; "?" */
const char *si_kind_name(uint32_t kind);
/* SI_KIND_* of such a name; 0: none. */
uint32_t si_kind_of(const char *name);

#endif
