/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/target/den.h - a directory that only this user can enter, with a short path (a socket's is
 * at most 107 bytes), for as long as this process lives. Where it was killed, the next one removes
 * what is left. Private to paas/target.
 */
#ifndef SI_PAAS_TARGET_DEN_H
#define SI_PAAS_TARGET_DEN_H

#include "kit/base/error.h"

struct si_den {
  char path[64]; /* "" where there is none */
  int fd;        /* locked while it is used; -1 */
};
#define SI_DEN \
  { .fd = -1 }

/* Makes one, and removes those of this user that nobody uses any more. TARGET_TUNNEL. */
si_rc si_den_make(struct si_den *den, struct si_error *error) SI_MUST_USE;
/* Removes it, with the files in it. */
void si_den_remove(struct si_den *den);

#endif
