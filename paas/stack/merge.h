/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/merge.h - puts a later file over the files before it, by the rules of Compose: members
 * of maps are merged, single values replaced, lists joined; `command`, `entrypoint` and
 * `healthcheck.test` are replaced whole; `environment` and `labels` are merged by name, `networks`
 * and `depends_on` too, in whichever form they are written. `!reset` takes a value away,
 * `!override` puts one in the place of another. Depends on paas/stack/report.h.
 *
 * Lists of ports and mounts are only joined here: which items replace which their readers know.
 */
#ifndef SI_PAAS_STACK_MERGE_H
#define SI_PAAS_STACK_MERGE_H

#include "paas/stack/report.h"

/* Puts `over` over `base`, which owns the nodes of both from then on, and over has none left. The
 * merged tree stays within SI_YAML_NODES and SI_YAML_BYTES. */
si_rc si_merge(struct si_reading *r, struct si_yaml *base, struct si_yaml *over) SI_MUST_USE;

/* What others who join trees need: a map or list with room for `room` entries, which stands where
 * `like` does and is `to`'s (NULL without memory); the nodes of `from` become those of `to`; the
 * limits of what files are together. */
struct si_yaml_node *si_yaml_make(struct si_yaml *to, const struct si_yaml_node *like,
                                  enum si_yaml_kind kind, size_t room);
void si_yaml_adopt(struct si_yaml *to, struct si_yaml *from);
si_rc si_yaml_limits(struct si_reading *r, const struct si_place *place,
                     const struct si_yaml_node *root) SI_MUST_USE;

#endif
