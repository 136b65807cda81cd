/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/lock.h - putting objects into a store under lock (R54, R55): what is looked at
 * before anything is put, and what becomes of an object that is there and locked already. Depends
 * on store.h, table.h.
 *
 * A lock's end is reckoned by the store's clock, which is the one that will let go of it; this
 * machine's is looked at alone to tell how far it is off.
 */
#ifndef SI_CORE_RUNPACK_LOCK_H
#define SI_CORE_RUNPACK_LOCK_H

#include "core/runpack/store.h"
#include "core/runpack/table.h"
#include "kit/base/json.h"

/* How a runpack is to be locked. */
struct si_lock_terms {
  uint32_t mode;   /* SI_LOCK_GOVERNANCE, SI_LOCK_COMPLIANCE; SI_LOCK_NONE: a hold alone */
  bool held;       /* under legal hold, too */
  int64_t keep_ms; /* locked for so long from now on, by the store's clock; 0: until until_ms */
  int64_t until_ms;
  /* What the terms come from, a JSON object that goes into the runpack's compliance.json; or NULL.
   * It must be the same whenever the same runpack is exported again. */
  const char *policy;
};

/* What there is to know before anything is put below a prefix. */
struct si_lock_ground {
  struct si_store_lock lock; /* the terms, with the end that they come to now */
  int64_t told_ms;           /* the store's clock; the local one where the store has none */
  int64_t local_ms;          /* this machine's, at the same moment */
  bool clock;                /* the store has one */
  struct si_buf about;       /* JSON: what the store says of itself (si_store_vt.locks) */
  struct si_table there;     /* paths below the prefix that a reader gets now, sorted */
};

/* A local clock that is off by more is worth a word. */
#define SI_LOCK_SKEW_MS 5000

#define SI_LOCK_GROUND \
  { .about = SI_BUF(65536), .there = SI_TABLE(SI_LOCK_VERSIONS_MAX, 24u << 20) }
#define SI_LOCK_VERSIONS_MAX 400000u /* versions of one runpack's objects */

/* Asks the store, and sets `store->lock`: from then on whatever is put is locked. Codes:
 * LOCK_UNSUPPORTED (SI_E_UNSUPPORTED): the provider, or the place that it keeps its objects in,
 * does not lock; LOCK_TIME (SI_E_INVALID): an end that has passed. */
si_rc si_lock_begin(struct si_store *store, const char *prefix, const struct si_lock_terms *terms,
                    struct si_lock_ground *ground, struct si_error *error) SI_MUST_USE;
bool si_lock_there(const struct si_lock_ground *ground, const char *path);
void si_lock_ground_free(struct si_lock_ground *ground); /* for SI_AUTO */

/* An object that was put and locked before, by an attempt that did not end, and cannot be put
 * again: reads it, holds it against the length and the hash that it is to have, and locks it as the
 * store is set to lock. RUNPACK_LOCKED (SI_E_RETENTION): it is another; `path` names it. */
si_rc si_lock_keep(struct si_store *store, const char *key, const char *path, uint64_t length,
                   const char sha256[SI_SHA256_HEX], struct si_error *error) SI_MUST_USE;

/* Reads what a store says of itself (si_store_vt.locks): *clock, and *told_ms, its clock, or
 * `local_ms` where it tells none. LOCK_UNSUPPORTED: it is not set up to lock; LOCK_REPORT
 * (SI_E_CORRUPT): it cannot be read. */
si_rc si_lock_about(const struct si_buf *about, int64_t local_ms, int64_t *told_ms, bool *clock,
                    struct si_error *error) SI_MUST_USE;
/* LOCK_UNSUPPORTED of a store that cannot lock at all. */
si_rc si_lock_unsupported(struct si_error *error);
/* A member that is the time, or null for 0. */
bool si_lock_add_time(cJSON *to, const char *name, int64_t ms);

/* "COMPLIANCE", "GOVERNANCE", or "none". */
const char *si_lock_mode_name(uint32_t mode);
/* The reverse, whatever the case; SI_LOCK_NONE for any other text. */
uint32_t si_lock_mode_of(const char *name);

#endif
