/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/locks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"

/* --- reading --- */

const char *si_locks_text(const struct si_locks *locks, uint32_t offset) {
  return locks->texts.data + offset;
}

const char *si_locks_path(const struct si_locks *locks, const struct si_lock_row *row) {
  const char *key = si_locks_text(locks, row->key);
  size_t len = strlen(locks->prefix);
  return len && strncmp(key, locks->prefix, len) == 0 && key[len] == '/' ? key + len + 1 : key;
}

bool si_locks_current(const struct si_lock_row *row) {
  return (row->flags & SI_LOCK_CURRENT) && !(row->flags & SI_LOCK_MARKER);
}

bool si_locks_locked(const struct si_locks *locks, const struct si_lock_row *row) {
  return row->mode != SI_LOCK_NONE && row->until_ms > locks->told_ms;
}

bool si_locks_all_locked(const struct si_locks *locks) {
  return locks->current && locks->locked == locks->current;
}

int64_t si_locks_skew_ms(const struct si_locks *locks) {
  return locks->clock ? locks->local_ms - locks->told_ms : 0;
}

static si_rc add_text(struct si_locks *locks, const char *text, uint32_t *offset) {
  *offset = (uint32_t)locks->texts.len;
  return si_buf_add(&locks->texts, text, strlen(text) + 1);
}

static si_rc on_version(void *ctx, const si_lock *lock) {
  struct si_locks *locks = ctx;
  if (locks->count == locks->room) {
    size_t room = locks->room ? 2 * locks->room : 64;
    struct si_lock_row *grown = realloc(locks->rows, room * sizeof *grown);
    if (!grown) {
      return SI_E_NOMEM;
    }
    locks->rows = grown;
    locks->room = room;
  }
  struct si_lock_row *row = &locks->rows[locks->count];
  *row = (struct si_lock_row){.mode = lock->mode, .flags = lock->flags, .until_ms = lock->until_ms};
  si_rc status = add_text(locks, lock->key, &row->key);
  status =
      status == SI_OK ? add_text(locks, lock->version ? lock->version : "", &row->version) : status;
  locks->count += status == SI_OK;
  return status;
}

static int by_key(const void *left, const void *right, void *ctx) {
  const struct si_locks *locks = ctx;
  const struct si_lock_row *a = left, *b = right;
  int order = strcmp(si_locks_text(locks, a->key), si_locks_text(locks, b->key));
  order = order
              ? order
              : (int)((b->flags & SI_LOCK_CURRENT) != 0) - (int)((a->flags & SI_LOCK_CURRENT) != 0);
  return order ? order : strcmp(si_locks_text(locks, a->version), si_locks_text(locks, b->version));
}

static void count_current(struct si_locks *locks, const struct si_lock_row *row) {
  bool locked = si_locks_locked(locks, row);
  uint32_t mode = locked ? row->mode : SI_LOCK_NONE;
  locks->weakest = !locks->current || mode < locks->weakest ? mode : locks->weakest;
  locks->current++;
  locks->held += (row->flags & SI_LOCK_HELD) != 0;
  locks->complete |= strcmp(si_locks_path(locks, row), SI_KEY_MANIFEST) == 0;
  if (locked) {
    locks->locked++;
    locks->earliest_ms = !locks->earliest_ms || row->until_ms < locks->earliest_ms
                             ? row->until_ms
                             : locks->earliest_ms;
    locks->latest_ms = row->until_ms > locks->latest_ms ? row->until_ms : locks->latest_ms;
  }
}

static void count(struct si_locks *locks) {
  for (size_t i = 0; i < locks->count; i++) {
    const struct si_lock_row *row = &locks->rows[i];
    if (row->flags & SI_LOCK_MARKER) {
      locks->markers++;
    } else if (row->flags & SI_LOCK_CURRENT) {
      count_current(locks, row);
    } else {
      locks->old++;
    }
  }
}

static void forget(struct si_locks *locks) {
  struct si_locks kept = {
      .rows = locks->rows, .room = locks->room, .texts = locks->texts, .about = locks->about};
  memcpy(kept.prefix, locks->prefix, sizeof kept.prefix);
  *locks = kept;
  si_buf_clear(&locks->texts);
  si_buf_clear(&locks->about);
}

