/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/session.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/host/places.h"
#include "core/host/seen.h"
#include "core/host/session_impl.h"
#include "kit/base/path.h"
#include "kit/base/text.h"

/* Requests wait here too: the largest CALL, and a full queue of keys, stay well below. */
enum { UNSENT_MAX = 4 * SI_FRAME_MAX };

/* --- requests --- */

si_rc si_session_death(const struct si_session *session, struct si_error *error) {
  if (error) {
    *error = session->death;
  }
  return session->death.status;
}

si_rc si_session_drain(struct si_session *session, size_t more, struct si_error *error) {
  while (session->count > more && !session->dead) {
    si_session_pump(session);
  }
  /* What was answered is answered, even by a child that died right behind it; but not by one that
   * broke the protocol. */
  return session->count > more || session->protocol ? si_session_death(session, error) : SI_OK;
}

struct si_pending *si_session_request(struct si_session *session, uint32_t type) {
  if (si_session_drain(session, SI_PENDING_MAX - 1, NULL) != SI_OK || session->dead) {
    return NULL;
  }
  /* An object that stays open for long keeps its own place alone. */
  while (session->pending[session->next].id) {
    session->next = (session->next + 1) % SI_PENDING_MAX;
  }
  struct si_pending *pending = &session->pending[session->next];
  memset(pending, 0, sizeof *pending);
  pending->id = ++session->next_id * SI_PENDING_MAX + session->next;
  pending->type = type;
  pending->part = UINT8_MAX;
  session->count++;
  return pending;
}

static si_rc send_open(struct si_session *session, const struct si_session_options *options,
                       const char *dir, const char *trust) {
  struct si_buf *out = &session->out;
  size_t mark;
  si_rc status = si_frame_begin(out, SI_FRAME_OPEN, 0, &mark);
  status = status == SI_OK ? si_pack_text(out, dir) : status;
  status = status == SI_OK ? si_pack_text(out, options->plugin) : status;
  status = status == SI_OK ? si_pack_u32(out, options->kind) : status;
  status = status == SI_OK ? si_pack_text(out, options->config ? options->config : "{}") : status;
  status = status == SI_OK ? si_pack_u64(out, session->deadline_ns) : status;
  status = status == SI_OK ? si_pack_u32(out, options->describe != 0) : status;
  status = status == SI_OK ? si_pack_text(out, trust) : status;
  status = status == SI_OK ? si_pack_u32(out, options->sandbox) : status;
  return status == SI_OK ? si_frame_end(out, mark) : status;
}

static struct si_session *make(const struct si_session_options *options) {
  struct si_session *session = calloc(1, sizeof *session);
  if (!session) {
    return NULL;
  }
  session->store.vt = &si_session_store_vt;
  session->child = (struct si_child){0, -1, -1, -1, 0};
  session->out.max = SIZE_MAX / 2;
  session->out.wipe = options->listener.secret != NULL;
  session->inbox = (struct si_inbox)SI_INBOX;
  session->descriptor.max = 1 << 20;
  session->tail.max = 2 * SI_STDERR_TAIL;
  session->interrupt_fd = options->interrupt_fd;
  session->deadline_ns =
      options->deadline_ns ? options->deadline_ns : si_monotonic_ns() + 600000000000ull;
  session->next_ns = session->deadline_ns;
  session->ctx = options->ctx;
  session->listener = options->listener;
  session->doing = "open";
  si_copy(session->plugin, sizeof session->plugin, options->plugin);
  return session;
}

