/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/life.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kit/base/text.h"
#include "paas/lifecycle/alarm.h"
#include "paas/lifecycle/deploying.h"
#include "paas/lifecycle/journal.h"
#include "paas/lifecycle/operation.h"
#include "paas/lifecycle/run.h"
#include "paas/lifecycle/secrets.h"
#include "paas/lifecycle/stopped.h"
#include "paas/lifecycle/telling.h"

void si_outcome_free(struct si_outcome *outcome) {
  si_project_free(&outcome->project);
  si_operation_free(&outcome->operation);
}

/* Runs what has begun, and reads back how things stand. */
static si_rc run(struct si_life *life, const char *action, const struct si_project *project,
                 const struct si_operation *operation, const struct si_how *how, int lock,
                 struct si_outcome *outcome, struct si_error *error) {
  outcome->ran = true;
  si_tell_flush(life);
  si_rc status = si_operation_run(life, action, project, operation, how, lock, error);
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

/* Binds the stack that `change` brings, or `found` has, to the secrets of the vault; where it
 * declares some, `change` gets it as it is now. Until forget_secrets they can be lent. */
static si_rc bind_secrets(struct si_life *life, const struct si_project *found,
                          struct si_project *change, struct si_error *error) {
  struct si_stack bound = {.json = NULL};
  const char *stack = change->stack ? change->stack : found->stack;
  si_rc status = si_life_secrets_bind(life, found->slug, stack, &bound, &life->secrets, error);
  if (status == SI_OK && bound.json) {
    free(change->stack);
    change->stack = bound.json;
    si_copy(change->spec_sha256, sizeof change->spec_sha256, bound.sha256);
  }
  return status;
}

static void forget_secrets(struct si_life *life) {
  si_life_secrets_free(&life->secrets);
}

/* A slug that is taken makes no secrets: the store says so in its own words. */
static bool is_taken(struct si_life *life, const char *slug) {
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  return si_state_project(life->state, life->owner_id, slug, false, &project, NULL) == SI_OK;
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
  si_rc named = create->target ? si_target_exists(life->state, create->target, error)
                               : si_target_default(life->state, project.target, error);
  if (named != SI_OK) {
    return named;
  }
  if (create->target) {
    si_copy(project.target, sizeof project.target, create->target);
  }
  project.config = strdup(create->config);
  project.stack = strdup(create->stack->json);
  if (!project.config || !project.stack) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  si_rc status =
      is_taken(life, create->slug) ? SI_OK : bind_secrets(life, &project, &project, error);
  struct si_telling telling = si_telling_of(life, "project.create", &project);
  const struct si_state_teller teller = {"deployments", si_tell_begin, &telling};
  if (status == SI_OK) {
    status = si_state_project_create(life->state, &project, &teller, &operation, &lock, error);
  }
  if (status == SI_OK) {
    status = run(life, telling.action, &project, &operation, NULL, lock, outcome, error);
  }
  forget_secrets(life);
  return status;
}

/* Begins an operation on the project as it stands in the store (with `change`), and runs it. */
static si_rc begin(struct si_life *life, const char *action, const struct si_project *found,
                   const char *kind, const struct si_project *change, const struct si_how *how,
                   struct si_outcome *outcome, struct si_error *error) {
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  struct si_operation operation SI_AUTO(si_operation_free) = {.id = ""};
  int lock = -1;
  struct si_telling telling = si_telling_of(life, action, found);
  const struct si_state_teller teller = {"deployments", si_tell_begin, &telling};
  if (change && change->stack) {
    telling.spec_sha256 = change->spec_sha256;
  }
  si_rc status = si_state_operation_begin_with(life->state, found->id, kind, change, &teller,
                                               &operation, &lock, error);
  if (status == SI_OK) {
    status = si_state_project_by_id(life->state, found->id, &project, error);
  }
  if (status != SI_OK) {
    si_close(&lock); /* begun or not: an operation without an owner is recovered */
    return status;
  }
  return run(life, action, &project, &operation, how, lock, outcome, error);
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
  if (strcmp(project.status, "failed") == 0) {
    status = bind_secrets(life, &project, &change, error);
  }
  if (status == SI_OK) {
    status = begin(life, "project.retry", &project, "provision", &change, NULL, outcome, error);
  }
  forget_secrets(life);
  return status;
}

si_rc si_life_delete(struct si_life *life, const char *slug, bool accept_unverified,
                     struct si_outcome *outcome, struct si_error *error) {
  const struct si_how how = {.accept_unverified = accept_unverified};
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  si_rc status = si_state_project(life->state, life->owner_id, slug, false, &project, error);
  return status == SI_OK
             ? begin(life, "project.delete", &project, "destroy", NULL, &how, outcome, error)
             : status;
}

si_rc si_life_converge(struct si_life *life, const char *project_id, struct si_outcome *outcome,
                       struct si_error *error) {
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  struct si_project change SI_AUTO(si_project_free) = {.id = ""};
  si_rc status = si_state_project_by_id(life->state, project_id, &project, error);
  if (status == SI_OK && strcmp(project.status, "running") == 0) {
    status = bind_secrets(life, &project, &change, error);
  }
  if (status == SI_OK) {
    status = begin(life, "project.converge", &project, "converge", &change, NULL, outcome, error);
  }
  forget_secrets(life);
  return status;
}

si_rc si_life_reset(struct si_life *life, const char *slug, struct si_outcome *outcome,
                    struct si_error *error) {
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  struct si_project change SI_AUTO(si_project_free) = {.id = ""};
  const struct si_how how = {.anew = true};
  si_rc status = si_state_project(life->state, life->owner_id, slug, false, &project, error);
  bool failed = status == SI_OK && strcmp(project.status, "failed") == 0;
  if (failed || (status == SI_OK && strcmp(project.status, "running") == 0)) {
    status = bind_secrets(life, &project, &change, error);
  }
  if (status == SI_OK) { /* what never came up is provisioned, as by a retry */
    status = begin(life, "app.reset", &project, failed ? "provision" : "reset", &change, &how,
                   outcome, error);
  }
  forget_secrets(life);
  return status;
}

/* --- deploy --- */

/* What is deployed: a stack that is given, an earlier release's, or the current one's. `found`
 * becomes the project as the operation is about it, bound to the secrets of now; *known where that
 * is a release which is there already: *release. */
static si_rc choose(struct si_life *life, const struct si_deploy *deploy,
                    const struct si_release *former, struct si_project *found,
                    struct si_release *release, bool *known, struct si_error *error) {
  struct si_project change SI_AUTO(si_project_free) = {.id = ""};
  si_rc status = SI_OK;
  if (!deploy->stack) {
    status = si_state_release(life->state, found->id,
                              deploy->release ? deploy->release : former->number, release, error);
  }
  if (status != SI_OK) {
    return status;
  }
  change.stack = strdup(deploy->stack ? deploy->stack->json : release->stack);
  si_copy(change.spec_sha256, sizeof change.spec_sha256,
          deploy->stack ? deploy->stack->sha256 : release->spec_sha256);
  if (!change.stack) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  status = bind_secrets(life, found, &change, error);
  if (status != SI_OK) {
    return status;
  }
  if (strcmp(change.spec_sha256, former->spec_sha256) == 0) { /* the one that serves, once more */
    si_release_free(release);
    status = si_state_release(life->state, found->id, former->number, release, error);
  }
  *known = status == SI_OK && strcmp(change.spec_sha256, release->spec_sha256) == 0;
  free(found->stack);
  found->stack = change.stack;
  change.stack = NULL;
  si_copy(found->spec_sha256, sizeof found->spec_sha256, change.spec_sha256);
  return status;
}

/* Where nothing runs there is nothing to put back, and no deploy. */
static si_rc check_running(const struct si_life *life, const struct si_project *project,
                           struct si_error *error) {
  if (strcmp(project->status, "running") == 0) {
    return SI_OK;
  }
  si_error_set(error, SI_E_CONFLICT, "PAAS_PROJECT_STATE",
               "project %s is %s: a release is deployed onto one that runs", project->slug,
               project->status);
  si_error_target(error, NULL, project->slug);
  return si_error_hint(error, "bring it up first: si paas --context %s project retry %s",
                       life->context->name, project->slug);
}

/* The project's configuration with another time to be ready; nothing where it is to be as it is. */
static si_rc patience(const struct si_deploy *deploy, const struct si_project *project,
                      struct si_buf *out, struct si_error *error) {
  cJSON *config SI_AUTO(si_json_free) = NULL;
  const char *text = project->config ? project->config : "{}";
  if (deploy->ready_timeout_ms == 0) {
    return SI_OK;
  }
  si_rc status = si_json_parse(text, strlen(text), &config, error);
  if (status != SI_OK) {
    return status;
  }
  cJSON_DeleteItemFromObjectCaseSensitive(config, "ready_timeout_ms");
  bool well =
      cJSON_AddNumberToObject(config, "ready_timeout_ms", (double)deploy->ready_timeout_ms) &&
      si_json_canonical(config, out) == SI_OK;
  return well ? SI_OK : si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
}

static si_rc begin_deploy(struct si_life *life, const struct si_deploy *deploy,
                          struct si_project *project, struct si_outcome *outcome,
                          struct si_error *error) {
  struct si_target_names targets SI_AUTO(si_target_names_free) = {NULL, 0};
  const char *names[SI_DEPLOY_TARGETS];
  struct si_release former SI_AUTO(si_release_free) = {.number = ""};
  struct si_release release SI_AUTO(si_release_free) = {.number = ""};
  struct si_operation operation SI_AUTO(si_operation_free) = {.id = ""};
  struct si_telling telling =
      si_telling_of(life, deploy->release ? "app.rollback" : "app.deploy", project);
  const struct si_state_teller teller = {"deployments", si_tell_begin, &telling};
  struct si_buf config SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  char number[12];
  bool known = false;
  int lock = -1;
  si_rc status = patience(deploy, project, &config, error);
  status =
      status == SI_OK ? si_state_release(life->state, project->id, NULL, &former, error) : status;
  status =
      status == SI_OK ? choose(life, deploy, &former, project, &release, &known, error) : status;
  if (status != SI_OK) {
    return status;
  }
  size_t count = deploy->target_count;
  if (count == 0) {
    status = si_run_targets(life, project->id, &targets, error);
    count = targets.count;
  }
  if (status == SI_OK && count > SI_DEPLOY_TARGETS) {
    status = si_error_set(error, SI_E_QUOTA, "PAAS_INVALID_ARGUMENT",
                          "one deploy goes to %d targets at most", SI_DEPLOY_TARGETS);
  }
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    names[i] = targets.list ? targets.list[i] : deploy->targets[i];
    status = si_target_exists(life->state, names[i], error);
  }
  if (status != SI_OK) {
    return status;
  }
  const struct si_deploy_start start = {.release = known ? release.number : NULL,
                                        .stack = project->stack,
                                        .spec_sha256 = project->spec_sha256,
                                        .targets = names,
                                        .target_count = count};
  status = si_state_deploy_begin(life->state, project->id, &start, &teller, &operation, &lock,
                                 number, error);
  if (status != SI_OK) {
    return status;
  }
  const struct si_deploying deploying = {.release = number,
                                         .images = known ? release.images : NULL,
                                         .config = config.len ? config.data : NULL,
                                         .keep_failed = deploy->keep_failed,
                                         .go_on = deploy->go_on,
                                         .all_back = deploy->all_back};
  const struct si_how how = {.deploying = &deploying};
  return run(life, telling.action, project, &operation, &how, lock, outcome, error);
}

