/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/places.h - where this installation keeps si-host, the plugins and its data: found
 * from the running program's own path, so that a staged or moved installation works. Depends on
 * /proc.
 */
#ifndef SI_CORE_HOST_PLACES_H
#define SI_CORE_HOST_PLACES_H

#include <stddef.h>

#include "kit/base/error.h"

/* PLACE_UNKNOWN where /proc/self/exe cannot be read or the path is too long. */
si_rc si_place_host(char *to, size_t size, struct si_error *error) SI_MUST_USE;
/* SI_PLUGIN_DIR where it is set (not under AT_SECURE), else the installation's. */
si_rc si_place_plugins(char *to, size_t size, struct si_error *error) SI_MUST_USE;
/* SI_ENTERPRISE_PLUGIN_DIR where it is set (not under AT_SECURE), else "". */
si_rc si_place_enterprise(char *to, size_t size, struct si_error *error) SI_MUST_USE;
/* The environment's `variable` where it is set (not under AT_SECURE), else the directory `name` of
 * the installation's data. */
si_rc si_place_data(const char *variable, const char *name, char *to, size_t size,
                    struct si_error *error) SI_MUST_USE;

#endif
