/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/events/crash_test.c - writers that are killed and writers that race: no event that was
 * acknowledged is lost, none stands twice, and the chain is whole after the next append (R26).
 */
#include "tests/unit/events/world.h"
#include "tests/unit/sweep.h"

struct writer {
  const struct world *world;
  int acks; /* a byte for every event that was acknowledged */
  int events;
};

static int append_some(void *ctx) {
  const struct writer *writer = ctx;
  struct world own = *writer->world;
  if (si_state_open(own.base, CONTEXT_ID, SI_STATE_WRITE, &own.state, NULL) != SI_OK) {
    return 1;
  }
  for (int i = 0; i < writer->events; i++) {
    if (world_append(&own, NULL, "a", NULL) != SI_OK) {
      return 2;
    }
    if (writer->acks >= 0 && write(writer->acks, "x", 1) != 1) {
      return 3;
    }
  }
  si_state_close(own.state);
  return 0;
}

static void a_writer_killed_at_any_system_call_loses_and_doubles_nothing(void) {
  struct world world;
  bool killed = true;
  unsigned rounds = 0;
  uint64_t acknowledged = 0, last = 0;
  world_begin(&world);
  si_state_close(world.state);
  for (unsigned nth = sweep_first(2); killed && nth < 4000; nth += sweep_step(2), rounds++) {
    char acks[16];
    int ends[2];
    uint64_t counts[3] = {0};
    struct si_events_fault fault;
    NEED(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    struct writer writer = {&world, ends[1], 2};
    killed = killed_at(nth, append_some, &writer);
    ssize_t n = read(ends[0], acks, sizeof acks);
    acknowledged += n > 0 ? (uint64_t)n : 0;
    close(ends[0]);
    close(ends[1]);
    world.state = scratch_open(world.base, SI_STATE_WRITE);
    CU_ASSERT(world_verifies(&world, counts, &fault));
    CU_ASSERT(counts[0] >= acknowledged);
    CU_ASSERT(counts[0] >= last && counts[0] <= last + 2);
    last = counts[0];
    if (rounds % 2) { /* else the next writer finds what this one left */
      CU_ASSERT_EQUAL(si_events_flush(&world.context, world.state, NULL), SI_OK);
      CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 0);
      CU_ASSERT(world_verifies(&world, counts, &fault));
    }
    si_state_close(world.state);
  }
  CU_ASSERT(!killed);
  CU_ASSERT(rounds >= sweep_least(50));
  world.state = scratch_open(world.base, SI_STATE_WRITE);
  world_end(&world);
}

static void of_writers_at_once_each_event_has_a_place(void) {
  enum { WRITERS = 4, EACH = 25 };
  struct world world;
  pid_t children[WRITERS];
  struct si_events_fault fault;
  uint64_t counts[3] = {0};
  world_begin(&world);
  for (size_t i = 0; i < WRITERS; i++) {
    children[i] = fork();
    NEED(children[i] >= 0);
    if (children[i] == 0) {
      struct writer writer = {&world, -1, EACH};
      _exit(append_some(&writer));
    }
  }
  /* Whoever looks meanwhile finds a chain that is whole. */
  for (int i = 0; i < 10; i++) {
    CU_ASSERT(world_verifies(&world, counts, &fault));
    usleep(5000);
  }
  for (size_t i = 0; i < WRITERS; i++) {
    int status = 0;
    NEED(waitpid(children[i], &status, 0) == children[i]);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  CU_ASSERT(world_verifies(&world, counts, &fault));
  CU_ASSERT_EQUAL(counts[0], WRITERS * EACH);
  CU_ASSERT_EQUAL(si_events_flush(&world.context, world.state, NULL), SI_OK);
  CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 0);
  world_end(&world);
}

/* Before the first event there is nothing to lock: who looks just then sees no half of it. */
static void the_first_event_of_all_is_no_tampering(void) {
  for (int round = 0; round < 60; round++) {
    struct world world;
    struct si_events_fault fault;
    uint64_t counts[3] = {0};
    int status = 0;
    world_begin(&world);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
      struct writer writer = {&world, -1, 2};
      _exit(append_some(&writer));
    }
    while (counts[0] < 2) {
      bool whole = world_verifies(&world, counts, &fault);
      CU_ASSERT(whole);
      if (!whole) {
        break;
      }
    }
    NEED(waitpid(child, &status, 0) == child);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    world_end(&world);
  }
}

UNIT_MAIN("events crash", UNIT(the_first_event_of_all_is_no_tampering),
          UNIT(a_writer_killed_at_any_system_call_loses_and_doubles_nothing),
          UNIT(of_writers_at_once_each_event_has_a_place))
