/* SPDX-License-Identifier: Apache-2.0 */
/* What was found critical is kept, audited once, and gone when it is mended (R21); a damaged store
 * is told (paas/state/check.h). */
#include "paas/doctor/record.h"

#include <fcntl.h>
#include <sqlite3.h>

#include "paas/events/events.h"
#include "paas/state/check.h"
#include "paas/state/document.h"
#include "tests/unit/state/scratch.h"

static char dir[64];

static struct si_context context_here(void) {
  struct si_context context = {.name = "t", .type = "internal", .id = CONTEXT_ID};
  si_copy(context.dir, sizeof context.dir, dir);
  return context;
}

static uint64_t audited(struct si_state *state) {
  uint64_t seq = 0;
  char hash[65];
  struct si_error error;
  CU_ASSERT_EQUAL(si_state_event_head(state, "audit", &seq, hash, &error), SI_OK);
  return seq;
}

static void write_record(const struct si_context *context, struct si_state *state,
                         const char *detail, bool expect_change) {
  const struct si_finding finding = {.check = "permissions",
                                     .context = "t",
                                     .severity = SI_FINDING_CRITICAL,
                                     .detail = detail,
                                     .remedy = "chmod"};
  struct si_error error;
  bool changed = !expect_change;
  cJSON *record SI_AUTO(si_json_free) = si_record_new();
  NEED(record && (!detail || si_record_add(record, &finding, true)));
  CU_ASSERT_EQUAL(si_record_write(context, state, record, &changed, &error), SI_OK);
  CU_ASSERT_EQUAL(changed, expect_change);
}

static void a_change_is_kept_and_audited_once(void) {
  struct si_error error;
  scratch_make(dir);
  struct si_context context = context_here();
  struct si_state *state = scratch_open(dir, SI_STATE_WRITE);
  cJSON *record = NULL;
  write_record(&context, state, NULL, false); /* nothing was, nothing is */
  CU_ASSERT_EQUAL(audited(state), 0);
  write_record(&context, state, "x", true);
  write_record(&context, state, "x", false);
  CU_ASSERT_EQUAL(audited(state), 1);
  CU_ASSERT_EQUAL(si_record_read(state, &record, &error), SI_OK);
  CU_ASSERT_EQUAL(cJSON_GetArraySize(si_json_get(record, "critical")), 1);
  cJSON_Delete(record);
  write_record(&context, state, "y", true);
  write_record(&context, state, NULL, true);
  CU_ASSERT_EQUAL(audited(state), 3);
  CU_ASSERT_EQUAL(si_record_read(state, &record, &error), SI_OK);
  CU_ASSERT_EQUAL(cJSON_GetArraySize(si_json_get(record, "critical")), 0);
  cJSON_Delete(record);
  si_state_close(state);
  scratch_remove(dir);
}

static void it_holds_however_much_is_found(void) {
  char detail[4000];
  struct si_error error;
  scratch_make(dir);
  struct si_context context = context_here();
  struct si_state *state = scratch_open(dir, SI_STATE_WRITE);
  cJSON *record SI_AUTO(si_json_free) = si_record_new();
  for (size_t i = 0; i < sizeof detail; i++) {
    detail[i] = i % 2 ? '"' : '\x01'; /* two bytes and six, in JSON */
  }
  detail[sizeof detail - 1] = '\0';
  const struct si_finding finding = {"permissions", "t", SI_FINDING_CRITICAL, detail, detail};
  for (int i = 0; i < 100; i++) {
    char path[600];
    memset(path, 'p', sizeof path);
    snprintf(path + sizeof path - 8, 8, "%d", i);
    CU_ASSERT(si_record_add(record, &finding, true) && si_record_add_repository(record, path));
  }
  CU_ASSERT_EQUAL(si_record_write(&context, state, record, NULL, &error), SI_OK);
  si_state_close(state);
  scratch_remove(dir);
}

