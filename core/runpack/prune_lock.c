/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/prune_lock.h"

#include "core/runpack/locks.h"
#include "kit/base/text.h"

si_rc si_prune_look(struct si_store *store, const char *prefix, struct si_prune_item *item,
                    struct si_error *error) {
  struct si_locks locks SI_AUTO(si_locks_free) = SI_LOCKS;
  item->locked = 0;
  item->held = false;
  item->locked_until_ms = 0;
  struct si_error why;
  si_rc status = si_locks_read(store, prefix, &locks, &why);
  if (status == SI_E_NOT_FOUND || status == SI_E_UNSUPPORTED) {
    return status == SI_E_NOT_FOUND ? SI_OK : status; /* no failure of the pruning */
  }
  if (status != SI_OK) {
    if (error) {
      *error = why;
    }
    return status;
  }
  for (size_t i = 0; i < locks.count; i++) {
    const struct si_lock_row *row = &locks.rows[i];
    bool locked = si_locks_locked(&locks, row);
    bool held = row->flags & SI_LOCK_HELD;
    item->locked += locked || held;
    item->held |= held;
    if (locked && row->until_ms > item->locked_until_ms) {
      item->locked_until_ms = row->until_ms;
    }
  }
  return SI_OK;
}

si_rc si_prune_locked(const char *prefix, const struct si_prune_item *item,
                      struct si_error *error) {
  char until[SI_TIME_SIZE] = "";
  if (item->locked_until_ms) {
    si_time_text(item->locked_until_ms, until);
  }
  si_error_set(error, SI_E_RETENTION, "RUNPACK_PRUNE_LOCKED",
               "%llu objects of the runpack at \"%.400s\" stay: locked%s%s%s",
               (unsigned long long)item->locked, prefix, until[0] ? " until " : "", until,
               item->held ? (until[0] ? ", and under legal hold" : " by a legal hold") : "");
  si_error_target(error, "prune", prefix);
  return si_error_hint(error, item->held ? "a hold is ended with: si runpack release"
                                         : "prune again when the lock has ended");
}
