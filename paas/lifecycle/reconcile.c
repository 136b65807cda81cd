/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/reconcile.h"

#include <string.h>

#include "kit/base/text.h"
#include "paas/lifecycle/alarm.h"
#include "paas/lifecycle/judge.h"
#include "paas/lifecycle/operation.h"
#include "paas/lifecycle/run.h"
#include "paas/lifecycle/stopped.h"
#include "paas/lifecycle/telling.h"
#include "paas/redact/redact.h"
#include "paas/state/deployment.h"
#include "paas/target/target.h"

struct reconciling {
  struct si_life *life;
  bool apply;
  cJSON *projects;
  cJSON *orphans;
  cJSON *unreachable;
  bool clean;
  struct si_error first;         /* the first failure */
  struct si_redact_stream lines; /* of the log of the provider that is asked */
  struct si_stopped stopped;     /* what that one was kept from */
};

static void failed(struct reconciling *r, const struct si_error *error) {
  if (r->first.status == SI_OK) {
    r->first = *error;
  }
}

static void put_text(cJSON *object, const char *key, const char *value) {
  cJSON_DeleteItemFromObjectCaseSensitive(object, key);
  cJSON_AddStringToObject(object, key, value);
}

/* --- projects --- */

struct unfinished {
  struct si_state *state;
  bool any;
  bool owned;
};

static si_rc see_unfinished(void *ctx, const struct si_operation *operation) {
  struct unfinished *seen = ctx;
  seen->any = true;
  seen->owned = si_state_owned(seen->state, operation->id);
  return SI_OK;
}

static bool was_interrupted(const struct si_project *project) {
  cJSON *error SI_AUTO(si_json_free) = NULL;
  const char *text = project->last_error;
  if (!text || si_json_parse(text, strlen(text), &error, NULL) != SI_OK) {
    return false;
  }
  const char *code = si_json_str(error, "code");
  /* si died, or si-host did: either way nothing was decided, and going on is safe. */
  return code && (strcmp(code, "PAAS_INTERRUPTED") == 0 || strcmp(code, "PLUGIN_CRASHED") == 0);
}

struct astray {
  const struct si_project *project;
  char target[64];
  char release[12];
};

/* Is a running project as its stack says, on one of its targets? */
static const char *look_at(struct si_life *life, const struct si_project *project,
                           const char *target, struct si_error *why) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_FRAME_MAX);
  cJSON *inspection SI_AUTO(si_json_free) = NULL;
  cJSON *stack SI_AUTO(si_json_free) = NULL;
  si_rc status = si_life_inspect(life, project, target, &text, why);
  status = status == SI_OK ? si_json_parse(text.data, text.len, &inspection, why) : status;
  status =
      status == SI_OK ? si_json_parse(project->stack, strlen(project->stack), &stack, why) : status;
  if (status != SI_OK) {
    return "unknown";
  }
  return si_judge_inspection(stack, inspection, why) == SI_OK ? "ok" : "drifted";
}

/* On all of them: the first that is not well counts. */
static const char *look(struct si_life *life, const struct si_project *project,
                        struct si_error *why) {
  struct si_target_names targets SI_AUTO(si_target_names_free) = {NULL, 0};
  const char *verdict = "ok";
  if (si_run_targets(life, project->id, &targets, why) != SI_OK) {
    return "unknown";
  }
  for (size_t i = 0; i < targets.count && strcmp(verdict, "ok") == 0; i++) {
    verdict = look_at(life, project, targets.list[i], why);
  }
  return verdict;
}

/* Does a target serve another release than the project's, or nobody knows which? */
static si_rc see_instance(void *ctx, const struct si_instance *instance) {
  struct astray *astray = ctx;
  if (strcmp(instance->release, astray->project->release) != 0) {
    si_copy(astray->target, sizeof astray->target, instance->target);
    si_copy(astray->release, sizeof astray->release, instance->release);
  }
  return SI_OK;
}

static bool is_astray(struct si_life *life, const struct si_project *project,
                      struct si_error *why) {
  struct astray astray = {.project = project};
  if (si_state_instances(life->state, project->id, &astray, see_instance, why) != SI_OK ||
      !astray.target[0]) {
    return false;
  }
  si_error_set(why, SI_E_FAILED, "PAAS_RELEASE_ASTRAY",
               "target %s %s%s, and release %s counts: a deploy did not end well", astray.target,
               astray.release[0] ? "serves release " : "was left with a release that nobody judged",
               astray.release, project->release);
  return true;
}

