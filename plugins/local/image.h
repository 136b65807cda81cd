/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/image.h - the image of a service: the one that a release is known to have run, or
 * what its name stands for now; pulled where it is not on the engine. Depends on effects.h.
 */
#ifndef SI_PLUGINS_LOCAL_IMAGE_H
#define SI_PLUGINS_LOCAL_IMAGE_H

#include "plugins/local/effects.h"

/* Nothing of the project is touched by this. `pinned` is the id that it has to be, or NULL:
 * service->image may then become that id. A service with "pull_policy":"never" is never pulled for.
 * SI_E_NOT_FOUND, SI_E_AUTH, SI_E_UNAVAILABLE name the service, the image and what to do. */
si_rc local_image_find(struct local_call *call, struct local_service *service, const char *pinned,
                       char id[SI_ENGINE_ID_SIZE]) SI_MUST_USE;

#endif
