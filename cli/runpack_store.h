/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/runpack_store.h - which store a command on runpacks means, and where in it a runpack lies, as
 * its options and arguments say it. Depends on cli/command.h, core/host, paas/context.
 */
#ifndef SI_CLI_RUNPACK_STORE_H
#define SI_CLI_RUNPACK_STORE_H

#include "cli/command.h"
#include "core/host/session.h"
#include "core/runpack/key.h"
#include "paas/context/context.h"

/* An open store, and a runpack's place in it. {.session = NULL} is closed. */
struct si_place {
  struct si_context context; /* whose own store it is; .config is NULL where it is nobody's */
  char provider[64];
  struct si_session *session;
  char prefix[SI_KEY_SIZE]; /* "": the whole store, or the runpack at its root */
};

/* The options that these functions read, and the store's; `what` says when. */
#define SI_PLACE_OPTIONS(what)                                                                \
  {"sink", 0, "ID", what, 0, NULL}, {                                                         \
    "config", 0, "K=V", "A setting of the store, or a JSON file of them", SI_OPT_REPEAT, NULL \
  }

/* The store that --sink and --config name; else the context's audit sink. `guarded`: something
 * goes there, and evidence must not lie in a repository (R16). */
si_rc si_place_sink(struct si_invocation *inv, bool guarded, struct si_place *place) SI_MUST_USE;
/* The runpack that the first argument names (a directory, or file://DIR), or the one that
 * --operation ID left. */
si_rc si_place_runpack(struct si_invocation *inv, struct si_place *place) SI_MUST_USE;

struct si_store *si_place_store(struct si_place *place);
void si_place_close(struct si_place *place); /* for SI_AUTO */

#endif
