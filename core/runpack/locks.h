/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/locks.h - how the objects of a runpack are locked, complete or not, as their store
 * tells it now; locking them for longer, and legal holds. Depends on store.h, lock.h.
 *
 * A lock only grows: what would end one earlier, or put a weaker mode in its place, is refused here
 * before anything is asked of the store, and whatever was asked for is read back before it counts.
 * Only the versions that a reader gets are locked and held; old ones are told, and left alone.
 */
#ifndef SI_CORE_RUNPACK_LOCKS_H
#define SI_CORE_RUNPACK_LOCKS_H

#include "core/runpack/key.h"
#include "core/runpack/lock.h"
#include "kit/base/json.h"

/* One version of one object. Texts are offsets: si_locks_text. */
struct si_lock_row {
  uint32_t key;
  uint32_t version; /* of "" where the store has no versions */
  uint32_t mode;
  uint32_t flags; /* SI_LOCK_* */
  int64_t until_ms;
};

struct si_locks {
  char prefix[SI_KEY_SIZE];
  struct si_lock_row *rows; /* by key, the current version of it first */
  size_t count;
  size_t room;
  struct si_buf texts;
  struct si_buf about; /* JSON: what the store says of itself */
  int64_t told_ms;     /* the store's clock; the local one where it has none */
  int64_t local_ms;
  bool clock;    /* the store has one */
  bool complete; /* the manifest is there for a reader */
  /* Of the versions that readers get. A lock whose end has passed is none. */
  uint64_t current;
  uint64_t locked;
  uint64_t held;
  uint32_t weakest;    /* the weakest mode among them; SI_LOCK_NONE where one is not locked */
  int64_t earliest_ms; /* the first end among those that are locked; 0: none is */
  int64_t latest_ms;
  uint64_t old;     /* versions that readers no longer get */
  uint64_t markers; /* of removals */
};

#define SI_LOCKS \
  { .texts = SI_BUF(256u << 20), .about = SI_BUF(65536) }

/* Asks the store for all below `prefix`. LOCK_UNSUPPORTED (SI_E_UNSUPPORTED): it does not lock.
 * RUNPACK_NOT_FOUND (SI_E_NOT_FOUND): nothing is there, nor was. Start from SI_LOCKS; a second call
 * reads anew. */
si_rc si_locks_read(struct si_store *store, const char *prefix, struct si_locks *locks,
                    struct si_error *error) SI_MUST_USE;
const char *si_locks_text(const struct si_locks *locks, uint32_t offset);
/* Below the prefix: "manifest.json". */
const char *si_locks_path(const struct si_locks *locks, const struct si_lock_row *row);
/* Does a reader get it? */
bool si_locks_current(const struct si_lock_row *row);
/* Is it locked by the store's clock now? A hold counts as none. */
bool si_locks_locked(const struct si_locks *locks, const struct si_lock_row *row);
bool si_locks_all_locked(const struct si_locks *locks);
/* This machine's clock is ahead of the store's by so much; 0: unknown. */
int64_t si_locks_skew_ms(const struct si_locks *locks);
void si_locks_free(struct si_locks *locks); /* for SI_AUTO */

/* Is every object that a reader gets locked in `mode` or a stronger one until `until_ms` at least?
 * LOCK_MISSING (SI_E_RETENTION) names the first that is not. */
si_rc si_locks_demand(const struct si_locks *locks, uint32_t mode, int64_t until_ms,
                      struct si_error *error) SI_MUST_USE;

/* Would that lock end none earlier, and weaken none? SI_E_RETENTION: LOCK_SHORTEN, LOCK_DOWNGRADE,
 * with how it is locked. LOCK_TIME (SI_E_INVALID): a time that has passed by the store's clock. */
si_rc si_locks_may_extend(const struct si_locks *locks, uint32_t mode, int64_t until_ms,
                          struct si_error *error) SI_MUST_USE;

/* Locks every object that a reader gets, if it may, then reads all of it anew. LOCK_UNPROVEN,
 * LOCK_MISSING (SI_E_RETENTION): the store did not do it. */
si_rc si_locks_extend(struct si_store *store, struct si_locks *locks, uint32_t mode,
                      int64_t until_ms, struct si_error *error) SI_MUST_USE;

/* Puts them all under legal hold, or ends that; then reads anew. */
si_rc si_locks_hold(struct si_store *store, struct si_locks *locks, bool on,
                    struct si_error *error) SI_MUST_USE;

/* Adds to `to`: "complete", "all_locked", "weakest_mode", "earliest_until", "held" (how many),
 * "objects":[{"current","held","key","marker","mode","until","version"}], "old_versions",
 * "markers", "store" (what it says of itself), "clock":{"local","skew_ms","store"}. Times are texts
 * or null. */
si_rc si_locks_json(const struct si_locks *locks, cJSON *to) SI_MUST_USE;

#endif
