/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/check.h - what can be judged only once every service has been read: who waits for
 * whom, and for what. Depends on paas/stack/report.h.
 */
#ifndef SI_PAAS_STACK_CHECK_H
#define SI_PAAS_STACK_CHECK_H

#include "paas/stack/report.h"

/* Dependency cycles; waiting for the health of a service that has no check; a one-shot that is
 * kept up, or said not to be one while another awaits its end. Settles `oneshot` of all services
 * to yes or no. `services` is the place of the top-level key. */
si_rc si_stack_check(struct si_reading *r, const struct si_place *services) SI_MUST_USE;

#endif
