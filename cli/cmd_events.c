/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas events ...`: what happened in a context. */
#include <stdio.h>
#include <string.h>

#include "cli/age.h"
#include "cli/grid.h"
#include "cli/interrupt.h"
#include "cli/scope.h"
#include "kit/base/text.h"
#include "paas/events/events.h"

/* --- list --- */

static si_rc read_filter(struct si_invocation *inv, struct si_events_filter *filter) {
  uint64_t limit = 0;
  filter->stream = si_opt(inv, "stream");
  filter->severity = si_opt(inv, "severity");
  filter->status = si_opt(inv, "status");
  si_rc status = si_opt_since(inv, &filter->since_ms);
  if (status == SI_OK) {
    status = si_opt_u64(inv, "limit", 1, 1000000, 50, &limit);
  }
  filter->limit = (size_t)limit;
  return status;
}

struct cells {
  const char *at, *severity, *action, *target, *status, *user, *message;
};

static const char *text_of(const cJSON *object, const char *key) {
  const char *text = si_json_str(object, key);
  return text ? text : "";
}

static struct cells cells_of(const cJSON *event) {
  return (struct cells){
      .at = text_of(event, "at"),
      .severity = text_of(event, "severity"),
      .action = text_of(event, "action"),
      .target = text_of(event, "target"),
      .status = text_of(event, "status"),
      .user = text_of(si_json_get(event, "actor"), "user"),
      .message = text_of(si_json_get(event, "error"), "message"),
  };
}

struct listing {
  struct si_invocation *inv;
  struct si_grid table;
  cJSON *json;
};

static cJSON *with_stream(const cJSON *event, const char *stream) {
  cJSON *copy = cJSON_Duplicate(event, true);
  if (copy && !cJSON_AddStringToObject(copy, "stream", stream)) {
    cJSON_Delete(copy);
    copy = NULL;
  }
  return copy;
}

static si_rc list_one(void *ctx, const char *stream, const cJSON *event) {
  struct listing *listing = ctx;
  const struct cells cells = cells_of(event);
  cJSON *json = with_stream(event, stream);
  si_grid_row(&listing->table, cells.at, stream, cells.severity, cells.action, cells.target,
              cells.status, cells.user, cells.message);
  if (!json || !cJSON_AddItemToArray(listing->json, json)) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  return SI_OK;
}

static si_rc list_now(struct si_invocation *inv, const struct si_context *context,
                      const struct si_events_filter *filter) {
  struct listing listing = {.inv = inv,
                            .table = SI_GRID("TIME", "STREAM", "SEVERITY", "ACTION", "TARGET",
                                             "STATUS", "ACTOR", "ERROR"),
                            .json = cJSON_CreateArray()};
  si_rc status = si_events_list(context, filter, &listing, list_one, &inv->error);
  si_grid_print(inv->out, &listing.table);
  si_grid_free(&listing.table);
  if (status != SI_OK) {
    cJSON_Delete(listing.json);
    return status;
  }
  if (cJSON_GetArraySize(listing.json) == 0) {
    si_out_note(inv->out, "no such events");
  }
  return si_out_list(inv->out, listing.json);
}

static si_rc follow_one(void *ctx, const char *stream, const cJSON *event) {
  struct si_invocation *inv = ctx;
  const struct cells cells = cells_of(event);
  if (inv->out->json) {
    (void)si_out_record(inv->out, with_stream(event, stream));
  } else {
    si_out_line(inv->out, "%s  %-11s  %-8s  %-18s  %-11s  %s  %s%s%s", cells.at, stream,
                cells.severity, cells.action, cells.status, cells.user, cells.target,
                cells.message[0] ? "  " : "", cells.message);
  }
  return si_out_flush(inv->out, &inv->error);
}

/* Until an interrupt, which it is ended by, or until nobody reads. */
static si_rc follow(struct si_invocation *inv, const struct si_context *context,
                    const struct si_events_filter *filter) {
  inv->out->stream = true;
  si_rc status = si_events_follow(context, filter, si_interrupt_fd(), inv->out->out, inv,
                                  follow_one, &inv->error);
  if (status != SI_OK || si_interrupt_count() == 0) {
    return status;
  }
  return si_error_set(&inv->error, SI_E_CANCELLED, "CLI_INTERRUPTED", "interrupted");
}

static si_rc list(struct si_invocation *inv) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  uint64_t unreadable = 0;
  struct si_events_filter filter = {.unreadable = &unreadable};
  si_rc status = read_filter(inv, &filter);
  if (status == SI_OK) {
    status = si_context_open(inv->context, &context, &inv->error);
  }
  if (status != SI_OK) {
    return status;
  }
  status = si_opt_flag(inv, "follow") ? follow(inv, &context, &filter)
                                      : list_now(inv, &context, &filter);
  if (unreadable > 0) {
    si_out_warn(inv->out, "%llu lines are no events: si paas --context %s events verify",
                (unsigned long long)unreadable, context.name);
  }
  return status;
}

static const struct si_option list_options[] = {
    {"stream", 0, "NAME", "audit, deployments or alerts; by default all three", 0, NULL},
    {"severity", 0, "LEVEL", "At least info, warning or critical", 0, NULL},
    {"status", 0, "WORD", "ok, failed, refused, cancelled, interrupted or started", 0, NULL},
    {"since", 0, "TIME", "From this time on, or for this long: 2026-11-20T20:15:01Z, 2h", 0, NULL},
    {"limit", 0, "N", "The newest N; by default 50", 0, NULL},
    {"follow", 'f', NULL, "Oldest first, and then what comes, until interrupted", 0, NULL},
    {0},
};

const struct si_command si_cmd_events_list = {
    .path = "paas events list",
    .summary = "Show what happened, newest first",
    .text =
        "Every command that changes something leaves an event in the stream `audit`; operations on "
        "projects are in `deployments` too, from their beginning on.",
    .options = list_options,
    .flags = SI_CMD_CONTEXT,
    .run = list,
};

/* --- verify --- */

static si_rc add_stream(struct si_invocation *inv, struct si_state *state, const char *stream,
                        uint64_t count, cJSON *to, struct si_grid *table) {
  char head[65];
  char number[24];
  uint64_t seq = 0;
  si_rc status = si_state_event_head(state, stream, &seq, head, &inv->error);
  if (status != SI_OK) {
    return status;
  }
  cJSON *json = cJSON_CreateObject();
  snprintf(number, sizeof number, "%llu", (unsigned long long)count);
  si_grid_row(table, stream, number, head);
  if (si_json_add_text(json, "stream", stream) != SI_OK ||
      !cJSON_AddNumberToObject(json, "events", (double)count) ||
      si_json_add_text(json, "head", head) != SI_OK || !cJSON_AddItemToArray(to, json)) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  return SI_OK;
}

static si_rc show_fault(struct si_invocation *inv, const struct si_events_fault *fault) {
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, "stream", fault->stream);
  cJSON_AddNumberToObject(json, "line", (double)fault->line);
  cJSON_AddStringToObject(json, "message", fault->message);
  si_out_result(inv->out, json);
  return inv->error.status;
}

static si_rc verify(struct si_invocation *inv) {
  static const char *const streams[] = {"audit", "deployments", "alerts"};
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_grid table SI_AUTO(si_grid_free) = SI_GRID("STREAM", "EVENTS", "HEAD");
  struct si_events_fault fault = {.line = 0};
  uint64_t counts[3] = {0};
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  if (status != SI_OK) {
    return status;
  }
  status = si_events_verify(&scope.context, scope.state, counts, &fault, &inv->error);
  if (status != SI_OK) {
    return fault.line > 0 ? show_fault(inv, &fault) : status;
  }
  cJSON *json = cJSON_CreateArray();
  for (size_t i = 0; status == SI_OK && i < 3; i++) {
    status = add_stream(inv, scope.state, streams[i], counts[i], json, &table);
  }
  if (status != SI_OK) {
    cJSON_Delete(json);
    return status;
  }
  si_grid_print(inv->out, &table);
  return si_out_list(inv->out, json);
}

const struct si_command si_cmd_events_verify = {
    .path = "paas events verify",
    .summary = "Prove that no event was changed, moved, added or lost",
    .text =
        "Reads every line of every stream, and holds its hash against its content, its place, the "
        "line before it and the head in state.db. The first bad line is named; exit code 8.",
    .flags = SI_CMD_CONTEXT,
    .run = verify,
};
