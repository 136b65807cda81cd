/* SPDX-License-Identifier: LicenseRef-si-enterprise */
/*
 * put.c - objects that are locked from their first moment: one request with the lock in it, and a
 * look at what became of it. An object in parts is locked by its version, for stores overlook the
 * lock there. Depends on worm.h.
 *
 * Some stores overlook If-None-Match where a bucket keeps versions. So the key is looked at before
 * the object is sent and after it is stored. Listings tell more than looks, and cost more: they are
 * asked for where there is something under the key already, for what must be new (the manifest of a
 * runpack, which comes last), and for objects in parts.
 */
#include <string.h>

#include "kit/base/text.h"
#include "worm.h"

#define CLEANING_NS (15ull * 1000000000)

/* What an object is to be locked with; kept with its sink. */
struct asked {
  uint32_t mode;
  bool held;
  int64_t until_ms; /* to the second */
  struct si_http_header headers[3];
  char until[SI_TIME_SIZE];
};

struct telling {
  void *ctx;
  si_lock_fn told;
};

/* --- before it is stored --- */

static si_rc ask(const struct si_bucket_put *put, struct si_s3_put *request) {
  struct asked *asked = put->ask;
  size_t n = 0;
  if (!asked) {
    return SI_OK;
  }
  if (asked->mode != SI_LOCK_NONE) {
    asked->headers[n++] = (struct si_http_header){
        "x-amz-object-lock-mode", asked->mode == SI_LOCK_COMPLIANCE ? "COMPLIANCE" : "GOVERNANCE"};
    asked->headers[n++] =
        (struct si_http_header){"x-amz-object-lock-retain-until-date", asked->until};
  }
  if (asked->held) {
    asked->headers[n++] = (struct si_http_header){"x-amz-object-lock-legal-hold", "ON"};
  }
  request->headers = asked->headers;
  request->header_count = n;
  request->with_md5 = true;
  return SI_OK;
}

static si_rc list(const struct si_bucket_put *put, si_op *op, struct worm_versions *versions) {
  struct si_bucket_call call;
  struct si_error error;
  si_bucket_call_begin(&call, put->store, op);
  return worm_versions(put->store, &call.s3, put->full, versions, &error) == SI_OK
             ? SI_OK
             : si_bucket_fail(put->store, op, &error, put->key);
}

static si_rc exists(const struct si_bucket_put *put, si_op *op) {
  return si_bucket_refuse(put->store, op, SI_E_EXISTS, NULL, put->key, "s3://%s/%s exists already",
                          put->store->config.bucket, put->full);
}

static bool create_only(const struct si_bucket_put *put) {
  return put->flags & SI_PUT_CREATE_ONLY;
}

static si_rc replace(const struct si_bucket_put *put, si_op *op) {
  struct worm_versions versions SI_AUTO(worm_versions_free) = {NULL, 0};
  struct si_bucket_call call;
  struct worm_lock lock;
  struct si_error error;
  bool speaks = worm_fresh_speaks(put->store, put->key);
  if (speaks && put->ask && !create_only(put)) {
    return SI_OK;
  }
  si_bucket_call_begin(&call, put->store, op);
  uint64_t now_ns = si_monotonic_ns();
  si_rc status = worm_look(put->store, &call.s3, put->full, NULL, &lock, &error);
  if (status == SI_E_NOT_FOUND && !lock.marker) {
    worm_fresh_looked(put->store, put->key, now_ns);
    return create_only(put) ? worm_fresh_prove(put->store, op, put->key) : SI_OK;
  }
  if (status != SI_OK && status != SI_E_NOT_FOUND) {
    return si_bucket_fail(put->store, op, &error, put->key);
  }
  status = list(put, op, &versions);
  if (status == SI_OK) {
    status = worm_none_locked(put->store, op, &versions, put->key, put->full);
  }
  bool there = versions.count > 0 && !versions.list[0].marker;
  return status == SI_OK && there && create_only(put) ? exists(put, op) : status;
}

