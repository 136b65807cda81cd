/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/operation.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/lifecycle/alarm.h"
#include "paas/lifecycle/deploying.h"
#include "paas/lifecycle/judge.h"
#include "paas/lifecycle/run.h"
#include "paas/lifecycle/telling.h"
#include "paas/redact/redact.h"

uint64_t si_life_deadline(const struct si_life *life) {
  return si_monotonic_ns() + (life->timeout_ms ? life->timeout_ms : 600000) * 1000000;
}

si_rc si_provisioner_open(struct si_life *life, const char *provisioner, const char *config,
                          int lock, const struct si_listener *listener, void *ctx,
                          struct si_session **out, struct si_error *error) {
  char trust[SI_PATH_MAX];
  struct si_session_options options = {
      .plugin = provisioner,
      .kind = SI_KIND_PROVISIONER,
      .config = config,
      .trust = trust,
      .sandbox = si_context_sandbox_required(life->context) ? SI_SANDBOX_REQUIRED : 0,
      .lock_fd = lock,
      .deadline_ns = si_life_deadline(life),
      .interrupt_fd = life->interrupt_fd,
      .ctx = ctx,
  };
  if (listener) {
    options.listener = *listener;
  }
  si_rc status = si_context_plugins(trust, sizeof trust, error);
  status = status == SI_OK ? si_session_open(&options, out, error) : status;
  if (status != SI_OK) {
    si_redact_error(error);
  }
  return status;
}

si_rc si_provisioner_ask(struct si_session *session, uint32_t verb, const char *first,
                         const char *second, cJSON **result, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_FRAME_MAX);
  struct si_error why;
  *result = NULL;
  si_rc status = si_session_call(session, verb, first, second, &text, error);
  if (status != SI_OK) {
    si_redact_error(error);
  }
  si_rc parsed = si_json_parse(si_buf_text(&text), text.len, result, &why);
  if (parsed == SI_OK && !cJSON_IsObject(*result)) {
    si_json_free(result);
    parsed = si_error_set(&why, SI_E_CORRUPT, "", "it is no object");
  }
  if (parsed == SI_OK && si_redact_json(*result) != SI_OK) {
    si_json_free(result);
    parsed = si_error_set(&why, SI_E_NOMEM, "", "out of memory");
  }
  if (status == SI_OK && parsed != SI_OK) {
    si_error_set(error, SI_E_INTERNAL, "PROVIDER_RESULT",
                 "the provider's answer to %s is not what it must be: %s", si_verb_name(verb),
                 why.message);
    si_redact_error(error); /* it may quote the answer */
    return SI_E_INTERNAL;
  }
  return status;
}

si_rc si_project_document(const struct si_life *life, const struct si_project *project,
                          const char *operation_id, const char *images, struct si_buf *out) {
  char release[32];
  cJSON *pinned SI_AUTO(si_json_free) = NULL;
  /* The same stack is the same release, however often it is provisioned. */
  snprintf(release, sizeof release, "rel-%.12s", project->spec_sha256);
  const char *members[][2] = {
      {"schema", "si.project/1"},
      {"context_id", life->context->id},
      {"project_id", project->id},
      {"slug", project->slug},
      {"operation_id", operation_id},
      {"release", release},
      {"spec_sha256", project->spec_sha256},
  };
  cJSON *document SI_AUTO(si_json_free) = cJSON_CreateObject();
  for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
    if (!cJSON_AddStringToObject(document, members[i][0], members[i][1])) {
      return SI_E_NOMEM;
    }
  }
  if (images && si_json_parse(images, strlen(images), &pinned, NULL) == SI_OK &&
      cJSON_AddItemToObject(document, "images", pinned)) {
    pinned = NULL;
  }
  return si_json_canonical(document, out);
}

