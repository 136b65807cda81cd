/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/prune_lock.h - what of a runpack cannot be pruned because it is locked. Private to
 * core/runpack/prune*.c. Depends on prune.h, locks.h.
 */
#ifndef SI_CORE_RUNPACK_PRUNE_LOCK_H
#define SI_CORE_RUNPACK_PRUNE_LOCK_H

#include "core/runpack/prune.h"

/* Sets the item's locked, held and locked_until_ms as the store tells them now. SI_E_UNSUPPORTED:
 * it tells nothing of locks. */
si_rc si_prune_look(struct si_store *store, const char *prefix, struct si_prune_item *item,
                    struct si_error *error) SI_MUST_USE;

/* RUNPACK_PRUNE_LOCKED (SI_E_RETENTION). */
si_rc si_prune_locked(const char *prefix, const struct si_prune_item *item, struct si_error *error);

#endif
