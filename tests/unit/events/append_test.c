/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/events/append_test.c - events on their way from a record to a line of a file (R13,
 * R26): what they say, how they are chained, and what becomes of a line whose writing was cut off.
 */
#include "kit/base/hash.h"
#include "tests/unit/events/world.h"

static void a_record_says_who_did_what_where_and_how_it_went(void) {
  struct world world;
  struct si_error why = {0};
  struct si_buf record = SI_BUF(SI_EVENT_MAX);
  cJSON *json = NULL;
  world_begin(&world);
  si_error_set(&why, SI_E_REFUSED, "STACK_PRIVILEGED", "service web wants to be privileged");
  si_error_target(&why, "stack", "web");
  const struct si_event event = {
      .action = "project.create", .target = "blog", .operation = "op-1", .error = &why};
  CU_ASSERT_EQUAL_FATAL(si_event_record(&world.context, &event, &record), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_json_parse(record.data, record.len, &json, NULL), SI_OK);
  EXPECT_TEXT(si_json_str(json, "action"), "project.create");
  EXPECT_TEXT(si_json_str(json, "context"), "one");
  EXPECT_TEXT(si_json_str(json, "operation"), "op-1");
  EXPECT_TEXT(si_json_str(json, "severity"), "warning");
  EXPECT_TEXT(si_json_str(json, "source"), "cli");
  EXPECT_TEXT(si_json_str(json, "status"), "refused");
  EXPECT_TEXT(si_json_str(json, "target"), "blog");
  EXPECT_TEXT(si_json_str(si_json_get(json, "error"), "code"), "STACK_PRIVILEGED");
  EXPECT_TEXT(si_json_str(si_json_get(json, "error"), "target"), "web");
  const cJSON *actor = si_json_get(json, "actor");
  CU_ASSERT_EQUAL(si_json_int(actor, "uid", 0, UINT32_MAX, -1), (int64_t)getuid());
  CU_ASSERT_PTR_NOT_NULL(si_json_str(actor, "user"));
  CU_ASSERT_PTR_NOT_NULL(si_json_str(actor, "host"));
  CU_ASSERT_PTR_NOT_NULL(si_json_get(actor, "tty"));
  cJSON_Delete(json);
  si_buf_free(&record);
  world_end(&world);
}

static void what_looks_like_a_secret_is_in_no_record(void) {
  struct world world;
  struct si_error why = {0};
  struct si_buf record = SI_BUF(SI_EVENT_MAX);
  cJSON *fields = cJSON_CreateObject();
  world_begin(&world);
  cJSON_AddStringToObject(fields, "api_key", "canary-1");
  si_error_set(&why, SI_E_INVALID, "X", "cannot use db_password=canary-2 here");
  const struct si_event event = {.action = "secret.set", .fields = fields, .error = &why};
  CU_ASSERT_EQUAL_FATAL(si_event_record(&world.context, &event, &record), SI_OK);
  CU_ASSERT_PTR_NULL(strstr(record.data, "canary"));
  CU_ASSERT_PTR_NOT_NULL(strstr(record.data, "<redacted>"));
  cJSON_Delete(fields);
  si_buf_free(&record);
  world_end(&world);
}

static void fields_that_are_too_long_are_left_out_not_the_event(void) {
  static char text[SI_EVENT_MAX];
  struct world world;
  struct si_buf record = SI_BUF(SI_EVENT_MAX);
  cJSON *fields = cJSON_CreateObject();
  world_begin(&world);
  memset(text, 'x', sizeof text - 1);
  cJSON_AddStringToObject(fields, "text", text);
  const struct si_event event = {.action = "a", .fields = fields};
  CU_ASSERT_EQUAL_FATAL(si_event_record(&world.context, &event, &record), SI_OK);
  CU_ASSERT_PTR_NOT_NULL(strstr(record.data, "\"fields\":{\"left_out\":true}"));
  cJSON_Delete(fields);
  si_buf_free(&record);
  world_end(&world);
}

