/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/state/release_test.c - releases never change, deploys tell of each target, and what
 * serves is known only where somebody saw it (R26, R27).
 */
#include "paas/state/deployment.h"
#include "paas/state/target.h"
#include "tests/unit/state/scratch.h"

#define SPEC_2 "2222222222222222222222222222222222222222222222222222222222222222"
#define STACK_2             \
  "{\"schema\":\"si.stack/" \
  "1\",\"services\":[{\"environment\":{\"T\":[{\"revision\":3,\"secret\":\"KEY\"}]}}]}"
#define SEEN "{\"verified\":{\"services\":[{\"name\":\"web\",\"image_id\":\"sha256:aa\"}]}}"

static char dir[64];
static struct si_state *state;
static struct si_project project;

static void end_operation(const char *id, const char *status, const char *result) {
  struct si_error error = {0};
  NEED(si_state_operation_end(state, id, status, NULL, result, NULL, 0, &error) == SI_OK);
}

/* A running project with release 1. */
static void begin(void) {
  struct si_operation operation = {.id = ""};
  struct si_error error = {0};
  int lock = -1;
  scratch_make(dir);
  state = scratch_open(dir, SI_STATE_WRITE);
  si_state_actor(state, "somebody@here");
  NEED(scratch_create(state, "shop", &project, &operation, &lock, &error) == SI_OK);
  close(lock);
  end_operation(operation.id, "ok", SEEN);
}

static void finish(void) {
  si_state_close(state);
  scratch_remove(dir);
}

static si_rc deploy(const char *spec, const char *const *targets, size_t count,
                    struct si_operation *operation, char number[12]) {
  const struct si_deploy_start start = {
      .stack = STACK_2, .spec_sha256 = spec, .targets = targets, .target_count = count};
  struct si_error error = {0};
  int lock = -1;
  si_rc status =
      si_state_deploy_begin(state, project.id, &start, NULL, operation, &lock, number, &error);
  si_close(&lock);
  return status;
}

static si_rc join_instance(void *ctx, const struct si_instance *instance) {
  char *text = ctx;
  size_t len = strlen(text);
  snprintf(text + len, 256 - len, "%s:%s ", instance->target, instance->release);
  return SI_OK;
}

static si_rc join_deployment(void *ctx, const struct si_deployment *d) {
  char *text = ctx;
  size_t len = strlen(text);
  snprintf(text + len, 256 - len, "%s:%s:%s>%s ", d->target, d->status, d->from_release,
           d->release);
  return SI_OK;
}

static void expect_instances(const char *wanted) {
  char text[256] = "";
  CU_ASSERT_EQUAL(si_state_instances(state, project.id, text, join_instance, NULL), SI_OK);
  EXPECT_TEXT(text, wanted);
}

static void expect_deployments(const char *operation, const char *wanted) {
  char text[256] = "";
  CU_ASSERT_EQUAL(si_state_deployments(state, project.id, operation, text, join_deployment, NULL),
                  SI_OK);
  EXPECT_TEXT(text, wanted);
}

static void a_project_begins_with_a_release_that_tells_its_images_once_it_served(void) {
  struct si_release release = {.number = ""};
  begin();
  CU_ASSERT_EQUAL(si_state_release(state, project.id, NULL, &release, NULL), SI_OK);
  EXPECT_TEXT(release.number, "1");
  EXPECT_TEXT(release.made_by, "somebody@here");
  EXPECT_TEXT(release.images ? release.images : "", "{\"web\":\"sha256:aa\"}");
  si_release_free(&release);
  CU_ASSERT_EQUAL(si_state_release(state, project.id, "2", &release, NULL), SI_E_NOT_FOUND);
  expect_instances("local:1 ");
  finish();
}

