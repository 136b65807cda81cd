/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/start.h - containers started side by side: an engine spends most of a start on its
 * own waiting. Depends on effects.h.
 */
#ifndef SI_PLUGINS_LOCAL_START_H
#define SI_PLUGINS_LOCAL_START_H

#include "plugins/local/effects.h"

struct local_start {
  const struct local_service *service;
  const char *id; /* of its container */
};

/* Starts the containers, a few at a time, each journalled by itself. After the first failure no
 * other is begun; those that were are waited for. Returns the failure of the one that stands first
 * among them. No thread is left behind. */
si_rc local_start_all(struct local_call *call, const struct local_start *starts,
                      size_t count) SI_MUST_USE;

#endif