static void the_store_takes_no_record_that_is_not_one(void) {
  static const char *const records[] = {
      "[]", "{", "{\"seq\":1}", "{\"prev\":\"x\"}", "{\"hash\":\"x\"}", "{\"a\":1.5}", "",
  };
  struct world world;
  char hash[65];
  uint64_t seq = 9;
  world_begin(&world);
  for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
    const struct si_state_event both[] = {{"audit", "{}"}, {"audit", records[i]}};
    CU_ASSERT_NOT_EQUAL(si_state_events_add(world.state, both, 2, NULL), SI_OK);
  }
  const struct si_state_event stranger = {"gossip", "{}"};
  CU_ASSERT_NOT_EQUAL(si_state_events_add(world.state, &stranger, 1, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_state_event_head(world.state, "audit", &seq, hash, NULL), SI_OK);
  CU_ASSERT_EQUAL(seq, 0); /* nor the one before it, of the same transaction */
  CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 0);
  world_end(&world);
}

/* By hand, as docs and paas/state/event.h say it: another program can check it so. */
static void a_line_carries_the_hash_of_itself_and_of_the_line_before(void) {
  struct world world;
  struct si_buf text = {0};
  char genesis[65], hash[65], want[400];
  world_begin(&world);
  const struct si_state_event event = {"audit", "{\"b\":1,\"a\":\"x\"}"};
  CU_ASSERT_EQUAL_FATAL(si_state_events_add(world.state, &event, 1, NULL), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_events_flush(&world.context, world.state, NULL), SI_OK);
  static const char first[] = "si.events/1\n" CONTEXT_ID "\naudit\n";
  NEED(si_sha256_hex(first, sizeof first - 1, genesis) == SI_OK);
  int n = snprintf(want, sizeof want, "{\"a\":\"x\",\"b\":1,\"prev\":\"%s\",\"seq\":1}", genesis);
  NEED(si_sha256_hex(want, (size_t)n, hash) == SI_OK);
  snprintf(want, sizeof want, "{\"a\":\"x\",\"b\":1,\"hash\":\"%s\",\"prev\":\"%s\",\"seq\":1}\n",
           hash, genesis);
  world_read(&world, "audit", &text);
  EXPECT_TEXT(si_buf_text(&text), want);
  si_buf_free(&text);
  world_end(&world);
}

static void appended_lines_leave_the_store(void) {
  struct world world;
  struct si_events_fault fault;
  uint64_t counts[3] = {0};
  world_begin(&world);
  for (int i = 0; i < 5; i++) {
    CU_ASSERT_EQUAL(world_append(&world, i % 2 ? "alerts" : NULL, "a", NULL), SI_OK);
  }
  CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 0);
  CU_ASSERT_EQUAL(world_waiting(&world, "alerts"), 0);
  CU_ASSERT(world_verifies(&world, counts, &fault));
  CU_ASSERT_EQUAL(counts[0], 3);
  CU_ASSERT_EQUAL(counts[1], 0);
  CU_ASSERT_EQUAL(counts[2], 2);
  world_end(&world);
}

/* Whatever was written of them before the cut, whole lines or a part of one, the file holds each
 * once in the end. */
