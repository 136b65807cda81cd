/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/state/alert.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "paas/state/private.h"

/* A row as it is read: every column is a text first. */
struct row {
  struct si_alert alert;
  char count[24];
  char attempts[24];
};

#define COLUMNS                                                                          \
  "SELECT id,dedupe,severity,source,message,raised_at,last_at,channel,delivery,next_at," \
  "delivery_error,acked_at,acked_by,CAST(count AS TEXT),CAST(attempts AS TEXT)FROM alerts "
#define FIELD(member) \
  { offsetof(struct row, member), sizeof((struct row *)0)->member }
static const struct si_state_field fields[] = {FIELD(alert.id),
                                               FIELD(alert.dedupe),
                                               FIELD(alert.severity),
                                               FIELD(alert.source),
                                               FIELD(alert.message),
                                               FIELD(alert.raised_at),
                                               FIELD(alert.last_at),
                                               FIELD(alert.channel),
                                               FIELD(alert.delivery),
                                               FIELD(alert.next_at),
                                               FIELD(alert.delivery_error),
                                               FIELD(alert.acked_at),
                                               FIELD(alert.acked_by),
                                               FIELD(count),
                                               FIELD(attempts)};
#define ALL_FIELDS (sizeof fields / sizeof *fields)

int si_alert_severity(const char *severity) {
  static const char *const names[] = {"info", "warning", "critical"};
  for (int i = 0; severity && i < 3; i++) {
    if (strcmp(severity, names[i]) == 0) {
      return i;
    }
  }
  return -1;
}

static void complete(struct row *row) {
  uint64_t attempts = 0;
  row->alert.count = 1;
  /* The schema holds both to be whole numbers. */
  (void)!si_parse_u64(row->count, 1, UINT64_MAX, &row->alert.count);
  (void)!si_parse_u64(row->attempts, 0, UINT32_MAX, &attempts);
  row->alert.attempts = (uint32_t)attempts;
}

/* The first row, or SI_E_NOT_FOUND without a record. */
static si_rc first(struct si_state *state, const char *sql, const char *key, struct si_alert *out,
                   struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  struct row found = {.count = ""};
  bool row = false;
  si_rc status = si_state_prepare(state, sql, SI_VALUES(key), &statement, error);
  if (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
  }
  if (status == SI_OK && !row) {
    return SI_E_NOT_FOUND;
  }
  if (status == SI_OK) {
    status = si_state_read(state, statement, fields, ALL_FIELDS, &found, error);
  }
  if (status == SI_OK) {
    complete(&found);
    *out = found.alert;
  }
  return status;
}

static si_rc time_text(int64_t ms, char to[SI_TIME_SIZE]) {
  struct tm tm;
  time_t seconds = (time_t)(ms / 1000);
  char date[24];
  if (ms < 0 || !gmtime_r(&seconds, &tm) ||
      strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
    return SI_E_INVALID;
  }
  snprintf(to, SI_TIME_SIZE, "%s.%03dZ", date, (int)(ms % 1000));
  return SI_OK;
}

/* --- raising --- */

/* Does `old` stand for what is raised now? A clock that was set back must not keep quiet for as
 * long as it was set back. */
static bool covers(const struct si_alert *old, const struct si_alert *new,
                   const struct si_alert_raising *raising) {
  int64_t raised = 0;
  if (si_time_parse(old->raised_at, &raised) != SI_OK || raised > raising->now_ms) {
    return false;
  }
  return (uint64_t)(raising->now_ms - raised) < raising->window_ms &&
         si_alert_severity(old->severity) >= si_alert_severity(new->severity);
}

static si_rc count_up(struct si_state *state, struct si_alert *alert, const char *now,
                      struct si_error *error) {
  si_rc status = si_state_run(state, "UPDATE alerts SET count=count+1,last_at=?2 WHERE id=?1",
                              SI_VALUES(alert->id, now), error);
  if (status == SI_OK) {
    alert->count++;
    si_copy(alert->last_at, sizeof alert->last_at, now);
  }
  return status;
}

