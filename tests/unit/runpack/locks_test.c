/* SPDX-License-Identifier: Apache-2.0 */
/* core/runpack/locks.h and attest.h: how a runpack is locked is told as it is, a lock only grows,
 * and a statement of it is good to the byte or not at all. R54, R55. */
#include "core/runpack/locks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/runpack/attest.h"
#include "core/runpack/verify.h"
#include "tests/unit/runpack/fixture.h"
#include "tests/unit/runpack/memory_store.h"
#include "tests/unit/unit.h"

#define CLOCK 1800000000000ll
#define HOUR 3600000ll

static struct memory_store store;
static struct si_export_result result;
static struct si_error error;

/* An exported runpack, locked for an hour in that mode, or not. */
static void begin(uint32_t mode) {
  memory_store_init(&store);
  memory_store_locks(&store, CLOCK);
  CU_ASSERT_EQUAL_FATAL(fixture_export(&store.head, &result, &error), SI_OK);
  for (size_t i = 0; mode != SI_LOCK_NONE && i < store.count; i++) {
    store.objects[i].lock = (struct si_store_lock){.mode = mode, .until_ms = CLOCK + HOUR};
  }
}

static void end(void) {
  memory_store_free(&store);
}

static void expect(si_rc got, si_rc status, const char *code) {
  if (got != status || strcmp(error.code, code) != 0) {
    printf("\n  %s (%d) where %s (%d) was to come: %s", error.code, (int)got, code, (int)status,
           error.message);
    CU_FAIL("another end");
  }
}

static void it_is_told_as_it_is(void) {
  struct si_locks locks SI_AUTO(si_locks_free) = SI_LOCKS;
  begin(SI_LOCK_COMPLIANCE);
  store.old = FIXTURE_PREFIX "/artifacts/log.txt";
  store.marker = FIXTURE_PREFIX "/artifacts/gone.txt";
  CU_ASSERT_EQUAL(si_locks_read(&store.head, FIXTURE_PREFIX, &locks, &error), SI_OK);
  CU_ASSERT(locks.complete && locks.clock && si_locks_all_locked(&locks));
  CU_ASSERT_EQUAL(locks.current, 4);
  CU_ASSERT_EQUAL(locks.old, 1);
  CU_ASSERT_EQUAL(locks.markers, 1);
  CU_ASSERT_EQUAL(locks.weakest, SI_LOCK_COMPLIANCE);
  CU_ASSERT_EQUAL(locks.earliest_ms, CLOCK + HOUR);

  struct memory_object *log = memory_find(&store, "log.txt");
  log->lock.mode = SI_LOCK_GOVERNANCE;
  log->lock.until_ms = CLOCK + 1000;
  CU_ASSERT_EQUAL(si_locks_read(&store.head, FIXTURE_PREFIX, &locks, &error), SI_OK);
  CU_ASSERT_EQUAL(locks.weakest, SI_LOCK_GOVERNANCE);
  CU_ASSERT_EQUAL(locks.earliest_ms, CLOCK + 1000);
  CU_ASSERT_EQUAL(locks.latest_ms, CLOCK + HOUR);

  /* An end that has passed by the store's clock is none, whatever this machine's says. */
  log->lock.until_ms = CLOCK;
  CU_ASSERT_EQUAL(si_locks_read(&store.head, FIXTURE_PREFIX, &locks, &error), SI_OK);
  CU_ASSERT(!si_locks_all_locked(&locks));
  CU_ASSERT_EQUAL(locks.weakest, SI_LOCK_NONE);
  expect(si_locks_demand(&locks, SI_LOCK_GOVERNANCE, CLOCK + 1, &error), SI_E_RETENTION,
         "LOCK_MISSING");
  CU_ASSERT_STRING_EQUAL(error.target, "artifacts/log.txt");

  /* Without its manifest it is incomplete, and told all the same. */
  memory_find(&store, "manifest.json")->key[0] = 'x';
  CU_ASSERT_EQUAL(si_locks_read(&store.head, FIXTURE_PREFIX, &locks, &error), SI_OK);
  CU_ASSERT(!locks.complete);
  CU_ASSERT_EQUAL(locks.locked, 2);
  end();
}

static void what_cannot_tell_is_said(void) {
  struct si_locks locks SI_AUTO(si_locks_free) = SI_LOCKS;
  begin(SI_LOCK_NONE);
  expect(si_locks_read(&store.head, "tenant/x", &locks, &error), SI_E_NOT_FOUND,
         "RUNPACK_NOT_FOUND");
  store.about = "{\"locking\":false}";
  expect(si_locks_read(&store.head, FIXTURE_PREFIX, &locks, &error), SI_E_UNSUPPORTED,
         "LOCK_UNSUPPORTED");
  store.about = "[]";
  expect(si_locks_read(&store.head, FIXTURE_PREFIX, &locks, &error), SI_E_CORRUPT, "LOCK_REPORT");
  store.cannot = true;
  expect(si_locks_read(&store.head, FIXTURE_PREFIX, &locks, &error), SI_E_UNSUPPORTED,
         "LOCK_UNSUPPORTED");
  end();
  memory_store_init(&store);
  expect(si_locks_read(&store.head, FIXTURE_PREFIX, &locks, &error), SI_E_UNSUPPORTED,
         "LOCK_UNSUPPORTED");
  end();
}

