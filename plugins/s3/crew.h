/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/s3/crew.h - a few threads that work on a few slots: the parts of one object, on their way
 * to the store or from it. Depends on libc. One thread gives the work; the slots are its own except
 * between crew_give and the return of crew_wait.
 */
#ifndef SI_PLUGINS_S3_CREW_H
#define SI_PLUGINS_S3_CREW_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define CREW_THREADS 3
#define CREW_SLOTS (CREW_THREADS + 1) /* one more, to be filled or emptied meanwhile */

enum crew_state { CREW_IDLE, CREW_WAITING, CREW_BUSY };

struct crew {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  pthread_t threads[CREW_THREADS];
  unsigned started;
  enum crew_state state[CREW_SLOTS];
  unsigned queue[CREW_SLOTS]; /* of slots that wait, oldest first */
  unsigned queued;
  bool leave;
  atomic_bool stop; /* work under way should end soon */
  void (*work)(void *ctx, unsigned slot);
  void *ctx;
};

/* `work` runs in the crew's threads, one slot at a time each. Threads are started when there is
 * work; where none can be, crew_give does it itself. */
void crew_init(struct crew *crew, void (*work)(void *ctx, unsigned slot), void *ctx);
/* Hands over an idle slot. */
void crew_give(struct crew *crew, unsigned slot);
/* Waits until the slot is idle. False: go_on (asked every 50 ms; NULL: never) returned false; the
 * slot is then the crew's still. */
bool crew_wait(struct crew *crew, unsigned slot, bool (*go_on)(void *ctx), void *ctx);
/* For cancelled(): `ctx` is the crew. */
int crew_stopped(void *ctx);
/* Ends the threads: what waits is not begun. With `stop`, what is under way is told to stop. */
void crew_end(struct crew *crew, bool stop);

#endif
