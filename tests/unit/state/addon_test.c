/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/state/addon_test.c - an app has a pack once, what it had is never forgotten, and
 * nobody changes what was enabled.
 */
#include <sqlite3.h>

#include "paas/state/addon.h"
#include "tests/unit/state/scratch.h"

static char dir[64];
static struct si_state *state;

static si_rc enable(const char *app, const char *pack, const char *settings) {
  struct si_addon_row row = {.version = "1.0.0", .enabled_by = "me@here"};
  row.settings = (char *)settings;
  si_copy(row.app, sizeof row.app, app);
  si_copy(row.pack, sizeof row.pack, pack);
  si_copy(row.sha256, sizeof row.sha256, SPEC);
  return si_state_addon_enable(state, "local", &row, NULL, NULL);
}

static si_rc add(void *ctx, const struct si_addon_row *row) {
  char *text = ctx;
  size_t len = strlen(text);
  snprintf(text + len, 256 - len, "%s:%s%s%s ", row->app, row->pack, row->settings,
           row->disabled_at[0] ? "-" : "+");
  return SI_OK;
}

static void expect_rows(const char *app, bool all, const char *want) {
  char text[256] = "";
  CU_ASSERT_EQUAL(si_state_addons(state, "local", app, all, text, add, NULL), SI_OK);
  EXPECT_TEXT(text, want);
}

static void an_app_has_a_pack_once_and_its_history_stays(void) {
  static const char *const refused[] = {
      "UPDATE addons SET settings='{\"a\":\"b\"}'",
      "UPDATE addons SET disabled_at=NULL,disabled_by=NULL",
      "UPDATE addons SET disabled_at='2026' WHERE app='other'",
      "UPDATE addons SET app='new',disabled_at='2026',disabled_by='me' WHERE app='other'",
      "DELETE FROM addons",
      "INSERT INTO addons(owner_id,app,pack,version,sha256,settings,enabled_at,enabled_by)SELECT "
      "owner_id,app,pack,version,sha256,settings,enabled_at,enabled_by FROM addons WHERE "
      "app='other'",
      "INSERT OR REPLACE INTO addons SELECT*FROM addons WHERE app='other'",
      "INSERT INTO addons(owner_id,app,pack,version,sha256,settings,enabled_at,enabled_by)SELECT "
      "owner_id,'Other',pack,version,sha256,settings,enabled_at,enabled_by FROM addons",
  };
  char path[96];
  sqlite3 *db = NULL;
  struct si_addon_row row SI_AUTO(si_addon_row_free) = {.app = ""};
  struct si_error error = {0};
  scratch_make(dir);
  state = scratch_open(dir, SI_STATE_WRITE);
  CU_ASSERT_EQUAL(enable("shop", "redis", "{}"), SI_OK);
  CU_ASSERT_EQUAL(enable("other", "redis", "{}"), SI_OK);
  CU_ASSERT_EQUAL(enable("shop", "redis", "{\"image\":\"r:2\"}"), SI_OK);
  CU_ASSERT_NOT_EQUAL(enable("Shop", "redis", "{}"), SI_OK);
  expect_rows("shop", false, "shop:redis{\"image\":\"r:2\"}+ ");
  CU_ASSERT_EQUAL(si_state_addon(state, "local", "shop", "redis", &row, &error), SI_OK);
  EXPECT_TEXT(row.settings, "{\"image\":\"r:2\"}");
  EXPECT_TEXT(row.enabled_by, "me@here");
  CU_ASSERT_EQUAL(
      si_state_addon_disable(state, "local", "shop", "redis", "you@there", NULL, &error), SI_OK);
  CU_ASSERT_EQUAL(
      si_state_addon_disable(state, "local", "shop", "redis", "you@there", NULL, &error),
      SI_E_NOT_FOUND);
  EXPECT_TEXT(error.code, "ADDON_NOT_ENABLED");
  expect_rows(NULL, false, "other:redis{}+ ");
  expect_rows("shop", true, "shop:redis{}- shop:redis{\"image\":\"r:2\"}- ");
  si_state_close(state);
  snprintf(path, sizeof path, "%s/state.db", dir);
  NEED(sqlite3_open(path, &db) == SQLITE_OK);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    bool passed = sqlite3_exec(db, refused[i], NULL, NULL, NULL) == SQLITE_OK;
    if (passed) {
      printf("\npassed: %s\n", refused[i]);
    }
    CU_ASSERT(!passed);
  }
  sqlite3_close(db);
  scratch_remove(dir);
}

UNIT_MAIN("state: add-ons", UNIT(an_app_has_a_pack_once_and_its_history_stays))
