/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas context ...`: isolated environments. */
#include <string.h>

#include "cli/command.h"
#include "cli/grid.h"
#include "paas/context/context.h"
#include "paas/state/state.h"

static cJSON *context_json(const struct si_context *context) {
  cJSON *json = cJSON_Duplicate(context->config, true);
  cJSON_DeleteItemFromObjectCaseSensitive(json, "schema");
  cJSON_DeleteItemFromObjectCaseSensitive(json, "state_root");
  if (!cJSON_AddStringToObject(json, "state_root", context->dir)) {
    cJSON_Delete(json);
    return NULL;
  }
  return json;
}

static void print_context(struct si_invocation *inv, const struct si_context *context) {
  const char *vault = si_json_str(context->config, "vault_file");
  si_out_field(inv->out, "name", "%s", context->name);
  si_out_field(inv->out, "type", "%s", context->type);
  si_out_field(inv->out, "id", "%s", context->id);
  si_out_field(inv->out, "state root", "%s", context->dir);
  si_out_field(inv->out, "vault file", "%s", vault ? vault : "-");
  si_out_field(inv->out, "created", "%s", context->created_at);
}

/* The name, as argument or as --name. */
static si_rc given_name(struct si_invocation *inv, const char **name) {
  const char *argument = si_arg(inv, 0);
  const char *option = si_opt(inv, "name");
  if (!argument == !option) {
    return si_usage_error(inv, "give the context's name once: as argument or with --name");
  }
  *name = argument ? argument : option;
  return SI_OK;
}

static si_rc make(struct si_invocation *inv, bool exist_ok) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  struct si_state *state = NULL;
  bool created = false;
  struct si_context_options options = {
      .type = si_opt(inv, "type"),
      .state_root = si_opt(inv, "state-root"),
      .vault_file = si_opt(inv, "vault-file"),
      .exist_ok = exist_ok,
  };
  si_rc status = given_name(inv, &options.name);
  if (status == SI_OK) {
    status = si_context_create(&options, &context, &created, &inv->error);
  }
  /* The store is made now, not at the first project: what is wrong with the disk shows here. */
  if (status == SI_OK) {
    status = si_state_open(context.dir, context.id, SI_STATE_WRITE, &state, &inv->error);
    si_state_close(state);
  }
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out, "context %s %s", context.name, created ? "created" : "exists already");
  print_context(inv, &context);
  cJSON *json = context_json(&context);
  cJSON_AddBoolToObject(json, "created", created);
  return si_out_result(inv->out, json);
}

static si_rc create(struct si_invocation *inv) {
  return make(inv, false);
}

static si_rc init(struct si_invocation *inv) {
  return make(inv, true);
}

struct listing {
  struct si_grid table;
  cJSON *json;
  const char *current;
};

static si_rc list_one(void *ctx, const char *name, const struct si_context *context,
                      const struct si_error *error) {
  struct listing *listing = ctx;
  bool current = strcmp(name, listing->current) == 0;
  cJSON *json = context ? context_json(context) : cJSON_CreateObject();
  if (!context && si_json_add_text(json, "name", name) == SI_OK) {
    cJSON_AddStringToObject(json, "error", error->message);
  }
  cJSON_AddBoolToObject(json, "current", current);
  si_grid_row(&listing->table, name, context ? context->type : "unreadable", current ? "yes" : "",
              context ? context->dir : error->message);
  return cJSON_AddItemToArray(listing->json, json) ? SI_OK : SI_E_NOMEM;
}

static si_rc list(struct si_invocation *inv) {
  struct listing listing = {.table = SI_GRID("NAME", "TYPE", "CURRENT", "STATE ROOT"),
                            .json = cJSON_CreateArray()};
  struct si_error none;
  char current[64] = "";
  if (si_context_resolve(NULL, current, sizeof current, &none) != SI_OK) {
    current[0] = '\0';
  }
  listing.current = current;
  si_rc status = si_context_list(&listing, list_one, &inv->error);
  si_grid_print(inv->out, &listing.table);
  si_grid_free(&listing.table);
  if (status != SI_OK) {
    cJSON_Delete(listing.json);
    return status;
  }
  if (cJSON_GetArraySize(listing.json) == 0) {
    si_out_note(inv->out, "no contexts yet: si paas context create NAME");
  }
  return si_out_list(inv->out, listing.json);
}

static si_rc use(struct si_invocation *inv) {
  const char *name = si_arg(inv, 0);
  si_rc status = si_context_use(name, &inv->error);
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out,
              "commands that only read now mean context %s; those that change something "
              "still need --context",
              name);
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "name", name);
  return si_out_result(inv->out, json);
}

static si_rc show(struct si_invocation *inv) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  char name[64];
  const char *flag = si_arg(inv, 0) ? si_arg(inv, 0) : inv->context_flag;
  si_rc status = si_context_resolve(flag, name, sizeof name, &inv->error);
  if (status == SI_OK) {
    status = si_context_open(name, &context, &inv->error);
  }
  if (status != SI_OK) {
    return status;
  }
  print_context(inv, &context);
  return si_out_result(inv->out, context_json(&context));
}

static const struct si_option make_options[] = {
    {"name", 0, "NAME", "The name, where it is not given as argument", 0, NULL},
    {"type", 0, "TYPE", "internal, demo or customer; by default told from the name", 0, NULL},
    {"state-root", 0, "DIR", "Keep the context's state in DIR, outside any git work tree", 0, NULL},
    {"vault-file", 0, "FILE", "The context's own vault file", 0, NULL},
    {0},
};

const struct si_command si_cmd_context_create = {
    .path = "paas context create",
    .summary = "Make a new context; an existing one is an error",
    .params = {{"NAME", SI_PARAM_OPTIONAL, "a-z, 0-9 and '-', at most 63"}},
    .options = make_options,
    .run = create,
};

const struct si_command si_cmd_context_init = {
    .path = "paas context init",
    .summary = "Make a context unless it exists",
    .params = {{"NAME", SI_PARAM_OPTIONAL, "a-z, 0-9 and '-', at most 63"}},
    .options = make_options,
    .run = init,
};

const struct si_command si_cmd_context_list = {
    .path = "paas context list",
    .summary = "List the contexts",
    .run = list,
};

const struct si_command si_cmd_context_use = {
    .path = "paas context use",
    .summary = "Choose the context that reading commands mean by default",
    .params = {{"NAME", 0, "An existing context"}},
    .run = use,
};

const struct si_command si_cmd_context_show = {
    .path = "paas context show",
    .summary = "Show a context's settings",
    .params = {{"NAME", SI_PARAM_OPTIONAL, "By default the one that is chosen"}},
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = show,
};
