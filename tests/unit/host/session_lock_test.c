/* SPDX-License-Identifier: Apache-2.0 */
/* core/host/session_lock.c against a child that lies about locks: what was not read back as it was
 * asked for counts for nothing, and what cannot be ends the session. R54, R55, R74. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "core/host/session.h"
#include "kit/base/text.h"
#include "tests/unit/host/locks.h"
#include "tests/unit/unit.h"

enum { MOST = 3 };

static const struct si_store_lock wanted = {.mode = SI_LOCK_COMPLIANCE, .until_ms = LOCK_UNTIL};
static int told; /* versions that a report told */

static si_rc put_as(struct si_store *store, struct si_store_lock lock, struct si_error *error) {
  uint64_t id = 0;
  store->lock = lock;
  si_rc status = store->vt->put_open(store, "prefix/k", 0, 5, "text/plain", &id, error);
  status = status == SI_OK ? store->vt->put_data(store, id, "bytes", 5, error) : status;
  status = status == SI_OK ? store->vt->put_close(store, id, 1, error) : status;
  return status == SI_OK ? store->vt->flush(store, error) : status;
}

static si_rc put(struct si_store *store, struct si_error *error) {
  return put_as(store, wanted, error);
}

/* Without a lock, of which nothing may be told. */
static si_rc put_free(struct si_store *store, struct si_error *error) {
  return put_as(store, (struct si_store_lock){.mode = SI_LOCK_NONE}, error);
}

static si_rc put_held(struct si_store *store, struct si_error *error) {
  return put_as(store, (struct si_store_lock){.held = true}, error);
}

static si_rc lock(struct si_store *store, struct si_error *error) {
  si_lock now = {.mode = 77};
  si_rc status = store->vt->lock(store, "prefix/k", NULL, wanted.mode, LOCK_UNTIL, &now, error);
  CU_ASSERT_EQUAL(now.mode, status == SI_OK ? SI_LOCK_COMPLIANCE : 77);
  CU_ASSERT(status != SI_OK || (now.until_ms >= LOCK_UNTIL && !now.key && !now.version));
  CU_ASSERT(status != SI_OK || now.told_ms == LOCK_TOLD || now.told_ms == 0);
  return status;
}

static si_rc hold(struct si_store *store, struct si_error *error) {
  si_lock now = {.flags = 0};
  si_rc status = store->vt->hold(store, "prefix/k", "v1", true, &now, error);
  CU_ASSERT_EQUAL((now.flags & SI_LOCK_HELD) != 0, status == SI_OK);
  return status;
}

static si_rc release(struct si_store *store, struct si_error *error) {
  si_lock now = {.flags = SI_LOCK_HELD};
  si_rc status = store->vt->hold(store, "prefix/k", "v1", false, &now, error);
  CU_ASSERT_EQUAL((now.flags & SI_LOCK_HELD) == 0, status == SI_OK);
  return status;
}

static si_rc each(void *ctx, const si_lock *lock) {
  (void)ctx;
  told++;
  CU_ASSERT(strcmp(lock->key, "prefix") == 0 || strncmp(lock->key, "prefix/", 7) == 0);
  CU_ASSERT(!lock->version || lock->version[0]);
  CU_ASSERT(lock->told_ms == LOCK_TOLD || lock->told_ms == 0);
  return SI_OK;
}

static si_rc locks(struct si_store *store, struct si_error *error) {
  struct si_buf about SI_AUTO(si_buf_free) = SI_BUF(1000);
  si_rc status = store->vt->locks(store, "prefix", MOST, NULL, each, &about, error);
  CU_ASSERT(status != SI_OK || strcmp(si_buf_text(&about), "{\"locking\":true}") == 0);
  return status;
}

static si_rc no_more(void *ctx, const si_lock *lock) {
  (void)ctx;
  (void)lock;
  told++;
  return SI_E_REFUSED;
}

static si_rc locks_until_it_stops(struct si_store *store, struct si_error *error) {
  struct si_buf about SI_AUTO(si_buf_free) = SI_BUF(1000);
  return store->vt->locks(store, "prefix", MOST, NULL, no_more, &about, error);
}

