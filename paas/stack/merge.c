/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/merge.h"

#include <stdlib.h>
#include <string.h>

#include "paas/stack/keys.h"

struct merger {
  struct si_reading *r;
  struct si_yaml *to; /* owns what is made */
};

/* --- where a value stands --- */

enum rule {
  JOIN,    /* maps by member, lists one behind the other, single values replaced */
  REPLACE, /* the later value alone */
  PAIRS,   /* a map, or a list of KEY=value */
  NAMES,   /* a map, or a list of names */
  ITEMS,   /* a list, or its only item */
  LIMIT,   /* a map or a single value, which replace each other */
  LOGGING  /* as JOIN, but another `driver` replaces it whole */
};

static const struct {
  const char *key; /* of a service; behind a dot a member of it, `*` any */
  enum rule rule;
} rules[] = {
    {"command", REPLACE},   {"entrypoint", REPLACE}, {"healthcheck.test", REPLACE},
    {"environment", PAIRS}, {"labels", PAIRS},       {"sysctls", PAIRS},
    {"networks", NAMES},    {"depends_on", NAMES},   {"tmpfs", ITEMS},
    {"env_file", ITEMS},    {"ulimits.*", LIMIT},    {"logging", LOGGING},
};

/* services.NAME.KEY, or services.NAME.KEY.MEMBER. */
static enum rule rule_of(const struct si_place *place) {
  const char *keys[5];
  size_t depth = 0;
  for (const struct si_place *p = place; p && p->up; p = p->up) {
    if (depth == 5 || !p->key) {
      return JOIN;
    }
    keys[depth++] = p->key;
  }
  if ((depth != 3 && depth != 4) || strcmp(keys[depth - 1], "services") != 0) {
    return JOIN;
  }
  const char *key = keys[depth - 3];
  const char *member = depth == 4 ? keys[0] : NULL;
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    size_t len = strcspn(rules[i].key, ".");
    const char *want = rules[i].key[len] ? rules[i].key + len + 1 : NULL;
    bool here = strlen(key) == len && memcmp(key, rules[i].key, len) == 0;
    bool below = !want ? !member : member && (want[0] == '*' || strcmp(want, member) == 0);
    if (here && below) {
      return rules[i].rule;
    }
  }
  return JOIN;
}

/* --- nodes --- */

struct si_yaml_node *si_yaml_make(struct si_yaml *to, const struct si_yaml_node *like,
                                  enum si_yaml_kind kind, size_t room) {
  struct si_yaml_node *node = calloc(1, sizeof *node);
  if (!node) {
    return NULL;
  }
  node->kind = kind;
  node->line = like->line;
  node->made = to->made;
  to->made = node;
  node->entries = calloc(room ? room : 1, sizeof *node->entries);
  return node->entries ? node : NULL; /* freed with the tree */
}

void si_yaml_adopt(struct si_yaml *to, struct si_yaml *from) {
  struct si_yaml_node **last = &to->made;
  while (*last) {
    last = &(*last)->made;
  }
  *last = from->made;
  *from = (struct si_yaml){0};
}

static const struct si_yaml_node *new_text(struct merger *m, const struct si_yaml_node *like,
                                           const char *text, enum si_scalar type) {
  struct si_yaml_node *node = si_yaml_make(m->to, like, SI_YAML_SCALAR, 0);
  if (!node || !(node->text = strdup(text))) {
    return NULL;
  }
  node->type = type;
  node->bytes = strlen(text);
  return node;
}

static struct si_yaml_entry *find(const struct si_yaml_node *map, const char *key) {
  return (struct si_yaml_entry *)si_yaml_find(map, key);
}

/* --- the two forms of one thing --- */

static si_rc twice(struct merger *m, const struct si_place *place, const char *key) {
  return si_stack_invalid(m->r, place, "sets \"%.70s\" a second time", key);
}

/* What an item of a list becomes as a member of a map: KEY=value, or NAME. */
static si_rc member_of(struct merger *m, enum rule rule, const struct si_place *place,
                       const struct si_yaml_entry *item, struct si_yaml_entry *out) {
  const struct si_yaml_node *value = item->value;
  if (value->kind != SI_YAML_SCALAR || value->type != SI_SCALAR_TEXT || !value->text[0]) {
    return si_stack_invalid(m->r, place, "must be text");
  }
  size_t len = rule == PAIRS ? strcspn(value->text, "=") : strlen(value->text);
  if (memchr(value->text, '$', len)) {
    si_stack_invalid(m->r, place, "uses `$` in the name by which it is merged");
    return si_stack_hint(m->r, "write the name out");
  }
  const struct si_yaml_node *key = new_text(m, value, value->text, SI_SCALAR_TEXT);
  if (!key) {
    return si_stack_nomem(m->r);
  }
  bool bare = value->text[len] == '\0';
  key->text[len] = '\0';
  out->key = key->text;
  out->line = item->line;
  out->value =
      new_text(m, value, bare ? "" : value->text + len + 1, bare ? SI_SCALAR_NULL : SI_SCALAR_TEXT);
  return out->value ? SI_OK : si_stack_nomem(m->r);
}

