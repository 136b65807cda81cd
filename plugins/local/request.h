/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/request.h - what the engine is asked for: the API's documents for a service's
 * container, a volume and a network, out of the stack document. Depends on plan.h and project.h,
 * and on plugins/engine for the size of an id. Pure: it asks nobody.
 */
#ifndef SI_PLUGINS_LOCAL_REQUEST_H
#define SI_PLUGINS_LOCAL_REQUEST_H

#include "plugins/engine/resource.h"
#include "plugins/local/plan.h"
#include "plugins/local/project.h"

/* Under which ids the engine knows the plan's networks. */
struct local_network_ids {
  char (*ids)[SI_ENGINE_ID_SIZE]; /* one for each network of the plan, in the plan's order */
};

/* The body of container create. It joins the service's first network; the others are connected
 * before the start (older engines take one network only). `stop_timeout_s` counts where the
 * service has no stop_grace_ms. Variables that secrets are part of are left out
 * (plugins/local/environment.h). *out is the caller's. LOCAL_STACK (SI_E_INVALID) for a member
 * whose value makes no sense; error->target names the service. */
si_rc local_request_container(const struct local_project *project, const struct local_plan *plan,
                              const struct local_service *service,
                              const struct local_network_ids *networks, const char *spec,
                              uint32_t stop_timeout_s, cJSON **out,
                              struct si_error *error) SI_MUST_USE;

/* The aliases of a service on one of its networks: its name, then the document's, each once.
 * NULL: out of memory. The caller frees it. */
cJSON *local_request_aliases(const struct local_service *service, const cJSON *network);

/* The bodies of volume create and network create. */
si_rc local_request_volume(const struct local_project *project, const struct local_part *volume,
                           const char *spec, cJSON **out) SI_MUST_USE;
si_rc local_request_network(const struct local_project *project, const struct local_part *network,
                            const char *spec, cJSON **out) SI_MUST_USE;

/* "80/tcp", or SI_E_INVALID. */
si_rc local_request_port(const cJSON *port, char out[24]) SI_MUST_USE;

#endif
