/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/deploying.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/lifecycle/operation.h"
#include "paas/lifecycle/secrets.h"
#include "paas/state/release.h"

/* --- one release onto one target --- */

/* `config`: NULL for the project's own. */
static si_rc apply(struct si_run *run, const struct si_project *project, const char *images,
                   const char *config, const char *target, const struct si_run_names *names,
                   struct si_error *error) {
  struct si_buf document SI_AUTO(si_buf_free) = SI_BUF(2 << 20);
  si_rc status = si_project_document(run->life, project, run->operation->id, images, &document);
  if (status != SI_OK) {
    return si_error_set(error, status, "STATE_MEMORY", "out of memory");
  }
  status = si_run_open(run, target, config ? config : project->config, error);
  if (status == SI_OK) {
    status =
        si_run_provision(run, document.data, project->stack, names->result, names->verified, error);
  }
  return si_run_close(run, status, error);
}

/* --- the former one again --- */

struct target {
  char name[64];
  char from[12]; /* the release that served there; "" where none did */
  bool held;     /* it serves the new one, and may have to go back: its row is not ended */
};

struct targets {
  struct target *list;
  size_t count;
};

/* With the secrets of now: `bound` owns what differs from the row. */
static si_rc put_back(struct si_run *run, const struct target *target,
                      const struct si_run_names *names, struct si_error *error) {
  struct si_life *life = run->life;
  struct si_life_secrets *secrets = life->secrets;
  struct si_life_secrets *again SI_AUTO(si_life_secrets_free) = NULL;
  struct si_stack bound SI_AUTO(si_stack_free) = {.json = NULL};
  struct si_release former SI_AUTO(si_release_free) = {.number = ""};
  struct si_project project = *run->project;
  int interrupt_fd = life->interrupt_fd;
  si_rc status = si_state_release(life->state, project.id, target->from, &former, error);
  status = status == SI_OK
               ? si_life_secrets_bind(life, project.slug, former.stack, &bound, &again, error)
               : status;
  if (status != SI_OK) {
    return status;
  }
  project.stack = bound.json ? bound.json : former.stack;
  si_copy(project.spec_sha256, sizeof project.spec_sha256,
          bound.json ? bound.sha256 : former.spec_sha256);
  life->secrets = again;
  life->interrupt_fd = -1; /* who interrupts a deploy wants what was before */
  status = apply(run, &project, former.images, NULL, target->name, names, error);
  life->interrupt_fd = interrupt_fd;
  life->secrets = secrets;
  return status;
}

/* --- target by target --- */

static void say(const struct si_run *run, const char *line) {
  if (run->life->log) {
    run->life->log(run->life->ctx, SI_LOG_WARN, line);
  }
}

static si_rc end(const struct si_run *run, const char *target, const char *status,
                 const char *serves, const struct si_error *why, struct si_error *error) {
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(65536);
  cJSON *json SI_AUTO(si_json_free) = why ? si_error_json(why) : NULL;
  if (why && (!json || si_json_canonical(json, &record) != SI_OK)) {
    si_buf_clear(&record);
  }
  return si_state_deployment_end(run->life->state, run->operation->id, target, status, serves,
                                 record.len ? record.data : NULL, error);
}

/* The status of a target whose release failed and was not put back. */
static const char *status_of(const struct si_error *why) {
  return why->status == SI_E_UNAVAILABLE || why->status == SI_E_TIMEOUT ||
                 why->retry == SI_OUTCOME_UNKNOWN
             ? "unknown"
             : "failed";
}

/* What is to be typed where nobody knows what serves. */
static void advise(const struct si_run *run, const struct target *target, struct si_error *why) {
  const char *context = run->life->context->name;
  if (target->from[0]) {
    si_error_hint(why,
                  "what serves on target %s is not known. Then: si paas --context %s rollback "
                  "--app %s --to %s",
                  target->name, context, run->project->slug, target->from);
  } else {
    si_error_hint(why, "nothing served on target %s before. Mend it, then deploy again",
                  target->name);
  }
}

static si_rc fail(struct si_run *run, size_t at, const struct target *target,
                  struct si_error *why) {
  const struct si_deploying *d = run->how.deploying;
  const struct si_run_names names = si_run_names_of("former_", at);
  struct si_error trouble;
  char line[256];
  const char *status = status_of(why);
  const char *serves = NULL;
  advise(run, target, why);
  if (!d->keep_failed && target->from[0]) {
    snprintf(line, sizeof line, "release %s failed on target %s: release %s is put back",
             d->release, target->name, target->from);
    say(run, line);
    if (put_back(run, target, &names, &trouble) == SI_OK) {
      status = "rolled_back";
      serves = target->from;
      si_error_hint(why, "release %s serves again. Mend the stack, then deploy it again",
                    target->from);
    } else {
      si_error_detail(why, trouble.message);
    }
  }
  run->unharmed = run->unharmed && serves;
  return end(run, target->name, status, serves, why, &trouble) == SI_OK ? why->status : SI_E_IO;
}

/* What the first target was seen to run is what the others have to run: a release is one thing,
 * though each engine looks up its names by itself. Nothing where that is known already. */
