/* SPDX-License-Identifier: Apache-2.0 */
/* core/runpack/prune.h: what was begun and never finished goes once it is old, whole runpacks only
 * where that was asked for, and nothing else ever. R48. */
#include "core/runpack/prune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runpack/memory_store.h"
#include "tests/unit/unit.h"

#define H "/4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
#define RUN(t, r) "tenant/" t "/namespace/n/scenario/s/run/" r H

enum { OLD = 100, NOW = 900, BEFORE = 500 };

static const struct si_prune_options incomplete = {
    .under = "", .incomplete = true, .before_ms = BEFORE};
static const struct si_prune_options both = {
    .under = "", .incomplete = true, .complete = true, .before_ms = BEFORE};

static void put(struct memory_store *store, const char *key, int64_t ms) {
  store->now_ms = ms;
  memory_set(store, key, "12345", 5);
}

static void leave(struct memory_store *store, const char *key, const char *id, int64_t ms) {
  CU_ASSERT_FATAL(store->unfinished_count < MEMORY_UNFINISHED);
  store->unfinished[store->unfinished_count++] = (struct memory_unfinished){key, id, ms};
}

static void fill(struct memory_store *store) {
  memory_store_init(store);
  put(store, RUN("a", "old") "/artifacts/x", OLD);
  put(store, RUN("a", "old") "/artifacts/y/z", OLD + 1);
  put(store, RUN("a", "mixed") "/artifacts/x", OLD);
  put(store, RUN("a", "mixed") "/artifacts/y", NOW);
  put(store, RUN("a", "ageless") "/artifacts/x", OLD);
  put(store, RUN("a", "ageless") "/artifacts/y", 0);
  put(store, RUN("a", "edge") "/artifacts/x", BEFORE);
  put(store, RUN("b", "done") "/artifacts/x", NOW); /* the manifest's age is what counts */
  put(store, RUN("b", "done") "/manifest.json", OLD);
  put(store, RUN("b", "fresh") "/artifacts/x", OLD);
  put(store, RUN("b", "fresh") "/manifest.json", NOW);
  put(store, "readme", OLD);
  put(store, RUN("a", "old") "/notes.txt", OLD);
  put(store, RUN("a", "old") "/artifacts/not ours", OLD);
  put(store, "tenant/a/namespace/n/artifacts/x", OLD);
}

/* Kinds and prefixes of a plan, joined by ' ': "I:run". */
static void plan_text(const struct si_prune_plan *plan, char *to, size_t size) {
  to[0] = '\0';
  for (size_t i = 0; i < plan->count; i++) {
    const struct si_prune_item *item = &plan->items[i];
    struct si_runpack_ids ids;
    size_t at = strlen(to);
    CU_ASSERT_EQUAL(si_runpack_prefix_parse(si_prune_text(plan, item->prefix), &ids), SI_OK);
    snprintf(to + at, size - at, "%s%c:%s", at ? " " : "", "IUC"[item->kind], ids.run);
  }
}

static void expect_plan(struct memory_store *store, const struct si_prune_options *options,
                        const char *expected) {
  struct si_prune_plan plan SI_AUTO(si_prune_free) = SI_PRUNE_PLAN;
  char text[512];
  struct si_error error;
  CU_ASSERT_EQUAL(si_prune_plan(&store->head, options, &plan, &error), SI_OK);
  plan_text(&plan, text, sizeof text);
  CU_ASSERT_STRING_EQUAL(text, expected);
}

static void only_what_is_incomplete_and_old_is_planned(void) {
  struct memory_store store;
  struct si_prune_plan plan SI_AUTO(si_prune_free) = SI_PRUNE_PLAN;
  struct si_error error;
  fill(&store);
  CU_ASSERT_EQUAL_FATAL(si_prune_plan(&store.head, &incomplete, &plan, &error), SI_OK);
  CU_ASSERT_EQUAL_FATAL(plan.count, 1);
  CU_ASSERT_STRING_EQUAL(si_prune_text(&plan, plan.items[0].prefix), RUN("a", "old"));
  CU_ASSERT_EQUAL(plan.items[0].objects, 2);
  CU_ASSERT_EQUAL(plan.items[0].bytes, 10);
  CU_ASSERT_EQUAL(plan.items[0].newest_ms, OLD + 1);
  CU_ASSERT_EQUAL(plan.young, 2);
  CU_ASSERT_EQUAL(plan.ageless, 1);
  CU_ASSERT_EQUAL(plan.foreign, 4);
  CU_ASSERT_EQUAL(store.removed_count, 0);
  memory_store_free(&store);
}

