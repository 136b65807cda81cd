/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/alert/alert.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "paas/alert/deliver.h"
#include "paas/events/events.h"
#include "paas/redact/redact.h"

/* Of one run; more waits for the next. A command must not wait long for what others left behind. */
enum { RUN_MAX = 200, ALONG_MAX = 5, CHANNELS_MAX = 32 };

static void flush(const struct si_alert_sender *sender) {
  if (si_events_flush(sender->context, sender->state, NULL) != SI_OK) {
    /* The lines wait in the store, and go with the next ones. */
  }
}

/* --- delivering --- */

struct running {
  const struct si_alert_sender *sender;
  const struct si_alert_policy *policy;
  char shut[CHANNELS_MAX][65]; /* channels that did not answer */
  size_t shut_count;
  struct si_alert_run *run;
  struct si_error *error;
};

static bool is_shut(const struct running *r, const char *channel) {
  for (size_t i = 0; i < r->shut_count; i++) {
    if (strcmp(r->shut[i], channel) == 0) {
      return true;
    }
  }
  return false;
}

static si_rc deliver_one(void *ctx, const struct si_alert *listed) {
  struct running *r = ctx;
  struct si_alert alert = *listed;
  struct si_error why;
  bool tried = false;
  if (is_shut(r, alert.channel)) {
    r->run->pending++;
    return SI_OK;
  }
  si_rc status = si_alert_attempt(r->sender, r->policy, &alert, false, &tried, &why, r->error);
  if (status != SI_OK || !tried) {
    return status;
  }
  if (strcmp(alert.delivery, "sent") == 0) {
    r->run->sent++;
    return SI_OK;
  }
  if (r->error) {
    *r->error = why;
  }
  bool failed = strcmp(alert.delivery, "failed") == 0;
  r->run->failed += failed;
  r->run->pending += !failed;
  if (!failed && r->shut_count < CHANNELS_MAX) {
    si_copy(r->shut[r->shut_count++], sizeof r->shut[0], alert.channel);
  }
  return why.status == SI_E_CANCELLED ? SI_E_CANCELLED : SI_OK;
}

static si_rc deliver(const struct si_alert_sender *sender, const struct si_alert_policy *policy,
                     bool all, struct si_alert_run *run, struct si_error *error) {
  struct running running = {.sender = sender, .policy = policy, .run = run, .error = error};
  char now[32];
  si_alert_time(si_alert_now(sender), now);
  const struct si_alert_filter filter = {
      .pending = true, .due = all ? NULL : now, .limit = all ? RUN_MAX : ALONG_MAX};
  si_rc status = si_state_alerts(sender->state, &filter, &running, deliver_one, error);
  return status == SI_E_CANCELLED ? SI_OK : status;
}

si_rc si_alert_deliver(const struct si_alert_sender *sender, bool all, struct si_alert_run *run,
                       struct si_error *error) {
  struct si_alert_policy policy SI_AUTO(si_alert_policy_free) = SI_ALERT_POLICY;
  memset(run, 0, sizeof *run);
  si_rc status = si_alert_policy_load(sender->state, &policy, NULL, error);
  status = status == SI_OK ? deliver(sender, &policy, all, run, error) : status;
  if (run->sent + run->failed + run->pending > 0) {
    flush(sender);
  }
  return status;
}

/* --- raising --- */

struct raising {
  const struct si_alert_sender *sender;
  const struct si_alert_notice *notice;
};

static si_rc make_record(void *ctx, const struct si_alert *alert, bool fresh, struct si_buf *out) {
  const struct raising *r = ctx;
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON_AddStringToObject(fields, "id", alert->id);
  cJSON_AddStringToObject(fields, "message", alert->message);
  cJSON_AddStringToObject(fields, "dedupe", alert->dedupe);
  cJSON_AddStringToObject(fields, "channel", alert->channel);
  if (!cJSON_AddNumberToObject(fields, "count", (double)alert->count)) {
    return SI_E_NOMEM;
  }
  const struct si_event event = {.stream = "alerts",
                                 .action = fresh ? "alert.raise" : "alert.repeat",
                                 .status = "ok",
                                 .severity = alert->severity,
                                 .target = alert->source,
                                 .operation = r->notice->operation,
                                 .fields = fields};
  return si_event_record(r->sender->context, &event, out);
}

/* Redacted, whole characters, within the column. */
static si_rc take_message(const char *message, struct si_alert *alert) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1u << 20);
  size_t len = strnlen(message, 64 * 1024);
  si_rc status = si_redact_text(message, len, &text);
  if (status == SI_OK) {
    si_copy(alert->message, sizeof alert->message, si_buf_text(&text));
    for (char *p = alert->message; !si_utf8_valid(p, strlen(p)); p++) {
      *p = (unsigned char)*p < 0x80 ? *p : '?';
    }
  }
  return status;
}

