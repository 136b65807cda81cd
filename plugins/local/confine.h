/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/confine.h - what the engine is asked for of a service's limits, rights given up,
 * and the smaller settings that it takes one to one. Depends on cJSON (kit/base/json.h).
 */
#ifndef SI_LOCAL_CONFINE_H
#define SI_LOCAL_CONFINE_H

#include "kit/base/json.h"

/* Adds to the body of a container's request and to its HostConfig. SI_E_INVALID: *wrong is the
 * member of the service whose value makes no sense; SI_E_NOMEM. */
si_rc local_confine(const cJSON *service, cJSON *body, cJSON *host, const char **wrong) SI_MUST_USE;

#endif
