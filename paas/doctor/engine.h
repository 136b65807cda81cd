/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/engine.h - engines that were asked in a run, each once. Depends on core/host.
 */
#ifndef SI_PAAS_DOCTOR_ENGINE_H
#define SI_PAAS_DOCTOR_ENGINE_H

#include <stdbool.h>

#include "kit/base/error.h"

struct si_engine {
  char *key; /* provider and configuration; owned */
  bool answers;
  char what[256]; /* "docker 24.0.5", or why not */
  char hint[256];
  char stopped[256]; /* the first thing that its plugin was kept from; or "" */
  struct si_engine *next;
};
struct si_engines {
  struct si_engine *first;
};

/* Can the provider reach its engine? Within a few seconds. Owned by the list. */
si_rc si_engines_ask(struct si_engines *engines, const char *provider, const char *config,
                     const struct si_engine **out, struct si_error *error) SI_MUST_USE;
void si_engines_free(struct si_engines *engines); /* for SI_AUTO */

#endif