static si_rc insert(struct si_state *state, struct si_alert *alert, const char *now,
                    struct si_error *error) {
  si_copy(alert->id, sizeof alert->id, "alr-");
  if (si_random_hex(alert->id + 4, 10) != SI_OK) {
    return si_error_set(error, SI_E_IO, "STATE_RANDOM", "the kernel gives no random bytes");
  }
  alert->count = 1;
  si_copy(alert->raised_at, sizeof alert->raised_at, now);
  si_copy(alert->last_at, sizeof alert->last_at, now);
  return si_state_run(state,
                      "INSERT INTO alerts(id,dedupe,severity,source,message,raised_at,last_at,"
                      "channel,delivery)VALUES(?1,?2,?3,?4,?5,?6,?6,?7,?8)",
                      SI_VALUES(alert->id, alert->dedupe, alert->severity, alert->source,
                                alert->message, now, alert->channel, alert->delivery),
                      error);
}

static si_rc raise(struct si_state *state, const struct si_alert_raising *raising,
                   struct si_alert *alert, bool *fresh, struct si_error *error) {
  struct si_alert old = {.id = ""};
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  char now[SI_TIME_SIZE];
  if (time_text(raising->now_ms, now) != SI_OK) {
    return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT", "the clock makes no sense");
  }
  si_rc status =
      first(state, COLUMNS "WHERE dedupe=?1 ORDER BY seq DESC LIMIT 1", alert->dedupe, &old, error);
  if (status != SI_OK && status != SI_E_NOT_FOUND) {
    return status;
  }
  *fresh = status == SI_E_NOT_FOUND || !covers(&old, alert, raising);
  if (*fresh) {
    status = insert(state, alert, now, error);
  } else {
    *alert = old;
    status = count_up(state, alert, now, error);
  }
  if (status != SI_OK) {
    return status;
  }
  if (raising->record(raising->ctx, alert, *fresh, &record) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "no record of alert %s can be made",
                        alert->id);
  }
  const struct si_state_event event = {"alerts", si_buf_text(&record)};
  return si_state_event_insert(state, &event, error);
}

si_rc si_state_alert_raise(struct si_state *state, const struct si_alert_raising *raising,
                           struct si_alert *alert, bool *fresh, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  struct si_alert made = *alert;
  bool is_fresh = false;
  if (si_alert_severity(made.severity) < 0 || !made.dedupe[0] || !made.source[0] ||
      !made.message[0] || !made.channel[0]) {
    return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                        "an alert needs a severity, a source, a key, a message and a channel");
  }
  si_rc status = si_state_enter(state, &tx, error);
  status = status == SI_OK ? raise(state, raising, &made, &is_fresh, error) : status;
  status = status == SI_OK ? si_state_commit(&tx, error) : status;
  if (status == SI_OK) {
    *alert = made;
    *fresh = is_fresh;
  }
  return status;
}

/* --- delivery --- */

/* A pending alert that was tried has the reason why it is pending still; while it is being tried it
 * has none. */
si_rc si_state_alert_claim(struct si_state *state, struct si_alert *alert, const char *now,
                           const char *next_at, bool *claimed, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  char attempts[16];
  snprintf(attempts, sizeof attempts, "%u", alert->attempts);
  si_rc status = si_state_enter(state, &tx, error);
  if (status == SI_OK) {
    status = si_state_run(state,
                          "UPDATE alerts SET attempts=attempts+1,next_at=?3,delivery_error=NULL "
                          "WHERE id=?1 AND delivery='pending' AND attempts=CAST(?2 AS INTEGER)AND"
                          "(attempts=0 OR delivery_error IS NOT NULL OR next_at<=?4)",
                          SI_VALUES(alert->id, attempts, next_at, now), error);
  }
  bool changed = status == SI_OK && sqlite3_changes(state->db) == 1;
  status = status == SI_OK ? si_state_commit(&tx, error) : status;
  if (status == SI_OK) {
    *claimed = changed;
    alert->attempts += changed;
    si_copy(alert->next_at, sizeof alert->next_at, next_at);
  }
  return status;
}

