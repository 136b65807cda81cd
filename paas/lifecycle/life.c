/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/life.h"

#include <string.h>
#include <time.h>

#include "kit/base/text.h"
#include "paas/lifecycle/journal.h"
#include "paas/lifecycle/operation.h"

void si_outcome_free(struct si_outcome *outcome) {
  si_project_free(&outcome->project);
  si_operation_free(&outcome->operation);
}

/* Runs what has begun, and reads back how things stand. */
static si_rc run(struct si_life *life, const struct si_project *project,
                 const struct si_operation *operation, int lock, struct si_outcome *outcome,
                 struct si_error *error) {
  outcome->ran = true;
  si_rc status = si_operation_run(life, project, operation, lock, error);
  if (si_state_sweep(life->state, NULL) != SI_OK) {
    /* A lock file too many hurts nobody. */
  }
  si_outcome_free(outcome);
  memset(&outcome->project, 0, sizeof outcome->project);
  memset(&outcome->operation, 0, sizeof outcome->operation);
  struct si_error trouble;
  si_rc read = si_state_project_by_id(life->state, project->id, &outcome->project, &trouble);
  if (read == SI_OK) {
    read = si_state_operation(life->state, operation->id, &outcome->operation, &trouble);
  }
  if (status == SI_OK && read != SI_OK) {
    if (error) {
      *error = trouble;
    }
    return read;
  }
  return status;
}

si_rc si_life_create(struct si_life *life, const struct si_create *create,
                     struct si_outcome *outcome, struct si_error *error) {
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  struct si_operation operation SI_AUTO(si_operation_free) = {.id = ""};
  int lock = -1;
  if (!si_name_valid(create->slug)) {
    si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                 "\"%.100s\" is no name for a project", create->slug);
    return si_error_hint(error, "use a-z, 0-9 and '-', at most 63, not beginning with '-'");
  }
  si_copy(project.slug, sizeof project.slug, create->slug);
  si_copy(project.owner_id, sizeof project.owner_id, life->owner_id);
  si_copy(project.provisioner, sizeof project.provisioner, create->provisioner);
  si_copy(project.spec_sha256, sizeof project.spec_sha256, create->stack->sha256);
  project.config = strdup(create->config);
  project.stack = strdup(create->stack->json);
  if (!project.config || !project.stack) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  si_rc status = si_state_project_create(life->state, &project, &operation, &lock, error);
  return status == SI_OK ? run(life, &project, &operation, lock, outcome, error) : status;
}

/* Begins an operation on the project as it stands in the store (with `change`), and runs it. */
static si_rc begin(struct si_life *life, const char *project_id, const char *kind,
                   const struct si_project *change, struct si_outcome *outcome,
                   struct si_error *error) {
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  struct si_operation operation SI_AUTO(si_operation_free) = {.id = ""};
  int lock = -1;
  si_rc status = si_state_operation_begin_with(life->state, project_id, kind, change, &operation,
                                               &lock, error);
  if (status == SI_OK) {
    status = si_state_project_by_id(life->state, project_id, &project, error);
  }
  if (status != SI_OK) {
    si_close(&lock); /* begun or not: an operation without an owner is recovered */
    return status;
  }
  return run(life, &project, &operation, lock, outcome, error);
}

si_rc si_life_retry(struct si_life *life, const char *slug, const struct si_stack *stack,
                    const char *config, struct si_outcome *outcome, struct si_error *error) {
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  struct si_project change SI_AUTO(si_project_free) = {.id = ""};
  si_rc status = si_state_project(life->state, life->owner_id, slug, false, &project, error);
  if (status != SI_OK) {
    return status;
  }
  if (stack) {
    change.stack = strdup(stack->json);
    si_copy(change.spec_sha256, sizeof change.spec_sha256, stack->sha256);
  }
  change.config = config ? strdup(config) : NULL;
  if ((stack && !change.stack) || (config && !change.config)) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  return begin(life, project.id, "provision", &change, outcome, error);
}

si_rc si_life_delete(struct si_life *life, const char *slug, struct si_outcome *outcome,
                     struct si_error *error) {
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  si_rc status = si_state_project(life->state, life->owner_id, slug, false, &project, error);
  return status == SI_OK ? begin(life, project.id, "destroy", NULL, outcome, error) : status;
}

