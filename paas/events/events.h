/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/events/events.h - what happened in a context, as three chains of JSON lines in
 * <context>/events/: audit.jsonl (every command that changes something), deployments.jsonl,
 * alerts.jsonl (R19, R24, R26). Depends on paas/context, paas/state/event.h, paas/redact.
 *
 * A line is one canonical JSON object: seq, prev, hash (paas/state/event.h), at, context, source
 * ("cli"), actor {user, uid, host, tty}, action ("project.create"), status (ok, failed, refused,
 * cancelled, interrupted, started), severity (info, warning, critical), and where they apply
 * target, operation, fields and error {code, stage, target, message}. Everything in it is redacted
 * before it is stored.
 *
 * An event is first committed to state.db, then appended to its file under a lock and synced: a
 * crash in between is mended by the next append or flush, and no line is ever written twice.
 */
#ifndef SI_PAAS_EVENTS_EVENTS_H
#define SI_PAAS_EVENTS_EVENTS_H

#include "paas/context/context.h"
#include "paas/state/event.h"

struct si_event {
  const char *stream;           /* audit, deployments, alerts; NULL: audit */
  const char *action;           /* "secret.set" */
  const char *status;           /* NULL: ok, or failed where there is an error */
  const char *severity;         /* NULL: info, or warning where there is an error */
  const char *target;           /* a project, a secret's name; or NULL */
  const char *operation;        /* id, or NULL */
  const cJSON *fields;          /* object, or NULL */
  const struct si_error *error; /* or NULL */
};

/* Who acts and through what: set once by the program; "cli" and this process's user until then. */
void si_events_source(const char *source);
/* Who acts, in few words: "user@host". */
void si_events_actor_name(char *to, size_t size);

/* The event's redacted record, for si_state_event and the calls that take one. */
si_rc si_event_record(const struct si_context *context, const struct si_event *event,
                      struct si_buf *out) SI_MUST_USE;

/* Adds the event and flushes its stream. What fails after it was committed to the store is no
 * failure: the line waits there. */
si_rc si_events_append(const struct si_context *context, struct si_state *state,
                       const struct si_event *event, struct si_error *error) SI_MUST_USE;
/* Appends to the files what waits in the store, all streams. */
si_rc si_events_flush(const struct si_context *context, struct si_state *state,
                      struct si_error *error) SI_MUST_USE;

struct si_events_filter {
  const char *stream;   /* NULL: all three */
  const char *severity; /* at least this; NULL: all */
  const char *status;   /* exactly; NULL: all */
  int64_t since_ms;     /* Unix time; 0: from the beginning */
  size_t limit;         /* the newest so many; 0: 50 */
  uint64_t *unreadable; /* counts the lines passed over that are no events; or NULL */
};

typedef si_rc (*si_events_each)(void *ctx, const char *stream, const cJSON *event);
/* The newest events that fit the filter, newest first, merged over the streams by time. Reads the
 * files backwards from their ends and stops when it has enough. What each() returns other than
 * SI_OK ends the listing and is returned. */
si_rc si_events_list(const struct si_context *context, const struct si_events_filter *filter,
                     void *ctx, si_events_each each, struct si_error *error) SI_MUST_USE;

/* The same, but oldest first, and then every event that fits as it is appended: until stop_fd (or
 * -1) can be read, or nobody reads what out_fd (or -1) writes any more. Both are SI_OK. */
si_rc si_events_follow(const struct si_context *context, const struct si_events_filter *filter,
                       int stop_fd, int out_fd, void *ctx, si_events_each each,
                       struct si_error *error) SI_MUST_USE;

/* What verify found: the first bad line of a stream. */
struct si_events_fault {
  char stream[16];
  uint64_t line;     /* from 1 */
  char message[256]; /* "the hash of line 12 is not that of its content" */
};
/* Reads every line of every stream, and holds the last one against the store's head. *counts (may
 * be NULL) is the number of good lines of audit, deployments, alerts. EVENTS_TAMPERED
 * (SI_E_CORRUPT) with *fault. Lines that wait in the store count as written. */
si_rc si_events_verify(const struct si_context *context, struct si_state *state, uint64_t counts[3],
                       struct si_events_fault *fault, struct si_error *error) SI_MUST_USE;

/* Calls each() for every event of a stream, oldest first, as far as the chain is good: what comes
 * behind a bad line is not told. EVENTS_TAMPERED (SI_E_CORRUPT) with *fault once that was reached.
 * What each() returns other than SI_OK ends it and is returned. */
typedef si_rc (*si_events_good)(void *ctx, const cJSON *event);
si_rc si_events_read(const struct si_context *context, struct si_state *state, const char *stream,
                     void *ctx, si_events_good each, struct si_events_fault *fault,
                     struct si_error *error) SI_MUST_USE;

#endif
