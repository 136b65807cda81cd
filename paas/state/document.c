/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/state/document.h"

#include <string.h>

#include "paas/state/private.h"

si_rc si_state_document_put(struct si_state *state, const char *name, const char *json,
                            const struct si_state_event *event, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  char now[SI_TIME_SIZE];
  if (!name[0] || strlen(name) > 64 || strnlen(json, SI_DOCUMENT_MAX + 1) > SI_DOCUMENT_MAX) {
    return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                        "the document %.64s is longer than %u bytes", name, SI_DOCUMENT_MAX);
  }
  si_rc status = si_state_enter(state, &tx, error);
  if (status == SI_OK) {
    si_now_text(now);
    status = si_state_run(state,
                          "INSERT INTO documents(name,json,updated_at)VALUES(?1,?2,?3)"
                          "ON CONFLICT(name)DO UPDATE SET json=?2,updated_at=?3",
                          SI_VALUES(name, json, now), error);
  }
  if (status == SI_OK && event) {
    status = si_state_event_insert(state, event, error);
  }
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

si_rc si_state_document_get(struct si_state *state, const char *name, struct si_buf *out,
                            struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status = si_state_prepare(state, "SELECT json FROM documents WHERE name=?1",
                                  SI_VALUES(name), &statement, error);
  if (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
  }
  if (status != SI_OK) {
    return status;
  }
  if (!row) {
    return si_error_set(error, SI_E_NOT_FOUND, "DOCUMENT_NOT_FOUND",
                        "the state store holds no document %s", name);
  }
  if (si_buf_puts(out, (const char *)sqlite3_column_text(statement, 0)) != SI_OK) {
    return si_error_set(error, SI_E_QUOTA, "STATE_TOO_LARGE", "the document %s is too long", name);
  }
  return SI_OK;
}
