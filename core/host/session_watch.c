/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/session_watch.c - the child's life as a session sees it: one poll loop over the wire,
 * its stderr, the operator's interrupts and the clock, and the verdict when it ends.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/session_impl.h"
#include "kit/base/path.h"
#include "kit/base/text.h"

enum {
  LOG_LINES_MAX = 2000,
  LOG_BYTES_MAX = 512 * 1024,
  /* More than any socket or pipe holds once nobody writes: who inherited its end may go on. */
  LAST_READS_MAX = 256,
  UNSENT_KEEP = 1 << 20
};

static const uint64_t second_ns = 1000000000ull;

void si_session_log(struct si_session *session, uint32_t level, const char *message) {
  session->log_lines++;
  session->log_bytes += strlen(message);
  if (session->log_lines > LOG_LINES_MAX || session->log_bytes > LOG_BYTES_MAX) {
    session->log_dropped++;
  } else if (session->listener.log) {
    session->listener.log(session->ctx, level <= SI_LOG_ERROR ? level : SI_LOG_INFO, message);
  }
}

void si_session_violated(struct si_session *session, const char *what) {
  if (session->protocol) {
    return;
  }
  session->protocol = true;
  si_error_set(&session->death, SI_E_INTERNAL, "PLUGIN_PROTOCOL",
               "the process of provider \"%s\" broke the protocol in %s: %s; it was ended",
               session->plugin, session->doing, what);
  si_child_signal(&session->child, SIGKILL);
  session->phase = SI_SESSION_KILLED;
}

/* --- the end --- */

static void died_by_itself(struct si_session *session) {
  int status = session->child.status;
  if (WIFSIGNALED(status)) {
    si_error_set(&session->death, SI_E_INTERNAL, "PLUGIN_CRASHED",
                 "the process of provider \"%s\" died of signal %d (%s) in %s", session->plugin,
                 WTERMSIG(status), strsignal(WTERMSIG(status)), session->doing);
  } else {
    si_error_set(&session->death, SI_E_INTERNAL, "PLUGIN_EXITED",
                 "the process of provider \"%s\" ended by itself with code %d in %s",
                 session->plugin, WEXITSTATUS(status), session->doing);
  }
  si_error_hint(&session->death,
                "what it did is journalled, and repeating is safe; if it happens "
                "again, its maker finds the place with addr2line and what follows its name above");
  session->death.retry = SI_RETRY_SAFE;
}

static void bury(struct si_session *session) {
  si_child_reap(&session->child, 1000);
  si_session_receive_rest(session); /* whoever waits for an end will be told of the death */
  session->dead = true;
  if (session->protocol) {
    /* said already */
  } else if (session->phase != SI_SESSION_RUNNING && session->cancelled) {
    si_error_set(&session->death, SI_E_CANCELLED, "OPERATION_CANCELLED", "stopped on request in %s",
                 session->doing);
    session->death.retry = SI_RETRY_SAFE;
  } else if (session->phase >= SI_SESSION_TERMED) {
    si_error_set(&session->death, SI_E_TIMEOUT, "OPERATION_TIMED_OUT",
                 "provider \"%s\" did not end %s in time, and was ended", session->plugin,
                 session->doing);
    si_error_hint(&session->death, "look at what it waits for, or give more time with --timeout");
    session->death.retry = SI_RETRY_SAFE;
  } else {
    died_by_itself(session);
  }
  si_error_detail(&session->death, si_buf_text(&session->tail));
}

/* --- what the child prints --- */

static void keep_tail(struct si_session *session, const char *bytes, size_t len) {
  if (session->tail.len + len > session->tail.max) {
    size_t keep = session->tail.len < SI_STDERR_TAIL ? session->tail.len : SI_STDERR_TAIL;
    memmove(session->tail.data, session->tail.data + session->tail.len - keep, keep);
    session->tail.len = keep;
  }
  if (si_buf_add(&session->tail, bytes, len) != SI_OK) {
    return; /* a tail that cannot be kept is no failure */
  }
}

/* si-host tells of what the sandbox stopped in a line of its own (core/wire/wire.h). The plugin
 * shares that output: it can accuse itself, and nobody else. */
static void take_line(struct si_session *session) {
  static const struct {
    const char *begins;
    const char *kind;
  } tells[] = {{SI_TOLD_CALL, SI_STOPPED_CALL}, {SI_TOLD_FILE, SI_STOPPED_FILE}};
  char what[SI_STDERR_TAIL];
  if (session->line_len == 0) {
    return;
  }
  session->line[session->line_len] = '\0';
  session->line_len = 0;
  si_session_log(session, SI_LOG_WARN, session->line);
  for (size_t i = 0; session->listener.stopped && i < sizeof tells / sizeof *tells; i++) {
    const size_t len = strlen(tells[i].begins);
    if (strncmp(session->line, tells[i].begins, len) == 0) {
      const char *told = session->line + len;
      snprintf(what, sizeof what, "%.*s", (int)strcspn(told, ","), told);
      session->listener.stopped(session->ctx, tells[i].kind, what);
    }
  }
}

/* A line may come in pieces; one that has no end is taken in pieces. */
static void take_output(struct si_session *session, const char *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (bytes[i] != '\n') {
      session->line[session->line_len++] = bytes[i];
    }
    if (bytes[i] == '\n' || session->line_len == sizeof session->line - 1) {
      take_line(session);
    }
  }
}

