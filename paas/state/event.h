/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/event.h - the chains of events in the state store: each event is numbered, chained to
 * the one before by its hash, and kept until its line stands in the stream's file (R26). Depends on
 * paas/state/state.h.
 *
 * A record is a canonical JSON object without "seq", "prev" and "hash"; the store adds them. The
 * hash is SHA-256 over the canonical form of the whole without "hash"; "prev" is the hash of the
 * event before, of the first one SHA-256 of "si.events/1\n<context id>\n<stream>\n": so a line fits
 * one place of one stream of one context alone. Records are redacted by who makes them
 * (paas/events).
 */
#ifndef SI_PAAS_STATE_EVENT_H
#define SI_PAAS_STATE_EVENT_H

#include "paas/state/state.h"

#define SI_EVENT_MAX 131072u /* bytes of a record */

/* An event to be added in the same transaction as what it tells of. */
struct si_state_event {
  const char *stream; /* audit, deployments, alerts */
  const char *record;
};

/* An event of an operation that begins: its record can only be made once the operation has its id.
 * tell() is called within the transaction, appends the record to the empty *record (at most
 * SI_EVENT_MAX bytes), and must not use the store; what it returns other than SI_OK undoes the
 * beginning. */
typedef si_rc (*si_state_tell)(void *ctx, const struct si_operation *operation,
                               struct si_buf *record, struct si_error *error);
struct si_state_teller {
  const char *stream;
  si_state_tell tell;
  void *ctx;
};

/* Adds `count` events, in order, in one transaction of their own. */
si_rc si_state_events_add(struct si_state *state, const struct si_state_event *events, size_t count,
                          struct si_error *error) SI_MUST_USE;

/* The last event of a stream: *seq 0 and the hash before the first where there is none. */
si_rc si_state_event_head(struct si_state *state, const char *stream, uint64_t *seq, char hash[65],
                          struct si_error *error) SI_MUST_USE;
/* What comes before the first event of a stream. */
si_rc si_state_event_genesis(const char *context_id, const char *stream, char hash[65]) SI_MUST_USE;

typedef si_rc (*si_state_event_each)(void *ctx, uint64_t seq, const char *line);
/* Lines (without \n) of a stream that wait for the file, from `after` + 1 on, in order, as one
 * consistent read. each() must not write to the store; what it returns other than SI_OK ends the
 * reading and is returned. */
si_rc si_state_events_waiting(struct si_state *state, const char *stream, uint64_t after, void *ctx,
                              si_state_event_each each, struct si_error *error) SI_MUST_USE;
/* The file has all up to `seq` durably: the store forgets their lines. */
si_rc si_state_events_written(struct si_state *state, const char *stream, uint64_t seq,
                              struct si_error *error) SI_MUST_USE;

#endif
