/* SPDX-License-Identifier: Apache-2.0 */
/* Locks from end to end: si's session, the real si-host, and a store that locks, or fails to in one
 * of the ways that a store can (tests/plugins/locker.h). R54, R55, R74. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/host/lock_world.h"

static int64_t in_an_hour(void) {
  return (si_now_ms() / 1000 + 3600) * 1000;
}

static void lock_puts(struct si_store *of, uint32_t mode, bool held) {
  of->lock = (struct si_store_lock){
      .mode = mode, .held = held, .until_ms = mode == SI_LOCK_NONE ? 0 : in_an_hour()};
}

static si_rc put_to(struct si_store *to, const char *key, uint32_t flags, const char *text) {
  uint64_t id = 0;
  si_rc status = to->vt->put_open(to, key, flags, strlen(text), "text/plain", &id, &error);
  status = status == SI_OK ? to->vt->put_data(to, id, text, strlen(text), &error) : status;
  return status == SI_OK ? to->vt->put_close(to, id, 1, &error) : status;
}

static si_rc put(const char *key, const char *text) {
  si_rc status = put_to(store, key, 0, text);
  return status == SI_OK ? store->vt->flush(store, &error) : status;
}

/* --- what a report tells --- */

static struct {
  size_t count, locked, held, current, none;
  si_lock last;
  char key[200], version[40];
  struct si_buf about;
} told = {.about = SI_BUF(65536)};

static si_rc each(void *ctx, const si_lock *lock) {
  (void)ctx;
  told.count++;
  told.locked += lock->mode == SI_LOCK_COMPLIANCE;
  told.held += (lock->flags & SI_LOCK_HELD) != 0;
  told.current += (lock->flags & SI_LOCK_CURRENT) != 0;
  told.none += lock->mode == SI_LOCK_NONE;
  told.last = *lock;
  si_copy(told.key, sizeof told.key, lock->key);
  si_copy(told.version, sizeof told.version, lock->version);
  return SI_OK;
}

static si_rc report(const char *prefix, uint64_t most) {
  si_buf_free(&told.about);
  memset(&told, 0, sizeof told);
  told.about = (struct si_buf)SI_BUF(65536);
  return store->vt->locks(store, prefix, most, NULL, each, &told.about, &error);
}

/* --- what is shown --- */

static void an_object_is_locked_as_it_is_put(void) {
  char until[SI_TIME_SIZE];
  fresh();
  begin(NULL);
  lock_puts(store, SI_LOCK_COMPLIANCE, false);
  FATAL_OK(put("a/b", "hello"));
  FATAL_OK(report("a", 10));
  CU_ASSERT(told.count == 1 && told.locked == 1 && told.current == 1 && told.held == 0);
  CU_ASSERT_EQUAL(told.last.until_ms, store->lock.until_ms);
  CU_ASSERT_STRING_EQUAL(told.key, "a/b");
  CU_ASSERT(told.version[0]);
  CU_ASSERT(llabs(told.last.told_ms - si_now_ms()) < 60000);
  CU_ASSERT_PTR_NOT_NULL(strstr(si_buf_text(&told.about), "\"locking\":true"));
  /* Neither removed nor written over, and the words say how it is locked. */
  si_time_text(store->lock.until_ms, until);
  CU_ASSERT_EQUAL(store->vt->remove(store, "a/b", &error), SI_E_RETENTION);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, until));
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "COMPLIANCE"));
  CU_ASSERT_EQUAL(put("a/b", "other"), SI_E_RETENTION);
  store->lock = (struct si_store_lock){.mode = SI_LOCK_NONE};
  CU_ASSERT_EQUAL(put("a/b", "other"), SI_E_RETENTION);
  CU_ASSERT_STRING_EQUAL(error.target, "a/b");
  FATAL_OK(report("", 10));
  CU_ASSERT_EQUAL(told.count, 1);
  end();
  /* Until its time has come. */
  set_number("clock-offset", HOUR + 60000);
  begin(NULL);
  FATAL_OK(put("a/b", "other"));
  FATAL_OK(report("a/b", 10));
  CU_ASSERT(told.count == 2 && told.current == 1 && told.none == 1);
  CU_ASSERT(told.last.told_ms > si_now_ms() + HOUR);
  FATAL_OK(store->vt->remove(store, "a/b", &error));
  FATAL_OK(report("", 10));
  CU_ASSERT_EQUAL(told.count, 0);
  end();
}

