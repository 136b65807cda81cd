/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/look.h - reads one file for signs of si's private files and for secrets in plain
 * text, once for both. Whatever its size, in memory of one piece. Depends on signs.h, expose.h.
 */
#ifndef SI_PAAS_DOCTOR_LOOK_H
#define SI_PAAS_DOCTOR_LOOK_H

#include <stdint.h>

#include "kit/base/error.h"
#include "paas/doctor/expose.h"

#define SI_LOOK_PIECE 65536u
/* Nothing that is looked for is longer. What is found may be told twice, one behind the other. */
#define SI_LOOK_KEEP 8192u

struct si_look {
  char *piece;    /* SI_LOOK_PIECE + SI_LOOK_KEEP bytes, the caller's */
  uint64_t bytes; /* read so far, of all files */
  uint64_t most;  /* no more of them are read */
  bool signs;     /* look for private files */
  bool exposures; /* look for secrets */
  void *ctx;
  void (*sign)(void *ctx, const char *what);
  si_expose_found found;
};
/* Not a regular file, or gone: nothing. SI_E_IO and errno; SI_E_QUOTA where `most` was reached. */
si_rc si_look(struct si_look *look, int dir, const char *name) SI_MUST_USE;

#endif
