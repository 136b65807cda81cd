/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/top.h - reads the whole tree of a stack: a table of the keys of its top level, and the
 * order in which they are read. Depends on paas/stack/report.h and paas/stack/stack.h.
 */
#ifndef SI_PAAS_STACK_TOP_H
#define SI_PAAS_STACK_TOP_H

#include "paas/stack/report.h"
#include "paas/stack/stack.h"

/* Writes *out on success alone. What was gone on from stands in r->faults. */
si_rc si_top_read(struct si_reading *r, const struct si_yaml_node *root,
                  struct si_stack *out) SI_MUST_USE;

#endif