static const struct fault {
  const char *name;
  const char *put, *lock, *hold, *report; /* codes; "": success */
  si_rc status;
} faults[] = {
    {"swallow", "LOCK_UNPROVEN", "LOCK_UNPROVEN", "LOCK_UNPROVEN", "", SI_E_RETENTION},
    {"weaker", "LOCK_UNPROVEN", "LOCK_UNPROVEN", "", "", SI_E_RETENTION},
    {"short", "LOCK_UNPROVEN", "LOCK_UNPROVEN", "", "", SI_E_RETENTION},
    {"no-tell", "LOCK_UNPROVEN", "LOCK_UNPROVEN", "LOCK_UNPROVEN", "", SI_E_RETENTION},
    {"twice", "PLUGIN_PROTOCOL", "PLUGIN_PROTOCOL", "PLUGIN_PROTOCOL", "", SI_E_INTERNAL},
    {"not-locking", "PROVIDER_UNSUPPORTED", "PROVIDER_UNSUPPORTED", "PROVIDER_UNSUPPORTED", "",
     SI_E_UNSUPPORTED},
    {"foreign", "", "", "", "PLUGIN_PROTOCOL", SI_E_INTERNAL},
    {"endless", "", "", "", "STORE_STOPPED", SI_E_QUOTA},
    {"lies", "", "", "", "", SI_OK},
};

static void expect(const struct fault *f, const char *what, si_rc status, const char *code) {
  if (status != (code[0] ? f->status : SI_OK) || strcmp(status == SI_OK ? "" : error.code, code)) {
    printf("  %s of %s: %s (%d), %s was to come: %s\n", what, f->name, error.code, (int)status,
           code, error.message);
    CU_FAIL("another end than this was to come");
  }
}

static void every_way_in_which_a_store_fails_to_lock_is_found(void) {
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    const struct fault *f = &faults[i];
    si_lock now;
    fresh();
    begin(NULL);
    FATAL_OK(put("there", "unlocked"));
    end();
    begin(f->name);
    lock_puts(store, SI_LOCK_COMPLIANCE, false);
    expect(f, "put", put("k", "bytes"), f->put);
    end();
    begin(f->name);
    expect(f, "lock",
           store->vt->lock(store, "there", NULL, SI_LOCK_COMPLIANCE, in_an_hour(), &now, &error),
           f->lock);
    end();
    begin(f->name);
    expect(f, "hold", store->vt->hold(store, "there", NULL, true, &now, &error), f->hold);
    end();
    begin(f->name);
    expect(f, "report", report("there", 10), f->report);
    end();
  }
}

/* It is believed as long as it is asked for one object; what it says of all of them is the truth.
 */
static void a_store_that_lies_is_found_by_its_report(void) {
  fresh();
  begin("lies");
  lock_puts(store, SI_LOCK_COMPLIANCE, true);
  FATAL_OK(put("k", "bytes"));
  FATAL_OK(report("k", 10));
  CU_ASSERT(told.count == 1 && told.none == 1 && told.held == 0);
  end();
}

static void many_objects_are_locked_at_once(void) {
  enum { MANY = 60 };
  char key[64];
  fresh();
  begin(NULL);
  CU_ASSERT(store->open_max > 1);
  lock_puts(store, SI_LOCK_COMPLIANCE, true);
  for (int i = 0; i < MANY; i++) {
    snprintf(key, sizeof key, "many/%d", i);
    FATAL_OK(put_to(store, key, i == MANY - 1 ? SI_PUT_CREATE_ONLY | SI_PUT_COMMIT : 0, key));
  }
  FATAL_OK(store->vt->flush(store, &error));
  FATAL_OK(report("many", MANY));
  CU_ASSERT(told.count == MANY && told.locked == MANY && told.held == MANY && told.current == MANY);
  end();
  /* One of many that is not locked is told by its name. */
  begin(NULL);
  lock_puts(store, SI_LOCK_GOVERNANCE, false);
  si_rc status = SI_OK;
  for (int i = 0; status == SI_OK && i < 20; i++) {
    snprintf(key, sizeof key, i == 7 ? "many/%d" : "more/%d", i);
    status = put_to(store, key, 0, key);
  }
  status = status == SI_OK ? store->vt->flush(store, &error) : status;
  CU_ASSERT_EQUAL(status, SI_E_RETENTION);
  CU_ASSERT_STRING_EQUAL(error.target, "many/7");
  end();
}

