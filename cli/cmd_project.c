/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas project ...`: projects and their life. */
#include <stdio.h>
#include <string.h>

#include "cli/apps.h"
#include "cli/exit.h"
#include "cli/grid.h"
#include "cli/prompt.h"
#include "cli/provider.h"
#include "cli/secrets.h"
#include "cli/show.h"
#include "cli/stack.h"

/* --- what an operation came to --- */

/* What a delete could not prove gone, and let be: warned of one by one. NULL: nothing. */
static cJSON *unverified_of(struct si_invocation *inv, const struct si_outcome *outcome) {
  cJSON *result SI_AUTO(si_json_free) = NULL;
  const char *text = outcome->operation.result;
  const cJSON *target, *thing;
  if (!text || si_json_parse(text, strlen(text), &result, NULL) != SI_OK) {
    return NULL;
  }
  cJSON *list = cJSON_DetachItemFromObjectCaseSensitive(result, "unverified");
  cJSON_ArrayForEach(target, list) {
    const char *name = si_json_str(target, "target");
    const char *message = si_json_str(target, "message");
    si_out_warn(inv->out, "not proven gone on target %s: %s", name ? name : "",
                message ? message : "");
    cJSON_ArrayForEach(thing, si_json_get(target, "remaining")) {
      const char *type = si_json_str(thing, "type"), *id = si_json_str(thing, "name");
      si_out_warn(inv->out, "  %s %s", type ? type : "", id ? id : "");
    }
  }
  return list;
}

si_rc si_app_finish(struct si_invocation *inv, const struct si_scope *scope,
                    const struct si_outcome *outcome, si_rc status) {
  cJSON *unverified = outcome->ran ? unverified_of(inv, outcome) : NULL;
  if (outcome->ran && outcome->project.id[0]) {
    cJSON *data = cJSON_CreateObject();
    cJSON_AddItemToObject(data, "project", si_project_json(&outcome->project));
    cJSON_AddItemToObject(data, "operation", si_operation_json(&outcome->operation));
    if (unverified) {
      cJSON_AddItemToObject(data, "unverified", unverified);
      unverified = NULL;
    }
    si_out_result(inv->out, data);
  }
  cJSON_Delete(unverified);
  if (status != SI_OK) {
    return outcome->ran ? si_exit_failed(inv) : status;
  }
  si_out_note(inv->out, "project %s is %s", outcome->project.slug, outcome->project.status);
  if (strcmp(outcome->operation.evidence, "stored") == 0) {
    si_out_note(inv->out, "evidence: si runpack show --context %s --operation %s",
                scope->context.name, outcome->operation.id);
  }
  return SI_OK;
}

static const struct si_option provider_options[] = {
    {"stack", 's', "FILE", "The stack: a Compose file; each further one is put over it",
     SI_OPT_REQUIRED | SI_OPT_REPEAT, NULL},
    {"compose-file", 0, "FILE", NULL, 0, "stack"},
    SI_STACK_OPTIONS,
    SI_PROVIDER_OPTIONS,
    SI_SECRETS_PASSPHRASE_OPTION,
    {0},
};

/* --- create --- */

static si_rc create(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct si_scope *scope = &secrets.scope;
  struct si_stack stack SI_AUTO(si_stack_free) = {.json = NULL};
  struct si_outcome outcome SI_AUTO(si_outcome_free) = {.ran = false};
  struct si_buf config SI_AUTO(si_buf_free) = SI_BUF(SI_ARG_MAX);
  struct si_buf sink SI_AUTO(si_buf_free) = SI_BUF(SI_ARG_MAX);
  struct si_create request = {.slug = si_arg(inv, 0), .stack = &stack};
  char title[96];
  snprintf(title, sizeof title, "create %.63s", request.slug);
  si_rc status = si_stack_given(inv, request.slug, false, &stack, NULL);
  status = status == SI_OK ? si_scope_deploy(scope, inv, title) : status;
  si_secrets_for_life(&secrets);
  status = status == SI_OK ? si_stack_guarded(inv, &scope->context, &stack, NULL) : status;
  status =
      status == SI_OK ? si_provisioner_given(inv, scope, &request.provisioner, &config) : status;
  status = status == SI_OK ? si_sink_given(inv, scope, &sink) : status;
  if (status != SI_OK) {
    return status;
  }
  request.config = config.data;
  status = si_life_create(&scope->life, &request, &outcome, &inv->error);
  si_progress_end(&scope->progress);
  return si_app_finish(inv, scope, &outcome, status);
}

const struct si_command si_cmd_project_create = {
    .path = "paas project create",
    .summary = "Provision a new project from a stack file",
    .text =
        "The project is made, started, and looked at again: it is running only once every "
        "service is up, healthy where the stack has a health check.",
    .params = {{"NAME", 0, "a-z, 0-9 and '-', at most 63"}},
    .options = provider_options,
    .flags = SI_CMD_MUTATING,
    .run = create,
};

/* --- retry --- */

static si_rc retry(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct si_scope *scope = &secrets.scope;
  struct si_stack stack SI_AUTO(si_stack_free) = {.json = NULL};
  struct si_outcome outcome SI_AUTO(si_outcome_free) = {.ran = false};
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  struct si_buf config SI_AUTO(si_buf_free) = SI_BUF(SI_ARG_MAX);
  cJSON *base SI_AUTO(si_json_free) = NULL;
  size_t at = 0;
  char title[96];
  const char *slug = si_arg(inv, 0);
  bool changed = si_opt_each(inv, "config", &at) != NULL;
  snprintf(title, sizeof title, "retry %.63s", slug);
  si_rc status = si_opt(inv, "stack") ? si_stack_given(inv, slug, false, &stack, NULL) : SI_OK;
  status = status == SI_OK ? si_scope_deploy(scope, inv, title) : status;
  si_secrets_for_life(&secrets);
  if (status == SI_OK && stack.json) {
    status = si_stack_guarded(inv, &scope->context, &stack, NULL);
  }
  if (status == SI_OK && changed) {
    status =
        si_state_project(scope->state, scope->life.owner_id, slug, false, &project, &inv->error);
    status = status == SI_OK && project.config
                 ? si_json_parse(project.config, strlen(project.config), &base, &inv->error)
                 : status;
    status = status == SI_OK ? si_config_flags(inv, "config", base, &config) : status;
  }
  if (status != SI_OK) {
    return status;
  }
  status = si_life_retry(&scope->life, slug, stack.json ? &stack : NULL, config.data, &outcome,
                         &inv->error);
  si_progress_end(&scope->progress);
  return si_app_finish(inv, scope, &outcome, status);
}

static const struct si_option retry_options[] = {
    {"stack", 's', "FILE", "Another stack than the project has; may be several files",
     SI_OPT_REPEAT, NULL},
    {"compose-file", 0, "FILE", NULL, 0, "stack"},
    SI_STACK_OPTIONS,
    {"config", 0, "K=V", "Change a setting of the provisioner", SI_OPT_REPEAT, NULL},
    SI_SECRETS_PASSPHRASE_OPTION,
    {0},
};

const struct si_command si_cmd_project_retry = {
    .path = "paas project retry",
    .summary = "Provision a failed project again; its volumes keep their data",
    .params = {{"NAME", 0, "The project"}},
    .options = retry_options,
    .flags = SI_CMD_MUTATING,
    .run = retry,
};

/* --- delete --- */

si_rc si_app_delete(struct si_invocation *inv, const char *slug) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_outcome outcome SI_AUTO(si_outcome_free) = {.ran = false};
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  char line[160];
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  if (status != SI_OK) {
    return status;
  }
  status = si_state_project(scope.state, scope.life.owner_id, slug, false, &project, &inv->error);
  si_scope_close(&scope);
  snprintf(line, sizeof line, "Delete project %.63s with all its volumes and their data?", slug);
  status = status == SI_OK ? si_confirm_name(inv, line, project.slug) : status;
  snprintf(line, sizeof line, "delete %.63s", slug);
  status = status == SI_OK ? si_scope_begin(&scope, inv, line) : status;
  if (status != SI_OK) {
    return status;
  }
  status = si_life_delete(&scope.life, slug, si_opt_flag(inv, "accept-unverified"), &outcome,
                          &inv->error);
  si_progress_end(&scope.progress);
  return si_app_finish(inv, &scope, &outcome, status);
}

static si_rc delete_project(struct si_invocation *inv) {
  return si_app_delete(inv, si_arg(inv, 0));
}

static const struct si_option delete_options[] = {
    SI_ACCEPT_UNVERIFIED_OPTION,
    {0},
};

const struct si_command si_cmd_project_delete = {
    .path = "paas project delete",
    .summary = "Remove a project with its volumes, and prove it gone",
    .text =
        "Needs --yes together with --confirm NAME, or the name typed at the question. What "
        "could not be proven gone leaves the project in `deleting`; delete it again then. Where "
        "that "
        "can never be proven (a target is lost for good), --accept-unverified deletes the project "
        "all the same: what is unproven is told, and stays in the audit chain and the evidence.",
    .params = {{"NAME", 0, "The project"}},
    .options = delete_options,
    .flags = SI_CMD_MUTATING,
    .run = delete_project,
};

/* --- list --- */

struct listing {
  struct si_invocation *inv;
  struct si_grid table;
  cJSON *json;
};

static si_rc list_one(void *ctx, const struct si_project *project) {
  struct listing *listing = ctx;
  if (!listing->inv->out->json) {
    si_grid_row(&listing->table, project->slug, project->status, project->provisioner,
                project->updated_at, project->id);
    return SI_OK;
  }
  return cJSON_AddItemToArray(listing->json, si_project_json(project)) ? SI_OK : SI_E_NOMEM;
}

static si_rc list(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct listing listing = {.inv = inv,
                            .table = SI_GRID("NAME", "STATUS", "PROVISIONER", "UPDATED", "ID"),
                            .json = cJSON_CreateArray()};
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  if (status == SI_OK) {
    status = si_state_projects(scope.state, scope.life.owner_id, si_opt_flag(inv, "all"), &listing,
                               list_one, &inv->error);
  }
  if (status == SI_OK && !inv->out->json && listing.table.rows == 0) {
    si_out_note(inv->out, "no projects yet: si paas --context %s project create NAME --stack FILE",
                inv->context);
  }
  si_grid_print(inv->out, &listing.table);
  si_grid_free(&listing.table);
  if (status != SI_OK) {
    cJSON_Delete(listing.json);
    return status;
  }
  return si_out_list(inv->out, listing.json);
}

static const struct si_option list_options[] = {
    {"all", 'a', NULL, "Deleted projects too", 0, NULL},
    {0},
};

const struct si_command si_cmd_project_list = {
    .path = "paas project list",
    .summary = "List the projects of a context",
    .options = list_options,
    .flags = SI_CMD_CONTEXT,
    .run = list,
};

/* --- show --- */

static si_rc show(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  struct si_buf inspection SI_AUTO(si_buf_free) = SI_BUF(SI_FRAME_MAX);
  struct si_error unseen = {.status = SI_OK};
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  if (status == SI_OK) {
    status = si_state_project(scope.state, scope.life.owner_id, si_arg(inv, 0),
                              si_opt_flag(inv, "deleted"), &project, &inv->error);
  }
  if (status != SI_OK) {
    return status;
  }
  /* What the engine shows is an addition: without it the stored truth is still shown. */
  scope.life.timeout_ms = inv->timeout_ms ? inv->timeout_ms : 15000;
  bool live = strcmp(project.status, "deleted") != 0 && !si_opt_flag(inv, "stored");
  if (live && si_life_inspect(&scope.life, &project, NULL, &inspection, &unseen) != SI_OK) {
    si_buf_clear(&inspection);
  }
  return si_show_project(inv, scope.state, &project, inspection.len ? inspection.data : NULL,
                         &unseen);
}

static const struct si_option show_options[] = {
    {"stored", 0, NULL, "Only what the state store knows: do not ask the engine", 0, NULL},
    {"deleted", 0, NULL, "The last deleted project of that name, where none lives", 0, NULL},
    {0},
};

const struct si_command si_cmd_project_show = {
    .path = "paas project show",
    .summary = "Show a project: its status, its services now, its last operations",
    .params = {{"NAME", 0, "The project"}},
    .options = show_options,
    .flags = SI_CMD_CONTEXT,
    .run = show,
};
