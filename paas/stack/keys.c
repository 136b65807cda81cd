/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/keys.h"

#include <string.h>

#include "kit/base/text.h"

enum { MOST_KEYS = 64 };

bool si_is_null(const struct si_yaml_node *node) {
  return node->kind == SI_YAML_SCALAR && node->type == SI_SCALAR_NULL;
}

struct si_place si_place_of(const struct si_place *place, const struct si_yaml_node *node,
                            size_t n) {
  const struct si_yaml_entry *entry = &node->entries[n];
  return (struct si_place){place, entry->key, n, entry->line};
}

static const char *kind_text(const struct si_yaml_node *node) {
  switch (node->kind) {
    case SI_YAML_LIST: return "a list";
    case SI_YAML_MAP: return "a map";
    default: return si_is_null(node) ? "empty" : "a single value";
  }
}

si_rc si_kind_check(struct si_reading *r, const struct si_yaml_node *node,
                    const struct si_place *place, enum si_yaml_kind kind) {
  static const char *const wanted[] = {"a single value", "a list (`- item`)",
                                       "a map (`key: value`)"};
  if (node->kind == kind) {
    return SI_OK;
  }
  return si_stack_invalid(r, place, "must be %s, and is %s", wanted[kind], kind_text(node));
}

si_rc si_filled_check(struct si_reading *r, const struct si_yaml_node *node,
                      const struct si_place *place) {
  if (node->kind == SI_YAML_SCALAR) {
    return si_stack_invalid(r, place, "must be a list or a map, and is %s", kind_text(node));
  }
  if (node->count == 0) {
    si_stack_invalid(r, place, "is empty");
    return si_stack_hint(r, "give it members, or remove the key");
  }
  return SI_OK;
}

static si_rc unsupported(struct si_reading *r, const struct si_place *place,
                         const struct si_keys *keys) {
  const char *names[MOST_KEYS];
  char all[400] = "";
  size_t count = 0;
  si_stack_fail(r, "STACK_UNSUPPORTED_KEY", place, "is not supported");
  for (size_t i = 0; i < keys->refused_count; i++) {
    if (strcmp(place->key, keys->refused[i].name) == 0) {
      return si_stack_hint(r, "%s", keys->refused[i].hint);
    }
  }
  for (size_t i = 0; i < keys->known_count && count < MOST_KEYS; i++) {
    names[count++] = keys->known[i].name;
    if (strlen(all) + strlen(names[i]) + 3 < sizeof all) {
      strncat(all, i ? ", " : "", sizeof all - strlen(all) - 1);
      strncat(all, names[i], sizeof all - strlen(all) - 1);
    }
  }
  const char *near = si_nearest(place->key, names, count);
  if (near) {
    return si_stack_hint(r, "did you mean `%s`?", near);
  }
  return si_stack_hint(r, "remove it; supported here: %s", count ? all : "no key");
}

si_rc si_keys_read(struct si_reading *r, const struct si_yaml_node *node,
                   const struct si_place *place, const struct si_keys *keys, void *into) {
  si_rc status = si_kind_check(r, node, place, SI_YAML_MAP);
  bool failed = false;
  for (size_t i = 0; status == SI_OK && i < node->count; i++) {
    const struct si_yaml_entry *entry = &node->entries[i];
    struct si_place at = si_place_of(place, node, i);
    const struct si_key *known = NULL;
    for (size_t k = 0; !known && k < keys->known_count; k++) {
      known = strcmp(entry->key, keys->known[k].name) == 0 ? &keys->known[k] : NULL;
    }
    if (known) {
      status = known->read(r, entry->value, &at, into);
    } else if (strncmp(entry->key, "x-", 2) != 0 || strncmp(entry->key, "x-si-", 5) == 0) {
      status = unsupported(r, &at, keys);
    }
    status = si_stack_go_on(r, status, &failed);
  }
  return si_stack_came_to(status, failed);
}
