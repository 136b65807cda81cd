/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas context ...`: isolated environments. */
#include <string.h>

#include "cli/context.h"
#include "cli/grid.h"
#include "paas/events/events.h"
#include "paas/redact/redact.h"

cJSON *si_context_json(const struct si_context *context) {
  cJSON *json = cJSON_Duplicate(context->config, true);
  cJSON_DeleteItemFromObjectCaseSensitive(json, "schema");
  if (!json || si_redact_json(json) != SI_OK) {
    cJSON_Delete(json);
    return NULL;
  }
  return json;
}

/* A field of several words: names of a list, or a document. */
static void print_json(struct si_invocation *inv, const char *title, const cJSON *value) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_ARG_MAX);
  const cJSON *entry = NULL;
  if (cJSON_IsArray(value)) {
    cJSON_ArrayForEach(entry, value) {
      const char *word = cJSON_IsString(entry) ? entry->valuestring : "?";
      (void)!si_buf_printf(&text, "%s%s", text.len ? "\n" : "", word);
    }
  } else if (value && si_json_canonical(value, &text) != SI_OK) {
    si_buf_clear(&text);
  }
  si_out_field(inv->out, title, "%s", text.len ? text.data : "-");
}

static void print_provider(struct si_invocation *inv, const char *title, const cJSON *value) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_ARG_MAX);
  const cJSON *config = si_json_get(value, "config");
  const char *provider = si_json_str(value, "provider");
  bool plain = !config || !config->child || si_json_canonical(config, &text) != SI_OK;
  si_out_field(inv->out, title, "%s%s%s", provider ? provider : "-", plain ? "" : " ",
               plain ? "" : text.data);
}

void si_context_print(struct si_invocation *inv, const struct si_context *context) {
  cJSON *json SI_AUTO(si_json_free) = si_context_json(context);
  const char *vault = si_json_str(json, "vault_file");
  const cJSON *webhooks = si_json_get(json, "webhook_policy");
  const char *mode = si_json_str(webhooks, "mode");
  si_out_field(inv->out, "name", "%s", context->name);
  si_out_field(inv->out, "type", "%s", context->type);
  si_out_field(inv->out, "id", "%s", context->id);
  si_out_field(inv->out, "created", "%s", context->created_at);
  si_out_field(inv->out, "state root", "%s", context->dir);
  si_out_field(inv->out, "vault file", "%s", vault ? vault : "-");
  print_json(inv, "targets", si_json_get(json, "default_targets"));
  if (si_json_get(webhooks, "allow")) {
    print_json(inv, "webhooks", si_json_get(webhooks, "allow"));
  } else {
    si_out_field(inv->out, "webhooks", "%s", mode ? mode : "-");
  }
  print_provider(inv, "audit sink", si_json_get(json, "audit_sink"));
  print_provider(inv, "provisioner", si_json_get(json, "provisioner"));
  if (si_json_get(json, "retention")) {
    print_json(inv, "retention", si_json_get(json, "retention"));
  }
  print_json(inv, "repositories", si_json_get(json, "repositories"));
}

void si_context_warn(struct si_invocation *inv, const struct si_context *context) {
  if (si_context_unsafe(context)) {
    si_out_warn(inv->out,
                "context %s keeps its state in a git repository (--unsafe-allow-repo-state): it "
                "could be committed",
                context->name);
  }
}

static void close_state(struct si_state **state) {
  si_state_close(*state);
  *state = NULL;
}

si_rc si_context_audit(struct si_invocation *inv, const struct si_context *context,
                       const char *action, cJSON *fields) {
  cJSON *own SI_AUTO(si_json_free) = fields;
  struct si_state *state SI_AUTO(close_state) = NULL;
  struct si_event event = {.action = action, .target = context->name, .fields = own};
  si_rc status = si_state_open(context->dir, context->id, SI_STATE_WRITE, &state, &inv->error);
  return status == SI_OK ? si_events_append(context, state, &event, &inv->error) : status;
}

si_rc si_context_given_name(struct si_invocation *inv, const char **name) {
  const char *argument = si_arg(inv, 0);
  const char *option = si_opt(inv, "name");
  if (!argument == !option) {
    return si_usage_error(inv, "give the context's name once: as argument or with --name");
  }
  *name = argument ? argument : option;
  return SI_OK;
}

static cJSON *create_fields(const struct si_context *context) {
  cJSON *fields = cJSON_CreateObject();
  cJSON_AddStringToObject(fields, "type", context->type);
  cJSON_AddStringToObject(fields, "id", context->id);
  if (si_context_unsafe(context)) {
    cJSON_AddTrueToObject(fields, "unsafe_repo_state");
  }
  return fields;
}

static si_rc make(struct si_invocation *inv, bool exist_ok) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  bool created = false;
  struct si_context_options options = {
      .type = si_opt(inv, "type"),
      .state_root = si_opt(inv, "state-root"),
      .vault_file = si_opt(inv, "vault-file"),
      .exist_ok = exist_ok,
      .unsafe_repo_state = si_opt_flag(inv, "unsafe-allow-repo-state"),
  };
  si_rc status = si_context_given_name(inv, &options.name);
  if (status == SI_OK) {
    si_changes(inv, options.name); /* one that exists hears of who tried to make it anew */
    status = si_context_create(&options, &context, &created, &inv->error);
  }
  if (status == SI_OK && created) {
    status = si_context_audit(inv, &context, "context.create", create_fields(&context));
  }
  if (status != SI_OK) {
    return status;
  }
  si_context_warn(inv, &context);
  si_out_note(inv->out, "context %s %s", context.name, created ? "created" : "exists already");
  si_context_print(inv, &context);
  cJSON *json = si_context_json(&context);
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
  struct si_invocation *inv;
};

static si_rc list_one(void *ctx, const char *name, const struct si_context *context,
                      const struct si_error *error) {
  struct listing *listing = ctx;
  bool current = strcmp(name, listing->current) == 0;
  cJSON *json = context ? si_context_json(context) : cJSON_CreateObject();
  if (!context && si_json_add_text(json, "name", name) == SI_OK) {
    cJSON_AddStringToObject(json, "error", error->message);
    cJSON_AddStringToObject(json, "code", error->code);
  }
  if (context) {
    si_context_warn(listing->inv, context);
  }
  cJSON_AddBoolToObject(json, "current", current);
  si_grid_row(&listing->table, name, context ? context->type : "unreadable", current ? "yes" : "",
              context ? context->dir : error->message);
  return cJSON_AddItemToArray(listing->json, json) ? SI_OK : SI_E_NOMEM;
}

static si_rc list(struct si_invocation *inv) {
  struct listing listing = {.table = SI_GRID("NAME", "TYPE", "CURRENT", "STATE ROOT"),
                            .json = cJSON_CreateArray(),
                            .inv = inv};
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
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  const char *name = si_arg(inv, 0);
  si_changes(inv, name);
  si_rc status = si_context_use(name, &inv->error);
  if (status == SI_OK) {
    status = si_context_open(name, &context, &inv->error);
  }
  if (status == SI_OK) {
    status = si_context_audit(inv, &context, "context.use", NULL);
  }
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
  si_context_warn(inv, &context);
  si_context_print(inv, &context);
  return si_out_result(inv->out, si_context_json(&context));
}

static const struct si_option make_options[] = {
    {"name", 0, "NAME", "The name, where it is not given as argument", 0, NULL},
    {"type", 0, "TYPE", "internal, demo or customer; by default told from the name", 0, NULL},
    {"state-root", 0, "DIR", "Keep the context's state in DIR, outside any git work tree", 0, NULL},
    {"vault-file", 0, "FILE", "The context's own vault file", 0, NULL},
    {"unsafe-allow-repo-state", 0, NULL,
     "Allow state in a git repository: audited, and every command on it warns", 0, NULL},
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
