/* SPDX-License-Identifier: Apache-2.0 */
/* The room store.lock, its other end: lock, hold and report, version by version. */
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "sdk/conform/locks.h"

static const char text[] = "what is not to change";
#define LEN (sizeof text - 1)

enum { THREADS = 8 };

static void locked_later(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object");
  struct told now;
  store_must_put(&l.s, key, text, LEN);
  for (int i = 0; i < 2; i++) {
    store_ok(locks_lock(&l, key, NULL, l.mode, l.until_ms), "lock(), which is idempotent");
    locks_must_read(&l, key, NULL, &now);
    locks_demand_lock(&now, l.mode, l.until_ms, "read_lock() after lock()");
  }
  demand_status(store_put(&l.s, key, "other", 5, 0), SI_E_RETENTION,
                "storing over an object that was locked by lock()");
  locks_close(&l);
}

/* The latest that a lock of this check may end. */
static void grow_until(struct locks *l, int64_t until_ms) {
  l->over_ns += (uint64_t)(until_ms - l->until_ms) * 1000000u;
  l->until_ms = until_ms;
}

static void grows(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object");
  const int64_t first = l.until_ms;
  struct told now;
  locks_must_put(&l, key, text, &now);
  grow_until(&l, first + 1000);
  store_ok(locks_lock(&l, key, NULL, l.mode, l.until_ms), "lock() until later");
  locks_must_read(&l, key, NULL, &now);
  locks_demand_lock(&now, l.mode, l.until_ms, "read_lock() after a lock that ends later");
  store_ok(locks_lock(&l, key, NULL, l.mode, first), "lock() until earlier");
  locks_must_read(&l, key, NULL, &now);
  locks_demand_lock(&now, l.mode, l.until_ms, "read_lock() after a lock that ends earlier");
  locks_close(&l);
}

static void weakens(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object");
  struct told now;
  locks_must_put(&l, key, text, &now);
  si_rc status = locks_lock(&l, key, NULL, SI_LOCK_GOVERNANCE, l.until_ms);
  if (l.mode == SI_LOCK_GOVERNANCE || status == SI_E_UNSUPPORTED) {
    locks_wait(&l);
    skip_check("the store has one mode");
  }
  store_ok(status, "lock() in the weaker mode");
  locks_must_read(&l, key, NULL, &now);
  locks_demand_lock(&now, l.mode, l.until_ms, "read_lock() after a lock in the weaker mode");
  locks_close(&l);
}

/* --- holds --- */

static void holds(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object");
  struct told now;
  locks_must_put(&l, key, text, &now);
  for (uint32_t on = 2; on-- > 0;) {
    for (int i = 0; i < 2; i++) {
      store_ok(locks_hold(&l, key, NULL, on), "legal_hold(), which is idempotent");
      locks_must_read(&l, key, NULL, &now);
      demand(((now.flags & SI_LOCK_HELD) != 0) == (on != 0),
             "after legal_hold(%u) read_lock() tells the flags %#x", (unsigned)on,
             (unsigned)now.flags);
      locks_demand_lock(&now, l.mode, l.until_ms, "read_lock() after legal_hold()");
    }
  }
  locks_close(&l);
}

static void outlasts(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object");
  struct told now;
  locks_must_put(&l, key, text, &now);
  store_ok(locks_hold(&l, key, NULL, 1), "legal_hold()");
  locks_wait(&l);
  si_rc removed = store_remove(&l.s, key), stored = store_put(&l.s, key, "other", 5, 0);
  store_ok(locks_hold(&l, key, NULL, 0), "the end of a legal_hold()");
  demand_status(removed, SI_E_RETENTION, "remove() of an object under hold, whose lock has ended");
  demand_status(stored, SI_E_RETENTION, "storing over an object under hold, whose lock has ended");
  store_ok(store_remove(&l.s, key), "remove() of an object whose lock and hold have ended");
  locks_close(&l);
}

