/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/base/locked.h - memory for secrets: pages of their own, in no core file, out of swap where
 * the system's limit allows it, empty in a child that is forked, wiped before they are given back.
 * Depends on Linux. Not thread-safe.
 */
#ifndef SI_KIT_BASE_LOCKED_H
#define SI_KIT_BASE_LOCKED_H

#include "kit/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct si_locked {
  unsigned char *data; /* NULL, or `size` bytes and a NUL, of which `len` are in use */
  size_t len;
  size_t size;
};

/* Room for `size` bytes, zeroed; what was held is wiped and freed. SI_E_NOMEM: nothing is held. */
si_rc si_locked_make(struct si_locked *locked, size_t size) SI_MUST_USE;
/* SI_E_QUOTA where it does not fit: it never grows, so no copy is left behind. */
si_rc si_locked_add(struct si_locked *locked, const void *data, size_t len) SI_MUST_USE;
/* Adds what can be read from fd, up to its end. SI_E_QUOTA where that does not leave at least one
 * byte of the room free, SI_E_IO with errno. */
si_rc si_locked_read(struct si_locked *locked, int fd) SI_MUST_USE;
void si_locked_free(struct si_locked *locked); /* for SI_AUTO */

#ifdef __cplusplus
}
#endif
#endif
