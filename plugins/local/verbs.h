/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/verbs.h - the provisioner `local`, as the ABI wants it (si/provisioner.h): its
 * table and its open and close. plugin.c wraps them into a plugin; tests call them as a host would.
 * One call at a time (SI_THREADS_SERIAL).
 */
#ifndef SI_PLUGINS_LOCAL_VERBS_H
#define SI_PLUGINS_LOCAL_VERBS_H

#include "plugins/local/call.h"

extern const si_provisioner_vt local_provisioner;

si_rc local_open(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                 si_instance **out);
void local_close(si_instance *instance);

/* The verbs, a file each; the contracts stand in si/provisioner.h. */
si_rc local_provision(si_instance *instance, si_op *op, const char *project, const char *stack,
                      void *ctx, si_emit emit);
si_rc local_destroy(si_instance *instance, si_op *op, const char *project, void *ctx, si_emit emit);
si_rc local_inspect(si_instance *instance, si_op *op, const char *project, void *ctx, si_emit emit);
si_rc local_list(si_instance *instance, si_op *op, const char *context, void *ctx, si_emit emit);
si_rc local_remove(si_instance *instance, si_op *op, const char *resource);
si_rc local_logs(si_instance *instance, si_op *op, const char *project, const char *query,
                 void *ctx, si_emit emit);

/* Emits the inspection of the call's project; for provision, which ends with one. */
si_rc local_inspect_emit(struct local_call *call, void *ctx, si_emit emit) SI_MUST_USE;

#endif
