/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/state/event.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/hash.h"
#include "kit/base/json.h"
#include "paas/state/private.h"

/* A line: the record, and what the chain adds to it. */
#define LINE_MAX_BYTES (SI_EVENT_MAX + 512u)

static si_rc no_memory(struct si_error *error) {
  return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory while adding an event");
}

si_rc si_state_event_genesis(const char *context_id, const char *stream, char hash[65]) {
  char text[256];
  int n = snprintf(text, sizeof text, "si.events/1\n%s\n%s\n", context_id, stream);
  return n > 0 && (size_t)n < sizeof text ? si_sha256_hex(text, (size_t)n, hash) : SI_E_INVALID;
}

static si_rc genesis(struct si_state *state, const char *stream, char hash[65],
                     struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status =
      si_state_prepare(state, "SELECT context_id FROM meta", SI_NO_VALUES, &statement, error);
  if (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
  }
  if (status != SI_OK) {
    return status;
  }
  const char *id = row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
  if (!id || si_state_event_genesis(id, stream, hash) != SI_OK) {
    return si_error_set(error, SI_E_CORRUPT, "STATE_CORRUPT",
                        "the state store %s does not say whose it is", state->path);
  }
  return SI_OK;
}

si_rc si_state_event_head(struct si_state *state, const char *stream, uint64_t *seq, char hash[65],
                          struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status = si_state_prepare(state, "SELECT seq,hash FROM event_heads WHERE stream=?1",
                                  SI_VALUES(stream), &statement, error);
  if (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
  }
  if (status != SI_OK) {
    return status;
  }
  if (!row) {
    status = genesis(state, stream, hash, error);
    *seq = status == SI_OK ? 0 : *seq;
    return status;
  }
  *seq = (uint64_t)sqlite3_column_int64(statement, 0);
  si_copy(hash, SI_SHA256_HEX, (const char *)sqlite3_column_text(statement, 1));
  return SI_OK;
}

/* The line of a record behind an event with (seq - 1, prev), and its hash. */
static si_rc make_line(const char *record, uint64_t seq, const char *prev, struct si_buf *line,
                       char hash[65], struct si_error *error) {
  cJSON *event SI_AUTO(si_json_free) = NULL;
  si_rc status = si_json_parse(record, strlen(record), &event, error);
  if (status != SI_OK) {
    return status;
  }
  if (!cJSON_IsObject(event) || si_json_get(event, "seq") || si_json_get(event, "prev") ||
      si_json_get(event, "hash")) {
    return si_error_set(error, SI_E_INVALID, "EVENT_RECORD",
                        "an event is a JSON object without seq, prev and hash");
  }
  if (!cJSON_AddNumberToObject(event, "seq", (double)seq) ||
      !cJSON_AddStringToObject(event, "prev", prev)) {
    return no_memory(error);
  }
  status = si_json_canonical(event, line);
  if (status == SI_OK) {
    status = si_sha256_hex(line->data, line->len, hash);
  }
  si_buf_clear(line);
  if (status == SI_OK && !cJSON_AddStringToObject(event, "hash", hash)) {
    status = SI_E_NOMEM;
  }
  if (status == SI_OK) {
    status = si_json_canonical(event, line);
  }
  return status == SI_OK
             ? SI_OK
             : si_error_set(error, status, "EVENT_RECORD",
                            "an event cannot be written as a line: %s", si_status_text(status));
}

si_rc si_state_event_insert(struct si_state *state, const struct si_state_event *event,
                            struct si_error *error) {
  struct si_buf line SI_AUTO(si_buf_free) = SI_BUF(LINE_MAX_BYTES);
  char prev[SI_SHA256_HEX];
  char hash[SI_SHA256_HEX];
  char number[24];
  uint64_t seq = 0;
  if (strlen(event->record) > SI_EVENT_MAX) {
    return si_error_set(error, SI_E_QUOTA, "EVENT_RECORD", "an event is longer than %u bytes",
                        SI_EVENT_MAX);
  }
  si_rc status = si_state_event_head(state, event->stream, &seq, prev, error);
  if (status == SI_OK) {
    status = make_line(event->record, seq + 1, prev, &line, hash, error);
  }
  if (status != SI_OK) {
    return status;
  }
  snprintf(number, sizeof number, "%llu", (unsigned long long)(seq + 1));
  status = si_state_run(state,
                        seq == 0 ? "INSERT INTO event_heads(stream,seq,hash)VALUES(?1,?2,?3)"
                                 : "UPDATE event_heads SET seq=?2,hash=?3 WHERE stream=?1",
                        SI_VALUES(event->stream, number, hash), error);
  if (status == SI_OK) {
    status = si_state_run(state, "INSERT INTO event_outbox(stream,seq,line)VALUES(?1,?2,?3)",
                          SI_VALUES(event->stream, number, line.data), error);
  }
  return status;
}

si_rc si_state_events_insert(struct si_state *state, const struct si_state_event *events,
                             size_t count, struct si_error *error) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    status = si_state_event_insert(state, &events[i], error);
  }
  return status;
}

si_rc si_state_event_tell(struct si_state *state, const struct si_state_teller *teller,
                          const struct si_operation *operation, struct si_error *error) {
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  if (!teller) {
    return SI_OK;
  }
  si_rc status = teller->tell(teller->ctx, operation, &record, error);
  if (status != SI_OK) {
    return status;
  }
  const struct si_state_event event = {teller->stream, si_buf_text(&record)};
  return si_state_event_insert(state, &event, error);
}

si_rc si_state_events_add(struct si_state *state, const struct si_state_event *events, size_t count,
                          struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  si_rc status = si_state_enter(state, &tx, error);
  if (status == SI_OK) {
    status = si_state_events_insert(state, events, count, error);
  }
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

si_rc si_state_events_waiting(struct si_state *state, const char *stream, uint64_t after, void *ctx,
                              si_state_event_each each, struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  char number[24];
  bool row = true;
  snprintf(number, sizeof number, "%llu", (unsigned long long)after);
  si_rc status = si_state_prepare(state,
                                  "SELECT seq,line FROM event_outbox WHERE stream=?1 AND "
                                  "seq>CAST(?2 AS INTEGER)ORDER BY seq",
                                  SI_VALUES(stream, number), &statement, error);
  while (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
    if (status != SI_OK || !row) {
      return status;
    }
    status = each(ctx, (uint64_t)sqlite3_column_int64(statement, 0),
                  (const char *)sqlite3_column_text(statement, 1));
  }
  return status;
}

si_rc si_state_events_written(struct si_state *state, const char *stream, uint64_t seq,
                              struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  char number[24];
  snprintf(number, sizeof number, "%llu", (unsigned long long)seq);
  si_rc status = si_state_enter(state, &tx, error);
  if (status == SI_OK) {
    status =
        si_state_run(state, "DELETE FROM event_outbox WHERE stream=?1 AND seq<=CAST(?2 AS INTEGER)",
                     SI_VALUES(stream, number), error);
  }
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}