si_rc si_locks_read(struct si_store *store, const char *prefix, struct si_locks *locks,
                    struct si_error *error) {
  if (prefix != locks->prefix) {
    si_copy(locks->prefix, sizeof locks->prefix, prefix);
  }
  forget(locks);
  if (!store->vt->locks) {
    return si_lock_unsupported(error);
  }
  si_rc status = store->vt->locks(store, locks->prefix, SI_LOCK_VERSIONS_MAX, locks, on_version,
                                  &locks->about, error);
  locks->local_ms = si_now_ms();
  if (status == SI_E_UNSUPPORTED) {
    return si_lock_unsupported(error);
  }
  status = status == SI_OK ? si_lock_about(&locks->about, locks->local_ms, &locks->told_ms,
                                           &locks->clock, error)
                           : status;
  if (status != SI_OK) {
    return status;
  }
  if (locks->count == 0) {
    si_error_set(error, SI_E_NOT_FOUND, "RUNPACK_NOT_FOUND", "there is nothing at \"%.400s\"",
                 locks->prefix);
    return si_error_hint(error, "si runpack list shows the runpacks of a store");
  }
  qsort_r(locks->rows, locks->count, sizeof *locks->rows, by_key, locks);
  count(locks);
  return SI_OK;
}

void si_locks_free(struct si_locks *locks) {
  free(locks->rows);
  locks->rows = NULL;
  si_buf_free(&locks->texts);
  si_buf_free(&locks->about);
}

/* --- holding it against what was asked --- */

static void describe(const struct si_locks *locks, const struct si_lock_row *row, char *to,
                     size_t size) {
  char until[SI_TIME_SIZE];
  if (!si_locks_locked(locks, row)) {
    si_copy(to, size, "not locked");
    return;
  }
  si_time_text(row->until_ms, until);
  snprintf(to, size, "locked in mode %s until %s", si_lock_mode_name(row->mode), until);
}

si_rc si_locks_demand(const struct si_locks *locks, uint32_t mode, int64_t until_ms,
                      struct si_error *error) {
  char now[96], wanted[SI_TIME_SIZE];
  for (size_t i = 0; i < locks->count; i++) {
    const struct si_lock_row *row = &locks->rows[i];
    if (!si_locks_current(row) ||
        (si_locks_locked(locks, row) && row->mode >= mode && row->until_ms >= until_ms)) {
      continue;
    }
    describe(locks, row, now, sizeof now);
    si_time_text(until_ms, wanted);
    si_error_set(error, SI_E_RETENTION, "LOCK_MISSING",
                 "%.200s is %s, where %s until %s at least was asked for",
                 si_locks_path(locks, row), now, si_lock_mode_name(mode), wanted);
    return si_error_target(error, "lock", si_locks_path(locks, row));
  }
  return SI_OK;
}

static si_rc refuse(const struct si_locks *locks, const struct si_lock_row *row, bool shorter,
                    struct si_error *error) {
  char now[96];
  describe(locks, row, now, sizeof now);
  si_error_set(error, SI_E_RETENTION, shorter ? "LOCK_SHORTEN" : "LOCK_DOWNGRADE",
               "%.200s is %s, and a lock is never %s", si_locks_path(locks, row), now,
               shorter ? "ended earlier" : "made weaker");
  si_error_target(error, "lock", si_locks_path(locks, row));
  return si_error_hint(error, shorter ? "give an end that is no earlier"
                                      : "leave --lock-mode away, or name the stronger mode");
}

si_rc si_locks_may_extend(const struct si_locks *locks, uint32_t mode, int64_t until_ms,
                          struct si_error *error) {
  char now[SI_TIME_SIZE];
  if (until_ms <= locks->told_ms) {
    si_time_text(locks->told_ms, now);
    si_error_set(error, SI_E_INVALID, "LOCK_TIME",
                 "the lock would end at a time that has passed: it is %s by the store's clock",
                 now);
    return si_error_hint(error, "give a later end");
  }
  for (size_t i = 0; i < locks->count; i++) {
    const struct si_lock_row *row = &locks->rows[i];
    if (!si_locks_current(row) || !si_locks_locked(locks, row)) {
      continue;
    }
    if (row->mode > mode || row->until_ms > until_ms) {
      return refuse(locks, row, row->mode <= mode, error);
    }
  }
  return SI_OK;
}

static const char *version_of(const struct si_locks *locks, const struct si_lock_row *row) {
  const char *version = si_locks_text(locks, row->version);
  return version[0] ? version : NULL;
}

si_rc si_locks_extend(struct si_store *store, struct si_locks *locks, uint32_t mode,
                      int64_t until_ms, struct si_error *error) {
  si_lock now;
  si_rc status = si_locks_may_extend(locks, mode, until_ms, error);
  for (size_t i = 0; status == SI_OK && i < locks->count; i++) {
    const struct si_lock_row *row = &locks->rows[i];
    bool there = si_locks_locked(locks, row) && row->mode >= mode && row->until_ms >= until_ms;
    if (si_locks_current(row) && !there) {
      status = store->vt->lock(store, si_locks_text(locks, row->key), version_of(locks, row), mode,
                               until_ms, &now, error);
    }
  }
  status = status == SI_OK ? si_locks_read(store, locks->prefix, locks, error) : status;
  return status == SI_OK ? si_locks_demand(locks, mode, until_ms, error) : status;
}

