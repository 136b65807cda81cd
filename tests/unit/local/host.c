/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/local/host.h"

#include <signal.h>
#include <string.h>

#include "kit/base/text.h"

static si_rc on_fail(si_op *op, const si_failure *f) {
  op->failure.status = f->status;
  op->failure.retry = f->retry;
  si_copy(op->failure.subject, sizeof op->failure.subject, f->subject);
  si_copy(op->failure.field, sizeof op->failure.field, f->field);
  si_copy(op->failure.message, sizeof op->failure.message, f->message);
  si_copy(op->failure.detail, sizeof op->failure.detail, f->detail);
  return f->status;
}

static int on_cancelled(si_op *op) {
  return (op->cancel_at && op->step_calls >= op->cancel_at) ||
         (op->deadline_ns && si_monotonic_ns() >= op->deadline_ns);
}

static uint64_t on_deadline(si_op *op) {
  return op->deadline_ns;
}

static si_rc on_step(si_op *op, const char *name, uint32_t phase, const char *id) {
  op->step_calls++;
  if (op->kill_at && op->step_calls == op->kill_at) {
    raise(SIGKILL);
  }
  if (op->refuse_at && op->step_calls == op->refuse_at) {
    return SI_E_IO;
  }
  if (op->step_count == sizeof op->steps / sizeof *op->steps) {
    return SI_E_QUOTA;
  }
  struct host_step *step = &op->steps[op->step_count++];
  si_copy(step->name, sizeof step->name, name);
  si_copy(step->id, sizeof step->id, id);
  step->phase = phase;
  if (op->meanwhile && phase == op->meanwhile_phase && strcmp(name, op->meanwhile_step) == 0) {
    void (*run)(void) = op->meanwhile;
    op->meanwhile = NULL;
    run();
  }
  return SI_OK;
}

const si_host_vt test_host = {
    .size = sizeof test_host,
    .fail = on_fail,
    .cancelled = on_cancelled,
    .deadline_ns = on_deadline,
    .step = on_step,
};

void op_begin(struct si_op *op) {
  memset(op, 0, sizeof *op);
  op->emitted.max = 1024 * 1024;
}

void op_end(struct si_op *op) {
  si_buf_free(&op->emitted);
}

si_rc op_emit(void *ctx, const char *json, size_t len) {
  struct si_op *op = ctx;
  si_buf_clear(&op->emitted);
  return si_buf_add(&op->emitted, json, len);
}

size_t op_steps(const struct si_op *op, const char *prefix, uint32_t phase) {
  size_t count = 0;
  for (size_t i = 0; i < op->step_count; i++) {
    count += op->steps[i].phase == phase && strncmp(op->steps[i].name, prefix, strlen(prefix)) == 0;
  }
  return count;
}

cJSON *op_result(const struct si_op *op) {
  cJSON *result = NULL;
  if (si_json_parse(si_buf_text(&op->emitted), op->emitted.len, &result, NULL) != SI_OK) {
    return NULL;
  }
  return result;
}