static void whole_runpacks_are_planned_only_where_asked_for(void) {
  static const struct si_prune_options complete = {
      .under = "", .complete = true, .before_ms = BEFORE};
  static const struct si_prune_options of_a = {
      .under = "tenant/a", .incomplete = true, .complete = true, .before_ms = BEFORE};
  static const struct si_prune_options of_one = {
      .under = RUN("b", "done"), .complete = true, .before_ms = BEFORE};
  struct memory_store store;
  fill(&store);
  leave(&store, RUN("b", "fresh"), "id", OLD);
  expect_plan(&store, &both, "I:old U:fresh C:done");
  expect_plan(&store, &complete, "C:done");
  expect_plan(&store, &of_a, "I:old");
  expect_plan(&store, &of_one, "C:done");
  memory_store_free(&store);
}

static void a_place_that_is_none_is_refused(void) {
  static const char *const unders[] = {"../a", "/tenant", "tenant/", "tenant//a"};
  struct memory_store store;
  fill(&store);
  for (size_t i = 0; i < sizeof unders / sizeof *unders; i++) {
    struct si_prune_plan plan SI_AUTO(si_prune_free) = SI_PRUNE_PLAN;
    struct si_error error;
    const struct si_prune_options options = {
        .under = unders[i], .incomplete = true, .before_ms = BEFORE};
    CU_ASSERT_EQUAL(si_prune_plan(&store.head, &options, &plan, &error), SI_E_INVALID);
    CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_ID_INVALID");
  }
  memory_store_free(&store);
}

static void what_dead_writers_left_of_a_runpack_is_planned_and_of_strangers_not(void) {
  struct memory_store store;
  struct si_prune_plan plan SI_AUTO(si_prune_free) = SI_PRUNE_PLAN;
  char text[512];
  struct si_error error;
  fill(&store);
  leave(&store, RUN("b", "done"), "directory", OLD);
  leave(&store, RUN("b", "done") "/manifest.json", "object", OLD);
  leave(&store, RUN("c", "gone") "/artifacts/a", "either", OLD);
  leave(&store, RUN("c", "at-work") "/artifacts", "young", NOW);
  leave(&store, RUN("c", "at-work") "/artifacts", "ageless", 0);
  leave(&store, "", "stranger", OLD);
  leave(&store, RUN("b", "done") "/other/x", "stranger", OLD);
  leave(&store, "tenant/a/namespace/n", "stranger", OLD);
  CU_ASSERT_EQUAL_FATAL(si_prune_plan(&store.head, &incomplete, &plan, &error), SI_OK);
  plan_text(&plan, text, sizeof text);
  CU_ASSERT_STRING_EQUAL(text, "I:old U:done U:done U:gone");
  CU_ASSERT_EQUAL(plan.foreign, 4 + 3);
  CU_ASSERT_EQUAL(plan.young, 2 + 1);
  CU_ASSERT_EQUAL(plan.ageless, 1 + 1);
  memory_store_free(&store);
}

static void a_runpack_that_a_writer_is_at_stays(void) {
  struct memory_store store;
  fill(&store);
  leave(&store, RUN("z", "1"), "young", NOW);
  leave(&store, RUN("y", "1"), "young", NOW);
  leave(&store, RUN("x", "1"), "young", NOW);
  leave(&store, RUN("a", "old") "/artifacts/y", "young", NOW);
  expect_plan(&store, &both, "C:done");
  leave(&store, RUN("b", "done") "/artifacts", "ageless", 0);
  expect_plan(&store, &both, "");
  memory_store_free(&store);
}

static void a_store_that_cannot_tell_the_unfinished_is_pruned_of_the_rest(void) {
  struct memory_store store;
  struct si_prune_plan plan SI_AUTO(si_prune_free) = SI_PRUNE_PLAN;
  struct si_error error;
  fill(&store);
  store.cannot = true;
  CU_ASSERT_EQUAL_FATAL(si_prune_plan(&store.head, &incomplete, &plan, &error), SI_OK);
  CU_ASSERT_EQUAL(plan.count, 1);
  CU_ASSERT_TRUE(plan.no_unfinished);
  /* This one cannot remove, either. */
  CU_ASSERT_EQUAL(si_prune_run(&store.head, &incomplete, &plan, NULL, NULL, &error),
                  SI_E_UNSUPPORTED);
  CU_ASSERT_STRING_EQUAL(error.code, "PROVIDER_UNSUPPORTED");
  memory_store_free(&store);
}

struct told {
  size_t gone;
  size_t stayed;
  char code[48];
};

static void on_item(void *ctx, const struct si_prune_item *item, const struct si_error *why) {
  struct told *told = ctx;
  (void)item;
  *(why ? &told->stayed : &told->gone) += 1;
  if (why) {
    snprintf(told->code, sizeof told->code, "%s", why->code);
  }
}

