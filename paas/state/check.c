/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/state/check.h"

#include <stdio.h>
#include <string.h>

#include "paas/state/private.h"

static si_rc damaged(const struct si_state *state, const char *what, struct si_error *error) {
  si_error_set(error, SI_E_CORRUPT, "STATE_CORRUPT", "the state store %s is damaged: %.600s",
               state->path, what);
  si_error_hint(error, "stop changing this context, and restore state.db from a backup");
  return SI_E_CORRUPT;
}

/* The first column of the first row; "" where there is none. */
static si_rc first(struct si_state *state, const char *sql, char *to, size_t size,
                   struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status = si_state_prepare(state, sql, SI_NO_VALUES, &statement, error);
  if (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
  }
  if (status == SI_OK) {
    si_copy(to, size, row ? (const char *)sqlite3_column_text(statement, 0) : "");
  }
  return status;
}

si_rc si_state_verify(struct si_state *state, int *schema, struct si_error *error) {
  char text[512];
  uint64_t version = 0;
  si_rc status = first(state, "PRAGMA quick_check(1)", text, sizeof text, error);
  if (status != SI_OK) {
    return status;
  }
  if (strcmp(text, "ok") != 0) {
    return damaged(state, text, error);
  }
  status = first(state, "PRAGMA foreign_key_check", text, sizeof text, error);
  if (status == SI_OK && text[0]) {
    char what[640];
    snprintf(what, sizeof what, "a row of %s refers to one that is not there", text);
    return damaged(state, what, error);
  }
  if (status == SI_OK) {
    status = first(state, "PRAGMA user_version", text, sizeof text, error);
  }
  if (status == SI_OK && si_parse_u64(text, 0, INT32_MAX, &version) != SI_OK) {
    return damaged(state, "it has no version", error);
  }
  if (status == SI_OK) {
    *schema = (int)version;
  }
  return status;
}

si_rc si_state_newest(struct si_state *state, int64_t *ms, struct si_error *error) {
  char text[SI_TIME_SIZE];
  int64_t found = 0;
  si_rc status = first(state,
                       "SELECT max(t) FROM(SELECT max(started_at) t FROM operations UNION ALL "
                       "SELECT max(ended_at) FROM operations UNION ALL "
                       "SELECT max(updated_at) FROM projects)",
                       text, sizeof text, error);
  if (status == SI_OK && text[0] && si_time_parse(text, &found) != SI_OK) {
    return damaged(state, "a time in it is none", error);
  }
  if (status == SI_OK) {
    *ms = found;
  }
  return status;
}
