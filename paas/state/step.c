/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kit/base/json.h"
#include "paas/state/private.h"

si_rc si_state_step(struct si_state *state, const char *operation_id, const char *name,
                    const char *phase, const char *outside_id, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  char now[SI_TIME_SIZE];
  if (!name[0] || strlen(name) > 255 || (outside_id && strlen(outside_id) > 1023)) {
    return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                        "a step of operation %s has no name, or too long a name or outside id",
                        operation_id);
  }
  si_rc status = si_state_enter(state, &tx, error);
  if (status == SI_OK) {
    si_now_text(now);
    status = si_state_run(state,
                          "INSERT INTO steps(operation_id,seq,at,name,phase,outside_id)"
                          "SELECT ?1,coalesce(max(seq),0)+1,?2,?3,?4,?5 FROM steps "
                          "WHERE operation_id=?1",
                          SI_VALUES(operation_id, now, name, phase, outside_id), error);
  }
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

static si_rc quote(const char *text, struct si_buf *out) {
  return text ? si_json_quote(text, strlen(text), out) : si_buf_puts(out, "null");
}

static si_rc print_step(sqlite3_stmt *row, struct si_buf *out) {
  static const char *const keys[] = {"{\"at\":", ",\"name\":", ",\"outside_id\":", ",\"phase\":"};
  si_rc status = SI_OK;
  for (int i = 0; status == SI_OK && i < 4; i++) {
    status = si_buf_puts(out, keys[i]);
    if (status == SI_OK) {
      status = quote((const char *)sqlite3_column_text(row, i), out);
    }
  }
  if (status == SI_OK) {
    status = si_buf_printf(out, ",\"seq\":%lld}\n", (long long)sqlite3_column_int64(row, 4));
  }
  return status;
}

si_rc si_state_steps(struct si_state *state, const char *operation_id, struct si_buf *out,
                     struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = true;
  si_rc status = si_state_prepare(
      state, "SELECT at,name,outside_id,phase,seq FROM steps WHERE operation_id=?1 ORDER BY seq",
      SI_VALUES(operation_id), &statement, error);
  while (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
    if (status != SI_OK || !row) {
      return status;
    }
    if (print_step(statement, out) != SI_OK) {
      return si_error_set(error, SI_E_QUOTA, "STATE_STEPS_TOO_MANY",
                          "the steps of operation %s do not fit into %zu bytes", operation_id,
                          out->max);
    }
  }
  return status;
}
