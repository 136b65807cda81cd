/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/scope.h - what the bodies of commands share: the context and its state store opened for one
 * invocation, the life cycle with its voice on the terminal, and provider options read from flags.
 * Depends on paas.
 */
#ifndef SI_CLI_SCOPE_H
#define SI_CLI_SCOPE_H

#include "cli/command.h"
#include "cli/progress.h"
#include "paas/lifecycle/life.h"

#define SI_OWNER_LOCAL "local" /* who owns what the command line makes */

struct si_scope {
  struct si_invocation *inv;
  struct si_context context;
  struct si_state *state;
  struct si_progress *progress;
  struct si_life life;
};

/* Opens inv's context and its store (mode as si_state_open). On failure inv->error is set and
 * nothing stays open. */
si_rc si_scope_open(struct si_scope *scope, struct si_invocation *inv, int mode) SI_MUST_USE;
/* The same for writing; recovers first what a process that died has left, and says so. `title` as
 * si_progress_start. */
si_rc si_scope_begin(struct si_scope *scope, struct si_invocation *inv,
                     const char *title) SI_MUST_USE;
/* As si_scope_begin, for a deploy: asks the doctor's gate before anything is changed. */
si_rc si_scope_deploy(struct si_scope *scope, struct si_invocation *inv,
                      const char *title) SI_MUST_USE;
/* The same in a scope that is open for writing, and stays so where it fails. */
si_rc si_scope_deploy_on(struct si_scope *scope, const char *title) SI_MUST_USE;
/* The gate alone, for a change of a secret (R21): PAAS_DOCTOR_CRITICAL while a critical finding
 * stands. */
si_rc si_scope_gate(struct si_invocation *inv, const struct si_context *context,
                    struct si_state *state) SI_MUST_USE;
void si_scope_close(struct si_scope *scope); /* for SI_AUTO */

/* --config k=v ... (or a JSON file's name) as one canonical JSON object, appended to *out. `base`,
 * or NULL, is what the flags change. true, false and integers become JSON's, all else is text. */
si_rc si_config_flags(struct si_invocation *inv, const char *option, const cJSON *base,
                      struct si_buf *out) SI_MUST_USE;

/* --since: a time, or how long ago, as Unix time in milliseconds; *ms stays where it is not given.
 */
si_rc si_opt_since(struct si_invocation *inv, int64_t *ms) SI_MUST_USE;

/* The JSON of a text as a member; null where there is none. */
void si_add_document(cJSON *to, const char *name, const char *text);
/* The project's and the operation's members that every command shows. */
cJSON *si_project_json(const struct si_project *project);
cJSON *si_operation_json(const struct si_operation *operation);

#endif
