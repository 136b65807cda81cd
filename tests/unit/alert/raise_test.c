/* SPDX-License-Identifier: Apache-2.0 */
/* Raising, counting and acknowledging, with the clock in hand. */
#include <stdio.h>
#include <sys/stat.h>

#include "paas/alert/alert.h"
#include "tests/unit/state/scratch.h"

#define T0 1700000000000 /* 2023-11-14T22:13:20Z */

static const char hook[] =
    "{\"default_channel\":\"ops\",\"dedupe_seconds\":60,\"channels\":{\"ops\":{\"type\":"
    "\"webhook\","
    "\"url\":\"https://localhost:1/\",\"secret\":\"OPS_KEY\"}}}";

struct world {
  char dir[64];
  struct si_context context;
  struct si_alert_sender sender;
};

static void setup(struct world *w, const char *policy) {
  char path[96];
  memset(w, 0, sizeof *w);
  scratch_make(w->dir);
  snprintf(path, sizeof path, "%s/events", w->dir);
  NEED(mkdir(path, 0700) == 0);
  si_copy(w->context.name, sizeof w->context.name, "t");
  si_copy(w->context.id, sizeof w->context.id, CONTEXT_ID);
  si_copy(w->context.dir, sizeof w->context.dir, w->dir);
  w->context.config = cJSON_CreateObject();
  cJSON *mode = cJSON_AddObjectToObject(w->context.config, "webhook_policy");
  cJSON_AddStringToObject(mode, "mode", "deny");
  w->sender = (struct si_alert_sender){.context = &w->context,
                                       .state = scratch_open(w->dir, SI_STATE_WRITE),
                                       .now_ms = T0,
                                       .interrupt_fd = -1};
  NEED(!policy ||
       si_state_document_put(w->sender.state, "alert-policy", policy, NULL, NULL) == SI_OK);
}

static void teardown(struct world *w) {
  si_state_close(w->sender.state);
  cJSON_Delete(w->context.config);
  scratch_remove(w->dir);
}

/* Raises at T0 + seconds. */
static struct si_alert raise_at(struct world *w, int64_t seconds, const char *severity,
                                const char *key) {
  const struct si_alert_notice notice = {
      .severity = severity, .source = "unit", .dedupe = key, .message = "the disk is full"};
  struct si_alert alert = {.id = ""};
  struct si_error error = {.code = ""};
  w->sender.now_ms = T0 + seconds * 1000;
  if (si_alert_raise(&w->sender, &notice, &alert, &error) != SI_OK) {
    printf("\n%s: %s\n", error.code, error.message);
    CU_FAIL("raise");
  }
  return alert;
}

/* How many lines of events/alerts.jsonl hold `text`. */
static size_t lines_with(const struct world *w, const char *text) {
  char path[96], line[8192];
  size_t count = 0;
  snprintf(path, sizeof path, "%s/events/alerts.jsonl", w->dir);
  FILE *file = fopen(path, "re");
  while (file && fgets(line, sizeof line, file)) {
    count += strstr(line, text) != NULL;
  }
  if (file) {
    fclose(file);
  }
  return count;
}

static void the_same_alert_within_the_window_is_counted(void) {
  struct world w;
  setup(&w, NULL);
  struct si_alert first = raise_at(&w, 0, "warning", "disk");
  struct si_alert again = raise_at(&w, 10, "warning", "disk");
  struct si_alert other = raise_at(&w, 10, "warning", "memory");
  struct si_alert last = raise_at(&w, 299, "warning", "disk");
  struct si_alert next = raise_at(&w, 300, "warning", "disk");
  EXPECT_TEXT(first.raised_at, "2023-11-14T22:13:20.000Z");
  EXPECT_TEXT(first.delivery, "none");
  EXPECT_TEXT(first.channel, "log");
  EXPECT_TEXT(again.id, first.id);
  EXPECT_TEXT(again.raised_at, first.raised_at);
  EXPECT_TEXT(again.last_at, "2023-11-14T22:13:30.000Z");
  CU_ASSERT_EQUAL(again.count, 2);
  CU_ASSERT_STRING_NOT_EQUAL(other.id, first.id);
  EXPECT_TEXT(last.id, first.id);
  CU_ASSERT_EQUAL(last.count, 3);
  CU_ASSERT_STRING_NOT_EQUAL(next.id, first.id);
  CU_ASSERT_EQUAL(next.count, 1);
  CU_ASSERT_EQUAL(lines_with(&w, "\"alert.raise\""), 3);
  CU_ASSERT_EQUAL(lines_with(&w, "\"alert.repeat\""), 2);
  teardown(&w);
}