static const char *diagnose(struct reconciling *r, const struct si_project *project,
                            struct si_error *why) {
  struct unfinished seen = {.state = r->life->state};
  memset(why, 0, sizeof *why);
  if (si_state_operations(r->life->state, project->id, SI_OPERATIONS_UNFINISHED, &seen,
                          see_unfinished, why) != SI_OK) {
    return "unknown";
  }
  if (seen.any) {
    return seen.owned ? "busy" : "interrupted";
  }
  if (strcmp(project->status, "deleting") == 0) {
    return "deleting";
  }
  if (strcmp(project->status, "failed") == 0) {
    return was_interrupted(project) ? "interrupted" : "failed";
  }
  return is_astray(r->life, project, why) ? "drifted" : look(r->life, project, why);
}

static const char *action_for(const char *verdict, const struct si_project *project) {
  bool deleting = strcmp(project->status, "deleting") == 0;
  if (strcmp(verdict, "interrupted") == 0) {
    return deleting ? "delete" : strcmp(project->status, "running") == 0 ? "converge" : "retry";
  }
  return strcmp(verdict, "deleting") == 0  ? "delete"
         : strcmp(verdict, "drifted") == 0 ? "converge"
                                           : "none";
}

static void act(struct reconciling *r, const struct si_project *project, const char *action,
                cJSON *item) {
  struct si_outcome outcome SI_AUTO(si_outcome_free) = {.ran = false};
  struct si_error error;
  si_rc status;
  if (strcmp(action, "retry") == 0) {
    status = si_life_retry(r->life, project->slug, NULL, NULL, &outcome, &error);
  } else if (strcmp(action, "delete") == 0) {
    status = si_life_delete(r->life, project->slug, false, &outcome, &error);
  } else {
    status = si_life_converge(r->life, project->id, &outcome, &error);
  }
  if (status != SI_OK) {
    failed(r, &error);
  }
  put_text(item, "outcome", status == SI_OK ? "ok" : error.message);
  put_text(item, "status", outcome.project.id[0] ? outcome.project.status : project->status);
}

static si_rc one_project(void *ctx, const struct si_project *listed) {
  struct reconciling *r = ctx;
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  struct si_error why;
  si_rc status = si_state_project_by_id(r->life->state, listed->id, &project, &why);
  if (status != SI_OK) {
    failed(r, &why);
    return status;
  }
  const char *verdict = diagnose(r, &project, &why);
  const char *action = action_for(verdict, &project);
  cJSON *item = cJSON_CreateObject();
  if (!item || !cJSON_AddItemToArray(r->projects, item)) {
    cJSON_Delete(item);
    return SI_E_NOMEM;
  }
  put_text(item, "slug", project.slug);
  put_text(item, "id", project.id);
  put_text(item, "status", project.status);
  put_text(item, "verdict", verdict);
  put_text(item, "detail", why.message);
  put_text(item, "action", action);
  put_text(item, "outcome", "");
  bool quiet = strcmp(verdict, "ok") == 0 || strcmp(verdict, "busy") == 0;
  if (r->apply && strcmp(action, "none") != 0) {
    act(r, &project, action, item);
  } else {
    r->clean = r->clean && quiet;
  }
  return SI_OK;
}

/* --- orphans --- */

/* Is there a project of that id that may have resources? Asked after the engine was listed: what
 * it showed then had been committed before. */
static si_rc owned_by_project(struct si_life *life, const char *id, bool *owned,
                              struct si_error *error) {
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  si_rc status = si_state_project_by_id(life->state, id, &project, error);
  if (status == SI_OK || status == SI_E_NOT_FOUND) {
    *owned = status == SI_OK && strcmp(project.status, "deleted") != 0;
    return SI_OK;
  }
  return status;
}

