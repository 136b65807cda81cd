/* SPDX-License-Identifier: Apache-2.0 */
/* What a look at a container means: every state that an engine may show, without an engine. */
#include "plugins/local/ready.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "tests/unit/unit.h"

enum { GO_ON, READY, LOST };

struct look {
  const char *state, *health;
  int exit_code, restarts;
  const char *started;
  unsigned at_ms; /* since the wait began */
  int verdict;
};

struct story {
  const char *service; /* its document */
  struct look looks[7];
  const char *message; /* of the last look, if that is LOST */
};

static const struct story stories[] = {
    {"{}",
     {{"created", "", 0, 0, "", 0, GO_ON},
      {"running", "", 0, 0, "a", 100, GO_ON},
      {"running", "", 0, 0, "a", 599, GO_ON},
      {"running", "", 0, 0, "a", 600, READY}},
     NULL},
    {"{}",
     {{"running", "", 0, 0, "a", 0, GO_ON},
      {"running", "", 0, 0, "b", 600, GO_ON},
      {"running", "", 0, 0, "b", 1100, READY}},
     NULL},
    {"{}",
     {{"exited", "", 3, 0, "a", 10, LOST}},
     "service s: the container exited with code 3 before it was ready"},
    {"{}",
     {{"running", "", 0, 0, "a", 0, GO_ON}, {"exited", "", 0, 0, "a", 10, LOST}},
     "exited with code 0 before it was ready"},
    {"{}", {{"created", "", 0, 0, "", 5000, LOST}}, "did not stay up within 5.0 s"},
    {"{}",
     {{"running", "starting", 0, 0, "a", 4000, GO_ON},
      {"running", "healthy", 0, 0, "a", 4100, READY}},
     NULL},
    {"{}",
     {{"running", "starting", 0, 0, "a", 5000, LOST}},
     "its health check never passed within 5.0 s"},
    {"{\"restart\":{\"policy\":\"always\"}}",
     {{"running", "", 0, 0, "a", 0, GO_ON}, {"running", "", 0, 6, "b", 300, LOST}},
     "the container was restarted 6 times"},
    {"{}", {{"running", "unhealthy", 0, 0, "a", 10, LOST}}, "its health check failed"},
    {"{\"oneshot\":true}",
     {{"running", "", 0, 0, "a", 4999, GO_ON}, {"exited", "", 0, 0, "a", 5001, READY}},
     NULL},
    {"{\"oneshot\":true}", {{"exited", "", 1, 0, "a", 10, LOST}}, "ended with code 1"},
    {"{\"oneshot\":true}", {{"running", "", 0, 0, "a", 5000, LOST}}, "did not end within 5.0 s"},
    {"{\"restart\":{\"policy\":\"always\"}}",
     {{"running", "", 0, 2, "a", 0, GO_ON},
      {"restarting", "", 1, 3, "a", 300, GO_ON},
      {"exited", "", 1, 4, "a", 400, GO_ON},
      {"running", "", 1, 5, "b", 700, GO_ON},
      {"running", "", 1, 5, "b", 1200, READY},
      {"restarting", "", 9, 7, "b", 1300, LOST}},
     "restarted 5 times; it last exited with code 9"},
    {"{\"restart\":{\"policy\":\"on-failure\",\"retries\":2}}",
     {{"exited", "", 1, 1, "a", 0, GO_ON}, {"exited", "", 1, 2, "a", 10, LOST}},
     "exited with code 1"},
    {"{\"restart\":{\"policy\":\"on-failure\",\"retries\":0}}",
     {{"exited", "", 1, 1, "a", 0, GO_ON}, {"exited", "", 0, 1, "a", 10, LOST}},
     "exited with code 0"},
    {"{\"restart\":{\"policy\":\"no\"}}",
     {{"dead", "", 137, 0, "a", 10, LOST}},
     "exited with code 137"},
};

static void tell(const struct story *story) {
  cJSON *spec = cJSON_Parse(story->service);
  struct local_service service = {
      .name = "s", .spec = spec, .oneshot = si_json_bool(spec, "oneshot", false)};
  struct local_config config = {.ready_timeout_ms = 5000, .settle_ms = 500};
  struct local_watch watch;
  struct si_error error = {0};
  local_watch_begin(&watch, &service, "id");
  for (size_t i = 0; i < 7 && story->looks[i].state; i++) {
    const struct look *look = &story->looks[i];
    cJSON *checks SI_AUTO(si_json_free) = cJSON_Parse("[{\"ExitCode\":1}]");
    struct si_engine_container c = {
        .exit_code = look->exit_code, .restarts = look->restarts, .checks = checks};
    si_copy(c.state, sizeof c.state, look->state);
    si_copy(c.health, sizeof c.health, look->health);
    si_copy(c.started_at, sizeof c.started_at, look->started);
    si_rc status =
        local_watch_judge(&watch, &c, &config, watch.from_ns + look->at_ms * 1000000ull, &error);
    int verdict = status != SI_OK ? LOST : watch.ready ? READY : GO_ON;
    CU_ASSERT_EQUAL(verdict, look->verdict);
    if (verdict != look->verdict) {
      fprintf(stderr, "  %s: look %zu: %d %s\n", story->service, i, verdict, error.message);
    }
  }
  if (story->message) {
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, story->message));
    CU_ASSERT_STRING_EQUAL(error.target, "s");
  }
  cJSON_Delete(spec);
}

static void every_state_of_a_container_is_judged(void) {
  for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
    tell(&stories[i]);
  }
}

static void lack_of_memory_is_told_as_such(void) {
  struct local_service service = {.name = "s"};
  struct local_config config = {.ready_timeout_ms = 5000, .settle_ms = 500};
  struct local_watch watch;
  struct si_error error = {0};
  struct si_engine_container c = {.state = "exited", .exit_code = 137, .oom_killed = true};
  local_watch_begin(&watch, &service, "id");
  CU_ASSERT_NOT_EQUAL(local_watch_judge(&watch, &c, &config, watch.from_ns, &error), SI_OK);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "lack of memory"));
}

static void a_health_check_that_nobody_runs_is_told_as_such(void) {
  struct local_service service = {.name = "s"};
  struct local_config config = {.ready_timeout_ms = 5000, .settle_ms = 500};
  struct local_watch watch;
  struct si_error error = {0};
  struct si_engine_container c = {.state = "running", .health = "starting"};
  local_watch_begin(&watch, &service, "id");
  uint64_t end = watch.from_ns + 5000000000u;
  CU_ASSERT_EQUAL(local_watch_judge(&watch, &c, &config, end - 1000000u, &error), SI_OK);
  CU_ASSERT_EQUAL(local_watch_judge(&watch, &c, &config, end, &error), SI_E_FAILED);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "did not once run its health check within 5.0 s"));
  CU_ASSERT_PTR_NOT_NULL(strstr(error.hint, "systemd"));
}

UNIT_MAIN("local, readiness", UNIT(every_state_of_a_container_is_judged),
          UNIT(lack_of_memory_is_told_as_such),
          UNIT(a_health_check_that_nobody_runs_is_told_as_such))
