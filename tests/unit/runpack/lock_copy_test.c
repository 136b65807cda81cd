/* SPDX-License-Identifier: Apache-2.0 */
/* A copy under lock: the destination's objects are locked as they are put, what an attempt left is
 * kept and locked, and what is there whole is locked, too. R54, R55. */
#include <stdio.h>
#include <string.h>

#include "core/runpack/copy.h"
#include "tests/unit/runpack/fixture.h"
#include "tests/unit/runpack/memory_store.h"
#include "tests/unit/sweep.h"
#include "tests/unit/unit.h"

#define CLOCK 1800000000500ll
#define HOUR 3600000ll
#define UNTIL (CLOCK + HOUR + 500)

static const struct si_lock_terms terms = {.mode = SI_LOCK_COMPLIANCE, .keep_ms = HOUR};

static struct memory_store from, to;
static struct si_copy_result result;
static struct si_error error;

static void begin(void) {
  struct si_export_result exported;
  memory_store_init(&from);
  memory_store_init(&to);
  memory_store_locks(&to, CLOCK);
  CU_ASSERT_EQUAL_FATAL(fixture_export(&from.head, &exported, &error), SI_OK);
}

static void end(void) {
  memory_store_free(&from);
  memory_store_free(&to);
}

static si_rc copy_as(const struct si_lock_terms *lock) {
  const struct si_copy_options options = {.lock = lock};
  memset(&error, 0, sizeof error);
  return si_runpack_copy(&from.head, FIXTURE_PREFIX, &to.head, &options, &result, &error);
}

static si_rc copy(void) {
  return copy_as(&terms);
}

static void expect(si_rc got, si_rc status, const char *code) {
  if (got != status || strcmp(error.code, code) != 0) {
    printf("  %s (%d), %s (%d) was to come: %s\n", error.code, (int)got, code, (int)status,
           error.message);
    CU_FAIL("another end than this was to come");
  }
}

static bool all_locked(int64_t until_ms) {
  bool all = true;
  for (size_t i = 0; i < to.count; i++) {
    const struct si_store_lock *lock = &to.objects[i].lock;
    all = all && lock->mode == SI_LOCK_COMPLIANCE && lock->until_ms >= until_ms;
  }
  return all;
}

static void every_object_is_locked_as_it_is_put(void) {
  begin();
  CU_ASSERT_EQUAL(copy(), SI_OK);
  CU_ASSERT_EQUAL(to.count, 4);
  CU_ASSERT_EQUAL(to.stored, 4);
  CU_ASSERT(all_locked(UNTIL));
  CU_ASSERT_EQUAL(result.lock.mode, SI_LOCK_COMPLIANCE);
  CU_ASSERT_EQUAL(result.lock.until_ms, UNTIL);
  CU_ASSERT_NOT_EQUAL(result.skew_ms, 0);
  CU_ASSERT_FALSE(result.already);
  CU_ASSERT(to.head.lock.mode == SI_LOCK_NONE && !to.head.lock.held);
  /* The source is not touched. */
  CU_ASSERT_EQUAL(from.objects[0].lock.mode, SI_LOCK_NONE);
  end();
}

static void a_destination_that_does_not_lock_is_refused(void) {
  begin();
  to.about = "{\"locking\":false}";
  expect(copy(), SI_E_UNSUPPORTED, "LOCK_UNSUPPORTED");
  CU_ASSERT_EQUAL(to.count, 0);
  end();
  begin();
  const struct si_lock_terms past = {.mode = SI_LOCK_COMPLIANCE, .until_ms = CLOCK - 1};
  expect(copy_as(&past), SI_E_INVALID, "LOCK_TIME");
  CU_ASSERT_EQUAL(to.count, 0);
  end();
}

static void what_is_there_whole_is_locked(void) {
  begin();
  CU_ASSERT_EQUAL(copy_as(NULL), SI_OK);
  CU_ASSERT_EQUAL(to.objects[0].lock.mode, SI_LOCK_NONE);
  to.stored = 0;
  CU_ASSERT_EQUAL(copy(), SI_OK);
  CU_ASSERT_TRUE(result.already);
  CU_ASSERT_EQUAL(to.stored, 0);
  CU_ASSERT(all_locked(UNTIL)); /* the manifest too */
  end();
}

static void what_an_attempt_left_is_kept_where_it_is_the_same(void) {
  begin();
  to.fail_put = "/manifest.json";
  CU_ASSERT_EQUAL(copy(), SI_E_QUOTA);
  to.fail_put = NULL;
  to.stored = 0;
  to.clock_ms += 7000;
  CU_ASSERT_EQUAL(copy(), SI_OK);
  CU_ASSERT_EQUAL(to.stored, 1);
  CU_ASSERT(all_locked(UNTIL + 7000));
  end();
  begin();
  to.fail_put = "/manifest.json";
  CU_ASSERT_EQUAL(copy(), SI_E_QUOTA);
  to.fail_put = NULL;
  memory_set(&to, FIXTURE_PREFIX "/artifacts/log.txt", "jello\n", 6);
  expect(copy(), SI_E_RETENTION, "RUNPACK_LOCKED");
  CU_ASSERT_PTR_NULL(memory_find(&to, "/manifest.json"));
  end();
}

static void the_manifest_is_never_put_while_another_is_not_locked(void) {
  static const char *const parts[] = {"/artifacts/spec.json", "/artifacts/out/result.json",
                                      "/artifacts/log.txt"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    begin();
    to.unproven = parts[i];
    expect(copy(), SI_E_RETENTION, "LOCK_UNPROVEN");
    CU_ASSERT_PTR_NULL(memory_find(&to, "/manifest.json"));
    to.unproven = NULL;
    CU_ASSERT_EQUAL(copy(), SI_OK);
    CU_ASSERT(all_locked(UNTIL));
    end();
  }
}

static bool crash_at(enum memory_crash crash, unsigned call) {
  begin();
  to.crash = crash;
  to.crash_at = call;
  si_rc status = copy();
  const bool died = to.dead;
  CU_ASSERT(died == (status != SI_OK));
  const bool complete = memory_find(&to, "/manifest.json") != NULL;
  CU_ASSERT(!complete || to.count == 4);
  if (crash != MEMORY_BETWEEN) {
    CU_ASSERT(all_locked(UNTIL));
  }
  memory_revive(&to);
  CU_ASSERT_EQUAL(copy(), SI_OK); /* complete or not, and locked now */
  CU_ASSERT_EQUAL(result.already, complete);
  CU_ASSERT_EQUAL(to.count, 4);
  CU_ASSERT(all_locked(UNTIL));
  end();
  return died;
}

static void a_crash_at_any_call_can_be_gone_on_from(void) {
  for (int crash = MEMORY_BEFORE; crash <= MEMORY_BETWEEN; crash++) {
    unsigned met = 0;
    bool going = true;
    for (unsigned call = sweep_first(1); going && call < 200; call += sweep_step(1)) {
      going = crash_at((enum memory_crash)crash, call);
      met += going;
    }
    CU_ASSERT(met >= sweep_least(10)); /* each of the three is drawn by itself */
  }
}

UNIT_MAIN("runpack copy under lock", UNIT(every_object_is_locked_as_it_is_put),
          UNIT(a_destination_that_does_not_lock_is_refused), UNIT(what_is_there_whole_is_locked),
          UNIT(what_an_attempt_left_is_kept_where_it_is_the_same),
          UNIT(the_manifest_is_never_put_while_another_is_not_locked),
          UNIT(a_crash_at_any_call_can_be_gone_on_from))