static void what_a_cut_off_append_wrote_is_completed_and_never_doubled(void) {
  struct world world;
  struct si_buf before = {0}, whole = {0}, now = {0};
  world_begin(&world);
  CU_ASSERT_EQUAL(world_append(&world, NULL, "first", NULL), SI_OK);
  world_read(&world, "audit", &before);
  for (int i = 0; i < 3; i++) {
    world_add(&world, "audit", "next");
  }
  /* What they are as lines, and how the store is before they are taken out of it: copied. */
  char command[256];
  snprintf(command, sizeof command, "%s/state.db", world.base);
  struct si_buf store = SI_BUF(64u << 20);
  NEED(si_read_file(AT_FDCWD, command, &store) == SI_OK);
  CU_ASSERT_EQUAL(si_events_flush(&world.context, world.state, NULL), SI_OK);
  world_read(&world, "audit", &whole);
  for (size_t len = before.len; len <= whole.len; len += len < whole.len - 1 ? 13 : 1) {
    si_state_close(world.state);
    int home = open(world.base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    NEED(home >= 0 && si_write_file(home, "state.db", store.data, store.len, 0600) == SI_OK);
    close(home);
    world.state = scratch_open(world.base, SI_STATE_WRITE);
    world_write(&world, "audit", whole.data, len);
    CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 3);
    struct si_events_fault fault;
    CU_ASSERT(world_verifies(&world, NULL, &fault)); /* what waits counts as written */
    CU_ASSERT_EQUAL(si_events_flush(&world.context, world.state, NULL), SI_OK);
    CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 0);
    si_buf_clear(&now);
    world_read(&world, "audit", &now);
    EXPECT_TEXT(si_buf_text(&now), si_buf_text(&whole));
  }
  si_buf_free(&store);
  si_buf_free(&before);
  si_buf_free(&whole);
  si_buf_free(&now);
  world_end(&world);
}

static size_t length_of_lines(const char *text, int lines) {
  const char *at = text;
  while (lines-- > 0) {
    at = strchr(at, '\n') + 1;
  }
  return (size_t)(at - text);
}

static void lines_that_the_store_has_forgotten_are_missed_not_mended(void) {
  struct world world;
  struct si_events_fault fault;
  struct si_buf text = {0};
  world_begin(&world);
  for (int i = 0; i < 4; i++) {
    CU_ASSERT_EQUAL(world_append(&world, NULL, "a", NULL), SI_OK);
  }
  world_read(&world, "audit", &text);
  world_write(&world, "audit", text.data, length_of_lines(text.data, 2));
  CU_ASSERT_EQUAL(world_append(&world, NULL, "after", NULL), SI_OK);
  CU_ASSERT(!world_verifies(&world, NULL, &fault));
  EXPECT_TEXT(fault.stream, "audit");
  CU_ASSERT_EQUAL(fault.line, 3);
  EXPECT_TEXT(fault.message, "line 3 holds event 5 where event 3 belongs");
  si_buf_free(&text);
  world_end(&world);
}

/* What ends the file and is none of ours; the next event is a line of its own behind it. */
static void an_append_joins_nothing_that_is_no_event(void) {
  static const char *const tails[] = {"junk", "{\"seq\":2}\n{\"seq\"", "\n\n", "{\"seq\":99}\n"};
  for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
    struct world world;
    struct si_events_fault fault;
    struct si_buf text = {0};
    world_begin(&world);
    CU_ASSERT_EQUAL(world_append(&world, NULL, "before", NULL), SI_OK);
    world_read(&world, "audit", &text);
    NEED(si_buf_puts(&text, tails[i]) == SI_OK);
    world_write(&world, "audit", text.data, text.len);
    size_t kept = text.len;
    CU_ASSERT_EQUAL(world_append(&world, NULL, "after", NULL), SI_OK);
    CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 0);
    si_buf_clear(&text);
    world_read(&world, "audit", &text);
    CU_ASSERT(strncmp(text.data + kept - strlen(tails[i]), tails[i], strlen(tails[i])) == 0);
    const char *last = strstr(text.data + kept, "{\"action\":\"after\"");
    CU_ASSERT_PTR_NOT_NULL_FATAL(last);
    CU_ASSERT_EQUAL(last[-1], '\n');
    CU_ASSERT(!world_verifies(&world, NULL, &fault));
    CU_ASSERT_EQUAL(fault.line, 2);
    si_buf_free(&text);
    world_end(&world);
  }
}

