/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/telling.h - what the event chains are told of an operation: `started` in
 * deployments when it begins, how it ended in audit and deployments, both in the transaction that
 * they tell of (R26). Private to paas/lifecycle. Depends on paas/events.
 */
#ifndef SI_PAAS_LIFECYCLE_TELLING_H
#define SI_PAAS_LIFECYCLE_TELLING_H

#include "core/runpack/export.h"
#include "paas/events/events.h"
#include "paas/lifecycle/life.h"

struct si_telling {
  const struct si_life *life;
  const char *action; /* "project.create" */
  const char *slug;
  const char *provisioner;
  const char *spec_sha256;
  const cJSON
      *unverified; /* of a destroy: what could not be proven gone, and was let be; or NULL */
  bool unharmed;   /* of a deploy that failed: what served before serves again */
};

/* The project's words, under an action. */
struct si_telling si_telling_of(const struct si_life *life, const char *action,
                                const struct si_project *project);

/* An si_state_tell whose ctx is the si_telling: that the operation has begun. */
si_rc si_tell_begin(void *ctx, const struct si_operation *operation, struct si_buf *record,
                    struct si_error *error);

/* How the operation ended, for both streams. SI_TOLD before use; SI_AUTO(si_told_free). */
struct si_told {
  struct si_buf record;
  struct si_state_event events[2];
};
#define SI_TOLD \
  { .record = SI_BUF(SI_EVENT_MAX) }
si_rc si_tell_end(const struct si_telling *telling, const struct si_operation *operation,
                  const char *status, const struct si_error *why, struct si_told *told,
                  struct si_error *error) SI_MUST_USE;
void si_told_free(struct si_told *told);

/* That the runpack is stored, and how it is locked: the chain anchors its manifest. *record is
 * empty.
 */
si_rc si_tell_evidence(const struct si_life *life, const struct si_operation *operation,
                       const struct si_export_result *result, struct si_buf *record,
                       struct si_error *error) SI_MUST_USE;

/* That a resource without a project was removed, or could not be (`why`). Adds the event itself. */
si_rc si_tell_orphan(const struct si_life *life, const char *provisioner, const cJSON *resource,
                     const struct si_error *why, struct si_error *error) SI_MUST_USE;

/* Appends to the files what was told. What fails is said to the log: the lines wait in the store.
 */
void si_tell_flush(const struct si_life *life);

#endif
