/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/dispatch_lock.h - serves si's requests about locks with a provider's retention table
 * (si/retention.h). In si-host alone. Depends on core/host/dispatch.h.
 */
#ifndef SI_CORE_HOST_DISPATCH_LOCK_H
#define SI_CORE_HOST_DISPATCH_LOCK_H

#include "core/host/dispatch.h"

/* Begins an object that is to be locked; SI_E_UNSUPPORTED, recorded, where there is no table. */
si_rc si_lock_open(const struct si_descriptor *descriptor, si_instance *instance, struct si_op *op,
                   const char *key, const si_put_options *options, const si_lock_wish *wish,
                   si_sink **out) SI_MUST_USE;
/* An si_lock_fn whose ctx is the si_op: sends LOCKED. */
si_rc si_lock_tell(void *ctx, const si_lock *lock);

/* The requests LOCK, HOLD and LOCKS. */
si_rc si_lock_lock(struct si_dispatch *dispatch, struct si_unpack *in) SI_MUST_USE;
si_rc si_lock_hold(struct si_dispatch *dispatch, struct si_unpack *in) SI_MUST_USE;
si_rc si_lock_report(struct si_dispatch *dispatch, struct si_unpack *in) SI_MUST_USE;

#endif