static si_rc no_item(void *ctx, const struct si_store_object *object) {
  (void)ctx;
  (void)object;
  return SI_OK;
}

static si_rc list(struct si_store *store, struct si_error *error) {
  return store->vt->list(store, "prefix", MOST, NULL, no_item, error);
}

static si_rc stat_it(struct si_store *store, struct si_error *error) {
  uint64_t length;
  return store->vt->stat(store, "prefix/k", &length, error);
}

static si_rc run(const char *behaviour, si_rc (*drive)(struct si_store *, struct si_error *),
                 struct si_error *error) {
  struct si_session *session = NULL;
  const struct si_session_options options = {
      .plugin = behaviour,
      .kind = SI_KIND_ARTIFACT,
      .lock_fd = -1,
      .interrupt_fd = -1,
      .deadline_ns = si_monotonic_ns() + 20000000000ull,
  };
  told = 0;
  memset(error, 0, sizeof *error);
  si_rc status = si_session_open(&options, &session, error);
  if (status == SI_OK) {
    status = drive(si_session_store(session), error);
  }
  si_session_close(session);
  CU_ASSERT(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD); /* nobody is left */
  return status;
}

#define BAD "PLUGIN_PROTOCOL", SI_E_INTERNAL
#define UNPROVEN "LOCK_UNPROVEN", SI_E_RETENTION

static const struct {
  const char *behaviour;
  si_rc (*drive)(struct si_store *, struct si_error *);
  const char *code;
  si_rc status;
  int told; /* by a report */
} cases[] = {
    {"lock_kept", put, "", SI_OK, 0},
    {"lock_kept_and_more", put, "", SI_OK, 0},
    {"lock_without_a_version", put, "", SI_OK, 0},
    {"lock_of_a_wild_clock", put, "", SI_OK, 0},
    {"lock_untold", put, UNPROVEN, 0},
    {"lock_weaker", put, UNPROVEN, 0},
    {"lock_short", put, UNPROVEN, 0},
    {"lock_none", put, UNPROVEN, 0},
    {"lock_held_alone", put, UNPROVEN, 0},
    {"lock_held_alone", put_held, "", SI_OK, 0},
    {"lock_kept", put_held, UNPROVEN, 0},
    {"lock_kept_and_more", put_held, "", SI_OK, 0},
    {"lock_untold", put_held, UNPROVEN, 0},
    {"lock_untold", put_free, "", SI_OK, 0},
    {"lock_refused", put, "HOSTILE", SI_E_CONFLICT, 0},
    {"lock_kept", put_free, BAD, 0},
    {"lock_none", put_free, BAD, 0},

    {"lock_kept", lock, "", SI_OK, 0},
    {"lock_kept_and_more", lock, "", SI_OK, 0},
    {"lock_of_a_wild_clock", lock, "", SI_OK, 0},
    {"lock_untold", lock, UNPROVEN, 0},
    {"lock_weaker", lock, UNPROVEN, 0},
    {"lock_short", lock, UNPROVEN, 0},
    {"lock_none", lock, UNPROVEN, 0},
    {"lock_refused", lock, "HOSTILE", SI_E_CONFLICT, 0},
    {"lock_kept_and_more", hold, "", SI_OK, 0},
    {"lock_held_alone", hold, "", SI_OK, 0},
    {"lock_kept", hold, UNPROVEN, 0},
    {"lock_untold", hold, UNPROVEN, 0},
    {"lock_kept", release, "", SI_OK, 0},
    {"lock_none", release, "", SI_OK, 0},
    {"lock_held_alone", release, UNPROVEN, 0},
    {"lock_untold", release, UNPROVEN, 0},

    {"lock_kept", locks, "", SI_OK, 1},
    {"lock_without_a_version", locks, "", SI_OK, 1},
    {"lock_of_a_wild_clock", locks, "", SI_OK, 1},
    {"lock_none", locks, "", SI_OK, 1},
    {"lock_of_another_object", locks, "", SI_OK, 1},
    {"lock_untold", locks, "", SI_OK, 0},
    {"lock_of_three", locks, "", SI_OK, 3},
    {"lock_of_four", locks, "STORE_STOPPED", SI_E_QUOTA, 3},
    {"lock_of_three", locks_until_it_stops, "STORE_STOPPED", SI_E_REFUSED, 1},
    {"lock_refused", locks, "HOSTILE", SI_E_CONFLICT, 1},
    {"locks_without_end", locks, BAD, 3},
    {"lock_outside_the_prefix", locks, BAD, 0},
    {"lock_above_the_prefix", locks, BAD, 0},
    {"lock_of_a_key_that_is_no_text", locks, BAD, 0},
    {"lock_of_a_long_key", locks, BAD, 0},
    {"item_for_locks", locks, BAD, 0},

    {"lock_kept", list, BAD, 0},
    {"lock_kept", stat_it, BAD, 0},
    {"lock_before_it_is_asked", stat_it, BAD, 0},
};