static si_rc remove_orphan(struct reconciling *r, struct si_session *session, const cJSON *resource,
                           struct si_error *error) {
  static const char *const keys[] = {"project_id", "type", "id"};
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(8192);
  struct si_buf none SI_AUTO(si_buf_free) = SI_BUF(8192);
  cJSON *document SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON_AddStringToObject(document, "context_id", r->life->context->id);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    const char *value = si_json_str(resource, keys[i]);
    cJSON_AddStringToObject(document, keys[i], value ? value : "");
  }
  if (si_json_canonical(document, &text) != SI_OK) {
    return si_error_set(error, SI_E_QUOTA, "PROVIDER_RESULT", "a resource's name is too long");
  }
  si_rc status = si_session_call(session, SI_VERB_REMOVE, text.data, NULL, &none, error);
  if (status != SI_OK) {
    si_redact_error(error);
  }
  return status;
}

/* Networks and volumes go only once nothing uses them: containers first. */
static int rank(const cJSON *resource) {
  const char *type = si_json_str(resource, "type");
  return type && strcmp(type, "container") == 0 ? 0 : 1;
}

static void one_orphan(struct reconciling *r, struct si_session *session, const char *provisioner,
                       const char *target, const cJSON *resource) {
  struct si_error error;
  cJSON *item = cJSON_Duplicate(resource, true);
  if (!item || !cJSON_AddItemToArray(r->orphans, item)) {
    cJSON_Delete(item);
    return;
  }
  put_text(item, "provisioner", provisioner);
  put_text(item, "target", target);
  put_text(item, "outcome", "");
  if (!r->apply) {
    r->clean = false;
    return;
  }
  struct si_error untold;
  si_rc status = remove_orphan(r, session, resource, &error);
  put_text(item, "outcome", status == SI_OK ? "ok" : error.message);
  if (status != SI_OK) {
    failed(r, &error);
  }
  if (si_tell_orphan(r->life, provisioner, resource, status == SI_OK ? NULL : &error, &untold) !=
      SI_OK) {
    failed(r, &untold);
  }
}

static si_rc orphans_of(struct reconciling *r, struct si_session *session, const char *provisioner,
                        const char *target, struct si_error *error) {
  struct si_buf context SI_AUTO(si_buf_free) = SI_BUF(128);
  cJSON *listing SI_AUTO(si_json_free) = NULL;
  const cJSON *each;
  if (si_buf_printf(&context, "{\"context_id\":\"%s\"}", r->life->context->id) != SI_OK) {
    return SI_E_NOMEM;
  }
  si_rc status = si_provisioner_ask(session, SI_VERB_LIST, context.data, NULL, &listing, error);
  if (status == SI_OK && !cJSON_IsArray(si_json_get(listing, "resources"))) {
    status = si_error_set(error, SI_E_INTERNAL, "PROVIDER_RESULT",
                          "the provider's listing has no list of resources");
  }
  for (int turn = 0; status == SI_OK && turn < 2; turn++) {
    cJSON_ArrayForEach(each, si_json_get(listing, "resources")) {
      const char *id = si_json_str(each, "project_id");
      bool owned = true;
      if (rank(each) != turn) {
        continue;
      }
      status = owned_by_project(r->life, id ? id : "", &owned, error);
      if (status == SI_OK && !owned) {
        one_orphan(r, session, provisioner, target, each);
      }
    }
  }
  return status;
}

/* An orphan has no project, so its removal is no operation: the report and the audit chain are its
 * record. */
static void say(void *ctx, unsigned level, const char *message) {
  struct reconciling *r = ctx;
  if (r->life->log) {
    r->life->log(r->life->ctx, level, message);
  }
}

static void on_log(void *ctx, uint32_t level, const char *message) {
  struct reconciling *r = ctx;
  si_redact_feed(&r->lines, level, message, r, say);
}

static si_rc on_step(void *ctx, const char *name, uint32_t phase, const char *outside_id) {
  struct reconciling *r = ctx;
  if (!r->apply) {
    return SI_E_REFUSED; /* only looking */
  }
  char shown[SI_STEP_NAME], shown_id[SI_STEP_ID];
  si_copy(shown, sizeof shown, name);
  si_copy(shown_id, sizeof shown_id, outside_id);
  si_redact_line(shown, sizeof shown);
  si_redact_line(shown_id, sizeof shown_id);
  if (r->life->step) {
    r->life->step(r->life->ctx, shown, phase, shown_id);
  }
  return SI_OK;
}