static si_rc start(struct si_session *session, const struct si_session_options *options,
                   struct si_error *error) {
  struct si_buf trust SI_AUTO(si_buf_free) = SI_BUF(2 * SI_TRUST_MAX);
  char dir[SI_PATH_MAX];
  int ring = -1;
  si_rc status = si_place_plugins(dir, sizeof dir, error);
  status = status == SI_OK ? si_trust_to_send(options->trust, &trust, error) : status;
  if (status != SI_OK) {
    return status;
  }
  status = si_ring_create(&session->ring, &ring);
  if (status != SI_OK) {
    return si_error_set(error, status, "PLUGIN_START", "cannot make the shared memory: %s",
                        si_status_text(status));
  }
  status = si_child_start(&session->child, ring, options->lock_fd, error);
  close(ring);
  if (status == SI_OK && send_open(session, options, dir, si_buf_text(&trust)) != SI_OK) {
    status = si_error_set(error, SI_E_QUOTA, "PLUGIN_START",
                          "the provider's configuration is too large");
  }
  return status;
}

si_rc si_session_open(const struct si_session_options *options, struct si_session **out,
                      struct si_error *error) {
  struct si_session *session = make(options);
  if (!session) {
    return si_error_set(error, SI_E_NOMEM, "PLUGIN_START", "out of memory");
  }
  si_rc status = start(session, options, error);
  while (status == SI_OK && !session->ready) {
    si_session_pump(session);
    if (session->done.status != SI_OK) { /* it was refused, or would not open */
      status = session->done.status;
      if (error) {
        *error = session->done;
      }
    } else if (session->dead) {
      status = si_session_death(session, error);
    }
  }
  if (status != SI_OK) {
    si_session_close(session);
    return status;
  }
  if (options->trust && options->trust[0]) {
    si_trust_seen(options->trust, options->plugin);
  }
  *out = session;
  return SI_OK;
}

const char *si_session_descriptor(const struct si_session *session) {
  return si_buf_text(&session->descriptor);
}

/* A provider sees one sign for both, the operator's wish and the deadline: which it was is known
 * here. */
static void say_timeout(struct si_session *session, const char *verb) {
  if (session->done.status == SI_E_CANCELLED && !session->cancelled &&
      si_monotonic_ns() >= session->deadline_ns) {
    si_error_set(&session->done, SI_E_TIMEOUT, "OPERATION_TIMED_OUT",
                 "provider \"%s\" did not end %s in time", session->plugin, verb);
    si_error_hint(&session->done, "look at what it waits for, or give more time with --timeout");
    session->done.retry = SI_RETRY_SAFE;
  }
}

static si_rc send_call(struct si_session *session, uint32_t verb, const char *first,
                       const char *second, struct si_error *error) {
  struct si_pending *pending = si_session_request(session, SI_FRAME_CALL);
  struct si_buf *out = &session->out;
  size_t mark;
  if (!pending) {
    return si_session_death(session, error);
  }
  si_rc status = si_frame_begin(out, SI_FRAME_CALL, pending->id, &mark);
  status = status == SI_OK ? si_pack_u32(out, verb) : status;
  status = status == SI_OK ? si_pack_text(out, first) : status;
  status = status == SI_OK ? si_pack_text(out, second) : status;
  status = status == SI_OK ? si_frame_end(out, mark) : status;
  if (status != SI_OK) {
    out->len = mark;
    pending->id = 0;
    session->count--;
    return si_error_set(error, status, "PLUGIN_REQUEST",
                        "the request for the provider is too "
                        "large");
  }
  return SI_OK;
}

/* Sends the call and waits for its end; who takes what it emits is set. */
static si_rc call(struct si_session *session, uint32_t verb, const char *first, const char *second,
                  struct si_error *error) {
  si_rc status = send_call(session, verb, first, second, error);
  if (status != SI_OK) {
    return status;
  }
  session->doing = si_verb_name(verb);
  status = si_session_drain(session, 0, error);
  session->doing = "wait";
  if (status == SI_OK) {
    say_timeout(session, si_verb_name(verb));
  }
  if (status == SI_OK && session->done.status != SI_OK) {
    if (error) {
      *error = session->done;
    }
    status = session->done.status;
  }
  return status;
}

si_rc si_session_call(struct si_session *session, uint32_t verb, const char *first,
                      const char *second, struct si_buf *result, struct si_error *error) {
  session->result = result;
  si_rc status = call(session, verb, first, second, error);
  session->result = NULL;
  return status;
}

