/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/state/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paas/state/private.h"

#define AT(member) offsetof(struct si_ledger_row, member), sizeof((struct si_ledger_row *)0)->member
#define OF(member) offsetof(struct si_ledger, member), sizeof((struct si_ledger *)0)->member

bool si_ledger_writable(const struct si_state *state) {
  return state->mode == SI_STATE_WRITE;
}

unsigned si_ledger_wait(const struct si_state *state) {
  return state->wait_ms;
}

void si_ledger_free(struct si_ledger *ledger) {
  free(ledger->rows);
  *ledger = (struct si_ledger){.rows = NULL};
}

/* --- reading --- */

static si_rc read_numbers(struct si_state *state, struct si_ledger_row *row,
                          struct si_error *error) {
  const char *revision = row->numbers[0], *next = row->numbers[1];
  row->pending = next[0] != '\0';
  if (si_parse_u64(revision, 0, INT64_MAX, &row->revision) != SI_OK ||
      (row->pending && si_parse_u64(next, 0, INT64_MAX, &row->next_revision) != SI_OK)) {
    return si_error_set(error, SI_E_CORRUPT, "STATE_CORRUPT",
                        "the state store %s holds a revision that is no number", state->path);
  }
  return SI_OK;
}

static si_rc read_rows(struct si_state *state, struct si_ledger *out, struct si_error *error) {
  static const struct si_state_field fields[] = {
      {AT(app)},        {AT(key)},        {AT(numbers[0])}, {AT(sha256)},     {AT(origin)},
      {AT(created_at)}, {AT(updated_at)}, {AT(numbers[1])}, {AT(next_sha256)}};
  struct si_state_list list = {.size = sizeof *out->rows};
  si_rc status = si_state_list_read(
      state,
      "SELECT app,key,revision,sha256,origin,created_at,updated_at,next_revision,next_sha256 "
      "FROM ledger ORDER BY app,key",
      SI_NO_VALUES, fields, sizeof fields / sizeof *fields, &list, error);
  out->rows = list.items;
  out->count = list.count;
  for (size_t i = 0; status == SI_OK && i < out->count; i++) {
    status = read_numbers(state, &out->rows[i], error);
  }
  return status;
}

static si_rc read_vault(struct si_state *state, struct si_ledger *out, struct si_error *error) {
  static const struct si_state_field fields[] = {
      {OF(own)}, {OF(trusted)}, {OF(trusted_at)}, {OF(next_own)}, {OF(next_trusted)}};
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status = si_state_prepare(
      state,
      "SELECT own,trusted,trusted_at,next_own,next_trusted,next_event IS NOT NULL FROM vault",
      SI_NO_VALUES, &statement, error);
  status = status == SI_OK ? si_state_next(state, statement, &row, error) : status;
  if (status == SI_OK && row) {
    status = si_state_read(state, statement, fields, sizeof fields / sizeof *fields, out, error);
    out->pending = sqlite3_column_int(statement, 5) != 0;
  }
  return status;
}

si_rc si_ledger_read(struct si_state *state, struct si_ledger *out, struct si_error *error) {
  struct si_ledger ledger SI_AUTO(si_ledger_free) = {.rows = NULL};
  si_rc status = si_state_run(state, "BEGIN", SI_NO_VALUES, error);
  if (status != SI_OK) {
    return status;
  }
  status = read_rows(state, &ledger, error);
  status = status == SI_OK ? read_vault(state, &ledger, error) : status;
  if (!sqlite3_get_autocommit(state->db)) {
    (void)sqlite3_exec(state->db, "ROLLBACK", NULL, NULL, NULL); /* nothing was written */
  }
  if (status == SI_OK) {
    *out = ledger;
    ledger = (struct si_ledger){.rows = NULL};
  }
  return status;
}

const struct si_ledger_row *si_ledger_find(const struct si_ledger *ledger, const char *app,
                                           const char *key) {
  size_t low = 0, high = ledger->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const struct si_ledger_row *row = &ledger->rows[middle];
    int order = strcmp(app, row->app);
    order = order != 0 ? order : strcmp(key, row->key);
    if (order == 0) {
      return row;
    }
    if (order < 0) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return NULL;
}

/* --- writing --- */

static si_rc refuse_pending(struct si_state *state, struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status = si_state_prepare(state, "SELECT 1 FROM vault WHERE next_event IS NOT NULL",
                                  SI_NO_VALUES, &statement, error);
  status = status == SI_OK ? si_state_next(state, statement, &row, error) : status;
  if (status == SI_OK && row) {
    return si_error_set(error, SI_E_INTERNAL, "LEDGER_PENDING",
                        "a write of the vault that has begun was not settled");
  }
  return status;
}