static void held_alone(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object");
  struct told now;
  si_sink *sink = NULL;
  store_ok(locks_begin(&l, key, LEN, 0, SI_LOCK_NONE, true, &sink),
           "sink_open() under legal hold alone");
  store_ok(store_write(&l.s, sink, text, LEN), "sink_write()");
  store_ok(locks_finish(&l, sink, key, &now), "sink_finish() under legal hold alone");
  si_rc removed = store_remove(&l.s, key);
  store_ok(locks_hold(&l, key, NULL, 0), "the end of a legal_hold()");
  demand(now.count == 1 && (now.flags & SI_LOCK_HELD) && now.mode == SI_LOCK_NONE,
         "sink_finish() under legal hold alone tells mode %u and the flags %#x", (unsigned)now.mode,
         (unsigned)now.flags);
  demand_status(removed, SI_E_RETENTION, "remove() of an object under legal hold alone");
  locks_close(&l);
}

/* --- versions --- */

enum { VERSIONS = 16 };
struct versions {
  struct told each[VERSIONS];
  size_t count;
};

static si_rc gather(void *ctx, const si_lock *lock) {
  struct versions *versions = ctx;
  struct hearing hearing = {.key = NULL};
  locks_hear(&hearing, lock);
  if (versions->count < VERSIONS) {
    versions->each[versions->count++] = hearing.told;
  }
  return SI_OK;
}

static void report(const struct locks *l, const char *prefix, struct versions *out) {
  out->count = 0;
  cJSON_Delete(locks_facts(l, prefix, out, gather));
}

/* Two versions of an object; the older one's name. */
static const char *two_versions(const struct locks *l, const char *key) {
  static struct versions found;
  if (!l->versioned) {
    skip_check("the store says that it has no versions");
  }
  store_must_put(&l->s, key, "older", 5);
  store_must_put(&l->s, key, "newer", 5);
  report(l, key, &found);
  demand(found.count == 2, "report() tells %zu versions of an object that has 2", found.count);
  const struct told *older = &found.each[found.each[0].flags & SI_LOCK_CURRENT ? 1 : 0];
  demand(!(older->flags & SI_LOCK_CURRENT) && older->version[0],
         "report() tells two versions of one key as the current one");
  return older->version;
}

static void one_version(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object");
  struct told now;
  const char *older = two_versions(&l, key);
  store_ok(locks_lock(&l, key, older, l.mode, l.until_ms), "lock() of an older version");
  locks_must_read(&l, key, older, &now);
  locks_demand_lock(&now, l.mode, l.until_ms, "read_lock() of an older version");
  demand(!(now.flags & SI_LOCK_CURRENT), "an older version is told as the current one");
  locks_must_read(&l, key, NULL, &now);
  demand(now.mode == SI_LOCK_NONE, "the lock of an older version is told of the current one");
  demand_status(store_remove(&l.s, key), SI_E_RETENTION,
                "remove() of an object that has an older version which is locked");
  store_must_hold(&l.s, key, "newer", 5);
  locks_close(&l);
}

static void gone_whole(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object");
  struct versions left;
  two_versions(&l, key);
  store_ok(store_remove(&l.s, key), "remove()");
  report(&l, key, &left);
  demand(left.count == 0, "what was removed has %zu versions still", left.count);
  locks_close(&l);
}

static void missing(struct trial *t) {
  struct locks l = locks_open(t);
  const char *key = store_key(&l.s, "object"), *none = store_key(&l.s, "none");
  struct told told, other;
  locks_must_put(&l, key, text, &told);
  locks_must_put(&l, store_key(&l.s, "other"), text, &other);
  demand_status(locks_lock(&l, none, NULL, l.mode, l.until_ms), SI_E_NOT_FOUND,
                "lock() of what is not there");
  demand_status(locks_read(&l, none, NULL, &told), SI_E_NOT_FOUND,
                "read_lock() of what is not there");
  demand_status(locks_hold(&l, none, NULL, 1), SI_E_NOT_FOUND, "legal_hold() of what is not there");
  if (other.version[0]) {
    demand_status(locks_lock(&l, key, other.version, l.mode, l.until_ms), SI_E_NOT_FOUND,
                  "lock() of another object's version");
    demand_status(locks_read(&l, key, other.version, &told), SI_E_NOT_FOUND,
                  "read_lock() of another object's version");
  }
  locks_close(&l);
}

