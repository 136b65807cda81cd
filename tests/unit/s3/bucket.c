/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/s3/bucket.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"

enum { PIECE = 256 * 1024 };

struct si_host bucket_host;
const struct bucket_secret *bucket_secrets;

static void record_log(si_host *host, uint32_t level, const char *message) {
  if (level >= SI_LOG_WARN) {
    atomic_fetch_add(&host->warnings, 1);
    si_copy(host->last, sizeof host->last, message);
  }
}

static si_rc record_fail(si_op *op, const si_failure *failure) {
  op->status = failure->status;
  op->retry = failure->retry;
  si_copy(op->subject, sizeof op->subject, failure->subject);
  si_copy(op->field, sizeof op->field, failure->field);
  si_copy(op->message, sizeof op->message, failure->message);
  return failure->status;
}

static int cancelled(si_op *op) {
  return atomic_load(&op->cancelled);
}

static uint64_t deadline(si_op *op) {
  return op->deadline_ns;
}

static si_rc lend(si_op *op, const char *name, void *ctx, si_secret_use use) {
  for (const struct bucket_secret *s = bucket_secrets; s && s->name; s++) {
    if (strcmp(s->name, name) == 0) {
      return use(ctx, s->value, strlen(s->value));
    }
  }
  const si_failure failure = {
      .size = sizeof failure, .status = SI_E_NOT_FOUND, .subject = name, .message = "no secret"};
  return record_fail(op, &failure);
}

const si_host_vt bucket_vt = {.size = sizeof(si_host_vt),
                              .log = record_log,
                              .fail = record_fail,
                              .cancelled = cancelled,
                              .deadline_ns = deadline,
                              .secret = lend};

const si_provider *bucket_provider(void) {
  return si_plugin_v1()->providers[0];
}

const si_artifact_vt *bucket_table(void) {
  return bucket_provider()->vt;
}

si_rc bucket_open(const char *config, si_op *op, si_instance **out) {
  return bucket_provider()->open(&bucket_vt, &bucket_host, op, config, out);
}

void bucket_close(si_instance *store) {
  if (store) {
    bucket_provider()->close(store);
  }
}

si_rc bucket_put(si_instance *store, si_op *op, const char *key, uint32_t flags, const void *data,
                 size_t len) {
  const si_artifact_vt *vt = bucket_table();
  const si_put_options options = {
      .size = sizeof options, .flags = flags, .length = len, .content_type = "text/plain"};
  si_sink *sink = NULL;
  si_rc status = vt->sink_open(store, op, key, &options, &sink);
  if (status != SI_OK) {
    return status;
  }
  for (size_t at = 0; status == SI_OK && at < len; at += PIECE) {
    status = vt->sink_write(sink, op, (const char *)data + at, len - at < PIECE ? len - at : PIECE);
  }
  if (status != SI_OK) {
    vt->sink_abort(sink);
    return status;
  }
  return vt->sink_finish(sink, op);
}

long bucket_get(si_instance *store, si_op *op, const char *key, uint64_t offset, uint64_t limit,
                char *to, size_t cap) {
  const si_artifact_vt *vt = bucket_table();
  si_reader *reader = NULL;
  size_t have = 0, got = 1;
  si_rc status = vt->reader_open(store, op, key, offset, limit, &reader);
  if (status != SI_OK) {
    return -1;
  }
  while (status == SI_OK && got && have < cap) {
    status = vt->reader_read(reader, op, to + have, cap - have, &got);
    have += status == SI_OK ? got : 0;
  }
  vt->reader_close(reader);
  return status == SI_OK ? (long)have : -1;
}
