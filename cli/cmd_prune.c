/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas prune`: releases that nobody needs any more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/age.h"
#include "cli/grid.h"
#include "cli/scope.h"
#include "kit/base/text.h"
#include "paas/events/events.h"

enum { KEEP = 10, TOLD = 200 };

struct pruning {
  struct si_invocation *inv;
  struct si_prunable *releases;
  size_t count, room;
  struct si_grid table;
  cJSON *json;
};

static void pruning_free(struct pruning *p) {
  free(p->releases);
  si_grid_free(&p->table);
  cJSON_Delete(p->json);
}

static si_rc add(void *ctx, const struct si_prunable *release) {
  struct pruning *p = ctx;
  const char *app = si_opt(p->inv, "app");
  if (app && strcmp(app, release->slug) != 0) {
    return SI_OK;
  }
  if (p->count == p->room) {
    size_t room = p->room ? p->room * 2 : 64;
    struct si_prunable *more = realloc(p->releases, room * sizeof *more);
    if (!more) {
      return SI_E_NOMEM;
    }
    p->releases = more;
    p->room = room;
  }
  p->releases[p->count++] = *release;
  cJSON *json = cJSON_CreateObject();
  si_grid_row(&p->table, release->slug, release->number, release->made_at, release->project_id);
  if (si_json_add_text(json, "app", release->slug) != SI_OK ||
      si_json_add_text(json, "project_id", release->project_id) != SI_OK ||
      si_json_add_text(json, "release", release->number) != SI_OK ||
      si_json_add_text(json, "made_at", release->made_at) != SI_OK ||
      !cJSON_AddItemToArray(p->json, json)) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  return SI_OK;
}

/* Up to which moment releases must have been made. */
static si_rc before(struct si_invocation *inv, char to[SI_TIME_SIZE]) {
  const char *text = si_opt(inv, "older-than");
  uint64_t ago = 0;
  if (text && si_parse_span_ms(text, &ago) != SI_OK) {
    return si_usage_error(inv, "--older-than %.40s is no age: write 36h, 90m or 30d", text);
  }
  int64_t now = si_now_ms();
  si_time_text(text ? (ago < (uint64_t)now ? now - (int64_t)ago : 1) : now + 1, to);
  return SI_OK;
}

/* Which ones, as "shop 3": as many as an event has room for. */
static si_rc write_record(const struct pruning *p, const struct si_context *context,
                          struct si_buf *record, struct si_error *error) {
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON *list = cJSON_AddArrayToObject(fields, "releases");
  char text[96];
  cJSON_AddNumberToObject(fields, "count", (double)p->count);
  for (size_t i = 0; i < p->count && i < TOLD; i++) {
    snprintf(text, sizeof text, "%s %s", p->releases[i].slug, p->releases[i].number);
    if (!list || !cJSON_AddItemToArray(list, cJSON_CreateString(text))) {
      return si_error_set(error, SI_E_NOMEM, "CLI_MEMORY", "out of memory");
    }
  }
  const struct si_event event = {.action = "release.prune", .fields = fields};
  si_rc status = si_event_record(context, &event, record);
  return status == SI_OK ? SI_OK
                         : si_error_set(error, status, "EVENT_RECORD",
                                        "the event release.prune cannot be written down: %s",
                                        si_status_text(status));
}

static si_rc carry_out(struct pruning *p, struct si_scope *scope) {
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  struct si_error *error = &p->inv->error;
  si_rc status = write_record(p, &scope->context, &record, error);
  const struct si_state_event event = {"audit", record.data};
  status =
      status == SI_OK ? si_state_prune(scope->state, p->releases, p->count, &event, error) : status;
  return status == SI_OK ? si_events_flush(&scope->context, scope->state, error) : status;
}

static si_rc show(struct pruning *p) {
  struct si_invocation *inv = p->inv;
  if (p->count > 0) {
    si_grid_print(inv->out, &p->table);
  }
  si_out_note(inv->out, "%zu release%s %s", p->count, p->count == 1 ? "" : "s",
              inv->dry_run ? "would be pruned" : "pruned");
  cJSON *json = p->json;
  p->json = NULL;
  return si_out_list(inv->out, json);
}

static si_rc prune(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct pruning p SI_AUTO(pruning_free) = {
      .inv = inv,
      .table = SI_GRID("APP", "RELEASE", "MADE", "PROJECT ID"),
      .json = cJSON_CreateArray()};
  char until[SI_TIME_SIZE];
  uint64_t keep = 0;
  si_rc status = si_opt_u64(inv, "keep", 0, 1000000, KEEP, &keep);
  status = status == SI_OK ? before(inv, until) : status;
  status = status == SI_OK
               ? si_scope_open(&scope, inv, inv->dry_run ? SI_STATE_READ : SI_STATE_WRITE)
               : status;
  status = status == SI_OK ? si_state_prunable(scope.state, scope.life.owner_id, keep, until, &p,
                                               add, &inv->error)
                           : status;
  if (status == SI_OK && p.count > 0 && !inv->dry_run) {
    status = carry_out(&p, &scope);
  }
  return status == SI_OK ? show(&p) : status;
}

static const struct si_option options[] = {
    {"app", 'a', "NAME", "Of that app alone", 0, NULL},
    {"keep", 0, "N", "The newest N releases of each app stay; by default 10", 0, NULL},
    {"older-than", 0, "AGE", "Only what was made so long ago: 36h, 30d", 0, NULL},
    {0},
};

const struct si_command si_cmd_prune = {
    .path = "paas prune",
    .summary = "Prune releases that no target and no rollback needs",
    .text =
        "The stack of a pruned release is gone for good; that there was one, who made it, and its "
        "evidence stay. Whatever is asked for, these are kept: the release that serves, each one "
        "that a target shows, the newest, the one that a rollback goes to, and the last that "
        "served before. The state store itself refuses to lose any of them.\n\n"
        "Events are never pruned: their chain could not be verified any more.",
    .options = options,
    .flags = SI_CMD_MUTATING | SI_CMD_DRY_RUN,
    .run = prune,
};
