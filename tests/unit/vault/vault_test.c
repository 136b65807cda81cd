/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vault/vault_test.c - a vault is made, filled, read, rotated; each change stands in the
 * audit chain, and no value stands anywhere (R10, R12, R69).
 */
#include "paas/events/events.h"
#include "tests/unit/vault/world.h"

static struct world world;

static void what_was_set_is_read_by_another_process(void) {
  static char big[SI_SECRET_MAX + 1];
  uint64_t revision = 0;
  world_make(&world);
  memset(big, 'x', SI_SECRET_MAX);
  world_set(&world, "", "API_TOKEN", "token-1");
  world_set(&world, "blog", "API_TOKEN", "another one\nof two lines\n");
  world_set(&world, "blog", "BIG", big);
  CU_ASSERT_EQUAL(si_vault_set(world.vault, "", "API_TOKEN", "token-2", 7, "set", &revision, NULL),
                  SI_OK);
  CU_ASSERT_EQUAL(revision, 2);
  for (int mode = SI_STATE_READ; mode <= SI_STATE_WRITE; mode++) {
    world_open(&world, mode);
    CU_ASSERT(world_holds(&world, "", "API_TOKEN", "token-2"));
    CU_ASSERT(world_holds(&world, "blog", "API_TOKEN", "another one\nof two lines\n"));
    CU_ASSERT(world_holds(&world, "blog", "BIG", big));
    CU_ASSERT(world_holds(&world, "shop", "API_TOKEN", NULL));
  }
  world_remove(&world);
}

static void what_was_unset_is_gone_and_its_revision_never_comes_back(void) {
  uint64_t revision = 0;
  struct si_error error = {0};
  world_make(&world);
  world_set(&world, "blog", "KEY", "first value");
  CU_ASSERT_EQUAL(si_vault_unset(world.vault, "blog", "KEY", NULL), SI_OK);
  CU_ASSERT(world_holds(&world, "blog", "KEY", NULL));
  CU_ASSERT_EQUAL(si_vault_revision(world.vault, "blog", "KEY"), 0);
  CU_ASSERT_EQUAL(si_vault_unset(world.vault, "blog", "KEY", &error), SI_E_NOT_FOUND);
  EXPECT_TEXT(error.code, "SECRET_NOT_FOUND");
  CU_ASSERT_EQUAL(si_vault_set(world.vault, "blog", "KEY", "second", 6, "set", &revision, NULL),
                  SI_OK);
  CU_ASSERT_EQUAL(revision, 2);
  world_remove(&world);
}

static void what_is_no_secret_is_refused_and_changes_nothing(void) {
  static char too_long[SI_SECRET_MAX + 1];
  static char long_key[130];
  memset(too_long, 'x', sizeof too_long);
  memset(long_key, 'K', sizeof long_key - 1);
  const struct {
    const char *app, *key, *value;
    size_t len;
  } cases[] = {{"", "KEY", "", 0},      {"", "KEY", too_long, sizeof too_long},
               {"", "KEY", "a\0b", 3},  {"", "key", "v", 1},
               {"", "", "v", 1},        {"", "1KEY", "v", 1},
               {"", "KEY=x", "v", 1},   {"", "KEY\n", "v", 1},
               {"Blog", "KEY", "v", 1}, {"-x", "KEY", "v", 1},
               {"a.b", "KEY", "v", 1},  {"", long_key, "v", 1}};
  world_make(&world);
  struct si_buf before SI_AUTO(si_buf_free) = world_read(world.path);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_error error = {0};
    CU_ASSERT_EQUAL(si_vault_set(world.vault, cases[i].app, cases[i].key, cases[i].value,
                                 cases[i].len, "set", NULL, &error),
                    SI_E_INVALID);
    EXPECT_TEXT(error.code, "PAAS_INVALID_ARGUMENT");
  }
  struct si_buf after SI_AUTO(si_buf_free) = world_read(world.path);
  EXPECT_TEXT(si_buf_text(&after), si_buf_text(&before));
  world_remove(&world);
}