/* `depends_on: [db]` is `depends_on: {db: {condition: service_started}}`. */
static si_rc condition_of(struct merger *m, struct si_yaml_entry *member) {
  const struct si_yaml_node *like = member->value;
  struct si_yaml_node *map = si_yaml_make(m->to, like, SI_YAML_MAP, 1);
  const struct si_yaml_node *value = new_text(m, like, "service_started", SI_SCALAR_TEXT);
  if (!map || !value) {
    return si_stack_nomem(m->r);
  }
  map->entries[map->count++] = (struct si_yaml_entry){"condition", member->line, value};
  member->value = map;
  return SI_OK;
}

static si_rc as_map(struct merger *m, enum rule rule, const struct si_place *place,
                    const struct si_yaml_node *node, const struct si_yaml_node **out) {
  if (node->kind != SI_YAML_LIST) {
    *out = node;
    return SI_OK;
  }
  struct si_yaml_node *map = si_yaml_make(m->to, node, SI_YAML_MAP, node->count);
  si_rc status = map ? SI_OK : si_stack_nomem(m->r);
  for (size_t i = 0; status == SI_OK && i < node->count; i++) {
    struct si_place at = si_place_of(place, node, i);
    struct si_yaml_entry *member = &map->entries[i];
    status = member_of(m, rule, &at, &node->entries[i], member);
    if (status == SI_OK && find(map, member->key)) {
      return twice(m, &at, member->key);
    }
    bool waits = rule == NAMES && strcmp(place->key, "depends_on") == 0;
    status = status == SI_OK && waits ? condition_of(m, member) : status;
    map->count = i + 1;
  }
  *out = map;
  return status;
}

static si_rc as_list(struct merger *m, const struct si_yaml_node *node,
                     const struct si_yaml_node **out) {
  *out = node;
  if (node->kind == SI_YAML_LIST) {
    return SI_OK;
  }
  struct si_yaml_node *list = si_yaml_make(m->to, node, SI_YAML_LIST, 1);
  if (!list) {
    return si_stack_nomem(m->r);
  }
  list->entries[list->count++] = (struct si_yaml_entry){NULL, node->line, node};
  *out = list;
  return SI_OK;
}

/* --- merging --- */

static si_rc merge(struct merger *m, const struct si_place *place, const struct si_yaml_node *base,
                   const struct si_yaml_node *over, const struct si_yaml_node **out);

/* `base` NULL: what `over` says of nothing. */
static si_rc merge_maps(struct merger *m, const struct si_place *place,
                        const struct si_yaml_node *base, const struct si_yaml_node *over,
                        const struct si_yaml_node **out) {
  size_t have = base ? base->count : 0;
  struct si_yaml_node *map =
      si_yaml_make(m->to, base ? base : over, SI_YAML_MAP, have + over->count);
  si_rc status = map ? SI_OK : si_stack_nomem(m->r);
  for (size_t i = 0; status == SI_OK && i < have; i++) {
    const struct si_yaml_entry *later = find(over, base->entries[i].key);
    struct si_yaml_entry entry = base->entries[i];
    if (later && later->value->mark == SI_YAML_RESET) {
      continue;
    }
    if (later) {
      struct si_place at = {place, later->key, 0, later->line};
      entry.line = later->line;
      status = merge(m, &at, entry.value, later->value, &entry.value);
    }
    map->entries[map->count++] = entry;
  }
  for (size_t i = 0; status == SI_OK && i < over->count; i++) {
    struct si_yaml_entry entry = over->entries[i];
    struct si_place at = {place, entry.key, 0, entry.line};
    if (entry.value->mark == SI_YAML_RESET || (base && find(base, entry.key))) {
      continue;
    }
    status = merge(m, &at, NULL, entry.value, &entry.value);
    map->entries[map->count++] = entry;
  }
  *out = map;
  return status;
}

static si_rc join_lists(struct merger *m, const struct si_yaml_node *base,
                        const struct si_yaml_node *over, const struct si_yaml_node **out) {
  struct si_yaml_node *list = si_yaml_make(m->to, base, SI_YAML_LIST, base->count + over->count);
  if (!list) {
    return si_stack_nomem(m->r);
  }
  for (size_t i = 0; i < base->count + over->count; i++) {
    list->entries[list->count++] =
        i < base->count ? base->entries[i] : over->entries[i - base->count];
  }
  *out = list;
  return SI_OK;
}

