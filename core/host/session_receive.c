/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/session_receive.c - bytes that come out of a child. Long pieces are handed to threads,
 * one object to one thread at a time, so that two objects are hashed at once; short ones are not
 * worth the way there. The session's own thread gives the memory back and ends the objects.
 *
 * Whatever the child sends, what waits here is bounded by the ring: each piece holds slots of its
 * own, and a slot that is held cannot be sent again.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/host/session_impl.h"
#include "kit/base/path.h"

enum { NONE = UINT8_MAX, THREADS = 2 };

struct si_receiver {
  pthread_t thread[THREADS];
  unsigned threads;
  int wake; /* eventfd: something was received while the session's thread sleeps */
  const struct si_ring *ring;
  uint64_t held; /* slots that wait or are being read; the session's thread alone */

  pthread_mutex_t lock; /* what follows */
  pthread_cond_t work;
  pthread_cond_t rest;
  struct {
    uint32_t len;
    uint8_t next; /* of the same object */
  } part[SI_RING_HALF];
  struct si_pending *ready; /* have parts, and no thread that is at them */
  struct si_pending **ready_last;
  struct si_pending *finished; /* the child has ended them, and all parts were read */
  uint64_t read;               /* parts whose slots can be given back */
  unsigned busy;
  bool told; /* wake was written */
  bool stop;
};

/* --- on the threads; with the lock --- */

static void tell(struct si_receiver *r) {
  const uint64_t one = 1;
  if (!r->told) {
    r->told = write(r->wake, &one, sizeof one) == sizeof one;
  }
}

static void put_ready(struct si_receiver *r, struct si_pending *p) {
  p->next = NULL;
  *r->ready_last = p;
  r->ready_last = &p->next;
}

static void read_parts(struct si_receiver *r, struct si_pending *p) {
  const uint32_t theirs = SI_RING_HALF;
  while (p->part != NONE) {
    uint8_t at = p->part;
    si_rc status = p->status;
    pthread_mutex_unlock(&r->lock);
    if (status == SI_OK) {
      status = p->on_data(p->ctx, si_ring_slot(r->ring, theirs + at), r->part[at].len);
    }
    pthread_mutex_lock(&r->lock);
    p->status = p->status == SI_OK ? status : p->status;
    p->part = r->part[at].next;
    r->read |= 1ull << at;
    tell(r);
  }
}

static void *receive(void *argument) {
  struct si_receiver *r = argument;
  pthread_mutex_lock(&r->lock);
  while (!r->stop) {
    struct si_pending *p = r->ready;
    if (!p) {
      pthread_cond_wait(&r->work, &r->lock);
      continue;
    }
    r->ready = p->next;
    r->ready_last = r->ready ? r->ready_last : &r->ready;
    p->busy = true;
    r->busy++;
    read_parts(r, p);
    p->busy = false;
    if (p->answered) {
      p->next = r->finished;
      r->finished = p;
      tell(r);
    }
    if (--r->busy == 0) {
      pthread_cond_broadcast(&r->rest);
    }
  }
  pthread_mutex_unlock(&r->lock);
  return NULL;
}

/* --- on the session's thread --- */

