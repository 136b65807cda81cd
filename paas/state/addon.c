/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/state/addon.h"

#include <stddef.h>
#include <stdlib.h>

#include "paas/state/private.h"

#define SELECT                                                                             \
  "SELECT app,pack,version,sha256,enabled_at,enabled_by,disabled_at,disabled_by,settings " \
  "FROM addons WHERE owner_id=?1 "

#define FIELD(member) \
  { offsetof(struct si_addon_row, member), sizeof(((struct si_addon_row *)0)->member) }
#define OWNED(member) \
  { offsetof(struct si_addon_row, member), 0 }
static const struct si_state_field fields[] = {
    FIELD(app),        FIELD(pack),        FIELD(version),     FIELD(sha256),  FIELD(enabled_at),
    FIELD(enabled_by), FIELD(disabled_at), FIELD(disabled_by), OWNED(settings)};
enum { FIELDS = sizeof fields / sizeof *fields };

void si_addon_row_free(struct si_addon_row *row) {
  free(row->settings);
  row->settings = NULL;
}

si_rc si_state_addon(struct si_state *state, const char *owner_id, const char *app,
                     const char *pack, struct si_addon_row *out, struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  struct si_addon_row found SI_AUTO(si_addon_row_free) = {.app = ""};
  bool row = false;
  si_rc status = si_state_prepare(state, SELECT "AND app=?2 AND pack=?3 AND disabled_at IS NULL",
                                  SI_VALUES(owner_id, app, pack), &statement, error);
  status = status == SI_OK ? si_state_next(state, statement, &row, error) : status;
  if (status == SI_OK && !row) {
    si_error_set(error, SI_E_NOT_FOUND, "ADDON_NOT_ENABLED",
                 "the add-on %.63s is not enabled for %.63s", pack, app);
    si_error_target(error, NULL, pack);
    return si_error_hint(error, "see what is: si paas addon list --app %.63s", app);
  }
  status =
      status == SI_OK ? si_state_read(state, statement, fields, FIELDS, &found, error) : status;
  if (status == SI_OK) {
    *out = found;
    found.settings = NULL;
  }
  return status;
}

static si_rc end_row(struct si_state *state, const char *owner_id, const char *app,
                     const char *pack, const char *by, struct si_error *error) {
  char now[SI_TIME_SIZE];
  si_now_text(now);
  return si_state_run(state,
                      "UPDATE addons SET disabled_at=?4,disabled_by=?5 WHERE owner_id=?1 AND "
                      "app=?2 AND pack=?3 AND disabled_at IS NULL",
                      SI_VALUES(owner_id, app, pack, now, by), error);
}

static si_rc add_row(struct si_state *state, const char *owner_id, const struct si_addon_row *row,
                     struct si_error *error) {
  char now[SI_TIME_SIZE];
  si_now_text(now);
  return si_state_run(
      state,
      "INSERT INTO addons(owner_id,app,pack,version,sha256,settings,enabled_at,enabled_by)"
      "VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
      SI_VALUES(owner_id, row->app, row->pack, row->version, row->sha256, row->settings, now,
                row->enabled_by),
      error);
}

si_rc si_state_addon_enable(struct si_state *state, const char *owner_id,
                            const struct si_addon_row *row, const struct si_state_event *event,
                            struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  si_rc status = si_state_enter(state, &tx, error);
  status = status == SI_OK ? end_row(state, owner_id, row->app, row->pack, row->enabled_by, error)
                           : status;
  status = status == SI_OK ? add_row(state, owner_id, row, error) : status;
  status = status == SI_OK && event ? si_state_event_insert(state, event, error) : status;
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

si_rc si_state_addon_disable(struct si_state *state, const char *owner_id, const char *app,
                             const char *pack, const char *by, const struct si_state_event *event,
                             struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  struct si_addon_row row SI_AUTO(si_addon_row_free) = {.app = ""};
  si_rc status = si_state_enter(state, &tx, error);
  status = status == SI_OK ? si_state_addon(state, owner_id, app, pack, &row, error) : status;
  status = status == SI_OK ? end_row(state, owner_id, app, pack, by, error) : status;
  status = status == SI_OK && event ? si_state_event_insert(state, event, error) : status;
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

static void drop(void *row) {
  si_addon_row_free(row);
}

si_rc si_state_addons(struct si_state *state, const char *owner_id, const char *app, bool all,
                      void *ctx, si_addon_each each, struct si_error *error) {
  struct si_state_list list SI_AUTO(si_state_list_free) = {.size = sizeof(struct si_addon_row),
                                                           .drop = drop};
  const char *sql = all ? SELECT "AND(?2 IS NULL OR app=?2)ORDER BY app,pack,seq"
                        : SELECT
                        "AND(?2 IS NULL OR app=?2)AND disabled_at IS NULL "
                        "ORDER BY app,pack";
  si_rc status =
      si_state_list_read(state, sql, SI_VALUES(owner_id, app), fields, FIELDS, &list, error);
  const struct si_addon_row *rows = list.items;
  for (size_t i = 0; status == SI_OK && i < list.count; i++) {
    status = each(ctx, &rows[i]);
  }
  return status;
}
