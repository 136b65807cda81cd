/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/events/world.h - what the tests of events share: a context with a store in a scratch
 * directory, its files as texts, and events to append. Depends on CUnit and paas/events.
 */
#ifndef SI_TESTS_UNIT_EVENTS_WORLD_H
#define SI_TESTS_UNIT_EVENTS_WORLD_H

#include "paas/events/events.h"
#include "tests/unit/state/scratch.h"

struct world {
  char base[64];
  struct si_context context;
  struct si_state *state;
};

static inline void world_begin(struct world *world) {
  char events[96];
  memset(world, 0, sizeof *world);
  scratch_make(world->base);
  si_copy(world->context.dir, sizeof world->context.dir, world->base);
  si_copy(world->context.name, sizeof world->context.name, "one");
  si_copy(world->context.id, sizeof world->context.id, CONTEXT_ID);
  snprintf(events, sizeof events, "%s/events", world->base);
  NEED(mkdir(events, 0700) == 0);
  world->state = scratch_open(world->base, SI_STATE_WRITE);
}

static inline void world_end(struct world *world) {
  si_state_close(world->state);
  scratch_remove(world->base);
}

static inline void world_path(const struct world *world, const char *stream, char to[128]) {
  snprintf(to, 128, "%s/events/%s.jsonl", world->base, stream);
}

/* The file's text, or "" where there is none; appended to *out. */
static inline void world_read(const struct world *world, const char *stream, struct si_buf *out) {
  char path[128];
  world_path(world, stream, path);
  out->max = 64u << 20;
  NEED(access(path, F_OK) != 0 || si_read_file(AT_FDCWD, path, out) == SI_OK);
}

static inline void world_write(const struct world *world, const char *stream, const char *text,
                               size_t len) {
  char path[128];
  world_path(world, stream, path);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  NEED(fd >= 0 && si_write_all(fd, text, len) == 0);
  close(fd);
}

static inline si_rc world_append(const struct world *world, const char *stream, const char *action,
                                 const char *status) {
  const struct si_event event = {.stream = stream, .action = action, .status = status};
  struct si_error error = {0};
  si_rc done = si_events_append(&world->context, world->state, &event, &error);
  if (done != SI_OK) {
    printf("\ncannot append: %s: %s\n", error.code, error.message);
  }
  return done;
}

/* Into the store alone. */
static inline void world_add(const struct world *world, const char *stream, const char *action) {
  const struct si_event event = {.action = action};
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  NEED(si_event_record(&world->context, &event, &record) == SI_OK);
  const struct si_state_event added = {stream, record.data};
  NEED(si_state_events_add(world->state, &added, 1, NULL) == SI_OK);
}

static inline si_rc world_wait_one(void *ctx, uint64_t seq, const char *line) {
  (void)seq, (void)line;
  ++*(size_t *)ctx;
  return SI_OK;
}

/* How many lines of the stream wait in the store. */
static inline size_t world_waiting(const struct world *world, const char *stream) {
  size_t count = 0;
  NEED(si_state_events_waiting(world->state, stream, 0, &count, world_wait_one, NULL) == SI_OK);
  return count;
}

/* True where all is well; what is not is printed, and stands in *fault. */
static inline bool world_verifies(const struct world *world, uint64_t counts[3],
                                  struct si_events_fault *fault) {
  struct si_error error = {0};
  memset(fault, 0, sizeof *fault);
  si_rc status = si_events_verify(&world->context, world->state, counts, fault, &error);
  if (status != SI_OK) {
    CU_ASSERT_EQUAL(status, SI_E_CORRUPT);
    EXPECT_TEXT(error.code, "EVENTS_TAMPERED");
  }
  return status == SI_OK;
}

#endif