static void a_lock_grows_and_never_weakens(void) {
  const int64_t end_ms = in_an_hour();
  si_lock now;
  char old[40];
  fresh();
  begin(NULL);
  FATAL_OK(put("k", "first"));
  FATAL_OK(report("k", 10));
  si_copy(old, sizeof old, told.version);
  FATAL_OK(put("k", "second"));
  FATAL_OK(store->vt->lock(store, "k", NULL, SI_LOCK_GOVERNANCE, end_ms, &now, &error));
  CU_ASSERT(now.mode == SI_LOCK_GOVERNANCE && now.until_ms == end_ms);
  FATAL_OK(store->vt->lock(store, "k", NULL, SI_LOCK_COMPLIANCE, end_ms - 1000, &now, &error));
  CU_ASSERT(now.mode == SI_LOCK_COMPLIANCE && now.until_ms == end_ms);
  FATAL_OK(store->vt->lock(store, "k", NULL, SI_LOCK_GOVERNANCE, end_ms + 1000, &now, &error));
  CU_ASSERT(now.mode == SI_LOCK_COMPLIANCE && now.until_ms == end_ms + 1000);
  /* The other version is another matter. */
  FATAL_OK(store->vt->lock(store, "k", old, SI_LOCK_GOVERNANCE, end_ms, &now, &error));
  CU_ASSERT(now.mode == SI_LOCK_GOVERNANCE && now.until_ms == end_ms);
  CU_ASSERT(!(now.flags & SI_LOCK_CURRENT));
  CU_ASSERT_EQUAL(store->vt->lock(store, "k", "v9", SI_LOCK_GOVERNANCE, end_ms, &now, &error),
                  SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(store->vt->lock(store, "other", NULL, SI_LOCK_GOVERNANCE, end_ms, &now, &error),
                  SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(store->vt->lock(store, "k", NULL, SI_LOCK_GOVERNANCE, 1000, &now, &error),
                  SI_E_INVALID);
  end();
}

static void a_hold_outlasts_the_lock(void) {
  si_lock now;
  fresh();
  begin(NULL);
  lock_puts(store, SI_LOCK_GOVERNANCE, false);
  FATAL_OK(put("k", "bytes"));
  FATAL_OK(store->vt->hold(store, "k", NULL, true, &now, &error));
  CU_ASSERT((now.flags & SI_LOCK_HELD) && now.mode == SI_LOCK_GOVERNANCE);
  set_number("clock-offset", HOUR + 60000);
  CU_ASSERT_EQUAL(store->vt->remove(store, "k", &error), SI_E_RETENTION);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "hold"));
  FATAL_OK(store->vt->hold(store, "k", NULL, false, &now, &error));
  CU_ASSERT(!(now.flags & SI_LOCK_HELD) && now.mode == SI_LOCK_GOVERNANCE);
  FATAL_OK(store->vt->remove(store, "k", &error));
  /* And a hold alone is a lock. */
  lock_puts(store, SI_LOCK_NONE, true);
  FATAL_OK(put("k", "bytes"));
  CU_ASSERT_EQUAL(store->vt->remove(store, "k", &error), SI_E_RETENTION);
  FATAL_OK(report("k", 10));
  CU_ASSERT(told.held == 1 && told.none == 1 && told.last.until_ms == 0);
  end();
}

static void a_report_is_bounded(void) {
  char key[64];
  fresh();
  begin(NULL);
  for (int i = 0; i < 5; i++) {
    snprintf(key, sizeof key, "p/%d", i);
    FATAL_OK(put(key, "bytes"));
  }
  FATAL_OK(put("p2/k", "bytes"));
  FATAL_OK(report("p", 5));
  CU_ASSERT_EQUAL(told.count, 5);
  CU_ASSERT_EQUAL(report("p", 4), SI_E_QUOTA);
  CU_ASSERT_EQUAL(told.count, 4);
  FATAL_OK(report("", 6));
  CU_ASSERT_EQUAL(told.count, 6);
  FATAL_OK(report("nothing", 0));
  CU_ASSERT_EQUAL(told.count, 0);
  end();
}

