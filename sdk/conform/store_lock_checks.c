/* SPDX-License-Identifier: Apache-2.0 */
/* The room store.lock: objects that are put under lock, and what may not become of them. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "kit/base/text.h"
#include "sdk/conform/locks.h"

static const char text[] = "what is not to change";
#define LEN (sizeof text - 1)

static void told_once(struct trial *t) {
  struct locks l = locks_open(t);
  struct told told;
  locks_must_put(&l, store_key(&l.s, "object"), text, &told);
  demand(told.mode >= l.mode && told.until_ms >= l.until_ms,
         "sink_finish() tells mode %u until %lld ms; asked for were %u and %lld",
         (unsigned)told.mode, (long long)told.until_ms, (unsigned)l.mode, (long long)l.until_ms);
  demand(told.flags == SI_LOCK_CURRENT, "sink_finish() tells the flags %#x of what it just stored",
         (unsigned)told.flags);
  demand(!l.versioned || told.version[0], "sink_finish() of a store with versions tells none");
  store_must_hold(&l.s, store_key(&l.s, "object"), text, LEN);
  locks_close(&l);
}

static void kept(struct trial *t) {
  struct locks l = locks_open(t);
  struct told put, now;
  const char *key = store_key(&l.s, "object");
  locks_must_put(&l, key, text, &put);
  locks_must_read(&l, key, NULL, &now);
  locks_demand_lock(&now, put.mode, put.until_ms, "read_lock()");
  demand(now.flags & SI_LOCK_CURRENT, "read_lock() does not say that it is the current version");
  demand(strcmp(now.version, put.version) == 0, "read_lock() tells another version than the put");
  if (put.version[0]) {
    locks_must_read(&l, key, put.version, &now);
    locks_demand_lock(&now, put.mode, put.until_ms, "read_lock() of that version");
  }
  locks_close(&l);
}

/* To an instance that never heard of it. */
static void seen(struct trial *t) {
  struct locks l = locks_open(t);
  struct told put, now;
  const char *key = store_key(&l.s, "object");
  locks_must_put(&l, key, text, &put);
  close_instance(t, l.s.in);
  l.s.in = open_instance(t, l.s.host);
  locks_must_read(&l, key, NULL, &now);
  locks_demand_lock(&now, put.mode, put.until_ms, "read_lock() by the next instance");
  locks_close(&l);
}

static void unlocked(struct trial *t) {
  struct locks l = locks_open(t);
  struct told now;
  const char *key = store_key(&l.s, "object");
  store_must_put(&l.s, key, text, LEN);
  locks_must_read(&l, key, NULL, &now);
  demand(now.mode == SI_LOCK_NONE && !(now.flags & SI_LOCK_HELD),
         "an object that was put without a lock is told as locked (a default of the store's?)");
  store_must_put(&l.s, key, "other", 5);
  store_must_hold(&l.s, key, "other", 5);
  locks_close(&l);
}

static void sink_lent(struct trial *t) {
  struct locks l = locks_open(t);
  const si_put_options options = {.size = sizeof options, .length = LEN};
  const si_lock_wish wish = {.size = sizeof wish, .mode = l.mode, .until_ms = l.until_ms};
  const char *key = store_key(&l.s, "object");
  struct told told;
  si_sink *sink = NULL;
  store_op = op_begin(l.s.host);
  store_ok(op_end(store_op, CALL(&l.vt, sink_open)(l.s.in, store_op, lend_text(key),
                                                   lend(&options, sizeof options),
                                                   lend(&wish, sizeof wish), &sink)),
           "sink_open() under lock");
  lend_end(); /* key, options and wish are gone */
  store_ok(store_write(&l.s, sink, text, LEN), "sink_write()");
  store_ok(locks_finish(&l, sink, key, &told), "sink_finish() under lock");
  locks_demand_lock(&told, l.mode, l.until_ms, "sink_finish()");
  locks_close(&l);
}

static void too_few(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object");
  struct told told;
  si_sink *sink = NULL;
  store_ok(locks_begin(&l, key, LEN, 0, l.mode, false, &sink), "sink_open() under lock");
  store_ok(store_write(&l.s, sink, text, LEN - 1), "sink_write()");
  demand(locks_finish(&l, sink, key, &told) != SI_OK && told.count == 0,
         "under lock fewer bytes than were announced were stored");
  store_ok(locks_begin(&l, key, LEN, 0, l.mode, false, &sink), "sink_open() under lock");
  store_abort(&l.s, sink);
  store_must_lack(&l.s, key);
  locks_close(&l);
}