/* --- once it is stored --- */

static bool enough(const struct asked *asked, const struct worm_lock *lock) {
  return lock->mode >= asked->mode && lock->until_ms >= asked->until_ms &&
         (lock->held || !asked->held);
}

/* What was stored must not stay. Also when the call was cancelled, or ran out of time: a bound of
 * its own. Says what became of it. */
static const char *take_back(const struct si_bucket_put *put, const char *version) {
  const struct si_s3_call call = {si_monotonic_ns() + CLEANING_NS, NULL, NULL};
  struct si_error error;
  return si_s3_delete(put->store->s3, &call, put->full, version[0] ? version : NULL, &error) ==
                 SI_OK
             ? "it was removed again"
             : "and it could not be removed again: look at it by hand";
}

/* Locks a version whose lock the store overlooked as the upload began. */
static si_rc lock_now(const struct si_bucket_put *put, const struct si_s3_call *call,
                      struct worm_lock *lock, struct si_error *error) {
  const struct asked *asked = put->ask;
  si_rc status = SI_OK;
  if (asked->mode != SI_LOCK_NONE &&
      (lock->mode < asked->mode || lock->until_ms < asked->until_ms)) {
    int64_t until = lock->until_ms > asked->until_ms ? lock->until_ms : asked->until_ms;
    status = worm_set_retention(put->store, call, put->full, lock->version,
                                lock->mode > asked->mode ? lock->mode : asked->mode, until, error);
  }
  if (status == SI_OK && asked->held && !lock->held) {
    status = worm_set_hold(put->store, call, put->full, lock->version, true, error);
  }
  char version[SI_S3_UPLOAD_ID];
  si_copy(version, sizeof version, lock->version);
  return status == SI_OK ? worm_look(put->store, call, put->full, version, lock, error) : status;
}

static si_rc not_kept(const struct si_bucket_put *put, si_op *op, const struct worm_lock *lock) {
  const struct asked *asked = put->ask;
  const struct worm_lock wish = {
      .mode = asked->mode, .held = asked->held, .until_ms = asked->until_ms};
  char want[WORM_TEXT], have[WORM_TEXT];
  worm_describe(&wish, want);
  worm_describe(lock, have);
  const char *end = take_back(put, lock->version);
  return si_bucket_refuse(put->store, op, SI_E_RETENTION, NULL, put->key,
                          "%s: the store accepted the lock headers and did not keep them (asked: "
                          "%s; it tells: %s); %s. Use a store that locks, and credentials that may "
                          "read locks (s3:GetObjectRetention, s3:GetObjectLegalHold)",
                          put->key, want, have, end);
}

/* Did another object come in between? Then the older one stays, and ours does not. */
static si_rc alone(const struct si_bucket_put *put, si_op *op, const char *version) {
  struct worm_versions versions SI_AUTO(worm_versions_free) = {NULL, 0};
  si_rc status = list(put, op, &versions);
  size_t ours = 0;
  while (ours < versions.count && strcmp(versions.list[ours].id, version) != 0) {
    ours++;
  }
  if (status != SI_OK) {
    take_back(put, version);
    return status;
  }
  if (ours >= versions.count) {
    return SI_OK; /* it was removed already, by others: it was not locked */
  }
  const struct worm_versions older = {versions.list + ours + 1, versions.count - ours - 1};
  status = worm_none_locked(put->store, op, &older, put->key, put->full);
  if (status == SI_OK && older.count > 0 && !older.list[0].marker && create_only(put)) {
    status = exists(put, op);
  }
  if (status != SI_OK) {
    take_back(put, version);
  }
  return status;
}

static si_rc unversioned(const struct si_bucket_put *put, si_op *op) {
  return si_bucket_refuse(
      put->store, op, SI_E_UNSUPPORTED, "/bucket", put->key,
      "%s: the bucket %s keeps no versions, so that nothing in it can be locked; "
      "%s",
      put->key, put->store->config.bucket, take_back(put, ""));
}

