/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/host.h - the host that a plugin under test sees: it keeps all that it is told, lends
 * the secrets that were given, and says no when a check wants it to. Its table lies right before
 * memory that cannot be read: whoever reads past the table's size ends by SIGSEGV. Depends on
 * sdk/kit/base. Its functions may be called from any thread.
 */
#ifndef SI_CONFORM_HOST_H
#define SI_CONFORM_HOST_H

#include <pthread.h>
#include <stdatomic.h>

#include "sdk/conform/check.h"

enum { STEPS_MAX = 4096, TELLING_MAX = 4u << 20 };

struct step {
  char name[128];
  uint32_t phase;
  char outside[256];
};

struct si_host {
  si_host_vt *vt; /* what open() is given */
  struct trial *trial;
  pthread_mutex_t lock;
  struct si_buf logged;   /* log lines, one behind the other */
  struct si_buf told;     /* texts of progress */
  struct si_buf failures; /* every text of every failure */
  struct step steps[STEPS_MAX];
  size_t step_count;
  size_t refuse_step; /* the n-th BEGIN is refused; 0: none */
  bool refused;       /* that came to pass */
  size_t begun_after; /* BEGINs after it */
  bool no_secrets;    /* none is lent */
  bool no_services;
  bool late;                  /* every call's deadline has passed before it begins */
  size_t lent;                /* how often a secret was lent */
  char asked[512];            /* the first secret asked for that the configuration does not name */
  atomic_uint execs;          /* commands that were run */
  atomic_uint calls;          /* of the host so far */
  atomic_uint cancel_at;      /* cancelled from that call on; 0: never */
  const struct si_op *failed; /* the last call that failed, or NULL */
  char complaint[256];        /* the first breach of the table's contract; "" */
};

/* One call in flight. */
struct si_op {
  uint32_t state; /* OP_RUNS, OP_OVER */
  si_host *host;
  uint64_t deadline_ns;
  uint32_t records; /* how often fail() was called; the last one is kept, texts cut: */
  uint32_t size;
  si_rc said;
  uint32_t retry;
  uint32_t retry_after_ms;
  const char *call; /* which one it was, where it failed */
  bool well_formed; /* every text was UTF-8 and within its bound */
  char message[1024];
  char field[256];
  char subject[256];
};

/* A host with every function. Never fails: ends the process where memory is short. */
si_host *host_new(struct trial *t);
/* Its table, cut to `size` bytes and with what is behind it out of reach; the size member says
 * `said`. */
void host_cut(si_host *host, size_t size, uint32_t said);
/* One more table like the host's, longer by `extra` bytes of garbage. */
void host_grow(si_host *host, size_t extra);

/* Forgets what it was told, and keeps the memory. */
void host_forget(si_host *host);

/* A call begins. Ops are never given back: a plugin that uses one later is found out. */
si_op *op_begin(si_host *host);
/* Is it cancelled, or late? Asked by the kit itself: no call of the host. */
bool op_stopped(const si_op *op);
/* It is over. Returns `status`. */
si_rc op_end(si_op *op, si_rc status);

/* The configuration of this check as JSON text; the process's own, for as long as it runs. */
const char *config_text(struct trial *t);
/* Opens an instance with the check's configuration; ends the process where open() fails. */
si_instance *open_instance(struct trial *t, si_host *host);
/* The same with any text. *out is written as the provider does. */
si_rc open_with(struct trial *t, si_host *host, const char *config, si_instance **out);
void close_instance(struct trial *t, si_instance *instance);

/* Texts in memory that lend_end() takes away: whoever reads one later ends by SIGSEGV. */
void *lend(const void *bytes, size_t len);
const char *lend_text(const char *text);
void lend_end(void);

#endif
