/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/list.h"

#include <string.h>

#include "core/runpack/table.h"

enum { COMPLETE = 1u << 0 };

struct listing {
  struct si_table prefixes;
  uint64_t foreign;
  uint64_t seen;
};

/* The length of the prefix in front of manifest.json or artifacts/..., 0 where there is none. */
static size_t prefix_of(const char *key, bool *manifest) {
  const char *at = key;
  for (int i = 0; i < SI_KEY_PREFIX_DEPTH; i++) {
    at = strchr(at, '/');
    if (!at) {
      return 0;
    }
    at++;
  }
  *manifest = strcmp(at, SI_KEY_MANIFEST) == 0;
  bool artifact = strncmp(at, SI_KEY_ARTIFACTS, sizeof SI_KEY_ARTIFACTS - 1) == 0;
  return *manifest || artifact ? (size_t)(at - key) - 1 : 0;
}

static si_rc on_key(void *ctx, const struct si_store_object *object) {
  static const char no_hash[SI_SHA256_HEX] =
      "0000000000000000000000000000000000000000000000000000000000000000";
  struct listing *l = ctx;
  struct si_runpack_ids ids;
  char prefix[SI_KEY_SIZE];
  bool manifest = false;
  const char *key = object->key;
  if (l->seen++ == SI_LIST_OBJECTS_MAX) {
    return SI_E_QUOTA;
  }
  size_t len = strnlen(key, SI_KEY_SIZE) < SI_KEY_SIZE ? prefix_of(key, &manifest) : 0;
  memcpy(prefix, key, len);
  prefix[len] = '\0';
  /* Stores mostly list a runpack's objects one after the other. */
  struct si_entry *last = l->prefixes.count ? &l->prefixes.entries[l->prefixes.count - 1] : NULL;
  if (len && last && strcmp(si_table_text(&l->prefixes, last->path), prefix) == 0) {
    last->marks |= manifest ? COMPLETE : 0;
    return SI_OK;
  }
  if (!len || si_runpack_prefix_parse(prefix, &ids) != SI_OK) {
    l->foreign++;
    return SI_OK;
  }
  return si_table_add(&l->prefixes, prefix, "", "", manifest ? COMPLETE : 0, no_hash);
}

static si_rc tell(struct si_table *table, void *ctx,
                  si_rc (*each)(void *ctx, const struct si_runpack_found *found)) {
  struct si_runpack_found found;
  si_rc status = SI_OK;
  si_table_sort(table);
  for (size_t i = 0; status == SI_OK && i < table->count; i++) {
    const char *prefix = si_table_text(table, table->entries[i].path);
    uint32_t marks = table->entries[i].marks;
    while (i + 1 < table->count &&
           strcmp(si_table_text(table, table->entries[i + 1].path), prefix) == 0) {
      marks |= table->entries[++i].marks;
    }
    found.prefix = prefix;
    found.complete = marks & COMPLETE;
    status = si_runpack_prefix_parse(prefix, &found.ids);
    status = status == SI_OK ? each(ctx, &found) : status;
  }
  return status;
}

si_rc si_runpack_list(struct si_store *store, const char *under, void *ctx,
                      si_rc (*each)(void *ctx, const struct si_runpack_found *found),
                      uint64_t *foreign, struct si_error *error) {
  struct listing l = {SI_TABLE(SI_LIST_RUNPACKS_MAX, 128u << 20), 0, 0};
  if (under[0] && !si_runpack_key_valid(under, strlen(under))) {
    return si_error_set(error, SI_E_INVALID, "RUNPACK_ID_INVALID",
                        "\"%.200s\" is not the beginning of a runpack's prefix", under);
  }
  si_rc status = store->vt->list(store, under, SI_LIST_OBJECTS_MAX, &l, on_key, error);
  if (status == SI_OK) {
    status = tell(&l.prefixes, ctx, each);
    if (status != SI_OK) {
      si_error_set(error, status, "RUNPACK_LIST_FAILED", "the listing was ended: %s",
                   si_status_text(status));
    } else if (foreign) {
      *foreign = l.foreign;
    }
  }
  si_table_free(&l.prefixes);
  return status;
}
