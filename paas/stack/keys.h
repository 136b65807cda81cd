/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/keys.h - walks a map of the file by a table of the keys that are supported there.
 * Depends on paas/stack/report.h.
 */
#ifndef SI_PAAS_STACK_KEYS_H
#define SI_PAAS_STACK_KEYS_H

#include "paas/stack/report.h"

/* Reads the value of one key. `into` is what the walk was given. */
typedef si_rc si_key_reader(struct si_reading *r, const struct si_yaml_node *value,
                            const struct si_place *place, void *into);

struct si_key {
  const char *name;
  si_key_reader *read;
};

/* A key that Compose has and si has not: what to do instead. */
struct si_refused_key {
  const char *name;
  const char *hint;
};

struct si_keys {
  const struct si_key *known;
  size_t known_count;
  const struct si_refused_key *refused;
  size_t refused_count;
};

/* Fails unless `node` is a map whose every key is known, or begins with `x-` (but not `x-si-`),
 * which is passed over. Readers are called in the file's order, those behind one that failed too:
 * each failure is kept (report.h). */
si_rc si_keys_read(struct si_reading *r, const struct si_yaml_node *node,
                   const struct si_place *place, const struct si_keys *keys,
                   void *into) SI_MUST_USE;

/* Fails, with words for people, unless the node is of that kind. */
si_rc si_kind_check(struct si_reading *r, const struct si_yaml_node *node,
                    const struct si_place *place, enum si_yaml_kind kind) SI_MUST_USE;
/* As si_kind_check for a list or a map; and it must not be empty. */
si_rc si_filled_check(struct si_reading *r, const struct si_yaml_node *node,
                      const struct si_place *place) SI_MUST_USE;
/* Is it there, but empty (`data:`)? */
bool si_is_null(const struct si_yaml_node *node);

/* The place of the n-th entry below `place`. */
struct si_place si_place_of(const struct si_place *place, const struct si_yaml_node *node,
                            size_t n);

#endif
