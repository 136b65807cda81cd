/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/local/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kit/base/text.h"

enum { AWAKE_MS = 50, MAX_DOCUMENT = 8 * 1024 * 1024 };

static int cancelled(void *ctx) {
  struct local_call *call = ctx;
  return call->in->vt->cancelled(call->op);
}

void local_call_begin(struct local_call *call, si_instance *instance, si_op *op) {
  memset(call, 0, sizeof *call);
  call->in = instance;
  call->op = op;
  struct si_engine_bounds bounds = {instance->vt->deadline_ns(op), cancelled, call};
  si_engine_bound(instance->engine, &bounds);
}

si_rc local_go_on(struct local_call *call) {
  uint64_t deadline = call->in->vt->deadline_ns(call->op);
  if (deadline && si_monotonic_ns() >= deadline) {
    return si_error_set(&call->error, SI_E_TIMEOUT, "LOCAL_TIMEOUT",
                        "the operation's deadline passed");
  }
  if (call->in->vt->cancelled(call->op)) {
    return si_error_set(&call->error, SI_E_CANCELLED, "LOCAL_CANCELLED", "cancelled");
  }
  return SI_OK;
}

si_rc local_pause(struct local_call *call, uint32_t ms) {
  si_rc status = local_go_on(call);
  while (status == SI_OK && ms > 0) {
    uint32_t slice = ms < AWAKE_MS ? ms : AWAKE_MS;
    struct timespec span = {0, (long)slice * 1000000L};
    nanosleep(&span, NULL);
    ms -= slice;
    status = local_go_on(call);
  }
  return status;
}

void local_say(struct local_call *call, uint32_t level, const char *fmt, ...) {
  char text[1024];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  if (SI_HAS(call->in->vt, si_host_vt, log)) {
    call->in->vt->log(call->in->host, level, text);
  }
}

void local_progress(struct local_call *call, uint64_t done, uint64_t total, const char *fmt, ...) {
  char text[256];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  if (SI_HAS(call->in->vt, si_host_vt, progress)) {
    call->in->vt->progress(call->op, done, total, text);
  }
}

/* --- failures --- */

si_rc local_error(struct local_call *call, si_rc status, const char *subject, const char *fmt,
                  ...) {
  char text[sizeof call->error.message];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  si_error_set(&call->error, status, "LOCAL", "%s", text);
  si_error_target(&call->error, NULL, subject);
  return status;
}

si_rc local_about(struct local_call *call, const char *kind, const char *subject) {
  char text[sizeof call->error.message + 512];
  snprintf(text, sizeof text, "%s %s: %s", kind, subject, call->error.message);
  si_copy(call->error.message, sizeof call->error.message, text);
  return si_error_target(&call->error, NULL, subject);
}

/* One line: what the engine says may have several. */
static void one_line(char *text) {
  for (; *text; text++) {
    if ((unsigned char)*text < 0x20) {
      *text = ' ';
    }
  }
}

si_rc local_call_end(struct local_call *call, si_rc status) {
  char message[sizeof call->error.message + sizeof call->error.hint + 2];
  struct si_error *e = &call->error;
  if (status == SI_OK) {
    return SI_OK;
  }
  if (e->status != SI_E_TIMEOUT && e->status != SI_E_CANCELLED) {
    struct si_error keep = *e;
    if (local_go_on(call) == SI_OK || keep.status == SI_OK) {
      *e = keep;
    } else {
      e->retry = keep.retry;
      si_copy(e->target, sizeof e->target, keep.target);
    }
  }
  if (e->status == SI_OK) { /* a status without a word; say at least what it means */
    si_error_set(e, status, "LOCAL", "%s", si_status_text(status));
  }
  snprintf(message, sizeof message, "%s%s%s", e->message, e->hint[0] ? ": " : "", e->hint);
  one_line(message);
  bool configuration = strcmp(e->code, "LOCAL_CONFIG") == 0;
  si_failure failure = {.size = sizeof failure,
                        .status = e->status,
                        .retry = e->retry,
                        .field = configuration && e->target[0] ? e->target : NULL,
                        .subject = !configuration && e->target[0] ? e->target : NULL,
                        .message = message,
                        .detail = e->detail[0] ? e->detail : NULL};
  return call->in->vt->fail(call->op, &failure);
}

/* --- the journal --- */

static si_rc journal(struct local_call *call, const struct local_effect *effect, uint32_t phase,
                     const char *id) {
  si_rc status = call->in->vt->step(call->op, effect->name, phase, id && id[0] ? id : NULL);
  if (status != SI_OK) {
    si_error_set(&call->error, status, "LOCAL_JOURNAL",
                 "step \"%s\" could not be written to the journal (%s): nothing more was done",
                 effect->name, si_status_text(status));
  }
  return status;
}

si_rc local_effect_begin(struct local_call *call, struct local_effect *effect, const char *verb,
                         const char *what, const char *id) {
  si_rc status = local_go_on(call);
  if (status != SI_OK) {
    return status;
  }
  snprintf(effect->name, sizeof effect->name, "%s %s", verb, what);
  return journal(call, effect, SI_STEP_BEGIN, id);
}

si_rc local_effect_end(struct local_call *call, const struct local_effect *effect, si_rc status,
                       const char *id) {
  if (status == SI_OK) {
    return journal(call, effect, SI_STEP_DONE, id);
  }
  if (call->error.retry == SI_OUTCOME_UNKNOWN) {
    return status;
  }
  struct si_error keep = call->error;
  si_rc journalled = journal(call, effect, SI_STEP_FAILED, id);
  if (journalled == SI_OK) {
    call->error = keep;
    return status;
  }
  return journalled;
}

si_rc local_emit(struct local_call *call, const cJSON *document, void *ctx, si_emit emit) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(MAX_DOCUMENT);
  si_rc status = document ? si_json_print(document, false, &text) : SI_E_NOMEM;
  if (status == SI_OK) {
    status = emit(ctx, si_buf_text(&text), text.len);
  }
  return status == SI_OK
             ? SI_OK
             : si_error_set(&call->error, status, "LOCAL_EMIT",
                            "the result could not be handed over: %s", si_status_text(status));
}