/* As another client of the store leaves it, which hides what is locked and removes nothing. */
static void the_mark_of_a_removal_is_told_with_what_it_hides(void) {
  uint64_t length = 0;
  char mark[128];
  fresh();
  begin(NULL);
  lock_puts(store, SI_LOCK_COMPLIANCE, false);
  FATAL_OK(put("k", "bytes"));
  snprintf(mark, sizeof mark, "%s/objects/k/.v000000000099.marker", root);
  int fd SI_AUTO(si_close) = open(mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  CU_ASSERT_FATAL(fd >= 0);
  CU_ASSERT_EQUAL(store->vt->stat(store, "k", &length, &error), SI_E_NOT_FOUND);
  FATAL_OK(report("k", 10));
  CU_ASSERT(told.count == 2 && told.locked == 1 && told.none == 1 && told.current == 1);
  CU_ASSERT_EQUAL(told.last.flags, SI_LOCK_MARKER | SI_LOCK_CURRENT);
  /* What it hides is not written over either. */
  CU_ASSERT_EQUAL(put("k", "other"), SI_E_RETENTION);
  end();
}

static void of_two_that_lock_one_key_one_is_told_so(void) {
  fresh();
  begin(NULL);
  struct si_session *second = open_session("locker", NULL);
  struct si_store *other = si_session_store(second);
  lock_puts(store, SI_LOCK_COMPLIANCE, false);
  lock_puts(other, SI_LOCK_COMPLIANCE, false);
  for (int round = 0; round < 10; round++) {
    char key[32];
    snprintf(key, sizeof key, "race/%d", round);
    FATAL_OK(put_to(store, key, 0, "mine"));
    FATAL_OK(put_to(other, key, 0, "theirs"));
    si_rc one = store->vt->flush(store, &error);
    si_rc two = other->vt->flush(other, &error);
    CU_ASSERT((one == SI_OK) != (two == SI_OK));
    CU_ASSERT_EQUAL(one == SI_OK ? two : one, SI_E_RETENTION);
  }
  FATAL_OK(report("race", 20));
  CU_ASSERT(told.count == 10 && told.locked == 10);
  si_session_close(second);
  end();
}

static void a_crash_between_object_and_lock_is_no_success(void) {
  char key[32];
  fresh();
  set_number("crash-at", 3);
  begin("crash-after-put");
  lock_puts(store, SI_LOCK_COMPLIANCE, false);
  si_rc status = SI_OK;
  for (int i = 0; status == SI_OK && i < 3; i++) {
    snprintf(key, sizeof key, "c/%d", i);
    status = put(key, "bytes");
    CU_ASSERT_EQUAL(status == SI_OK, i < 2);
  }
  CU_ASSERT_STRING_EQUAL(error.code, "PLUGIN_EXITED");
  end();
  begin(NULL);
  FATAL_OK(report("c", 10));
  CU_ASSERT(told.count == 3 && told.locked == 2 && told.none == 1);
  end();
}

static void a_store_without_locks_is_asked_for_none(void) {
  si_lock now;
  session = open_session("bare-store", NULL);
  store = si_session_store(session);
  CU_ASSERT_EQUAL(store->vt->lock(store, "k", NULL, SI_LOCK_COMPLIANCE, in_an_hour(), &now, &error),
                  SI_E_UNSUPPORTED);
  CU_ASSERT_STRING_EQUAL(error.code, "PROVIDER_UNSUPPORTED");
  CU_ASSERT_EQUAL(store->vt->hold(store, "k", NULL, true, &now, &error), SI_E_UNSUPPORTED);
  CU_ASSERT_EQUAL(report("k", 10), SI_E_UNSUPPORTED);
  lock_puts(store, SI_LOCK_COMPLIANCE, false);
  CU_ASSERT_EQUAL(put("k", "bytes"), SI_E_UNSUPPORTED);
  CU_ASSERT_STRING_EQUAL(error.code, "PROVIDER_UNSUPPORTED");
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, SI_RETENTION_ID));
  end();
}

/* The first and the last are no tests: the tree is made before, and removed after. */
UNIT_MAIN("host lock", UNIT(make_tree), UNIT(an_object_is_locked_as_it_is_put),
          UNIT(every_way_in_which_a_store_fails_to_lock_is_found),
          UNIT(a_store_that_lies_is_found_by_its_report), UNIT(many_objects_are_locked_at_once),
          UNIT(a_lock_grows_and_never_weakens), UNIT(a_hold_outlasts_the_lock),
          UNIT(a_report_is_bounded), UNIT(the_mark_of_a_removal_is_told_with_what_it_hides),
          UNIT(of_two_that_lock_one_key_one_is_told_so),
          UNIT(a_crash_between_object_and_lock_is_no_success),
          UNIT(a_store_without_locks_is_asked_for_none), UNIT(drop_tree))