/* Reads the lock back; what is not locked as asked for does not stay. */
static si_rc prove(const struct si_bucket_put *put, si_op *op, const char *version, bool listed,
                   struct worm_lock *lock) {
  struct si_bucket_call call;
  struct si_error error;
  si_bucket_call_begin(&call, put->store, op);
  /* What a reader gets now: ours, unless another came in between. */
  si_rc status = worm_look(put->store, &call.s3, put->full, listed ? version : NULL, lock, &error);
  if (!listed &&
      (status == SI_E_NOT_FOUND || (status == SI_OK && strcmp(lock->version, version) != 0))) {
    status = alone(put, op, version);
    return status == SI_OK ? prove(put, op, version, true, lock) : status;
  }
  if (status == SI_OK && put->parts && !enough(put->ask, lock)) {
    status = lock_now(put, &call.s3, lock, &error);
  }
  if (status != SI_OK) {
    si_error_hint(&error, "its lock is not known; %s", take_back(put, version));
    return si_bucket_fail(put->store, op, &error, put->key);
  }
  return enough(put->ask, lock) ? SI_OK : not_kept(put, op, lock);
}

static si_rc stored(const struct si_bucket_put *put, si_op *op, const struct si_s3_object *object,
                    void *ctx) {
  const struct telling *telling = ctx;
  const char *version = object->version_id;
  bool listed = put->parts || create_only(put);
  struct worm_lock lock;
  if (!version[0]) {
    worm_fresh_begin(put->store, "", false);
    return put->ask ? unversioned(put, op) : SI_OK;
  }
  si_rc status = listed ? alone(put, op, version) : SI_OK;
  if (status == SI_OK && put->ask) {
    status = prove(put, op, version, listed, &lock);
  }
  if (status == SI_OK) {
    worm_fresh_wrote(put->store, put->key, version);
  }
  return status == SI_OK && put->ask && telling
             ? worm_tell(&lock, put->key, SI_LOCK_CURRENT, telling->told, telling->ctx)
             : status;
}

const struct si_bucket_kind worm_kind = {
    .id = SI_PLUGIN_ID, .ask = ask, .replace = replace, .stored = stored};

/* --- the verbs --- */

static bool wish_valid(const si_lock_wish *wish) {
  bool none = wish->mode == SI_LOCK_NONE;
  return wish->mode <= SI_LOCK_COMPLIANCE && !(wish->flags & ~(uint32_t)SI_LOCK_HELD) &&
         (none ? wish->until_ms == 0 && (wish->flags & SI_LOCK_HELD) : wish->until_ms > 0);
}

si_rc worm_sink_open(si_instance *store, si_op *op, const char *key, const si_put_options *options,
                     const si_lock_wish *wish, si_sink **out) {
  int64_t now_ms = 0;
  if (wish->size < sizeof *wish || !wish_valid(wish)) {
    return si_bucket_refuse(store, op, SI_E_INVALID, NULL, key,
                            "%s: that is no lock: a mode and its end, a legal hold, or both", key);
  }
  si_rc status = worm_ground_stand(store, op, &now_ms);
  if (status != SI_OK) {
    return status;
  }
  if (wish->mode != SI_LOCK_NONE && wish->until_ms <= now_ms) {
    return worm_fail_passed(store, op, key, wish->until_ms, now_ms);
  }
  struct asked asked = {.mode = wish->mode,
                        .held = (wish->flags & SI_LOCK_HELD) != 0,
                        .until_ms = (wish->until_ms + 999) / 1000 * 1000};
  worm_time(asked.until_ms, asked.until);
  return si_bucket_sink_open_as(store, op, key, options, &asked, sizeof asked, out);
}

si_rc worm_sink_finish(si_sink *sink, si_op *op, void *ctx, si_lock_fn told) {
  struct telling telling = {ctx, told};
  return si_bucket_sink_finish_as(sink, op, &telling);
}
