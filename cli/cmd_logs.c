/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas logs`: what an app's services wrote. */
#include <string.h>

#include "cli/interrupt.h"
#include "cli/secrets.h"
#include "paas/lifecycle/logs.h"

/* Long enough for whoever forgets a terminal. */
static const uint64_t following_ms = 365ull * 24 * 3600 * 1000;

enum { TAIL = 100, TAIL_SINCE = 10000 };

struct showing {
  struct si_invocation *inv;
  uint64_t lines;
  struct si_error lost; /* why nothing more could be shown */
};

static si_rc show_json(struct si_output *out, const struct si_logs_line *line) {
  cJSON *json = cJSON_CreateObject();
  if (!cJSON_AddStringToObject(json, "time", line->time) ||
      !cJSON_AddStringToObject(json, "service", line->service) ||
      !cJSON_AddStringToObject(json, "stream", line->stream) ||
      !cJSON_AddStringToObject(json, "line", line->line) ||
      (line->cut && !cJSON_AddTrueToObject(json, "cut"))) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  return si_out_record(out, json);
}

static si_rc show(void *ctx, const struct si_logs_line *line) {
  struct showing *showing = ctx;
  struct si_invocation *inv = showing->inv;
  si_rc status = SI_OK;
  showing->lines++;
  if (inv->out->json) {
    status = show_json(inv->out, line);
  } else {
    /* "2026-11-20T20:15:01.123": nobody reads nanoseconds. */
    si_out_line(inv->out, "%.23sZ  %s  %s%s", line->time, line->service, line->line,
                line->cut ? " [cut]" : "");
  }
  return status == SI_OK ? si_out_flush(inv->out, &showing->lost) : status;
}

static si_rc read_query(struct si_invocation *inv, struct si_logs *logs,
                        const char *services[SI_LOGS_SERVICES]) {
  const char *service;
  size_t at = 0;
  logs->slug = si_opt(inv, "app");
  logs->target = si_opt(inv, "target");
  logs->follow = si_opt_flag(inv, "follow");
  logs->services = services;
  while ((service = si_opt_each(inv, "service", &at))) {
    if (logs->service_count == SI_LOGS_SERVICES) {
      return si_usage_error(inv, "--service can be given %d times at most", SI_LOGS_SERVICES);
    }
    services[logs->service_count++] = service;
  }
  si_rc status = si_opt_since(inv, &logs->since_ms);
  return status == SI_OK ? si_opt_u64(inv, "tail", 1, SI_LOGS_TAIL,
                                      logs->since_ms ? TAIL_SINCE : TAIL, &logs->tail)
                         : status;
}

static si_rc logs_row(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  const char *services[SI_LOGS_SERVICES];
  struct si_logs logs = {.slug = NULL};
  struct showing showing = {.inv = inv};
  si_rc status = read_query(inv, &logs, services);
  status = status == SI_OK ? si_secrets_begin(&secrets, inv, SI_STATE_READ) : status;
  if (status != SI_OK) {
    return status;
  }
  si_secrets_for_life(&secrets);
  struct si_life *life = &secrets.scope.life;
  life->interrupt_fd = si_interrupt_fd();
  if (logs.follow && !inv->timeout_ms) {
    life->timeout_ms = following_ms;
  }
  inv->out->stream = true;
  status = si_life_logs(life, &logs, &showing, show, &inv->error);
  if (si_interrupt_count() > 0) {
    return si_error_set(&inv->error, SI_E_CANCELLED, "CLI_INTERRUPTED", "interrupted");
  }
  if (showing.lost.status != SI_OK) {
    inv->error = showing.lost;
    return inv->error.status;
  }
  if (status == SI_OK && showing.lines == 0) {
    si_out_note(inv->out, "no such lines");
  }
  return status;
}

static const struct si_option options[] = {
    {"app", 'a', "NAME", "The app", SI_OPT_REQUIRED, NULL},
    {"service", 0, "NAME", "That one alone; may be given again", SI_OPT_REPEAT, NULL},
    {"target", 0, "NAME", "Where; needed where the app lives on several", 0, NULL},
    {"tail", 0, "N", "The last N lines of each service; by default 100, with --since 10000", 0,
     NULL},
    {"since", 0, "TIME", "From this time on, or for this long: 2026-11-20T20:15:01Z, 2h", 0, NULL},
    {"follow", 'f', NULL, "And then what comes, until interrupted", 0, NULL},
    SI_SECRETS_PASSPHRASE_OPTION,
    {0},
};

const struct si_command si_cmd_logs = {
    .path = "paas logs",
    .summary = "Show what an app's services wrote, in the order of its times",
    .text =
        "The secrets that the vault holds for the app are taken out of every line, and control "
        "characters are made visible. With --json each line is an object of its own: time, "
        "service, stream, line; `cut` where it was longer than can be shown.",
    .options = options,
    .flags = SI_CMD_CONTEXT | SI_CMD_STREAM,
    .run = logs_row,
};
