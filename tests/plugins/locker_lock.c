/* SPDX-License-Identifier: Apache-2.0 */
/* The store `locker`: its retention table. */
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "kit/base/json.h"
#include "tests/plugins/locker.h"

enum { HOUR_MS = 3600000 };

struct locker_lock locker_kept(const si_instance *in, struct locker_lock asked) {
  if (locker_faults(in, "swallow") || locker_faults(in, "lies") ||
      locker_breaks("store.lock.kept")) {
    return (struct locker_lock){.mode = SI_LOCK_NONE};
  }
  if (locker_faults(in, "weaker") && asked.mode == SI_LOCK_COMPLIANCE) {
    asked.mode = SI_LOCK_GOVERNANCE;
  }
  if (locker_faults(in, "short") && asked.mode != SI_LOCK_NONE) {
    asked.until_ms -= HOUR_MS;
  }
  return asked;
}

si_rc locker_possible(const si_instance *in, si_op *op, const char *key, uint32_t mode,
                      int64_t until_ms) {
  char now[SI_TIME_SIZE];
  int64_t now_ms = locker_now(in);
  if (locker_faults(in, "not-locking")) {
    return si_fail(in->vt, op, SI_E_UNSUPPORTED, key, "this store does not lock objects");
  }
  if (mode != SI_LOCK_GOVERNANCE && mode != SI_LOCK_COMPLIANCE &&
      !locker_breaks("store.lock.mode")) {
    return si_fail(in->vt, op, SI_E_UNSUPPORTED, key, "the store has no lock of mode %u", mode);
  }
  si_time_text(now_ms, now);
  return until_ms > now_ms || locker_breaks("store.lock.past")
             ? SI_OK
             : si_fail(in->vt, op, SI_E_INVALID, key,
                       "the lock would end at a time that has passed: it is %s", now);
}

/* --- telling --- */

si_rc locker_tell(const si_instance *in, const char *key, const char *version, uint32_t flags,
                  const struct locker_lock *asked, void *ctx, si_lock_fn told) {
  struct locker_lock lock = locker_read(in, key, version);
  if (asked && (locker_faults(in, "lies") || locker_breaks("store.lock.kept"))) {
    lock = *asked;
  }
  if ((locker_breaks("store.lock.seen") && in->puts == 0) ||
      (locker_breaks("store.lock.apart") && gettid() != getpid())) {
    lock = (struct locker_lock){.mode = SI_LOCK_NONE};
  }
  if (locker_breaks("store.lock.unlocked") && lock.mode == SI_LOCK_NONE) {
    lock = (struct locker_lock){.mode = SI_LOCK_GOVERNANCE, .until_ms = locker_now(in)};
  }
  const si_lock tells = {.size = sizeof tells,
                         .mode = lock.mode,
                         .flags = flags | (lock.held ? SI_LOCK_HELD : 0),
                         .key = key,
                         .version = version,
                         .until_ms = lock.mode == SI_LOCK_NONE ? 0 : lock.until_ms,
                         .told_ms = locker_now(in)};
  if (locker_faults(in, "no-tell")) {
    return SI_OK;
  }
  si_rc status = told(ctx, &tells);
  return status == SI_OK && locker_faults(in, "twice") ? told(ctx, &tells) : status;
}

/* What was asked for last, of that key; false where that was of another. */
static bool claimed(si_instance *in, const char *key, struct locker_lock *lock) {
  pthread_mutex_lock(&in->mutex);
  bool same = strcmp(in->claimed_key, key) == 0;
  *lock = in->claimed;
  pthread_mutex_unlock(&in->mutex);
  return same;
}

static void claim(si_instance *in, const char *key, const struct locker_lock *lock) {
  pthread_mutex_lock(&in->mutex);
  si_copy(in->claimed_key, sizeof in->claimed_key, key);
  in->claimed = *lock;
  pthread_mutex_unlock(&in->mutex);
}

/* --- one version --- */