/* Plans, changes the store as told, and carries the plan out. */
static si_rc prune(struct memory_store *store, const struct si_prune_options *options,
                   void (*meanwhile)(struct memory_store *), struct told *told,
                   struct si_error *error) {
  struct si_prune_plan plan SI_AUTO(si_prune_free) = SI_PRUNE_PLAN;
  memset(told, 0, sizeof *told);
  memset(error, 0, sizeof *error);
  CU_ASSERT_EQUAL_FATAL(si_prune_plan(&store->head, options, &plan, error), SI_OK);
  if (meanwhile) {
    meanwhile(store);
  }
  return si_prune_run(&store->head, options, &plan, told, on_item, error);
}

static void what_was_planned_goes_and_nothing_else(void) {
  struct memory_store store;
  struct told told;
  struct si_error error;
  fill(&store);
  leave(&store, RUN("b", "fresh") "/artifacts", "id", OLD);
  size_t before = store.count;
  CU_ASSERT_EQUAL(prune(&store, &incomplete, NULL, &told, &error), SI_OK);
  CU_ASSERT_EQUAL(told.gone, 2);
  CU_ASSERT_EQUAL(store.count, before - 2);
  CU_ASSERT_PTR_NULL(memory_find(&store, RUN("a", "old") "/artifacts/x"));
  CU_ASSERT_PTR_NULL(memory_find(&store, RUN("a", "old") "/artifacts/y/z"));
  CU_ASSERT_PTR_NOT_NULL(memory_find(&store, RUN("a", "old") "/notes.txt"));
  CU_ASSERT_PTR_NOT_NULL(memory_find(&store, RUN("a", "old") "/artifacts/not ours"));
  CU_ASSERT_PTR_NULL(store.unfinished[0].key);
  memory_store_free(&store);
}

static void of_a_complete_runpack_the_manifest_goes_first(void) {
  struct memory_store store;
  struct told told;
  struct si_error error;
  fill(&store);
  CU_ASSERT_EQUAL(prune(&store, &both, NULL, &told, &error), SI_OK);
  CU_ASSERT_EQUAL(told.gone, 2);
  CU_ASSERT_EQUAL_FATAL(store.removed_count, 4);
  CU_ASSERT_STRING_EQUAL(store.removed[2], RUN("b", "done") "/manifest.json");
  CU_ASSERT_STRING_EQUAL(store.removed[3], RUN("b", "done") "/artifacts/x");
  CU_ASSERT_PTR_NOT_NULL(memory_find(&store, RUN("b", "fresh") "/manifest.json"));
  memory_store_free(&store);
}

static void a_manifest_that_cannot_go_keeps_its_artifacts_and_not_the_others(void) {
  struct memory_store store;
  struct told told;
  struct si_error error;
  fill(&store);
  put(&store, RUN("b", "after") "/manifest.json", OLD);
  put(&store, RUN("b", "zlast") "/manifest.json", OLD);
  store.fail_remove = "done" H "/manifest.json";
  CU_ASSERT_EQUAL(prune(&store, &both, NULL, &told, &error), SI_E_RETENTION);
  CU_ASSERT_EQUAL(told.stayed, 1);
  CU_ASSERT_EQUAL(told.gone, 3);
  CU_ASSERT_PTR_NOT_NULL(memory_find(&store, RUN("b", "done") "/artifacts/x"));
  CU_ASSERT_PTR_NULL(memory_find(&store, RUN("b", "zlast") "/manifest.json"));
  memory_store_free(&store);
}

static void becomes_complete(struct memory_store *store) {
  put(store, RUN("a", "old") "/manifest.json", OLD);
}
static void is_written_to(struct memory_store *store) {
  put(store, RUN("a", "old") "/artifacts/x", NOW);
}
static void loses_its_age(struct memory_store *store) {
  put(store, RUN("a", "old") "/artifacts/x", 0);
}
static void is_written_anew(struct memory_store *store) {
  put(store, RUN("b", "done") "/manifest.json", NOW);
}
static void loses_its_manifest(struct memory_store *store) {
  memory_drop(store, RUN("b", "done") "/manifest.json");
}

static void what_changed_since_the_plan_stays(void) {
  static void (*const changes[])(struct memory_store *) = {
      becomes_complete, is_written_to, loses_its_age, is_written_anew, loses_its_manifest};
  for (size_t i = 0; i < 5; i++) {
    struct memory_store store;
    struct told told;
    struct si_error error;
    fill(&store);
    CU_ASSERT_EQUAL(prune(&store, &both, changes[i], &told, &error), SI_E_CONFLICT);
    CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_PRUNE_CHANGED");
    CU_ASSERT_EQUAL(told.stayed, 1);
    CU_ASSERT_EQUAL(told.gone, 1);
    const char *stays = i < 3 ? RUN("a", "old") "/artifacts/x" : RUN("b", "done") "/artifacts/x";
    const char *goes = i < 3 ? RUN("b", "done") "/artifacts/x" : RUN("a", "old") "/artifacts/x";
    CU_ASSERT_PTR_NOT_NULL(memory_find(&store, stays));
    CU_ASSERT_PTR_NULL(memory_find(&store, goes));
    memory_store_free(&store);
  }
}

