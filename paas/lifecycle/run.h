/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/run.h - one operation while it runs: its provider's child, and what is kept of the
 * answers as evidence. Private to paas/lifecycle.
 */
#ifndef SI_PAAS_LIFECYCLE_RUN_H
#define SI_PAAS_LIFECYCLE_RUN_H

#include "paas/lifecycle/journal.h"
#include "paas/lifecycle/life.h"
#include "paas/target/target.h"

struct si_deploying; /* deploying.h */

/* What its caller wants of an operation, beyond its kind. */
struct si_how {
  const struct si_deploying *deploying; /* of kind deploy; else NULL */
  bool anew;                            /* everything is destroyed first, volumes too */
  bool accept_unverified; /* of kind destroy: what cannot be proven gone is told, and let be */
};

struct si_run {
  struct si_life *life;
  const struct si_project *project; /* with the stack that the operation is about */
  const struct si_operation *operation;
  struct si_how how;
  int lock;
  bool many; /* it is about several targets */
  struct si_journal *journal;
  struct si_target_link *link;
  struct si_session *session;
  cJSON *result; /* {"provider", "result", "stack", "verified", ...}: evidence is made of it */
  bool unharmed; /* of a deploy that failed: what served before was seen to serve again */
};

/* Opens the way to a target and the provider's child on it, whose steps and lines go to the
 * journal, and notes who it is. `config` is the project's. */
si_rc si_run_open(struct si_run *run, const char *target, const char *config,
                  struct si_error *error) SI_MUST_USE;
/* Ends both. Where the way broke off meanwhile, a failure becomes that; the status it has then. */
si_rc si_run_close(struct si_run *run, si_rc status, struct si_error *error) SI_MUST_USE;

/* The names of a project's targets, in order. */
struct si_target_names {
  char (*list)[64];
  size_t count;
};
si_rc si_run_targets(struct si_life *life, const char *project_id, struct si_target_names *out,
                     struct si_error *error) SI_MUST_USE;
void si_target_names_free(struct si_target_names *names); /* for SI_AUTO */

/* Names of the result's members for the at-th target: those of the first have no suffix. */
struct si_run_names {
  char result[80];
  char verified[80];
};
struct si_run_names si_run_names_of(const char *prefix, size_t at);

/* Puts a member into the result, which takes the document, also where it fails. */
si_rc si_run_note(struct si_run *run, const char *name, cJSON *document) SI_MUST_USE;
/* Asks, and keeps the answer under `name`, that of a verb that failed too. `stack` is for provision
 * alone. *result is the run's, or NULL. */
si_rc si_run_ask(struct si_run *run, uint32_t verb, const char *document, const char *stack,
                 const char *name, cJSON **result, struct si_error *error) SI_MUST_USE;
/* Provisions a stack, asks again what is there, and judges that. The answers are kept under the two
 * names. */
si_rc si_run_provision(struct si_run *run, const char *document, const char *stack,
                       const char *result_name, const char *verified_name,
                       struct si_error *error) SI_MUST_USE;

#endif
