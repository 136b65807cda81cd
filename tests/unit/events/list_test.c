/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/events/list_test.c - the newest events are found from the files' ends, merged by time
 * and filtered (R24), and followed as they come.
 */
#include "tests/unit/events/world.h"

/* A line as list reads it, whatever its chain. */
static void write_event(struct si_buf *to, int seq, const char *at, const char *severity,
                        const char *status, size_t padding) {
  NEED(si_buf_printf(to,
                     "{\"at\":\"%s\",\"fields\":{\"pad\":\"%0*d\"},\"seq\":%d,\"severity\":\"%s\","
                     "\"status\":\"%s\"}\n",
                     at, (int)padding, 0, seq, severity, status) == SI_OK);
}

struct seen {
  char text[4096]; /* "audit 3, alerts 1, " */
  size_t count;
  size_t stop; /* end the listing after so many; 0: never */
};

static si_rc see(void *ctx, const char *stream, const cJSON *event) {
  struct seen *seen = ctx;
  size_t len = strlen(seen->text);
  snprintf(seen->text + len, sizeof seen->text - len, "%s%.2s%d", len ? " " : "", stream,
           (int)si_json_int(event, "seq", 0, 1000000, -1));
  return ++seen->count == seen->stop ? SI_E_CANCELLED : SI_OK;
}

static void expect_list(const struct world *world, const struct si_events_filter *filter,
                        const char *expected) {
  struct seen seen = {.text = ""};
  CU_ASSERT_EQUAL(si_events_list(&world->context, filter, &seen, see, NULL), SI_OK);
  EXPECT_TEXT(seen.text, expected);
}

static void fill(const struct world *world) {
  struct si_buf audit = SI_BUF(1 << 20), deployments = SI_BUF(1 << 20), alerts = SI_BUF(1 << 20);
  write_event(&audit, 1, "2026-11-20T10:00:00.000Z", "info", "ok", 0);
  write_event(&audit, 2, "2026-11-20T10:00:03.000Z", "warning", "failed", 0);
  write_event(&audit, 3, "2026-11-20T10:00:05.000Z", "info", "ok", 0);
  write_event(&deployments, 1, "2026-11-20T10:00:01.000Z", "info", "started", 0);
  write_event(&deployments, 2, "2026-11-20T10:00:04.000Z", "critical", "failed", 0);
  write_event(&alerts, 1, "2026-11-20T10:00:02.000Z", "critical", "ok", 0);
  world_write(world, "audit", audit.data, audit.len);
  world_write(world, "deployments", deployments.data, deployments.len);
  world_write(world, "alerts", alerts.data, alerts.len);
  si_buf_free(&audit);
  si_buf_free(&deployments);
  si_buf_free(&alerts);
}

static void the_newest_that_fit_come_first_from_all_streams(void) {
  int64_t since = 0;
  NEED(si_time_parse("2026-11-20T10:00:03.000Z", &since) == SI_OK);
  const struct {
    struct si_events_filter filter;
    const char *expected;
  } cases[] = {
      {{.limit = 0}, "au3 de2 au2 al1 de1 au1"},
      {{.limit = 3}, "au3 de2 au2"},
      {{.stream = "audit"}, "au3 au2 au1"},
      {{.stream = "audit", .limit = 1}, "au3"},
      {{.severity = "warning"}, "de2 au2 al1"},
      {{.severity = "critical"}, "de2 al1"},
      {{.severity = "info"}, "au3 de2 au2 al1 de1 au1"},
      {{.status = "failed"}, "de2 au2"},
      {{.status = "fail"}, ""},
      {{.status = "a \"quoted\" one"}, ""},
      {{.since_ms = since}, "au3 de2 au2"},
      {{.since_ms = since, .status = "ok", .limit = 1}, "au3"},
      {{.severity = "critical", .stream = "audit"}, ""},
  };
  struct world world;
  world_begin(&world);
  expect_list(&world, &cases[0].filter, ""); /* no file yet */
  fill(&world);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    expect_list(&world, &cases[i].filter, cases[i].expected);
  }
  world_end(&world);
}

static void a_filter_of_unknown_words_is_refused(void) {
  static const struct si_events_filter bad[] = {{.stream = "gossip"}, {.severity = "dire"}};
  struct world world;
  world_begin(&world);
  for (size_t i = 0; i < 2; i++) {
    struct seen seen = {.text = ""};
    struct si_error error = {0};
    CU_ASSERT_EQUAL(si_events_list(&world.context, &bad[i], &seen, see, &error), SI_E_INVALID);
    EXPECT_TEXT(error.code, "PAAS_INVALID_ARGUMENT");
  }
  world_end(&world);
}

static void who_has_seen_enough_ends_the_listing(void) {
  struct world world;
  struct seen seen = {.text = "", .stop = 2};
  const struct si_events_filter all = {.limit = 50};
  world_begin(&world);
  fill(&world);
  CU_ASSERT_EQUAL(si_events_list(&world.context, &all, &seen, see, NULL), SI_E_CANCELLED);
  EXPECT_TEXT(seen.text, "au3 de2");
  world_end(&world);
}