static void what_is_still_there_afterwards_is_named(void) {
  struct memory_store store;
  struct told told;
  struct si_error error;
  fill(&store);
  store.keep = "/artifacts/y/z";
  CU_ASSERT_EQUAL(prune(&store, &both, NULL, &told, &error), SI_E_CONFLICT);
  CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_PRUNE_LEFT");
  CU_ASSERT_STRING_EQUAL(error.target, "artifacts/y/z");
  CU_ASSERT_EQUAL(told.gone, 1);
  memory_store_free(&store);
  fill(&store);
  leave(&store, RUN("b", "done") "/artifacts", "id-7", OLD);
  store.keep = "id-7";
  CU_ASSERT_EQUAL(prune(&store, &incomplete, NULL, &told, &error), SI_E_CONFLICT);
  CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_PRUNE_LEFT");
  CU_ASSERT_STRING_EQUAL(error.target, "id-7");
  memory_store_free(&store);
}

static void a_second_run_finds_nothing(void) {
  struct memory_store store;
  struct told told;
  struct si_error error;
  fill(&store);
  leave(&store, RUN("c", "gone") "/artifacts/a", "id", OLD);
  CU_ASSERT_EQUAL(prune(&store, &both, NULL, &told, &error), SI_OK);
  expect_plan(&store, &both, "");
  memory_store_free(&store);
}

static void a_listing_without_end_is_ended(void) {
  struct memory_store store;
  struct si_prune_plan plan SI_AUTO(si_prune_free) = SI_PRUNE_PLAN;
  struct si_error error;
  memory_store_init(&store);
  store.endless_listing = true;
  CU_ASSERT_EQUAL(si_prune_plan(&store.head, &incomplete, &plan, &error), SI_E_QUOTA);
  CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_PRUNE_TOO_MANY");
  memory_store_free(&store);
}

/* A complete one stays whole where something of it is locked; of an incomplete one goes the rest.
 */
static void what_is_locked_stays_and_until_when_is_told(void) {
  static struct memory_store store;
  struct told told;
  struct si_error error;
  fill(&store);
  memory_store_locks(&store, NOW);
  memory_find(&store, RUN("b", "done") "/artifacts/x")->lock =
      (struct si_store_lock){.mode = SI_LOCK_COMPLIANCE, .until_ms = 1800000000000};
  memory_find(&store, RUN("a", "old") "/artifacts/y/z")->lock =
      (struct si_store_lock){.held = true};
  CU_ASSERT_EQUAL(prune(&store, &both, NULL, &told, &error), SI_E_RETENTION);
  CU_ASSERT_STRING_EQUAL(error.code, "RUNPACK_PRUNE_LOCKED");
  CU_ASSERT_PTR_NOT_NULL(memory_find(&store, RUN("b", "done") "/manifest.json"));
  CU_ASSERT_PTR_NOT_NULL(memory_find(&store, RUN("b", "done") "/artifacts/x"));
  CU_ASSERT_PTR_NOT_NULL(memory_find(&store, RUN("a", "old") "/artifacts/y/z"));
  CU_ASSERT_PTR_NULL(memory_find(&store, RUN("a", "old") "/artifacts/x"));
  memory_store_free(&store);
}

UNIT_MAIN("runpack prune", UNIT(only_what_is_incomplete_and_old_is_planned),
          UNIT(whole_runpacks_are_planned_only_where_asked_for),
          UNIT(a_place_that_is_none_is_refused),
          UNIT(what_dead_writers_left_of_a_runpack_is_planned_and_of_strangers_not),
          UNIT(a_runpack_that_a_writer_is_at_stays),
          UNIT(a_store_that_cannot_tell_the_unfinished_is_pruned_of_the_rest),
          UNIT(what_was_planned_goes_and_nothing_else),
          UNIT(of_a_complete_runpack_the_manifest_goes_first),
          UNIT(a_manifest_that_cannot_go_keeps_its_artifacts_and_not_the_others),
          UNIT(what_changed_since_the_plan_stays), UNIT(what_is_still_there_afterwards_is_named),
          UNIT(a_second_run_finds_nothing), UNIT(what_is_locked_stays_and_until_when_is_told),
          UNIT(a_listing_without_end_is_ended))
