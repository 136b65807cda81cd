/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas addon ...`: services that come ready, beside an app's own. */
#include <string.h>

#include "cli/grid.h"
#include "cli/scope.h"
#include "paas/addon/addon.h"
#include "paas/addon/setting.h"

static si_rc no_memory(struct si_invocation *inv) {
  return si_error_set(&inv->error, SI_E_NOMEM, "CLI_MEMORY", "out of memory");
}

/* --- contract --- */

struct packs {
  struct si_invocation *inv;
  struct si_grid table;
  cJSON *json;
};

static si_rc list_pack(void *ctx, const char *id) {
  struct packs *packs = ctx;
  struct si_pack pack SI_AUTO(si_pack_free) = {.id = ""};
  cJSON *json = cJSON_CreateObject();
  si_rc status = si_pack_open(NULL, id, &pack, &packs->inv->error);
  if (status != SI_OK) {
    cJSON_Delete(json);
    return status;
  }
  si_grid_row(&packs->table, id, pack.version, pack.summary);
  cJSON_AddStringToObject(json, "id", id);
  cJSON_AddStringToObject(json, "version", pack.version);
  cJSON_AddStringToObject(json, "sha256", pack.sha256);
  cJSON_AddStringToObject(json, "summary", pack.summary);
  return cJSON_AddItemToArray(packs->json, json) ? SI_OK : SI_E_NOMEM;
}

static si_rc list_packs(struct si_invocation *inv) {
  struct packs packs = {
      .inv = inv, .table = SI_GRID("PACK", "VERSION", "WHAT"), .json = cJSON_CreateArray()};
  si_rc status = si_pack_list(NULL, &packs, list_pack, &inv->error);
  if (status == SI_OK) {
    si_grid_print(inv->out, &packs.table);
  }
  si_grid_free(&packs.table);
  if (status != SI_OK) {
    cJSON_Delete(packs.json);
    return status;
  }
  return si_out_list(inv->out, packs.json);
}

static void print_list(struct si_invocation *inv, const cJSON *descriptor, const char *list,
                       const char *label, const char *(*more)(const cJSON *item)) {
  const cJSON *item;
  cJSON_ArrayForEach(item, si_json_get(descriptor, list)) {
    const char *what = more ? more(item) : "";
    si_out_field(inv->out, label, "%s%s: %s", si_json_str(item, "name"), what,
                 si_json_str(item, "about"));
  }
}

static const char *run_of(const cJSON *service) {
  return strcmp(si_json_str(service, "run"), "asked") == 0 ? " (with its profile alone)" : "";
}
static const char *origin_of(const cJSON *secret) {
  return si_json_bool(secret, "generated", false) ? " (generated)" : " (to be set)";
}

/* Does the setting name something that the app's stack must have? */
static bool is_need(const cJSON *setting) {
  static const char *const forms[] = {"service", "volume", "network", "secret"};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    if (strcmp(si_json_str(setting, "form"), forms[i]) == 0) {
      return true;
    }
  }
  return false;
}

static void print_contract(struct si_invocation *inv, const struct si_pack *pack) {
  const cJSON *descriptor = pack->descriptor, *item;
  si_out_field(inv->out, "pack", "%s %s", pack->id, pack->version);
  si_out_field(inv->out, "what", "%s", pack->summary);
  si_out_field(inv->out, "sha256", "%s", pack->sha256);
  print_list(inv, descriptor, "services", "service", run_of);
  print_list(inv, descriptor, "volumes", "volume", NULL);
  print_list(inv, descriptor, "networks", "network", NULL);
  print_list(inv, descriptor, "secrets", "secret", origin_of);
  si_out_field(inv->out, "ports", "none on the host");
  cJSON_ArrayForEach(item, si_json_get(descriptor, "settings")) {
    si_out_field(inv->out, is_need(item) ? "needs" : "setting", "%s=%s: %s",
                 si_json_str(item, "name"), si_json_str(item, "default"),
                 si_json_str(item, "about"));
  }
  cJSON_ArrayForEach(item, si_json_get(descriptor, "use")) {
    si_out_field(inv->out, "use", "%s", item->valuestring);
  }
}

/* The descriptor, and what follows from it: no ports, the variables that must be set, what the
 * app's stack must have. */
static si_rc contract_json(const struct si_pack *pack, cJSON **out) {
  cJSON *json = cJSON_Duplicate(pack->descriptor, true);
  bool ok = cJSON_AddStringToObject(json, "sha256", pack->sha256) != NULL;
  cJSON *required = cJSON_AddArrayToObject(json, "required_env");
  cJSON *needs = cJSON_AddArrayToObject(json, "needs");
  const cJSON *item;
  ok = ok && required && needs && cJSON_AddArrayToObject(json, "ports");
  cJSON_ArrayForEach(item, si_json_get(pack->descriptor, "secrets")) {
    ok = ok && (si_json_bool(item, "generated", false) ||
                cJSON_AddItemToArray(required, cJSON_CreateString(si_json_str(item, "name"))));
  }
  cJSON_ArrayForEach(item, si_json_get(pack->descriptor, "settings")) {
    cJSON *need = ok && is_need(item) ? cJSON_CreateObject() : NULL;
    if (need) {
      ok = cJSON_AddStringToObject(need, "kind", si_json_str(item, "form")) &&
           cJSON_AddStringToObject(need, "setting", si_json_str(item, "name")) &&
           cJSON_AddStringToObject(need, "default", si_json_str(item, "default")) &&
           cJSON_AddItemToArray(needs, need);
    }
  }
  if (!ok) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  *out = json;
  return SI_OK;
}

static si_rc contract(struct si_invocation *inv) {
  struct si_pack pack SI_AUTO(si_pack_free) = {.id = ""};
  cJSON *json = NULL;
  if (!si_arg(inv, 0)) {
    return list_packs(inv);
  }
  si_rc status = si_pack_open(NULL, si_arg(inv, 0), &pack, &inv->error);
  if (status != SI_OK) {
    return status;
  }
  print_contract(inv, &pack);
  return contract_json(&pack, &json) == SI_OK ? si_out_result(inv->out, json) : no_memory(inv);
}

const struct si_command si_cmd_addon_contract = {
    .path = "paas addon contract",
    .summary = "Tell what an add-on brings and needs; without one, which there are",
    .text =
        "Services, volumes, networks and secrets that it adds to an app's stack, which of the "
        "secrets have to be set, and what the app's own stack must have. No add-on publishes a "
        "port on the host. No context is needed.",
    .params = {{"PACK", SI_PARAM_OPTIONAL, "The add-on"}},
    .run = contract,
};

/* --- enable --- */

static si_rc take_settings(struct si_invocation *inv, const struct si_pack *pack, cJSON *settings) {
  const char *given;
  size_t at = 0;
  si_rc status = SI_OK;
  while (status == SI_OK && (given = si_opt_each(inv, "set", &at))) {
    status = si_setting_take(pack, given, settings, &inv->error);
  }
  return status;
}

static void tell_next(struct si_invocation *inv, const struct si_pack *pack, const char *app) {
  const cJSON *secret;
  cJSON_ArrayForEach(secret, si_json_get(pack->descriptor, "secrets")) {
    if (!si_json_bool(secret, "generated", false)) {
      si_out_note(inv->out, "it needs: si paas --context %s secret set --app %s %s --stdin",
                  inv->context, app, si_json_str(secret, "name"));
    }
  }
  si_out_note(inv->out,
              "nothing that runs was changed; the next deploy has it: si paas --context %s deploy "
              "--app %s --stack FILE",
              inv->context, app);
}

static si_rc enable(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_pack pack SI_AUTO(si_pack_free) = {.id = ""};
  cJSON *settings SI_AUTO(si_json_free) = cJSON_CreateObject();
  const char *app = si_opt(inv, "app");
  bool changed = false;
  si_rc status = si_pack_open(NULL, si_arg(inv, 0), &pack, &inv->error);
  status = status == SI_OK ? take_settings(inv, &pack, settings) : status;
  status = status == SI_OK ? si_scope_open(&scope, inv, SI_STATE_WRITE) : status;
  status = status == SI_OK ? si_addon_enable(&scope.context, scope.state, scope.life.owner_id, app,
                                             &pack, settings, &changed, &inv->error)
                           : status;
  if (status != SI_OK) {
    return status;
  }
  if (changed) {
    tell_next(inv, &pack, app);
  } else {
    si_out_note(inv->out, "%s is enabled for %s already, as it is", pack.id, app);
  }
  cJSON *data = cJSON_CreateObject();
  cJSON_AddStringToObject(data, "app", app);
  cJSON_AddStringToObject(data, "pack", pack.id);
  cJSON_AddStringToObject(data, "version", pack.version);
  cJSON_AddStringToObject(data, "sha256", pack.sha256);
  cJSON_AddBoolToObject(data, "changed", changed);
  if (!cJSON_AddItemToObject(data, "settings", settings)) {
    cJSON_Delete(data);
    return no_memory(inv);
  }
  settings = NULL;
  return si_out_result(inv->out, data);
}

static const struct si_option enable_options[] = {
    {"app", 'a', "NAME", "The app, which need not be there yet", SI_OPT_REQUIRED, NULL},
    {"set", 0, "NAME=VALUE", "A setting that is not as by default", SI_OPT_REPEAT, NULL},
    {0},
};

const struct si_command si_cmd_addon_enable = {
    .path = "paas addon enable",
    .summary = "Give an app an add-on, from its next deploy on",
    .text =
        "Nothing that runs is changed. The add-on is pinned by the hash of its files: should "
        "they change, a deploy is refused until it is enabled again. Enabling it again takes the "
        "settings that are given then, and no others.",
    .params = {{"PACK", 0, "The add-on"}},
    .options = enable_options,
    .flags = SI_CMD_MUTATING,
    .run = enable,
};

/* --- disable --- */

static si_rc disable(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  const char *app = si_opt(inv, "app");
  si_rc status = si_scope_open(&scope, inv, SI_STATE_WRITE);
  status = status == SI_OK ? si_addon_disable(&scope.context, scope.state, scope.life.owner_id, app,
                                              si_arg(inv, 0), &inv->error)
                           : status;
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out,
              "nothing that runs was changed; the next deploy is without it: si paas --context %s "
              "deploy --app %s --stack FILE",
              inv->context, app);
  return si_out_result(inv->out, cJSON_CreateNull());
}

static const struct si_option disable_options[] = {
    {"app", 'a', "NAME", "The app", SI_OPT_REQUIRED, NULL},
    {0},
};

const struct si_command si_cmd_addon_disable = {
    .path = "paas addon disable",
    .summary = "Take an add-on from an app, from its next deploy on",
    .text =
        "That it was there stays known: `addon list --all`. Secrets that were generated for it "
        "stay in the vault.",
    .params = {{"PACK", 0, "The add-on"}},
    .options = disable_options,
    .flags = SI_CMD_MUTATING,
    .run = disable,
};

/* --- list --- */

struct rows {
  struct si_grid table;
  cJSON *json;
};

/* Is the pack what was enabled? */
static const char *state_of(const struct si_addon_row *row) {
  struct si_pack pack SI_AUTO(si_pack_free) = {.id = ""};
  struct si_error why;
  if (row->disabled_at[0]) {
    return "disabled";
  }
  si_rc status = si_pack_open(NULL, row->pack, &pack, &why);
  return status == SI_E_NOT_FOUND                ? "missing"
         : status != SI_OK                       ? "unreadable"
         : strcmp(pack.sha256, row->sha256) == 0 ? "enabled"
                                                 : "changed";
}

static si_rc list_row(void *ctx, const struct si_addon_row *row) {
  struct rows *rows = ctx;
  cJSON *json = cJSON_CreateObject(), *settings = NULL;
  const char *state = state_of(row);
  si_grid_row(&rows->table, row->app, row->pack, row->version, state, row->enabled_at,
              row->enabled_by, row->settings);
  cJSON_AddStringToObject(json, "app", row->app);
  cJSON_AddStringToObject(json, "pack", row->pack);
  cJSON_AddStringToObject(json, "version", row->version);
  cJSON_AddStringToObject(json, "sha256", row->sha256);
  cJSON_AddStringToObject(json, "state", state);
  if (si_json_parse(row->settings, strlen(row->settings), &settings, NULL) == SI_OK) {
    cJSON_AddItemToObject(json, "settings", settings);
  }
  cJSON_AddStringToObject(json, "enabled_at", row->enabled_at);
  cJSON_AddStringToObject(json, "enabled_by", row->enabled_by);
  si_rc status = si_json_add_text(json, "disabled_at", row->disabled_at);
  status = status == SI_OK ? si_json_add_text(json, "disabled_by", row->disabled_by) : status;
  if (status != SI_OK || !cJSON_AddItemToArray(rows->json, json)) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  return SI_OK;
}

static si_rc list(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct rows rows = {
      .table = SI_GRID("APP", "PACK", "VERSION", "STATE", "ENABLED", "BY", "SETTINGS"),
      .json = cJSON_CreateArray()};
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  if (status == SI_OK) {
    status = si_state_addons(scope.state, scope.life.owner_id, si_opt(inv, "app"),
                             si_opt_flag(inv, "all"), &rows, list_row, &inv->error);
  }
  if (status == SI_OK) {
    si_grid_print(inv->out, &rows.table);
  }
  if (status == SI_OK && !inv->out->json && rows.table.rows == 0) {
    si_out_note(inv->out, "no add-ons; which there are: si paas addon contract");
  }
  si_grid_free(&rows.table);
  if (status != SI_OK) {
    cJSON_Delete(rows.json);
    return status;
  }
  return si_out_list(inv->out, rows.json);
}

static const struct si_option list_options[] = {
    {"app", 'a', "NAME", "Of that app alone", 0, NULL},
    {"all", 0, NULL, "Those that were disabled, too", 0, NULL},
    {0},
};

const struct si_command si_cmd_addon_list = {
    .path = "paas addon list",
    .summary = "List the add-ons that apps have",
    .text =
        "`changed` and `missing` say that the add-on's files are not those that were enabled: a "
        "deploy of the app is refused until it is enabled again, or disabled.",
    .options = list_options,
    .flags = SI_CMD_CONTEXT,
    .run = list,
};