static si_rc intend_one(struct si_state *state, const struct si_ledger_change *change,
                        const char *now, struct si_error *error) {
  char revision[24];
  snprintf(revision, sizeof revision, "%llu", (unsigned long long)change->revision);
  si_rc status = si_state_run(
      state,
      "INSERT INTO ledger(app,key,revision,origin,created_at,updated_at)"
      "SELECT ?1,?2,0,?3,?4,?4 WHERE NOT EXISTS(SELECT 1 FROM ledger WHERE app=?1 AND key=?2)",
      SI_VALUES(change->app, change->key, change->origin ? change->origin : "set", now), error);
  if (status == SI_OK) {
    status = si_state_run(
        state,
        "UPDATE ledger SET next_revision=?3,next_sha256=?4,next_origin=?5 "
        "WHERE app=?1 AND key=?2",
        SI_VALUES(change->app, change->key, revision, change->sha256, change->origin), error);
  }
  return status;
}

si_rc si_ledger_intend(struct si_state *state, const struct si_ledger_change *changes, size_t count,
                       const char *own, const char *trusted, const char *record,
                       struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  char now[SI_TIME_SIZE];
  si_now_text(now);
  si_rc status = si_state_enter(state, &tx, error);
  status = status == SI_OK ? refuse_pending(state, error) : status;
  if (status == SI_OK) {
    status =
        si_state_run(state, "INSERT INTO vault(one)SELECT 1 WHERE NOT EXISTS(SELECT 1 FROM vault)",
                     SI_NO_VALUES, error);
  }
  if (status == SI_OK) {
    status = si_state_run(state, "UPDATE vault SET next_own=?1,next_trusted=?2,next_event=?3",
                          SI_VALUES(own, trusted, record), error);
  }
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    status = intend_one(state, &changes[i], now, error);
  }
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

static si_rc add_event(struct si_state *state, const char *record, struct si_error *error) {
  const struct si_state_event event = {"audit", record};
  return si_state_event_insert(state, &event, error);
}

static si_rc take_event(struct si_state *state, struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status =
      si_state_prepare(state, "SELECT next_event FROM vault WHERE next_event IS NOT NULL",
                       SI_NO_VALUES, &statement, error);
  status = status == SI_OK ? si_state_next(state, statement, &row, error) : status;
  if (status != SI_OK || !row) {
    return status;
  }
  char *record = strdup((const char *)sqlite3_column_text(statement, 0));
  if (!record) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: the vault's event");
  }
  si_state_finalize(&statement);
  status = add_event(state, record, error);
  free(record);
  return status;
}

static si_rc take(struct si_state *state, struct si_error *error) {
  char now[SI_TIME_SIZE];
  si_now_text(now);
  si_rc status = take_event(state, error);
  if (status == SI_OK) {
    status = si_state_run(state,
                          "UPDATE ledger SET origin=coalesce(next_origin,origin),updated_at="
                          "CASE WHEN next_revision<>revision OR next_sha256 IS NULL THEN ?1 "
                          "ELSE updated_at END,revision=next_revision,sha256=next_sha256 "
                          "WHERE next_revision IS NOT NULL",
                          SI_VALUES(now), error);
  }
  if (status == SI_OK) {
    status = si_state_run(state,
                          "UPDATE vault SET own=coalesce(next_own,own),trusted_at="
                          "CASE WHEN next_trusted IS NULL THEN trusted_at ELSE ?1 END,"
                          "trusted=coalesce(next_trusted,trusted)",
                          SI_VALUES(now), error);
  }
  return status;
}

si_rc si_ledger_settle(struct si_state *state, bool taken, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  si_rc status = si_state_enter(state, &tx, error);
  status = status == SI_OK && taken ? take(state, error) : status;
  if (status == SI_OK) {
    status = si_state_run(state,
                          "UPDATE ledger SET next_revision=NULL,next_sha256=NULL,next_origin=NULL "
                          "WHERE next_revision IS NOT NULL",
                          SI_NO_VALUES, error);
  }
  if (status == SI_OK) {
    status = si_state_run(state, "UPDATE vault SET next_own=NULL,next_trusted=NULL,next_event=NULL",
                          SI_NO_VALUES, error);
  }
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

si_rc si_ledger_trust(struct si_state *state, const char *trusted, const char *record,
                      struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  char now[SI_TIME_SIZE];
  si_now_text(now);
  si_rc status = si_state_enter(state, &tx, error);
  if (status == SI_OK) {
    status = si_state_run(state, "UPDATE vault SET trusted=?1,trusted_at=?2",
                          SI_VALUES(trusted, trusted ? now : NULL), error);
  }
  status = status == SI_OK ? add_event(state, record, error) : status;
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}
