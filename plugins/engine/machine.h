/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/engine/machine.h - the machine that an engine runs on, as it tells. Depends on engine.h,
 * whose rules on errors hold here.
 */
#ifndef SI_PLUGINS_ENGINE_MACHINE_H
#define SI_PLUGINS_ENGINE_MACHINE_H

#include "plugins/engine/engine.h"

struct si_engine_machine {
  char os[32];   /* "linux" */
  char arch[32]; /* "x86_64" */
  int64_t cpus;  /* 0 where it does not say, as of the other numbers */
  int64_t memory_bytes;
  bool has_clock;
  int64_t
      clock_skew_ms; /* how far its clock is ahead of this machine's; half a round trip unsure */
};

si_rc si_engine_machine(struct si_engine *engine, struct si_engine_machine *out,
                        struct si_error *error) SI_MUST_USE;

/* An engine's time, RFC 3339 with or without a fraction, as Unix time in milliseconds.
 * SI_E_INVALID. Pure. */
si_rc si_engine_time(const char *text, int64_t *ms) SI_MUST_USE;

#endif
