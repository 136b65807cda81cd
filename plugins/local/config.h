/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/config.h - the configuration of provisioner `local`: a JSON object, strict. Depends
 * on kit/base.
 */
#ifndef SI_PLUGINS_LOCAL_CONFIG_H
#define SI_PLUGINS_LOCAL_CONFIG_H

#include "kit/base/json.h"

struct local_config {
  char socket[108];          /* the engine's unix socket, an absolute path */
  uint32_t ready_timeout_ms; /* a service must be ready so long after its start */
  uint32_t stop_timeout_s;   /* between asking a container to end and killing it */
  uint32_t settle_ms;        /* a service without a health check must stay up so long */
};

/* The JSON Schema of it, for people and tools; local_config_read holds to it. */
extern const char local_config_schema[];

/* Fills *out with the defaults and what the text says. LOCAL_CONFIG (SI_E_INVALID) for an unknown
 * key or a value out of its range; error->target is then the member's JSON pointer. */
si_rc local_config_read(const char *json, struct local_config *out,
                        struct si_error *error) SI_MUST_USE;

#endif
