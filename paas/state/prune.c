/* SPDX-License-Identifier: Apache-2.0 */
/* The pruning of releases: which of them nobody needs is the schema's to say. */
#include <stddef.h>
#include <stdio.h>

#include "paas/state/private.h"
#include "paas/state/release.h"

#define FIELD(member) \
  { offsetof(struct si_prunable, member), sizeof(((struct si_prunable *)0)->member) }
static const struct si_state_field fields[] = {
    FIELD(project_id),
    FIELD(number),
    FIELD(made_at),
    FIELD(slug),
};

static void drop_nothing(void *release) {
  (void)release;
}

si_rc si_state_prunable(struct si_state *state, const char *owner_id, uint64_t keep,
                        const char *before, void *ctx, si_prunable_each each,
                        struct si_error *error) {
  struct si_state_list list SI_AUTO(si_state_list_free) = {.size = sizeof(struct si_prunable),
                                                           .drop = drop_nothing};
  char number[24];
  snprintf(number, sizeof number, "%llu", (unsigned long long)keep);
  si_rc status = si_state_list_read(
      state,
      "SELECT project_id,number,made_at,slug FROM releases_prunable p WHERE owner_id=?3 AND "
      "made_at<?2 AND "
      "(SELECT count(*)FROM releases r WHERE r.project_id=p.project_id AND r.number>p.number AND "
      "r.pruned_at IS NULL)>=CAST(?1 AS INTEGER)ORDER BY project_id,number",
      SI_VALUES(number, before, owner_id), fields, sizeof fields / sizeof *fields, &list, error);
  const struct si_prunable *releases = list.items;
  for (size_t i = 0; status == SI_OK && i < list.count; i++) {
    status = each(ctx, &releases[i]);
  }
  return status;
}

static si_rc prune_one(struct si_state *state, const struct si_prunable *release, const char *now,
                       struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool prunable = false;
  si_rc status =
      si_state_prepare(state,
                       "SELECT 1 FROM releases_prunable WHERE project_id=?1 AND "
                       "number=CAST(?2 AS INTEGER)",
                       SI_VALUES(release->project_id, release->number), &statement, error);
  status = status == SI_OK ? si_state_next(state, statement, &prunable, error) : status;
  if (status == SI_OK && !prunable) {
    si_error_set(error, SI_E_CONFLICT, "RELEASE_NEEDED",
                 "release %s of %s is needed again: nothing was pruned", release->number,
                 release->slug);
    return si_error_hint(error, "look again with --dry-run");
  }
  return status == SI_OK ? si_state_run(state,
                                        "UPDATE releases SET stack='{}',pruned_at=?3 WHERE "
                                        "project_id=?1 AND number=CAST(?2 AS INTEGER)",
                                        SI_VALUES(release->project_id, release->number, now), error)
                         : status;
}

si_rc si_state_prune(struct si_state *state, const struct si_prunable *releases, size_t count,
                     const struct si_state_event *event, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  char now[SI_TIME_SIZE];
  si_now_text(now);
  si_rc status = si_state_enter(state, &tx, error);
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    status = prune_one(state, &releases[i], now, error);
  }
  status = status == SI_OK && event ? si_state_event_insert(state, event, error) : status;
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}