static void create_only(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object");
  struct told told;
  store_ok(locks_put(&l, key, text, SI_PUT_CREATE_ONLY | SI_PUT_COMMIT, &told),
           "storing under lock with SI_PUT_CREATE_ONLY and SI_PUT_COMMIT");
  locks_demand_lock(&told, l.mode, l.until_ms, "sink_finish()");
  key = store_key(&l.s, "free");
  store_must_put(&l.s, key, text, LEN);
  demand_status(locks_put(&l, key, "other", SI_PUT_CREATE_ONLY, &told), SI_E_EXISTS,
                "storing under lock over an object that is free, with SI_PUT_CREATE_ONLY");
  store_must_hold(&l.s, key, text, LEN);
  locks_close(&l);
}

/* --- what is locked stays --- */

static void not_removed(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object");
  struct told told;
  locks_must_put(&l, key, text, &told);
  demand_status(store_remove(&l.s, key), SI_E_RETENTION, "remove() of an object that is locked");
  store_must_hold(&l.s, key, text, LEN);
  locks_close(&l);
}

static void not_written_over(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object");
  struct told told, now;
  locks_must_put(&l, key, text, &told);
  demand_status(store_put(&l.s, key, "other", 5, 0), SI_E_RETENTION,
                "storing over an object that is locked");
  demand_status(locks_put(&l, key, "other", 0, &now), SI_E_RETENTION,
                "storing under lock over an object that is locked");
  store_must_hold(&l.s, key, text, LEN);
  locks_must_read(&l, key, NULL, &now);
  demand(strcmp(now.version, told.version) == 0,
         "storing over an object that is locked was refused, and made a version");
  locks_close(&l);
}

/* Both were begun when nothing was there. Where a store can tell only afterwards, the one that is
 * refused may have become a version that is locked itself, and stays; the first stays in any case.
 */
static void came_between(struct trial *t) {
  if (t->provider->threads != SI_THREADS_PARALLEL) {
    skip_check("the provider writes one object at a time");
  }
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object");
  struct told first, now;
  char bytes[LEN + 1];
  size_t got = 0;
  si_sink *late = NULL, *free = NULL;
  store_ok(locks_begin(&l, key, 4, 0, l.mode, false, &late), "sink_open() under lock");
  store_ok(store_begin(&l.s, key, 4, 0, &free), "sink_open()");
  store_ok(store_write(&l.s, late, "late", 4), "sink_write()");
  store_ok(store_write(&l.s, free, "free", 4), "sink_write()");
  locks_must_put(&l, key, text, &first);
  demand_status(locks_finish(&l, late, key, &now), SI_E_RETENTION,
                "sink_finish() over an object that was locked in between");
  demand_status(store_finish(&l.s, free), SI_E_RETENTION,
                "sink_finish(), without a lock, over an object that was locked in between");
  locks_must_read(&l, key, first.version[0] ? first.version : NULL, &now);
  locks_demand_lock(&now, l.mode, l.until_ms, "read_lock() of the one that was first");
  store_ok(store_get(&l.s, key, 0, UINT64_MAX, bytes, sizeof bytes, &got), "reading it");
  demand(got == LEN || (l.versioned && got == 4 && memcmp(bytes, "late", 4) == 0),
         "what was refused without a lock is what a reader gets");
  locks_close(&l);
}

/* Do the words of the last failure hold the mode and the day? */
static void demand_words(const struct locks *l, const char *what) {
  const char *mode = l->mode == SI_LOCK_COMPLIANCE ? "compliance" : "governance";
  char day[SI_TIME_SIZE];
  si_time_text(l->until_ms, day);
  day[10] = '\0';
  demand(strcasestr(store_op->message, mode) && strstr(store_op->message, day),
         "%s is refused as \"%s\", which does not say \"%s\" and \"%s\"", what, store_op->message,
         mode, day);
}

static void words(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object");
  struct told told;
  locks_must_put(&l, key, text, &told);
  if (store_remove(&l.s, key) == SI_E_RETENTION) {
    demand_words(&l, "removal");
  }
  if (store_put(&l.s, key, "other", 5, 0) == SI_E_RETENTION) {
    demand_words(&l, "writing over it");
  }
  locks_close(&l);
}

