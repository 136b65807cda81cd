/* SPDX-License-Identifier: Apache-2.0 */
/* core/runpack/copy.h: a copy is the source byte for byte, at its ids' place, or it is incomplete
 * and says so; nothing is overwritten, and nothing that does not verify is copied. R48, R50. */
#include "core/runpack/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runpack/fixture.h"
#include "tests/unit/runpack/memory_store.h"
#include "tests/unit/unit.h"

struct world {
  struct memory_store from, to;
  struct si_export_result exported;
  struct si_copy_result result;
  struct si_error error;
};

static void begin(struct world *w) {
  memset(w, 0, sizeof *w);
  memory_store_init(&w->from);
  memory_store_init(&w->to);
  CU_ASSERT_EQUAL_FATAL(fixture_export(&w->from.head, &w->exported, &w->error), SI_OK);
}

static void end(struct world *w) {
  memory_store_free(&w->from);
  memory_store_free(&w->to);
}

static si_rc copy_from(struct world *w, const char *prefix) {
  const struct si_copy_options options = {.max_artifact_bytes = 0};
  memset(&w->error, 0, sizeof w->error);
  return si_runpack_copy(&w->from.head, prefix, &w->to.head, &options, &w->result, &w->error);
}

static si_rc copy(struct world *w) {
  return copy_from(w, FIXTURE_PREFIX);
}

static void expect(struct world *w, si_rc status, const char *code, const char *target) {
  CU_ASSERT_EQUAL(copy(w), status);
  CU_ASSERT_EQUAL(w->error.status, status);
  CU_ASSERT_STRING_EQUAL(w->error.code, code);
  CU_ASSERT_STRING_EQUAL(w->error.target, target);
}

