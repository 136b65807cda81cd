/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vault/anew_test.c - a vault that is lost for good is made anew: what it held is given
 * up, revisions count on, one critical event tells, and nothing that is still there goes.
 */
#include "paas/events/events.h"
#include "paas/state/ledger.h"
#include "tests/unit/sweep.h"
#include "tests/unit/vault/world.h"

static struct world world;
static char identity[SI_PATH_MAX], previous[SI_PATH_MAX + 16];

static void start(void) {
  world_make(&world);
  NEED(si_vault_identity_path(&world.context, identity, sizeof identity, NULL) == SI_OK);
  snprintf(previous, sizeof previous, "%s.previous", world.path);
  world_set(&world, "", "KEY", "first");
  world_set(&world, "", "KEY", "second");
  world_set(&world, "blog", "KEY", "value");
  world_set(&world, "blog", "OLD", "value");
  NEED(si_vault_unset(world.vault, "blog", "OLD", NULL) == SI_OK);
  world_close(&world);
}

static void lose(void) {
  (void)unlink(world.path);
  (void)unlink(previous);
  (void)unlink(identity);
}

static si_rc anew(size_t *gone, struct si_error *error) {
  char recipient[80];
  world_state(&world, SI_STATE_WRITE);
  return si_vault_init_anew(&world.context, world.state, NULL, recipient, gone, error);
}

static si_rc find_event(void *ctx, const char *stream, const cJSON *event) {
  struct si_buf *found = ctx;
  const cJSON *fields = si_json_get(event, "fields");
  (void)stream;
  if (strcmp(si_json_str(event, "action"), "vault.force_new") == 0) {
    CU_ASSERT_EQUAL(si_buf_puts(found, si_json_str(event, "severity")), SI_OK);
    CU_ASSERT_EQUAL(si_json_canonical(si_json_get(fields, "items"), found), SI_OK);
  }
  return SI_OK;
}

static void all_is_given_up_and_revisions_count_on(void) {
  const struct si_events_filter filter = {.stream = "audit"};
  struct si_buf told SI_AUTO(si_buf_free) = SI_BUF(4096);
  struct si_error error = {0};
  uint64_t revision = 0;
  size_t gone = 0;
  start();
  struct si_buf old SI_AUTO(si_buf_free) = world_read(world.path);
  lose();
  CU_ASSERT_EQUAL(anew(&gone, NULL), SI_OK);
  CU_ASSERT_EQUAL(gone, 2);
  world_open(&world, SI_STATE_WRITE);
  CU_ASSERT(world_holds(&world, "", "KEY", NULL));
  CU_ASSERT(world_holds(&world, "blog", "KEY", NULL));
  CU_ASSERT_EQUAL(si_vault_set(world.vault, "", "KEY", "third", 5, "set", &revision, NULL), SI_OK);
  CU_ASSERT_EQUAL(revision, 3);
  CU_ASSERT(world_holds(&world, "", "KEY", "third"));
  CU_ASSERT_EQUAL(si_events_list(&world.context, &filter, &told, find_event, NULL), SI_OK);
  EXPECT_TEXT(si_buf_text(&told), "critical[\"KEY\",\"blog/KEY\"]");
  /* What turns up again is not taken for the vault any more. */
  world_write(world.path, old.data, old.len);
  CU_ASSERT_EQUAL(world_try(&world, SI_STATE_WRITE, &error), SI_E_AUTH);
  EXPECT_TEXT(error.code, "VAULT_UNTRUSTED");
  world_remove(&world);
}

static void nothing_that_is_there_goes(void) {
  const char *const kept[] = {world.path, previous, identity};
  for (size_t i = 0; i < 3; i++) {
    struct si_error error = {0};
    size_t gone = 0;
    start();
    struct si_buf text SI_AUTO(si_buf_free) = world_read(kept[i]);
    lose();
    world_write(kept[i], text.data, text.len);
    CU_ASSERT_EQUAL(anew(&gone, &error), SI_E_EXISTS);
    EXPECT_TEXT(error.code, "VAULT_EXISTS");
    EXPECT_TEXT(error.target, kept[i]);
    struct si_buf after SI_AUTO(si_buf_free) = world_read(kept[i]);
    EXPECT_TEXT(si_buf_text(&after), si_buf_text(&text));
    world_remove(&world);
  }
}

static void a_first_vault_is_made_as_ever(void) {
  struct world first;
  size_t gone = 9;
  start();
  world_close(&world);
  first = world;
  world_context(&world, "other");
  CU_ASSERT_EQUAL(anew(&gone, NULL), SI_OK);
  CU_ASSERT_EQUAL(gone, 0);
  world_close(&world);
  si_context_free(&first.context);
  world_remove(&world);
}

/* A reader may have used the revision that was to come: it is not given twice. */
static void a_change_that_died_with_the_vault_counts(void) {
  static const char hash[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  const struct si_ledger_change change = {"", "KEY", 3, hash, NULL};
  uint64_t revision = 0;
  size_t gone = 0;
  start();
  world_state(&world, SI_STATE_WRITE);
  NEED(si_ledger_intend(world.state, &change, 1, NULL, NULL, "{\"action\":\"x\"}", NULL) == SI_OK);
  lose();
  CU_ASSERT_EQUAL(anew(&gone, NULL), SI_OK);
  CU_ASSERT_EQUAL(gone, 2);
  world_open(&world, SI_STATE_WRITE);
  CU_ASSERT_EQUAL(si_vault_set(world.vault, "", "KEY", "x", 1, "set", &revision, NULL), SI_OK);
  CU_ASSERT_EQUAL(revision, 4);
  world_remove(&world);
}

static int work(void *ctx) {
  struct world own = world;
  char recipient[80];
  size_t gone = 0;
  (void)ctx;
  own.state = NULL;
  si_rc status = si_state_open(own.context.dir, own.context.id, SI_STATE_WRITE, &own.state, NULL);
  status = status == SI_OK
               ? si_vault_init_anew(&own.context, own.state, NULL, recipient, &gone, NULL)
               : status;
  si_state_close(own.state);
  return status == SI_OK ? 0 : 1;
}

static void killed_anywhere_it_is_done_or_can_be_done_again(void) {
  size_t done = 0, again = 0;
  bool killed = true;
  for (unsigned nth = sweep_first(4); killed && nth < 6000; nth += sweep_step(4)) {
    struct si_error error = {0};
    size_t gone = 0;
    start();
    lose();
    killed = killed_at(nth, work, NULL);
    si_rc status = anew(&gone, &error);
    CU_ASSERT(status == SI_E_EXISTS || (status == SI_OK && gone == 2));
    done += status == SI_E_EXISTS;
    again += status == SI_OK;
    world_open(&world, SI_STATE_WRITE);
    CU_ASSERT(world_holds(&world, "", "KEY", NULL));
    world_set(&world, "", "KEY", "third");
    CU_ASSERT_EQUAL(si_vault_revision(world.vault, "", "KEY"), 3);
    CU_ASSERT(world_holds(&world, "", "KEY", "third"));
    world_remove(&world);
  }
  CU_ASSERT(!killed);
  CU_ASSERT(done >= sweep_least(10) && again >= sweep_least(20));
}

UNIT_MAIN("vault anew", UNIT(all_is_given_up_and_revisions_count_on),
          UNIT(nothing_that_is_there_goes), UNIT(a_first_vault_is_made_as_ever),
          UNIT(a_change_that_died_with_the_vault_counts),
          UNIT(killed_anywhere_it_is_done_or_can_be_done_again))
