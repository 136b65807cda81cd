/* SPDX-License-Identifier: Apache-2.0 */
/* Finding runpacks by their keys alone, complete and incomplete (R48). */
#include "core/runpack/list.h"

#include <string.h>

#include "tests/unit/runpack/memory_store.h"
#include "tests/unit/unit.h"

#define H "/4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
#define RUN(t, r) "tenant/" t "/namespace/n/scenario/s/run/" r H

struct seen {
  struct si_runpack_found found[8];
  size_t count;
  char prefixes[8][256];
  bool complete[8];
};

static si_rc on_found(void *ctx, const struct si_runpack_found *found) {
  struct seen *seen = ctx;
  if (seen->count == 8) {
    return SI_E_QUOTA;
  }
  seen->found[seen->count] = *found;
  strncpy(seen->prefixes[seen->count], found->prefix, 255);
  seen->complete[seen->count++] = found->complete;
  return SI_OK;
}

static void fill(struct memory_store *store) {
  static const char *const keys[] = {
      RUN("b", "2") "/artifacts/x",
      RUN("a", "1") "/artifacts/x",
      RUN("b", "2") "/manifest.json",
      RUN("a", "1") "/artifacts/y/z",
      RUN("a", "3") "/manifest.json",
      RUN("b", "2") "/artifacts/y",
      "readme",
      RUN("a", "1") "/other/x",
      RUN("a", "1") "/artifacts/a name",
      RUN("a", "1") "/artifacts/",
      "tenant/a/namespace/n/x",
      RUN("a", "4"),
      "tenant/a/namespace/n/scenario/s/run/r/nohash/manifest.json",
      RUN("ab", "1") "/manifest.json",
  };
  memory_store_init(store);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    memory_set(store, keys[i], "", 0);
  }
}

static void complete_and_incomplete_runpacks_are_found_in_any_order(void) {
  struct memory_store store;
  struct seen seen = {0};
  uint64_t foreign = 0;
  struct si_error error;
  fill(&store);
  CU_ASSERT_EQUAL_FATAL(si_runpack_list(&store.head, "", &seen, on_found, &foreign, &error), SI_OK);
  CU_ASSERT_EQUAL_FATAL(seen.count, 4);
  CU_ASSERT_STRING_EQUAL(seen.prefixes[0], RUN("a", "1"));
  CU_ASSERT_FALSE(seen.complete[0]);
  CU_ASSERT_STRING_EQUAL(seen.prefixes[1], RUN("a", "3"));
  CU_ASSERT_TRUE(seen.complete[1]);
  CU_ASSERT_STRING_EQUAL(seen.prefixes[2], RUN("ab", "1"));
  CU_ASSERT_STRING_EQUAL(seen.prefixes[3], RUN("b", "2"));
  CU_ASSERT_TRUE(seen.complete[3]);
  CU_ASSERT_EQUAL(foreign, 7);
  memory_store_free(&store);
}

static void what_a_runpack_holds_is_counted_and_dated(void) {
  struct memory_store store;
  struct seen seen = {.count = 0};
  static const struct {
    const char *key;
    int64_t ms;
    size_t len;
  } objects[] = {
      {RUN("a", "1") "/artifacts/x", 30, 5},   {RUN("a", "2") "/artifacts/x", 10, 1},
      {RUN("a", "1") "/manifest.json", 20, 7}, {RUN("a", "2") "/artifacts/y", 0, 1},
      {RUN("a", "1") "/artifacts/y", 10, 1},   {RUN("a", "2") "/artifacts/z", 30, 1},
  };
  memory_store_init(&store);
  for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
    store.now_ms = objects[i].ms;
    memory_set(&store, objects[i].key, "1234567", objects[i].len);
  }
  CU_ASSERT_EQUAL(si_runpack_list(&store.head, "", &seen, on_found, NULL, NULL), SI_OK);
  CU_ASSERT_EQUAL_FATAL(seen.count, 2);
  CU_ASSERT_TRUE(seen.found[0].complete);
  CU_ASSERT_EQUAL(seen.found[0].objects, 3);
  CU_ASSERT_EQUAL(seen.found[0].bytes, 13);
  CU_ASSERT_EQUAL(seen.found[0].newest_ms, 30);
  CU_ASSERT_EQUAL(seen.found[0].manifest_ms, 20);
  CU_ASSERT_FALSE(seen.found[1].complete);
  CU_ASSERT_EQUAL(seen.found[1].newest_ms, 0); /* of one it is unknown, so of all */
  memory_store_free(&store);
}

static void one_tenant_is_listed_alone(void) {
  struct memory_store store;
  struct seen seen = {0};
  fill(&store);
  CU_ASSERT_EQUAL(si_runpack_list(&store.head, "tenant/a", &seen, on_found, NULL, NULL), SI_OK);
  CU_ASSERT_EQUAL(seen.count, 2);
  CU_ASSERT_EQUAL(si_runpack_list(&store.head, "tenant/../b", &seen, on_found, NULL, NULL),
                  SI_E_INVALID);
  memory_store_free(&store);
}

static void a_listing_without_end_is_ended(void) {
  struct memory_store store;
  struct seen seen = {0};
  struct si_error error;
  memory_store_init(&store);
  store.endless_listing = true;
  CU_ASSERT_EQUAL(si_runpack_list(&store.head, "", &seen, on_found, NULL, &error), SI_E_QUOTA);
  CU_ASSERT_EQUAL(seen.count, 0);
  memory_store_free(&store);
}

UNIT_MAIN("runpack list", UNIT(complete_and_incomplete_runpacks_are_found_in_any_order),
          UNIT(what_a_runpack_holds_is_counted_and_dated), UNIT(one_tenant_is_listed_alone),
          UNIT(a_listing_without_end_is_ended))