static void a_severity_that_rises_is_a_new_alert(void) {
  struct world w;
  setup(&w, NULL);
  struct si_alert warning = raise_at(&w, 0, "warning", "disk");
  struct si_alert critical = raise_at(&w, 1, "critical", "disk");
  struct si_alert lower = raise_at(&w, 2, "info", "disk");
  CU_ASSERT_STRING_NOT_EQUAL(critical.id, warning.id);
  EXPECT_TEXT(critical.severity, "critical");
  EXPECT_TEXT(lower.id, critical.id);
  EXPECT_TEXT(lower.severity, "critical");
  CU_ASSERT_EQUAL(lower.count, 2);
  teardown(&w);
}

static void a_clock_that_was_set_back_silences_nothing(void) {
  struct world w;
  setup(&w, NULL);
  struct si_alert first = raise_at(&w, 1000, "warning", "disk");
  struct si_alert back = raise_at(&w, 0, "warning", "disk");
  CU_ASSERT_STRING_NOT_EQUAL(back.id, first.id);
  teardown(&w);
}

static void the_window_is_the_policys(void) {
  struct world w;
  setup(&w, "{\"dedupe_seconds\":0}");
  struct si_alert first = raise_at(&w, 0, "info", "disk");
  struct si_alert again = raise_at(&w, 0, "info", "disk");
  CU_ASSERT_STRING_NOT_EQUAL(again.id, first.id);
  teardown(&w);
}

static void what_cannot_be_sent_waits_longer_each_time_and_ends(void) {
  static const int waits[] = {30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600};
  struct world w;
  struct si_alert_run run;
  struct si_error error = {.code = ""};
  setup(&w, hook);
  struct si_alert alert = raise_at(&w, 0, "warning", "disk");
  int64_t at = T0;
  for (unsigned attempt = 1; attempt <= SI_ALERT_ATTEMPTS; attempt++) {
    int64_t next = 0;
    CU_ASSERT_EQUAL(alert.attempts, attempt);
    EXPECT_TEXT(alert.delivery, attempt < SI_ALERT_ATTEMPTS ? "pending" : "failed");
    CU_ASSERT(strstr(alert.delivery_error, "webhook policy") != NULL);
    CU_ASSERT_EQUAL(si_time_parse(alert.next_at, &next), SI_OK);
    CU_ASSERT_EQUAL(next - at, waits[attempt - 1] * 1000);
    w.sender.now_ms = next - 1;
    CU_ASSERT_EQUAL(si_alert_deliver(&w.sender, false, &run, &error), SI_OK);
    CU_ASSERT_EQUAL(run.sent + run.pending + run.failed, 0); /* not its turn yet */
    w.sender.now_ms = at = next;
    CU_ASSERT_EQUAL(si_alert_deliver(&w.sender, false, &run, &error), SI_OK);
    CU_ASSERT_EQUAL(si_state_alert(w.sender.state, alert.id, &alert, &error), SI_OK);
  }
  CU_ASSERT_EQUAL(alert.attempts, SI_ALERT_ATTEMPTS);
  CU_ASSERT_EQUAL(lines_with(&w, "\"alert.deliver\""), SI_ALERT_ATTEMPTS);
  teardown(&w);
}

static void the_next_alert_takes_along_what_is_due(void) {
  struct world w;
  struct si_error error;
  setup(&w, hook);
  struct si_alert first = raise_at(&w, 0, "warning", "disk");
  NEED(si_state_document_put(w.sender.state, "alert-policy", "{}", NULL, NULL) == SI_OK);
  raise_at(&w, 29, "warning", "early");
  CU_ASSERT_EQUAL(si_state_alert(w.sender.state, first.id, &first, &error), SI_OK);
  CU_ASSERT_EQUAL(first.attempts, 1);
  raise_at(&w, 30, "warning", "due");
  CU_ASSERT_EQUAL(si_state_alert(w.sender.state, first.id, &first, &error), SI_OK);
  CU_ASSERT_EQUAL(first.attempts, 2);
  EXPECT_TEXT(first.delivery, "failed"); /* its channel is gone */
  teardown(&w);
}

/* Two senders, the second of which listed the alert while the first was at it. */
static void an_alert_that_is_being_sent_is_nobody_elses(void) {
  static const char now[] = "2023-11-14T22:14:00.000Z", later[] = "2023-11-14T22:15:00.000Z";
  static const char next[] = "2023-11-14T22:16:00.000Z";
  struct world w;
  bool claimed = false;
  setup(&w, hook);
  struct si_state *state = w.sender.state;
  struct si_alert first = raise_at(&w, 0, "warning", "disk"), second;
  NEED(si_state_alert_claim(state, &first, now, next, &claimed, NULL) == SI_OK && claimed);
  NEED(si_state_alert(state, first.id, &second, NULL) == SI_OK);
  CU_ASSERT_EQUAL(si_state_alert_claim(state, &second, later, next, &claimed, NULL), SI_OK);
  CU_ASSERT(!claimed);
  /* Settled, it is anybody's; and so it is where who took it never settles it. */
  NEED(si_state_alert_settle(state, &first, "pending", "no answer", NULL, NULL) == SI_OK);
  NEED(si_state_alert(state, first.id, &second, NULL) == SI_OK);
  CU_ASSERT_EQUAL(si_state_alert_claim(state, &second, later, next, &claimed, NULL), SI_OK);
  CU_ASSERT(claimed);
  CU_ASSERT_EQUAL(si_state_alert_claim(state, &second, next, next, &claimed, NULL), SI_OK);
  CU_ASSERT(claimed);
  teardown(&w);
}