static void ends(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object"), *other = store_key(&l.s, "other");
  struct told told;
  locks_must_put(&l, key, text, &told);
  locks_must_put(&l, other, text, &told);
  locks_wait(&l);
  store_ok(store_put(&l.s, key, "other", 5, 0), "storing over an object whose lock has ended");
  store_must_hold(&l.s, key, "other", 5);
  store_ok(store_remove(&l.s, other), "remove() of an object whose lock has ended");
  store_must_lack(&l.s, other);
  locks_close(&l);
}

/* --- what cannot be asked for --- */

static void past(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object"), *free = store_key(&l.s, "free");
  const si_put_options options = {.size = sizeof options, .length = LEN};
  const si_lock_wish wish = {.size = sizeof wish, .mode = l.mode, .until_ms = 1000};
  struct told told = {.count = 0};
  si_sink *sink = NULL;
  store_op = op_begin(l.s.host);
  si_rc status =
      op_end(store_op, CALL(&l.vt, sink_open)(l.s.in, store_op, key, &options, &wish, &sink));
  if (status == SI_OK) {
    store_ok(store_write(&l.s, sink, text, LEN), "sink_write()");
    status = locks_finish(&l, sink, key, &told);
  }
  demand_status(status, SI_E_INVALID, "storing under a lock that ended in 1970");
  store_must_lack(&l.s, key);
  store_must_put(&l.s, free, text, LEN);
  demand_status(locks_lock(&l, free, NULL, l.mode, 1000), SI_E_INVALID, "lock() until 1970");
  locks_close(&l);
}

static void mode(struct trial *t) {
  static const uint32_t modes[] = {3, 9, UINT32_MAX};
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object");
  store_must_put(&l.s, key, text, LEN);
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    si_sink *sink = NULL;
    si_rc status = locks_begin(&l, store_key(&l.s, "other"), LEN, 0, modes[i], false, &sink);
    demand(status == SI_E_UNSUPPORTED || status == SI_E_INVALID,
           "sink_open() with the mode %u came to \"%s\"", (unsigned)modes[i],
           si_status_text(status));
    status = locks_lock(&l, key, NULL, modes[i], l.until_ms);
    demand(status == SI_E_UNSUPPORTED || status == SI_E_INVALID,
           "lock() with the mode %u came to \"%s\"", (unsigned)modes[i], si_status_text(status));
  }
  locks_close(&l);
}

static void keys(struct trial *t) {
  static const char *const strange[] = {"", "../x", "/x", "a//b", "a/.b"};
  struct locks l = locks_open(t);
  for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
    struct told told;
    si_sink *sink = NULL;
    demand_status(locks_begin(&l, strange[i], 1, 0, l.mode, false, &sink), SI_E_INVALID,
                  "sink_open() under lock with what is no key");
    demand_status(locks_lock(&l, strange[i], NULL, l.mode, l.until_ms), SI_E_INVALID,
                  "lock() of what is no key");
    demand_status(locks_read(&l, strange[i], NULL, &told), SI_E_INVALID,
                  "read_lock() of what is no key");
    demand_status(locks_hold(&l, strange[i], NULL, 1), SI_E_INVALID,
                  "legal_hold() of what is no key");
  }
  locks_close(&l);
}

#define LOCK(id, title, run) \
  { "store.lock." id, title, SI_KIND_ARTIFACT, WANTS_PEER, SI_CAP_ARTIFACT_RETENTION, run }
const struct check store_lock_checks[] = {
    LOCK("told", "an object put under lock tells it, once: no less than was asked for", told_once),
    LOCK("kept", "read_lock tells the same, of the current version and of that one", kept),
    LOCK("seen", "it tells the same to the instance that comes next", seen),
    LOCK("unlocked", "an object put without a lock has none, and is replaced as ever", unlocked),
    LOCK("lent", "key, options and wish are not used after the call", sink_lent),
    LOCK("too-few", "under lock, too, fewer bytes than announced are no object", too_few),
    LOCK("create-only", "SI_PUT_CREATE_ONLY and SI_PUT_COMMIT hold under lock", create_only),
    LOCK("removed", "what is locked is not removed", not_removed),
    LOCK("written", "what is locked is not written over, with a lock or without", not_written_over),
    LOCK("between", "nor what was locked since the other was begun", came_between),
    LOCK("words", "the failure says how it is locked, and until when", words),
    LOCK("ends", "what was locked until a time that has passed is free", ends),
    LOCK("past", "a lock until a time that has passed is SI_E_INVALID", past),
    LOCK("mode", "a mode that it does not have is refused", mode),
    LOCK("key", "what is no key is SI_E_INVALID for every call", keys),
    {0}};
