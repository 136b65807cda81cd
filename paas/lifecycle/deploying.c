/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/deploying.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/lifecycle/operation.h"
#include "paas/lifecycle/secrets.h"

/* --- one release onto one target --- */

/* Names of the result's members; the first target's are those of every other kind of operation. */
struct names {
  char result[80];
  char verified[80];
};

static struct names names_of(const char *prefix, size_t at) {
  struct names names;
  char suffix[24] = "";
  if (at > 0) {
    snprintf(suffix, sizeof suffix, "_%zu", at + 1);
  }
  snprintf(names.result, sizeof names.result, "%.30sresult%s", prefix, suffix);
  snprintf(names.verified, sizeof names.verified, "%.30sverified%s", prefix, suffix);
  return names;
}

static si_rc apply(struct si_run *run, const struct si_project *project, const char *images,
                   const struct names *names, struct si_error *error) {
  struct si_buf document SI_AUTO(si_buf_free) = SI_BUF(2 << 20);
  si_rc status = si_project_document(run->life, project, run->operation->id, images, &document);
  if (status != SI_OK) {
    return si_error_set(error, status, "STATE_MEMORY", "out of memory");
  }
  status = si_run_open(run, project->config, error);
  if (status == SI_OK) {
    status =
        si_run_provision(run, document.data, project->stack, names->result, names->verified, error);
  }
  si_run_close(run);
  return status;
}

/* --- the former one again --- */

/* The former release, with the secrets of now: *bound owns what differs from the row's. */
static si_rc put_back(struct si_run *run, const struct names *names, struct si_error *error) {
  const struct si_release *former = run->deploying->former;
  struct si_life *life = run->life;
  struct si_life_secrets *secrets = life->secrets;
  struct si_life_secrets *again SI_AUTO(si_life_secrets_free) = NULL;
  struct si_stack bound SI_AUTO(si_stack_free) = {NULL, 0, ""};
  struct si_project project = *run->project;
  int interrupt_fd = life->interrupt_fd;
  si_rc status = si_life_secrets_bind(life, project.slug, former->stack, &bound, &again, error);
  if (status != SI_OK) {
    return status;
  }
  project.stack = bound.json ? bound.json : former->stack;
  si_copy(project.spec_sha256, sizeof project.spec_sha256,
          bound.json ? bound.sha256 : former->spec_sha256);
  life->secrets = again;
  life->interrupt_fd = -1; /* who interrupts a deploy wants what was before */
  status = apply(run, &project, former->images, names, error);
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

static si_rc fail(struct si_run *run, size_t at, const char *target, struct si_error *why) {
  const struct si_deploying *d = run->deploying;
  const struct names names = names_of("former_", at);
  struct si_error trouble;
  char line[256];
  const char *status = status_of(why);
  const char *serves = NULL;
  if (!d->keep_failed) {
    snprintf(line, sizeof line, "release %s failed on target %s: release %s is put back",
             d->release, target, d->former->number);
    say(run, line);
    if (put_back(run, &names, &trouble) == SI_OK) {
      status = "rolled_back";
      serves = d->former->number;
      run->unharmed = at == 0;
      si_error_hint(why, "release %s serves again. Mend the stack, then deploy it again",
                    d->former->number);
    } else {
      si_error_detail(why, trouble.message);
      run->unharmed = false;
    }
  }
  if (!serves) {
    si_error_hint(why,
                  "what serves on target %s is not known. Then: si paas --context %s rollback "
                  "--app %s --to %s",
                  target, run->life->context->name, run->project->slug, d->former->number);
  }
  return end(run, target, status, serves, why, &trouble) == SI_OK ? why->status : SI_E_IO;
}

static si_rc one(struct si_run *run, size_t at, const char *target, struct si_error *error) {
  const struct names names = names_of("", at);
  si_rc status = si_state_deployment_begin(run->life->state, run->operation->id, target, error);
  if (status != SI_OK) {
    return status;
  }
  status = apply(run, run->project, run->deploying->images, &names, error);
  if (status == SI_OK) {
    return end(run, target, "ok", run->deploying->release, NULL, error);
  }
  error->status = status;
  return fail(run, at, target, error);
}

struct targets {
  char (*names)[64];
  size_t count;
};

static si_rc add_target(void *ctx, const struct si_deployment *deployment) {
  struct targets *targets = ctx;
  char(*names)[64] = realloc(targets->names, (targets->count + 1) * sizeof *names);
  if (!names) {
    return SI_E_NOMEM;
  }
  targets->names = names;
  si_copy(names[targets->count++], sizeof *names, deployment->target);
  return SI_OK;
}

si_rc si_deploying_work(struct si_run *run, struct si_error *error) {
  struct targets targets = {NULL, 0};
  si_rc status = si_state_deployments(run->life->state, run->project->id, run->operation->id,
                                      &targets, add_target, error);
  for (size_t i = 0; status == SI_OK && i < targets.count; i++) {
    status = one(run, i, targets.names[i], error);
  }
  free(targets.names);
  return status;
}
