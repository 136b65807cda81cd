/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/link.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Small answers travel together, so that si is not woken for each, but not so many of them that it
 * has nothing to do until they come. */
enum { SEND_AT = 64 * 1024, SEND_FRAMES = 16, QUEUE_MAX = 16384 };

struct si_link {
  int fd;
  struct si_inbox inbox; /* the reader's */
  pthread_t reader;
  pthread_mutex_t out_lock;
  struct si_buf out;
  unsigned packed;          /* frames in it */
  pthread_mutex_t lock;     /* what follows */
  pthread_cond_t changed;   /* a run, or an answer came */
  pthread_cond_t asked_for; /* a request came */
  bool answers;             /* came since changed was told */
  struct si_ring ring;
  struct si_request *first;
  struct si_request **last;
  size_t queued;
  struct si_request *taken; /* out of the queue, all that came at once; the main thread's alone */
  uint64_t asked;           /* the id of the latest question */
  uint64_t answered;        /* questions are asked one at a time */
  si_rc answer;
  struct si_error refusal; /* with a LENT that says why not */
  struct si_locked lent;
  pthread_mutex_t asking;
  atomic_bool cancelled;
};

/* The other end is si, whom we trust: a broken stream means a defect or its death. */
static _Noreturn void leave(const char *why) {
  if (why) {
    fprintf(stderr, "si-host: %s\n", why);
  }
  _exit(why ? 4 : 3);
}

static struct si_request *keep(const struct si_frame *frame) {
  struct si_request *request = malloc(sizeof *request + frame->len + 1);
  if (!request) {
    leave("out of memory: a request");
  }
  char *payload = (char *)(request + 1);
  memcpy(payload, frame->data, frame->len);
  request->next = NULL;
  request->frame = *frame;
  request->frame.data = payload;
  return request;
}

static void enqueue(struct si_link *link, const struct si_frame *frame) {
  if (link->queued >= QUEUE_MAX) {
    leave("too many requests at once");
  }
  struct si_request *request = keep(frame);
  *link->last = request;
  link->last = &request->next;
  link->queued++;
}

static void take_lent(struct si_link *link, const struct si_frame *frame, struct si_unpack *in) {
  si_unpack_error(in, &link->refusal);
  link->answer = link->refusal.status;
  link->answered = frame->id;
  if (link->answer == SI_OK) {
    const char *value = si_unpack_text(in);
    size_t len = strlen(value);
    if (in->bad || si_locked_make(&link->lent, len) != SI_OK ||
        si_locked_add(&link->lent, value, len) != SI_OK) {
      leave("a secret came that cannot be kept");
    }
  }
}

/* With the lock. */
static void take_frame(struct si_link *link, const struct si_frame *frame) {
  struct si_unpack in = si_unpack_of(frame);
  switch (frame->type) {
    case SI_FRAME_CANCEL: atomic_store(&link->cancelled, true); break;
    case SI_FRAME_FREE:
      if (si_ring_give(&link->ring, si_unpack_u32(&in)) != SI_OK) {
        leave("a slot was given back that was not lent");
      }
      break;
    case SI_FRAME_REPLY:
      link->answered = frame->id;
      link->answer = (si_rc)si_unpack_u32(&in);
      break;
    case SI_FRAME_LENT: take_lent(link, frame, &in); break;
    default: enqueue(link, frame); return;
  }
  link->answers = true;
}

/* All that came at once is told at once: who waits is not woken for each. */
static si_rc take_frames(struct si_link *link) {
  struct si_inbox *inbox = &link->inbox;
  struct si_frame frame;
  si_rc status;
  pthread_mutex_lock(&link->lock);
  while ((status = si_inbox_next(inbox, &frame)) == SI_OK) {
    take_frame(link, &frame);
    if (frame.type == SI_FRAME_LENT) {
      si_inbox_wipe(inbox, &frame);
    }
  }
  if (link->first) {
    pthread_cond_signal(&link->asked_for);
  }
  if (link->answers) {
    pthread_cond_broadcast(&link->changed);
    link->answers = false;
  }
  pthread_mutex_unlock(&link->lock);
  return status;
}

static void *read_frames(void *argument) {
  struct si_link *link = argument;
  for (;;) {
    if (take_frames(link) != SI_E_NOT_FOUND) {
      leave("a frame is too long");
    }
    if (si_inbox_fill(&link->inbox, link->fd) != SI_OK) {
      leave(NULL);
    }
  }
  return NULL;
}