static si_rc pin_images(struct si_run *run, const struct si_run_names *names,
                        struct si_buf *images) {
  const cJSON *verified = si_json_get(run->result, names->verified);
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(2 * SI_FRAME_MAX);
  cJSON *result SI_AUTO(si_json_free) = cJSON_CreateObject();
  if (run->how.deploying->images || images->len > 0 || !verified) {
    return SI_OK;
  }
  if (!cJSON_AddItemReferenceToObject(result, "verified", (cJSON *)(uintptr_t)verified) ||
      si_json_canonical(result, &text) != SI_OK) {
    return SI_E_NOMEM;
  }
  return si_state_images(text.data, images);
}

static si_rc one(struct si_run *run, size_t at, struct target *target, struct si_buf *images,
                 struct si_error *error) {
  const struct si_deploying *d = run->how.deploying;
  const struct si_run_names names = si_run_names_of("", at);
  si_rc status =
      si_state_deployment_begin(run->life->state, run->operation->id, target->name, error);
  if (status != SI_OK) {
    return status;
  }
  status = apply(run, run->project,
                 d->images     ? d->images
                 : images->len ? images->data
                               : NULL,
                 d->config, target->name, &names, error);
  if (status == SI_OK && pin_images(run, &names, images) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  if (status == SI_OK && d->all_back) {
    target->held = true;
    return SI_OK;
  }
  if (status == SI_OK) {
    return end(run, target->name, "ok", d->release, NULL, error);
  }
  error->status = status;
  return fail(run, at, target, error);
}

/* --- all of them, or none --- */

/* Another target failed: this one goes back, too. */
static si_rc give_up(struct si_run *run, size_t at, const struct target *target,
                     const struct target *failed, struct si_error *error) {
  const struct si_run_names names = si_run_names_of("former_", at);
  struct si_error trouble = {.status = SI_OK};
  char line[256];
  snprintf(line, sizeof line, "release %s failed on target %s: release %s is put back on target %s",
           run->how.deploying->release, failed->name, target->from, target->name);
  say(run, line);
  if (put_back(run, target, &names, &trouble) != SI_OK) {
    advise(run, target, &trouble);
    run->unharmed = false;
    return end(run, target->name, status_of(&trouble), NULL, &trouble, error);
  }
  si_error_set(&trouble, SI_E_CANCELLED, "DEPLOY_GIVEN_UP", "target %s failed", failed->name);
  return end(run, target->name, "rolled_back", target->from, &trouble, error);
}

/* Ends the rows that were held. Where nothing served before there is nothing to go back to. */
static si_rc end_held(struct si_run *run, const struct targets *targets,
                      const struct target *failed, size_t *well, struct si_error *error) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < targets->count; i++) {
    const struct target *target = &targets->list[i];
    if (!target->held) {
      continue;
    }
    if (failed && target->from[0]) {
      status = give_up(run, i, target, failed, error);
      --*well;
    } else {
      status = end(run, target->name, "ok", run->how.deploying->release, NULL, error);
    }
  }
  return status;
}

static si_rc add_target(void *ctx, const struct si_deployment *deployment) {
  struct targets *targets = ctx;
  struct target *list = realloc(targets->list, (targets->count + 1) * sizeof *list);
  if (!list) {
    return SI_E_NOMEM;
  }
  targets->list = list;
  struct target *target = &list[targets->count++];
  si_copy(target->name, sizeof target->name, deployment->target);
  si_copy(target->from, sizeof target->from, deployment->from_release);
  target->held = false;
  return SI_OK;
}

/* Some of the targets serve the release: that is neither well nor what any one of them says. */
static si_rc tell_partial(const struct si_run *run, size_t well, size_t all, const char *target,
                          struct si_error *error) {
  const struct si_error why = *error;
  si_error_set(error, SI_E_FAILED, "DEPLOY_PARTIAL", "%zu of %zu targets serve release %s; %s: %s",
               well, all, run->how.deploying->release, target, why.message);
  si_error_target(error, "deploy", target);
  si_error_detail(error, why.detail);
  return si_error_hint(error, "%s", why.hint);
}

si_rc si_deploying_work(struct si_run *run, struct si_error *error) {
  struct targets targets = {NULL, 0};
  struct si_buf images SI_AUTO(si_buf_free) = SI_BUF(2 << 20);
  struct si_error why;
  const struct target *failed = NULL;
  size_t well = 0;
  si_rc status = si_state_deployments(run->life->state, run->project->id, run->operation->id,
                                      &targets, add_target, error);
  bool go_on = status == SI_OK;
  run->many = targets.count > 1;
  run->unharmed = go_on;
  for (size_t i = 0; go_on && i < targets.count; i++) {
    si_rc came = one(run, i, &targets.list[i], &images, &why);
    well += came == SI_OK;
    if (came != SI_OK && !failed) {
      failed = &targets.list[i];
      *error = why;
      status = came;
    }
    go_on = came == SI_OK || (run->how.deploying->go_on && came != SI_E_CANCELLED);
  }
  si_rc ended = end_held(run, &targets, failed, &well, &why);
  if (ended != SI_OK && !failed) {
    *error = why;
    status = ended;
  }
  if (failed && well > 0) {
    status = tell_partial(run, well, targets.count, failed->name, error);
  } else if (failed && error->target[0] == '\0') {
    si_error_target(error, "deploy", failed->name);
  }
  free(targets.list);
  return status;
}