static void on_stopped(void *ctx, const char *kind, const char *what) {
  struct reconciling *r = ctx;
  si_stopped_tell(&r->stopped, kind, what);
}

static const struct si_listener listener = {.log = on_log, .step = on_step, .stopped = on_stopped};

/* Each provisioner (with its configuration) that this context uses or used is asked once on each
 * target: what a deleted project left may be on any of them. */
struct asked {
  struct reconciling *r;
  cJSON *seen;                      /* {"<target> <provisioner> <config>": true} */
  const char *provisioner, *config; /* that are asked about; what follows, too */
  bool needed;
};

/* A target that nobody needs must not hold up the others. */
enum { REACH_MS = 30000 };

/* Through the target: `error` tells of either way. */
static si_rc ask_there(struct reconciling *r, const char *provisioner, const char *config,
                       const char *target, struct si_error *error) {
  struct si_session *session = NULL;
  struct si_target_link *link = NULL;
  uint64_t deadline = si_life_deadline(r->life);
  uint64_t soon = si_monotonic_ns() + (uint64_t)REACH_MS * 1000000u;
  si_rc status = si_target_open(r->life->state, target, config, soon < deadline ? soon : deadline,
                                r->life->interrupt_fd, &link, error);
  if (status == SI_OK) {
    status = si_provisioner_open(r->life, provisioner, si_target_link_config(link), -1, &listener,
                                 r, &session, error);
    status = status == SI_OK ? orphans_of(r, session, provisioner, target, error) : status;
    si_session_close(session);
    if (status != SI_OK) {
      error->status = status;
      status = si_target_link_blame(link, error);
    }
  }
  si_target_link_close(link);
  return status;
}

/* With ssh the way has a name of its own each time; the rest of the configuration does not. */
static si_rc key_of(const char *provisioner, const char *config, const char *target,
                    struct si_buf *key) {
  cJSON *settings SI_AUTO(si_json_free) = NULL;
  bool local = strcmp(target, SI_TARGET_LOCAL) == 0;
  si_rc status = si_json_parse(config, strlen(config), &settings, NULL);
  if (status == SI_OK && !local) {
    cJSON_DeleteItemFromObjectCaseSensitive(settings, "socket"); /* the target has its own */
  }
  status = status == SI_OK ? si_buf_printf(key, "%s %s ", target, provisioner) : status;
  return status == SI_OK ? si_json_print(settings, false, key) : status;
}

static si_rc ask_provisioner(struct asked *asked, const char *target) {
  struct reconciling *r = asked->r;
  struct si_buf key SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  struct si_error error = {.status = SI_OK};
  if (key_of(asked->provisioner, asked->config, target, &key) != SI_OK) {
    return SI_E_NOMEM;
  }
  if (si_json_get(asked->seen, key.data)) {
    return SI_OK;
  }
  cJSON_AddTrueToObject(asked->seen, key.data);
  r->stopped = (struct si_stopped){.context = r->life->context, .plugin = asked->provisioner};
  si_rc status = ask_there(r, asked->provisioner, asked->config, target, &error);
  si_redact_end(&r->lines, r, say);
  if (status != SI_OK) {
    error.status = status;
    cJSON *item = cJSON_CreateObject();
    put_text(item, "provisioner", asked->provisioner);
    put_text(item, "target", target);
    put_text(item, "message", error.message);
    cJSON_AddItemToArray(r->unreachable, item);
    /* An engine that only deleted projects used may be gone for good: told, but no failure. */
    if (asked->needed) {
      r->clean = false;
      failed(r, &error);
    }
  }
  return SI_OK;
}

static si_rc ask_on_instance(void *ctx, const struct si_instance *instance) {
  return ask_provisioner(ctx, instance->target);
}

static si_rc ask_on_target(void *ctx, const struct si_target_row *row) {
  return ask_provisioner(ctx, row->name);
}

static void about(struct asked *asked, const struct si_project *project, bool needed) {
  asked->provisioner = project->provisioner;
  asked->config = project->config ? project->config : "{}";
  asked->needed = needed;
}

/* Where a living project is. */
static si_rc ask_where_it_lives(void *ctx, const struct si_project *project) {
  struct asked *asked = ctx;
  struct si_error why;
  about(asked, project, true);
  si_rc status =
      si_state_instances(asked->r->life->state, project->id, asked, ask_on_instance, &why);
  if (status != SI_OK) {
    failed(asked->r, &why);
  }
  return status;
}

