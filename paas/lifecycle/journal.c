/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "paas/lifecycle/secrets.h"

si_rc si_journal_path(const struct si_context *context, const char *operation_id,
                      const char *suffix, char *to, size_t size) {
  int n = snprintf(to, size, "%s/operations/%s.%s", context->dir, operation_id, suffix);
  return n > 0 && (size_t)n < size ? SI_OK : SI_E_QUOTA;
}

void si_journal_open(struct si_journal *journal, struct si_life *life, const char *operation_id,
                     const char *provider, int lock) {
  char path[SI_PATH_MAX];
  char owner[32];
  journal->life = life;
  journal->target[0] = '\0';
  journal->log = -1;
  journal->logged = journal->stepped = 0;
  journal->refused = 0;
  journal->doing[0] = '\0';
  memset(&journal->lines, 0, sizeof journal->lines);
  si_copy(journal->operation_id, sizeof journal->operation_id, operation_id);
  /* Without a log: this one's has what is said of it. */
  journal->stopped = (struct si_stopped){.context = life->context,
                                         .state = life->state,
                                         .plugin = provider,
                                         .operation = journal->operation_id};
  int n = snprintf(owner, sizeof owner, "%d\n", (int)getpid());
  if (ftruncate(lock, 0) != 0 || pwrite(lock, owner, (size_t)n, 0) != n) {
    /* The lock itself says what matters; the number only shortens a wait after a crash. */
  }
  if (si_journal_path(life->context, operation_id, "log", path, sizeof path) == SI_OK) {
    journal->log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
  }
}

bool si_journal_owner_gone(const struct si_context *context, const char *operation_id) {
  char path[SI_PATH_MAX];
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(31);
  uint64_t pid = 0;
  if (si_journal_path(context, operation_id, "lock", path, sizeof path) != SI_OK ||
      si_read_file(AT_FDCWD, path, &text) != SI_OK || text.len < 2) {
    return false;
  }
  text.data[text.len - 1] = '\0';
  return si_parse_u64(text.data, 1, INT32_MAX, &pid) == SI_OK && kill((pid_t)pid, 0) != 0 &&
         errno == ESRCH;
}

/* Both go into the runpack, which takes 4 MiB of the one and 16 of the other. */
enum { LOG_MAX = 3 << 20, STEPS_MAX = 15 << 20, REFUSALS_TOLD = 20 };

/* "far: service web: starting", where there are several targets. */
static const char *placed(const struct si_journal *journal, const char *text, char *to,
                          size_t size) {
  if (!journal->target[0]) {
    return text;
  }
  snprintf(to, size, "%s: %s", journal->target, text);
  return to;
}

static void write_line(struct si_journal *journal, const char *kind, const char *text) {
  char now[SI_TIME_SIZE];
  struct si_buf line SI_AUTO(si_buf_free) = SI_BUF(8192);
  if (journal->log < 0) {
    return;
  }
  si_now_text(now);
  if (si_buf_printf(&line, "%s %s %s%s%.7000s", now, kind, journal->target,
                    journal->target[0] ? ": " : "", text) != SI_OK) {
    return;
  }
  /* What a provider says is one line of its kind, and never looks like another of ours. */
  for (size_t i = 0; i < line.len; i++) {
    line.data[i] = (unsigned char)line.data[i] < ' ' || line.data[i] == 127 ? ' ' : line.data[i];
  }
  journal->logged += line.len + 1;
  bool full = journal->logged > LOG_MAX;
  if (si_buf_puts(&line, full ? "\n(the log is full: what followed is not in it)\n" : "\n") !=
          SI_OK ||
      si_write_all(journal->log, line.data, line.len) != 0 || full) {
    struct si_life *life = journal->life;
    si_close(&journal->log);
    if (life->log) {
      life->log(life->ctx, SI_LOG_WARN,
                "the operation's log cannot be written any more; its steps "
                "still are");
    }
  }
}

static void write_log(void *ctx, unsigned level, const char *message) {
  static const char *const levels[] = {"debug", "info", "warn", "error"};
  struct si_journal *journal = ctx;
  write_line(journal, levels[level <= SI_LOG_ERROR ? level : SI_LOG_INFO], message);
  if (journal->life->log) {
    char text[8192];
    journal->life->log(journal->life->ctx, level, placed(journal, message, text, sizeof text));
  }
}

