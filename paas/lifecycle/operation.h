/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/operation.h - runs one operation that has begun, from its provider's child to the
 * transaction that ends it. Private to paas/lifecycle.
 */
#ifndef SI_PAAS_LIFECYCLE_OPERATION_H
#define SI_PAAS_LIFECYCLE_OPERATION_H

#include "paas/lifecycle/life.h"

struct si_how; /* run.h */

/* Runs `operation` (kind provision, converge, destroy, reset, or deploy: then with what is
 * deployed) on `project` and ends it in the store, whatever came, told to the event chains as
 * `action`; closes the lock. `how` NULL: nothing special. Then exports the evidence:
 * what fails there is told to the log and stays pending, it never changes the outcome. */
si_rc si_operation_run(struct si_life *life, const char *action, const struct si_project *project,
                       const struct si_operation *operation, const struct si_how *how, int lock,
                       struct si_error *error) SI_MUST_USE;

/* The result document of an operation on this project, so far: {"stack", "config"} (the second a
 * JSON text). The project may get others before the evidence is made, so each operation keeps those
 * that it was about. */
si_rc si_operation_result(const struct si_project *project, cJSON **result,
                          struct si_error *error) SI_MUST_USE;

/* When what begins now must have ended (CLOCK_MONOTONIC). */
uint64_t si_life_deadline(const struct si_life *life);

/* A provisioner's child for this project, outside of any operation (lock -1), or within one. */
si_rc si_provisioner_open(struct si_life *life, const char *provisioner, const char *config,
                          int lock, const struct si_listener *listener, void *ctx,
                          struct si_session **out, struct si_error *error) SI_MUST_USE;

/* Calls a verb and parses what it emitted (a JSON object, at most 8 MiB). PROVIDER_RESULT where it
 * is none. A verb that failed may have emitted too (a destroy: what remains): *result is what there
 * is, or NULL; the caller frees it either way. */
si_rc si_provisioner_ask(struct si_session *session, uint32_t verb, const char *first,
                         const char *second, cJSON **result, struct si_error *error) SI_MUST_USE;

/* The `si.project/1` document. `images`: {"service": id}, a JSON text, of the images that a release
 * is known to have; or NULL. */
si_rc si_project_document(const struct si_life *life, const struct si_project *project,
                          const char *operation_id, const char *images,
                          struct si_buf *out) SI_MUST_USE;

#endif