/* By somebody who can write, and knows SQLite. */
static void tamper(const char *sql) {
  char path[96];
  sqlite3 *db = NULL;
  snprintf(path, sizeof path, "%s/state.db", dir);
  NEED(sqlite3_open(path, &db) == SQLITE_OK);
  NEED(sqlite3_exec(db, "PRAGMA foreign_keys=OFF", NULL, NULL, NULL) == SQLITE_OK);
  NEED(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
  sqlite3_close(db);
}

static void set_identity(struct si_context *context) {
  char inode[24];
  struct stat st;
  context->config = cJSON_CreateObject();
  cJSON *identity = cJSON_AddObjectToObject(context->config, "identity");
  NEED(stat(dir, &st) == 0 && chdir(dir) == 0 && setenv("SI_PAAS_STATE_ROOT", dir, 1) == 0);
  snprintf(inode, sizeof inode, "%llu", (unsigned long long)st.st_ino);
  NEED(cJSON_AddStringToObject(identity, "path", dir) &&
       cJSON_AddStringToObject(identity, "inode", inode));
}

/* What cannot be read is no pass (R15), and no block for ever either. */
static void a_record_that_makes_no_sense_blocks_until_it_is_written_anew(void) {
  static const char *const texts[] = {"{\"critical\":[{}]}", "{\"critical\":7}", "{}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct si_error error = {.message = ""};
    scratch_make(dir);
    struct si_context context = context_here();
    set_identity(&context);
    struct si_state *state = scratch_open(dir, SI_STATE_WRITE);
    CU_ASSERT_EQUAL(si_doctor_gate(&context, state, &error), SI_OK);
    CU_ASSERT_EQUAL(si_state_document_put(state, "doctor", texts[i], NULL, &error), SI_OK);
    CU_ASSERT_EQUAL(si_doctor_gate(&context, state, &error), SI_E_CORRUPT);
    CU_ASSERT(error.hint[0] != '\0');
    write_record(&context, state, NULL, true);
    CU_ASSERT_EQUAL(si_doctor_gate(&context, state, &error), SI_OK);
    cJSON_Delete(context.config);
    si_state_close(state);
    scratch_remove(dir);
  }
}

static void expect_damaged(const char *what) {
  struct si_error error = {.message = ""};
  int schema = 0;
  struct si_state *state = scratch_open(dir, SI_STATE_WRITE);
  CU_ASSERT_EQUAL(si_state_verify(state, &schema, &error), SI_E_CORRUPT);
  CU_ASSERT(strstr(error.message, what) != NULL);
  si_state_close(state);
}

static void a_damaged_store_is_told(void) {
  struct si_error error;
  struct si_project project;
  struct si_operation operation = {.id = ""};
  int lock = -1;
  int schema = 0;
  scratch_make(dir);
  struct si_state *state = scratch_open(dir, SI_STATE_WRITE);
  NEED(scratch_create(state, "blog", &project, &operation, &lock, &error) == SI_OK);
  close(lock);
  si_operation_free(&operation);
  CU_ASSERT_EQUAL(si_state_verify(state, &schema, &error), SI_OK);
  CU_ASSERT(schema >= 2);
  si_state_close(state);
  tamper(
      "DROP TRIGGER projects_status;PRAGMA ignore_check_constraints=ON;"
      "UPDATE projects SET status='odd';");
  expect_damaged("projects");
  tamper("PRAGMA ignore_check_constraints=ON;UPDATE projects SET status='running';");
  state = scratch_open(dir, SI_STATE_READ);
  CU_ASSERT_EQUAL(si_state_verify(state, &schema, &error), SI_OK);
  si_state_close(state);
  tamper(
      "DROP TRIGGER projects_delete;DROP TRIGGER releases_delete;DELETE FROM instances;"
      "DELETE FROM releases;DELETE FROM projects;");
  expect_damaged("operations");
  scratch_remove(dir);
}

UNIT_MAIN("doctor: the record", UNIT(a_change_is_kept_and_audited_once),
          UNIT(it_holds_however_much_is_found),
          UNIT(a_record_that_makes_no_sense_blocks_until_it_is_written_anew),
          UNIT(a_damaged_store_is_told))
