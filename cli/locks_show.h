/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/locks_show.h - how a runpack is locked, for people and as JSON. Depends on cli/retain.h.
 */
#ifndef SI_CLI_LOCKS_SHOW_H
#define SI_CLI_LOCKS_SHOW_H

#include "cli/retain.h"

/* Prints it: each object, then the summary; warns of a skew. *out is the document of
 * si_locks_json with "prefix" and "storage_uri" in it; the caller's. */
si_rc si_locks_show(struct si_invocation *inv, struct si_place *place, const struct si_locks *locks,
                    cJSON **out) SI_MUST_USE;

#endif
