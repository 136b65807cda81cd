/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/services.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"

enum { LOG_LINE_MAX = 4096, SECRET_NAME_MAX = 256 };

static _Thread_local const char *volatile doing = "start";

const char *si_doing(void) {
  return doing;
}

void si_doing_set(const char *verb) {
  doing = verb;
}

/* Packing into the link's buffer fails only for want of memory; a lost log line or progress is no
 * reason to end, a lost answer is: si sees the stream end. */
static void must(si_rc status) {
  if (status != SI_OK) {
    fprintf(stderr, "si-host: out of memory\n");
    _Exit(4);
  }
}

static void host_log(si_host *host, uint32_t level, const char *message) {
  char line[LOG_LINE_MAX];
  size_t mark;
  si_copy(line, sizeof line, message);
  struct si_buf *out = si_link_lock(host->link);
  must(si_frame_begin(out, SI_FRAME_LOG, 0, &mark));
  must(si_pack_u32(out, level));
  must(si_pack_text(out, line));
  must(si_frame_end(out, mark));
  si_link_unlock(host->link, true);
}

static const char *provider_code(si_rc status) {
  static const char *const codes[] = {
      "PROVIDER_OK",          "PROVIDER_INVALID",  "PROVIDER_AUTH",      "PROVIDER_NOT_FOUND",
      "PROVIDER_EXISTS",      "PROVIDER_CONFLICT", "PROVIDER_RETENTION", "PROVIDER_QUOTA",
      "PROVIDER_UNAVAILABLE", "PROVIDER_IO",       "PROVIDER_CORRUPT",   "PROVIDER_UNSUPPORTED",
      "PROVIDER_CANCELLED",   "PROVIDER_TIMEOUT",  "PROVIDER_NOMEM",     "PROVIDER_REFUSED",
      "PROVIDER_INTERNAL",    "PROVIDER_FAILED",
  };
  return status > 0 && (size_t)status < sizeof codes / sizeof *codes ? codes[status]
                                                                     : "PROVIDER_INTERNAL";
}

static si_rc known(si_rc status) {
  return status >= SI_OK && status <= SI_E_FAILED ? status : SI_E_INTERNAL;
}

static si_rc host_fail(si_op *op, const si_failure *failure) {
  si_failure f;
  memset(&f, 0, sizeof f);
  if (failure) {
    size_t size = failure->size < sizeof f ? failure->size : sizeof f;
    memcpy(&f, failure, size);
  }
  si_rc status = f.status > SI_OK ? known(f.status) : SI_E_INTERNAL;
  const char *message = f.message && f.message[0] ? f.message : "the provider gave no reason";
  si_error_set(&op->failure, status, provider_code(status), "%s%s%s%s", message,
               f.field ? " (setting " : "", f.field ? f.field : "", f.field ? ")" : "");
  si_error_target(&op->failure, NULL, f.subject);
  si_error_detail(&op->failure, f.detail);
  op->failure.retry = f.retry <= SI_OUTCOME_UNKNOWN ? f.retry : SI_RETRY_NEVER;
  return status;
}

static int host_cancelled(si_op *op) {
  return si_link_cancelled(op->host->link) ||
         (op->deadline_ns && si_monotonic_ns() >= op->deadline_ns);
}

static void host_progress(si_op *op, uint64_t done, uint64_t total, const char *what) {
  uint64_t now = si_monotonic_ns();
  if (now - op->progressed_ns < 100000000ull && done != total) {
    return; /* ten a second are enough */
  }
  op->progressed_ns = now;
  char line[SI_PROGRESS_WHAT];
  size_t mark;
  si_copy(line, sizeof line, what);
  struct si_buf *out = si_link_lock(op->host->link);
  must(si_frame_begin(out, SI_FRAME_PROGRESS, op->id, &mark));
  must(si_pack_u64(out, done));
  must(si_pack_u64(out, total));
  must(si_pack_text(out, line));
  must(si_frame_end(out, mark));
  si_link_unlock(op->host->link, true);
}