/* And wherever one, living or not, may have been. */
static si_rc ask_everywhere(struct asked *asked) {
  struct si_error why;
  si_rc status = ask_provisioner(asked, SI_TARGET_LOCAL);
  status = status == SI_OK ? si_state_targets(asked->r->life->state, asked, ask_on_target, &why)
                           : status;
  if (status != SI_OK) {
    failed(asked->r, &why);
  }
  return status;
}

static si_rc ask_for_project(void *ctx, const struct si_project *project) {
  struct asked *asked = ctx;
  about(asked, project, false);
  return ask_everywhere(asked);
}

static si_rc all_orphans(struct reconciling *r, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  cJSON *seen SI_AUTO(si_json_free) = cJSON_CreateObject();
  struct asked asked = {.r = r, .seen = seen};
  const char *provisioner = NULL;
  const cJSON *config = NULL;
  /* The living first: an engine that one of them needs must not pass for one of the dead's. */
  si_rc status = si_state_projects(r->life->state, r->life->owner_id, false, &asked,
                                   ask_where_it_lives, error);
  if (status == SI_OK) {
    status =
        si_state_projects(r->life->state, r->life->owner_id, true, &asked, ask_for_project, error);
  }
  if (status == SI_OK) {
    status = si_context_provider(r->life->context, "provisioner", &provisioner, &config, error);
  }
  if (status == SI_OK) {
    status = si_json_print(config, false, &text);
  }
  /* The context's own provisioner matters where no project tells of one: the state may be new. */
  if (status != SI_OK || asked.seen->child) {
    return status;
  }
  asked.provisioner = provisioner;
  asked.config = text.data;
  asked.needed = false;
  return ask_everywhere(&asked);
}

/* --- the whole --- */

static si_rc count_one(void *ctx, const struct si_operation *operation) {
  (void)operation;
  ++*(size_t *)ctx;
  return SI_OK;
}

static si_rc reconcile(struct reconciling *r, cJSON *report, struct si_error *error) {
  size_t ended = 0, stored = 0, pending = 0, alerts = 0;
  if (r->apply) {
    si_tell_flush(r->life); /* what an earlier command could not append */
  }
  si_rc status = r->apply ? si_life_recover(r->life, &ended, error) : SI_OK;
  if (status == SI_OK) {
    status = si_state_projects(r->life->state, r->life->owner_id, false, r, one_project, error);
  }
  if (status == SI_OK) {
    status = all_orphans(r, error);
  }
  if (status == SI_OK && r->apply) {
    struct si_error why;
    if (si_life_evidence_all(r->life, &stored, &why) != SI_OK) {
      failed(r, &why);
    }
  }
  if (status == SI_OK) {
    status = si_state_operations(r->life->state, NULL, SI_OPERATIONS_EVIDENCE_PENDING, &pending,
                                 count_one, error);
  }
  if (status == SI_OK) {
    status = si_alarm_pending(r->life, r->apply, &alerts, error);
  }
  r->clean = r->clean && pending + alerts == 0 && r->first.status == SI_OK;
  cJSON_AddNumberToObject(report, "evidence_pending", (double)pending);
  cJSON_AddNumberToObject(report, "alerts_pending", (double)alerts);
  cJSON_AddBoolToObject(report, "clean", r->clean);
  return status;
}

si_rc si_life_reconcile(struct si_life *life, bool apply, cJSON **report, struct si_error *error) {
  cJSON *made = cJSON_CreateObject();
  struct reconciling r = {
      .life = life,
      .apply = apply,
      .projects = cJSON_AddArrayToObject(made, "projects"),
      .orphans = cJSON_AddArrayToObject(made, "orphans"),
      .unreachable = cJSON_AddArrayToObject(made, "unreachable"),
      .clean = true,
  };
  if (!r.projects || !r.orphans || !r.unreachable) {
    cJSON_Delete(made);
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  si_rc status = reconcile(&r, made, error);
  if (status != SI_OK) {
    cJSON_Delete(made);
    return status;
  }
  *report = made;
  if (apply && r.first.status != SI_OK) {
    if (error) {
      *error = r.first;
    }
    return r.first.status;
  }
  return SI_OK;
}