si_rc si_operation_result(const struct si_project *project, cJSON **result,
                          struct si_error *error) {
  cJSON *stack = NULL;
  cJSON *made SI_AUTO(si_json_free) = cJSON_CreateObject();
  si_rc status = si_json_parse(project->stack, strlen(project->stack), &stack, error);
  if (status != SI_OK) {
    return status;
  }
  if (!cJSON_AddItemToObject(made, "stack", stack)) {
    cJSON_Delete(stack);
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  /* As text: it may be as deep as a document can be. */
  if (!cJSON_AddStringToObject(made, "config", project->config ? project->config : "{}")) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  *result = made;
  made = NULL;
  return SI_OK;
}

/* --- one operation --- */

static si_rc destroy(struct si_run *run, const char *document, const struct si_run_names *names,
                     struct si_error *error) {
  cJSON *result = NULL;
  cJSON *listing = NULL;
  char context[80];
  snprintf(context, sizeof context, "{\"context_id\":\"%s\"}", run->life->context->id);
  si_rc status = si_run_ask(run, SI_VERB_DESTROY, document, NULL, names->result, &result, error);
  if (status == SI_OK) {
    status = si_judge_remaining(result, error);
  }
  if (status == SI_OK) {
    status = si_provisioner_ask(run->session, SI_VERB_LIST, context, NULL, &listing, error);
  }
  if (status == SI_OK) {
    status = si_judge_gone(listing, run->project->id, error);
  }
  cJSON_Delete(listing); /* it shows other projects: no part of this one's evidence */
  return status == SI_OK ? si_run_note(run, names->verified, cJSON_CreateTrue()) : status;
}

/* All of it away, proven, and then made as on the first day. */
static si_rc provision_anew(struct si_run *run, const char *document,
                            const struct si_run_names *names, size_t at, struct si_error *error) {
  const struct si_run_names gone = si_run_names_of("gone_", at);
  si_rc status = destroy(run, document, &gone, error);
  return status == SI_OK ? si_run_provision(run, document, run->project->stack, names->result,
                                            names->verified, error)
                         : status;
}

static si_rc work_on(struct si_run *run, const char *document, const char *target, size_t at,
                     struct si_error *error) {
  const struct si_run_names names = si_run_names_of("", at);
  bool destroying = strcmp(run->operation->kind, "destroy") == 0;
  si_rc status = si_run_open(run, target, run->project->config, error);
  if (status == SI_OK) {
    status = destroying      ? destroy(run, document, &names, error)
             : run->how.anew ? provision_anew(run, document, &names, at, error)
                             : si_run_provision(run, document, run->project->stack, names.result,
                                                names.verified, error);
  }
  return si_run_close(run, status, error);
}

/* What could not be proven gone on a target, and why: for the evidence and the audit chain. */
static si_rc note_unverified(struct si_run *run, const char *target, size_t at,
                             const struct si_error *why) {
  const struct si_run_names names = si_run_names_of("", at);
  const cJSON *remaining = si_json_get(si_json_get(run->result, names.result), "remaining");
  cJSON *list = cJSON_GetObjectItemCaseSensitive(run->result, "unverified");
  list = list ? list : cJSON_AddArrayToObject(run->result, "unverified");
  cJSON *item = cJSON_CreateObject();
  if (!list || !cJSON_AddItemToArray(list, item)) {
    cJSON_Delete(item);
    return SI_E_NOMEM;
  }
  cJSON *copy = cJSON_IsArray(remaining) ? cJSON_Duplicate(remaining, true) : cJSON_CreateArray();
  return cJSON_AddStringToObject(item, "target", target) &&
                 cJSON_AddStringToObject(item, "message", why->message) &&
                 cJSON_AddItemToObject(item, "remaining", copy)
             ? SI_OK
             : SI_E_NOMEM;
}

/* The same on every target of the project, one after the other, also where one of them failed: what
 * can be brought back or removed is. The first failure counts. A deploy knows each target's own. */
static si_rc work_everywhere(struct si_run *run, struct si_error *error) {
  struct si_error why;
  struct si_buf document SI_AUTO(si_buf_free) = SI_BUF(2 << 20);
  struct si_release release SI_AUTO(si_release_free) = {.number = ""};
  struct si_target_names targets SI_AUTO(si_target_names_free) = {NULL, 0};
  bool destroying = strcmp(run->operation->kind, "destroy") == 0;
  si_rc status = si_state_release(run->life->state, run->project->id, NULL, &release, error);
  if (status != SI_OK && !destroying) {
    return status;
  }
  /* A release that served comes back with the images that it had. */
  status = si_project_document(run->life, run->project, run->operation->id,
                               destroying ? NULL : release.images, &document);
  if (status != SI_OK) {
    return si_error_set(error, status, "STATE_MEMORY", "out of memory");
  }
  status = si_run_targets(run->life, run->project->id, &targets, error);
  run->many = targets.count > 1;
  for (size_t i = 0; status != SI_E_CANCELLED && i < targets.count; i++) {
    bool first = status == SI_OK;
    struct si_error *told = first ? error : &why;
    si_rc came = work_on(run, document.data, targets.list[i], i, told);
    if (came != SI_OK && came != SI_E_CANCELLED && run->how.accept_unverified) {
      came = note_unverified(run, targets.list[i], i, told);
    }
    status = first || came == SI_E_CANCELLED ? came : status;
  }
  return status;
}

static si_rc work(struct si_run *run, struct si_error *error) {
  struct si_journal journal;
  si_journal_open(&journal, run->life, run->operation->id, run->project->provisioner, run->lock);
  run->journal = &journal;
  si_rc status = run->how.deploying ? si_deploying_work(run, error) : work_everywhere(run, error);
  if (status != SI_OK && error->stage[0] == '\0') {
    si_error_target(error, run->operation->kind, NULL);
  }
  si_journal_close(&journal);
  return status;
}

/* The configuration as evidence shows it: redacted here, where the values of the operation's
 * secrets are known. Evidence is made again in other processes, and must be the same to the byte.
 */
static si_rc redact_config(cJSON *document) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_FRAME_MAX);
  cJSON *config SI_AUTO(si_json_free) = NULL;
  const char *kept = si_json_str(document, "config");
  si_rc status = kept ? si_json_parse(kept, strlen(kept), &config, NULL) : SI_E_NOT_FOUND;
  status = status == SI_OK ? si_redact_json(config) : status;
  status = status == SI_OK ? si_json_print(config, false, &text) : status;
  if (status == SI_OK) {
    cJSON *member = cJSON_CreateString(text.data);
    status =
        cJSON_ReplaceItemInObjectCaseSensitive(document, "config", member) ? SI_OK : SI_E_NOMEM;
  }
  return status;
}

