/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas webhook map ...`: which pushes may deploy which app. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/grid.h"
#include "cli/scope.h"
#include "cli/stack.h"
#include "kit/base/text.h"
#include "paas/events/events.h"
#include "paas/webhook/map.h"

static si_rc no_memory(struct si_invocation *inv) {
  return si_error_set(&inv->error, SI_E_NOMEM, "CLI_MEMORY", "out of memory");
}

/* --- add --- */

/* The values of a repeated option as a JSON list; owned by the caller. */
static si_rc list_of(struct si_invocation *inv, const char *option, char **out) {
  cJSON *list SI_AUTO(si_json_free) = cJSON_CreateArray();
  const char *value;
  size_t at = 0;
  bool well = list != NULL;
  while ((value = si_opt_each(inv, option, &at))) {
    cJSON *text = cJSON_CreateString(value);
    if (!text || !cJSON_AddItemToArray(list, text)) {
      cJSON_Delete(text);
      well = false;
    }
  }
  *out = well ? cJSON_PrintUnformatted(list) : NULL;
  return *out ? SI_OK : no_memory(inv);
}

/* What is asked for can be deployed, as things are. */
static si_rc check_stack(struct si_invocation *inv, const struct si_context *context,
                         const char *app, const char *file) {
  struct si_stack stack SI_AUTO(si_stack_free) = {.json = NULL};
  si_rc status = si_stack_of(inv, app, file, &stack);
  return status == SI_OK ? si_stack_guarded(inv, context, &stack, NULL) : status;
}

static si_rc add(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_webhook webhook SI_AUTO(si_webhook_free) = {.name = ""};
  si_copy(webhook.name, sizeof webhook.name, si_arg(inv, 0));
  si_copy(webhook.app, sizeof webhook.app, si_opt(inv, "app"));
  si_copy(webhook.source, sizeof webhook.source, si_opt(inv, "source"));
  si_copy(webhook.secret, sizeof webhook.secret, si_opt(inv, "secret"));
  si_events_actor_name(webhook.enabled_by, sizeof webhook.enabled_by);
  webhook.stack = realpath(si_opt(inv, "stack"), NULL);
  if (!webhook.stack) {
    return si_error_set(&inv->error, SI_E_NOT_FOUND, "STACK_UNREADABLE",
                        "%.512s: there is no such file", si_opt(inv, "stack"));
  }
  if (strlen(si_arg(inv, 0)) >= sizeof webhook.name ||
      strlen(si_opt(inv, "app")) >= sizeof webhook.app ||
      strlen(si_opt(inv, "secret")) >= sizeof webhook.secret) {
    return si_usage_error(inv, "a name is longer than names are");
  }
  si_rc status = list_of(inv, "branch", &webhook.branches);
  status = status == SI_OK ? list_of(inv, "target", &webhook.targets) : status;
  status = status == SI_OK ? si_scope_open(&scope, inv, SI_STATE_WRITE) : status;
  status = status == SI_OK ? check_stack(inv, &scope.context, webhook.app, webhook.stack) : status;
  status = status == SI_OK ? si_webhook_enable(&scope.context, scope.state, scope.life.owner_id,
                                               &webhook, &inv->error)
                           : status;
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out, "pushes of %s are taken by: si paas --context %s webhook ingest %s",
              webhook.source, inv->context, webhook.name);
  return si_out_result(inv->out, cJSON_CreateNull());
}

static const struct si_option add_options[] = {
    {"app", 'a', "NAME", "The app that is deployed", SI_OPT_REQUIRED, NULL},
    {"stack", 's', "FILE", "Its stack file, on this machine", SI_OPT_REQUIRED, NULL},
    {"branch", 'b', "NAME", "A branch, or release/* for all below", SI_OPT_REQUIRED | SI_OPT_REPEAT,
     NULL},
    {"source", 0, "KIND", "Who sends: github, gitea, gitlab, si", SI_OPT_REQUIRED, NULL},
    {"secret", 0, "KEY", "The shared secret, by its key in the context's vault", SI_OPT_REQUIRED,
     NULL},
    {"target", 't', "NAME", "Where to; without it wherever the app lives", SI_OPT_REPEAT, NULL},
    {0},
};

const struct si_command si_cmd_webhook_map_add = {
    .path = "paas webhook map add",
    .summary = "Let pushes to a branch deploy an app",
    .text =
        "Enabled once everything holds: the stack can be read and the guard lets it pass, the "
        "vault has the secret, the targets are there, the context's webhook policy is in order. A "
        "push says which branch and which commit; what is deployed, and where, is said here alone.",
    .params = {{"NAME", 0, "What it is called"}},
    .options = add_options,
    .flags = SI_CMD_MUTATING,
    .run = add,
};

/* --- list --- */

struct rows {
  struct si_grid table;
  cJSON *json;
};

static si_rc list_row(void *ctx, const struct si_webhook *webhook) {
  struct rows *rows = ctx;
  cJSON *json = cJSON_CreateObject();
  si_grid_row(&rows->table, webhook->name, webhook->app, webhook->source, webhook->branches,
              webhook->stack, webhook->enabled_at, webhook->enabled_by);
  cJSON_AddStringToObject(json, "name", webhook->name);
  cJSON_AddStringToObject(json, "app", webhook->app);
  cJSON_AddStringToObject(json, "source", webhook->source);
  si_add_document(json, "branches", webhook->branches);
  si_add_document(json, "targets", webhook->targets);
  cJSON_AddStringToObject(json, "stack", webhook->stack);
  cJSON_AddStringToObject(json, "secret", webhook->secret);
  cJSON_AddStringToObject(json, "enabled_at", webhook->enabled_at);
  cJSON_AddStringToObject(json, "enabled_by", webhook->enabled_by);
  return cJSON_AddItemToArray(rows->json, json) ? SI_OK : SI_E_NOMEM;
}

static si_rc list(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct rows rows = {.table = SI_GRID("NAME", "APP", "SOURCE", "BRANCHES", "STACK", "SINCE", "BY"),
                      .json = cJSON_CreateArray()};
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  status = status == SI_OK
               ? si_state_webhooks(scope.state, scope.life.owner_id, &rows, list_row, &inv->error)
               : status;
  if (status == SI_OK) {
    si_grid_print(inv->out, &rows.table);
  }
  si_grid_free(&rows.table);
  if (status != SI_OK) {
    cJSON_Delete(rows.json);
    return status;
  }
  return si_out_list(inv->out, rows.json);
}

const struct si_command si_cmd_webhook_map_list = {
    .path = "paas webhook map list",
    .summary = "List which pushes may deploy what",
    .flags = SI_CMD_CONTEXT,
    .run = list,
};

/* --- remove --- */

static si_rc remove_map(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  si_rc status = si_scope_open(&scope, inv, SI_STATE_WRITE);
  status = status == SI_OK ? si_webhook_remove(&scope.context, scope.state, scope.life.owner_id,
                                               si_arg(inv, 0), &inv->error)
                           : status;
  return status == SI_OK ? si_out_result(inv->out, cJSON_CreateNull()) : status;
}

const struct si_command si_cmd_webhook_map_remove = {
    .path = "paas webhook map remove",
    .summary = "Let a webhook's pushes deploy nothing any more",
    .text = "The app stays as it is. The secret stays in the vault: si vault unset.",
    .params = {{"NAME", 0, "The webhook"}},
    .flags = SI_CMD_MUTATING,
    .run = remove_map,
};
