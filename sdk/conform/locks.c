/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/locks.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kit/base/text.h"
#include "sdk/conform/document.h"

enum { HOLDS_MS = 3000, MARGIN_MS = 1500 };

static si_op *begin(const struct locks *l) {
  return store_op = op_begin(l->s.host);
}

static si_rc end(si_rc status) {
  return op_end(store_op, status);
}

/* --- what is told --- */

si_rc locks_hear(void *ctx, const si_lock *lock) {
  struct hearing *hearing = ctx;
  struct told *told = &hearing->told;
  const uint32_t known = SI_LOCK_HELD | SI_LOCK_CURRENT | SI_LOCK_MARKER;
  demand(lock && lock->size >= sizeof *lock, "a lock was told whose size is %u",
         lock ? (unsigned)lock->size : 0);
  demand(lock->key && lock->key[0], "a lock was told without its key");
  demand(!hearing->key || strcmp(lock->key, hearing->key) == 0, "of the lock of %s, %s was told",
         hearing->key, lock->key);
  demand(lock->mode <= SI_LOCK_COMPLIANCE, "a lock was told whose mode is %u",
         (unsigned)lock->mode);
  demand(!(lock->flags & ~known), "a lock was told whose flags are %#x", (unsigned)lock->flags);
  demand((lock->mode == SI_LOCK_NONE) == (lock->until_ms == 0),
         "a lock of mode %u was told, and %lld ms as its end", (unsigned)lock->mode,
         (long long)lock->until_ms);
  demand(!lock->version || (lock->version[0] && strlen(lock->version) < LOCK_VERSION),
         "a lock was told whose version is no name");
  told->count++;
  told->mode = lock->mode;
  told->flags = lock->flags;
  told->until_ms = lock->until_ms;
  si_copy(told->key, sizeof told->key, lock->key);
  si_copy(told->version, sizeof told->version, lock->version);
  return SI_OK;
}

void locks_demand_lock(const struct told *told, uint32_t mode, int64_t until_ms, const char *what) {
  demand(told->count == 1, "%s told %zu locks, not one", what, told->count);
  demand(told->mode == mode, "%s tells the mode %u, not %u", what, (unsigned)told->mode,
         (unsigned)mode);
  demand(told->until_ms == until_ms, "%s tells an end of %lld ms, not %lld", what,
         (long long)told->until_ms, (long long)until_ms);
}

/* --- the store --- */

static si_retention_vt table_of(const struct trial *t) {
  si_retention_vt vt = {.size = 0};
  const si_provider *p = t->provider;
  const si_retention_vt *theirs =
      SI_HAS(p, si_provider, extension) ? CALL(p, extension)(SI_RETENTION_ID) : NULL;
  demand(theirs && theirs->size >= sizeof vt,
         "it promises %s, and its extension() gives no whole table", SI_RETENTION_ID);
  memcpy(&vt, theirs, sizeof vt);
  demand(vt.sink_open && vt.sink_finish && vt.lock && vt.read_lock && vt.legal_hold && vt.report,
         "a function of its si_retention_vt is missing");
  return vt;
}

cJSON *locks_facts(const struct locks *l, const char *prefix, void *ctx, si_lock_fn each) {
  struct document out = {.json = NULL};
  begin(l);
  store_ok(end(CALL(&l->vt, report)(l->s.in, store_op, prefix, ctx, each, &out, document_emit)),
           "report()");
  document_must_be(&out, "report()");
  return out.json;
}

/* The strongest mode that can be begun. */
static uint32_t strongest(const struct locks *l) {
  for (uint32_t mode = SI_LOCK_COMPLIANCE; mode > SI_LOCK_NONE; mode--) {
    si_sink *sink = NULL;
    si_rc status = locks_begin(l, store_key(&l->s, "mode"), 1, 0, mode, false, &sink);
    if (status == SI_OK) {
      store_abort(&l->s, sink);
      return mode;
    }
    demand_status(status, SI_E_UNSUPPORTED, "sink_open() with a lock of a mode that it may lack");
  }
  check_failed("report() says that the store locks, and it has no mode");
}