static void a_deploy_that_ends_well_is_the_projects_release(void) {
  static const char *const targets[] = {"local", "far"};
  struct si_operation operation = {.id = ""};
  struct si_release release = {.number = ""};
  struct si_project now = {.id = ""};
  char number[12] = "";
  begin();
  CU_ASSERT_EQUAL(deploy(SPEC_2, targets, 2, &operation, number), SI_OK);
  EXPECT_TEXT(number, "2");
  expect_deployments(operation.id, "local:queued:1>2 far:queued:>2 ");
  for (size_t i = 0; i < 2; i++) {
    CU_ASSERT_EQUAL(si_state_deployment_begin(state, operation.id, targets[i], NULL), SI_OK);
    CU_ASSERT_EQUAL(
        si_state_deployment_end(state, operation.id, targets[i], "ok", number, NULL, NULL), SI_OK);
  }
  end_operation(operation.id, "ok", SEEN);
  expect_instances("far:2 local:2 ");
  CU_ASSERT_EQUAL(si_state_project_by_id(state, project.id, &now, NULL), SI_OK);
  EXPECT_TEXT(now.status, "running");
  EXPECT_TEXT(now.release, "2");
  EXPECT_TEXT(now.spec_sha256, SPEC_2);
  si_project_free(&now);
  CU_ASSERT_EQUAL(si_state_release(state, project.id, "2", &release, NULL), SI_OK);
  EXPECT_TEXT(release.secrets, "{\"KEY\":3}");
  si_release_free(&release);
  finish();
}

static void a_deploy_that_fails_leaves_the_release_and_tells_each_target(void) {
  static const char *const targets[] = {"local", "far", "third"};
  struct si_operation operation = {.id = ""};
  struct si_project now = {.id = ""};
  char number[12] = "";
  begin();
  CU_ASSERT_EQUAL(deploy(SPEC_2, targets, 3, &operation, number), SI_OK);
  CU_ASSERT_EQUAL(si_state_deployment_begin(state, operation.id, "local", NULL), SI_OK);
  expect_instances("far: local: third: ");
  CU_ASSERT_EQUAL(
      si_state_deployment_end(state, operation.id, "local", "rolled_back", "1", "{}", NULL), SI_OK);
  CU_ASSERT_EQUAL(si_state_deployment_begin(state, operation.id, "far", NULL), SI_OK);
  end_operation(operation.id, "interrupted",
                NULL); /* far is in the middle, third was never begun */
  expect_deployments(operation.id, "local:rolled_back:1>2 far:unknown:>2 third:skipped:>2 ");
  expect_instances("far: local:1 third: ");
  CU_ASSERT_EQUAL(si_state_project_by_id(state, project.id, &now, NULL), SI_OK);
  EXPECT_TEXT(now.release, "1");
  EXPECT_TEXT(now.status, "running");
  si_project_free(&now);
  /* Another attempt at what never served is no release of its own. */
  CU_ASSERT_EQUAL(deploy(SPEC_2, targets, 1, &operation, number), SI_OK);
  EXPECT_TEXT(number, "2");
  CU_ASSERT_EQUAL(deploy(SPEC_2, targets, 1, &operation, number), SI_E_CONFLICT);
  finish();
}

/* As a si before releases left it. */
static void a_store_from_before_releases_gets_one_for_each_live_project(void) {
  static const char *const back[] = {
      "DROP TABLE pushes",
      "DROP TABLE webhooks",
      "DROP TABLE addons",
      "DROP TRIGGER projects_release",
      "DROP TRIGGER operations_deployed",
      "DROP TABLE targets",
      "DROP TABLE deployments",
      "DROP TABLE instances",
      "DROP VIEW releases_prunable",
      "DROP TRIGGER projects_release_whole",
      "DROP TRIGGER releases_delete",
      "DROP TABLE releases",
      "ALTER TABLE projects DROP COLUMN release",
      "PRAGMA user_version=2",
  };
  struct si_release release = {.number = ""};
  struct si_project now = {.id = ""};
  sqlite3 *db = NULL;
  char path[96];
  begin();
  si_state_close(state);
  snprintf(path, sizeof path, "%s/state.db", dir);
  NEED(sqlite3_open(path, &db) == SQLITE_OK);
  for (size_t i = 0; i < sizeof back / sizeof *back; i++) {
    NEED(sqlite3_exec(db, back[i], NULL, NULL, NULL) == SQLITE_OK);
  }
  sqlite3_close(db);
  state = scratch_open(dir, SI_STATE_WRITE);
  CU_ASSERT_EQUAL(si_state_project_by_id(state, project.id, &now, NULL), SI_OK);
  EXPECT_TEXT(now.release, "1");
  EXPECT_TEXT(now.status, "running");
  CU_ASSERT_EQUAL(si_state_release(state, project.id, NULL, &release, NULL), SI_OK);
  EXPECT_TEXT(release.stack, now.stack);
  EXPECT_TEXT(release.spec_sha256, now.spec_sha256);
  expect_instances("local:1 ");
  si_release_free(&release);
  si_project_free(&now);
  finish();
}