static bool write_result(const cJSON *document, struct si_buf *out) {
  cJSON *again = NULL;
  bool well = si_json_print(document, false, out) == SI_OK &&
              si_json_parse(out->data, out->len, &again, NULL) == SI_OK;
  cJSON_Delete(again);
  return well;
}

/* The result as it is stored. A provider's part that cannot be kept (too long, too deep) must not
 * cost the evidence of what was asked. */
static void keep_result(cJSON *document, struct si_buf *out) {
  static const char *const ours[] = {"stack", "config", "provider"};
  si_rc redacted = redact_config(document);
  (void)redacted; /* what it cannot do now is done when it is shown */
  if (write_result(document, out)) {
    return;
  }
  cJSON *member = NULL;
  for (cJSON *next = document->child; (member = next);) {
    next = member->next;
    if (strcmp(member->string, ours[0]) != 0 && strcmp(member->string, ours[1]) != 0 &&
        strcmp(member->string, ours[2]) != 0) {
      cJSON *instead = cJSON_CreateString("too long or too deep to be kept");
      cJSON_ReplaceItemInObjectCaseSensitive(document, member->string, instead);
    }
  }
  si_buf_clear(out);
  if (!write_result(document, out)) {
    si_buf_clear(out);
  }
}

static const char *ending(si_rc status) {
  return status == SI_OK ? "ok" : status == SI_E_CANCELLED ? "cancelled" : "failed";
}

/* The next command to type, where the provider did not say. */
static void advise(const struct si_run *run, struct si_error *error) {
  bool destroying = strcmp(run->operation->kind, "destroy") == 0;
  const char *slug = run->project->slug;
  if (error->hint[0] == '\0' && strcmp(run->operation->kind, "reset") == 0) {
    si_error_hint(error, "then: si paas --context %s app reset --app %s --yes --confirm %s",
                  run->life->context->name, slug, slug);
  } else if (error->hint[0] == '\0') {
    si_error_hint(error, "then: si paas --context %s project %s %s%s%s", run->life->context->name,
                  destroying ? "delete" : "retry", run->project->slug,
                  destroying ? " --yes --confirm " : "", destroying ? run->project->slug : "");
  }
}

si_rc si_operation_run(struct si_life *life, const char *action, const struct si_project *project,
                       const struct si_operation *operation, const struct si_how *how, int lock,
                       struct si_error *error) {
  struct si_error why = {.status = SI_OK};
  struct si_error trouble;
  struct si_buf result SI_AUTO(si_buf_free) = SI_BUF(2 * SI_FRAME_MAX);
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(65536);
  struct si_run run = {.life = life,
                       .project = project,
                       .operation = operation,
                       .how = how ? *how : (struct si_how){.deploying = NULL},
                       .lock = lock};
  struct si_telling telling = si_telling_of(life, action, project);
  struct si_told told SI_AUTO(si_told_free) = SI_TOLD;
  cJSON *owned SI_AUTO(si_json_free) = NULL;
  si_rc status = si_operation_result(project, &owned, &why);
  if (status == SI_OK) {
    run.result = owned;
    status = work(&run, &why);
  }
  if (status != SI_OK) {
    why.status = status;
    advise(&run, &why);
    cJSON *json SI_AUTO(si_json_free) = si_error_json(&why);
    if (!json || si_json_canonical(json, &record) != SI_OK) {
      si_buf_clear(&record);
    }
    if (error) {
      *error = why;
    }
  }
  if (owned) {
    keep_result(owned, &result);
  }
  telling.unharmed = run.unharmed;
  telling.unverified = si_json_get(owned, "unverified");
  si_rc ended = si_tell_end(&telling, operation, ending(status), status == SI_OK ? NULL : &why,
                            &told, &trouble);
  if (ended == SI_OK) {
    ended = si_state_operation_end(life->state, operation->id, ending(status),
                                   record.len ? record.data : NULL, result.len ? result.data : NULL,
                                   told.events, 2, &trouble);
  }
  si_close(&lock);
  if (ended != SI_OK) {
    if (error) {
      *error = trouble;
      si_error_hint(error,
                    "the operation %s (%s) is not lost: mend the state store, then: si paas "
                    "--context %s reconcile --apply",
                    operation->id, ending(status), life->context->name);
      si_error_detail(error, why.message); /* what it failed of itself, if it did */
    }
    return ended;
  }
  si_tell_flush(life);
  si_life_evidence_try(life, operation->id);
  si_alarm_failed(life, project, operation, &why);
  return status;
}
