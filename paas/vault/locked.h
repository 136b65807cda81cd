/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/locked.h - memory for secrets: pages of their own, kept out of swap and of core files
 * where the kernel allows it, wiped before they are given back. Depends on kit/base/crypt.h. Not
 * thread-safe.
 */
#ifndef SI_PAAS_VAULT_LOCKED_H
#define SI_PAAS_VAULT_LOCKED_H

#include "kit/base/crypt.h"

struct si_locked {
  unsigned char *data; /* NULL, or `size` bytes and a NUL, of which `len` are in use */
  size_t len;
  size_t size;
};

/* Room for `size` bytes, zeroed; what was held is wiped and freed. SI_E_NOMEM. */
si_rc si_locked_make(struct si_locked *locked, size_t size) SI_MUST_USE;
/* SI_E_QUOTA where it does not fit: it never grows, so no copy is left behind. */
si_rc si_locked_add(struct si_locked *locked, const void *data, size_t len) SI_MUST_USE;
void si_locked_free(struct si_locked *locked); /* for SI_AUTO */

#endif