si_rc si_life_converge(struct si_life *life, const char *project_id, struct si_outcome *outcome,
                       struct si_error *error) {
  return begin(life, project_id, "converge", NULL, outcome, error);
}

si_rc si_life_inspect(struct si_life *life, const struct si_project *project, struct si_buf *out,
                      struct si_error *error) {
  struct si_buf document SI_AUTO(si_buf_free) = SI_BUF(4096);
  struct si_session *session = NULL;
  cJSON *inspection SI_AUTO(si_json_free) = NULL;
  if (si_project_document(life, project, "", &document) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  si_rc status = si_provisioner_open(life, project->provisioner, project->config, -1, NULL, NULL,
                                     &session, error);
  if (status == SI_OK) {
    status = si_provisioner_ask(session, SI_VERB_INSPECT, document.data, NULL, &inspection, error);
  }
  si_session_close(session);
  if (status == SI_OK && si_json_print(inspection, false, out) != SI_OK) {
    status = si_error_set(error, SI_E_QUOTA, "PROVIDER_RESULT", "the inspection is too long");
  }
  return status;
}

/* --- recovery --- */

static si_rc end_interrupted(struct si_life *life, const struct si_operation *operation,
                             struct si_error *error) {
  struct si_error why;
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(65536);
  struct si_buf result SI_AUTO(si_buf_free) = SI_BUF(2 * SI_FRAME_MAX);
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  cJSON *document SI_AUTO(si_json_free) = NULL;
  si_rc status = si_state_project_by_id(life->state, operation->project_id, &project, error);
  if (status == SI_OK) {
    status = si_operation_result(&project, &document, error);
  }
  if (status != SI_OK) {
    return status;
  }
  si_error_set(&why, SI_E_FAILED, "PAAS_INTERRUPTED",
               "the process that ran operation %s ended before the operation did", operation->id);
  si_error_target(&why, operation->kind, NULL);
  si_error_hint(&why,
                "its steps are journalled, and repeating is safe: si paas --context %s "
                "reconcile --apply",
                life->context->name);
  why.retry = SI_RETRY_SAFE;
  cJSON *json SI_AUTO(si_json_free) = si_error_json(&why);
  if (!json || si_json_canonical(json, &record) != SI_OK ||
      si_json_print(document, false, &result) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  return si_state_operation_end(life->state, operation->id, "interrupted", record.data, result.data,
                                error);
}

/* Takes over an operation without an owner. A process that was just killed may take a moment to
 * let go of the lock: where it is known to be gone, that moment (3 s at most; every try holds the
 * store's lock for a tenth) is waited for. */
static si_rc adopt(struct si_life *life, const char *operation_id, int *lock,
                   struct si_error *error) {
  const struct timespec moment = {0, 20000000};
  for (int tries = 0;; tries++) {
    si_rc status = si_state_adopt(life->state, operation_id, lock, error);
    if (status != SI_E_CONFLICT || tries >= 25 ||
        !si_journal_owner_gone(life->context, operation_id)) {
      return status;
    }
    nanosleep(&moment, NULL);
  }
}

struct recovery {
  struct si_life *life;
  size_t ended;
  struct si_error *error;
};

static si_rc recover_one(void *ctx, const struct si_operation *operation) {
  struct recovery *recovery = ctx;
  int lock SI_AUTO(si_close) = -1;
  si_rc status = adopt(recovery->life, operation->id, &lock, recovery->error);
  if (status == SI_E_CONFLICT) {
    return SI_OK; /* somebody runs it, or ended it just now */
  }
  if (status == SI_OK) {
    status = end_interrupted(recovery->life, operation, recovery->error);
  }
  if (status == SI_OK) {
    recovery->ended++;
    si_life_evidence_try(recovery->life, operation->id);
  }
  return status;
}

si_rc si_life_recover(struct si_life *life, size_t *ended, struct si_error *error) {
  struct recovery recovery = {.life = life, .error = error};
  si_rc status = si_state_operations(life->state, NULL, SI_OPERATIONS_UNFINISHED, &recovery,
                                     recover_one, error);
  if (status == SI_OK) {
    *ended = recovery.ended;
  }
  return status;
}
