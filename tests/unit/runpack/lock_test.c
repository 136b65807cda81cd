/* SPDX-License-Identifier: Apache-2.0 */
/* core/runpack/lock.h, and an export under lock: nothing is complete that is not locked, and an
 * attempt that did not end is taken up where it stopped, or refused. R54, R55. */
#include "core/runpack/lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/runpack/verify.h"
#include "kit/base/text.h"
#include "tests/unit/runpack/fixture.h"
#include "tests/unit/runpack/memory_store.h"
#include "tests/unit/sweep.h"
#include "tests/unit/unit.h"

#define CLOCK 1800000000500ll /* 2027-01-15T08:00:00.500Z */
#define HOUR 3600000ll
#define UNTIL (CLOCK + HOUR + 500) /* to the second, upwards */
#define POLICY "{\"name\":\"tax\",\"years\":10}"

static const struct si_lock_terms terms = {
    .mode = SI_LOCK_COMPLIANCE, .keep_ms = HOUR, .policy = POLICY};

static struct memory_store store;
static struct si_export_result result;
static struct si_error error;

static void begin(void) {
  memory_store_init(&store);
  memory_store_locks(&store, CLOCK);
}

static void end(void) {
  memory_store_free(&store);
}

static si_rc export_as(const struct si_lock_terms *lock, const char *log) {
  struct si_export_options options = fixture_options();
  struct si_export *e SI_AUTO(si_export_free) = NULL;
  const struct si_artifact json = fixture_artifact("out/result.json", "{\"ok\":true}");
  const struct si_artifact text = fixture_artifact("log.txt", log);
  options.lock = lock;
  memset(&error, 0, sizeof error);
  si_rc status =
      si_export_begin(&store.head, &options, FIXTURE_SPEC, sizeof FIXTURE_SPEC - 1, &e, &error);
  status = status == SI_OK ? si_export_add(e, &json, &error) : status;
  status = status == SI_OK ? si_export_add(e, &text, &error) : status;
  return status == SI_OK ? si_export_finish(e, &result, &error) : status;
}

static si_rc export(void) {
  return export_as(&terms, "hello\n");
}

static void expect(si_rc got, si_rc status, const char *code) {
  if (got != status || error.status != status || strcmp(error.code, code) != 0) {
    printf("  %s (%d), %s (%d) was to come: %s\n", error.code, (int)got, code, (int)status,
           error.message);
    CU_FAIL("another end than this was to come");
  }
}

/* Are all objects locked so, or longer? */
static bool all_locked(uint32_t mode, int64_t until_ms) {
  bool all = true;
  for (size_t i = 0; i < store.count; i++) {
    const struct si_store_lock *lock = &store.objects[i].lock;
    all = all && lock->mode >= mode && lock->until_ms >= until_ms;
  }
  return all;
}

static bool verifies(void) {
  struct si_verify_report report = SI_VERIFY_REPORT;
  const struct si_verify_options options = {.manifest_sha256 = result.manifest_sha256};
  struct si_error why;
  si_rc status = si_runpack_verify(&store.head, FIXTURE_PREFIX, &options, &report, &why);
  si_report_free(&report);
  return status == SI_OK;
}

static bool says(const char *key_end, const char *text) {
  const struct memory_object *object = memory_find(&store, key_end);
  return object && object->len == strlen(text) && memcmp(object->data, text, object->len) == 0;
}

/* --- what is shown --- */

static void every_object_is_locked_as_it_is_put(void) {
  begin();
  CU_ASSERT_EQUAL(export(), SI_OK);
  CU_ASSERT_EQUAL(store.count, 5);
  CU_ASSERT_EQUAL(store.stored, 5);
  CU_ASSERT(all_locked(SI_LOCK_COMPLIANCE, UNTIL));
  CU_ASSERT_PTR_NOT_NULL(strstr(store.objects[4].key, "/manifest.json"));
  CU_ASSERT_EQUAL(store.unflushed_at_manifest, 0);
  CU_ASSERT_EQUAL(result.lock.mode, SI_LOCK_COMPLIANCE);
  CU_ASSERT_EQUAL(result.lock.until_ms, UNTIL);
  CU_ASSERT_EQUAL(result.artifacts, 4);
  CU_ASSERT(verifies());
  /* The next one who puts is not bound by it. */
  CU_ASSERT(store.head.lock.mode == SI_LOCK_NONE && !store.head.lock.held);
  end();
}

