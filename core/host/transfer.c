/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/host/transfer_impl.h"
#include "kit/base/text.h"

enum {
  ALTERNATE_STACK = 64 * 1024, /* for a crash report, where the stack is what overflowed */
  /* A call this slow waits for something; its answer is not kept for company. */
  SLOW_NS = 300000
};

/* --- with the lock --- */

static void drop(struct si_transfers *ts, struct si_transfer *t) {
  for (struct si_transfer **at = &ts->all; *at; at = &(*at)->next) {
    if (*at == t) {
      *at = t->next;
      break;
    }
  }
  ts->alone = ts->alone == t ? NULL : ts->alone;
  si_transfer_free(t);
  if (!ts->all) {
    pthread_cond_broadcast(&ts->quiet);
  }
}

static struct si_transfer *find(const struct si_transfers *ts, uint64_t id) {
  struct si_transfer *t = ts->all;
  while (t && t->id != id) {
    t = t->next;
  }
  return t && !t->ended ? t : NULL; /* after its end nothing more may come */
}

static struct si_transfer *add(struct si_transfers *ts, uint64_t id) {
  struct si_transfer *t = calloc(1, sizeof *t);
  if (!t) {
    _Exit(4);
  }
  t->id = id;
  t->last = &t->first;
  t->status = SI_E_CANCELLED;
  t->next = ts->all;
  ts->all = t;
  return t;
}

static void make_ready(struct si_transfers *ts, struct si_transfer *t) {
  t->taken = true;
  t->next_ready = NULL;
  *ts->ready_last = t;
  ts->ready_last = &t->next_ready;
}

static struct si_transfer *take_ready(struct si_transfers *ts) {
  struct si_transfer *t = ts->ready;
  ts->ready = t->next_ready;
  ts->ready_last = ts->ready ? ts->ready_last : &ts->ready;
  return t;
}

/* Serves and frees them, without the lock; was a call slow? */
static bool serve_all(struct si_transfers *ts, struct si_transfer *t, struct si_request *requests) {
  bool any_slow = false;
  uint64_t began = si_monotonic_ns();
  while (requests) {
    struct si_request *request = requests;
    requests = request->next;
    if (!si_transfer_serve(ts, t, request)) {
      fprintf(stderr, "si-host: a request made no sense\n");
      _Exit(4);
    }
    free(request);
    uint64_t ended = si_monotonic_ns();
    bool slow = ended - began > SLOW_NS;
    began = ended;
    any_slow = any_slow || slow;
    if (slow) {
      si_link_flush(ts->link);
    }
  }
  return any_slow;
}

/* Serves all that waits for the object. Gives the lock away while the provider runs. */
static void serve_waiting(struct si_transfers *ts, struct si_transfer *t) {
  while (t->first) {
    struct si_request *requests = t->first;
    t->first = NULL;
    t->last = &t->first;
    pthread_mutex_unlock(&ts->lock);
    bool slow = serve_all(ts, t, requests);
    pthread_mutex_lock(&ts->lock);
    ts->slow = slow;
  }
  t->taken = false;
  if (t->ended) {
    drop(ts, t);
  }
}

/* Sees to it that somebody takes what is ready. Where enough are at work, one of them will. */
static void *work(void *argument);
static void call_another(struct si_transfers *ts) {
  unsigned active = ts->threads - ts->idle + ts->called;
  if (active >= (ts->slow ? ts->most : ts->few)) {
    return;
  }
  if (ts->idle > ts->called) {
    ts->called++;
    pthread_cond_signal(&ts->work);
  } else if (ts->threads < ts->most &&
             pthread_create(&ts->thread[ts->threads], NULL, work, ts) == 0) {
    ts->threads++;
  }
}

static void *work(void *argument) {
  struct si_transfers *ts = argument;
  stack_t alternate = {.ss_sp = malloc(ALTERNATE_STACK), .ss_size = ALTERNATE_STACK};
  if (alternate.ss_sp) {
    sigaltstack(&alternate, NULL);
  }
  si_doing_set("wait");
  pthread_mutex_lock(&ts->lock);
  for (;;) {
    if (!ts->ready && !ts->stop && ts->busy == 0) {
      /* What was packed may be all that si waits for. Where another is at work it will do this. */
      pthread_mutex_unlock(&ts->lock);
      si_link_flush(ts->link);
      pthread_mutex_lock(&ts->lock);
    }
    ts->idle++;
    while (!ts->ready && !ts->stop) {
      pthread_cond_wait(&ts->work, &ts->lock);
      ts->called -= ts->called > 0;
    }
    ts->idle--;
    if (ts->stop) {
      break;
    }
    struct si_transfer *t = take_ready(ts);
    if (ts->ready) {
      call_another(ts);
    }
    ts->busy++;
    serve_waiting(ts, t);
    ts->busy--;
  }
  pthread_mutex_unlock(&ts->lock);
  alternate.ss_flags = SS_DISABLE;
  sigaltstack(&alternate, NULL);
  free(alternate.ss_sp);
  return NULL;
}