/* Whatever was asked for. */
static const char *const never[] = {
    "lock_of_no_mode",        "lock_of_a_wild_mode", "lock_of_wild_flags",
    "lock_for_ever",          "lock_past_the_years", "lock_without_an_end",
    "lock_none_with_an_end",  "lock_for_nobody",     "lock_of_a_strange_version",
    "lock_of_a_long_version", "lock_cut_off",        "lock_that_is_no_frame",
};

static void expect(const char *behaviour, si_rc (*drive)(struct si_store *, struct si_error *),
                   const char *code, si_rc status) {
  struct si_error error;
  si_rc got = run(behaviour, drive, &error);
  if (got != status || strcmp(error.code, code) != 0 || error.status != status) {
    printf("  %s: %s (%d), %s (%d) was to come: %s\n", behaviour, error.code, (int)got, code,
           (int)status, error.message);
    CU_FAIL("another end than this was to come");
  }
}

static void a_lock_counts_only_where_it_was_read_back(void) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    expect(cases[i].behaviour, cases[i].drive, cases[i].code, cases[i].status);
    if (told != cases[i].told) {
      printf("  %s: %d versions were told\n", cases[i].behaviour, told);
      CU_FAIL("more or fewer versions were to be told");
    }
  }
}

static void a_lock_that_cannot_be_ends_the_session(void) {
  for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
    expect(never[i], put, BAD);
    expect(never[i], lock, BAD);
    expect(never[i], locks, BAD);
    CU_ASSERT_EQUAL(told, 0);
  }
}

static void what_is_told_twice_or_too_late_ends_the_session(void) {
  expect("lock_told_twice", put, BAD);
  expect("lock_told_twice", lock, BAD);
}

/* The answer came first, so that it is the next call that hears of it. */
static si_rc put_twice(struct si_store *store, struct si_error *error) {
  si_rc status = put(store, error);
  return status == SI_OK ? put(store, error) : status;
}

static void a_lock_that_is_told_after_the_end_is_nobodys(void) {
  expect("lock_after_the_end", put_twice, BAD);
}

static void the_message_says_what_was_wanted_and_what_there_is(void) {
  struct si_error error;
  CU_ASSERT_EQUAL(run("lock_short", put, &error), SI_E_RETENTION);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "COMPLIANCE until 2029-12-31T23:59:59.999Z"));
  CU_ASSERT_PTR_NOT_NULL(
      strstr(error.message, "wanted: COMPLIANCE until 2030-01-01T00:00:00.000Z"));
  CU_ASSERT_EQUAL(run("lock_untold", put, &error), SI_E_RETENTION);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "told nothing"));
  CU_ASSERT(error.hint[0]);
  CU_ASSERT_EQUAL(run("lock_held_alone", release, &error), SI_E_RETENTION);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "legal hold"));
}

UNIT_MAIN("host session lock", UNIT(a_lock_counts_only_where_it_was_read_back),
          UNIT(a_lock_that_cannot_be_ends_the_session),
          UNIT(what_is_told_twice_or_too_late_ends_the_session),
          UNIT(a_lock_that_is_told_after_the_end_is_nobodys),
          UNIT(the_message_says_what_was_wanted_and_what_there_is))