static si_rc prepare(const struct si_alert_notice *notice, const struct si_alert_policy *policy,
                     struct si_alert *alert, struct si_error *error) {
  struct si_alert_channel channel;
  const char *name =
      notice->channel ? notice->channel : si_alert_policy_route(policy, notice->severity);
  if (!si_alert_policy_channel(policy, name, &channel)) {
    si_error_set(error, SI_E_NOT_FOUND, "ALERT_CHANNEL", "the alert policy has no channel %.64s",
                 name);
    return si_error_hint(error, "see the channels with: si paas alert policy show");
  }
  if (take_message(notice->message, alert) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: an alert");
  }
  si_copy(alert->severity, sizeof alert->severity, notice->severity);
  si_copy(alert->source, sizeof alert->source, notice->source);
  si_copy(alert->dedupe, sizeof alert->dedupe, notice->dedupe);
  si_redact_line(alert->dedupe, sizeof alert->dedupe);
  si_copy(alert->channel, sizeof alert->channel, name);
  si_copy(alert->delivery, sizeof alert->delivery, channel.webhook ? "pending" : "none");
  return SI_OK;
}

static si_rc record(const struct si_alert_sender *sender, const struct si_alert_notice *notice,
                    const struct si_alert_policy *policy, struct si_alert *alert, bool *fresh,
                    struct si_error *error) {
  struct raising ctx = {.sender = sender, .notice = notice};
  const struct si_alert_raising raising = {.now_ms = si_alert_now(sender),
                                           .window_ms = si_alert_policy_dedupe_ms(policy),
                                           .record = make_record,
                                           .ctx = &ctx};
  si_rc status = prepare(notice, policy, alert, error);
  return status == SI_OK ? si_state_alert_raise(sender->state, &raising, alert, fresh, error)
                         : status;
}

si_rc si_alert_raise(const struct si_alert_sender *sender, const struct si_alert_notice *notice,
                     struct si_alert *out, struct si_error *error) {
  struct si_alert_policy policy SI_AUTO(si_alert_policy_free) = SI_ALERT_POLICY;
  struct si_alert alert = {.id = ""};
  struct si_alert_run run = {0};
  struct si_error why;
  bool fresh = false, tried = false;
  si_rc status = si_alert_policy_load(sender->state, &policy, NULL, error);
  if (status != SI_OK && !notice->channel) {
    status = si_alert_policy_default(&policy, error);
  }
  status = status == SI_OK ? record(sender, notice, &policy, &alert, &fresh, error) : status;
  if (status != SI_OK) {
    return status;
  }
  /* It is raised: what follows is nobody's failure. */
  if (fresh && strcmp(alert.delivery, "pending") == 0) {
    (void)!si_alert_attempt(sender, &policy, &alert, notice->once, &tried, &why, NULL);
  }
  if (!tried || strcmp(alert.delivery, "sent") == 0) {
    (void)!deliver(sender, &policy, false, &run, NULL);
  }
  flush(sender);
  if (out) {
    *out = alert;
  }
  return SI_OK;
}

void si_alert_operation_failed(const struct si_alert_sender *sender, const char *project,
                               const char *kind, const char *operation,
                               const struct si_error *why) {
  char message[sizeof why->message + 256];
  char dedupe[256];
  snprintf(message, sizeof message, "%s of project %s failed%s%s: %s", kind, project,
           why->target[0] ? " at " : "", why->target, why->message);
  snprintf(dedupe, sizeof dedupe, "operation/%s/%s/%s", project, kind, why->code);
  const struct si_alert_notice notice = {.severity = "warning",
                                         .source = "operation",
                                         .dedupe = dedupe,
                                         .message = message,
                                         .operation = operation};
  (void)!si_alert_raise(sender, &notice, NULL, NULL);
}

/* --- seeing --- */

si_rc si_alert_list(struct si_state *state, const struct si_alert_filter *filter, void *ctx,
                    si_alert_each each, struct si_error *error) {
  return si_state_alerts(state, filter, ctx, each, error);
}

static void who(char to[256]) {
  struct passwd entry, *found = NULL;
  char room[4096];
  if (getpwuid_r(geteuid(), &entry, room, sizeof room, &found) == 0 && found) {
    si_copy(to, 256, found->pw_name);
  } else {
    snprintf(to, 256, "uid %u", (unsigned)geteuid());
  }
}

si_rc si_alert_ack(const struct si_alert_sender *sender, const char *id, bool *acked,
                   struct si_alert *out, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  struct si_alert alert;
  char by[256];
  who(by);
  const struct si_event event = {.action = "alert.ack", .target = id};
  si_rc status = si_state_alert(sender->state, id, &alert, error);
  if (status != SI_OK) {
    return status;
  }
  status = si_event_record(sender->context, &event, &text);
  if (status != SI_OK) {
    return si_error_set(error, status, "OUT_OF_MEMORY", "no event can be made of it");
  }
  const struct si_state_event audit = {"audit", si_buf_text(&text)};
  status = si_state_alert_ack(sender->state, id, by, &audit, acked, error);
  if (status == SI_OK && *acked) {
    flush(sender);
  }
  if (status == SI_OK && out) {
    status = si_state_alert(sender->state, id, out, error);
  }
  return status;
}
