/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/local/start.h"

#include <pthread.h>
#include <stdatomic.h>

enum { AT_ONCE = 4 }; /* more gain nothing (docs/performance.md) */

/* What the threads share. */
struct work {
  const struct local_start *starts;
  size_t count;
  atomic_size_t next;
  atomic_bool stop;
};

/* A thread, with a connection to the engine of its own. */
struct worker {
  struct work *work;
  si_instance in;
  struct local_call call;
  size_t failed_at; /* SIZE_MAX: nothing failed, and call.error is empty */
  pthread_t thread;
};

static void *start_some(void *arg) {
  struct worker *worker = arg;
  struct work *work = worker->work;
  while (!atomic_load(&work->stop)) {
    size_t i = atomic_fetch_add(&work->next, 1);
    if (i >= work->count) {
      break;
    }
    const struct local_start *start = &work->starts[i];
    if (local_container_start(&worker->call, start->service, start->id) != SI_OK) {
      worker->failed_at = i;
      atomic_store(&work->stop, true);
    }
  }
  return NULL;
}

/* The worker has what the call has, but for the connection. */
static si_rc hire(struct worker *worker, struct work *work, struct local_call *call) {
  worker->work = work;
  worker->failed_at = SIZE_MAX;
  worker->in = *call->in;
  worker->in.engine = NULL;
  si_rc status = si_engine_open(call->in->config.socket, &worker->in.engine, &worker->call.error);
  if (status != SI_OK) {
    return status;
  }
  local_call_begin(&worker->call, &worker->in, call->op);
  worker->call.project = call->project;
  return SI_OK;
}

/* As many as there is work for, the calling thread among them; one that cannot be had is done
 * without. */
static size_t hire_all(struct worker *workers, struct work *work, struct local_call *call) {
  size_t count = 0;
  while (count + 1 < AT_ONCE && count + 1 < work->count) {
    struct worker *worker = &workers[count];
    if (hire(worker, work, call) != SI_OK) {
      break;
    }
    if (pthread_create(&worker->thread, NULL, start_some, worker) != 0) {
      si_engine_close(&worker->in.engine);
      break;
    }
    count++;
  }
  return count;
}

si_rc local_start_all(struct local_call *call, const struct local_start *starts, size_t count) {
  struct work work = {.starts = starts, .count = count};
  struct worker hired[AT_ONCE - 1] = {0};
  struct worker own = {.work = &work, .in = *call->in, .failed_at = SIZE_MAX};
  size_t first = SIZE_MAX;
  size_t n = hire_all(hired, &work, call);
  own.call = *call;
  start_some(&own);
  if (own.failed_at < first) {
    first = own.failed_at;
    call->error = own.call.error;
  }
  for (size_t i = 0; i < n; i++) {
    pthread_join(hired[i].thread, NULL);
    si_engine_close(&hired[i].in.engine);
    if (hired[i].failed_at < first) {
      first = hired[i].failed_at;
      call->error = hired[i].call.error;
    }
  }
  return first == SIZE_MAX ? SI_OK : call->error.status;
}
