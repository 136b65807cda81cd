/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/link.h - si-host's end of the wire. A thread of its own reads frames: requests wait in
 * a queue for the main thread, a cancel is seen while a verb runs, and the end of the stream ends
 * the process at once, because it means that si is gone. Depends on core/wire, kit/base/locked.h.
 *
 * Writing may be done by any thread: lock, pack a frame, unlock.
 */
#ifndef SI_CORE_HOST_LINK_H
#define SI_CORE_HOST_LINK_H

#include "core/wire/ring.h"
#include "core/wire/wire.h"
#include "kit/base/locked.h"

struct si_link;

/* A request, with a copy of its payload. */
struct si_request {
  struct si_request *next;
  struct si_frame frame;
};

/* Makes one that is not read yet: there is no second thread until it is started. Frames can be
 * sent. */
si_rc si_link_make(int wire, int ring, struct si_link **out) SI_MUST_USE;
/* The first frame of all, before the link is started; waits. The caller frees it with free(). NULL:
 * the stream ended, or is none of ours. */
struct si_request *si_link_first(struct si_link *link);
si_rc si_link_start(struct si_link *link) SI_MUST_USE;

/* The next request, in order; waits. The caller frees it with free(). What was packed before is
 * sent first. */
struct si_request *si_link_next(struct si_link *link);
/* The one that si_link_next will give, where it came together with those before it, else NULL. */
const struct si_request *si_link_peek(const struct si_link *link);

/* The buffer to pack into. `now`: send it all; else it may wait for more frames, or until
 * si_link_next or si_link_flush. */
struct si_buf *si_link_lock(struct si_link *link);
void si_link_unlock(struct si_link *link, bool now);

/* A fresh id for a frame that wants a REPLY or LENT, and the wait for that. */
uint64_t si_link_ask(struct si_link *link);
si_rc si_link_answer(struct si_link *link, uint64_t id);
/* The wait for LENT. *lent is the caller's on success; *error is set on failure. */
si_rc si_link_lent(struct si_link *link, uint64_t id, struct si_locked *lent,
                   struct si_error *error) SI_MUST_USE;

/* Sends what was packed. */
void si_link_flush(struct si_link *link);

/* A run of slots to fill, for `len` bytes or less: *room. Sends what was packed and waits while si
 * holds all of them. */
uint32_t si_link_run(struct si_link *link, uint64_t len, uint32_t *room);
/* The bytes of a run that si filled; NULL where the request lies about it. */
const void *si_link_bytes(const struct si_link *link, uint32_t slot, uint32_t len);
void *si_link_memory(const struct si_link *link, uint32_t slot);

bool si_link_cancelled(const struct si_link *link);

#endif