static si_rc unproven(const struct si_locks *locks, bool on, struct si_error *error) {
  si_error_set(error, SI_E_RETENTION, "LOCK_UNPROVEN",
               on ? "%llu of %llu objects are under legal hold as the store tells it now"
                  : "%llu of %llu objects are still under legal hold as the store tells it now",
               (unsigned long long)locks->held, (unsigned long long)locks->current);
  return si_error_hint(error, "si runpack status tells which");
}

si_rc si_locks_hold(struct si_store *store, struct si_locks *locks, bool on,
                    struct si_error *error) {
  si_lock now;
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < locks->count; i++) {
    const struct si_lock_row *row = &locks->rows[i];
    if (si_locks_current(row) && on != ((row->flags & SI_LOCK_HELD) != 0)) {
      status = store->vt->hold(store, si_locks_text(locks, row->key), version_of(locks, row), on,
                               &now, error);
    }
  }
  status = status == SI_OK ? si_locks_read(store, locks->prefix, locks, error) : status;
  if (status == SI_OK && locks->held != (on ? locks->current : 0)) {
    status = unproven(locks, on, error);
  }
  return status;
}

/* --- JSON --- */

static cJSON *row_json(const struct si_locks *locks, const struct si_lock_row *row) {
  const char *version = version_of(locks, row);
  cJSON *json = cJSON_CreateObject();
  bool added = cJSON_AddStringToObject(json, "key", si_locks_path(locks, row)) &&
               (version ? cJSON_AddStringToObject(json, "version", version)
                        : cJSON_AddNullToObject(json, "version")) &&
               cJSON_AddStringToObject(json, "mode", si_lock_mode_name(row->mode)) &&
               si_lock_add_time(json, "until", row->until_ms) &&
               cJSON_AddBoolToObject(json, "held", row->flags & SI_LOCK_HELD) &&
               cJSON_AddBoolToObject(json, "current", row->flags & SI_LOCK_CURRENT) &&
               cJSON_AddBoolToObject(json, "marker", row->flags & SI_LOCK_MARKER);
  if (!added) {
    cJSON_Delete(json);
    json = NULL;
  }
  return json;
}

static bool add_rows(const struct si_locks *locks, cJSON *to) {
  cJSON *rows = cJSON_AddArrayToObject(to, "objects");
  for (size_t i = 0; i < locks->count; i++) {
    cJSON *row = row_json(locks, &locks->rows[i]);
    if (!row || !cJSON_AddItemToArray(rows, row)) {
      cJSON_Delete(row);
      return false;
    }
  }
  return rows;
}

static bool add_store(const struct si_locks *locks, cJSON *to) {
  cJSON *about = NULL;
  if (si_json_parse(si_buf_text(&locks->about), locks->about.len, &about, NULL) != SI_OK) {
    return false;
  }
  cJSON_DeleteItemFromObjectCaseSensitive(about, "told");
  if (!cJSON_AddItemToObject(to, "store", about)) {
    cJSON_Delete(about);
    return false;
  }
  cJSON *clock = cJSON_AddObjectToObject(to, "clock");
  int64_t skew = si_locks_skew_ms(locks);
  return si_lock_add_time(clock, "store", locks->clock ? locks->told_ms : 0) &&
         si_lock_add_time(clock, "local", locks->local_ms) &&
         (locks->clock ? cJSON_AddNumberToObject(clock, "skew_ms", (double)skew)
                       : cJSON_AddNullToObject(clock, "skew_ms"));
}

si_rc si_locks_json(const struct si_locks *locks, cJSON *to) {
  bool added = cJSON_AddBoolToObject(to, "complete", locks->complete) &&
               cJSON_AddBoolToObject(to, "all_locked", si_locks_all_locked(locks)) &&
               cJSON_AddStringToObject(to, "weakest_mode", si_lock_mode_name(locks->weakest)) &&
               si_lock_add_time(to, "earliest_until", locks->earliest_ms) &&
               cJSON_AddNumberToObject(to, "held", (double)locks->held) &&
               cJSON_AddNumberToObject(to, "old_versions", (double)locks->old) &&
               cJSON_AddNumberToObject(to, "markers", (double)locks->markers) &&
               add_rows(locks, to) && add_store(locks, to);
  return added ? SI_OK : SI_E_NOMEM;
}