/* Signals are the session's thread's. */
static void start_threads(struct si_receiver *r) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (r->threads < THREADS && pthread_create(&r->thread[r->threads], NULL, receive, r) == 0) {
    r->threads++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* NULL where none can be had: then the session's thread does it all. */
static struct si_receiver *receiver(struct si_session *session) {
  if (session->receiver || sysconf(_SC_NPROCESSORS_ONLN) < 2) {
    return session->receiver;
  }
  struct si_receiver *r = calloc(1, sizeof *r);
  if (!r) {
    return NULL;
  }
  r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  r->ring = &session->ring;
  r->ready_last = &r->ready;
  pthread_mutex_init(&r->lock, NULL);
  pthread_cond_init(&r->work, NULL);
  pthread_cond_init(&r->rest, NULL);
  session->receiver = r;
  if (r->wake >= 0) {
    start_threads(r);
  }
  if (r->threads == 0) {
    si_session_receive_stop(session);
  }
  return session->receiver;
}

static void give_back(struct si_session *session, uint32_t slot) {
  size_t mark;
  if (si_frame_begin(&session->out, SI_FRAME_FREE, 0, &mark) != SI_OK ||
      si_pack_u32(&session->out, slot) != SI_OK || si_frame_end(&session->out, mark) != SI_OK) {
    si_session_violated(session, "out of memory");
  }
}

static uint64_t slots_of(uint32_t slot, uint32_t len) {
  uint32_t count = len ? (len + SI_RING_SLOT - 1) / SI_RING_SLOT : 1;
  return ((1ull << count) - 1) << (slot - SI_RING_HALF);
}

/* Leaves the part to a thread. */
static void leave(struct si_receiver *r, struct si_pending *p, uint32_t slot, uint32_t len) {
  uint8_t at = (uint8_t)(slot - SI_RING_HALF);
  r->held |= slots_of(slot, len);
  pthread_mutex_lock(&r->lock);
  r->part[at].len = len;
  r->part[at].next = NONE;
  if (p->part != NONE) {
    r->part[p->part_last].next = at;
  } else {
    p->part = at;
    if (!p->busy) {
      put_ready(r, p);
      pthread_cond_signal(&r->work);
    }
  }
  p->part_last = at;
  pthread_mutex_unlock(&r->lock);
}

/* Is nothing of the object with a thread? Then its status is the session's thread's, too. */
static bool at_rest(struct si_session *session, const struct si_pending *p) {
  if (!session->receiver) {
    return true;
  }
  pthread_mutex_lock(&session->receiver->lock);
  bool rest = p->part == NONE && !p->busy;
  pthread_mutex_unlock(&session->receiver->lock);
  return rest;
}

static void set_status(struct si_session *session, struct si_pending *p, si_rc status) {
  if (session->receiver) {
    pthread_mutex_lock(&session->receiver->lock);
  }
  p->status = p->status == SI_OK ? status : p->status;
  if (session->receiver) {
    pthread_mutex_unlock(&session->receiver->lock);
  }
}

void si_session_take_data(struct si_session *session, uint64_t id, uint32_t slot, uint32_t len) {
  struct si_pending *p = si_session_pending(session, id);
  if (!p || p->type != SI_FRAME_GET || !si_ring_theirs(&session->ring, slot, len) ||
      (session->receiver && (session->receiver->held & slots_of(slot, len)))) {
    si_session_violated(session, "bytes came that nobody asked for");
    return;
  }
  if (len > p->limit - p->received) { /* what still comes is counted, and dropped */
    set_status(session, p, SI_E_QUOTA);
    p->beyond += len;
  } else {
    p->received += len;
  }
  /* One byte more than the limit was asked for; the child held that, a stream without end not. */
  if (p->beyond > SI_RING_RUN_BYTES) {
    si_session_violated(session, "more bytes come than were asked for");
    return;
  }
  bool rest = at_rest(session, p);
  struct si_receiver *r = NULL;
  if (p->beyond == 0 && (!rest || (p->status == SI_OK && len >= SI_RING_SLOT))) {
    r = receiver(session);
  }
  if (r) {
    leave(r, p, slot, len);
    return;
  }
  if (rest && p->status == SI_OK && p->beyond == 0 && len > 0) {
    p->status = p->on_data(p->ctx, si_ring_slot(&session->ring, slot), len);
  }
  give_back(session, slot);
}

bool si_session_receive_ends(struct si_session *session, struct si_pending *p,
                             const struct si_error *done) {
  struct si_receiver *r = session->receiver;
  if (!r) {
    return true;
  }
  pthread_mutex_lock(&r->lock);
  bool rest = p->part == NONE && !p->busy;
  if (!rest) {
    p->answered = true;
    if (done->status != SI_OK && (p->done = malloc(sizeof *p->done))) {
      *p->done = *done;
    } else if (done->status != SI_OK) {
      p->status = SI_E_NOMEM;
    }
  }
  pthread_mutex_unlock(&r->lock);
  return rest;
}

int si_session_receive_fd(const struct si_session *session) {
  return session->receiver ? session->receiver->wake : -1;
}

bool si_session_receive_collect(struct si_session *session) {
  struct si_receiver *r = session->receiver;
  uint64_t count;
  if (!r) {
    return false;
  }
  pthread_mutex_lock(&r->lock);
  uint64_t done = r->read;
  struct si_pending *finished = r->finished;
  r->read = 0;
  r->finished = NULL;
  if (r->told) {
    (void)!read(r->wake, &count, sizeof count);
    r->told = false;
  }
  pthread_mutex_unlock(&r->lock);
  for (uint32_t i = 0; i < SI_RING_HALF; i++) {
    if (done >> i & 1) {
      r->held &= ~slots_of(SI_RING_HALF + i, r->part[i].len);
      give_back(session, SI_RING_HALF + i);
    }
  }
  bool any = done || finished;
  while (finished) {
    struct si_pending *p = finished;
    struct si_error ok = {.status = SI_OK};
    struct si_error *why = p->done;
    finished = p->next;
    p->done = NULL;
    si_session_end(session, p, why ? why : &ok);
    free(why);
  }
  return any;
}

void si_session_receive_rest(struct si_session *session) {
  struct si_receiver *r = session->receiver;
  if (!r) {
    return;
  }
  pthread_mutex_lock(&r->lock);
  for (size_t i = 0; i < SI_PENDING_MAX; i++) {
    struct si_pending *p = &session->pending[i];
    p->status = p->status == SI_OK ? SI_E_CANCELLED : p->status;
    if (!p->busy) {
      p->part = NONE;
    }
  }
  r->ready = NULL;
  r->ready_last = &r->ready;
  while (r->busy) {
    pthread_cond_wait(&r->rest, &r->lock);
  }
  r->finished = NULL;
  r->read = 0;
  pthread_mutex_unlock(&r->lock);
}

void si_session_receive_stop(struct si_session *session) {
  struct si_receiver *r = session->receiver;
  if (!r) {
    return;
  }
  pthread_mutex_lock(&r->lock);
  r->stop = true;
  pthread_cond_broadcast(&r->work);
  pthread_mutex_unlock(&r->lock);
  for (unsigned i = 0; i < r->threads; i++) {
    pthread_join(r->thread[i], NULL);
  }
  for (size_t i = 0; i < SI_PENDING_MAX; i++) {
    free(session->pending[i].done);
    session->pending[i].done = NULL;
  }
  si_close(&r->wake);
  pthread_cond_destroy(&r->work);
  pthread_cond_destroy(&r->rest);
  pthread_mutex_destroy(&r->lock);
  free(r);
  session->receiver = NULL;
}
