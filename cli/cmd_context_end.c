/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas context remove`, `reset` and `adopt`: what ends contexts, empties or moves them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/context.h"
#include "cli/exit.h"
#include "cli/prompt.h"
#include "cli/scope.h"
#include "kit/base/text.h"
#include "paas/context/remove.h"
#include "paas/events/events.h"

/* --- remove --- */

static si_rc last_event(void *ctx, const struct si_context *context, struct si_state *state,
                        struct si_error *error) {
  struct si_event event = {.action = "context.remove", .target = context->name};
  (void)ctx;
  return si_events_append(context, state, &event, error);
}

static si_rc remove_context(struct si_invocation *inv) {
  struct si_context_removal removal = {
      .name = si_arg(inv, 0), .with_secrets = si_opt_flag(inv, "with-secrets"), .last = last_event};
  char question[160];
  snprintf(question, sizeof question, "Remove context %.63s with its history%s?", removal.name,
           removal.with_secrets ? ", its evidence and its secrets" : " and its evidence");
  si_changes(inv, removal.name);
  si_rc status = si_confirm_name(inv, question, removal.name);
  if (status == SI_OK) {
    status = si_context_remove(&removal, &inv->error);
  }
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out, "context %s is removed", removal.name);
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "name", removal.name);
  cJSON_AddTrueToObject(json, "removed");
  return si_out_result(inv->out, json);
}

static const struct si_option remove_options[] = {
    {"with-secrets", 0, NULL, "The secrets in its vault too, and the key that opens them", 0, NULL},
    {0},
};

const struct si_command si_cmd_context_remove = {
    .path = "paas context remove",
    .summary = "Remove a context in which nothing lives any more",
    .text =
        "Needs --yes together with --confirm NAME, or the name typed at the question. It is "
        "refused "
        "while a project lives there, an operation runs, or evidence is not stored, and there is "
        "no way round. A vault that still holds secrets needs --with-secrets; keep them first "
        "with: "
        "si vault export.",
    .params = {{"NAME", 0, "The context"}},
    .options = remove_options,
    .run = remove_context,
};

/* --- adopt --- */

static si_rc adopt(struct si_invocation *inv) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  static char from[SI_PATH_MAX];
  const char *name = si_arg(inv, 0);
  char question[160];
  snprintf(question, sizeof question, "Was the directory of context %.63s moved or restored?",
           name);
  si_changes(inv, name);
  si_rc status = si_confirm_name(inv, question, name);
  if (status == SI_OK) {
    status = si_context_adopt(name, &context, from, &inv->error);
  }
  if (status != SI_OK) {
    return status;
  }
  if (from[0]) {
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "from", from);
    cJSON_AddStringToObject(fields, "to", context.dir);
    status = si_context_audit(inv, &context, "context.adopt", fields);
  }
  if (status != SI_OK) {
    return status;
  }
  si_context_warn(inv, &context);
  si_out_note(inv->out, from[0] ? "context %s lives in %s now" : "context %s lives in %s already",
              context.name, context.dir);
  cJSON *json = si_context_json(&context);
  si_rc added = si_json_add_text(json, "from", from);
  return added == SI_OK ? si_out_result(inv->out, json) : (cJSON_Delete(json), added);
}

const struct si_command si_cmd_context_adopt = {
    .path = "paas context adopt",
    .summary = "Take a context's directory that was moved or restored",
    .text =
        "A context knows the directory that it was made in, so that a copy is found out. After a "
        "move or a restore this makes the present directory its own. It is refused where the one "
        "it "
        "came from still holds the context. Needs --yes together with --confirm NAME.",
    .params = {{"NAME", 0, "The context"}},
    .run = adopt,
};

/* --- reset --- */

struct doomed {
  char (*slugs)[64];
  size_t count;
};

static si_rc add_doomed(void *ctx, const struct si_project *project) {
  struct doomed *doomed = ctx;
  char(*more)[64] = realloc(doomed->slugs, (doomed->count + 1) * sizeof *more);
  if (!more) {
    return SI_E_NOMEM;
  }
  doomed->slugs = more;
  snprintf(more[doomed->count++], sizeof *more, "%s", project->slug);
  return SI_OK;
}

static void free_doomed(struct doomed *doomed) {
  free(doomed->slugs);
}

static si_rc refuse_serious(struct si_invocation *inv, const struct si_context *context) {
  if (strcmp(context->type, "demo") == 0) {
    return SI_OK;
  }
  si_error_set(&inv->error, SI_E_REFUSED, "PAAS_CONTEXT_NOT_DEMO",
               "context %s is of type %s, and only a demo is reset", context->name, context->type);
  si_error_target(&inv->error, NULL, context->name);
  return si_error_hint(&inv->error,
                       "delete its projects one by one: si paas --context %s project "
                       "delete NAME",
                       context->name);
}

/* All of them are tried; the first failure is told. */
static si_rc destroy_all(struct si_invocation *inv, struct si_scope *scope,
                         const struct doomed *doomed, cJSON *deleted) {
  struct si_error first = {.status = SI_OK};
  for (size_t i = 0; i < doomed->count; i++) {
    struct si_outcome outcome SI_AUTO(si_outcome_free) = {.ran = false};
    struct si_error why = {.status = SI_OK};
    if (si_life_delete(&scope->life, doomed->slugs[i], false, &outcome, &why) == SI_OK) {
      si_out_note(inv->out, "project %s is deleted", doomed->slugs[i]);
      cJSON_AddItemToArray(deleted, cJSON_CreateString(doomed->slugs[i]));
    } else if (first.status == SI_OK) {
      first = why;
      si_error_target(&first, NULL, doomed->slugs[i]);
    }
  }
  if (first.status == SI_OK) {
    return SI_OK;
  }
  inv->error = first;
  return si_exit_failed(inv);
}

static si_rc end_reset(struct si_invocation *inv, struct si_scope *scope, cJSON *deleted) {
  struct si_error none;
  size_t stored = 0;
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON_AddItemToObject(fields, "projects", cJSON_Duplicate(deleted, true));
  struct si_event event = {
      .action = "context.reset", .target = scope->context.name, .fields = fields};
  /* A log goes into its runpack first: while one is not stored, they stay. */
  si_rc status = SI_OK;
  if (si_life_evidence_all(&scope->life, &stored, &none) == SI_OK) {
    status = si_context_clear(&scope->context, &inv->error);
  } else {
    si_out_warn(inv->out, "logs stay until their evidence is stored: %s", none.message);
  }
  if (status == SI_OK) {
    status = si_events_append(&scope->context, scope->state, &event, &inv->error);
  }
  return status;
}

static si_rc reset(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct doomed doomed SI_AUTO(free_doomed) = {.slugs = NULL};
  const char *name = si_arg(inv, 0);
  char question[160];
  si_copy(inv->context, sizeof inv->context, name);
  si_changes(inv, name);
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  status = status == SI_OK ? refuse_serious(inv, &scope.context) : status;
  si_scope_close(&scope);
  snprintf(question, sizeof question, "Delete every project of context %.63s with its data?", name);
  status = status == SI_OK ? si_confirm_name(inv, question, name) : status;
  status = status == SI_OK ? si_scope_begin(&scope, inv, "reset") : status;
  if (status == SI_OK) {
    status = si_state_projects(scope.state, scope.life.owner_id, false, &doomed, add_doomed,
                               &inv->error);
  }
  if (status != SI_OK) {
    return status;
  }
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "name", name);
  cJSON *deleted = cJSON_AddArrayToObject(json, "deleted");
  status = destroy_all(inv, &scope, &doomed, deleted);
  si_progress_end(&scope.progress);
  if (status == SI_OK) {
    status = end_reset(inv, &scope, deleted);
  }
  si_rc shown = si_out_result(inv->out, json);
  if (status == SI_OK) {
    si_out_note(inv->out, "context %s is empty", name);
  }
  return status == SI_OK ? shown : status;
}

const struct si_command si_cmd_context_reset = {
    .path = "paas context reset",
    .summary = "Delete every project of a demo context",
    .text =
        "Each project is removed with its volumes, and proven gone; cache and logs are cleared. "
        "The "
        "events and the evidence stay: their chains would break. Needs --yes together with "
        "--confirm "
        "NAME. Contexts of another type are refused.",
    .params = {{"NAME", 0, "A context of type demo"}},
    .run = reset,
};