/* `local` is this machine's clock, and differs. */
static void the_runpack_says_itself_how_it_is_locked(void) {
  static const char clock_end[] = "\",\"store\":\"2027-01-15T08:00:00.500Z\"},";
  static const char rest[] =
      "\"lock\":{\"legal_hold\":false,\"mode\":\"COMPLIANCE\",\"until\":\"2027-01-15T09:00:01.000Z"
      "\"},\"policy\":{\"name\":\"tax\",\"years\":10},\"schema\":\"si.compliance/1\",\"store\":{"
      "\"default_days\":null,\"default_mode\":null,\"locking\":true,\"store\":\"memory\","
      "\"versioned\":true}}";
  char text[2000], local[SI_TIME_SIZE];
  begin();
  CU_ASSERT_EQUAL(export(), SI_OK);
  const struct memory_object *object = memory_find(&store, "/artifacts/compliance.json");
  CU_ASSERT_FATAL(object && object->len < sizeof text);
  snprintf(text, sizeof text, "%.*s", (int)object->len, object->data);
  CU_ASSERT_EQUAL(strncmp(text, "{\"clock\":{\"local\":\"", 19), 0);
  snprintf(local, sizeof local, "%.24s", text + 19);
  int64_t local_ms = 0;
  CU_ASSERT_EQUAL(si_time_parse(local, &local_ms), SI_OK);
  CU_ASSERT(llabs(local_ms - si_now_ms()) < 60000);
  CU_ASSERT_EQUAL(strncmp(text + 43, clock_end, sizeof clock_end - 1), 0);
  CU_ASSERT_STRING_EQUAL(text + 43 + sizeof clock_end - 1, rest);
  CU_ASSERT(llabs(result.skew_ms - (si_now_ms() - CLOCK)) < 60000);
  /* And it must be there. */
  const struct memory_object *manifest = memory_find(&store, "/manifest.json");
  CU_ASSERT_FATAL(manifest != NULL);
  const char *entry = memmem(manifest->data, manifest->len, "\"artifacts/compliance.json\"", 27);
  CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
  size_t left = manifest->len - (size_t)(entry - manifest->data);
  const char *end_of = memmem(entry, left, "\"required\":", 11);
  CU_ASSERT(end_of && strncmp(end_of + 11, "true}", 5) == 0);
  CU_ASSERT_PTR_NOT_NULL(memmem(entry, (size_t)(end_of - entry), "\"evidence_log\"", 14));
  end();
}

static void without_a_lock_nothing_is_said_of_one(void) {
  begin();
  CU_ASSERT_EQUAL(export_as(NULL, "hello\n"), SI_OK);
  CU_ASSERT_PTR_NULL(memory_find(&store, "compliance.json"));
  CU_ASSERT_EQUAL(store.count, 4);
  CU_ASSERT_EQUAL(store.objects[0].lock.mode, SI_LOCK_NONE);
  CU_ASSERT_EQUAL(result.lock.mode, SI_LOCK_NONE);
  end();
}

static void a_store_without_a_clock_is_reckoned_by_ours(void) {
  begin();
  store.clock_ms = 0;
  CU_ASSERT_EQUAL(export(), SI_OK);
  CU_ASSERT(llabs(result.lock.until_ms - si_now_ms() - HOUR) < 60000);
  CU_ASSERT_EQUAL(result.skew_ms, 0);
  const struct memory_object *object = memory_find(&store, "compliance.json");
  CU_ASSERT_FATAL(object != NULL);
  CU_ASSERT_PTR_NOT_NULL(memmem(object->data, object->len, "\"store\":null}", 13));
  end();
}

