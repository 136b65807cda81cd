/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas releases` and `si paas status`: what was deployed, and what runs. */
#include "cli/releases.h"

#include <stdio.h>
#include <string.h>

#include "cli/apps.h"
#include "cli/grid.h"
#include "kit/base/text.h"

static void add_text(cJSON *to, const char *name, const char *text) {
  if (text && text[0]) {
    cJSON_AddStringToObject(to, name, text);
  } else {
    cJSON_AddNullToObject(to, name);
  }
}

cJSON *si_deployment_json(const struct si_deployment *deployment) {
  cJSON *json = cJSON_CreateObject();
  add_text(json, "target", deployment->target);
  add_text(json, "status", deployment->status);
  add_text(json, "release", deployment->release);
  add_text(json, "from_release", deployment->from_release);
  add_text(json, "started_at", deployment->started_at);
  add_text(json, "ended_at", deployment->ended_at);
  si_add_document(json, "error", deployment->error);
  return json;
}

cJSON *si_release_json(const struct si_release *release) {
  cJSON *json = cJSON_CreateObject();
  add_text(json, "release", release->number);
  add_text(json, "spec_sha256", release->spec_sha256);
  add_text(json, "made_at", release->made_at);
  add_text(json, "made_by", release->made_by);
  add_text(json, "note", release->note);
  add_text(json, "pruned_at", release->pruned_at);
  si_add_document(json, "secrets", release->secrets);
  si_add_document(json, "images", release->images);
  return json;
}

/* --- releases --- */

struct releases {
  const char *current;
  struct si_grid table;
  cJSON *json;
};

static si_rc add_release(void *ctx, const struct si_release *release) {
  struct releases *releases = ctx;
  bool current = strcmp(release->number, releases->current) == 0;
  si_grid_row(&releases->table, release->number,
              release->pruned_at[0] ? "pruned"
              : current             ? "serves"
              : release->images     ? "served"
                                    : "never served",
              release->made_at, release->made_by, release->note);
  cJSON *json = si_release_json(release);
  cJSON_AddBoolToObject(json, "current", current);
  return cJSON_AddItemToArray(releases->json, json) ? SI_OK : SI_E_NOMEM;
}

static si_rc list_releases(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  status = status == SI_OK ? si_state_project(scope.state, scope.life.owner_id, si_opt(inv, "app"),
                                              false, &project, &inv->error)
                           : status;
  if (status != SI_OK) {
    return status;
  }
  struct releases releases = {
      .current = strcmp(project.status, "running") == 0 ? project.release : "",
      .table = SI_GRID("RELEASE", "STATUS", "MADE", "BY", "NOTE"),
      .json = cJSON_CreateArray()};
  status = si_state_releases(scope.state, project.id, &releases, add_release, &inv->error);
  if (status == SI_OK) {
    si_grid_print(inv->out, &releases.table);
  }
  si_grid_free(&releases.table);
  if (status != SI_OK) {
    cJSON_Delete(releases.json);
    return status;
  }
  return si_out_list(inv->out, releases.json);
}

static const struct si_option releases_options[] = {
    {"app", 'a', "NAME", "The app", SI_OPT_REQUIRED, NULL},
    {0},
};

const struct si_command si_cmd_releases = {
    .path = "paas releases",
    .summary = "List the releases of an app, newest first",
    .text =
        "A release is a stack that was asked for, with the revisions of its secrets and, once it "
        "was seen to serve, the ids of its images. It never changes.",
    .options = releases_options,
    .flags = SI_CMD_CONTEXT,
    .run = list_releases,
};

/* --- status --- */

struct statuses {
  struct si_invocation *inv;
  struct si_scope *scope;
  const char *app; /* NULL: all */
  struct si_grid table;
  cJSON *json;
  const struct si_project *project; /* that is being looked at */
  cJSON *instances;                 /* its */
};

static bool is_up(const cJSON *service) {
  const char *state = si_json_str(service, "state");
  const char *health = si_json_str(service, "health");
  bool ended = state && strcmp(state, "exited") == 0 &&
               si_json_int(service, "exit_code", -1000, 1000, -1) == 0;
  return state &&
         ((strcmp(state, "running") == 0 && (!health || strcmp(health, "unhealthy") != 0)) ||
          ended);
}

/* How many of its services are up: "3/4", or "?" where the engine cannot be asked. */
static void count_services(const cJSON *inspection, char to[32]) {
  const cJSON *service;
  int up = 0, all = 0;
  cJSON_ArrayForEach(service, si_json_get(inspection, "services")) {
    up += is_up(service);
    all++;
  }
  snprintf(to, 32, "%d/%d", up, all);
}

static si_rc add_instance(void *ctx, const struct si_instance *instance) {
  struct statuses *all = ctx;
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_FRAME_MAX);
  cJSON *inspection = NULL;
  struct si_error why = {.status = SI_OK};
  char up[32] = "?";
  cJSON *json = cJSON_CreateObject();
  add_text(json, "target", instance->target);
  add_text(json, "release", instance->release);
  bool looked =
      si_life_inspect(&all->scope->life, all->project, instance->target, &text, &why) == SI_OK &&
      si_json_parse(text.data, text.len, &inspection, &why) == SI_OK;
  if (looked) {
    count_services(inspection, up);
    cJSON_AddItemToObject(json, "live", inspection);
  } else {
    cJSON_AddNullToObject(json, "live");
    cJSON_AddItemToObject(json, "live_error", si_error_json(&why));
  }
  si_grid_row(&all->table, all->project->slug, all->project->status, instance->target,
              instance->release[0] ? instance->release : "?", up, looked ? "" : why.message);
  return cJSON_AddItemToArray(all->instances, json) ? SI_OK : SI_E_NOMEM;
}

static si_rc add_status(void *ctx, const struct si_project *listed) {
  struct statuses *all = ctx;
  if (all->app && strcmp(all->app, listed->slug) != 0) {
    return SI_OK;
  }
  cJSON *json = si_project_json(listed);
  all->project = listed;
  all->instances = cJSON_AddArrayToObject(json, "instances");
  if (!cJSON_AddItemToArray(all->json, json)) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  return si_state_instances(all->scope->state, listed->id, all, add_instance, &all->inv->error);
}

si_rc si_app_status(struct si_invocation *inv, const char *app) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  if (status == SI_OK && app) {
    status = si_state_project(scope.state, scope.life.owner_id, app, false, &project, &inv->error);
  }
  if (status != SI_OK) {
    return status;
  }
  scope.life.timeout_ms = inv->timeout_ms ? inv->timeout_ms : 15000;
  struct statuses all = {.inv = inv,
                         .scope = &scope,
                         .app = app,
                         .table = SI_GRID("APP", "STATUS", "TARGET", "RELEASE", "UP", "WHY"),
                         .json = cJSON_CreateArray()};
  status =
      si_state_projects(scope.state, scope.life.owner_id, false, &all, add_status, &inv->error);
  if (status == SI_OK) {
    si_grid_print(inv->out, &all.table);
  }
  si_grid_free(&all.table);
  if (status != SI_OK) {
    cJSON_Delete(all.json);
    return status;
  }
  return si_out_list(inv->out, all.json);
}

static si_rc status_row(struct si_invocation *inv) {
  return si_app_status(inv, si_opt(inv, "app"));
}

static const struct si_option status_options[] = {
    {"app", 'a', "NAME", "That one alone", 0, NULL},
    {0},
};

const struct si_command si_cmd_status = {
    .path = "paas status",
    .summary = "Show every app: its release, and how many of its services are up",
    .options = status_options,
    .flags = SI_CMD_CONTEXT,
    .run = status_row,
};
