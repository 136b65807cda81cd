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

#endif