void si_journal_place(struct si_journal *journal, const char *target) {
  si_redact_end(&journal->lines, journal, write_log);
  si_copy(journal->target, sizeof journal->target, target);
  journal->doing[0] = '\0';
}

void si_journal_close(struct si_journal *journal) {
  si_redact_end(&journal->lines, journal, write_log);
  si_close(&journal->log);
}

static void on_log(void *ctx, uint32_t level, const char *message) {
  struct si_journal *journal = ctx;
  si_redact_feed(&journal->lines, level, message, journal, write_log);
}

static void on_progress(void *ctx, uint64_t done, uint64_t total, const char *said) {
  struct si_journal *journal = ctx;
  char what[SI_PROGRESS_WHAT];
  si_copy(what, sizeof what, said);
  si_redact_line(what, sizeof what);
  if (what[0] && strcmp(what, journal->doing) != 0) {
    si_copy(journal->doing, sizeof journal->doing, what);
    write_line(journal, "info", what);
  }
  if (journal->life->progress) {
    char text[SI_PROGRESS_WHAT + 72];
    journal->life->progress(journal->life->ctx, done, total,
                            placed(journal, what, text, sizeof text));
  }
}

/* The steps must fit into the evidence. When they no longer do, nothing new is begun; the ends of
 * what was begun still are written down. */
static bool steps_full(struct si_journal *journal, const char *name, uint32_t phase,
                       const char *outside_id) {
  journal->stepped += 128 + 6 * (strlen(name) + strlen(outside_id)); /* "\u0001" for one byte */
  return journal->stepped > (phase == SI_STEP_BEGIN ? STEPS_MAX / 2 : STEPS_MAX);
}

static si_rc on_step(void *ctx, const char *step, uint32_t phase, const char *id) {
  static const char *const phases[] = {"begin", "done", "failed"};
  struct si_journal *journal = ctx;
  struct si_life *life = journal->life;
  struct si_error error;
  char name[SI_STEP_NAME], outside_id[SI_STEP_ID]; /* of these sizes a cut one is known */
  if (strlen(step) >= sizeof name || strlen(id) >= sizeof outside_id) {
    return SI_E_INVALID;
  }
  si_copy(name, sizeof name, step);
  si_copy(outside_id, sizeof outside_id, id);
  si_redact_line(name, sizeof name);
  si_redact_line(outside_id, sizeof outside_id);
  if (steps_full(journal, name, phase, outside_id)) {
    return SI_E_QUOTA;
  }
  si_rc status =
      si_state_step(life->state, journal->operation_id, name, phases[phase], outside_id, &error);
  if (status != SI_OK && life->log) {
    life->log(life->ctx, SI_LOG_ERROR, error.message);
  }
  struct si_buf line SI_AUTO(si_buf_free) = SI_BUF(4096);
  if (si_buf_printf(&line, "%s %s %s", name, phases[phase], outside_id) == SI_OK) {
    write_line(journal, "step", line.data);
  }
  if (status == SI_OK && life->step) {
    char text[SI_STEP_NAME + 72];
    life->step(life->ctx, placed(journal, name, text, sizeof text), phase, outside_id);
  }
  return status;
}

static si_rc on_secret(void *ctx, const char *name, void *use_ctx, si_secret_use use,
                       struct si_error *error) {
  struct si_journal *journal = ctx;
  si_rc status = si_life_secrets_lend(journal->life->secrets, name, use_ctx, use, error);
  /* A provider may keep to itself why it failed; one that asks without end is heard no more. */
  if (status != SI_OK && error->message[0] && journal->refused++ < REFUSALS_TOLD) {
    on_log(journal, SI_LOG_WARN, error->message);
  }
  return status;
}

static void on_stopped(void *ctx, const char *kind, const char *what) {
  struct si_journal *journal = ctx;
  si_stopped_tell(&journal->stopped, kind, what);
}

const struct si_listener si_journal_listener = {.log = on_log,
                                                .progress = on_progress,
                                                .step = on_step,
                                                .secret = on_secret,
                                                .stopped = on_stopped};
