/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "paas/state/private.h"

void si_state_finalize(sqlite3_stmt **statement) {
  sqlite3_finalize(*statement);
  *statement = NULL;
}

/* A writer that died left a journal which a read-only connection may not roll back: one that may
 * write does so by reading. Whether it worked shows when the caller tries again. */
static void mend(const struct si_state *state) {
  sqlite3 *db = NULL;
  if (sqlite3_open_v2(state->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
      SQLITE_OK) {
    sqlite3_busy_timeout(db, (int)state->wait_ms);
    (void)sqlite3_exec(db, "PRAGMA user_version", NULL, NULL, NULL);
  }
  sqlite3_close(db);
}

static bool must_mend(const struct si_state *state, int rc) {
  return rc != SQLITE_OK && rc != SQLITE_ROW && rc != SQLITE_DONE &&
         sqlite3_extended_errcode(state->db) == SQLITE_READONLY_ROLLBACK;
}

si_rc si_state_prepare(struct si_state *state, const char *sql, const char *const *values,
                       size_t count, sqlite3_stmt **out, struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  int rc = sqlite3_prepare_v2(state->db, sql, -1, &statement, NULL);
  if (must_mend(state, rc)) {
    mend(state);
    rc = sqlite3_prepare_v2(state->db, sql, -1, &statement, NULL);
  }
  for (size_t i = 0; rc == SQLITE_OK && i < count; i++) {
    rc = sqlite3_bind_text(statement, (int)i + 1, values[i], -1, SQLITE_STATIC);
  }
  if (rc != SQLITE_OK) {
    return si_state_fault(state, "preparing a statement", error);
  }
  *out = statement;
  statement = NULL;
  return SI_OK;
}

si_rc si_state_next(struct si_state *state, sqlite3_stmt *statement, bool *row,
                    struct si_error *error) {
  int rc = sqlite3_step(statement);
  if (must_mend(state, rc)) {
    sqlite3_reset(statement);
    mend(state);
    rc = sqlite3_step(statement);
  }
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
    return si_state_fault(state, sqlite3_stmt_readonly(statement) ? "reading" : "writing a record",
                          error);
  }
  *row = rc == SQLITE_ROW;
  return SI_OK;
}

si_rc si_state_run(struct si_state *state, const char *sql, const char *const *values, size_t count,
                   struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status = si_state_prepare(state, sql, values, count, &statement, error);
  if (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
  }
  return status;
}

static si_rc read_field(struct si_state *state, const char *text,
                        const struct si_state_field *field, void *record, struct si_error *error) {
  char *to = (char *)record + field->offset;
  if (field->size > 0) {
    if (text && strlen(text) >= field->size) {
      return si_error_set(error, SI_E_CORRUPT, "STATE_CORRUPT",
                          "the state store %s holds a text that is too long: %.40s...", state->path,
                          text);
    }
    si_copy(to, field->size, text);
    return SI_OK;
  }
  char *copy = text ? strdup(text) : NULL;
  if (text && !copy) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory while reading");
  }
  memcpy(to, &copy, sizeof copy);
  return SI_OK;
}

si_rc si_state_read(struct si_state *state, sqlite3_stmt *statement,
                    const struct si_state_field *fields, size_t count, void *record,
                    struct si_error *error) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    const char *text = (const char *)sqlite3_column_text(statement, (int)i);
    status = read_field(state, text, &fields[i], record, error);
  }
  return status;
}

void si_state_list_free(struct si_state_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    list->drop((char *)list->items + i * list->size);
  }
  free(list->items);
  list->items = NULL;
  list->count = list->room = 0;
}

/* A zeroed record at the end; NULL where memory ends. */
static void *list_grow(struct si_state_list *list) {
  if (list->count == list->room) {
    size_t room = list->room ? list->room * 2 : 16;
    void *items = reallocarray(list->items, room, list->size);
    if (!items) {
      return NULL;
    }
    list->items = items;
    list->room = room;
  }
  return memset((char *)list->items + list->count++ * list->size, 0, list->size);
}

si_rc si_state_list_read(struct si_state *state, const char *sql, const char *const *values,
                         size_t value_count, const struct si_state_field *fields, size_t count,
                         struct si_state_list *list, struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = true;
  si_rc status = si_state_prepare(state, sql, values, value_count, &statement, error);
  while (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
    if (status != SI_OK || !row) {
      break;
    }
    void *record = list_grow(list);
    status = record ? si_state_read(state, statement, fields, count, record, error)
                    : si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: %zu records",
                                   list->count);
  }
  return status;
}