static void a_fixed_end_and_a_hold_are_as_asked_for(void) {
  const struct si_lock_terms fixed = {
      .mode = SI_LOCK_GOVERNANCE, .held = true, .until_ms = CLOCK + 1};
  const struct si_lock_terms hold = {.mode = SI_LOCK_NONE, .held = true};
  begin();
  CU_ASSERT_EQUAL(export_as(&fixed, "hello\n"), SI_OK);
  CU_ASSERT(all_locked(SI_LOCK_GOVERNANCE, CLOCK + 500));
  CU_ASSERT_EQUAL(result.lock.until_ms, CLOCK + 500);
  CU_ASSERT(store.objects[0].lock.held && store.objects[4].lock.held);
  end();
  begin();
  CU_ASSERT_EQUAL(export_as(&hold, "hello\n"), SI_OK);
  CU_ASSERT(store.objects[0].lock.held && store.objects[4].lock.held);
  CU_ASSERT(store.objects[0].lock.mode == SI_LOCK_NONE && store.objects[0].lock.until_ms == 0);
  const struct memory_object *object = memory_find(&store, "compliance.json");
  CU_ASSERT_FATAL(object != NULL);
  CU_ASSERT_PTR_NOT_NULL(memmem(object->data, object->len, "\"until\":null}", 13));
  CU_ASSERT_PTR_NOT_NULL(memmem(object->data, object->len, "\"policy\":null", 13));
  end();
}

static void an_end_that_has_passed_is_refused_before_anything_is_put(void) {
  const struct si_lock_terms past = {.mode = SI_LOCK_COMPLIANCE, .until_ms = CLOCK};
  begin();
  expect(export_as(&past, "hello\n"), SI_E_INVALID, "LOCK_TIME");
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "2027-01-15T08:00:00.500Z"));
  CU_ASSERT_EQUAL(store.count, 0);
  end();
}

static void a_store_that_does_not_lock_is_refused_before_anything_is_put(void) {
  static const struct {
    const char *about;
    const char *code;
    si_rc status;
  } cases[] = {
      {"{\"locking\":false,\"told\":null}", "LOCK_UNSUPPORTED", SI_E_UNSUPPORTED},
      {"{\"told\":null}", "LOCK_UNSUPPORTED", SI_E_UNSUPPORTED},
      {"{\"locking\":\"true\"}", "LOCK_UNSUPPORTED", SI_E_UNSUPPORTED},
      {"[]", "LOCK_REPORT", SI_E_CORRUPT},
      {"", "LOCK_REPORT", SI_E_CORRUPT},
      {"{\"locking\":true,\"locking\":true}", "LOCK_REPORT", SI_E_CORRUPT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    begin();
    store.about = cases[i].about;
    expect(export(), cases[i].status, cases[i].code);
    CU_ASSERT_EQUAL(store.count, 0);
    end();
  }
  begin();
  store.cannot = true;
  expect(export(), SI_E_UNSUPPORTED, "LOCK_UNSUPPORTED");
  end();
  memory_store_init(&store); /* it has no such calls */
  expect(export(), SI_E_UNSUPPORTED, "LOCK_UNSUPPORTED");
  CU_ASSERT_EQUAL(store.count, 0);
  end();
}

static void a_clock_that_cannot_be_read_is_none(void) {
  static const char *const clocks[] = {"1", "\"soon\"", "\"\"", "\"1970-01-01T00:00:00.000Z\""};
  char about[100];
  for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
    begin();
    snprintf(about, sizeof about, "{\"locking\":true,\"told\":%s}", clocks[i]);
    store.about = about;
    CU_ASSERT_EQUAL(export(), SI_OK);
    CU_ASSERT_EQUAL(result.skew_ms, 0);
    end();
  }
}

static const char *const parts[] = {"/artifacts/spec.json", "/artifacts/out/result.json",
                                    "/artifacts/log.txt", "/artifacts/compliance.json"};
enum { PARTS = sizeof parts / sizeof *parts };

static void the_manifest_is_never_put_while_another_is_not_locked(void) {
  for (size_t i = 0; i < PARTS; i++) {
    begin();
    store.unproven = parts[i];
    expect(export(), SI_E_RETENTION, "LOCK_UNPROVEN");
    CU_ASSERT_PTR_NULL(memory_find(&store, "/manifest.json"));
    /* Nor where it is the one that was left, and will not be locked now. */
    store.unproven = NULL;
    store.stubborn = parts[i];
    expect(export(), SI_E_RETENTION, "LOCK_UNPROVEN");
    CU_ASSERT_PTR_NULL(memory_find(&store, "/manifest.json"));
    store.stubborn = NULL;
    CU_ASSERT_EQUAL(export(), SI_OK);
    CU_ASSERT(all_locked(SI_LOCK_COMPLIANCE, UNTIL));
    CU_ASSERT(verifies());
    end();
  }
  begin();
  store.unproven = "/manifest.json";
  expect(export(), SI_E_RETENTION, "LOCK_UNPROVEN");
  end();
}