si_rc si_life_deploy(struct si_life *life, const struct si_deploy *deploy,
                     struct si_outcome *outcome, struct si_error *error) {
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  si_rc status =
      si_state_project(life->state, life->owner_id, deploy->slug, false, &project, error);
  status = status == SI_OK ? check_running(life, &project, error) : status;
  status = status == SI_OK ? begin_deploy(life, deploy, &project, outcome, error) : status;
  forget_secrets(life);
  return status;
}

static void on_stopped(void *ctx, const char *kind, const char *what) {
  si_stopped_tell(ctx, kind, what);
}

static si_rc inspect_through(struct si_life *life, const struct si_project *project,
                             const char *config, cJSON **inspection, struct si_error *error) {
  struct si_buf document SI_AUTO(si_buf_free) = SI_BUF(4096);
  struct si_session *session = NULL;
  if (si_project_document(life, project, "", NULL, &document) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  static const struct si_listener listener = {.stopped = on_stopped};
  struct si_stopped stopped = {.context = life->context, .plugin = project->provisioner};
  si_rc status = si_provisioner_open(life, project->provisioner, config, -1, &listener, &stopped,
                                     &session, error);
  if (status == SI_OK) {
    status = si_provisioner_ask(session, SI_VERB_INSPECT, document.data, NULL, inspection, error);
  }
  si_session_close(session);
  return status;
}

si_rc si_life_inspect(struct si_life *life, const struct si_project *project, const char *target,
                      struct si_buf *out, struct si_error *error) {
  struct si_target_names targets SI_AUTO(si_target_names_free) = {NULL, 0};
  struct si_target_link *link = NULL;
  cJSON *inspection SI_AUTO(si_json_free) = NULL;
  uint64_t deadline = si_life_deadline(life);
  si_rc status = target ? SI_OK : si_run_targets(life, project->id, &targets, error);
  target = target ? target : targets.count ? targets.list[0] : SI_TARGET_LOCAL;
  status = status == SI_OK ? si_target_open(life->state, target, project->config, deadline,
                                            life->interrupt_fd, &link, error)
                           : status;
  if (status == SI_OK) {
    status = inspect_through(life, project, si_target_link_config(link), &inspection, error);
    if (status != SI_OK) {
      error->status = status;
      status = si_target_link_blame(link, error);
    }
  }
  si_target_link_close(link);
  if (status == SI_OK && si_json_print(inspection, false, out) != SI_OK) {
    status = si_error_set(error, SI_E_QUOTA, "PROVIDER_RESULT", "the inspection is too long");
  }
  return status;
}

/* --- recovery --- */

static void set_interrupted(const struct si_life *life, const struct si_operation *operation,
                            struct si_error *why) {
  si_error_set(why, SI_E_FAILED, "PAAS_INTERRUPTED",
               "the process that ran operation %s ended before the operation did", operation->id);
  si_error_target(why, operation->kind, NULL);
  si_error_hint(why,
                "its steps are journalled, and repeating is safe: si paas --context %s "
                "reconcile --apply",
                life->context->name);
  why->retry = SI_RETRY_SAFE;
}

static si_rc end_interrupted(struct si_life *life, const struct si_project *project,
                             const struct si_operation *operation, const struct si_error *why,
                             struct si_error *error) {
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(65536);
  struct si_buf result SI_AUTO(si_buf_free) = SI_BUF(2 * SI_FRAME_MAX);
  cJSON *document SI_AUTO(si_json_free) = NULL;
  si_rc status = si_operation_result(project, &document, error);
  if (status != SI_OK) {
    return status;
  }
  cJSON *json SI_AUTO(si_json_free) = si_error_json(why);
  if (!json || si_json_canonical(json, &record) != SI_OK ||
      si_json_print(document, false, &result) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  const struct si_telling telling = si_telling_of(life, "operation.recover", project);
  struct si_told told SI_AUTO(si_told_free) = SI_TOLD;
  status = si_tell_end(&telling, operation, "interrupted", why, &told, error);
  return status == SI_OK ? si_state_operation_end(life->state, operation->id, "interrupted",
                                                  record.data, result.data, told.events, 2, error)
                         : status;
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
  struct si_life *life = recovery->life;
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  struct si_error why;
  int lock SI_AUTO(si_close) = -1;
  si_rc status = adopt(life, operation->id, &lock, recovery->error);
  if (status == SI_E_CONFLICT) {
    return SI_OK; /* somebody runs it, or ended it just now */
  }
  if (status == SI_OK) {
    status = si_state_project_by_id(life->state, operation->project_id, &project, recovery->error);
  }
  if (status == SI_OK) {
    set_interrupted(life, operation, &why);
    status = end_interrupted(life, &project, operation, &why, recovery->error);
  }
  if (status == SI_OK) {
    recovery->ended++;
    si_close(&lock);
    si_tell_flush(life);
    si_life_evidence_try(life, operation->id);
    si_alarm_failed(life, &project, operation, &why);
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
