/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/yaml_map.h"

#include <stdlib.h>
#include <string.h>

#include "paas/stack/report.h"

struct keyed {
  const struct si_yaml_entry *entry;
};

/* Equal keys in the file's order. */
static int compare_keys(const void *a, const void *b) {
  const struct si_yaml_entry *x = ((const struct keyed *)a)->entry;
  const struct si_yaml_entry *y = ((const struct keyed *)b)->entry;
  int order = strcmp(x->key, y->key);
  return order ? order : (x > y) - (x < y);
}

si_rc si_yaml_keys_once(struct si_reading *r, const struct si_yaml_node *map) {
  struct keyed *sorted = calloc(map->count ? map->count : 1, sizeof *sorted);
  if (!sorted) {
    return si_stack_nomem(r);
  }
  for (size_t i = 0; i < map->count; i++) {
    sorted[i].entry = &map->entries[i];
  }
  qsort(sorted, map->count, sizeof *sorted, compare_keys);
  const struct si_yaml_entry *twice = NULL; /* the first one in the file that repeats another */
  const struct si_yaml_entry *before = NULL;
  for (size_t i = 1; i < map->count; i++) {
    const struct si_yaml_entry *entry = sorted[i].entry;
    if (strcmp(sorted[i - 1].entry->key, entry->key) == 0 && (!twice || entry < twice)) {
      before = sorted[i - 1].entry;
      twice = entry;
    }
  }
  free(sorted);
  if (!twice) {
    return SI_OK;
  }
  struct si_place place = {NULL, NULL, 0, twice->line};
  return si_stack_fail(r, "STACK_YAML", &place,
                       "the key \"%.100s\" stands twice, here and on line %u", twice->key,
                       SI_LINE_NUMBER(before->line));
}

si_rc si_yaml_add(struct si_reading *r, struct si_yaml_node *node, struct si_yaml_entry entry,
                  size_t *room) {
  if (node->count == *room) {
    size_t more = *room ? *room * 2 : 4;
    struct si_yaml_entry *entries = realloc(node->entries, more * sizeof *entries);
    if (!entries) {
      return si_stack_nomem(r);
    }
    node->entries = entries;
    *room = more;
  }
  node->entries[node->count++] = entry;
  if (entry.value->height >= node->height) {
    node->height = entry.value->height + 1;
  }
  return SI_OK;
}

/* --- merge keys --- */

/* What one `<<` names: a map, or a list of maps of which the first to have a key counts. */
static si_rc refuse_merge(struct si_reading *r, const struct si_yaml_entry *merge) {
  struct si_place place = {NULL, NULL, 0, merge->line};
  si_stack_fail(r, "STACK_YAML", &place, "the merge key `<<` takes a map, or a list of maps");
  return si_stack_hint(r, "name an anchor that stands on a map: `<<: *common`");
}

static si_rc add_merged(struct si_reading *r, struct si_yaml_node *node,
                        const struct si_yaml_node *map, const struct si_yaml_entry *merge,
                        size_t *room) {
  if (map->kind != SI_YAML_MAP) {
    return refuse_merge(r, merge);
  }
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < map->count; i++) {
    if (!si_yaml_find(node, map->entries[i].key)) {
      status = si_yaml_add(r, node, map->entries[i], room);
    }
  }
  return status;
}

si_rc si_yaml_merge(struct si_reading *r, struct si_yaml_node *node,
                    const struct si_yaml_entry *merge) {
  const struct si_yaml_node *what = merge->value;
  size_t room = node->count; /* exact: the next one makes it grow */
  if (what->kind != SI_YAML_LIST) {
    return add_merged(r, node, what, merge, &room);
  }
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < what->count; i++) {
    status = add_merged(r, node, what->entries[i].value, merge, &room);
  }
  return status;
}

si_rc si_yaml_merges_once(struct si_reading *r, const struct si_yaml_entry *second,
                          const struct si_yaml_entry *first) {
  struct si_place place = {NULL, NULL, 0, second->line};
  si_stack_fail(r, "STACK_YAML", &place, "the key \"<<\" stands twice, here and on line %u",
                SI_LINE_NUMBER(first->line));
  return si_stack_hint(r, "write one, with a list: `<<: [*one, *other]`");
}

const struct si_yaml_entry *si_yaml_find(const struct si_yaml_node *map, const char *key) {
  for (size_t i = 0; i < map->count; i++) {
    if (map->kind == SI_YAML_MAP && strcmp(map->entries[i].key, key) == 0) {
      return &map->entries[i];
    }
  }
  return NULL;
}