/* --- reports --- */

static void told_all(struct trial *t) {
  struct locks l = locks_open(t);
  const char *keys[] = {store_key(&l.s, "p"), store_key(&l.s, "p/one"),
                        store_key(&l.s, "p/two/three"), store_key(&l.s, "p2/beside"),
                        store_key(&l.s, "p-beside")};
  struct versions found;
  struct told told;
  size_t of[5] = {0}, locked = 0;
  for (size_t i = 0; i < 5; i++) {
    if (i == 1) {
      locks_must_put(&l, keys[i], text, &told);
    } else if (store_put(&l.s, keys[i], text, LEN, 0) != SI_OK) {
      skip_check("the store has no object beside what lies below it");
    }
  }
  store_must_put(&l.s, keys[2], "newer", 5);
  report(&l, keys[0], &found);
  for (size_t i = 0; i < found.count; i++) {
    for (size_t key = 0; key < 5; key++) {
      of[key] += strcmp(found.each[i].key, keys[key]) == 0;
    }
    locked += found.each[i].mode == l.mode && found.each[i].until_ms == l.until_ms &&
              strcmp(found.each[i].version, told.version) == 0;
  }
  demand(of[3] == 0 && of[4] == 0, "report() tells of objects beside the prefix");
  demand(of[0] == 1 && of[1] == 1 && of[2] == (l.versioned ? 2 : 1) &&
             found.count == of[0] + of[1] + of[2],
         "of three objects below a prefix, one of them replaced, report() tells %zu, %zu and %zu "
         "versions, and %zu in all",
         of[0], of[1], of[2], found.count);
  demand(locked == 1, "report() tells %zu versions as locked as one is", locked);
  report(&l, store_key(&l.s, "nothing"), &found);
  demand(found.count == 0, "report() tells of %zu versions where there are none", found.count);
  locks_close(&l);
}

static void facts(struct trial *t) {
  struct locks l = locks_open(t);
  struct versions found = {.count = 0};
  int64_t ms;
  cJSON *json = locks_facts(&l, l.s.prefix, &found, gather);
  const cJSON *told = si_json_get(json, "told"), *by = si_json_get(json, "default_mode"),
              *days = si_json_get(json, "default_days");
  const char *name = cJSON_GetStringValue(by);
  demand(si_json_str(json, "store") && si_json_str(json, "store")[0], "report() names no store");
  demand(cJSON_IsBool(si_json_get(json, "versioned")) && cJSON_IsBool(si_json_get(json, "locking")),
         "in what report() emits \"versioned\" or \"locking\" is no boolean");
  demand(cJSON_IsNull(by) ||
             (name && (strcmp(name, "governance") == 0 || strcmp(name, "compliance") == 0)),
         "in what report() emits \"default_mode\" is neither a mode nor null");
  demand(cJSON_IsNull(days) || (cJSON_IsNumber(days) && days->valuedouble >= 1),
         "in what report() emits \"default_days\" is neither a number nor null");
  demand(cJSON_IsNull(told) ||
             (cJSON_IsString(told) && si_time_parse(cJSON_GetStringValue(told), &ms) == SI_OK),
         "in what report() emits \"told\" is neither null nor as 2027-01-31T12:00:00.000Z");
  cJSON_Delete(json);
  locks_close(&l);
}

static si_rc stop(void *ctx, const si_lock *lock) {
  (void)lock;
  ++*(size_t *)ctx;
  return SI_E_QUOTA;
}

static si_rc emit_nothing(void *ctx, const char *json, size_t len) {
  (void)ctx;
  (void)json;
  (void)len;
  return SI_OK;
}