static void a_lock_only_grows(void) {
  static const struct {
    uint32_t mode;
    int64_t until_ms;
    const char *code; /* NULL: done */
  } cases[] = {{SI_LOCK_COMPLIANCE, CLOCK + HOUR, NULL},
               {SI_LOCK_COMPLIANCE, CLOCK + HOUR - 1, "LOCK_SHORTEN"},
               {SI_LOCK_GOVERNANCE, CLOCK + 2 * HOUR, "LOCK_DOWNGRADE"},
               {SI_LOCK_GOVERNANCE, CLOCK + 1, "LOCK_DOWNGRADE"},
               {SI_LOCK_COMPLIANCE, CLOCK, "LOCK_TIME"},
               {SI_LOCK_COMPLIANCE, CLOCK + 2 * HOUR, NULL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_locks locks SI_AUTO(si_locks_free) = SI_LOCKS;
    begin(SI_LOCK_COMPLIANCE);
    CU_ASSERT_EQUAL(si_locks_read(&store.head, FIXTURE_PREFIX, &locks, &error), SI_OK);
    memset(&error, 0, sizeof error);
    si_rc status = si_locks_extend(&store.head, &locks, cases[i].mode, cases[i].until_ms, &error);
    CU_ASSERT_STRING_EQUAL(error.code, cases[i].code ? cases[i].code : "");
    CU_ASSERT_EQUAL(status == SI_OK, !cases[i].code);
    if (cases[i].code) {
      CU_ASSERT_EQUAL(store.lock_calls, 0); /* nothing was asked */
    } else {
      CU_ASSERT_EQUAL(locks.earliest_ms, cases[i].until_ms);
    }
    end();
  }
}

static void half_of_it_is_completed(void) {
  struct si_locks locks SI_AUTO(si_locks_free) = SI_LOCKS;
  begin(SI_LOCK_NONE);
  memory_find(&store, "log.txt")->lock =
      (struct si_store_lock){.mode = SI_LOCK_GOVERNANCE, .until_ms = CLOCK + HOUR};
  CU_ASSERT_EQUAL(si_locks_read(&store.head, FIXTURE_PREFIX, &locks, &error), SI_OK);
  CU_ASSERT_EQUAL(si_locks_extend(&store.head, &locks, SI_LOCK_GOVERNANCE, CLOCK + HOUR, &error),
                  SI_OK);
  CU_ASSERT(si_locks_all_locked(&locks));
  CU_ASSERT_EQUAL(store.lock_calls, 3); /* one was so already */
  end();
}

static void a_store_that_does_nothing_is_found_out(void) {
  struct si_locks locks SI_AUTO(si_locks_free) = SI_LOCKS;
  begin(SI_LOCK_NONE);
  store.stubborn = "log.txt";
  CU_ASSERT_EQUAL(si_locks_read(&store.head, FIXTURE_PREFIX, &locks, &error), SI_OK);
  expect(si_locks_extend(&store.head, &locks, SI_LOCK_COMPLIANCE, CLOCK + HOUR, &error),
         SI_E_RETENTION, "LOCK_UNPROVEN");
  expect(si_locks_hold(&store.head, &locks, true, &error), SI_E_RETENTION, "LOCK_UNPROVEN");
  store.stubborn = NULL;
  CU_ASSERT_EQUAL(si_locks_hold(&store.head, &locks, true, &error), SI_OK);
  CU_ASSERT_EQUAL(locks.held, 4);
  CU_ASSERT_EQUAL(si_locks_hold(&store.head, &locks, false, &error), SI_OK);
  CU_ASSERT_EQUAL(locks.held, 0);
  end();
}

/* --- attestations --- */

static const uint8_t secret[SI_SIGN_KEY] = {7};

static cJSON *manifest_of(void) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_MANIFEST_SHOW_MAX);
  cJSON *manifest = NULL;
  CU_ASSERT_EQUAL(si_runpack_manifest(&store.head, FIXTURE_PREFIX, &text, &error), SI_OK);
  CU_ASSERT_EQUAL(si_json_parse(text.data, text.len, &manifest, NULL), SI_OK);
  return manifest;
}