/* The caller's thread serves where no other can be had. */
static void hand_on(struct si_transfers *ts) {
  if (ts->ready) {
    call_another(ts);
  }
  while (ts->ready && ts->threads == 0) {
    serve_waiting(ts, take_ready(ts));
  }
}

static bool settle(struct si_transfers *ts) {
  for (const struct si_transfer *t = ts->all; t; t = t->next) {
    if (!t->ended) {
      return false;
    }
  }
  hand_on(ts);
  while (ts->all) {
    pthread_cond_wait(&ts->quiet, &ts->lock);
  }
  return true;
}

static bool commits(const struct si_request *request) {
  struct si_unpack in = si_unpack_of(&request->frame);
  (void)si_unpack_text(&in);
  return request->frame.type == SI_FRAME_PUT_OPEN && (si_unpack_u32(&in) & SI_PUT_COMMIT);
}

/* The object that the request belongs to, or NULL where there can be none. */
static struct si_transfer *owner(struct si_transfers *ts, const struct si_request *request) {
  const struct si_frame *f = &request->frame;
  if (f->type == SI_FRAME_PUT_DATA || f->type == SI_FRAME_PUT_CLOSE) {
    return find(ts, f->id);
  }
  bool alone = commits(request);
  if ((alone || ts->alone) && !settle(ts)) {
    return NULL;
  }
  struct si_transfer *t = add(ts, f->id);
  ts->alone = alone ? t : NULL;
  return t;
}

/* --- without it --- */

bool si_transfers_takes(uint32_t type) {
  return type == SI_FRAME_PUT_OPEN || type == SI_FRAME_PUT_DATA || type == SI_FRAME_PUT_CLOSE ||
         type == SI_FRAME_GET;
}

/* Leaves it to whoever takes its object. */
static bool give(struct si_transfers *ts, struct si_request *request) {
  struct si_transfer *t = owner(ts, request);
  if (!t) {
    free(request);
    return false;
  }
  request->next = NULL;
  *t->last = request;
  t->last = &request->next;
  t->ended = request->frame.type == SI_FRAME_PUT_CLOSE || request->frame.type == SI_FRAME_GET;
  if (!t->taken) {
    make_ready(ts, t);
  }
  return true;
}

bool si_transfers_give(struct si_transfers *ts, struct si_request *requests) {
  bool sense = true;
  pthread_mutex_lock(&ts->lock);
  while (requests && sense) {
    struct si_request *request = requests;
    requests = request->next;
    sense = give(ts, request);
  }
  hand_on(ts);
  pthread_mutex_unlock(&ts->lock);
  return sense;
}

bool si_transfers_settle(struct si_transfers *ts) {
  pthread_mutex_lock(&ts->lock);
  bool settled = settle(ts);
  pthread_mutex_unlock(&ts->lock);
  return settled;
}

si_rc si_transfers_new(const struct si_descriptor *descriptor, si_instance *instance,
                       const struct si_op *op, struct si_link *link, struct si_transfers **out) {
  struct si_transfers *ts = calloc(1, sizeof *ts);
  if (!ts) {
    return SI_E_NOMEM;
  }
  ts->descriptor = descriptor;
  ts->instance = instance;
  ts->model = op;
  ts->link = link;
  ts->most = descriptor->provider.threads == SI_THREADS_PARALLEL ? SI_TRANSFER_THREADS : 0;
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  ts->few = processors < 2 ? 2 : processors < SI_TRANSFER_THREADS ? (unsigned)processors : ts->most;
  ts->few = ts->few < ts->most ? ts->few : ts->most;
  ts->slow = true;
  ts->ready_last = &ts->ready;
  pthread_mutex_init(&ts->lock, NULL);
  pthread_cond_init(&ts->work, NULL);
  pthread_cond_init(&ts->quiet, NULL);
  *out = ts;
  return SI_OK;
}

void si_transfers_free(struct si_transfers **transfers) {
  struct si_transfers *ts = *transfers;
  if (!ts) {
    return;
  }
  pthread_mutex_lock(&ts->lock);
  ts->stop = true;
  pthread_cond_broadcast(&ts->work);
  pthread_mutex_unlock(&ts->lock);
  for (unsigned i = 0; i < ts->threads; i++) {
    pthread_join(ts->thread[i], NULL);
  }
  while (ts->all) {
    struct si_transfer *t = ts->all;
    ts->all = t->next;
    if (t->status == SI_OK) {
      ts->descriptor->vt.artifact.sink_abort(t->sink);
    }
    si_transfer_free(t);
  }
  pthread_cond_destroy(&ts->quiet);
  pthread_cond_destroy(&ts->work);
  pthread_mutex_destroy(&ts->lock);
  free(ts);
  *transfers = NULL;
}
