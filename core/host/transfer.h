/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/transfer.h - objects on their way into and out of a provider. In si-host alone. Depends
 * on core/host/{descriptor,services}.h.
 *
 * Of a provider that is SI_THREADS_PARALLEL up to SI_TRANSFER_THREADS objects move at once, each
 * with an si_op of its own; while its calls are quick, only as many as the machine has processors:
 * more threads would stand in each other's way. Of any other provider one call is made at a time,
 * in the order of the requests, by the caller's thread. The requests of one object are always
 * served one after the other. An object with SI_PUT_COMMIT moves alone: it begins when all before
 * it have ended, and nothing begins before it has.
 *
 * No thread ever waits for a request of si's: a put that has no more bytes for now gives its thread
 * to another object. A get waits for a free run of the ring, and si frees those whatever else it
 * does. So however many objects are open, one whose bytes are here moves on, and all of them end.
 */
#ifndef SI_CORE_HOST_TRANSFER_H
#define SI_CORE_HOST_TRANSFER_H

#include "core/host/descriptor.h"
#include "core/host/services.h"

enum { SI_TRANSFER_THREADS = 8 };

struct si_transfers;

/* `op` tells the host and the deadline; it must outlive the transfers. */
si_rc si_transfers_new(const struct si_descriptor *descriptor, si_instance *instance,
                       const struct si_op *op, struct si_link *link,
                       struct si_transfers **out) SI_MUST_USE;
/* Is it a request about an object's bytes? */
bool si_transfers_takes(uint32_t type);
/* Serves the requests of this list, or sees to it that they are served, and frees them. False where
 * one makes no sense: then the process must end. */
bool si_transfers_give(struct si_transfers *transfers, struct si_request *requests) SI_MUST_USE;
/* Waits until all have ended. False where that cannot be: the end of one is still to come from si.
 */
bool si_transfers_settle(struct si_transfers *transfers) SI_MUST_USE;
/* Ends the threads. What was not ended by si is aborted. */
void si_transfers_free(struct si_transfers **transfers);

#endif