si_rc si_link_make(int wire, int ring, struct si_link **out) {
  struct si_link *link = calloc(1, sizeof *link);
  if (!link) {
    return SI_E_NOMEM;
  }
  link->fd = wire;
  link->inbox = (struct si_inbox)SI_SECRET_INBOX;
  link->out.max = SIZE_MAX / 2;
  link->last = &link->first;
  pthread_mutex_init(&link->out_lock, NULL);
  pthread_mutex_init(&link->lock, NULL);
  pthread_mutex_init(&link->asking, NULL);
  pthread_cond_init(&link->changed, NULL);
  pthread_cond_init(&link->asked_for, NULL);
  si_rc status = si_ring_attach(&link->ring, ring);
  if (status != SI_OK) {
    free(link);
    return status;
  }
  *out = link;
  return SI_OK;
}

struct si_request *si_link_first(struct si_link *link) {
  struct si_frame frame;
  si_rc status;
  while ((status = si_inbox_next(&link->inbox, &frame)) == SI_E_NOT_FOUND) {
    if (si_inbox_fill(&link->inbox, link->fd) != SI_OK) {
      return NULL;
    }
  }
  return status == SI_OK ? keep(&frame) : NULL;
}

si_rc si_link_start(struct si_link *link) {
  return pthread_create(&link->reader, NULL, read_frames, link) == 0 ? SI_OK : SI_E_NOMEM;
}

static void send_packed(struct si_link *link) {
  for (size_t at = 0; at < link->out.len;) {
    ssize_t n = send(link->fd, link->out.data + at, link->out.len - at, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR) {
      leave(NULL);
    }
    at += n > 0 ? (size_t)n : 0;
  }
  si_buf_clear(&link->out);
  link->packed = 0;
}

struct si_buf *si_link_lock(struct si_link *link) {
  pthread_mutex_lock(&link->out_lock);
  return &link->out;
}

void si_link_unlock(struct si_link *link, bool now) {
  if (now || link->out.len >= SEND_AT || ++link->packed >= SEND_FRAMES) {
    send_packed(link);
  }
  pthread_mutex_unlock(&link->out_lock);
}

void si_link_flush(struct si_link *link) {
  si_link_lock(link);
  si_link_unlock(link, true);
}

/* The whole queue, at least one. */
static struct si_request *take_queue(struct si_link *link) {
  pthread_mutex_lock(&link->lock);
  while (!link->first) {
    pthread_mutex_unlock(&link->lock);
    si_link_flush(link);
    pthread_mutex_lock(&link->lock);
    if (!link->first) {
      pthread_cond_wait(&link->asked_for, &link->lock);
    }
  }
  struct si_request *all = link->first;
  link->first = NULL;
  link->last = &link->first;
  link->queued = 0;
  pthread_mutex_unlock(&link->lock);
  return all;
}

struct si_request *si_link_next(struct si_link *link) {
  struct si_request *request = link->taken ? link->taken : take_queue(link);
  link->taken = request->next;
  request->next = NULL;
  return request;
}

const struct si_request *si_link_peek(const struct si_link *link) {
  return link->taken;
}

uint64_t si_link_ask(struct si_link *link) {
  pthread_mutex_lock(&link->asking);
  return ++link->asked;
}

si_rc si_link_answer(struct si_link *link, uint64_t id) {
  pthread_mutex_lock(&link->lock);
  while (link->answered != id) {
    pthread_cond_wait(&link->changed, &link->lock);
  }
  si_rc answer = link->answer;
  pthread_mutex_unlock(&link->lock);
  pthread_mutex_unlock(&link->asking);
  return answer;
}

si_rc si_link_lent(struct si_link *link, uint64_t id, struct si_locked *lent,
                   struct si_error *error) {
  pthread_mutex_lock(&link->lock);
  while (link->answered != id) {
    pthread_cond_wait(&link->changed, &link->lock);
  }
  si_rc answer = link->answer;
  if (answer == SI_OK) {
    *lent = link->lent;
    link->lent = (struct si_locked){.data = NULL};
  } else {
    *error = link->refusal;
  }
  pthread_mutex_unlock(&link->lock);
  pthread_mutex_unlock(&link->asking);
  return answer;
}

uint32_t si_link_run(struct si_link *link, uint64_t len, uint32_t *room) {
  uint32_t slot = 0;
  pthread_mutex_lock(&link->lock);
  while (si_ring_take_run(&link->ring, len, &slot, room) != SI_OK) {
    pthread_mutex_unlock(&link->lock);
    si_link_flush(link);
    pthread_mutex_lock(&link->lock);
    if (link->ring.free == 0) {
      pthread_cond_wait(&link->changed, &link->lock);
    }
  }
  pthread_mutex_unlock(&link->lock);
  return slot;
}

const void *si_link_bytes(const struct si_link *link, uint32_t slot, uint32_t len) {
  return si_ring_theirs(&link->ring, slot, len) ? si_ring_slot(&link->ring, slot) : NULL;
}

void *si_link_memory(const struct si_link *link, uint32_t slot) {
  return si_ring_slot(&link->ring, slot);
}

bool si_link_cancelled(const struct si_link *link) {
  return atomic_load(&link->cancelled);
}
