/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/ready.h - when a service counts as up, and why it never will. Depends on call.h and
 * plan.h.
 *
 * Ready is: with a health check, healthy; a one-shot, ended with 0; any other, running for
 * settle_ms without a restart. It never will be: unhealthy, ended when it must not, restarted
 * LOCAL_MAX_RESTARTS times, or not ready ready_timeout_ms after its start.
 */
#ifndef SI_PLUGINS_LOCAL_READY_H
#define SI_PLUGINS_LOCAL_READY_H

#include "plugins/local/call.h"
#include "plugins/local/plan.h"

enum { LOCAL_MAX_RESTARTS = 5, LOCAL_POLL_MS = 150 };

struct local_watch {
  const struct local_service *service;
  char id[SI_ENGINE_ID_SIZE];
  char started_at[64]; /* of the run that settled_ns belongs to */
  uint64_t from_ns;    /* when the wait began */
  uint64_t settled_ns; /* since when that run is seen running */
  int64_t restarts;    /* how many there were when the wait began; -1: not known yet */
  bool ended;          /* a look saw it ended, with this code */
  int exit_code;
  bool ready;
};

void local_watch_begin(struct local_watch *watch, const struct local_service *service,
                       const char *id);
/* One look; sets watch->ready. A failure names the service, the reason and its last log lines. */
si_rc local_watch_look(struct local_call *call, struct local_watch *watch) SI_MUST_USE;
/* Looks until it is ready. */
si_rc local_watch_wait(struct local_call *call, struct local_watch *watch) SI_MUST_USE;

/* What one look at a container means for a wait that began `waited_ms` ago. Pure but for the
 * watch. SI_OK: go on, or watch->ready; else *error says why not, without log lines. */
si_rc local_watch_judge(struct local_watch *watch, const struct si_engine_container *container,
                        const struct local_config *config, uint64_t now_ns,
                        struct si_error *error) SI_MUST_USE;

/* Puts the last lines of the container's log into call->error.detail. */
void local_last_words(struct local_call *call, const char *id, const cJSON *checks);

#endif
