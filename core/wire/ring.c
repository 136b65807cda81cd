/* SPDX-License-Identifier: Apache-2.0 */
#include "core/wire/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(SI_RING_HALF == 64, "a half's free slots are the bits of a word");

static const size_t ring_size = (size_t)SI_RING_SLOTS * SI_RING_SLOT;

static si_rc map(struct si_ring *ring, int fd, uint32_t first) {
  void *memory = mmap(NULL, ring_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    return si_status_of_errno(errno);
  }
  ring->memory = memory;
  ring->first = first;
  ring->free = UINT64_MAX;
  memset(ring->run, 0, sizeof ring->run);
  return SI_OK;
}

si_rc si_ring_create(struct si_ring *ring, int *fd) {
  int made = memfd_create("si-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  si_rc status = made >= 0 ? SI_OK : si_status_of_errno(errno);
  if (status == SI_OK && (ftruncate(made, (off_t)ring_size) != 0 ||
                          fcntl(made, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))) {
    status = si_status_of_errno(errno);
  }
  if (status == SI_OK) {
    status = map(ring, made, 0);
  }
  if (status != SI_OK) {
    if (made >= 0) {
      close(made);
    }
    return status;
  }
  *fd = made;
  return SI_OK;
}

si_rc si_ring_attach(struct si_ring *ring, int fd) {
  struct stat st;
  int seals = fcntl(fd, F_GET_SEALS);
  if (fstat(fd, &st) != 0 || seals < 0 || !(seals & F_SEAL_SHRINK) ||
      st.st_size != (off_t)ring_size) {
    return SI_E_CORRUPT;
  }
  return map(ring, fd, SI_RING_HALF);
}

void si_ring_free(struct si_ring *ring) {
  if (ring->memory) {
    munmap(ring->memory, ring_size);
    ring->memory = NULL;
  }
}

si_rc si_ring_take(struct si_ring *ring, uint32_t *slot) {
  uint32_t room;
  return si_ring_take_run(ring, 1, slot, &room);
}

/* How many neighbours from slot `at` are free, `most` at most. */
static uint32_t free_from(const struct si_ring *ring, uint32_t at, uint32_t most) {
  uint32_t count = 0;
  while (count < most && at + count < SI_RING_HALF && (ring->free >> (at + count) & 1)) {
    count++;
  }
  return count;
}

/* The lowest run that is long enough, else the longest: a short transfer touches, and pays for, few
 * pages. */
si_rc si_ring_take_run(struct si_ring *ring, uint64_t len, uint32_t *slot, uint32_t *room) {
  uint32_t want =
      len < SI_RING_RUN_BYTES ? (uint32_t)((len + SI_RING_SLOT - 1) / SI_RING_SLOT) : SI_RING_RUN;
  uint32_t best = 0, at = 0;
  want = want ? want : 1;
  for (uint32_t i = 0; best < want && i < SI_RING_HALF; i++) {
    uint32_t count = free_from(ring, i, want);
    if (count > best) {
      best = count;
      at = i;
    }
  }
  if (best == 0) {
    return SI_E_NOT_FOUND;
  }
  ring->free &= ~(((1ull << best) - 1) << at);
  ring->run[at] = (uint8_t)best;
  *slot = ring->first + at;
  *room = best * SI_RING_SLOT;
  return SI_OK;
}

si_rc si_ring_give(struct si_ring *ring, uint32_t slot) {
  if (slot < ring->first || slot - ring->first >= SI_RING_HALF ||
      ring->run[slot - ring->first] == 0) {
    return SI_E_CORRUPT;
  }
  uint32_t at = slot - ring->first;
  ring->free |= ((1ull << ring->run[at]) - 1) << at;
  ring->run[at] = 0;
  return SI_OK;
}

void *si_ring_slot(const struct si_ring *ring, uint32_t slot) {
  return ring->memory + (size_t)slot * SI_RING_SLOT;
}

int si_ring_theirs(const struct si_ring *ring, uint32_t slot, uint32_t len) {
  uint32_t first = ring->first == 0 ? SI_RING_HALF : 0;
  if (slot < first || slot - first >= SI_RING_HALF || len > SI_RING_RUN_BYTES) {
    return 0;
  }
  return len <= (first + SI_RING_HALF - slot) * SI_RING_SLOT;
}
