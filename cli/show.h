/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/show.h - one project in full, for people and as JSON. Depends on paas/state.
 */
#ifndef SI_CLI_SHOW_H
#define SI_CLI_SHOW_H

#include "cli/command.h"
#include "paas/state/state.h"

/* `inspection` (JSON) or NULL; `unseen` tells then why there is none, where it was asked for. */
si_rc si_show_project(struct si_invocation *inv, struct si_state *state,
                      const struct si_project *project, const char *inspection,
                      const struct si_error *unseen) SI_MUST_USE;

#endif