static void what_cannot_be_written_waits_and_is_no_failure(void) {
  struct world world;
  struct si_events_fault fault;
  struct si_error error = {0};
  char events[96], aside[96];
  uint64_t counts[3] = {0};
  world_begin(&world);
  CU_ASSERT_EQUAL(world_append(&world, NULL, "first", NULL), SI_OK);
  snprintf(events, sizeof events, "%s/events", world.base);
  snprintf(aside, sizeof aside, "%s/aside", world.base);
  NEED(rename(events, aside) == 0);
  scratch_file(world.base, "events", "no directory");
  CU_ASSERT_EQUAL(world_append(&world, NULL, "second", NULL), SI_OK);
  CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 1);
  CU_ASSERT_NOT_EQUAL(si_events_flush(&world.context, world.state, &error), SI_OK);
  EXPECT_TEXT(error.code, "EVENTS_IO");
  NEED(unlink(events) == 0 && rename(aside, events) == 0);
  CU_ASSERT_EQUAL(si_events_flush(&world.context, world.state, NULL), SI_OK);
  CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 0);
  CU_ASSERT(world_verifies(&world, counts, &fault));
  CU_ASSERT_EQUAL(counts[0], 2);
  world_end(&world);
}

static void a_link_in_the_place_of_a_file_is_not_followed(void) {
  struct world world;
  struct si_error error = {0};
  char path[128], other[96];
  struct stat st = {0};
  world_begin(&world);
  snprintf(other, sizeof other, "%s/other", world.base);
  scratch_file(world.base, "other", "");
  world_path(&world, "audit", path);
  NEED(symlink(other, path) == 0);
  CU_ASSERT_EQUAL(world_append(&world, NULL, "a", NULL), SI_OK);
  CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 1);
  CU_ASSERT_NOT_EQUAL(si_events_flush(&world.context, world.state, &error), SI_OK);
  NEED(stat(other, &st) == 0);
  CU_ASSERT_EQUAL(st.st_size, 0);
  NEED(unlink(path) == 0 && mkfifo(path, 0600) == 0);
  CU_ASSERT_EQUAL(si_events_flush(&world.context, world.state, &error), SI_E_REFUSED);
  EXPECT_TEXT(error.code, "EVENTS_NOT_A_FILE");
  world_end(&world);
}

/* More than a batch, and lines as long as they can be. */
static void many_and_long_lines_are_written_in_order(void) {
  static char text[100000];
  struct world world;
  struct si_events_fault fault;
  uint64_t counts[3] = {0};
  cJSON *fields = cJSON_CreateObject();
  struct si_buf record = SI_BUF(SI_EVENT_MAX);
  memset(text, 'x', sizeof text - 1);
  cJSON_AddStringToObject(fields, "text", text);
  world_begin(&world);
  const struct si_event event = {.action = "a", .fields = fields};
  NEED(si_event_record(&world.context, &event, &record) == SI_OK);
  for (int i = 0; i < 25; i++) {
    const struct si_state_event added = {"audit", record.data};
    NEED(si_state_events_add(world.state, &added, 1, NULL) == SI_OK);
  }
  CU_ASSERT_EQUAL(si_events_flush(&world.context, world.state, NULL), SI_OK);
  CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 0);
  CU_ASSERT(world_verifies(&world, counts, &fault));
  CU_ASSERT_EQUAL(counts[0], 25);
  cJSON_Delete(fields);
  si_buf_free(&record);
  world_end(&world);
}

/* --- events that ride in the transaction of what they tell of --- */

static si_rc tell_id(void *ctx, const struct si_operation *operation, struct si_buf *record,
                     struct si_error *error) {
  si_rc status = *(const si_rc *)ctx;
  return status == SI_OK ? si_buf_printf(record, "{\"operation\":\"%s\"}", operation->id)
                         : si_error_set(error, status, "EVENT_RECORD", "it cannot be told");
}

