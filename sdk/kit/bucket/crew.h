/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/bucket/crew.h - a few threads that work on a few slots: the parts of one object, on their way
 * to the store or from it. Depends on libc. One thread gives the work; the slots are its own except
 * between si_bucket_crew_give and the return of si_bucket_crew_wait.
 */
#ifndef SI_KIT_BUCKET_CREW_H
#define SI_KIT_BUCKET_CREW_H

#include <pthread.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SI_BUCKET_CREW_THREADS 3
#define SI_BUCKET_CREW_SLOTS \
  (SI_BUCKET_CREW_THREADS + 1) /* one more, to be filled or emptied meanwhile */

enum si_bucket_crew_state { SI_BUCKET_CREW_IDLE, SI_BUCKET_CREW_WAITING, SI_BUCKET_CREW_BUSY };

struct si_bucket_crew {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  pthread_t threads[SI_BUCKET_CREW_THREADS];
  unsigned started;
  enum si_bucket_crew_state state[SI_BUCKET_CREW_SLOTS];
  unsigned queue[SI_BUCKET_CREW_SLOTS]; /* of slots that wait, oldest first */
  unsigned queued;
  bool leave;
  bool stop; /* work under way should end soon */
  void (*work)(void *ctx, unsigned slot);
  void *ctx;
};

/* `work` runs in the crew's threads, one slot at a time each. Threads are started when there is
 * work; where none can be, si_bucket_crew_give does it itself. */
void si_bucket_crew_init(struct si_bucket_crew *crew, void (*work)(void *ctx, unsigned slot),
                         void *ctx);
/* Hands over an idle slot. */
void si_bucket_crew_give(struct si_bucket_crew *crew, unsigned slot);
/* Waits until the slot is idle. False: go_on (asked every 50 ms; NULL: never) returned false; the
 * slot is then the crew's still. */
bool si_bucket_crew_wait(struct si_bucket_crew *crew, unsigned slot, bool (*go_on)(void *ctx),
                         void *ctx);
/* For cancelled(): `ctx` is the crew. */
int si_bucket_crew_stopped(void *ctx);
/* Ends the threads: what waits is not begun. With `stop`, what is under way is told to stop. */
void si_bucket_crew_end(struct si_bucket_crew *crew, bool stop);

#ifdef __cplusplus
}
#endif
#endif
