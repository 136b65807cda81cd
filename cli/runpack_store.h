/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/runpack_store.h - which store a command on runpacks means, and where in it a runpack lies, as
 * its options and arguments say it. Depends on cli/secrets.h, paas/lifecycle/sink.h.
 *
 * A runpack is named by its directory, or by a URI. file:///DIR is that directory, unless a store
 * is named too. Of every other the scheme is the provider's id, and the store is the one that
 * --sink and --config name, or the context's where it has that id: a URI alone never says where
 * bytes come from. The provider tells the URI of its root, and what lies below it is the runpack's
 * prefix.
 */
#ifndef SI_CLI_RUNPACK_STORE_H
#define SI_CLI_RUNPACK_STORE_H

#include "cli/secrets.h"
#include "core/runpack/key.h"
#include "paas/lifecycle/sink.h"

/* An open store, and a runpack's place in it. {.sink = NULL} is closed. It must stay where it is
 * while it is open. */
struct si_place {
  struct si_context context; /* whose own store it is; .config is NULL where it is nobody's */
  struct si_context lender;  /* else that of --context, whose vault holds its secrets */
  struct si_secrets secrets; /* who asks for the passphrase of a vault's identity */
  char provider[64];
  bool writes; /* else its provider is held from changing anything; set before it is opened */
  bool begun;  /* an operation's runpack that is not stored yet will do; likewise */
  struct si_sink_session *sink;
  char prefix[SI_KEY_SIZE]; /* "": the whole store, or the runpack at its root */
};

#define SI_PLACE_PARAM "The runpack: its directory, file:///DIR, or the URI that its store tells"

/* The options that these functions read, and the store's; `what` says when. */
#define SI_PLACE_OPTIONS(what)                                                                     \
  {"sink", 0, "ID", what, 0, NULL},                                                                \
      {"config", 0, "K=V", "A setting of the store, or a JSON file of them", SI_OPT_REPEAT, NULL}, \
      SI_SECRETS_PASSPHRASE_OPTION
#define SI_PLACE_CAP_OPTION                                                                     \
  {                                                                                             \
    "max-artifact-bytes", 0, "N",                                                               \
        "The largest artifact that is accepted; by default the context's, or 16777216", 0, NULL \
  }

/* The store that --sink and --config name; else the context's audit sink. `guarded`: something
 * goes there, and evidence must not lie in a repository (R16). */
si_rc si_place_sink(struct si_invocation *inv, bool guarded, struct si_place *place) SI_MUST_USE;
/* The store that --to-sink and --to-config name; guarded. */
si_rc si_place_destination(struct si_invocation *inv, struct si_place *place) SI_MUST_USE;
/* The runpack that the first argument names, or the one that --operation ID left. RUNPACK_URI
 * (SI_E_INVALID): the URI is none, or not of a runpack in that store. */
si_rc si_place_runpack(struct si_invocation *inv, struct si_place *place) SI_MUST_USE;

/* --max-artifact-bytes, else what the context says, whose store it is or that --context names; 0:
 * neither does. */
si_rc si_place_max_artifact(struct si_invocation *inv, const struct si_place *place,
                            uint64_t *out) SI_MUST_USE;

struct si_store *si_place_store(struct si_place *place);
/* Where people find `prefix` of the place's store, appended to *out; nothing where the provider
 * does not tell. For showing alone. */
void si_place_uri(struct si_place *place, const char *prefix, struct si_buf *out);
void si_place_close(struct si_place *place); /* for SI_AUTO */

#endif