static uint64_t host_deadline(si_op *op) {
  return op->deadline_ns;
}

static si_rc host_step(si_op *op, const char *name, uint32_t phase, const char *outside_id) {
  struct si_link *link = op->host->link;
  char short_name[SI_STEP_NAME], short_id[SI_STEP_ID];
  size_t mark;
  si_copy(short_name, sizeof short_name, name);
  si_copy(short_id, sizeof short_id, outside_id);
  uint64_t id = si_link_ask(link);
  struct si_buf *out = si_link_lock(link);
  must(si_frame_begin(out, SI_FRAME_STEP, id, &mark));
  must(si_pack_text(out, short_name));
  must(si_pack_u32(out, phase));
  must(si_pack_text(out, short_id));
  must(si_frame_end(out, mark));
  si_link_unlock(link, true);
  si_rc status = known(si_link_answer(link, id));
  if (status != SI_OK) {
    si_error_set(&op->failure, status, "JOURNAL_WRITE",
                 "the step \"%s\" could not be journalled, so it was not done", short_name);
  }
  return status;
}

static si_rc host_secret(si_op *op, const char *name, void *ctx, si_secret_use use) {
  struct si_link *link = op->host->link;
  struct si_locked lent SI_AUTO(si_locked_free) = {.data = NULL};
  char short_name[SECRET_NAME_MAX];
  size_t mark;
  if (!name || !use || strlen(name) >= sizeof short_name) {
    return si_error_set(&op->failure, SI_E_INVALID, "SECRET_NOT_FOUND",
                        "the provider asks for a secret without a name, or without a use");
  }
  si_copy(short_name, sizeof short_name, name);
  uint64_t id = si_link_ask(link);
  struct si_buf *out = si_link_lock(link);
  must(si_frame_begin(out, SI_FRAME_SECRET, id, &mark));
  must(si_pack_text(out, short_name));
  must(si_frame_end(out, mark));
  si_link_unlock(link, true);
  si_rc status = known(si_link_lent(link, id, &lent, &op->failure));
  return status == SI_OK ? use(ctx, lent.data, lent.len) : status;
}

static const void *host_service(si_host *host, const char *id) {
  (void)host;
  (void)id;
  return NULL; /* si/service.h declares some; this host gives none yet */
}

const struct si_host_vt si_host_services = {
    .size = sizeof(struct si_host_vt),
    .log = host_log,
    .fail = host_fail,
    .cancelled = host_cancelled,
    .progress = host_progress,
    .deadline_ns = host_deadline,
    .step = host_step,
    .secret = host_secret,
    .service = host_service,
};

void si_op_begin(struct si_op *op, uint64_t id) {
  op->id = id;
  op->progressed_ns = 0;
  op->failure.status = SI_OK;
}

void si_op_done(struct si_op *op, si_rc status, uint64_t value, bool now) {
  size_t mark;
  status = known(status);
  if (status == SI_OK) {
    op->failure.status = SI_OK;
  } else if (op->failure.status == SI_OK) {
    si_error_set(&op->failure, status, provider_code(status),
                 "the provider failed in %s (%s) and gave no reason", si_doing(),
                 si_status_text(status));
    si_error_hint(&op->failure,
                  "its maker's to mend: record one with fail(), as the contract has it");
  }
  op->failure.status = status;
  if (status != SI_OK && op->subject && !op->failure.target[0]) {
    si_error_target(&op->failure, NULL, op->subject);
  }
  struct si_buf *out = si_link_lock(op->host->link);
  must(si_frame_begin(out, SI_FRAME_DONE, op->id, &mark));
  must(si_pack_u64(out, value));
  must(si_pack_error(out, &op->failure));
  must(si_frame_end(out, mark));
  si_link_unlock(op->host->link, now);
}
