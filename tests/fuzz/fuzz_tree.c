/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_tree.c - any bytes as a plugin tree's manifest.json: what is taken holds entries
 * that are whole, each found again by its id, and the needs of each can be read, or are refused.
 * Depends on si_tree.
 */
#include <stdlib.h>
#include <string.h>

#include "core/host/needs.h"
#include "core/host/tree.h"
#include "kit/base/text.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void look_at(const struct si_tree *tree, const struct si_tree_entry *entry) {
  struct si_tree_entry found;
  struct si_error error = {.status = SI_OK};
  struct si_needs needs;
  struct si_buf words SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  require(si_name_valid(entry->id) && si_sha256_hex_valid(entry->sha256));
  require(strchr(entry->file, '/') == NULL && si_tree_file_name(entry->file, &error) == SI_OK);
  require(entry->abi && entry->license);
  require(si_tree_find(tree, entry->id, 0, &found, &error) == SI_OK);
  require(strcmp(found.file, entry->file) == 0);
  for (uint32_t kind = 1; kind <= 4; kind++) {
    require(si_tree_grants(entry, kind, &error) == SI_OK || strcmp(error.code, "PLUGIN_KIND") == 0);
  }
  si_rc status = si_needs_read(entry->needs, &needs, &error);
  require(status == SI_OK || strcmp(error.code, "PLUGIN_NEEDS") == 0);
  require(status != SI_OK || si_needs_words(&needs, &words) == SI_OK);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  struct si_tree tree = {.dir = "/plugins", .fd = -1};
  struct si_error error = {.status = SI_OK};
  char *copy = malloc(size + 1); /* memory of its own, so that looking beside it is noticed */
  require(copy != NULL);
  memcpy(copy, data, size);
  copy[size] = '\0';
  si_rc status = si_tree_parse(copy, size, &tree, &error);
  require(status == error.status);
  if (status == SI_OK) {
    require(tree.serial >= 1);
    for (size_t i = 0; i < si_tree_count(&tree); i++) {
      struct si_tree_entry entry;
      si_tree_at(&tree, i, &entry);
      look_at(&tree, &entry);
    }
  }
  si_tree_close(&tree);
  free(copy);
  return 0;
}