static void nobody_changes_what_was_released_or_deployed(void) {
  static const char *const refused[] = {
      "UPDATE releases SET stack='{}'",
      "UPDATE releases SET images='{}'", /* they were told once */
      "DELETE FROM releases",
      "INSERT INTO releases(project_id,number,spec_sha256,made_at,made_by,secrets,stack)"
      "SELECT project_id,9,spec_sha256,made_at,made_by,secrets,stack FROM releases",
      "UPDATE projects SET spec_sha256='" SPEC_2 "'",
      "UPDATE projects SET release=7",
      "UPDATE deployments SET status='queued'",
      "UPDATE deployments SET target='other'",
      "DELETE FROM deployments",
      "INSERT INTO deployments(operation_id,project_id,target,release)"
      "SELECT id,project_id,'x',1 FROM operations WHERE kind='provision'",
      "UPDATE targets SET config='{}'",
      "DELETE FROM targets WHERE name='far'",
  };
  static const char *const targets[] = {"far"};
  const struct si_target_row row = {.name = "far",
                                    .kind = "local",
                                    .config = (char *)"{\"socket\":\"/x\"}",
                                    .labels = (char *)"{}"};
  struct si_operation operation = {.id = ""};
  struct si_error error = {0};
  char number[12] = "", path[96];
  sqlite3 *db = NULL;
  begin();
  CU_ASSERT_EQUAL(si_state_target_add(state, &row, NULL, &error), SI_OK);
  CU_ASSERT_EQUAL(si_state_target_add(state, &row, NULL, &error), SI_E_EXISTS);
  CU_ASSERT_EQUAL(deploy(SPEC_2, targets, 1, &operation, number), SI_OK);
  CU_ASSERT_EQUAL(si_state_target_remove(state, "far", NULL, &error), SI_E_CONFLICT);
  CU_ASSERT_EQUAL(si_state_deployment_begin(state, operation.id, "far", NULL), SI_OK);
  si_state_close(state);
  snprintf(path, sizeof path, "%s/state.db", dir);
  NEED(sqlite3_open(path, &db) == SQLITE_OK);
  NEED(sqlite3_exec(db, "PRAGMA foreign_keys=ON", NULL, NULL, NULL) == SQLITE_OK);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    bool passed = sqlite3_exec(db, refused[i], NULL, NULL, NULL) == SQLITE_OK;
    if (passed) {
      printf("\npassed: %s\n", refused[i]);
    }
    CU_ASSERT(!passed);
  }
  sqlite3_close(db);
  state = scratch_open(dir, SI_STATE_WRITE);
  finish();
}

/* --- pruning --- */

/* `count` more releases, each of which serves. */
static void deploy_more(int count) {
  static const char *const local[] = {"local"};
  struct si_operation operation = {.id = ""};
  char spec[65], number[12];
  for (int i = 0; i < count; i++) {
    memset(spec, '3' + i, 64);
    spec[64] = '\0';
    NEED(deploy(spec, local, 1, &operation, number) == SI_OK);
    NEED(si_state_deployment_begin(state, operation.id, "local", NULL) == SI_OK);
    NEED(si_state_deployment_end(state, operation.id, "local", "ok", number, NULL, NULL) == SI_OK);
    end_operation(operation.id, "ok", SEEN);
  }
}

struct gathered {
  struct si_prunable list[16];
  size_t count;
  char numbers[64];
};