static void make_statement(struct si_buf *out) {
  struct si_locks locks SI_AUTO(si_locks_free) = SI_LOCKS;
  cJSON *manifest SI_AUTO(si_json_free) = manifest_of();
  store.old = FIXTURE_PREFIX "/artifacts/log.txt";
  CU_ASSERT_EQUAL(si_locks_read(&store.head, FIXTURE_PREFIX, &locks, &error), SI_OK);
  const struct si_attest_facts facts = {.locks = &locks,
                                        .manifest_sha256 = result.manifest_sha256,
                                        .manifest = manifest,
                                        .storage_uri = "memory://x",
                                        .si_version = "0.1.0",
                                        .made_ms = CLOCK};
  CU_ASSERT_EQUAL(si_attest_make(&facts, secret, out, &error), SI_OK);
}

static si_rc check(const struct si_buf *text, cJSON **statement) {
  char signer[SI_SHA256_HEX];
  memset(&error, 0, sizeof error);
  return si_attest_check(text->data, text->len, statement, signer, &error);
}

static void a_statement_says_what_was_read(void) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(65536);
  cJSON *statement SI_AUTO(si_json_free) = NULL;
  const cJSON *object = NULL;
  begin(SI_LOCK_COMPLIANCE);
  make_statement(&text);
  CU_ASSERT_EQUAL_FATAL(check(&text, &statement), SI_OK);
  CU_ASSERT_EQUAL(cJSON_GetArraySize(si_json_get(statement, "objects")), 4);
  cJSON_ArrayForEach(object, si_json_get(statement, "objects")) {
    CU_ASSERT(si_sha256_hex_valid(si_json_str(object, "sha256")));
    CU_ASSERT_STRING_EQUAL(si_json_str(object, "mode"), "COMPLIANCE");
    CU_ASSERT_PTR_NULL(si_json_get(object, "current"));
  }
  CU_ASSERT_EQUAL(si_json_int(statement, "old_versions", 0, 9, -1), 1);
  CU_ASSERT(si_json_bool(statement, "all_locked", false));
  CU_ASSERT_STRING_EQUAL(si_json_str(statement, "manifest_sha256"), result.manifest_sha256);
  CU_ASSERT_EQUAL(si_buf_puts(&text, "\n"), SI_OK);
  cJSON_Delete(statement);
  statement = NULL;
  CU_ASSERT_EQUAL(check(&text, &statement), SI_OK);
  end();
}

/* Whatever byte is changed, it is no good any more. */
static void no_byte_of_it_can_be_changed(void) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(65536);
  begin(SI_LOCK_GOVERNANCE);
  make_statement(&text);
  for (size_t i = 0; i < text.len; i++) {
    cJSON *statement = NULL;
    text.data[i] ^= 1;
    if (check(&text, &statement) != SI_E_CORRUPT) {
      printf("\n  byte %zu: '%c'", i, text.data[i]);
      CU_FAIL("a changed statement was taken");
      cJSON_Delete(statement);
    }
    text.data[i] ^= 1;
  }
  end();
}

/* A manifest's signature is none for a statement, and the reverse. */
static void a_signature_is_for_one_thing(void) {
  struct si_signature signature;
  CU_ASSERT_EQUAL(si_signature_make(secret, result.manifest_sha256, &signature), SI_OK);
  CU_ASSERT_EQUAL(si_signature_check(&signature, result.manifest_sha256), SI_OK);
  CU_ASSERT_EQUAL(si_signature_check_for(SI_ATTESTATION, &signature, result.manifest_sha256),
                  SI_E_CORRUPT);
}

static void another_version_in_between_is_seen(void) {
  struct si_locks before SI_AUTO(si_locks_free) = SI_LOCKS;
  struct si_locks after SI_AUTO(si_locks_free) = SI_LOCKS;
  begin(SI_LOCK_NONE);
  CU_ASSERT_EQUAL(si_locks_read(&store.head, FIXTURE_PREFIX, &before, &error), SI_OK);
  CU_ASSERT_EQUAL(si_locks_read(&store.head, FIXTURE_PREFIX, &after, &error), SI_OK);
  CU_ASSERT_EQUAL(si_attest_same(&before, &after, &error), SI_OK);
  memory_set(&store, FIXTURE_PREFIX "/artifacts/more.txt", "x", 1);
  CU_ASSERT_EQUAL(si_locks_read(&store.head, FIXTURE_PREFIX, &after, &error), SI_OK);
  expect(si_attest_same(&before, &after, &error), SI_E_CONFLICT, "RUNPACK_CHANGED");
  expect(si_attest_same(&after, &before, &error), SI_E_CONFLICT, "RUNPACK_CHANGED");
  end();
}

UNIT_MAIN("locks of a runpack", UNIT(it_is_told_as_it_is), UNIT(what_cannot_tell_is_said),
          UNIT(a_lock_only_grows), UNIT(half_of_it_is_completed),
          UNIT(a_store_that_does_nothing_is_found_out), UNIT(a_statement_says_what_was_read),
          UNIT(no_byte_of_it_can_be_changed), UNIT(a_signature_is_for_one_thing),
          UNIT(another_version_in_between_is_seen))
