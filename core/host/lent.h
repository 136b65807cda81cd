/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/lent.h - the value of a secret while a plugin may look at it: pages of their own,
 * locked where the system's limit allows it, in no core file, wiped when they are given back. In
 * si-host alone. Depends on Linux.
 */
#ifndef SI_CORE_HOST_LENT_H
#define SI_CORE_HOST_LENT_H

#include "kit/base/error.h"

struct si_lent {
  char *bytes; /* len of them and a NUL; NULL: none */
  size_t len;
};

/* SI_E_NOMEM: nothing was copied. */
si_rc si_lent_copy(struct si_lent *lent, const char *bytes, size_t len) SI_MUST_USE;
void si_lent_free(struct si_lent *lent); /* for SI_AUTO */

#endif