static void what_cannot_be_told_does_not_begin(void) {
  struct world world;
  struct si_project project = scratch_project("blog"), found = {.id = ""};
  struct si_operation operation = {.id = ""};
  struct si_error error = {0};
  char line[48];
  int lock = -1;
  si_rc answer = SI_E_NOMEM;
  const struct si_state_teller teller = {"deployments", tell_id, &answer};
  struct si_buf text = {0};
  world_begin(&world);
  CU_ASSERT_EQUAL(
      si_state_project_create(world.state, &project, &teller, &operation, &lock, &error),
      SI_E_NOMEM);
  EXPECT_TEXT(error.code, "EVENT_RECORD");
  CU_ASSERT_EQUAL(lock, -1);
  CU_ASSERT_EQUAL(si_state_project(world.state, "local", "blog", false, &found, NULL),
                  SI_E_NOT_FOUND);
  answer = SI_OK;
  CU_ASSERT_EQUAL(si_state_project_create(world.state, &project, &teller, &operation, &lock, NULL),
                  SI_OK);
  close(lock);
  CU_ASSERT_EQUAL(si_events_flush(&world.context, world.state, NULL), SI_OK);
  world_read(&world, "deployments", &text);
  snprintf(line, sizeof line, "%.47s", operation.id);
  CU_ASSERT_PTR_NOT_NULL(strstr(si_buf_text(&text), line));
  si_buf_free(&text);
  world_end(&world);
}

static void what_cannot_be_told_does_not_end(void) {
  static const struct si_state_event bad[] = {{"audit", "{}"}, {"audit", "no JSON"}};
  static const struct si_state_event good[] = {{"audit", "{}"}, {"deployments", "{}"}};
  struct world world;
  struct si_project project;
  struct si_operation operation, read = {.id = ""};
  int lock = -1;
  world_begin(&world);
  NEED(scratch_create(world.state, "blog", &project, &operation, &lock, NULL) == SI_OK);
  CU_ASSERT_NOT_EQUAL(
      si_state_operation_end(world.state, operation.id, "ok", NULL, NULL, bad, 2, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_state_operation(world.state, operation.id, &read, NULL), SI_OK);
  EXPECT_TEXT(read.status, "running");
  CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 0);
  CU_ASSERT_EQUAL(
      si_state_operation_end(world.state, operation.id, "ok", NULL, NULL, good, 2, NULL), SI_OK);
  CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 1);
  CU_ASSERT_EQUAL(world_waiting(&world, "deployments"), 1);
  CU_ASSERT_NOT_EQUAL(si_state_evidence(world.state, operation.id, "tenant/a", SPEC, &bad[1], NULL),
                      SI_OK);
  for (int i = 0; i < 2; i++) { /* the second time nothing new happens, and nothing is told */
    CU_ASSERT_EQUAL(si_state_evidence(world.state, operation.id, "tenant/a", SPEC, &good[0], NULL),
                    SI_OK);
    CU_ASSERT_EQUAL(world_waiting(&world, "audit"), 2);
  }
  si_operation_free(&read);
  close(lock);
  world_end(&world);
}

UNIT_MAIN("events append", UNIT(a_record_says_who_did_what_where_and_how_it_went),
          UNIT(what_looks_like_a_secret_is_in_no_record),
          UNIT(fields_that_are_too_long_are_left_out_not_the_event),
          UNIT(the_store_takes_no_record_that_is_not_one),
          UNIT(a_line_carries_the_hash_of_itself_and_of_the_line_before),
          UNIT(appended_lines_leave_the_store),
          UNIT(what_a_cut_off_append_wrote_is_completed_and_never_doubled),
          UNIT(lines_that_the_store_has_forgotten_are_missed_not_mended),
          UNIT(an_append_joins_nothing_that_is_no_event),
          UNIT(what_cannot_be_written_waits_and_is_no_failure),
          UNIT(a_link_in_the_place_of_a_file_is_not_followed),
          UNIT(many_and_long_lines_are_written_in_order), UNIT(what_cannot_be_told_does_not_begin),
          UNIT(what_cannot_be_told_does_not_end))
