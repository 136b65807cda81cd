/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/wire/ring.h - the shared memory that bulk bytes cross: SI_RING_SLOTS slots of SI_RING_SLOT
 * bytes in a sealed memfd. Slots below SI_RING_SLOTS / 2 carry bytes from si to si-host, the others
 * the reverse. They are lent in runs of one to SI_RING_RUN neighbours, so that a small object costs
 * one slot and a large one travels in long pieces; a run is told by its first slot. Whoever fills a
 * run owns it until the other end gives it back by a frame. Depends on Linux memfd. A free list
 * belongs to one thread, or is locked by its user.
 *
 * The other end can change a slot at any time: read a byte once, and judge what was read.
 */
#ifndef SI_CORE_WIRE_RING_H
#define SI_CORE_WIRE_RING_H

#include <stdint.h>

#include "kit/base/error.h"

enum {
  SI_RING_SLOTS = 128,
  SI_RING_SLOT = 64 * 1024, /* a multiple of any page and disk block */
  SI_RING_HALF = SI_RING_SLOTS / 2,
  SI_RING_RUN = 16, /* slots of a run, at most */
  SI_RING_RUN_BYTES = SI_RING_RUN * SI_RING_SLOT
};

struct si_ring {
  unsigned char *memory;
  uint32_t first;            /* of the half this end fills */
  uint64_t free;             /* a bit for each slot that this end may fill */
  uint8_t run[SI_RING_HALF]; /* of each slot that begins a run lent to the other end: its length */
};

/* si's end: makes the memory; *fd is to be inherited by si-host, then closed. */
si_rc si_ring_create(struct si_ring *ring, int *fd) SI_MUST_USE;
/* si-host's end. Refuses a descriptor of another size or one that can shrink. */
si_rc si_ring_attach(struct si_ring *ring, int fd) SI_MUST_USE;
void si_ring_free(struct si_ring *ring);

/* A slot to fill, or SI_E_NOT_FOUND while the other end holds all of them. */
si_rc si_ring_take(struct si_ring *ring, uint32_t *slot) SI_MUST_USE;
/* The same for a run that holds `len` bytes, or the longest there is; *room is what it holds. */
si_rc si_ring_take_run(struct si_ring *ring, uint64_t len, uint32_t *slot,
                       uint32_t *room) SI_MUST_USE;
/* The other end gave the run that begins at `slot` back; SI_E_CORRUPT where none was lent. */
si_rc si_ring_give(struct si_ring *ring, uint32_t slot) SI_MUST_USE;
void *si_ring_slot(const struct si_ring *ring, uint32_t slot);
/* Does a run of the other end's half, with that many bytes, exist? */
int si_ring_theirs(const struct si_ring *ring, uint32_t slot, uint32_t len);

#endif
