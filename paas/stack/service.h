/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/service.h - reads one service: a table of its keys. Depends on paas/stack/keys.h.
 */
#ifndef SI_PAAS_STACK_SERVICE_H
#define SI_PAAS_STACK_SERVICE_H

#include "paas/stack/report.h"

/* Fills service->json and the facts for the cross checks. service->name is set already, as are
 * the names of all other services and the declared volumes and networks. */
si_rc si_service_read(struct si_reading *r, const struct si_yaml_node *node,
                      const struct si_place *place, struct si_service *service) SI_MUST_USE;

#endif