si_rc si_session_stream(struct si_session *session, uint32_t verb, const char *first,
                        const char *second, void *ctx, si_session_piece piece,
                        struct si_error *error) {
  session->piece = piece;
  session->piece_ctx = ctx;
  session->pieces = SI_OK;
  si_rc status = call(session, verb, first, second, error);
  session->piece = NULL;
  if (session->pieces != SI_OK && !session->protocol) {
    return si_error_set(error, session->pieces, "OPERATION_STOPPED", "reading was ended");
  }
  return status;
}

struct si_store *si_session_store(struct si_session *session) {
  return &session->store;
}

void si_session_close(struct si_session *session) {
  size_t mark;
  if (!session) {
    return;
  }
  if (session->child.pid > 0 && !session->dead && session->ready) {
    session->doing = "close";
    if (si_frame_begin(&session->out, SI_FRAME_BYE, 0, &mark) == SI_OK &&
        si_frame_end(&session->out, mark) == SI_OK) {
      uint64_t patience = si_monotonic_ns() + 5000000000ull;
      if (session->phase == SI_SESSION_RUNNING && session->next_ns > patience) {
        session->next_ns = patience;
      }
      while (!session->dead) {
        si_session_pump(session);
      }
    }
  }
  if (session->child.pid > 0) {
    si_child_signal(&session->child, SIGKILL);
    si_child_reap(&session->child, 0);
  }
  si_child_sweep();
  if (session->log_dropped && session->listener.log) {
    char line[96];
    snprintf(line, sizeof line, "%zu further log lines of the provider were dropped",
             session->log_dropped);
    session->listener.log(session->ctx, SI_LOG_WARN, line);
  }
  si_session_receive_stop(session);
  si_close(&session->child.wire);
  si_close(&session->child.output);
  si_close(&session->child.pidfd);
  si_ring_free(&session->ring);
  si_buf_free(&session->out);
  si_buf_free(&session->descriptor);
  si_buf_free(&session->tail);
  si_inbox_free(&session->inbox);
  free(session);
}

/* --- frames from the child --- */

static void take_step(struct si_session *session, const struct si_frame *frame,
                      struct si_unpack *in) {
  const char *name = si_unpack_text(in);
  uint32_t phase = si_unpack_u32(in);
  const char *outside_id = si_unpack_text(in);
  size_t mark;
  if (in->bad || phase > SI_STEP_FAILED) {
    si_session_violated(session, "a step is malformed");
    return;
  }
  si_rc status = session->listener.step
                     ? session->listener.step(session->ctx, name, phase, outside_id)
                     : SI_E_CONFLICT;
  if (si_frame_begin(&session->out, SI_FRAME_REPLY, frame->id, &mark) != SI_OK ||
      si_pack_u32(&session->out, (uint32_t)status) != SI_OK ||
      si_frame_end(&session->out, mark) != SI_OK) {
    si_session_violated(session, "out of memory");
  }
}

struct si_pending *si_session_pending(struct si_session *session, uint64_t id) {
  struct si_pending *pending = &session->pending[id % SI_PENDING_MAX];
  return id && pending->id == id ? pending : NULL;
}

void si_session_end(struct si_session *session, struct si_pending *pending,
                    const struct si_error *done) {
  struct si_error stopped, unproven;
  struct si_pending ended = *pending;
  pending->id = 0;
  session->count--;
  if (ended.status != SI_OK) {
    /* The receiver, or a bound of ours, ended it: that counts, whatever the child says. */
    si_error_set(&stopped, ended.status, "STORE_STOPPED", "%s",
                 ended.status == SI_E_QUOTA ? "there is more than may be" : "reading was ended");
    done = &stopped;
  }
  done = si_session_locked_done(&ended, done, &unproven);
  if (ended.type == SI_FRAME_PUT_OPEN) {
    session->put = session->put.status == SI_OK ? *done : session->put;
  } else if (ended.type != SI_FRAME_GET) {
    session->done = *done;
  }
  if (ended.on_end) {
    ended.on_end(ended.ctx, done->status, done);
  }
}