static si_rc missing(const si_instance *in, si_op *op, const char *key, const char *version) {
  return si_fail(in->vt, op, locker_breaks("store.lock.missing") ? SI_E_IO : SI_E_NOT_FOUND, key,
                 "there is no version %.60s of %.200s", version ? version : "to be read", key);
}

/* Finds it; its name goes to `name`. With the lock. */
static si_rc find(const si_instance *in, si_op *op, const char *key, const char *version,
                  char name[24], uint32_t *flags) {
  struct locker_versions versions SI_AUTO(locker_versions_free) = {NULL, 0};
  if (!si_key_valid(key) && !locker_breaks("store.lock.key")) {
    return si_fail(in->vt, op, SI_E_INVALID, NULL, "\"%.200s\" is no key", key);
  }
  version = locker_breaks("store.lock.version") ? NULL : version;
  si_rc status = locker_versions(in, op, key, &versions);
  const struct locker_version *found = status == SI_OK ? locker_find(&versions, version) : NULL;
  if (!found || found->marker) {
    return status == SI_OK ? missing(in, op, key, version) : status;
  }
  si_copy(name, 24, found->name);
  *flags = found == locker_current(&versions) ? SI_LOCK_CURRENT : 0;
  return SI_OK;
}

/* The one that `now` is, where it holds, and what is asked for, the longer and stronger of each. */
static struct locker_lock grown(const si_instance *in, struct locker_lock now,
                                struct locker_lock asked) {
  if (now.mode != SI_LOCK_NONE && now.until_ms > locker_now(in)) {
    const bool longer = now.until_ms > asked.until_ms && !locker_breaks("store.lock.grows");
    const bool stronger = now.mode > asked.mode && !locker_breaks("store.lock.weakens");
    asked.mode = stronger ? now.mode : asked.mode;
    asked.until_ms = longer ? now.until_ms : asked.until_ms;
  }
  asked.held = now.held;
  return asked;
}

static si_rc lock(si_instance *in, si_op *op, const char *key, const char *version, uint32_t mode,
                  int64_t until_ms) {
  char name[24];
  uint32_t flags;
  si_rc status = locker_possible(in, op, key, mode, until_ms);
  int alone SI_AUTO(si_close) = status == SI_OK ? locker_enter(in, op, LOCK_EX) : -1;
  status = status != SI_OK ? status
           : alone >= 0    ? find(in, op, key, version, name, &flags)
                           : SI_E_IO;
  if (status != SI_OK) {
    return status;
  }
  const struct locker_lock asked = {.mode = mode, .until_ms = until_ms};
  const struct locker_lock kept = grown(in, locker_read(in, key, name), locker_kept(in, asked));
  claim(in, key, &asked);
  return kept.mode == SI_LOCK_NONE || locker_breaks("store.lock.later")
             ? SI_OK
             : locker_write(in, op, key, name, &kept);
}

static si_rc read_lock(si_instance *in, si_op *op, const char *key, const char *version, void *ctx,
                       si_lock_fn told) {
  char name[24];
  uint32_t flags = 0;
  struct locker_lock asked;
  int alone SI_AUTO(si_close) = locker_enter(in, op, LOCK_SH);
  si_rc status = alone >= 0 ? find(in, op, key, version, name, &flags) : SI_E_IO;
  return status == SI_OK ? locker_tell(in, key, name, flags,
                                       claimed(in, key, &asked) ? &asked : NULL, ctx, told)
                         : status;
}

static si_rc legal_hold(si_instance *in, si_op *op, const char *key, const char *version,
                        uint32_t on) {
  char name[24];
  uint32_t flags;
  if (locker_faults(in, "not-locking")) {
    return si_fail(in->vt, op, SI_E_UNSUPPORTED, key, "this store does not lock objects");
  }
  int alone SI_AUTO(si_close) = locker_enter(in, op, LOCK_EX);
  si_rc status = alone >= 0 ? find(in, op, key, version, name, &flags) : SI_E_IO;
  if (status != SI_OK) {
    return status;
  }
  struct locker_lock now = locker_read(in, key, name);
  if (locker_breaks("store.lock.hold")) {
    now = (struct locker_lock){.mode = SI_LOCK_NONE};
  }
  now.held = on;
  claim(in, key, &now);
  return locker_faults(in, "swallow") || locker_faults(in, "lies")
             ? SI_OK
             : locker_write(in, op, key, name, &now);
}