static si_rc gather(void *ctx, const struct si_prunable *release) {
  struct gathered *all = ctx;
  size_t len = strlen(all->numbers);
  all->list[all->count++] = *release;
  snprintf(all->numbers + len, sizeof all->numbers - len, "%s ", release->number);
  return SI_OK;
}

static struct gathered prunable(uint64_t keep, const char *before) {
  struct gathered all = {.count = 0};
  CU_ASSERT_EQUAL(si_state_prunable(state, project.owner_id, keep, before, &all, gather, NULL),
                  SI_OK);
  return all;
}

static void only_what_nobody_needs_is_pruned_and_all_of_it_or_none(void) {
  static const char *const refused[] = {
      "UPDATE releases SET stack='{}',pruned_at='x' WHERE number=5", /* a rollback goes there */
      "UPDATE releases SET stack='{}',pruned_at='x' WHERE number=6", /* serves */
      "UPDATE releases SET pruned_at='x' WHERE number=4",            /* with its stack */
      "UPDATE releases SET stack='{}',pruned_at='x',images=NULL WHERE number=4",
      "UPDATE releases SET stack='{}',pruned_at='x',note='no' WHERE number=4",
      "UPDATE releases SET pruned_at=NULL WHERE number=1", /* was pruned */
      "UPDATE releases SET stack='{\"a\":1}' WHERE number=1",
      "UPDATE releases SET pruned_at='y' WHERE number=1",
      "DELETE FROM releases WHERE number=1",
      "UPDATE projects SET release=1,spec_sha256=(SELECT spec_sha256 FROM releases WHERE number=1)",
  };
  static const char *const local[] = {"local"};
  static const char late[] = "9999-01-01T00:00:00.000Z";
  struct si_operation operation = {.id = ""};
  struct si_release release = {.number = ""};
  struct si_error error = {0};
  char number[12], path[96];
  sqlite3 *db = NULL;
  begin();
  deploy_more(5);
  EXPECT_TEXT(prunable(0, late).numbers, "1 2 3 4 ");
  EXPECT_TEXT(prunable(3, late).numbers, "1 2 3 ");
  EXPECT_TEXT(prunable(0, "2000-01-01T00:00:00.000Z").numbers, "");
  struct gathered all = prunable(0, late);
  /* While an operation runs, nothing. */
  NEED(deploy(SPEC_2, local, 1, &operation, number) == SI_OK);
  EXPECT_TEXT(prunable(0, late).numbers, "");
  CU_ASSERT_EQUAL(si_state_prune(state, all.list, 1, NULL, &error), SI_E_CONFLICT);
  EXPECT_TEXT(error.code, "RELEASE_NEEDED");
  end_operation(operation.id, "failed", NULL);
  /* All or none. */
  snprintf(all.list[2].number, sizeof all.list[2].number, "6");
  CU_ASSERT_EQUAL(si_state_prune(state, all.list, 3, NULL, &error), SI_E_CONFLICT);
  EXPECT_TEXT(prunable(0, late).numbers, "1 2 3 4 ");
  CU_ASSERT_EQUAL(si_state_prune(state, all.list, 2, NULL, &error), SI_OK);
  EXPECT_TEXT(prunable(0, late).numbers, "3 4 ");
  CU_ASSERT_EQUAL(si_state_release(state, project.id, "1", &release, &error), SI_E_NOT_FOUND);
  EXPECT_TEXT(error.code, "RELEASE_PRUNED");
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
  state = scratch_open(dir, SI_STATE_WRITE);
  finish();
}

UNIT_MAIN("state: releases",
          UNIT(a_project_begins_with_a_release_that_tells_its_images_once_it_served),
          UNIT(a_deploy_that_ends_well_is_the_projects_release),
          UNIT(a_deploy_that_fails_leaves_the_release_and_tells_each_target),
          UNIT(a_store_from_before_releases_gets_one_for_each_live_project),
          UNIT(nobody_changes_what_was_released_or_deployed),
          UNIT(only_what_nobody_needs_is_pruned_and_all_of_it_or_none))
