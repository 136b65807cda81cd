/* SPDX-License-Identifier: Apache-2.0 */
/* core/wire/ring.h: slots are lent once and given back once, and only a memory of ours is mapped.
 * R74. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "core/wire/ring.h"
#include "kit/base/path.h"
#include "tests/unit/unit.h"

static void bytes_cross_both_ways(void) {
  struct si_ring ours = {0}, theirs = {0};
  int fd SI_AUTO(si_close) = -1;
  uint32_t there, back;
  CU_ASSERT_EQUAL_FATAL(si_ring_create(&ours, &fd), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_ring_attach(&theirs, fd), SI_OK);
  CU_ASSERT_EQUAL(si_ring_take(&ours, &there), SI_OK);
  CU_ASSERT_EQUAL(si_ring_take(&theirs, &back), SI_OK);
  CU_ASSERT_NOT_EQUAL(there, back);
  memset(si_ring_slot(&ours, there), 'a', SI_RING_SLOT);
  memset(si_ring_slot(&theirs, back), 'b', SI_RING_SLOT);
  CU_ASSERT_EQUAL(((char *)si_ring_slot(&theirs, there))[SI_RING_SLOT - 1], 'a');
  CU_ASSERT_EQUAL(((char *)si_ring_slot(&ours, back))[0], 'b');
  CU_ASSERT(si_ring_theirs(&theirs, there, SI_RING_SLOT));
  CU_ASSERT(si_ring_theirs(&ours, back, SI_RING_SLOT));
  si_ring_free(&ours);
  si_ring_free(&theirs);
}

static void every_slot_of_a_half_is_lent_once(void) {
  struct si_ring ring = {0};
  int fd SI_AUTO(si_close) = -1;
  bool seen[SI_RING_SLOTS] = {false};
  uint32_t slot;
  CU_ASSERT_EQUAL_FATAL(si_ring_create(&ring, &fd), SI_OK);
  for (int i = 0; i < SI_RING_HALF; i++) {
    CU_ASSERT_EQUAL_FATAL(si_ring_take(&ring, &slot), SI_OK);
    CU_ASSERT(slot < SI_RING_HALF && !seen[slot]);
    seen[slot] = true;
  }
  CU_ASSERT_EQUAL(si_ring_take(&ring, &slot), SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(si_ring_give(&ring, 7), SI_OK);
  CU_ASSERT_EQUAL(si_ring_take(&ring, &slot), SI_OK);
  CU_ASSERT_EQUAL(slot, 7);
  si_ring_free(&ring);
}

static void what_was_not_lent_cannot_be_given_back(void) {
  struct si_ring ours = {0}, theirs = {0};
  int fd SI_AUTO(si_close) = -1;
  uint32_t a, b, c;
  CU_ASSERT_EQUAL_FATAL(si_ring_create(&ours, &fd), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_ring_attach(&theirs, fd), SI_OK);
  CU_ASSERT_EQUAL(si_ring_give(&ours, 0), SI_E_CORRUPT); /* nothing was lent */
  CU_ASSERT_EQUAL(si_ring_take(&ours, &a), SI_OK);
  CU_ASSERT_EQUAL(si_ring_take(&ours, &b), SI_OK);
  CU_ASSERT_EQUAL(si_ring_take(&theirs, &c), SI_OK);
  CU_ASSERT_EQUAL(si_ring_give(&ours, a), SI_OK);
  CU_ASSERT_EQUAL(si_ring_give(&ours, a), SI_E_CORRUPT); /* twice */
  CU_ASSERT_EQUAL(si_ring_give(&ours, c), SI_E_CORRUPT); /* of the other half */
  CU_ASSERT_EQUAL(si_ring_give(&theirs, b), SI_E_CORRUPT);
  CU_ASSERT_EQUAL(si_ring_give(&ours, SI_RING_SLOTS), SI_E_CORRUPT);
  CU_ASSERT_EQUAL(si_ring_give(&ours, UINT32_MAX), SI_E_CORRUPT);
  CU_ASSERT_EQUAL(si_ring_give(&ours, b), SI_OK);
  si_ring_free(&ours);
  si_ring_free(&theirs);
}