/* --- after an attempt that did not end --- */

/* Stops before the manifest. */
static void half(const struct si_lock_terms *lock, const char *log) {
  store.fail_put = "/manifest.json";
  CU_ASSERT_EQUAL(export_as(lock, log), SI_E_QUOTA);
  store.fail_put = NULL;
  CU_ASSERT_EQUAL(store.count, 4);
  store.stored = 0;
}

static void the_same_content_is_kept_and_locked_on(void) {
  char before[2000];
  begin();
  half(&terms, "hello\n");
  struct memory_object *compliance = memory_find(&store, "compliance.json");
  snprintf(before, sizeof before, "%.*s", (int)compliance->len, compliance->data);
  store.clock_ms += 10000;
  CU_ASSERT_EQUAL(export(), SI_OK);
  CU_ASSERT_EQUAL(store.stored, 1); /* the manifest */
  CU_ASSERT_EQUAL(store.lock_calls, 4);
  CU_ASSERT(all_locked(SI_LOCK_COMPLIANCE, UNTIL + 10000));
  CU_ASSERT_EQUAL(result.lock.until_ms, UNTIL + 10000);
  CU_ASSERT(says("compliance.json", before)); /* it tells of the attempt that began it */
  CU_ASSERT(verifies());
  end();
}

/* What was put without a lock is kept, too, and locked. */
static void what_was_not_locked_is_locked_now(void) {
  begin();
  store.fail_put = "/manifest.json";
  CU_ASSERT_EQUAL(export_as(NULL, "hello\n"), SI_E_QUOTA);
  store.fail_put = NULL;
  store.stored = 0;
  CU_ASSERT_EQUAL(export(), SI_OK);
  CU_ASSERT_EQUAL(store.stored, 2); /* compliance.json and the manifest */
  CU_ASSERT(all_locked(SI_LOCK_COMPLIANCE, UNTIL));
  CU_ASSERT(verifies());
  end();
}

/* And held, where that is what is wanted. */
static void what_was_not_held_is_held_now(void) {
  const struct si_lock_terms held = {
      .mode = SI_LOCK_GOVERNANCE, .held = true, .keep_ms = HOUR, .policy = POLICY};
  const struct si_lock_terms hold = {.mode = SI_LOCK_NONE, .held = true};
  const struct si_lock_terms *const both[] = {&held, &hold};
  for (size_t i = 0; i < 2; i++) {
    begin();
    store.fail_put = "/manifest.json";
    CU_ASSERT_EQUAL(export_as(NULL, "hello\n"), SI_E_QUOTA);
    store.fail_put = NULL;
    CU_ASSERT_EQUAL(export_as(both[i], "hello\n"), SI_OK);
    for (size_t at = 0; at < store.count; at++) {
      CU_ASSERT(store.objects[at].lock.held);
    }
    CU_ASSERT(all_locked(both[i]->mode, i == 0 ? UNTIL : 0));
    end();
  }
}

static void other_content_is_refused_and_stays(void) {
  static const char *const logs[] = {"jello\n", "hello", "hello\n\n", ""};
  for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
    begin();
    half(&terms, "hello\n");
    expect(export_as(&terms, logs[i]), SI_E_RETENTION, "RUNPACK_LOCKED");
    CU_ASSERT_STRING_EQUAL(error.target, "artifacts/log.txt");
    CU_ASSERT(error.hint[0]);
    CU_ASSERT(says("log.txt", "hello\n"));
    CU_ASSERT_EQUAL(store.count, 4);
    CU_ASSERT_EQUAL(store.stored, 0);
    /* And the right one still fits. */
    CU_ASSERT_EQUAL(export(), SI_OK);
    end();
  }
}