static void no_attempt_is_due_before_the_one_before_is_over(void) {
  static const char slow[] =
      "{\"default_channel\":\"ops\",\"channels\":{\"ops\":{\"type\":\"webhook\",\"url\":"
      "\"https://localhost:1/\",\"secret\":\"OPS_KEY\",\"timeout_seconds\":60}}}";
  struct world w;
  setup(&w, slow);
  struct si_alert alert = raise_at(&w, 0, "warning", "disk");
  EXPECT_TEXT(alert.next_at, "2023-11-14T22:14:25.000Z");
  teardown(&w);
}

static void an_alert_is_acknowledged_once(void) {
  struct world w;
  struct si_alert seen;
  struct si_error error;
  bool acked = false;
  setup(&w, NULL);
  struct si_alert alert = raise_at(&w, 0, "critical", "disk");
  CU_ASSERT_EQUAL(si_alert_ack(&w.sender, alert.id, &acked, &seen, &error), SI_OK);
  CU_ASSERT(acked && seen.acked_at[0] && seen.acked_by[0]);
  CU_ASSERT_EQUAL(si_alert_ack(&w.sender, alert.id, &acked, &seen, &error), SI_OK);
  CU_ASSERT(!acked);
  CU_ASSERT_EQUAL(si_alert_ack(&w.sender, "alr-none", &acked, &seen, &error), SI_E_NOT_FOUND);
  EXPECT_TEXT(error.code, "ALERT_NOT_FOUND");
  teardown(&w);
}

static si_rc count_one(void *ctx, const struct si_alert *alert) {
  (void)alert;
  ++*(size_t *)ctx;
  return SI_OK;
}

static void the_list_is_bounded_and_filtered(void) {
  static const struct {
    struct si_alert_filter filter;
    size_t expected;
  } cases[] = {{{.limit = 0}, 6},
               {{.limit = 4}, 4},
               {{.severity = "warning"}, 4},
               {{.severity = "critical"}, 2},
               {{.pending = true}, 0}};
  static const char *const severities[] = {"info", "warning", "critical"};
  struct world w;
  char key[16];
  setup(&w, NULL);
  for (unsigned i = 0; i < 6; i++) {
    snprintf(key, sizeof key, "key-%u", i);
    raise_at(&w, i, severities[i % 3], key);
  }
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t count = 0;
    CU_ASSERT_EQUAL(si_alert_list(w.sender.state, &cases[i].filter, &count, count_one, NULL),
                    SI_OK);
    CU_ASSERT_EQUAL(count, cases[i].expected);
  }
  teardown(&w);
}

static void a_message_is_redacted_and_cut_and_well_formed(void) {
  struct world w;
  char message[3 * SI_ALERT_MESSAGE_MAX];
  struct si_alert alert = {.id = ""};
  struct si_error error;
  setup(&w, NULL);
  memset(message, 'x', sizeof message);
  memcpy(message, "\xff bad, password=hunter22 ", 25);
  message[sizeof message - 1] = '\0';
  const struct si_alert_notice notice = {
      .severity = "info", .source = "unit", .dedupe = "k", .message = message};
  CU_ASSERT_EQUAL(si_alert_raise(&w.sender, &notice, &alert, &error), SI_OK);
  CU_ASSERT(strlen(alert.message) <= SI_ALERT_MESSAGE_MAX);
  CU_ASSERT(si_utf8_valid(alert.message, strlen(alert.message)));
  CU_ASSERT_PTR_NULL(strstr(alert.message, "hunter22"));
  CU_ASSERT_EQUAL(lines_with(&w, "hunter22"), 0);
  teardown(&w);
}

UNIT_MAIN("alert.raise", UNIT(the_same_alert_within_the_window_is_counted),
          UNIT(a_severity_that_rises_is_a_new_alert),
          UNIT(a_clock_that_was_set_back_silences_nothing), UNIT(the_window_is_the_policys),
          UNIT(what_cannot_be_sent_waits_longer_each_time_and_ends),
          UNIT(the_next_alert_takes_along_what_is_due),
          UNIT(an_alert_that_is_being_sent_is_nobody_elses),
          UNIT(no_attempt_is_due_before_the_one_before_is_over),
          UNIT(an_alert_is_acknowledged_once), UNIT(the_list_is_bounded_and_filtered),
          UNIT(a_message_is_redacted_and_cut_and_well_formed))
