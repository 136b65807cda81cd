/* SPDX-License-Identifier: LicenseRef-si-enterprise */
/*
 * ground.c - what there is to know of the bucket: does it lock, and what time is it there? Depends
 * on worm.h.
 */
#include <string.h>

#include "kit/base/text.h"
#include "kit/net/xml.h"
#include "worm.h"

enum { SKEW_MS = 5000, SECOND_MS = 1000 /* that the header Date leaves out */ };

/* --- the documents --- */

static si_rc on_versioning(void *ctx, const char *path, const char *text, size_t len) {
  struct worm_ground *ground = ctx;
  (void)len;
  if (strcmp(path, "VersioningConfiguration/Status") == 0) {
    ground->versioned = strcmp(text, "Enabled") == 0;
  }
  return SI_OK;
}

static si_rc on_locking(void *ctx, const char *path, const char *text, size_t len) {
  static const char rule[] = "ObjectLockConfiguration/Rule/DefaultRetention/";
  struct worm_ground *ground = ctx;
  uint64_t n = 0;
  (void)len;
  if (strcmp(path, "ObjectLockConfiguration/ObjectLockEnabled") == 0) {
    ground->locking = strcmp(text, "Enabled") == 0;
  }
  if (strncmp(path, rule, sizeof rule - 1) != 0) {
    return SI_OK;
  }
  path += sizeof rule - 1;
  bool years = strcmp(path, "Years") == 0;
  if (strcmp(path, "Mode") == 0) {
    ground->default_mode = strcmp(text, "COMPLIANCE") == 0   ? SI_LOCK_COMPLIANCE
                           : strcmp(text, "GOVERNANCE") == 0 ? SI_LOCK_GOVERNANCE
                                                             : SI_LOCK_NONE;
  } else if ((years || strcmp(path, "Days") == 0) && si_parse_u64(text, 0, 36500, &n) == SI_OK) {
    /* Some stores name both, the other as 0. */
    ground->default_days = n > 0 ? n * (years ? 365 : 1) : ground->default_days;
  }
  return SI_OK;
}

/* Asks for one of them. *http 0: there was no answer. */
static si_rc ask(const si_instance *store, si_op *op, const char *what, si_xml_each each,
                 struct worm_ground *ground, int *http, struct si_error *error) {
  const struct si_http_header pairs[] = {{what, ""}};
  const struct si_s3_query query = {.method = "GET", .pairs = pairs, .pair_count = 1};
  struct si_s3_answer answer = SI_S3_ANSWER;
  struct si_bucket_call call;
  si_bucket_call_begin(&call, store, op);
  si_rc status = si_s3_query(store->s3, &call.s3, &query, &answer, error);
  *http = answer.http;
  int64_t told = si_s3_time(answer.date);
  ground->told_ms = told ? told : ground->told_ms;
  if (status == SI_OK &&
      si_xml_read(si_buf_text(&answer.body), answer.body.len, each, ground, NULL) != SI_OK) {
    status = si_error_set(error, SI_E_CORRUPT, "S3_LOCK",
                          "what the store says of the bucket %s (?%s) cannot be read",
                          store->config.bucket, what);
  }
  si_buf_free(&answer.body);
  return status;
}

/* --- clocks --- */

static void compare_clocks(si_instance *store, const struct worm_ground *ground,
                           int64_t started_ms) {
  struct worm *worm = store->mine;
  char here[SI_TIME_SIZE], there[SI_TIME_SIZE];
  int64_t now = si_now_ms(), told = ground->told_ms;
  if (!told || worm->warned ||
      (told + SECOND_MS >= started_ms - SKEW_MS && told <= now + SKEW_MS)) {
    return;
  }
  worm->warned = true;
  si_time_text(now, here);
  si_time_text(told, there);
  si_bucket_warn(store,
                 "this machine's clock and the store's are more than five seconds apart: here it "
                 "is %s, there %s; the store's decides when a lock ends",
                 here, there);
}

/* --- the bucket --- */

/* Called with the lock. */
static si_rc ask_both(si_instance *store, si_op *op, struct worm_ground *out) {
  struct worm *worm = store->mine;
  struct worm_ground ground = {.locking = false};
  struct si_error error;
  int http = 0;
  int64_t started_ms = si_now_ms();
  si_rc status = ask(store, op, "versioning", on_versioning, &ground, &http, &error);
  if (status == SI_OK) {
    status = ask(store, op, "object-lock", on_locking, &ground, &http, &error);
    if (status == SI_E_UNSUPPORTED || (status != SI_OK && (http == 404 || http == 400))) {
      ground.locking = false; /* so stores say that there is nothing of the kind */
      status = SI_OK;
    }
  }
  if (status != SI_OK) {
    return si_bucket_fail(store, op, &error, NULL);
  }
  ground.default_days = ground.default_mode ? ground.default_days : 0;
  compare_clocks(store, &ground, started_ms);
  worm->ground = ground;
  worm->known = true;
  worm->asked_ns = si_monotonic_ns();
  *out = ground;
  return SI_OK;
}

si_rc worm_ground_ask(si_instance *store, si_op *op, struct worm_ground *out) {
  struct worm *worm = store->mine;
  pthread_mutex_lock(&worm->lock);
  si_rc status = ask_both(store, op, out);
  pthread_mutex_unlock(&worm->lock);
  return status;
}

si_rc worm_ground_stand(si_instance *store, si_op *op, int64_t *now_ms) {
  struct worm *worm = store->mine;
  struct worm_ground ground;
  pthread_mutex_lock(&worm->lock);
  si_rc status = worm->known ? SI_OK : ask_both(store, op, &ground);
  ground = worm->ground;
  int64_t since_ms = (int64_t)((si_monotonic_ns() - worm->asked_ns) / 1000000);
  pthread_mutex_unlock(&worm->lock);
  if (status != SI_OK) {
    return status;
  }
  if (!ground.locking || !ground.versioned) {
    return si_bucket_refuse(
        store, op, SI_E_UNSUPPORTED, "/bucket", NULL,
        "the bucket %s does not lock objects: use one that was made with Object "
        "Lock (it cannot be added to every bucket later)",
        store->config.bucket);
  }
  *now_ms = ground.told_ms ? ground.told_ms + since_ms : 0;
  return SI_OK;
}

si_rc worm_fail_passed(const si_instance *store, si_op *op, const char *key, int64_t until_ms,
                       int64_t now_ms) {
  char until[SI_TIME_SIZE], now[SI_TIME_SIZE];
  si_time_text(until_ms, until);
  si_time_text(now_ms, now);
  return si_bucket_refuse(store, op, SI_E_INVALID, NULL, key,
                          "%s: the lock would end at %s, which has passed: at the store it is %s",
                          key, until, now);
}
