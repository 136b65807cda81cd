/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/profiles.h - which services of a file are run: those without `profiles`, and those of
 * a profile that the request names. Depends on paas/stack/report.h.
 */
#ifndef SI_PAAS_STACK_PROFILES_H
#define SI_PAAS_STACK_PROFILES_H

#include "paas/stack/report.h"

/* Is the service run? Nothing else of it is read to tell. */
si_rc si_profile_runs(struct si_reading *r, const struct si_yaml_node *service,
                      const struct si_place *place, bool *runs) SI_MUST_USE;
/* The first profile of a service that is not run; NULL where there is no such service. */
const char *si_profile_of(const struct si_reading *r, const char *service);

#endif
