/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/state/target.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "paas/state/private.h"

#define SELECT                                                                               \
  "SELECT name,kind,made_at,checked_at,(SELECT count(*)FROM instances WHERE target=t.name)," \
  "config,labels FROM targets t "

#define FIELD(member) \
  { offsetof(struct si_target_row, member), sizeof(((struct si_target_row *)0)->member) }
#define OWNED(member) \
  { offsetof(struct si_target_row, member), 0 }
static const struct si_state_field fields[] = {
    FIELD(name),     FIELD(kind),   FIELD(made_at), FIELD(checked_at),
    FIELD(projects), OWNED(config), OWNED(labels),
};
enum { FIELDS = sizeof fields / sizeof *fields };

void si_target_row_free(struct si_target_row *row) {
  free(row->config);
  free(row->labels);
  row->config = row->labels = NULL;
}

si_rc si_state_target(struct si_state *state, const char *name, struct si_target_row *out,
                      struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  struct si_target_row found SI_AUTO(si_target_row_free) = {.name = ""};
  bool row = false;
  si_rc status =
      si_state_prepare(state, SELECT "WHERE name=?1", SI_VALUES(name), &statement, error);
  status = status == SI_OK ? si_state_next(state, statement, &row, error) : status;
  if (status == SI_OK && !row) {
    si_error_set(error, SI_E_NOT_FOUND, "TARGET_NOT_FOUND",
                 "there is no target %.63s in this context", name);
    si_error_target(error, NULL, name);
    si_error_hint(error, "see all of them with: si paas target list");
    return SI_E_NOT_FOUND;
  }
  status =
      status == SI_OK ? si_state_read(state, statement, fields, FIELDS, &found, error) : status;
  if (status == SI_OK) {
    *out = found;
    found.config = found.labels = NULL;
  }
  return status;
}

static si_rc add_row(struct si_state *state, const struct si_target_row *row,
                     struct si_error *error) {
  struct si_target_row known SI_AUTO(si_target_row_free) = {.name = ""};
  struct si_error why;
  char now[SI_TIME_SIZE];
  si_rc status = si_state_target(state, row->name, &known, &why);
  if (status == SI_OK) {
    si_error_set(error, SI_E_EXISTS, "TARGET_EXISTS", "there is a target %s already", row->name);
    si_error_target(error, NULL, row->name);
    si_error_hint(error, "choose another name, or remove that one first");
    return SI_E_EXISTS;
  }
  if (status != SI_E_NOT_FOUND) {
    if (error) {
      *error = why;
    }
    return status;
  }
  si_now_text(now);
  return si_state_run(state,
                      "INSERT INTO targets(name,kind,config,labels,made_at)VALUES(?1,?2,?3,?4,?5)",
                      SI_VALUES(row->name, row->kind, row->config, row->labels, now), error);
}

si_rc si_state_target_add(struct si_state *state, const struct si_target_row *row,
                          const struct si_state_event *event, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  si_rc status = si_state_enter(state, &tx, error);
  status = status == SI_OK ? add_row(state, row, error) : status;
  status = status == SI_OK && event ? si_state_event_insert(state, event, error) : status;
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

static si_rc remove_row(struct si_state *state, const char *name, struct si_error *error) {
  struct si_target_row row SI_AUTO(si_target_row_free) = {.name = ""};
  si_rc status = si_state_target(state, name, &row, error);
  if (status == SI_OK && strcmp(row.projects, "0") != 0) {
    si_error_set(error, SI_E_CONFLICT, "TARGET_USED", "%s project%s on target %s", row.projects,
                 strcmp(row.projects, "1") == 0 ? " lives" : "s live", name);
    si_error_target(error, NULL, name);
    si_error_hint(error, "delete what lives there first");
    return SI_E_CONFLICT;
  }
  return status == SI_OK
             ? si_state_run(state, "DELETE FROM targets WHERE name=?1", SI_VALUES(name), error)
             : status;
}

si_rc si_state_target_remove(struct si_state *state, const char *name,
                             const struct si_state_event *event, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  si_rc status = si_state_enter(state, &tx, error);
  status = status == SI_OK ? remove_row(state, name, error) : status;
  status = status == SI_OK && event ? si_state_event_insert(state, event, error) : status;
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

si_rc si_state_target_checked(struct si_state *state, const char *name, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  char now[SI_TIME_SIZE];
  si_now_text(now);
  si_rc status = si_state_enter(state, &tx, error);
  status = status == SI_OK ? si_state_run(state, "UPDATE targets SET checked_at=?2 WHERE name=?1",
                                          SI_VALUES(name, now), error)
                           : status;
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

static void drop(void *row) {
  si_target_row_free(row);
}

si_rc si_state_targets(struct si_state *state, void *ctx, si_target_each each,
                       struct si_error *error) {
  struct si_state_list list SI_AUTO(si_state_list_free) = {.size = sizeof(struct si_target_row),
                                                           .drop = drop};
  si_rc status =
      si_state_list_read(state, SELECT "ORDER BY name", SI_NO_VALUES, fields, FIELDS, &list, error);
  const struct si_target_row *rows = list.items;
  for (size_t i = 0; status == SI_OK && i < list.count; i++) {
    status = each(ctx, &rows[i]);
  }
  return status;
}