static void several_are_set_all_or_none(void) {
  const struct si_secret_value good[] = {{"blog", "A", "value-a", 7, "generated"},
                                         {"blog", "B", "value-b", 7, "generated"}};
  const struct si_secret_value bad[] = {{"blog", "A", "value-x", 7, "set"},
                                        {"blog", "C", "", 0, "set"}};
  const struct si_secret_value twice[] = {{"blog", "D", "value-x", 7, "set"},
                                          {"blog", "D", "value-y", 7, "set"}};
  world_make(&world);
  CU_ASSERT_EQUAL(si_vault_set_all(world.vault, good, 2, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_vault_set_all(world.vault, bad, 2, NULL), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_vault_set_all(world.vault, twice, 2, NULL), SI_E_INVALID);
  CU_ASSERT(world_holds(&world, "blog", "A", "value-a"));
  CU_ASSERT(world_holds(&world, "blog", "B", "value-b"));
  CU_ASSERT(world_holds(&world, "blog", "C", NULL));
  CU_ASSERT(world_holds(&world, "blog", "D", NULL));
  world_remove(&world);
}

static si_rc list_one(void *ctx, const struct si_secret *secret) {
  return si_buf_printf(ctx, "%s/%s %llu %s\n", secret->app, secret->key,
                       (unsigned long long)secret->revision, secret->origin);
}

static void a_list_is_sorted_and_needs_no_identity(void) {
  struct si_buf list SI_AUTO(si_buf_free) = SI_BUF(4096);
  char path[SI_PATH_MAX];
  const struct si_secret_value generated[] = {{"blog", "PASSWORD", "value-b", 7, "generated"}};
  world_make(&world);
  world_set(&world, "shop", "A", "value-1");
  world_set(&world, "", "Z", "value-2");
  CU_ASSERT_EQUAL(si_vault_set_all(world.vault, generated, 1, NULL), SI_OK);
  world_set(&world, "blog", "PASSWORD", "value-3");
  NEED(si_vault_identity_path(&world.context, path, sizeof path, NULL) == SI_OK &&
       unlink(path) == 0);
  world_open(&world, SI_STATE_READ);
  CU_ASSERT_EQUAL(si_vault_list(world.vault, NULL, &list, list_one, NULL), SI_OK);
  EXPECT_TEXT(si_buf_text(&list), "/Z 1 set\nblog/PASSWORD 2 set\nshop/A 1 set\n");
  si_buf_clear(&list);
  CU_ASSERT_EQUAL(si_vault_list(world.vault, "shop", &list, list_one, NULL), SI_OK);
  EXPECT_TEXT(si_buf_text(&list), "shop/A 1 set\n");
  world_open(&world, SI_STATE_WRITE); /* sealing needs none, either */
  world_set(&world, "shop", "A", "value-4");
  world_remove(&world);
}

static void a_second_vault_is_refused(void) {
  struct si_error error = {0};
  char recipient[80];
  world_make(&world);
  world_state(&world, SI_STATE_WRITE);
  CU_ASSERT_EQUAL(si_vault_init(&world.context, world.state, NULL, recipient, &error), SI_E_EXISTS);
  EXPECT_TEXT(error.code, "VAULT_EXISTS");
  NEED(unlink(world.path) == 0);
  CU_ASSERT_EQUAL(si_vault_init(&world.context, world.state, NULL, recipient, &error), SI_E_EXISTS);
  EXPECT_TEXT(error.code, "VAULT_EXISTS"); /* its secrets are not forgotten for another */
  char path[SI_PATH_MAX];
  NEED(si_vault_identity_path(&world.context, path, sizeof path, NULL) == SI_OK);
  NEED(unlink(path) == 0);
  CU_ASSERT_EQUAL(si_vault_init(&world.context, world.state, NULL, recipient, &error), SI_E_EXISTS);
  world_remove(&world);
}

/* It may open a vault that is only away for now. */
static void an_identity_that_is_there_is_never_replaced(void) {
  struct si_error error = {0};
  char path[SI_PATH_MAX], recipient[80];
  world_make(&world);
  NEED(si_vault_identity_path(&world.context, path, sizeof path, NULL) == SI_OK);
  struct si_buf identity SI_AUTO(si_buf_free) = world_read(path);
  world_close(&world);
  si_context_free(&world.context);
  world_context(&world, "other");
  NEED(si_vault_identity_path(&world.context, path, sizeof path, NULL) == SI_OK);
  world_write(path, identity.data, identity.len);
  world_state(&world, SI_STATE_WRITE);
  CU_ASSERT_EQUAL(si_vault_init(&world.context, world.state, NULL, recipient, &error), SI_E_EXISTS);
  EXPECT_TEXT(error.code, "VAULT_EXISTS");
  CU_ASSERT_NOT_EQUAL(access(world.path, F_OK), 0);
  struct si_buf after SI_AUTO(si_buf_free) = world_read(path);
  EXPECT_TEXT(si_buf_text(&after), si_buf_text(&identity));
  world_remove(&world);
}

static void a_context_without_a_vault_says_what_to_type(void) {
  struct si_error error = {0};
  world_make(&world);
  world_close(&world);
  si_context_free(&world.context);
  world_context(&world, "other");
  for (int mode = SI_STATE_READ; mode <= SI_STATE_WRITE; mode++) {
    CU_ASSERT_EQUAL(world_try(&world, mode, &error), SI_E_NOT_FOUND);
    EXPECT_TEXT(error.code, "VAULT_MISSING");
    CU_ASSERT(strstr(error.hint, "si vault init") != NULL);
  }
  world_remove(&world);
}

static void the_vault_of_another_context_is_refused(void) {
  struct si_error error = {0};
  char path[SI_PATH_MAX];
  world_make(&world);
  world_set(&world, "", "KEY", "value of t");
  world_close(&world);
  si_copy(path, sizeof path, world.path);
  si_context_free(&world.context);
  world_context(&world, "other");
  NEED(cJSON_ReplaceItemInObjectCaseSensitive(world.context.config, "vault_file",
                                              cJSON_CreateString(path)));
  CU_ASSERT_EQUAL(world_try(&world, SI_STATE_WRITE, &error), SI_E_REFUSED);
  EXPECT_TEXT(error.code, "PAAS_VAULT_SHARED");
  world_remove(&world);
}

static void a_rotated_identity_opens_all_and_the_old_one_nothing(void) {
  char path[SI_PATH_MAX], previous[SI_PATH_MAX + 16], recipient[80];
  world_make(&world);
  NEED(si_vault_identity_path(&world.context, path, sizeof path, NULL) == SI_OK);
  struct si_buf old SI_AUTO(si_buf_free) = world_read(path);
  world_set(&world, "", "A", "value-a");
  world_set(&world, "blog", "B", "value-b");
  CU_ASSERT_EQUAL(si_vault_rotate(world.vault, NULL, recipient, NULL), SI_OK);
  CU_ASSERT_STRING_NOT_EQUAL(recipient, world.recipient);
  snprintf(previous, sizeof previous, "%s.previous", world.path);
  CU_ASSERT_NOT_EQUAL(access(previous, F_OK), 0); /* it was sealed for the old one */
  world_open(&world, SI_STATE_WRITE);
  CU_ASSERT(world_holds(&world, "", "A", "value-a"));
  CU_ASSERT(world_holds(&world, "blog", "B", "value-b"));
  CU_ASSERT_EQUAL(si_vault_revision(world.vault, "blog", "B"), 1); /* the same value */
  world_set(&world, "", "C", "value-c");
  world_write(path, old.data, old.len);
  world_open(&world, SI_STATE_READ);
  struct si_error error = {0};
  struct si_buf value SI_AUTO(si_buf_free) = SI_BUF(64);
  CU_ASSERT_EQUAL(si_vault_get(world.vault, "", "A", &value, world_copy, &error), SI_E_AUTH);
  EXPECT_TEXT(error.code, "VAULT_LOCKED");
  world_remove(&world);
}

static void further_recipients_come_and_go(void) {
  static const char nobody[] =
      "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z"; /* 0 */
  static const char escrow[] = "age19gcws5lz9r6g42xyv4hysl59y76u87gl690deqcmg2skemlhdejsz3hux8";
  struct si_error error = {0};
  world_make(&world);
  world_set(&world, "", "A", "value-a");
  CU_ASSERT_EQUAL(si_vault_recipient_add(world.vault, escrow, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_vault_recipient_add(world.vault, escrow, &error), SI_E_EXISTS);
  CU_ASSERT_EQUAL(si_vault_recipient_add(world.vault, "age1nonsense", &error), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_vault_recipient_add(world.vault, nobody, &error), SI_E_INVALID);
  world_open(&world, SI_STATE_WRITE);
  struct si_buf text SI_AUTO(si_buf_free) = world_read(world.path);
  CU_ASSERT(strstr(si_buf_text(&text), escrow) != NULL);
  CU_ASSERT(world_holds(&world, "", "A", "value-a"));
  CU_ASSERT_EQUAL(si_vault_recipient_remove(world.vault, world.recipient, &error), SI_E_REFUSED);
  CU_ASSERT_EQUAL(si_vault_recipient_remove(world.vault, escrow, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_vault_recipient_remove(world.vault, escrow, &error), SI_E_NOT_FOUND);
  world_open(&world, SI_STATE_WRITE);
  CU_ASSERT(world_holds(&world, "", "A", "value-a"));
  world_remove(&world);
}

static si_rc count_event(void *ctx, const char *stream, const cJSON *event) {
  struct si_buf *text = ctx;
  (void)stream;
  return si_buf_printf(text, "%s %s\n", si_json_str(event, "action"), si_json_str(event, "status"));
}

static void each_change_is_in_the_audit_chain_and_no_value_is(void) {
  static const char value[] = "canary-8f31c9";
  const struct si_events_filter filter = {.stream = "audit", .limit = 100};
  struct si_events_fault fault;
  struct si_buf events SI_AUTO(si_buf_free) = SI_BUF(65536);
  char recipient[80], path[SI_PATH_MAX + 32];
  world_make(&world);
  world_set(&world, "blog", "KEY", value);
  CU_ASSERT_EQUAL(si_vault_rotate(world.vault, NULL, recipient, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_vault_unset(world.vault, "blog", "KEY", NULL), SI_OK);
  CU_ASSERT_EQUAL(si_events_list(&world.context, &filter, &events, count_event, NULL), SI_OK);
  EXPECT_TEXT(si_buf_text(&events),
              "secret.unset ok\nvault.rotate ok\nsecret.set ok\nvault.init ok\n");
  CU_ASSERT_EQUAL(si_events_verify(&world.context, world.state, NULL, &fault, NULL), SI_OK);
  snprintf(path, sizeof path, "%s/events/audit.jsonl", world.context.dir);
  struct si_buf audit SI_AUTO(si_buf_free) = world_read(path);
  CU_ASSERT(strstr(si_buf_text(&audit), "blog/KEY") != NULL);
  CU_ASSERT(strstr(si_buf_text(&audit), value) == NULL);
  world_remove(&world);
}

static void two_handles_exclude_each_other(void) {
  struct si_state *state = NULL;
  struct si_vault *second = NULL;
  struct si_error error = {0};
  world_make(&world);
  NEED(si_state_open(world.context.dir, world.context.id, SI_STATE_WRITE, &state, NULL) == SI_OK);
  si_state_wait(state, 50);
  CU_ASSERT_EQUAL(si_vault_open(&world.context, state, &second, &error), SI_E_CONFLICT);
  EXPECT_TEXT(error.code, "VAULT_BUSY");
  si_vault_unlock(world.vault); /* goes on reading */
  CU_ASSERT_EQUAL(si_vault_open(&world.context, state, &second, &error), SI_OK);
  CU_ASSERT_EQUAL(si_vault_set(second, "", "KEY", "value", 5, "set", NULL, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_vault_set(world.vault, "", "KEY", "value", 5, "set", NULL, &error),
                  SI_E_INTERNAL);
  si_vault_close(second);
  si_state_close(state);
  world_remove(&world);
}

UNIT_MAIN("vault", UNIT(what_was_set_is_read_by_another_process),
          UNIT(what_was_unset_is_gone_and_its_revision_never_comes_back),
          UNIT(what_is_no_secret_is_refused_and_changes_nothing), UNIT(several_are_set_all_or_none),
          UNIT(a_list_is_sorted_and_needs_no_identity), UNIT(a_second_vault_is_refused),
          UNIT(an_identity_that_is_there_is_never_replaced),
          UNIT(a_context_without_a_vault_says_what_to_type),
          UNIT(the_vault_of_another_context_is_refused),
          UNIT(a_rotated_identity_opens_all_and_the_old_one_nothing),
          UNIT(further_recipients_come_and_go),
          UNIT(each_change_is_in_the_audit_chain_and_no_value_is),
          UNIT(two_handles_exclude_each_other))
