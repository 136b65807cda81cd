/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/effects.h - everything that this provider does to an engine, each act journalled
 * before and after (call.h), and each outcome read back from the engine instead of believed.
 * Depends on call.h, plan.h and request.h.
 *
 * The process may have been killed at any instruction, and the engine may finish a request after
 * its client died. So each act finds out what is there already: a thing of the wanted name that
 * carries the marks is adopted, one that does not is an error that names it (SI_E_CONFLICT).
 */
#ifndef SI_PLUGINS_LOCAL_EFFECTS_H
#define SI_PLUGINS_LOCAL_EFFECTS_H

#include "plugins/local/call.h"
#include "plugins/local/plan.h"
#include "plugins/local/request.h"

/* SI_E_CONFLICT: something of that name on the engine is not this project's. Nothing there is
 * SI_OK. */
si_rc local_name_free(struct local_call *call, enum si_engine_type type,
                      const char *part) SI_MUST_USE;

/* The id of the project's network, made or adopted. */
si_rc local_network_make(struct local_call *call, const struct local_part *network,
                         const char *spec, char id[SI_ENGINE_ID_SIZE]) SI_MUST_USE;
/* A request of a process that died may still make a second network of that name, and by its name
 * the engine then finds neither. Removes those of the project's but `id`; *removed counts them. */
si_rc local_network_settle(struct local_call *call, const char *part, const char *id,
                           size_t *removed) SI_MUST_USE;
si_rc local_volume_make(struct local_call *call, const struct local_part *volume) SI_MUST_USE;

/* Makes or adopts the service's container, on all its networks, not started. `image_id` and `spec`
 * are what it must turn out to have. */
si_rc local_container_make(struct local_call *call, const struct local_plan *plan,
                           const struct local_service *service,
                           const struct local_network_ids *networks, const char *image_id,
                           const char *spec, char id[SI_ENGINE_ID_SIZE]) SI_MUST_USE;
/* Starts it; a taken host port is told by its number. */
si_rc local_container_start(struct local_call *call, const struct local_service *service,
                            const char *id) SI_MUST_USE;
/* Stops it, in its own time, and removes it. Gone already is success. */
si_rc local_container_retire(struct local_call *call, const char *part, const char *id) SI_MUST_USE;
/* Removes a thing whose marks were just seen; running containers are retired first. SI_E_CONFLICT:
 * a network that a container of somebody else's is on. */
si_rc local_thing_remove(struct local_call *call, enum si_engine_type type, const char *part,
                         const char *id) SI_MUST_USE;

/* Is the container on the network, as far as the engine says? */
bool local_container_on(const struct si_engine_container *container, const char *network_name,
                        const char *network_id);

#endif
