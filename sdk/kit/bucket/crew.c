/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/bucket/crew.h"

#include <signal.h>
#include <string.h>
#include <time.h>

enum { ASK_MS = 50 };

void si_bucket_crew_init(struct si_bucket_crew *crew, void (*work)(void *ctx, unsigned slot),
                         void *ctx) {
  memset(crew, 0, sizeof *crew);
  pthread_mutex_init(&crew->lock, NULL);
  pthread_cond_init(&crew->changed, NULL);
  crew->work = work;
  crew->ctx = ctx;
}

static void *run(void *arg) {
  struct si_bucket_crew *crew = arg;
  pthread_mutex_lock(&crew->lock);
  for (;;) {
    while (crew->queued == 0 && !crew->leave) {
      pthread_cond_wait(&crew->changed, &crew->lock);
    }
    if (crew->leave) {
      break;
    }
    unsigned slot = crew->queue[0];
    crew->queued--;
    memmove(crew->queue, crew->queue + 1, crew->queued * sizeof *crew->queue);
    crew->state[slot] = SI_BUCKET_CREW_BUSY;
    pthread_mutex_unlock(&crew->lock);
    crew->work(crew->ctx, slot);
    pthread_mutex_lock(&crew->lock);
    crew->state[slot] = SI_BUCKET_CREW_IDLE;
    pthread_cond_broadcast(&crew->changed);
  }
  pthread_mutex_unlock(&crew->lock);
  return NULL;
}

/* Signals are the host's: its own threads take them. */
static void start_one(struct si_bucket_crew *crew) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  if (pthread_create(&crew->threads[crew->started], NULL, run, crew) == 0) {
    crew->started++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void si_bucket_crew_give(struct si_bucket_crew *crew, unsigned slot) {
  if (crew->started < SI_BUCKET_CREW_THREADS) {
    start_one(crew);
  }
  if (crew->started == 0) {
    crew->work(crew->ctx, slot);
    return;
  }
  pthread_mutex_lock(&crew->lock);
  crew->state[slot] = SI_BUCKET_CREW_WAITING;
  crew->queue[crew->queued++] = slot;
  pthread_cond_broadcast(&crew->changed);
  pthread_mutex_unlock(&crew->lock);
}

bool si_bucket_crew_wait(struct si_bucket_crew *crew, unsigned slot, bool (*go_on)(void *ctx),
                         void *ctx) {
  bool on = true;
  pthread_mutex_lock(&crew->lock);
  while (on && crew->state[slot] != SI_BUCKET_CREW_IDLE) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ASK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&crew->changed, &crew->lock, &until);
    if (go_on) {
      pthread_mutex_unlock(&crew->lock);
      on = go_on(ctx);
      pthread_mutex_lock(&crew->lock);
    }
  }
  on = crew->state[slot] == SI_BUCKET_CREW_IDLE;
  pthread_mutex_unlock(&crew->lock);
  return on;
}

int si_bucket_crew_stopped(void *ctx) {
  struct si_bucket_crew *crew = ctx;
  pthread_mutex_lock(&crew->lock);
  bool stop = crew->stop;
  pthread_mutex_unlock(&crew->lock);
  return stop;
}

void si_bucket_crew_end(struct si_bucket_crew *crew, bool stop) {
  pthread_mutex_lock(&crew->lock);
  crew->leave = true;
  crew->stop = stop;
  pthread_cond_broadcast(&crew->changed);
  pthread_mutex_unlock(&crew->lock);
  for (unsigned i = 0; i < crew->started; i++) {
    pthread_join(crew->threads[i], NULL);
  }
  pthread_cond_destroy(&crew->changed);
  pthread_mutex_destroy(&crew->lock);
}