struct locks locks_open(struct trial *t) {
  struct hearing hearing = {.key = NULL};
  struct locks l = {.s = store_open(t), .vt = table_of(t)};
  cJSON *facts SI_AUTO(si_json_free) = locks_facts(&l, l.s.prefix, &hearing, locks_hear);
  if (!cJSON_IsTrue(si_json_get(facts, "locking"))) {
    skip_check("the store says that it does not lock here: name a place where it does");
  }
  l.versioned = cJSON_IsTrue(si_json_get(facts, "versioned"));
  const char *told = si_json_str(facts, "told");
  int64_t now_ms = 0;
  if (!told || si_time_parse(told, &now_ms) != SI_OK) {
    now_ms = si_now_ms();
  }
  l.until_ms = (now_ms + HOLDS_MS + 999) / 1000 * 1000;
  l.over_ns = si_monotonic_ns() + (uint64_t)(l.until_ms - now_ms + MARGIN_MS) * 1000000u;
  l.mode = strongest(&l);
  return l;
}

void locks_wait(const struct locks *l) {
  uint64_t now = si_monotonic_ns();
  if (now < l->over_ns) {
    const uint64_t left = l->over_ns - now;
    const struct timespec pause = {.tv_sec = (time_t)(left / 1000000000u),
                                   .tv_nsec = (long)(left % 1000000000u)};
    nanosleep(&pause, NULL);
  }
}

void locks_close(struct locks *l) {
  locks_wait(l);
  store_close(&l->s);
}

/* --- the calls --- */

si_rc locks_begin(const struct locks *l, const char *key, uint64_t length, uint32_t flags,
                  uint32_t mode, bool held, si_sink **out) {
  const si_put_options options = {.size = sizeof options, .flags = flags, .length = length};
  const si_lock_wish wish = {.size = sizeof wish,
                             .mode = mode,
                             .flags = held ? SI_LOCK_HELD : 0,
                             .until_ms = mode == SI_LOCK_NONE ? 0 : l->until_ms};
  begin(l);
  return end(CALL(&l->vt, sink_open)(l->s.in, store_op, key, &options, &wish, out));
}

si_rc locks_finish(const struct locks *l, si_sink *sink, const char *key, struct told *told) {
  struct hearing hearing = {.key = key};
  begin(l);
  si_rc status = end(CALL(&l->vt, sink_finish)(sink, store_op, &hearing, locks_hear));
  *told = hearing.told;
  return status;
}

si_rc locks_put(const struct locks *l, const char *key, const char *text, uint32_t flags,
                struct told *told) {
  const size_t len = strlen(text);
  si_sink *sink = NULL;
  si_rc status = locks_begin(l, key, len, flags, l->mode, false, &sink);
  if (status != SI_OK) {
    return status;
  }
  demand(sink != NULL, "sink_open() succeeded, and gave no sink");
  status = store_write(&l->s, sink, text, len);
  if (status != SI_OK) {
    store_abort(&l->s, sink);
    return status;
  }
  return locks_finish(l, sink, key, told);
}

void locks_must_put(const struct locks *l, const char *key, const char *text, struct told *told) {
  store_ok(locks_put(l, key, text, 0, told), "storing an object under lock");
  demand(told->count == 1, "sink_finish() told %zu locks, not one", told->count);
}

si_rc locks_lock(const struct locks *l, const char *key, const char *version, uint32_t mode,
                 int64_t until_ms) {
  begin(l);
  return end(CALL(&l->vt, lock)(l->s.in, store_op, key, version, mode, until_ms));
}

si_rc locks_read(const struct locks *l, const char *key, const char *version, struct told *told) {
  struct hearing hearing = {.key = key};
  begin(l);
  si_rc status =
      end(CALL(&l->vt, read_lock)(l->s.in, store_op, key, version, &hearing, locks_hear));
  *told = hearing.told;
  return status;
}

void locks_must_read(const struct locks *l, const char *key, const char *version,
                     struct told *told) {
  store_ok(locks_read(l, key, version, told), "read_lock()");
  demand(told->count == 1, "read_lock() told %zu locks, not one", told->count);
}

si_rc locks_hold(const struct locks *l, const char *key, const char *version, uint32_t on) {
  begin(l);
  return end(CALL(&l->vt, legal_hold)(l->s.in, store_op, key, version, on));
}
