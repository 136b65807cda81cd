/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vault/move_test.c - secrets leave a context sealed and enter another whole, all or
 * none (R8, R9).
 */
#include "paas/vault/age.h"
#include "tests/unit/vault/world.h"

static struct world world, other;

static void start(void) {
  world_make(&world);
  other = (struct world){.state = NULL};
  si_copy(other.root, sizeof other.root, world.root);
  world_context(&other, "other");
  world_state(&other, SI_STATE_WRITE);
  WORLD_NEED(si_vault_init(&other.context, other.state, NULL, other.recipient, &error));
  world_open(&other, SI_STATE_WRITE);
}

static void stop(void) {
  world_close(&other);
  si_context_free(&other.context);
  world_remove(&world);
}

static void an_export_is_taken_in_by_the_one_it_was_sealed_for(void) {
  struct si_buf sealed SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  struct si_error error = {0};
  size_t count = 0;
  start();
  world_set(&world, "", "TOKEN", "the context's\ntoken \xff\x01 of bytes");
  world_set(&world, "blog", "PASSWORD", "blog's password");
  CU_ASSERT_EQUAL(si_vault_export(world.vault, other.recipient, &sealed, NULL), SI_OK);
  CU_ASSERT(memmem(sealed.data, sealed.len, "password", 8) == NULL);
  CU_ASSERT_EQUAL(si_vault_import(world.vault, "", false, sealed.data, sealed.len, &count, &error),
                  SI_E_AUTH); /* not even by its own context */
  EXPECT_TEXT(error.code, "VAULT_LOCKED");
  CU_ASSERT_EQUAL(si_vault_import(other.vault, "", false, sealed.data, sealed.len, &count, NULL),
                  SI_OK);
  CU_ASSERT_EQUAL(count, 2);
  CU_ASSERT(world_holds(&other, "", "TOKEN", "the context's\ntoken \xff\x01 of bytes"));
  CU_ASSERT(world_holds(&other, "blog", "PASSWORD", "blog's password"));
  CU_ASSERT_EQUAL(si_vault_export(world.vault, "age1nonsense", &sealed, &error), SI_E_INVALID);
  stop();
}

static void import(const char *json, si_rc status) {
  struct si_buf sealed SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  struct si_error error = {0};
  const char *recipient = world.recipient;
  size_t count = 0;
  NEED(si_age_seal(&recipient, 1, json, strlen(json), &sealed) == SI_OK);
  si_rc found = si_vault_import(world.vault, "", false, sealed.data, sealed.len, &count, &error);
  if (found != status) {
    printf("\n%s: %s %s\n", json, error.code, error.message);
  }
  CU_ASSERT_EQUAL(found, status);
  CU_ASSERT(strstr(error.message, "hunter2") == NULL);
}

#define DOCUMENT(items) "{\"schema\":\"si.secrets/1\",\"secrets\":[" items "]}"
#define GOOD "{\"app\":\"blog\",\"key\":\"A\",\"value\":\"aHVudGVyMg==\"}"

static void a_document_that_is_wrong_anywhere_changes_nothing(void) {
  static const char *const wrong[] = {
      "hunter2",
      "[]",
      "{\"schema\":\"si.secrets/2\",\"secrets\":[]}",
      "{\"schema\":\"si.secrets/1\",\"secrets\":{}}",
      DOCUMENT(GOOD ",1"),
      DOCUMENT(GOOD ",{}"),
      DOCUMENT(GOOD "," GOOD),
      DOCUMENT(GOOD ",{\"app\":\"blog\",\"key\":\"b\",\"value\":\"aHVudGVyMg==\"}"),
      DOCUMENT(GOOD ",{\"app\":\"Blog\",\"key\":\"B\",\"value\":\"aHVudGVyMg==\"}"),
      DOCUMENT(GOOD ",{\"app\":\"blog\",\"key\":\"B\",\"value\":\"hunter2\"}"),
      DOCUMENT(GOOD ",{\"app\":\"blog\",\"key\":\"B\",\"value\":\"\"}"),
      DOCUMENT(GOOD ",{\"app\":\"blog\",\"key\":\"B\",\"value\":\"AAAA\"}"), /* NULs */
      DOCUMENT(GOOD) "x",
  };
  start();
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    import(wrong[i], SI_E_INVALID);
    CU_ASSERT(world_holds(&world, "blog", "A", NULL));
  }
  import(DOCUMENT(GOOD), SI_OK);
  CU_ASSERT(world_holds(&world, "blog", "A", "hunter2"));
  stop();
}

static void a_plain_text_goes_to_one_app(void) {
  static const char good[] = "A=one\nB='two'\n", bad[] = "A=three\nB\n", empty[] = "A=three\nB=\n";
  size_t count = 0;
  start();
  CU_ASSERT_EQUAL(si_vault_import(world.vault, "blog", true, good, sizeof good - 1, &count, NULL),
                  SI_OK);
  CU_ASSERT_EQUAL(count, 2);
  CU_ASSERT_EQUAL(si_vault_import(world.vault, "blog", true, bad, sizeof bad - 1, &count, NULL),
                  SI_E_INVALID);
  CU_ASSERT_EQUAL(si_vault_import(world.vault, "blog", true, empty, sizeof empty - 1, &count, NULL),
                  SI_E_INVALID);
  CU_ASSERT_EQUAL(si_vault_import(world.vault, "blog", false, good, sizeof good - 1, &count, NULL),
                  SI_E_CORRUPT); /* plain text is taken where it was asked for alone */
  CU_ASSERT(world_holds(&world, "blog", "A", "one"));
  CU_ASSERT(world_holds(&world, "blog", "B", "two"));
  stop();
}

UNIT_MAIN("vault moving", UNIT(an_export_is_taken_in_by_the_one_it_was_sealed_for),
          UNIT(a_document_that_is_wrong_anywhere_changes_nothing),
          UNIT(a_plain_text_goes_to_one_app))