static si_rc refuse_kinds(struct merger *m, const struct si_place *place,
                          const struct si_yaml_node *base) {
  char line[200];
  si_stack_invalid(m->r, place, "is of another kind than on %s, and cannot be merged with that",
                   si_stack_line(m->r, base->line, place->line, line));
  return si_stack_hint(m->r, "write `!override` before the value to put it in place of the other");
}

/* In a list a mark has nothing that it could mean. */
static si_rc refuse_marks(struct merger *m, const struct si_place *place,
                          const struct si_yaml_node *list) {
  for (size_t i = 0; i < list->count; i++) {
    struct si_place at = si_place_of(place, list, i);
    if (list->entries[i].value->mark != SI_YAML_PLAIN) {
      si_stack_fail(m->r, "STACK_YAML", &at, "is marked `!reset` or `!override` inside a list");
      return si_stack_hint(m->r, "mark the whole list: `ports: !override [...]`");
    }
  }
  return SI_OK;
}

static bool same_driver(const struct si_yaml_node *base, const struct si_yaml_node *over) {
  const struct si_yaml_entry *a = si_yaml_find(base, "driver");
  const struct si_yaml_entry *b = si_yaml_find(over, "driver");
  return !a || !b || a->value->kind != SI_YAML_SCALAR || b->value->kind != SI_YAML_SCALAR ||
         strcmp(a->value->text, b->value->text) == 0;
}

static si_rc alone(struct merger *m, const struct si_place *place, const struct si_yaml_node *over,
                   const struct si_yaml_node **out) {
  *out = over;
  if (over->kind == SI_YAML_MAP) {
    return merge_maps(m, place, NULL, over, out);
  }
  return over->kind == SI_YAML_LIST ? refuse_marks(m, place, over) : SI_OK;
}

static si_rc merge(struct merger *m, const struct si_place *place, const struct si_yaml_node *base,
                   const struct si_yaml_node *over, const struct si_yaml_node **out) {
  enum rule rule = rule_of(place);
  si_rc status = SI_OK;
  if (!base || si_is_null(base) || over->mark == SI_YAML_OVERRIDE) {
    return alone(m, place, over, out);
  }
  if (si_is_null(over)) {
    *out = base;
    return SI_OK;
  }
  if (rule == PAIRS || rule == NAMES) {
    status = as_map(m, rule, place, base, &base);
    status = status == SI_OK ? as_map(m, rule, place, over, &over) : status;
  } else if (rule == ITEMS) {
    status = as_list(m, base, &base);
    status = status == SI_OK ? as_list(m, over, &over) : status;
  }
  bool replaces = rule == REPLACE || (rule == LIMIT && base->kind != over->kind);
  if (status != SI_OK || replaces) {
    return status == SI_OK ? alone(m, place, over, out) : status;
  }
  if (base->kind != over->kind) {
    return refuse_kinds(m, place, base);
  }
  if (base->kind == SI_YAML_MAP) {
    bool keeps = rule != LOGGING || same_driver(base, over);
    return merge_maps(m, place, keeps ? base : NULL, over, out);
  }
  if (base->kind == SI_YAML_LIST) {
    status = refuse_marks(m, place, over);
    return status == SI_OK ? join_lists(m, base, over, out) : status;
  }
  *out = over;
  return SI_OK;
}

/* --- limits --- */

static void weigh(const struct si_yaml_node *node, size_t *nodes, size_t *bytes) {
  ++*nodes;
  *bytes += node->kind == SI_YAML_SCALAR ? node->bytes : 0;
  for (size_t i = 0; i < node->count && *nodes <= SI_YAML_NODES; i++) {
    if (node->entries[i].key) {
      ++*nodes;
      *bytes += strlen(node->entries[i].key);
    }
    weigh(node->entries[i].value, nodes, bytes);
  }
}

si_rc si_yaml_limits(struct si_reading *r, const struct si_place *place,
                     const struct si_yaml_node *root) {
  size_t nodes = 0, bytes = 0;
  weigh(root, &nodes, &bytes);
  if (nodes > SI_YAML_NODES || bytes > SI_YAML_BYTES) {
    return si_stack_fail(r, "STACK_TOO_LARGE", place,
                         nodes > SI_YAML_NODES ? "the files have more than 10000 nodes together"
                                               : "the files have more than 1 MiB of text together");
  }
  return SI_OK;
}

si_rc si_merge(struct si_reading *r, struct si_yaml *base, struct si_yaml *over) {
  struct merger m = {r, base};
  struct si_place place = {NULL, NULL, 0, over->root->line};
  const struct si_yaml_node *over_root = over->root;
  const struct si_yaml_node *root = NULL;
  si_yaml_adopt(base, over);
  si_rc status = merge(&m, &place, base->root, over_root, &root);
  status = status == SI_OK ? si_yaml_limits(r, &place, root) : status;
  base->root = status == SI_OK ? root : base->root;
  return status;
}