/* Reads once: 1 something, 0 nothing now, -1 the end. */
static int read_output(struct si_session *session) {
  char block[SI_STDERR_TAIL];
  ssize_t n = read(session->child.output, block, sizeof block);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
    return 0;
  }
  if (n <= 0) {
    take_line(session);
    return -1;
  }
  for (ssize_t i = 0; i < n; i++) {
    block[i] = block[i] ? block[i] : '?';
  }
  keep_tail(session, block, (size_t)n);
  take_output(session, block, (size_t)n);
  return 1;
}

/* --- the clock and the operator --- */

static void ask_to_stop(struct si_session *session, uint64_t grace_ns) {
  size_t mark;
  if (si_frame_begin(&session->out, SI_FRAME_CANCEL, 0, &mark) != SI_OK ||
      si_frame_end(&session->out, mark) != SI_OK) {
    grace_ns = 0;
  }
  session->phase = SI_SESSION_ASKED;
  session->next_ns = si_monotonic_ns() + grace_ns;
}

void si_session_stop(struct si_session *session) {
  if (session->phase == SI_SESSION_RUNNING) {
    session->cancelled = true;
    ask_to_stop(session, 2 * second_ns);
  }
}

static void next_phase(struct si_session *session) {
  switch (session->phase) {
    case SI_SESSION_RUNNING: ask_to_stop(session, 2 * second_ns); break;
    case SI_SESSION_ASKED:
      si_child_signal(&session->child, SIGTERM);
      session->phase = SI_SESSION_TERMED;
      session->next_ns = si_monotonic_ns() + second_ns;
      break;
    default:
      si_child_signal(&session->child, SIGKILL);
      session->phase = SI_SESSION_KILLED;
      session->next_ns = si_monotonic_ns() + 3600 * second_ns;
      break;
  }
}

static void interrupted(struct si_session *session) {
  char wishes[16];
  ssize_t n = read(session->interrupt_fd, wishes, sizeof wishes);
  if (n <= 0) {
    return;
  }
  bool first = session->phase == SI_SESSION_RUNNING;
  if (first) {
    session->cancelled = true;
    ask_to_stop(session, 10 * second_ns);
    si_session_log(session, SI_LOG_WARN, "stopping; once more to stop at once");
  }
  if (!first || n > 1) {
    session->next_ns = 0; /* a second wish: no more patience */
  }
}

/* --- the loop --- */

void si_session_send(struct si_session *session) {
  session->unsent = 0;
  while (session->sent < session->out.len) {
    ssize_t n = send(session->child.wire, session->out.data + session->sent,
                     session->out.len - session->sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) { /* full: poll tells when; broken: reading tells */
      if (session->sent > UNSENT_KEEP) {
        session->out.len -= session->sent;
        memmove(session->out.data, session->out.data + session->sent, session->out.len);
        session->sent = 0;
      }
      return;
    }
    session->sent += (size_t)n;
  }
  si_buf_clear(&session->out);
  session->sent = 0;
}

/* Handles every whole frame that is here; says whether there was one. */
static bool take_frames(struct si_session *session) {
  struct si_frame frame;
  bool any = false;
  while (!session->protocol) {
    si_rc status = si_inbox_next(&session->inbox, &frame);
    if (status == SI_E_CORRUPT) {
      si_session_violated(session, "a frame is too long");
    }
    if (status != SI_OK) {
      break;
    }
    si_session_take(session, &frame);
    any = true;
  }
  return any;
}

static int patience_ms(const struct si_session *session) {
  uint64_t now = si_monotonic_ns();
  if (now >= session->next_ns) {
    return 0;
  }
  uint64_t ms = (session->next_ns - now) / 1000000 + 1;
  return ms > 60000 ? 60000 : (int)ms;
}

/* Takes what came. At the end of the stream, or of the process, first all that is left of both
 * streams, then the verdict. */
static void read_wire(struct si_session *session, bool ended) {
  si_rc status;
  int reads = 0;
  do {
    status = si_inbox_fill(&session->inbox, session->child.wire);
    (void)take_frames(session);
  } while (ended && status == SI_OK && ++reads < LAST_READS_MAX);
  if (ended || (status != SI_OK && status != SI_E_NOT_FOUND)) {
    for (reads = 0; session->child.output >= 0 && reads < LAST_READS_MAX; reads++) {
      if (read_output(session) <= 0) {
        break;
      }
    }
    bury(session);
  }
}

void si_session_pump(struct si_session *session) {
  si_session_send(session);
  if (si_session_receive_collect(session) || take_frames(session)) {
    return;
  }
  struct pollfd fds[] = {
      {.fd = session->child.wire,
       .events = (short)(POLLIN | (session->sent < session->out.len ? POLLOUT : 0))},
      {.fd = session->child.output, .events = POLLIN},
      {.fd = session->interrupt_fd, .events = POLLIN},
      {.fd = session->child.pidfd, .events = POLLIN},
      {.fd = si_session_receive_fd(session), .events = POLLIN}, /* collected the next time */
  };
  int n = poll(fds, sizeof fds / sizeof *fds, patience_ms(session));
  if (n < 0 && errno != EINTR) {
    si_session_violated(session, "it can no longer be waited for");
  }
  if (n > 0 && (fds[1].revents & (POLLIN | POLLHUP)) && read_output(session) < 0) {
    si_close(&session->child.output);
  }
  if (n > 0 && fds[2].revents) {
    interrupted(session);
  }
  if (si_monotonic_ns() >= session->next_ns) {
    next_phase(session);
  }
  if (n > 0 && (fds[0].revents || fds[3].revents)) {
    read_wire(session, fds[3].revents != 0);
  }
}
