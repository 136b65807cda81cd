/* SPDX-License-Identifier: LicenseRef-si-enterprise */
/*
 * lock.c - locking versions that are stored, and reading their locks. A lock only grows here.
 * Depends on worm.h.
 */
#include <string.h>

#include "kit/base/text.h"
#include "worm.h"

/* One version that is worked on. */
struct work {
  si_instance *store;
  si_op *op;
  const char *key;
  char full[SI_BUCKET_KEY];
  struct si_bucket_call call;
  struct worm_lock lock; /* as the store told it last */
};

static si_rc look(struct work *w, const char *version) {
  struct si_error error;
  si_rc status = worm_look(w->store, &w->call.s3, w->full, version, &w->lock, &error);
  return status == SI_OK ? SI_OK : si_bucket_fail(w->store, w->op, &error, w->key);
}

static si_rc look_again(struct work *w) {
  char version[SI_S3_UPLOAD_ID];
  si_copy(version, sizeof version, w->lock.version);
  return look(w, version);
}

static si_rc begin(struct work *w, si_instance *store, si_op *op, const char *key,
                   const char *version) {
  *w = (struct work){.store = store, .op = op, .key = key};
  si_rc status = si_bucket_key(store, op, key, w->full);
  si_bucket_call_begin(&w->call, store, op);
  return status == SI_OK ? look(w, version) : status;
}

/* The same of one that is to be changed. */
static si_rc begin_change(struct work *w, si_instance *store, si_op *op, const char *key,
                          const char *version) {
  int64_t now_ms = 0;
  si_rc status = worm_ground_stand(store, op, &now_ms);
  return status == SI_OK ? begin(w, store, op, key, version) : status;
}

static si_rc not_kept(struct work *w) {
  char have[WORM_TEXT];
  worm_describe(&w->lock, have);
  return si_bucket_refuse(w->store, w->op, SI_E_RETENTION, NULL, w->key,
                          "%s: the store accepted a lock and did not keep it (it tells: %s): use a "
                          "store that locks, and credentials that may read locks "
                          "(s3:GetObjectRetention, s3:GetObjectLegalHold)",
                          w->key, have);
}

static si_rc no_upgrade(struct work *w) {
  char have[WORM_TEXT];
  worm_describe(&w->lock, have);
  return si_bucket_refuse(w->store, w->op, SI_E_UNSUPPORTED, NULL, w->key,
                          "%s: the store does not turn a governance lock into one of compliance "
                          "before it ends, but for those who may bypass it, which is never asked "
                          "for here; it stays locked (%s)",
                          w->key, have);
}

si_rc worm_lock(si_instance *store, si_op *op, const char *key, const char *version, uint32_t mode,
                int64_t until_ms) {
  struct work w;
  struct si_error error;
  if ((mode != SI_LOCK_GOVERNANCE && mode != SI_LOCK_COMPLIANCE) || until_ms <= 0) {
    return si_bucket_refuse(store, op, SI_E_INVALID, NULL, key, "%s: that is no lock", key);
  }
  si_rc status = begin_change(&w, store, op, key, version);
  if (status != SI_OK) {
    return status;
  }
  if (until_ms <= w.lock.told_ms) {
    return worm_fail_passed(store, op, key, until_ms, w.lock.told_ms);
  }
  until_ms = (until_ms + 999) / 1000 * 1000;
  if (w.lock.mode >= mode && w.lock.until_ms >= until_ms) {
    return SI_OK;
  }
  /* The stronger of both, also where the lock has ended: stores do not take a weaker one then. */
  bool weaker = w.lock.mode != SI_LOCK_NONE && w.lock.mode < mode;
  mode = w.lock.mode > mode ? w.lock.mode : mode;
  until_ms = w.lock.until_ms > until_ms ? w.lock.until_ms : until_ms;
  status = worm_set_retention(store, &w.call.s3, w.full, w.lock.version, mode, until_ms, &error);
  if (status == SI_E_AUTH && weaker) {
    return no_upgrade(&w);
  }
  if (status != SI_OK) {
    return si_bucket_fail(store, op, &error, key);
  }
  status = look_again(&w);
  if (status != SI_OK) {
    return status;
  }
  return w.lock.mode >= mode && w.lock.until_ms >= until_ms ? SI_OK : not_kept(&w);
}

si_rc worm_read_lock(si_instance *store, si_op *op, const char *key, const char *version, void *ctx,
                     si_lock_fn told) {
  struct work w;
  si_rc status = begin(&w, store, op, key, version);
  /* Of a version that was named it is not known whether it is the one that a reader gets. */
  return status == SI_OK ? worm_tell(&w.lock, key, version ? 0 : SI_LOCK_CURRENT, told, ctx)
                         : status;
}

si_rc worm_legal_hold(si_instance *store, si_op *op, const char *key, const char *version,
                      uint32_t on) {
  struct work w;
  struct si_error error;
  si_rc status = begin_change(&w, store, op, key, version);
  if (status != SI_OK || w.lock.held == (on != 0)) {
    return status;
  }
  if (worm_set_hold(store, &w.call.s3, w.full, w.lock.version, on != 0, &error) != SI_OK) {
    return si_bucket_fail(store, op, &error, key);
  }
  status = look_again(&w);
  if (status != SI_OK) {
    return status;
  }
  return w.lock.held == (on != 0) ? SI_OK : not_kept(&w);
}
