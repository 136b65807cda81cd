/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/alert.h - the alerts of a context in its state store: what was raised, how often, and
 * how far its delivery has come. Rows are never removed, and what an alert says never changes.
 * What is to be raised and where it goes is decided in paas/alert. Depends on paas/state/event.h.
 */
#ifndef SI_PAAS_STATE_ALERT_H
#define SI_PAAS_STATE_ALERT_H

#include "paas/state/event.h"

#define SI_ALERT_MESSAGE_MAX 4096u /* bytes */

struct si_alert {
  char id[48]; /* "alr-" and 20 hex digits */
  char dedupe[256];
  char severity[16]; /* info, warning, critical */
  char source[65];
  char message[SI_ALERT_MESSAGE_MAX + 1];
  char raised_at[32];
  char last_at[32];
  char channel[65];
  char delivery[16]; /* none (its channel is the log), pending, sent, failed */
  char next_at[32];  /* of a pending one: when the next attempt is due; or "" */
  char delivery_error[1025];
  char acked_at[32];
  char acked_by[256];
  uint64_t count;
  uint32_t attempts;
};

/* 0 info, 1 warning, 2 critical; -1: none of them. */
int si_alert_severity(const char *severity);

/* Makes the event's record (paas/state/event.h, stream alerts) of an alert as it stands now;
 * `fresh` where it is new. Called inside the transaction: it must not use the store. */
typedef si_rc (*si_state_alert_record)(void *ctx, const struct si_alert *alert, bool fresh,
                                       struct si_buf *record);

struct si_alert_raising {
  int64_t now_ms;     /* Unix time */
  uint64_t window_ms; /* how long after an alert was raised another of its key counts as the same */
  si_state_alert_record record;
  void *ctx;
};

/* `alert` gives dedupe, severity, source, message, channel and delivery (none or pending). Within
 * the window of an alert of that key whose severity is no lower, that one is counted up (last_at,
 * count) and read into *alert; else a new one is made. In one transaction with its event. */
si_rc si_state_alert_raise(struct si_state *state, const struct si_alert_raising *raising,
                           struct si_alert *alert, bool *fresh, struct si_error *error) SI_MUST_USE;

/* Takes a pending alert for one attempt: its attempts grow by one, the next is due at `next_at`,
 * and until then, or until this one is settled, nobody else can take it. *claimed false where
 * another process took it since *alert was read, or has it `now`. Updates *alert. */
si_rc si_state_alert_claim(struct si_state *state, struct si_alert *alert, const char *now,
                           const char *next_at, bool *claimed, struct si_error *error) SI_MUST_USE;

/* What came of an attempt: delivery sent, pending or failed, and the reason (NULL: none, which a
 * pending one must not have), in one transaction with `event` (NULL: none). Updates *alert. */
si_rc si_state_alert_settle(struct si_state *state, struct si_alert *alert, const char *delivery,
                            const char *reason, const struct si_state_event *event,
                            struct si_error *error) SI_MUST_USE;

/* Somebody has seen it. *acked false where that was so before (who was first stays).
 * ALERT_NOT_FOUND (SI_E_NOT_FOUND). In one transaction with `event`, which is left out where
 * nothing changed. */
si_rc si_state_alert_ack(struct si_state *state, const char *id, const char *by,
                         const struct si_state_event *event, bool *acked,
                         struct si_error *error) SI_MUST_USE;

si_rc si_state_alert(struct si_state *state, const char *id, struct si_alert *out,
                     struct si_error *error) SI_MUST_USE;

struct si_alert_filter {
  const char *severity; /* at least this; NULL: all */
  bool pending;         /* those alone that wait for delivery: oldest first, else newest first */
  const char *due; /* with pending: only those whose next attempt is due at this time; or NULL */
  size_t limit;    /* 0: 50 */
};
typedef si_rc (*si_alert_each)(void *ctx, const struct si_alert *alert);
/* Rows are read before the first call, which may write to the store; what it returns other than
 * SI_OK ends the listing and is returned. */
si_rc si_state_alerts(struct si_state *state, const struct si_alert_filter *filter, void *ctx,
                      si_alert_each each, struct si_error *error) SI_MUST_USE;

#endif
