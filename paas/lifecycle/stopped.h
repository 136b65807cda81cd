/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/stopped.h - what a plugin tried and was kept from, told to the audit chain of the
 * context that it worked for: the event `plugin.stop`. Depends on paas/events, paas/redact. Private
 * to paas/lifecycle.
 *
 *   target      the plugin's id
 *   fields.kind SI_STOPPED_SECRET, SI_STOPPED_CALL, SI_STOPPED_FILE
 *   fields.what the secret's name, the system call's, or the path: as the plugin gave it, what is
 * no plain text replaced by '?'. Never a value.
 */
#ifndef SI_PAAS_LIFECYCLE_STOPPED_H
#define SI_PAAS_LIFECYCLE_STOPPED_H

#include "core/host/session.h"
#include "paas/context/context.h"
#include "paas/state/state.h"

/* One provider's child. What it tries again is told once; of what differs, the first
 * SI_STOPPED_TOLD.
 */
enum { SI_STOPPED_TOLD = 20, SI_STOPPED_WHAT = 160 };

struct si_stopped {
  const struct si_context *context; /* NULL: there is no chain to tell */
  struct si_state *state; /* opened for writing; NULL: the context's is opened for each event */
  const char *plugin;
  const char *operation; /* id, or NULL */
  void *ctx;
  void (*log)(void *ctx, uint32_t level, const char *message); /* or NULL */
  unsigned count;
  char told[SI_STOPPED_TOLD][SI_STOPPED_WHAT];
};

/* `kind` and `what` as si_listener.stopped gives them. What cannot be told to the chain is told to
 * the log. */
void si_stopped_tell(struct si_stopped *stopped, const char *kind, const char *what);

#endif