si_rc si_state_alert_settle(struct si_state *state, struct si_alert *alert, const char *delivery,
                            const char *reason, const struct si_state_event *event,
                            struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  char text[sizeof alert->delivery_error];
  si_copy(text, sizeof text, reason);
  si_rc status = si_state_enter(state, &tx, error);
  if (status == SI_OK) {
    /* What was sent stays sent, whatever a slower attempt came to. */
    status = si_state_run(state,
                          "UPDATE alerts SET delivery=?2,delivery_error=?3 WHERE id=?1 AND "
                          "delivery<>'sent'",
                          SI_VALUES(alert->id, delivery, reason ? text : NULL), error);
  }
  if (status == SI_OK && event) {
    status = si_state_event_insert(state, event, error);
  }
  status = status == SI_OK ? si_state_commit(&tx, error) : status;
  if (status == SI_OK) {
    si_copy(alert->delivery, sizeof alert->delivery, delivery);
    si_copy(alert->delivery_error, sizeof alert->delivery_error, text);
  }
  return status;
}

/* --- seeing --- */

static si_rc not_found(const char *id, struct si_error *error) {
  si_error_set(error, SI_E_NOT_FOUND, "ALERT_NOT_FOUND", "there is no alert %.64s in this context",
               id);
  si_error_target(error, NULL, id);
  return si_error_hint(error, "see all alerts with: si paas alert history");
}

si_rc si_state_alert(struct si_state *state, const char *id, struct si_alert *out,
                     struct si_error *error) {
  si_rc status = first(state, COLUMNS "WHERE id=?1", id, out, error);
  return status == SI_E_NOT_FOUND ? not_found(id, error) : status;
}

si_rc si_state_alert_ack(struct si_state *state, const char *id, const char *by,
                         const struct si_state_event *event, bool *acked, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  struct si_alert alert = {.id = ""};
  char who[sizeof alert.acked_by], now[SI_TIME_SIZE];
  si_copy(who, sizeof who, by);
  si_rc status = si_state_enter(state, &tx, error);
  status = status == SI_OK ? si_state_alert(state, id, &alert, error) : status;
  if (status != SI_OK) {
    return status;
  }
  if (alert.acked_at[0]) {
    *acked = false;
    return SI_OK;
  }
  si_now_text(now);
  status = si_state_run(state, "UPDATE alerts SET acked_at=?2,acked_by=?3 WHERE id=?1",
                        SI_VALUES(id, now, who), error);
  if (status == SI_OK && event) {
    status = si_state_event_insert(state, event, error);
  }
  status = status == SI_OK ? si_state_commit(&tx, error) : status;
  if (status == SI_OK) {
    *acked = true;
  }
  return status;
}

static void owns_nothing(void *row) {
  (void)row;
}

si_rc si_state_alerts(struct si_state *state, const struct si_alert_filter *filter, void *ctx,
                      si_alert_each each, struct si_error *error) {
  struct si_state_list list SI_AUTO(si_state_list_free) = {.size = sizeof(struct row),
                                                           .drop = owns_nothing};
  static const char *const at_least[] = {"info", "warning", "critical"};
  int least = filter->severity ? si_alert_severity(filter->severity) : 0;
  char limit[24];
  if (least < 0) {
    return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                        "\"%.40s\" is no severity: info, warning or critical", filter->severity);
  }
  snprintf(limit, sizeof limit, "%zu", filter->limit ? filter->limit : 50);
  si_rc status = si_state_list_read(
      state,
      filter->pending ? COLUMNS
          "WHERE delivery='pending' AND(?1='info' OR severity IN(?1,'critical'))"
          "AND(?3 IS NULL OR next_at IS NULL OR next_at<=?3)"
          "ORDER BY seq LIMIT CAST(?2 AS INTEGER)"
                      : COLUMNS
          "WHERE(?1='info' OR severity IN(?1,'critical'))AND ?3 IS ?3 "
          "ORDER BY seq DESC LIMIT CAST(?2 AS INTEGER)",
      SI_VALUES(at_least[least], limit, filter->due), fields, ALL_FIELDS, &list, error);
  struct row *rows = list.items;
  for (size_t i = 0; status == SI_OK && i < list.count; i++) {
    complete(&rows[i]);
    status = each(ctx, &rows[i].alert);
  }
  return status;
}
