/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/environment.h - variables of a container that secrets are part of: joined at the
 * last moment, from secrets that the host lends one by one. Depends on plugins/local/call.h.
 */
#ifndef SI_PLUGINS_LOCAL_ENVIRONMENT_H
#define SI_PLUGINS_LOCAL_ENVIRONMENT_H

#include "plugins/local/call.h"
#include "plugins/local/plan.h"

/* Adds to `body` (local_request_container) the variables whose value is a list of parts. From then
 * on it holds secrets: it is to be freed with si_json_wipe, on failure too. Fills call->error; what
 * cannot be had is named by key, no value ever. */
si_rc local_environment_fill(struct local_call *call, const struct local_service *service,
                             cJSON *body) SI_MUST_USE;

#endif
