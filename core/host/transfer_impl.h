/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/transfer_impl.h - what transfer.c (who moves when) and transfer_serve.c (how one object
 * moves) share. Private to core/host.
 */
#ifndef SI_CORE_HOST_TRANSFER_IMPL_H
#define SI_CORE_HOST_TRANSFER_IMPL_H

#include <pthread.h>

#include "core/host/transfer.h"

struct si_transfer {
  struct si_transfer *next;       /* of all */
  struct si_transfer *next_ready; /* of those that have something to do, and nobody who does it */
  uint64_t id;
  struct si_request *first; /* to be served */
  struct si_request **last;
  bool taken; /* a thread serves it, or it is ready */
  bool ended; /* its last request came */
  /* The serving thread's alone. */
  struct si_op *op;
  char *key;
  si_sink *sink;
  bool locks; /* the sink is the retention table's */
  si_rc status;
};

struct si_transfers {
  const struct si_descriptor *descriptor;
  si_instance *instance;
  const struct si_op *model;
  struct si_link *link;
  unsigned most; /* threads; 0: the caller's serves */
  unsigned few;  /* are enough while calls are quick */
  pthread_mutex_t lock;
  pthread_cond_t work;  /* one is ready, or stop */
  pthread_cond_t quiet; /* none is left */
  struct si_transfer *all;
  struct si_transfer *ready;
  struct si_transfer **ready_last;
  struct si_transfer *alone; /* the one with SI_PUT_COMMIT */
  unsigned threads;
  unsigned idle;
  unsigned called; /* of the idle: woken, and not yet at work */
  unsigned busy;   /* serve an object */
  bool slow;       /* the latest call was; or there was none */
  bool stop;
  pthread_t thread[SI_TRANSFER_THREADS];
};

/* Serves one request of the object; false where it makes no sense. Without the lock. */
bool si_transfer_serve(struct si_transfers *transfers, struct si_transfer *transfer,
                       const struct si_request *request) SI_MUST_USE;
void si_transfer_free(struct si_transfer *transfer);

#endif
