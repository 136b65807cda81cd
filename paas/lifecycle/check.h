/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/check.h - can a target's engine be used? Depends on paas/lifecycle/life.h.
 */
#ifndef SI_PAAS_LIFECYCLE_CHECK_H
#define SI_PAAS_LIFECYCLE_CHECK_H

#include "paas/lifecycle/life.h"

/* Asks the provisioner through the target; changes nothing. *answer is what it told
 * ({"engine","version","api",...}), the caller's. */
si_rc si_life_check(struct si_life *life, const char *target, const char *provisioner,
                    const char *config, cJSON **answer, struct si_error *error) SI_MUST_USE;

#endif