/* --- all of them --- */

struct report {
  const si_instance *in;
  si_op *op;
  void *ctx;
  si_lock_fn each;
};

static si_rc tell_key(void *ctx, const char *key) {
  const struct report *report = ctx;
  const si_instance *in = report->in;
  struct locker_versions versions SI_AUTO(locker_versions_free) = {NULL, 0};
  si_rc status = locker_versions(in, report->op, key, &versions);
  for (size_t i = 0; status == SI_OK && i < versions.count; i++) {
    if (i + 1 < versions.count && locker_breaks("store.lock.report")) {
      continue;
    }
    const struct locker_version *version = &versions.each[i];
    const struct locker_lock lock = locker_read(in, key, version->name);
    const si_lock tells = {.size = sizeof tells,
                           .mode = lock.mode,
                           .flags = (lock.held ? SI_LOCK_HELD : 0) |
                                    (version->marker ? SI_LOCK_MARKER : 0) |
                                    (i + 1 == versions.count ? SI_LOCK_CURRENT : 0),
                           .key = key,
                           .version = version->name,
                           .until_ms = lock.mode == SI_LOCK_NONE ? 0 : lock.until_ms,
                           .told_ms = locker_now(in)};
    status = report->each(report->ctx, &tells);
    status = locker_breaks("store.lock.stopped") ? SI_OK : status;
  }
  return status;
}

/* Tells of what nobody asked for, or without an end. */
static si_rc make_up(const struct report *report, const char *prefix) {
  const si_instance *in = report->in;
  char key[LOCKER_PATH];
  const bool endless = locker_faults(in, "endless");
  snprintf(key, sizeof key, "%s%sendless", prefix, prefix[0] ? "/" : "");
  const si_lock tells = {.size = sizeof tells,
                         .flags = SI_LOCK_CURRENT,
                         .key = endless ? key : "elsewhere/key",
                         .version = "v000000000000",
                         .told_ms = locker_now(in)};
  si_rc status = report->each(report->ctx, &tells);
  while (status == SI_OK && endless) {
    status = report->each(report->ctx, &tells);
  }
  return status;
}

static si_rc report(si_instance *in, si_op *op, const char *prefix, void *ctx, si_lock_fn each,
                    void *emit_ctx, si_emit emit) {
  struct si_buf json SI_AUTO(si_buf_free) = SI_BUF(65536);
  struct report of = {in, op, ctx, each};
  char told[SI_TIME_SIZE], name[SI_PATH_MAX + 16];
  si_rc status = locker_walk(in, op, prefix, &of, tell_key);
  if (status == SI_OK && (locker_faults(in, "foreign") || locker_faults(in, "endless"))) {
    status = make_up(&of, prefix);
  }
  if (status != SI_OK) {
    return status;
  }
  si_time_text(locker_now(in), told);
  int len = snprintf(name, sizeof name, PLUGIN_ID "://%s", in->root_path);
  status = si_buf_puts(&json, "{\"store\":");
  status = status == SI_OK ? si_json_quote(name, (size_t)len, &json) : status;
  status = status == SI_OK ? si_buf_printf(&json,
                                           ",\"versioned\":true,\"locking\":%s,\"default_mode\":"
                                           "null,\"default_days\":null,\"told\":\"%s\"}",
                                           locker_faults(in, "not-locking") ? "false" : "true",
                                           locker_breaks("store.lock.facts") ? "now" : told)
                           : status;
  return status == SI_OK ? emit(emit_ctx, json.data, json.len)
                         : si_fail(in->vt, op, status, NULL, "out of memory");
}

const si_retention_vt locker_retention = {
    .size = sizeof(si_retention_vt),
    .sink_open = locker_locked_open,
    .sink_finish = locker_locked_finish,
    .lock = lock,
    .read_lock = read_lock,
    .legal_hold = legal_hold,
    .report = report,
};
