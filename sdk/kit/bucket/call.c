/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/bucket/call.c - what every verb of the store does: fail in words, be bounded by its op, make
 * keys. Depends on store.h, kit/base, kit/net.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "kit/bucket/store.h"

/* --- failing --- */

static si_rc record(const si_instance *store, si_op *op, const si_failure *failure) {
  return op && SI_HAS(store->vt, si_host_vt, fail) ? store->vt->fail(op, failure) : failure->status;
}

si_rc si_bucket_fail(const si_instance *store, si_op *op, const struct si_error *error,
                     const char *key) {
  struct si_error told = *error;
  /* Ended by the caller's own will: what was sent may have arrived, and repeating it is harmless.
   * Where it is not, the error says SI_OUTCOME_UNKNOWN. */
  bool stopped = error->status == SI_E_CANCELLED || error->status == SI_E_TIMEOUT;
  told.retry = stopped && error->retry == SI_RETRY_NEVER ? SI_RETRY_SAFE : error->retry;
  return si_fail_error(store->vt, op, &told, key);
}

si_rc si_bucket_refuse(const si_instance *store, si_op *op, si_rc status, const char *field,
                       const char *key, const char *fmt, ...) {
  char message[2048];
  va_list args;
  va_start(args, fmt);
  vsnprintf(message, sizeof message, fmt, args);
  va_end(args);
  const si_failure failure = {
      .size = sizeof failure, .status = status, .field = field, .subject = key, .message = message};
  return record(store, op, &failure);
}

void si_bucket_warn(const si_instance *store, const char *fmt, ...) {
  char message[2048];
  va_list args;
  va_start(args, fmt);
  vsnprintf(message, sizeof message, fmt, args);
  va_end(args);
  if (SI_HAS(store->vt, si_host_vt, log)) {
    store->vt->log(store->host, SI_LOG_WARN, message);
  }
}

/* --- calls --- */

static int cancelled(void *ctx) {
  const struct si_bucket_call *call = ctx;
  return call->store->vt->cancelled(call->op);
}

void si_bucket_call_begin(struct si_bucket_call *call, const si_instance *store, si_op *op) {
  const si_host_vt *vt = store->vt;
  *call = (struct si_bucket_call){.store = store, .op = op};
  if (op && SI_HAS(vt, si_host_vt, deadline_ns)) {
    call->s3.deadline_ns = vt->deadline_ns(op);
  }
  if (op && SI_HAS(vt, si_host_vt, cancelled)) {
    call->s3.cancelled = cancelled;
    call->s3.ctx = call;
  }
}

/* --- keys --- */

si_rc si_bucket_key(const si_instance *store, si_op *op, const char *key,
                    char full[SI_BUCKET_KEY]) {
  const char *prefix = store->config.prefix;
  if (!si_key_valid(key)) {
    return si_bucket_refuse(store, op, SI_E_INVALID, NULL, key,
                            "\"%.200s\" is not a key that this store takes", key);
  }
  int n = snprintf(full, SI_BUCKET_KEY, "%s%s%s", prefix, prefix[0] ? "/" : "", key);
  if (n < 0 || n >= SI_BUCKET_KEY) {
    return si_bucket_refuse(
        store, op, SI_E_INVALID, NULL, key,
        "%.200s...: with the prefix it is longer than the %d bytes that a key in "
        "S3 can have",
        key, SI_S3_KEY_MAX);
  }
  return SI_OK;
}

const char *si_bucket_own_key(const si_instance *store, const char *full) {
  size_t skip = strlen(store->config.prefix);
  const char *key = full + skip + (skip > 0);
  return strlen(full) > skip && si_key_valid(key) ? key : NULL;
}
