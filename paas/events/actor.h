/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/events/actor.h - who acts. Private to paas/events. Depends on sdk/kit/base.
 */
#ifndef SI_PAAS_EVENTS_ACTOR_H
#define SI_PAAS_EVENTS_ACTOR_H

#include "kit/base/json.h"

/* "cli", or what si_events_source() said. */
const char *si_events_source_name(void);
/* {"host","tty","uid","user"}: tty is null where there is no terminal. NULL without memory. */
cJSON *si_events_actor(void);

#endif