/* Does the destination hold what the source did, and no more? */
static void expect_same(struct world *w) {
  CU_ASSERT_EQUAL(w->to.count, 4);
  for (size_t i = 0; i < w->to.count; i++) {
    const struct memory_object *copied = &w->to.objects[i];
    const char *name = strstr(copied->key, FIXTURE_SPEC_HASH) + sizeof FIXTURE_SPEC_HASH - 1;
    const struct memory_object *object = memory_find(&w->from, name);
    CU_ASSERT_EQUAL(strncmp(copied->key, FIXTURE_PREFIX "/", sizeof FIXTURE_PREFIX), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(object);
    CU_ASSERT_EQUAL_FATAL(object->len, copied->len);
    CU_ASSERT_EQUAL(memcmp(object->data, copied->data, copied->len), 0);
  }
}

static void a_copy_has_every_byte_and_its_manifest_came_last(void) {
  struct world w;
  static const size_t pieces[] = {0, 1, 7};
  for (size_t i = 0; i < 3; i++) {
    begin(&w);
    w.from.piece = pieces[i];
    CU_ASSERT_EQUAL(copy(&w), SI_OK);
    expect_same(&w);
    CU_ASSERT_STRING_EQUAL(w.result.prefix, FIXTURE_PREFIX);
    CU_ASSERT_STRING_EQUAL(w.result.manifest_sha256, w.exported.manifest_sha256);
    CU_ASSERT_EQUAL(w.result.artifacts, w.exported.artifacts);
    CU_ASSERT_EQUAL(w.result.bytes, w.exported.bytes);
    CU_ASSERT_FALSE(w.result.already);
    CU_ASSERT_EQUAL(w.to.commits, 1);
    CU_ASSERT_EQUAL(w.to.flags, SI_PUT_CREATE_ONLY | SI_PUT_COMMIT); /* of the last put */
    CU_ASSERT_STRING_EQUAL(w.to.objects[3].key, FIXTURE_PREFIX "/manifest.json");
    CU_ASSERT_EQUAL(w.to.unflushed_at_manifest, 0);
    end(&w);
  }
}

static void a_copied_directory_goes_to_the_place_of_its_ids(void) {
  struct world w;
  begin(&w);
  for (size_t i = 0; i < w.from.count; i++) {
    char *key = w.from.objects[i].key;
    memmove(key, key + sizeof FIXTURE_PREFIX, strlen(key + sizeof FIXTURE_PREFIX) + 1);
  }
  CU_ASSERT_EQUAL(copy_from(&w, ""), SI_OK);
  CU_ASSERT_STRING_EQUAL(w.result.prefix, FIXTURE_PREFIX);
  CU_ASSERT_EQUAL(w.to.count, 4);
  CU_ASSERT_PTR_NOT_NULL(memory_find(&w.to, FIXTURE_PREFIX "/artifacts/out/result.json"));
  end(&w);
}

static void empty_and_large_artifacts_pass_whole(void) {
  const struct si_export_options options = fixture_options();
  struct si_export *e SI_AUTO(si_export_free) = NULL;
  static char large[300001];
  struct world w;
  begin(&w);
  memory_store_free(&w.from);
  memory_store_init(&w.from);
  for (size_t i = 0; i < sizeof large; i++) {
    large[i] = (char)(i * 2654435761u >> 13);
  }
  struct si_artifact whole = fixture_artifact("large", "");
  const struct si_artifact empty = fixture_artifact("empty", "");
  whole.data = large;
  whole.len = sizeof large;
  CU_ASSERT_EQUAL_FATAL(si_export_begin(&w.from.head, &options, "{}", 2, &e, &w.error), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_export_add(e, &whole, &w.error), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_export_add(e, &empty, &w.error), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_export_finish(e, &w.exported, &w.error), SI_OK);
  CU_ASSERT_EQUAL(copy_from(&w, w.exported.prefix), SI_OK);
  CU_ASSERT_EQUAL(w.result.bytes, sizeof large + 2);
  const struct memory_object *object = memory_find(&w.to, "/large");
  CU_ASSERT_PTR_NOT_NULL_FATAL(object);
  CU_ASSERT_EQUAL(memcmp(object->data, large, sizeof large), 0);
  CU_ASSERT_PTR_NOT_NULL(memory_find(&w.to, "/empty"));
  end(&w);
}

static void what_does_not_verify_is_not_copied(void) {
  struct world w;
  begin(&w);
  memory_find(&w.from, "/log.txt")->data[0] ^= 1;
  expect(&w, SI_E_CORRUPT, "RUNPACK_VERIFY_FAILED", "artifacts/log.txt");
  CU_ASSERT_STRING_EQUAL(w.error.stage, "source");
  CU_ASSERT_EQUAL(w.to.count, 0);
  memory_drop(&w.from, "/manifest.json");
  expect(&w, SI_E_CORRUPT, "RUNPACK_INCOMPLETE", "manifest.json");
  CU_ASSERT_EQUAL(w.to.count, 0);
  end(&w);
  begin(&w);
  CU_ASSERT_EQUAL(copy_from(&w, "tenant/none"), SI_E_NOT_FOUND);
  end(&w);
}

static void what_is_there_already_is_verified_and_not_written(void) {
  struct world w;
  begin(&w);
  CU_ASSERT_EQUAL(copy(&w), SI_OK);
  w.to.unflushed = 0;
  CU_ASSERT_EQUAL(copy(&w), SI_OK);
  CU_ASSERT_TRUE(w.result.already);
  CU_ASSERT_EQUAL(w.result.bytes, w.exported.bytes);
  CU_ASSERT_EQUAL(w.to.commits, 1);
  CU_ASSERT_EQUAL(w.to.unflushed, 0);
  expect_same(&w);
  memory_find(&w.to, "/log.txt")->data[0] ^= 1;
  expect(&w, SI_E_CORRUPT, "RUNPACK_VERIFY_FAILED", "artifacts/log.txt");
  CU_ASSERT_STRING_EQUAL(w.error.stage, "copy");
  end(&w);
}

static void another_runpack_at_the_place_is_never_overwritten(void) {
  struct world w;
  begin(&w);
  memory_set(&w.to, FIXTURE_PREFIX "/manifest.json", "{}", 2);
  memory_set(&w.to, FIXTURE_PREFIX "/artifacts/log.txt", "other", 5);
  expect(&w, SI_E_EXISTS, "RUNPACK_EXISTS", "manifest.json");
  CU_ASSERT_EQUAL(w.to.count, 2);
  CU_ASSERT_EQUAL(memory_find(&w.to, "/log.txt")->len, 5);
  end(&w);
}

/* The destination's own put finds it: another was faster. */
static si_rc (*real_put_open)(struct si_store *, const char *, uint32_t, uint64_t, const char *,
                              uint64_t *, struct si_error *);
static si_rc put_after_another(struct si_store *head, const char *key, uint32_t flags,
                               uint64_t length, const char *type, uint64_t *put,
                               struct si_error *error) {
  if (flags & SI_PUT_CREATE_ONLY) {
    memory_set((struct memory_store *)head, key, "{}", 2);
  }
  return real_put_open(head, key, flags, length, type, put, error);
}

static void of_two_copiers_one_makes_the_manifest(void) {
  struct world w;
  begin(&w);
  struct si_store_vt vt = *w.to.head.vt;
  real_put_open = vt.put_open;
  vt.put_open = put_after_another;
  w.to.head.vt = &vt;
  expect(&w, SI_E_EXISTS, "RUNPACK_EXISTS", "manifest.json");
  CU_ASSERT_EQUAL(memory_find(&w.to, "/manifest.json")->len, 2);
  end(&w);
}

/* Once our manifest is there, a whole runpack of somebody else's takes its place. */
static struct memory_store *usurper;
static si_rc (*real_flush)(struct si_store *, struct si_error *);
static si_rc flush_then_usurp(struct si_store *head, struct si_error *error) {
  struct memory_store *store = (struct memory_store *)head;
  si_rc status = real_flush(head, error);
  for (size_t i = 0; memory_find(store, "/manifest.json") && i < usurper->count; i++) {
    const struct memory_object *object = &usurper->objects[i];
    memory_set(store, object->key, object->data, object->len);
  }
  return status;
}

static void another_runpack_that_takes_our_place_is_not_taken_for_ours(void) {
  struct world w;
  struct memory_store other;
  struct si_export_options options = fixture_options();
  struct si_export_result result;
  struct si_export *e SI_AUTO(si_export_free) = NULL;
  begin(&w);
  memory_store_init(&other);
  options.generated_value++;
  const struct si_artifact log = fixture_artifact("log.txt", "hello\n");
  CU_ASSERT_EQUAL_FATAL(
      si_export_begin(&other.head, &options, FIXTURE_SPEC, sizeof FIXTURE_SPEC - 1, &e, &w.error),
      SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_export_add(e, &log, &w.error), SI_OK);
  const struct si_artifact same = fixture_artifact("out/result.json", "{\"ok\":true}");
  CU_ASSERT_EQUAL_FATAL(si_export_add(e, &same, &w.error), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_export_finish(e, &result, &w.error), SI_OK);
  struct si_store_vt vt = *w.to.head.vt;
  usurper = &other;
  real_flush = vt.flush;
  vt.flush = flush_then_usurp;
  w.to.head.vt = &vt;
  expect(&w, SI_E_EXISTS, "RUNPACK_EXISTS", "manifest.json");
  memory_store_free(&other);
  end(&w);
}

static void an_unfinished_copy_is_completed_and_a_stranger_in_it_refused(void) {
  struct world w;
  begin(&w);
  memory_set(&w.to, FIXTURE_PREFIX "/artifacts/log.txt", "half", 4);
  CU_ASSERT_EQUAL(copy(&w), SI_OK);
  CU_ASSERT_EQUAL(w.to.count, 4);
  memory_drop(&w.to, "/manifest.json");
  memory_set(&w.to, FIXTURE_PREFIX "/artifacts/stranger", "x", 1);
  expect(&w, SI_E_CONFLICT, "RUNPACK_LEFTOVERS", "artifacts/stranger");
  CU_ASSERT_PTR_NULL(memory_find(&w.to, "/manifest.json"));
  end(&w);
}

static void a_destination_that_fails_leaves_no_manifest(void) {
  static const char *const keys[] = {"/spec.json", "/log.txt", "/out/result.json",
                                     "/manifest.json"};
  for (size_t i = 0; i < 4; i++) {
    struct world w;
    begin(&w);
    w.to.fail_put = keys[i];
    CU_ASSERT_EQUAL(copy(&w), SI_E_QUOTA);
    CU_ASSERT_PTR_NULL(memory_find(&w.to, "/manifest.json"));
    w.to.fail_put = NULL;
    CU_ASSERT_EQUAL(copy(&w), SI_OK);
    expect_same(&w);
    end(&w);
  }
}

static void a_destination_that_keeps_other_bytes_is_found_out(void) {
  struct world w;
  begin(&w);
  w.to.corrupt = "/log.txt";
  expect(&w, SI_E_CORRUPT, "RUNPACK_VERIFY_FAILED", "artifacts/log.txt");
  CU_ASSERT_STRING_EQUAL(w.error.stage, "copy");
  end(&w);
}

/* --- a source that changes once it was verified --- */

static const char *changes_at; /* the end of a key */
static int change;
static struct memory_store *changing;
static int readings, changes_on;

static si_rc (*real_get)(struct si_store *, const char *, uint64_t, void *, si_store_data,
                         si_store_end, struct si_error *);

static si_rc get_changing(struct si_store *head, const char *key, uint64_t limit, void *ctx,
                          si_store_data on_data, si_store_end on_end, struct si_error *error) {
  struct memory_object *object = memory_find(changing, changes_at);
  if (object && strcmp(object->key, key) == 0 && ++readings == changes_on) {
    char bytes[4096];
    size_t len = object->len;
    memcpy(bytes, object->data, len);
    switch (change) {
      case 0: bytes[len / 2] ^= 1; break;
      case 1: bytes[len++] = '\n'; break;
      case 2: len--; break;
      default: break;
    }
    char *own = strdup(object->key);
    if (change == 3) {
      memory_drop(changing, own);
    } else {
      memory_set(changing, own, bytes, len);
    }
    free(own);
  }
  return real_get(head, key, limit, ctx, on_data, on_end, error);
}

static void a_source_that_changes_after_its_verification_is_found_out(void) {
  static const struct {
    const char *key, *target;
    int reading; /* the manifest is read when it is verified, for its table, and to be copied */
  } cases[] = {{"/manifest.json", "manifest.json", 2},
               {"/manifest.json", "manifest.json", 3},
               {"/log.txt", "artifacts/log.txt", 2},
               {"/out/result.json", "artifacts/out/result.json", 2}};
  for (size_t k = 0; k < 4; k++) {
    for (change = 0; change < 4; change++) {
      struct world w;
      begin(&w);
      struct si_store_vt vt = *w.from.head.vt;
      real_get = vt.get;
      vt.get = get_changing;
      w.from.head.vt = &vt;
      changing = &w.from;
      changes_at = cases[k].key;
      readings = 0;
      changes_on = cases[k].reading;
      expect(&w, SI_E_CONFLICT, "RUNPACK_COPY_CHANGED", cases[k].target);
      CU_ASSERT_STRING_EQUAL(w.error.stage, "source");
      CU_ASSERT_PTR_NULL(memory_find(&w.to, "/manifest.json"));
      if (k > 1) { /* what did not pass was not kept */
        CU_ASSERT_PTR_NULL(memory_find(&w.to, cases[k].key));
      }
      end(&w);
    }
  }
}

static si_rc get_hiding(struct si_store *head, const char *key, uint64_t limit, void *ctx,
                        si_store_data on_data, si_store_end on_end, struct si_error *error) {
  readings += strstr(key, "/manifest.json") != NULL;
  changing->hide = readings == 2 ? "/log.txt" : NULL;
  return real_get(head, key, limit, ctx, on_data, on_end, error);
}

static void a_source_that_no_longer_lists_an_artifact_is_found_out(void) {
  struct world w;
  begin(&w);
  struct si_store_vt vt = *w.from.head.vt;
  real_get = vt.get;
  vt.get = get_hiding;
  w.from.head.vt = &vt;
  changing = &w.from;
  readings = 0;
  expect(&w, SI_E_CONFLICT, "RUNPACK_COPY_CHANGED", "artifacts/log.txt");
  CU_ASSERT_EQUAL(w.to.count, 0);
  end(&w);
}

static void a_source_that_lies_about_a_length_is_found_out(void) {
  struct world w;
  begin(&w);
  w.from.lie_length = 1;
  CU_ASSERT_NOT_EQUAL(copy(&w), SI_OK);
  CU_ASSERT_PTR_NULL(memory_find(&w.to, "/manifest.json"));
  w.from.lie_length = UINT64_MAX; /* one less */
  expect(&w, SI_E_CONFLICT, "RUNPACK_COPY_CHANGED", "artifacts/log.txt");
  CU_ASSERT_PTR_NULL(memory_find(&w.to, "/manifest.json"));
  end(&w);
}

static void an_artifact_beyond_the_cap_is_refused(void) {
  const struct si_copy_options options = {.max_artifact_bytes = 5};
  struct world w;
  begin(&w);
  CU_ASSERT_EQUAL(
      si_runpack_copy(&w.from.head, FIXTURE_PREFIX, &w.to.head, &options, &w.result, &w.error),
      SI_E_CORRUPT);
  CU_ASSERT_EQUAL(w.to.count, 0);
  end(&w);
}

static void on_progress(void *ctx, enum si_copy_stage stage, uint64_t done, uint64_t total) {
  uint64_t *seen = ctx;
  CU_ASSERT_EQUAL(total, 3);
  CU_ASSERT_EQUAL(done, seen[stage] + 1);
  seen[stage] = done;
}

static void every_artifact_of_every_stage_is_told(void) {
  uint64_t seen[3] = {0};
  const struct si_copy_options options = {.progress = on_progress, .ctx = seen};
  struct world w;
  begin(&w);
  CU_ASSERT_EQUAL(
      si_runpack_copy(&w.from.head, FIXTURE_PREFIX, &w.to.head, &options, &w.result, &w.error),
      SI_OK);
  for (size_t i = 0; i < 3; i++) {
    CU_ASSERT_EQUAL(seen[i], 3);
  }
  end(&w);
}

UNIT_MAIN("runpack copy", UNIT(a_copy_has_every_byte_and_its_manifest_came_last),
          UNIT(a_copied_directory_goes_to_the_place_of_its_ids),
          UNIT(empty_and_large_artifacts_pass_whole), UNIT(what_does_not_verify_is_not_copied),
          UNIT(what_is_there_already_is_verified_and_not_written),
          UNIT(another_runpack_at_the_place_is_never_overwritten),
          UNIT(of_two_copiers_one_makes_the_manifest),
          UNIT(another_runpack_that_takes_our_place_is_not_taken_for_ours),
          UNIT(an_unfinished_copy_is_completed_and_a_stranger_in_it_refused),
          UNIT(a_destination_that_fails_leaves_no_manifest),
          UNIT(a_destination_that_keeps_other_bytes_is_found_out),
          UNIT(a_source_that_changes_after_its_verification_is_found_out),
          UNIT(a_source_that_no_longer_lists_an_artifact_is_found_out),
          UNIT(a_source_that_lies_about_a_length_is_found_out),
          UNIT(an_artifact_beyond_the_cap_is_refused), UNIT(every_artifact_of_every_stage_is_told))
