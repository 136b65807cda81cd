/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/yaml_map.h - the members of a map while it is read: each key once, and what merge keys
 * (`<<`) bring. Private to the reader of YAML (yaml.c). Depends on paas/stack/report.h.
 */
#ifndef SI_PAAS_STACK_YAML_MAP_H
#define SI_PAAS_STACK_YAML_MAP_H

#include "paas/stack/yaml.h"

struct si_reading;

/* Adds a member, or an item; *room (0 at first) is how many there is memory for. */
si_rc si_yaml_add(struct si_reading *r, struct si_yaml_node *node, struct si_yaml_entry entry,
                  size_t *room) SI_MUST_USE;
/* Fails, with the lines of both, where a key stands twice. */
si_rc si_yaml_keys_once(struct si_reading *r, const struct si_yaml_node *map) SI_MUST_USE;
/* Adds what `merge`, the map's `<<`, names: a map, or a list of maps of which the first to have a
 * key counts. The map's own keys are all there, and none stands twice. */
si_rc si_yaml_merge(struct si_reading *r, struct si_yaml_node *node,
                    const struct si_yaml_entry *merge) SI_MUST_USE;
/* Fails: a map has two merge keys. */
si_rc si_yaml_merges_once(struct si_reading *r, const struct si_yaml_entry *second,
                          const struct si_yaml_entry *first) SI_MUST_USE;

#endif