static void other_terms_do_not_fit_what_was_said_before(void) {
  const struct si_lock_terms others[] = {
      {.mode = SI_LOCK_GOVERNANCE, .keep_ms = HOUR, .policy = POLICY},
      {.mode = SI_LOCK_COMPLIANCE, .keep_ms = HOUR + 1000, .policy = POLICY},
      {.mode = SI_LOCK_COMPLIANCE, .keep_ms = HOUR, .policy = "{\"name\":\"other\"}"},
      {.mode = SI_LOCK_COMPLIANCE, .keep_ms = HOUR},
      {.mode = SI_LOCK_COMPLIANCE, .keep_ms = HOUR, .held = true, .policy = POLICY},
      {.mode = SI_LOCK_NONE, .held = true, .policy = POLICY},
  };
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    begin();
    half(&terms, "hello\n");
    expect(export_as(&others[i], "hello\n"), SI_E_RETENTION, "RUNPACK_LOCKED");
    CU_ASSERT_STRING_EQUAL(error.target, "artifacts/compliance.json");
    CU_ASSERT_PTR_NULL(memory_find(&store, "/manifest.json"));
    CU_ASSERT(all_locked(SI_LOCK_COMPLIANCE, UNTIL));
    end();
  }
}

/* One that somebody else wrote there is none of ours. */
static void a_strange_compliance_json_is_refused(void) {
  static const char *const texts[] = {"", "{}", "[]", "no JSON",
                                      "{\"schema\":\"si.compliance/1\"}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    begin();
    half(&terms, "hello\n");
    memory_set(&store, FIXTURE_PREFIX "/artifacts/compliance.json", texts[i], strlen(texts[i]));
    expect(export(), SI_E_RETENTION, "RUNPACK_LOCKED");
    CU_ASSERT_PTR_NULL(memory_find(&store, "/manifest.json"));
    end();
  }
}

static void an_object_that_cannot_be_read_is_not_kept(void) {
  begin();
  half(&terms, "hello\n");
  store.fail_get = "/log.txt";
  store.get_status = SI_E_IO;
  CU_ASSERT_EQUAL(export(), SI_E_IO);
  store.fail_get = NULL;
  store.silent = true; /* an answer that never comes is none */
  CU_ASSERT_NOT_EQUAL(export(), SI_OK);
  CU_ASSERT_PTR_NULL(memory_find(&store, "/manifest.json"));
  end();
}

static void old_versions_and_marks_are_not_there(void) {
  begin();
  store.old = FIXTURE_PREFIX "/artifacts/log.txt";
  store.marker = FIXTURE_PREFIX "/artifacts/spec.json";
  CU_ASSERT_EQUAL(export(), SI_OK);
  CU_ASSERT_EQUAL(store.stored, 5);
  end();
}

static void what_is_complete_or_strange_is_refused(void) {
  begin();
  CU_ASSERT_EQUAL(export(), SI_OK);
  store.stored = 0;
  expect(export(), SI_E_EXISTS, "RUNPACK_EXISTS");
  CU_ASSERT_EQUAL(store.stored, 0);
  CU_ASSERT_EQUAL(store.lock_calls, 0);
  end();
  begin();
  memory_set(&store, FIXTURE_PREFIX "/artifacts/of-another", "x", 1);
  expect(export(), SI_E_CONFLICT, "RUNPACK_LEFTOVERS");
  CU_ASSERT_PTR_NULL(memory_find(&store, "/manifest.json"));
  end();
}

static void the_place_of_compliance_json_is_taken_under_lock_alone(void) {
  for (int locked = 0; locked < 2; locked++) {
    struct si_export_options options = fixture_options();
    struct si_export *e SI_AUTO(si_export_free) = NULL;
    const struct si_artifact artifact = fixture_artifact("compliance.json", "{}");
    begin();
    options.lock = locked ? &terms : NULL;
    memset(&error, 0, sizeof error);
    CU_ASSERT_EQUAL_FATAL(
        si_export_begin(&store.head, &options, FIXTURE_SPEC, sizeof FIXTURE_SPEC - 1, &e, &error),
        SI_OK);
    si_rc status = si_export_add(e, &artifact, &error);
    expect(status, locked ? SI_E_EXISTS : SI_OK, locked ? "RUNPACK_DUPLICATE" : "");
    si_export_free(&e);
    end();
  }
}