static void take_done(struct si_session *session, const struct si_frame *frame,
                      struct si_unpack *in) {
  struct si_error done;
  uint64_t value = si_unpack_u64(in);
  si_unpack_error(in, &done);
  if (in->bad || done.status < SI_OK || done.status > SI_E_FAILED) {
    si_session_violated(session, "an answer is malformed");
    return;
  }
  if (!session->ready) {
    session->done = done; /* the opening was refused; si_session_open reads it */
    return;
  }
  struct si_pending *pending = si_session_pending(session, frame->id);
  if (!pending || pending->answered) {
    si_session_violated(session, "an answer has no question");
    return;
  }
  if (pending->type != SI_FRAME_GET && pending->type != SI_FRAME_PUT_OPEN) {
    session->value = value;
  }
  if (si_session_receive_ends(session, pending, &done)) {
    si_session_end(session, pending, &done);
  }
}

static void take_result(struct si_session *session, struct si_unpack *in) {
  const char *json = si_unpack_text(in);
  if (!in->bad && session->piece) {
    if (session->pieces == SI_OK &&
        (session->pieces = session->piece(session->piece_ctx, json)) != SI_OK) {
      si_session_stop(session);
    }
  } else if (in->bad || !session->result || session->result->len > 0) {
    si_session_violated(session, "a result came that nobody asked for");
  } else if (si_buf_puts(session->result, json) != SI_OK) {
    si_session_violated(session, "a result is too large");
  }
}

void si_session_take(struct si_session *session, const struct si_frame *frame) {
  struct si_unpack in = si_unpack_of(frame);
  uint32_t word, length;
  uint64_t done, total;
  const char *text;
  switch (frame->type) {
    case SI_FRAME_READY:
      text = si_unpack_text(&in);
      word = si_unpack_u32(&in);
      session->store.open_max = word == SI_THREADS_PARALLEL ? SI_PUTS_MAX : 1;
      if (session->ready) {
        si_session_violated(session, "it says twice who it is");
      } else if (si_buf_puts(&session->descriptor, text) != SI_OK) {
        si_session_violated(session, "what it says of itself is too long");
      }
      session->ready = session->ready || (!in.bad && !session->protocol);
      break;
    case SI_FRAME_LOG:
      word = si_unpack_u32(&in);
      text = si_unpack_text(&in);
      si_session_log(session, word, text);
      break;
    case SI_FRAME_PROGRESS:
      done = si_unpack_u64(&in);
      total = si_unpack_u64(&in);
      text = si_unpack_text(&in);
      if (session->listener.progress) {
        session->listener.progress(session->ctx, done, total, text);
      }
      break;
    case SI_FRAME_STEP: take_step(session, frame, &in); break;
    case SI_FRAME_SECRET: si_session_take_secret(session, frame, &in); break;
    case SI_FRAME_RESULT: take_result(session, &in); break;
    case SI_FRAME_DONE: take_done(session, frame, &in); break;
    case SI_FRAME_TAKEN:
      if (si_ring_give(&session->ring, si_unpack_u32(&in)) != SI_OK) {
        si_session_violated(session, "it gave back memory that it did not hold");
      }
      break;
    case SI_FRAME_DATA:
      word = si_unpack_u32(&in);
      length = si_unpack_u32(&in);
      si_session_take_data(session, frame->id, word, length);
      break;
    case SI_FRAME_ITEM: si_session_take_item(session, frame->id, &in); break;
    case SI_FRAME_LOCKED: si_session_take_locked(session, frame->id, &in); break;
    default: si_session_violated(session, "a frame is of no known type"); break;
  }
  if (in.bad && !session->dead) {
    si_session_violated(session, "a frame is malformed");
  }
  if (session->out.len - session->sent > UNSENT_MAX) {
    si_session_violated(session, "it does not read its answers");
  }
}
