/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/child.h - the process side of a session: start si-host with nothing but three
 * descriptors, kill it, reap it, and whatever it left behind. Depends on Linux (subreaper, pidfd).
 */
#ifndef SI_CORE_HOST_CHILD_H
#define SI_CORE_HOST_CHILD_H

#include <sys/types.h>

#include "kit/base/error.h"

struct si_child {
  pid_t pid;  /* leader of a session of its own; 0 once reaped */
  int wire;   /* our end, non-blocking */
  int output; /* what it writes to stdout and stderr, non-blocking */
  int pidfd;  /* readable once it ended, whoever still holds its other descriptors */
  int status; /* as waitpid gives it, once reaped */
};

/* Starts si-host with `ring` and `lock` (or -1) in an empty environment, in /. PLUGIN_START. */
si_rc si_child_start(struct si_child *child, int ring, int lock,
                     struct si_error *error) SI_MUST_USE;
/* Sends a signal to it and to all that stayed in its session. */
void si_child_signal(const struct si_child *child, int number);
/* Waits up to `ms` for its end, then kills it. Afterwards pid is 0 and status is set. */
void si_child_reap(struct si_child *child, int ms);
/* Kills and reaps what fell to us when a child of ours died: si-host's own children. */
void si_child_sweep(void);

#endif