static void stopped(struct trial *t) {
  struct locks l = locks_open(t);
  size_t heard = 0;
  store_must_put(&l.s, store_key(&l.s, "one"), text, LEN);
  store_must_put(&l.s, store_key(&l.s, "two"), text, LEN);
  store_op = op_begin(l.s.host);
  si_rc status = op_end(store_op, CALL(&l.vt, report)(l.s.in, store_op, l.s.prefix, &heard, stop,
                                                      NULL, emit_nothing));
  demand(status == SI_E_QUOTA && heard == 1,
         "report() went on after its receiver ended it: \"%s\", and %zu versions were told",
         si_status_text(status), heard);
  locks_close(&l);
}

/* --- threads --- */

struct job {
  const struct locks *l;
  unsigned number;
  unsigned won;
};

static void *lock_many(void *ctx) {
  struct job *job = ctx;
  char key[512];
  struct told told, now;
  for (unsigned round = 0; round < 3; round++) {
    snprintf(key, sizeof key, "%s/t%u/o%u", job->l->s.prefix, job->number, round);
    locks_must_put(job->l, key, key, &told);
    locks_demand_lock(&told, job->l->mode, job->l->until_ms, "sink_finish(), on many threads,");
    locks_must_read(job->l, key, NULL, &now);
    locks_demand_lock(&now, job->l->mode, job->l->until_ms, "read_lock(), on many threads,");
  }
  return NULL;
}

static void *lock_one(void *ctx) {
  struct job *job = ctx;
  char key[512], own[2] = {(char)('a' + job->number), '\0'};
  struct told told;
  snprintf(key, sizeof key, "%s/one", job->l->s.prefix);
  si_rc status = locks_put(job->l, key, own, 0, &told);
  demand(status == SI_OK || status == SI_E_RETENTION,
         "of many that lock one key, one came to \"%s\"", si_status_text(status));
  job->won += status == SI_OK;
  return NULL;
}

static unsigned all(struct trial *t, void *(*work)(void *)) {
  struct locks l = locks_open(t);
  struct job jobs[THREADS];
  pthread_t threads[THREADS];
  unsigned won = 0;
  if (t->provider->threads != SI_THREADS_PARALLEL) {
    skip_check("the provider writes one object at a time");
  }
  for (unsigned i = 0; i < THREADS; i++) {
    jobs[i] = (struct job){.l = &l, .number = i};
    kit_needs(pthread_create(&threads[i], NULL, work, &jobs[i]) == 0, "no thread");
  }
  for (unsigned i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    won += jobs[i].won;
  }
  locks_close(&l);
  return won;
}

static void threads_apart(struct trial *t) {
  all(t, lock_many);
}

static void threads_together(struct trial *t) {
  unsigned won = all(t, lock_one);
  demand(won == 1, "of %d that lock one key at once, %u succeeded", THREADS, won);
}

#define LOCK(id, title, run) \
  { "store.lock." id, title, SI_KIND_ARTIFACT, WANTS_PEER, SI_CAP_ARTIFACT_RETENTION, run }
const struct check store_version_checks[] = {
    LOCK("later", "lock() locks what was put without one", locked_later),
    LOCK("grows", "lock() makes a lock longer, and never shorter", grows),
    LOCK("weakens", "lock() never makes a mode weaker", weakens),
    LOCK("hold", "a legal hold begins and ends, and leaves mode and end as they are", holds),
    LOCK("outlasts", "a legal hold holds when the lock has ended", outlasts),
    LOCK("held", "an object can be put under legal hold alone", held_alone),
    LOCK("version", "an older version is locked by its name, and it alone", one_version),
    LOCK("whole", "what is removed is gone with every version", gone_whole),
    LOCK("missing", "what is not there is SI_E_NOT_FOUND, by key and by version", missing),
    LOCK("report", "a report tells every version below its prefix, and no other", told_all),
    LOCK("facts", "a report emits what holds for the store", facts),
    LOCK("stopped", "a report ends with the status of its receiver", stopped),
    LOCK("apart", "many threads lock objects of their own", threads_apart),
    LOCK("together", "of many that lock one key at once, exactly one does", threads_together),
    {0}};
