/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/locks.h - a store that locks objects (si/retention.h) in the hands of a check. All
 * that a check locks ends after the same few seconds, by the store's clock: then the check can
 * remove it. Depends on store.h.
 */
#ifndef SI_CONFORM_LOCKS_H
#define SI_CONFORM_LOCKS_H

#include <si/retention.h>

#include "sdk/conform/store.h"

enum { LOCK_VERSION = 1025 };

struct locks {
  struct store s;
  si_retention_vt vt; /* copied: whole, and every function is there */
  uint32_t mode;      /* the strongest that the store has */
  bool versioned;     /* it says so */
  int64_t until_ms;   /* when the check's locks end */
  uint64_t over_ns;   /* CLOCK_MONOTONIC by which they have ended */
};

/* What was told of a version. */
struct told {
  size_t count;
  uint32_t mode;
  uint32_t flags;
  int64_t until_ms;
  char key[KEY_MAX + 1];
  char version[LOCK_VERSION]; /* "": none */
};

/* Opens the store. The check does not apply where it says that it does not lock here. */
struct locks locks_open(struct trial *t);
/* Waits until the check's locks have ended. */
void locks_wait(const struct locks *l);
/* Waits, closes, and removes what the check made. */
void locks_close(struct locks *l);

/* What report() emits, to be freed; the check has failed where that is no JSON object. */
cJSON *locks_facts(const struct locks *l, const char *prefix, void *ctx, si_lock_fn each);

/* An si_lock_fn: keeps the last of what is told, and counts. The check has failed where that cannot
 * be, or is told of another key than `key` of the struct below. */
struct hearing {
  const char *key; /* NULL: any */
  struct told told;
};
si_rc locks_hear(void *ctx, const si_lock *lock);

/* Begins an object under the check's lock, in `mode` (SI_LOCK_NONE: none) and under legal hold
 * where `held`. */
si_rc locks_begin(const struct locks *l, const char *key, uint64_t length, uint32_t flags,
                  uint32_t mode, bool held, si_sink **out);
si_rc locks_finish(const struct locks *l, si_sink *sink, const char *key, struct told *told);
/* The whole of it; an object that cannot be written is aborted. */
si_rc locks_put(const struct locks *l, const char *key, const char *text, uint32_t flags,
                struct told *told);
void locks_must_put(const struct locks *l, const char *key, const char *text, struct told *told);

si_rc locks_lock(const struct locks *l, const char *key, const char *version, uint32_t mode,
                 int64_t until_ms);
si_rc locks_read(const struct locks *l, const char *key, const char *version, struct told *told);
void locks_must_read(const struct locks *l, const char *key, const char *version,
                     struct told *told);
si_rc locks_hold(const struct locks *l, const char *key, const char *version, uint32_t on);

/* The one version of an object that is there, or the check has failed. */
void locks_demand_lock(const struct told *told, uint32_t mode, int64_t until_ms, const char *what);

#endif