/* --- a child that dies at any call --- */

/* What a crash left: incomplete, or complete and locked; of a store whose locks come with the
 * objects nothing is unlocked. */
static void expect_sound(enum memory_crash crash) {
  const bool complete = memory_find(&store, "/manifest.json") != NULL;
  CU_ASSERT(!complete || store.count == 5);
  if (crash != MEMORY_BETWEEN) {
    CU_ASSERT(all_locked(SI_LOCK_COMPLIANCE, UNTIL));
  }
  for (size_t i = 0; complete && i < PARTS; i++) {
    const struct memory_object *object = memory_find(&store, parts[i]);
    CU_ASSERT(object && memory_locked(&store, object));
  }
}

/* The first attempt dies at its `first`th call, the second at its `second`th (0: it lives). */
static bool crash_at(enum memory_crash crash, unsigned first, unsigned second) {
  begin();
  store.crash = crash;
  store.crash_at = first;
  si_rc status = export();
  const bool died = store.dead;
  CU_ASSERT(died == (status != SI_OK));
  expect_sound(crash);
  memory_revive(&store);
  store.crash_at = second;
  store.clock_ms += 5000;
  const bool complete = memory_find(&store, "/manifest.json") != NULL;
  status = export();
  expect_sound(crash);
  if (complete) {
    CU_ASSERT(status == SI_E_EXISTS || store.dead);
  } else if (store.dead) {
    memory_revive(&store);
    status = export();
    CU_ASSERT(status == SI_OK || status == SI_E_EXISTS);
  } else {
    CU_ASSERT_EQUAL(status, SI_OK);
  }
  CU_ASSERT_PTR_NOT_NULL(memory_find(&store, "/manifest.json"));
  if (crash != MEMORY_BETWEEN || !complete) {
    for (size_t i = 0; i < PARTS; i++) {
      const struct memory_object *object = memory_find(&store, parts[i]);
      CU_ASSERT(object && memory_locked(&store, object));
    }
  }
  end();
  return died;
}

static void a_crash_at_any_call_leaves_nothing_complete_and_unlocked(void) {
  for (int crash = MEMORY_BEFORE; crash <= MEMORY_BETWEEN; crash++) {
    unsigned met = 0;
    bool going = true;
    for (unsigned first = sweep_first(1); going && first < 200; first += sweep_step(1)) {
      going = crash_at((enum memory_crash)crash, first, 0);
      for (unsigned second = 1; going && second < 20; second += 3) {
        crash_at((enum memory_crash)crash, first, second);
      }
      met += going;
    }
    CU_ASSERT(met >= sweep_least(12));
  }
}

UNIT_MAIN("runpack lock", UNIT(every_object_is_locked_as_it_is_put),
          UNIT(the_runpack_says_itself_how_it_is_locked),
          UNIT(without_a_lock_nothing_is_said_of_one),
          UNIT(a_store_without_a_clock_is_reckoned_by_ours),
          UNIT(a_fixed_end_and_a_hold_are_as_asked_for),
          UNIT(an_end_that_has_passed_is_refused_before_anything_is_put),
          UNIT(a_store_that_does_not_lock_is_refused_before_anything_is_put),
          UNIT(a_clock_that_cannot_be_read_is_none),
          UNIT(the_manifest_is_never_put_while_another_is_not_locked),
          UNIT(the_same_content_is_kept_and_locked_on), UNIT(what_was_not_locked_is_locked_now),
          UNIT(what_was_not_held_is_held_now), UNIT(other_content_is_refused_and_stays),
          UNIT(other_terms_do_not_fit_what_was_said_before),
          UNIT(a_strange_compliance_json_is_refused),
          UNIT(an_object_that_cannot_be_read_is_not_kept),
          UNIT(old_versions_and_marks_are_not_there), UNIT(what_is_complete_or_strange_is_refused),
          UNIT(the_place_of_compliance_json_is_taken_under_lock_alone),
          UNIT(a_crash_at_any_call_leaves_nothing_complete_and_unlocked))
