/* SPDX-License-Identifier: Apache-2.0 */
/* A runpack exported under lock through the real si-host, into a store that may break off at any of
 * the objects between it and its lock (tests/plugins/locker.h). R54, R55. */
#include <stdio.h>
#include <string.h>

#include "core/runpack/export.h"
#include "core/runpack/verify.h"
#include "tests/unit/runpack/fixture.h"
/* and, which has variables of these names: */
#include "tests/unit/host/lock_world.h"

enum { OBJECTS = 5 }; /* spec, result, log, compliance.json, manifest */

static struct si_export_result result;

static si_rc export_as(const struct si_lock_terms *terms, const char *log) {
  struct si_export_options options = fixture_options();
  struct si_export *e SI_AUTO(si_export_free) = NULL;
  const struct si_artifact json = fixture_artifact("out/result.json", "{\"ok\":true}");
  const struct si_artifact text = fixture_artifact("log.txt", log);
  options.lock = terms;
  memset(&error, 0, sizeof error);
  si_rc status =
      si_export_begin(store, &options, FIXTURE_SPEC, sizeof FIXTURE_SPEC - 1, &e, &error);
  status = status == SI_OK ? si_export_add(e, &json, &error) : status;
  status = status == SI_OK ? si_export_add(e, &text, &error) : status;
  return status == SI_OK ? si_export_finish(e, &result, &error) : status;
}

static si_rc export(const char *log) {
  static const struct si_lock_terms terms = {.mode = SI_LOCK_COMPLIANCE, .keep_ms = HOUR};
  return export_as(&terms, log);
}

static struct {
  size_t locked, unlocked;
  bool manifest;
} found;

static si_rc count(void *ctx, const si_lock *lock) {
  (void)ctx;
  found.locked += lock->mode == SI_LOCK_COMPLIANCE;
  found.unlocked += lock->mode == SI_LOCK_NONE;
  found.manifest = found.manifest || strstr(lock->key, "/manifest.json");
  return SI_OK;
}

static void look(void) {
  struct si_buf about SI_AUTO(si_buf_free) = SI_BUF(65536);
  memset(&found, 0, sizeof found);
  FATAL_OK(store->vt->locks(store, FIXTURE_PREFIX, 100, NULL, count, &about, &error));
}

static void expect_whole(void) {
  struct si_verify_report report = SI_VERIFY_REPORT;
  const struct si_verify_options options = {.manifest_sha256 = result.manifest_sha256};
  look();
  CU_ASSERT(found.locked == OBJECTS && found.unlocked == 0);
  FATAL_OK(si_runpack_verify(store, FIXTURE_PREFIX, &options, &report, &error));
  si_report_free(&report);
}

static void every_object_is_locked(void) {
  fresh();
  begin(NULL);
  FATAL_OK(export("hello\n"));
  CU_ASSERT_EQUAL(result.lock.mode, SI_LOCK_COMPLIANCE);
  CU_ASSERT(result.lock.until_ms > si_now_ms() + HOUR - 60000);
  CU_ASSERT(llabs(result.skew_ms) < 60000);
  expect_whole();
  CU_ASSERT_EQUAL(export("hello\n"), SI_E_EXISTS);
  end();
}

static void the_end_is_reckoned_by_the_clock_of_the_store(void) {
  fresh();
  set_number("clock-offset", 24 * HOUR);
  begin(NULL);
  FATAL_OK(export("hello\n"));
  CU_ASSERT(result.lock.until_ms > si_now_ms() + 24 * HOUR);
  CU_ASSERT(llabs(result.skew_ms + 24 * HOUR) < 60000);
  end();
}

static void no_fault_of_the_store_is_taken_for_a_lock(void) {
  static const struct {
    const char *fault;
    const char *code;
  } cases[] = {{"swallow", "LOCK_UNPROVEN"},  {"weaker", "LOCK_UNPROVEN"},
               {"short", "LOCK_UNPROVEN"},    {"no-tell", "LOCK_UNPROVEN"},
               {"twice", "PLUGIN_PROTOCOL"},  {"not-locking", "LOCK_UNSUPPORTED"},
               {"foreign", "PLUGIN_PROTOCOL"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fresh();
    begin(cases[i].fault);
    CU_ASSERT_NOT_EQUAL(export("hello\n"), SI_OK);
    CU_ASSERT_STRING_EQUAL(error.code, cases[i].code);
    end();
    begin(NULL);
    look();
    CU_ASSERT_FALSE(found.manifest);
    end();
  }
}

/* The first attempt breaks off at that object, which is stored and not locked. */
static void crash_at(int number) {
  fresh();
  set_number("crash-at", number);
  begin("crash-after-put");
  CU_ASSERT_EQUAL(export("hello\n"), SI_E_INTERNAL);
  CU_ASSERT_STRING_EQUAL(error.code, "PLUGIN_EXITED");
  end();
  begin(NULL);
  look();
  CU_ASSERT(found.locked <= (size_t)number - 1 + 3); /* others were on their way */
  CU_ASSERT_EQUAL(found.unlocked, 1);
  CU_ASSERT_EQUAL(found.manifest, number == OBJECTS);
}

static void an_export_that_broke_off_is_gone_on_with(void) {
  for (int number = 1; number < OBJECTS; number++) {
    crash_at(number);
    FATAL_OK(export("hello\n"));
    expect_whole();
    end();
  }
}

static void what_broke_off_and_is_another_is_refused(void) {
  crash_at(OBJECTS - 1); /* the log is there, and locked */
  CU_ASSERT_EQUAL(export("jello\n"), SI_E_RETENTION);
  CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_LOCKED");
  CU_ASSERT_STRING_EQUAL(error.target, "artifacts/log.txt");
  look();
  CU_ASSERT_FALSE(found.manifest);
  FATAL_OK(export("hello\n"));
  expect_whole();
  end();
}

/* The first and the last are no tests: the tree is made before, and removed after. */
UNIT_MAIN("host lock export", UNIT(make_tree), UNIT(every_object_is_locked),
          UNIT(the_end_is_reckoned_by_the_clock_of_the_store),
          UNIT(no_fault_of_the_store_is_taken_for_a_lock),
          UNIT(an_export_that_broke_off_is_gone_on_with),
          UNIT(what_broke_off_and_is_another_is_refused), UNIT(drop_tree))