static void a_run_is_as_long_as_its_bytes_and_as_what_is_free(void) {
  struct si_ring ring = {0};
  int fd SI_AUTO(si_close) = -1;
  uint32_t slot, room, last = 0;
  CU_ASSERT_EQUAL_FATAL(si_ring_create(&ring, &fd), SI_OK);
  static const struct {
    uint64_t len;
    uint32_t slot, room;
  } cases[] = {
      {0, 0, SI_RING_SLOT},
      {1, 1, SI_RING_SLOT},
      {SI_RING_SLOT, 2, SI_RING_SLOT},
      {SI_RING_SLOT + 1, 3, 2 * SI_RING_SLOT},
      {UINT64_MAX, 5, SI_RING_RUN_BYTES},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CU_ASSERT_EQUAL(si_ring_take_run(&ring, cases[i].len, &slot, &room), SI_OK);
    CU_ASSERT_EQUAL(slot, cases[i].slot);
    CU_ASSERT_EQUAL(room, cases[i].room);
  }
  CU_ASSERT_EQUAL(si_ring_give(&ring, 4), SI_E_CORRUPT); /* in the middle of one */
  CU_ASSERT_EQUAL(si_ring_give(&ring, 3), SI_OK);        /* of two: a longer one does not fit */
  while (si_ring_take_run(&ring, UINT64_MAX, &slot, &room) == SI_OK) {
    CU_ASSERT(slot != last && room > 0);
    last = slot;
  }
  CU_ASSERT_EQUAL(last, 3); /* the hole, once nothing longer was left */
  CU_ASSERT_EQUAL(room, 2 * SI_RING_SLOT);
  CU_ASSERT_EQUAL(ring.free, 0);
  si_ring_free(&ring);
}

static void a_slot_outside_the_other_half_is_not_theirs(void) {
  struct si_ring ring = {0};
  int fd SI_AUTO(si_close) = -1;
  CU_ASSERT_EQUAL_FATAL(si_ring_create(&ring, &fd), SI_OK);
  static const struct {
    uint32_t slot, len;
    int is;
  } cases[] = {
      {SI_RING_HALF, 0, 1},
      {SI_RING_SLOTS - 1, SI_RING_SLOT, 1},
      {SI_RING_HALF - 1, 1, 0},
      {0, 1, 0},
      {SI_RING_SLOTS, 1, 0},
      {UINT32_MAX, 1, 0},
      {SI_RING_HALF, SI_RING_RUN_BYTES, 1},
      {SI_RING_HALF, SI_RING_RUN_BYTES + 1, 0},
      {SI_RING_SLOTS - 1, SI_RING_SLOT + 1, 0}, /* beyond the memory's end */
      {SI_RING_SLOTS - 2, 2 * SI_RING_SLOT, 1},
      {SI_RING_HALF, UINT32_MAX, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CU_ASSERT_EQUAL(si_ring_theirs(&ring, cases[i].slot, cases[i].len), cases[i].is);
  }
  si_ring_free(&ring);
}

/* A memory that could shrink would end the reader with SIGBUS. */
static void only_a_sealed_memory_of_the_right_size_is_attached(void) {
  const off_t right = (off_t)SI_RING_SLOTS * SI_RING_SLOT;
  static const struct {
    const char *what;
    off_t more;
    int seals;
    si_rc status;
  } cases[] = {
      {"right", 0, F_SEAL_SHRINK, SI_OK},
      {"not sealed", 0, 0, SI_E_CORRUPT},
      {"sealed against growing alone", 0, F_SEAL_GROW, SI_E_CORRUPT},
      {"too short", -1, F_SEAL_SHRINK, SI_E_CORRUPT},
      {"too long", 1, F_SEAL_SHRINK, SI_E_CORRUPT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_ring ring = {0};
    int fd SI_AUTO(si_close) = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CU_ASSERT_FATAL(fd >= 0 && ftruncate(fd, right + cases[i].more) == 0 &&
                    fcntl(fd, F_ADD_SEALS, cases[i].seals) == 0);
    si_rc status = si_ring_attach(&ring, fd);
    if (status != cases[i].status) {
      printf("  memory: %s\n", cases[i].what);
      CU_FAIL("the wrong memory was attached, or the right one refused");
    }
    si_ring_free(&ring);
  }
  struct si_ring ring = {0};
  int null SI_AUTO(si_close) = open("/dev/null", O_RDWR | O_CLOEXEC);
  CU_ASSERT_EQUAL(si_ring_attach(&ring, null), SI_E_CORRUPT);
  CU_ASSERT_EQUAL(si_ring_attach(&ring, -1), SI_E_CORRUPT);
}

static void ours_can_neither_shrink_nor_grow(void) {
  struct si_ring ring = {0};
  int fd SI_AUTO(si_close) = -1;
  CU_ASSERT_EQUAL_FATAL(si_ring_create(&ring, &fd), SI_OK);
  CU_ASSERT_NOT_EQUAL(ftruncate(fd, 4096), 0);
  CU_ASSERT_NOT_EQUAL(ftruncate(fd, (off_t)SI_RING_SLOTS * SI_RING_SLOT * 2), 0);
  CU_ASSERT_NOT_EQUAL(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
  si_ring_free(&ring);
}

UNIT_MAIN("wire ring", UNIT(bytes_cross_both_ways), UNIT(every_slot_of_a_half_is_lent_once),
          UNIT(what_was_not_lent_cannot_be_given_back),
          UNIT(a_run_is_as_long_as_its_bytes_and_as_what_is_free),
          UNIT(a_slot_outside_the_other_half_is_not_theirs),
          UNIT(only_a_sealed_memory_of_the_right_size_is_attached),
          UNIT(ours_can_neither_shrink_nor_grow))
