/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/call.h - one verb in flight: the instance, the host's services, and the record of
 * what went wrong. Depends on si/provisioner.h, plugins/engine, config.h and project.h.
 *
 * Inside the provisioner every function fills call->error and returns its status; the verb's last
 * line hands the record to the host (local_call_end).
 */
#ifndef SI_PLUGINS_LOCAL_CALL_H
#define SI_PLUGINS_LOCAL_CALL_H

#include <si/provisioner.h>

#include "plugins/engine/container.h"
#include "plugins/local/config.h"
#include "plugins/local/project.h"

struct si_instance {
  const si_host_vt *vt;
  si_host *host;
  struct local_config config;
  struct si_engine *engine;
};

struct local_call {
  si_instance *in;
  si_op *op;
  struct local_project project;
  struct si_error error;
};

/* Binds the engine's calls to this operation's deadline and cancellation. */
void local_call_begin(struct local_call *call, si_instance *instance, si_op *op);
/* SI_OK, or what the host makes of call->error. The deadline and the operator's wish to stop come
 * before whatever else the failure looks like. */
si_rc local_call_end(struct local_call *call, si_rc status);

/* SI_OK, or SI_E_CANCELLED, or SI_E_TIMEOUT. */
si_rc local_go_on(struct local_call *call) SI_MUST_USE;
/* Sleeps, awake every 50 ms for local_go_on. */
si_rc local_pause(struct local_call *call, uint32_t ms) SI_MUST_USE;

void local_say(struct local_call *call, uint32_t level, const char *fmt, ...) SI_PRINTF(3, 4);
void local_progress(struct local_call *call, uint64_t done, uint64_t total, const char *fmt, ...)
    SI_PRINTF(4, 5);

/* A failure of this provider's own: stage "provision" and the like is the host's matter. */
si_rc local_error(struct local_call *call, si_rc status, const char *subject, const char *fmt, ...)
    SI_PRINTF(4, 5);
/* Puts "service web: " and the like before the message that call->error holds. */
si_rc local_about(struct local_call *call, const char *kind, const char *subject);

/* A side effect and its place in the journal. */
struct local_effect {
  char name[200]; /* "container.create db" */
};

/* Journals that it begins; on failure the effect must not be done, nor anything after it. */
si_rc local_effect_begin(struct local_call *call, struct local_effect *effect, const char *verb,
                         const char *what, const char *id) SI_MUST_USE;
/* Journals how it ended: done, failed, or nothing at all where the outcome is unknown (a step that
 * was begun and never ended says just that). Returns `status`, or why the journal failed. */
si_rc local_effect_end(struct local_call *call, const struct local_effect *effect, si_rc status,
                       const char *id) SI_MUST_USE;

/* Gives a document to the caller of the verb. */
si_rc local_emit(struct local_call *call, const cJSON *document, void *ctx,
                 si_emit emit) SI_MUST_USE;

#endif
