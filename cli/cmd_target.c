/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas target ...`: where projects run. */
#include <stdio.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/provider.h"
#include "kit/base/text.h"
#include "paas/lifecycle/check.h"
#include "paas/target/target.h"

/* --- add --- */

/* --label k=v ... as {"k":"v"}. */
static si_rc take_labels(struct si_invocation *inv, struct si_buf *out) {
  cJSON *labels SI_AUTO(si_json_free) = cJSON_CreateObject();
  const char *given;
  size_t at = 0;
  while ((given = si_opt_each(inv, "label", &at))) {
    char key[64];
    const char *equals = strchr(given, '=');
    size_t len = equals ? (size_t)(equals - given) : 0;
    if (len == 0 || len >= sizeof key || strlen(equals + 1) > 255) {
      return si_usage_error(inv, "--label is KEY=VALUE: a name of at most 63, 255 behind it");
    }
    memcpy(key, given, len);
    key[len] = '\0';
    if (!si_name_valid(key) || si_json_get(labels, key)) {
      return si_usage_error(inv, "\"%.63s\" is no name of a label, or stands twice", key);
    }
    if (!cJSON_AddStringToObject(labels, key, equals + 1)) {
      return si_error_set(&inv->error, SI_E_NOMEM, "CLI_MEMORY", "out of memory");
    }
  }
  return si_json_canonical(labels, out);
}

static cJSON *row_json(const struct si_target_row *row, bool chosen) {
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "name", row->name);
  cJSON_AddStringToObject(json, "kind", row->kind);
  si_add_document(json, "config", row->config);
  si_add_document(json, "labels", row->labels);
  cJSON_AddStringToObject(json, "projects", row->projects);
  cJSON_AddBoolToObject(json, "default", chosen);
  if (row->checked_at[0]) {
    cJSON_AddStringToObject(json, "checked_at", row->checked_at);
  } else {
    cJSON_AddNullToObject(json, "checked_at");
  }
  return json;
}

static si_rc show_row(struct si_invocation *inv, struct si_scope *scope, const char *name) {
  struct si_target_row row SI_AUTO(si_target_row_free) = {.name = ""};
  char chosen[64];
  si_rc status = si_state_target(scope->state, name, &row, &inv->error);
  status = status == SI_OK ? si_target_default(scope->state, chosen, &inv->error) : status;
  return status == SI_OK ? si_out_result(inv->out, row_json(&row, strcmp(row.name, chosen) == 0))
                         : status;
}

static si_rc add(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_buf labels SI_AUTO(si_buf_free) = SI_BUF(SI_ARG_MAX);
  const struct si_target_new *made = NULL;
  si_rc status = take_labels(inv, &labels);
  status = status == SI_OK ? si_scope_open(&scope, inv, SI_STATE_WRITE) : status;
  const struct si_target_new wanted = {.name = si_arg(inv, 0),
                                       .ssh = si_opt(inv, "ssh"),
                                       .identity = si_opt(inv, "identity"),
                                       .host_key = si_opt(inv, "host-key"),
                                       .socket = si_opt(inv, "socket"),
                                       .labels = labels.data};
  made = &wanted;
  status = status == SI_OK ? si_target_add(&scope.context, scope.state, made, &inv->error) : status;
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out, "then: si paas --context %s target check %s", inv->context, made->name);
  return show_row(inv, &scope, made->name);
}

static const struct si_option add_options[] = {
    {"ssh", 0, "USER@HOST[:PORT]", "Another machine's engine, forwarded by OpenSSH", 0, NULL},
    {"identity", 0, "FILE", "With --ssh: the private key, which only you may read", 0, NULL},
    {"host-key", 0, "KEY", "With --ssh: \"ssh-ed25519 AAAA...\", which the host must show", 0,
     NULL},
    {"socket", 0, "PATH", "The engine's socket there; over ssh /var/run/docker.sock without it", 0,
     NULL},
    {"label", 0, "K=V", "A label, for people and scripts", SI_OPT_REPEAT, NULL},
    {0},
};

const struct si_command si_cmd_target_add = {
    .path = "paas target add",
    .summary = "Add an engine that projects can be deployed to",
    .text =
        "Over ssh nothing is needed there but an account that may use the engine's socket: no "
        "agent, no shell. The host's key is pinned here and now, and no other is ever accepted.",
    .params = {{"NAME", 0, "a-z, 0-9 and '-', at most 63"}},
    .options = add_options,
    .flags = SI_CMD_MUTATING,
    .run = add,
};

/* --- list --- */

struct listing {
  const char *chosen;
  struct si_grid table;
  cJSON *json;
};

static si_rc list_row(void *ctx, const struct si_target_row *row) {
  struct listing *listing = ctx;
  cJSON *config SI_AUTO(si_json_free) = NULL;
  bool chosen = strcmp(row->name, listing->chosen) == 0;
  const char *where = NULL;
  if (si_json_parse(row->config, strlen(row->config), &config, NULL) == SI_OK) {
    where = si_json_str(config, "ssh");
    where = where ? where : si_json_str(config, "socket");
  }
  si_grid_row(&listing->table, row->name, row->kind, chosen ? "yes" : "", row->projects,
              row->checked_at, where);
  return cJSON_AddItemToArray(listing->json, row_json(row, chosen)) ? SI_OK : SI_E_NOMEM;
}

static si_rc list(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  char chosen[64];
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  status = status == SI_OK ? si_target_default(scope.state, chosen, &inv->error) : status;
  if (status != SI_OK) {
    return status;
  }
  struct listing listing = {
      .chosen = chosen,
      .table = SI_GRID("NAME", "KIND", "DEFAULT", "PROJECTS", "CHECKED", "WHERE"),
      .json = cJSON_CreateArray()};
  si_grid_row(&listing.table, SI_TARGET_LOCAL, "local",
              strcmp(chosen, SI_TARGET_LOCAL) == 0 ? "yes" : "", "", "",
              "where the provisioner's own configuration says");
  status = si_state_targets(scope.state, &listing, list_row, &inv->error);
  if (status == SI_OK) {
    si_grid_print(inv->out, &listing.table);
  }
  si_grid_free(&listing.table);
  if (status != SI_OK) {
    cJSON_Delete(listing.json);
    return status;
  }
  return si_out_list(inv->out, listing.json);
}

const struct si_command si_cmd_target_list = {
    .path = "paas target list",
    .summary = "List the engines that projects can be deployed to",
    .text = "`local`, which is always there, is no row of its own in --json.",
    .flags = SI_CMD_CONTEXT,
    .run = list,
};

/* --- show --- */

static si_rc show(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_target_row row SI_AUTO(si_target_row_free) = {.name = ""};
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  status =
      status == SI_OK ? si_state_target(scope.state, si_arg(inv, 0), &row, &inv->error) : status;
  if (status != SI_OK) {
    return status;
  }
  si_out_field(inv->out, "target", "%s (%s)", row.name, row.kind);
  si_out_field(inv->out, "where", "%s", row.config);
  si_out_field(inv->out, "labels", "%s", row.labels);
  si_out_field(inv->out, "projects", "%s", row.projects);
  si_out_field(inv->out, "added", "%s", row.made_at);
  si_out_field(inv->out, "found well", "%s", row.checked_at[0] ? row.checked_at : "never");
  return show_row(inv, &scope, row.name);
}

const struct si_command si_cmd_target_show = {
    .path = "paas target show",
    .summary = "Show what is known of a target",
    .text = "Nobody is reached: `target check` does that.",
    .params = {{"NAME", 0, "The target"}},
    .flags = SI_CMD_CONTEXT,
    .run = show,
};

/* --- check --- */

/* Evidence, tokens and certificates rest on clocks that agree. */
static void tell_answer(struct si_invocation *inv, const char *name, const cJSON *answer) {
  enum { SKEW_MS = 5000 };
  int64_t skew = si_json_int(answer, "clock_skew_ms", -(INT64_C(1) << 52), INT64_C(1) << 52, 0);
  const cJSON *member;
  si_out_field(inv->out, "target", "%s", name);
  cJSON_ArrayForEach(member, answer) {
    if (cJSON_IsString(member)) {
      si_out_field(inv->out, member->string, "%s", member->valuestring);
    } else if (cJSON_IsNumber(member)) {
      si_out_field(inv->out, member->string, "%.0f", member->valuedouble);
    }
  }
  if (skew > SKEW_MS || skew < -SKEW_MS) {
    si_out_warn(inv->out, "the clock of target %s is %lld s %s this one's: set both by NTP", name,
                (long long)(skew < 0 ? -skew : skew) / 1000, skew < 0 ? "behind" : "ahead of");
  }
}

static si_rc check(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_buf config SI_AUTO(si_buf_free) = SI_BUF(SI_ARG_MAX);
  const char *provisioner = NULL, *name = si_arg(inv, 0);
  cJSON *answer = NULL;
  si_rc status = si_scope_open(&scope, inv, SI_STATE_WRITE);
  status = status == SI_OK ? si_provisioner_given(inv, &scope, &provisioner, &config) : status;
  scope.life.timeout_ms = inv->timeout_ms ? inv->timeout_ms : 30000;
  status = status == SI_OK
               ? si_life_check(&scope.life, name, provisioner, config.data, &answer, &inv->error)
               : status;
  if (status == SI_OK && strcmp(name, SI_TARGET_LOCAL) != 0) {
    status = si_state_target_checked(scope.state, name, &inv->error);
  }
  if (status != SI_OK) {
    cJSON_Delete(answer);
    return status;
  }
  tell_answer(inv, name, answer);
  return si_out_result(inv->out, answer);
}

static const struct si_option check_options[] = {
    {"provisioner", 0, "ID", "Who looks; by default the context's, else local", 0, NULL},
    {"config", 0, "K=V", "A setting of the provisioner, or a JSON file of them", SI_OPT_REPEAT,
     NULL},
    {0},
};

const struct si_command si_cmd_target_check = {
    .path = "paas target check",
    .summary = "Reach a target's engine, and tell what it is",
    .params = {{"NAME", 0, "The target"}},
    .options = check_options,
    .flags = SI_CMD_CONTEXT,
    .run = check,
};

/* --- use, remove --- */

static si_rc use(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  si_rc status = si_scope_open(&scope, inv, SI_STATE_WRITE);
  status = status == SI_OK ? si_target_use(&scope.context, scope.state, si_arg(inv, 0), &inv->error)
                           : status;
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out, "new apps of %s go to target %s", inv->context, si_arg(inv, 0));
  return si_out_result(inv->out, cJSON_CreateNull());
}

const struct si_command si_cmd_target_use = {
    .path = "paas target use",
    .summary = "Choose where the context's new apps go",
    .params = {{"NAME", 0, "The target"}},
    .flags = SI_CMD_MUTATING,
    .run = use,
};

static si_rc remove_target(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  si_rc status = si_scope_open(&scope, inv, SI_STATE_WRITE);
  status = status == SI_OK
               ? si_target_remove(&scope.context, scope.state, si_arg(inv, 0), &inv->error)
               : status;
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out, "target %s is removed; nothing on it was touched", si_arg(inv, 0));
  return si_out_result(inv->out, cJSON_CreateNull());
}

const struct si_command si_cmd_target_remove = {
    .path = "paas target remove",
    .summary = "Forget a target that no project lives on",
    .params = {{"NAME", 0, "The target"}},
    .flags = SI_CMD_MUTATING,
    .run = remove_target,
};