/* Lines of every length around the size of a block, read to the first one. */
static void lines_that_cross_blocks_are_found_whole(void) {
  static const size_t lengths[] = {1, 65400, 65536, 65300, 131072, 7, 65437, 130000};
  enum { LINES = 300, KINDS = sizeof lengths / sizeof *lengths };
  struct world world;
  struct si_buf text = SI_BUF(64u << 20);
  struct seen seen = {.text = ""};
  const struct si_events_filter all = {.limit = LINES * 2};
  world_begin(&world);
  for (int i = 1; i <= LINES; i++) {
    write_event(&text, i, "2026-11-20T10:00:00.000Z", "info", "ok",
                i % 5 ? 1 + (size_t)i : lengths[(size_t)(i / 5) % KINDS]);
  }
  world_write(&world, "audit", text.data, text.len);
  CU_ASSERT_EQUAL(si_events_list(&world.context, &all, &seen, see, NULL), SI_OK);
  CU_ASSERT_EQUAL(seen.count, LINES);
  CU_ASSERT(strncmp(seen.text, "au300 au299 ", 12) == 0);
  si_buf_free(&text);
  world_end(&world);
}

static void what_is_no_event_is_passed_over_and_counted(void) {
  struct world world;
  struct si_buf text = SI_BUF(1 << 20);
  uint64_t unreadable = 0;
  const struct si_events_filter all = {.unreadable = &unreadable};
  world_begin(&world);
  write_event(&text, 1, "2026-11-20T10:00:00.000Z", "info", "ok", 0);
  NEED(si_buf_puts(&text, "junk\n[]\n\n") == SI_OK);
  write_event(&text, 2, "2026-11-20T10:00:01.000Z", "info", "ok", 0);
  NEED(si_buf_puts(&text, "{\"seq\":3,\"at\":\"cut o") == SI_OK);
  world_write(&world, "audit", text.data, text.len);
  expect_list(&world, &all, "au2 au1");
  CU_ASSERT_EQUAL(unreadable, 3);
  si_buf_free(&text);
  world_end(&world);
}

static void a_line_without_an_end_is_said(void) {
  static char endless[400000];
  struct world world;
  struct seen seen = {.text = ""};
  struct si_error error = {0};
  const struct si_events_filter all = {.limit = 1};
  world_begin(&world);
  memset(endless, 'x', sizeof endless);
  endless[sizeof endless - 1] = '\n';
  world_write(&world, "audit", endless, sizeof endless);
  CU_ASSERT_EQUAL(si_events_list(&world.context, &all, &seen, see, &error), SI_E_CORRUPT);
  EXPECT_TEXT(error.code, "EVENTS_TAMPERED");
  world_end(&world);
}

/* --- following --- */

struct follower {
  const struct world *world;
  struct seen seen;
  int stop; /* written to once all that is expected was seen */
};

/* Each event seen makes the next one happen, so nothing is waited for that will not come. */
static si_rc see_and_act(void *ctx, const char *stream, const cJSON *event) {
  struct follower *follower = ctx;
  si_rc status = see(&follower->seen, stream, event);
  switch (follower->seen.count) {
    case 2: CU_ASSERT_EQUAL(world_append(follower->world, NULL, "c", NULL), SI_OK); break;
    case 3: CU_ASSERT_EQUAL(world_append(follower->world, "alerts", "d", NULL), SI_OK); break;
    case 4: CU_ASSERT_EQUAL(write(follower->stop, "x", 1), 1); break;
    default: break;
  }
  return status;
}

static void a_follower_sees_what_was_and_then_what_comes_once(void) {
  struct world world;
  int stop[2];
  const struct si_events_filter filter = {.limit = 2};
  world_begin(&world);
  NEED(pipe2(stop, O_CLOEXEC) == 0);
  for (int i = 0; i < 3; i++) {
    CU_ASSERT_EQUAL(world_append(&world, NULL, "a", NULL), SI_OK);
  }
  struct follower follower = {.world = &world, .stop = stop[1]};
  CU_ASSERT_EQUAL(
      si_events_follow(&world.context, &filter, stop[0], -1, &follower, see_and_act, NULL), SI_OK);
  EXPECT_TEXT(follower.seen.text, "au2 au3 au4 al1");
  close(stop[0]);
  close(stop[1]);
  world_end(&world);
}

static void a_follower_ends_when_nobody_reads_any_more(void) {
  struct world world;
  int out[2];
  struct seen seen = {.text = ""};
  const struct si_events_filter filter = {.limit = 2};
  world_begin(&world);
  NEED(pipe2(out, O_CLOEXEC) == 0);
  close(out[0]);
  CU_ASSERT_EQUAL(si_events_follow(&world.context, &filter, -1, out[1], &seen, see, NULL), SI_OK);
  close(out[1]);
  world_end(&world);
}

UNIT_MAIN("events list", UNIT(the_newest_that_fit_come_first_from_all_streams),
          UNIT(a_filter_of_unknown_words_is_refused), UNIT(who_has_seen_enough_ends_the_listing),
          UNIT(lines_that_cross_blocks_are_found_whole),
          UNIT(what_is_no_event_is_passed_over_and_counted), UNIT(a_line_without_an_end_is_said),
          UNIT(a_follower_sees_what_was_and_then_what_comes_once),
          UNIT(a_follower_ends_when_nobody_reads_any_more))
