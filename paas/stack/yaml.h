/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/yaml.h - one YAML document as a tree of nodes that know their lines. Depends on
 * libyaml (events only) and paas/stack/scalar.h.
 *
 * Merge keys (`<<`) are carried out: what they bring stands behind the map's own keys, and has the
 * line on which it stands. Tags are those of the core schema, and, in every file but the first,
 * `!reset` and `!override`.
 *
 * Refused: duplicate keys, keys that are no scalars, other tags, NUL in a scalar, aliases to what
 * is not complete yet, several documents. Bounded, aliases counted as what they stand for:
 * SI_YAML_NODES nodes (keys are nodes too), SI_YAML_BYTES of scalar text, SI_YAML_DEPTH levels; and
 * SI_YAML_ALIASES aliases.
 */
#ifndef SI_PAAS_STACK_YAML_H
#define SI_PAAS_STACK_YAML_H

#include <stdbool.h>

#include "kit/base/error.h"
#include "paas/stack/scalar.h"

enum {
  SI_YAML_BYTES = 1 << 20,
  SI_YAML_NODES = 10000,
  SI_YAML_DEPTH = 64,
  SI_YAML_ALIASES = 64,
  SI_YAML_KEY = 1024 /* bytes of a key */
};

enum si_yaml_kind { SI_YAML_SCALAR, SI_YAML_LIST, SI_YAML_MAP };

struct si_yaml_node;

/* What a later file says of a value of the files before it. */
enum si_yaml_mark { SI_YAML_PLAIN, SI_YAML_RESET, SI_YAML_OVERRIDE };

/* Lines know their file: its number among those that are read stands above the line's own bits. */
enum { SI_LINE_BITS = 24, SI_LINE_FILES = 250 };
#define SI_LINE(file, number) ((unsigned)(file) << SI_LINE_BITS | (unsigned)(number))
#define SI_LINE_FILE(line) ((line) >> SI_LINE_BITS)
#define SI_LINE_NUMBER(line) ((line) & ((1u << SI_LINE_BITS) - 1))

/* A member of a map, or an item of a list (key NULL). An aliased value is shared, not copied. */
struct si_yaml_entry {
  const char *key;
  unsigned line; /* of the key, or of the item: SI_LINE */
  const struct si_yaml_node *value;
};

struct si_yaml_node {
  enum si_yaml_kind kind;
  enum si_scalar type; /* of a scalar */
  enum si_yaml_mark mark;
  char *text; /* of a scalar, as written; ended by NUL, none inside */
  struct si_yaml_entry *entries;
  size_t count; /* of entries, in the file's order */
  unsigned line;
  unsigned height;           /* levels of lists and maps from here down; 0 for a scalar */
  size_t nodes;              /* in here, aliases expanded */
  size_t bytes;              /* of scalar text in here, aliases expanded */
  struct si_yaml_node *made; /* the node made before this one: how the tree is freed */
};

struct si_yaml {
  const struct si_yaml_node *root;
  struct si_yaml_node *made;
};

struct si_reading;

/* Reads all of the text of that file (an index into r->files). On failure r->error is set. */
si_rc si_yaml_parse(struct si_reading *r, size_t file, const char *text, size_t len,
                    struct si_yaml *out) SI_MUST_USE;
void si_yaml_free(struct si_yaml *yaml);

/* The entry of a map with that key, or NULL. */
const struct si_yaml_entry *si_yaml_find(const struct si_yaml_node *map, const char *key);

#endif
