/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest that an audit chain tells of (R50): found there, and only in a chain that is whole. */
#include "paas/events/anchor.h"
#include "tests/unit/events/world.h"
#include "tests/unit/unit.h"

#define TOLD "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FAILED "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define UNTOLD "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static void tell(const struct world *world, const char *action, const char *manifest,
                 const char *status) {
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  NEED(cJSON_AddStringToObject(fields, "manifest_sha256", manifest) != NULL);
  const struct si_event event = {.action = action, .status = status, .fields = fields};
  NEED(si_events_append(&world->context, world->state, &event, NULL) == SI_OK);
}

static void fill(struct world *world) {
  world_begin(world);
  NEED(world_append(world, "audit", "project.create", NULL) == SI_OK);
  tell(world, "runpack.copy", UNTOLD, NULL);
  tell(world, "evidence.store", TOLD, NULL);
  tell(world, "evidence.store", FAILED, "failed");
  NEED(world_append(world, "audit", "project.delete", NULL) == SI_OK);
}

/* Asks the context itself, or a copy of its file. */
static si_rc ask(const struct world *world, bool copy, const char *manifest, bool *found,
                 struct si_error *error) {
  char path[128];
  world_path(world, "audit", path);
  return copy ? si_events_anchored_in(path, manifest, found, error)
              : si_events_anchored(&world->context, world->state, manifest, found, error);
}

static void what_was_told_is_found(void) {
  struct world world;
  fill(&world);
  for (int copy = 0; copy < 2; copy++) {
    bool found = false;
    CU_ASSERT_EQUAL(ask(&world, copy, TOLD, &found, NULL), SI_OK);
    CU_ASSERT_TRUE(found);
    CU_ASSERT_EQUAL(ask(&world, copy, FAILED, &found, NULL), SI_OK);
    CU_ASSERT_FALSE(found);
    CU_ASSERT_EQUAL(ask(&world, copy, UNTOLD, &found, NULL), SI_OK);
    CU_ASSERT_FALSE(found);
  }
  world_end(&world);
}

static void expect_tampered(const struct world *world, bool copy) {
  struct si_error error = {.status = SI_OK};
  bool found = true;
  CU_ASSERT_EQUAL(ask(world, copy, TOLD, &found, &error), SI_E_CORRUPT);
  EXPECT_TEXT(error.code, "EVENTS_TAMPERED");
  CU_ASSERT_FALSE(found);
}

static void a_chain_that_was_touched_anchors_nothing(void) {
  struct world world;
  struct si_buf text = {0};
  fill(&world);
  world_read(&world, "audit", &text);
  char *last = strstr(text.data, "project.delete");
  NEED(last != NULL);
  last[0] = 'P';
  world_write(&world, "audit", text.data, text.len);
  expect_tampered(&world, false);
  expect_tampered(&world, true);
  last[0] = 'p';
  /* Cut within a line: seen by both; at its end: by the store alone. */
  world_write(&world, "audit", text.data, text.len - 10);
  expect_tampered(&world, true);
  char *line = strrchr(text.data, '{');
  while (line > text.data && line[-1] != '\n') {
    line--;
  }
  world_write(&world, "audit", text.data, (size_t)(line - text.data));
  bool found = false;
  CU_ASSERT_EQUAL(ask(&world, true, TOLD, &found, NULL), SI_OK);
  CU_ASSERT_TRUE(found);
  expect_tampered(&world, false);
  si_buf_free(&text);
  world_end(&world);
}

static void a_copy_that_is_no_chain_is_refused(void) {
  struct world world;
  struct si_error error = {.status = SI_OK};
  bool found;
  fill(&world);
  world_write(&world, "audit", "hello\n", 6);
  expect_tampered(&world, true);
  CU_ASSERT_EQUAL(si_events_anchored_in("/nowhere/audit.jsonl", TOLD, &found, &error),
                  SI_E_NOT_FOUND);
  EXPECT_TEXT(error.code, "EVENTS_IO");
  CU_ASSERT_EQUAL(si_events_anchored_in("/dev", TOLD, &found, &error), SI_E_IO);
  world_end(&world);
}

UNIT_MAIN("events/anchor", UNIT(what_was_told_is_found),
          UNIT(a_chain_that_was_touched_anchors_nothing), UNIT(a_copy_that_is_no_chain_is_refused))
