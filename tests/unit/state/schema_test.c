/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/state/schema_test.c - what the store refuses to any client, a bare sqlite3 connection
 * included (R64, R68), and which files it refuses to be.
 */
#include <sqlite3.h>

#include "tests/unit/state/scratch.h"

static char dir[64];

static sqlite3 *bare(void) {
  char path[96];
  sqlite3 *db = NULL;
  snprintf(path, sizeof path, "%s/state.db", dir);
  NEED(sqlite3_open(path, &db) == SQLITE_OK);
  return db;
}

static const char *const statuses[] = {"pending", "provisioning", "running",
                                       "failed",  "deleting",     "deleted"};
enum { STATUSES = 6 };

static bool allowed(size_t from, size_t to) {
  static const char *const moves[] = {
      "pending>provisioning", "provisioning>running", "provisioning>failed", "failed>provisioning",
      "running>deleting",     "failed>deleting",      "deleting>deleted"};
  char move[64];
  snprintf(move, sizeof move, "%s>%s", statuses[from], statuses[to]);
  for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
    if (strcmp(moves[i], move) == 0) {
      return true;
    }
  }
  return from == to && strcmp(statuses[from], "deleted") != 0;
}

/* Brings a new project `slug` to `status` by allowed moves alone. */
static bool walk_to(sqlite3 *db, const char *slug, const char *status) {
  static const char *const ways[][5] = {
      {"pending"},
      {"provisioning"},
      {"provisioning", "running"},
      {"provisioning", "failed"},
      {"provisioning", "failed", "deleting"},
      {"provisioning", "running", "deleting", "deleted"},
  };
  char sql[512];
  snprintf(sql, sizeof sql,
           "INSERT INTO projects(id,owner_id,slug,provisioner,spec_sha256,created_at,updated_at,"
           "config,stack)VALUES('prj-%s','local','%s','local','" SPEC
           "','2026-11-20T00:00:00.000Z','2026-11-20T00:00:00.000Z','{}','{}')",
           slug, slug);
  bool well = sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
  for (size_t s = 0; s < STATUSES; s++) {
    for (size_t i = 0; strcmp(statuses[s], status) == 0 && i < 5 && ways[s][i]; i++) {
      snprintf(sql, sizeof sql, "UPDATE projects SET status='%s' WHERE slug='%s'", ways[s][i],
               slug);
      well = well && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
    }
  }
  return well;
}

static void only_the_tables_transitions_pass_a_bare_connection(void) {
  scratch_make(dir);
  si_state_close(scratch_open(dir, SI_STATE_WRITE));
  sqlite3 *db = bare();
  for (size_t from = 0; from < STATUSES; from++) {
    for (size_t to = 0; to < STATUSES; to++) {
      char slug[32], sql[160];
      snprintf(slug, sizeof slug, "from%zu-to%zu", from, to);
      CU_ASSERT(walk_to(db, slug, statuses[from]));
      snprintf(sql, sizeof sql, "UPDATE projects SET status='%s' WHERE slug='%s'", statuses[to],
               slug);
      bool passed = sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
      if (passed != allowed(from, to)) {
        printf("\n%s -> %s passed: %d\n", statuses[from], statuses[to], passed);
      }
      CU_ASSERT_EQUAL(passed, allowed(from, to));
    }
  }
  sqlite3_close(db);
  scratch_remove(dir);
}

#define TIME "'2026-11-20T00:00:00.000Z'"
#define PROJECT(id, slug, status)                                                               \
  "INTO projects(id,owner_id,slug,status,provisioner,spec_sha256,created_at,updated_at,config," \
  "stack)VALUES('" id "','local','" slug "','" status "','local','" SPEC "'," TIME "," TIME     \
  ",'{}','{}')"
#define OPERATION(id, project, rest)                                                \
  "INTO operations(id,project_id,kind,started_at" rest ")VALUES('" id "','" project \
  "','provision'," TIME
#define LEDGER(app, key)                                                             \
  "INTO ledger(app,key,revision,origin,created_at,updated_at)VALUES('" app "','" key \
  "',0,'set'," TIME "," TIME ")"
#define ALERT(seq, id)                                                                      \
  "INTO alerts(seq,id,dedupe,severity,source,message,raised_at,last_at,channel)VALUES(" seq \
  ",'" id "','key','warning','test','m'," TIME "," TIME ",'log')"

/* In the order of the table, on a store with project prj-live (running), its operation op-done
 * (ok, pending) with one step, its operation op-run (running), and prj-gone (deleted). */
static const struct {
  const char *sql;
  bool passes;
} attempts[] = {
    {"INSERT " PROJECT("prj-1", "new", "running"), false},
    {"INSERT " PROJECT("prj-1", "new", "nonsense"), false},
    {"INSERT " PROJECT("prj-1", "New", "pending"), false},
    {"INSERT " PROJECT("prj-1", "live", "pending"), false},
    {"INSERT OR REPLACE " PROJECT("prj-1", "live", "pending"), false},
    {"INSERT OR REPLACE " PROJECT("prj-live", "other", "pending"), false},
    {"INSERT OR REPLACE " PROJECT("prj-gone", "gone", "pending"), false},
    {"INSERT OR REPLACE INTO projects(seq,id,owner_id,slug,provisioner,spec_sha256,created_at,"
     "updated_at,config,stack)SELECT seq,'prj-2','local','two',provisioner,spec_sha256,created_at,"
     "updated_at,config,stack FROM projects WHERE id='prj-live'",
     false},
    {"INSERT " PROJECT("prj-again", "gone", "pending"), true},
    {"UPDATE projects SET slug='other' WHERE id='prj-live'", false},
    {"UPDATE projects SET id='other' WHERE id='prj-live'", false},
    {"UPDATE OR REPLACE projects SET id='prj-gone' WHERE id='prj-live'", false},
    {"UPDATE OR IGNORE projects SET status='failed' WHERE id='prj-live' RETURNING 1/0", false},
    {"UPDATE projects SET owner_id='x' WHERE id='prj-live'", false},
    {"UPDATE projects SET last_error='{}' WHERE id='prj-gone'", false},
    {"UPDATE projects SET last_error='no json' WHERE id='prj-live'", false},
    {"UPDATE projects SET last_error='{}' WHERE id='prj-live'", true},
    {"DELETE FROM projects WHERE id='prj-gone'", false},

    {"INSERT " OPERATION("op-2", "prj-live", "") ")", false},
    {"INSERT OR REPLACE " OPERATION("op-2", "prj-live", "") ")", false},
    {"INSERT OR REPLACE " OPERATION("op-done", "prj-again", "") ")", false},
    {"INSERT " OPERATION("op-2", "prj-gone", "") ")", false},
    {"INSERT " OPERATION("op-2", "prj-none", "") ")", false},
    {"INSERT " OPERATION("op-2", "prj-again", ",status,evidence,ended_at") ",'ok','pending'," TIME
                                                                           ")",
     false},
    {"INSERT " OPERATION("op-2", "prj-again", "") ")", true},
    {"UPDATE operations SET evidence='pending' WHERE id='op-run'", false},
    {"UPDATE operations SET status='ok' WHERE id='op-run'", false}, /* without its time */
    {"UPDATE operations SET error='{}' WHERE id='op-run'", false},
    {"UPDATE operations SET kind='destroy' WHERE id='op-run'", false},
    {"UPDATE operations SET status='failed' WHERE id='op-done'", false},
    {"UPDATE operations SET status='running',ended_at=NULL,evidence='none' WHERE id='op-done'",
     false},
    {"UPDATE operations SET result='{}' WHERE id='op-done'", false},
    {"UPDATE operations SET ended_at=started_at WHERE id='op-done'", false},
    {"UPDATE operations SET evidence='stored' WHERE id='op-done'", false}, /* without a runpack */
    {"UPDATE operations SET evidence='stored',runpack='a',manifest_sha256='" SPEC
     "' WHERE id='op-done'",
     true},
    {"UPDATE operations SET runpack='b' WHERE id='op-done'", false},
    {"UPDATE operations SET evidence='pending',runpack=NULL,manifest_sha256=NULL WHERE "
     "id='op-done'",
     false},
    {"DELETE FROM operations WHERE id='op-done'", false},

    {"INSERT INTO steps VALUES('op-done',2," TIME ",'late','begin',NULL)", false},
    {"INSERT INTO steps VALUES('op-none',1," TIME ",'lost','begin',NULL)", false},
    {"INSERT INTO steps VALUES('op-run',1," TIME ",'s','begin',NULL)", true},
    {"INSERT OR REPLACE INTO steps VALUES('op-run',1," TIME ",'other','begin',NULL)", false},
    {"INSERT INTO steps VALUES('op-run',2," TIME ",'s','never',NULL)", false},
    {"INSERT INTO steps VALUES('op-run','x'," TIME ",'s','begin',NULL)", false},
    {"UPDATE steps SET name='other'", false},
    {"DELETE FROM steps", false},

    {"UPDATE meta SET context_id='ctx-other'", false},
    {"DELETE FROM meta", false},
    {"INSERT OR REPLACE INTO meta VALUES(1,'ctx-other'," TIME ")", false},

    {"INSERT INTO event_heads VALUES('audit',2,'" SPEC "')", false},
    {"INSERT INTO event_heads VALUES('other',1,'" SPEC "')", false},
    {"INSERT INTO event_heads VALUES('audit',1,'" SPEC "')", true},
    {"INSERT OR REPLACE INTO event_heads VALUES('audit',1,'" SPEC "')", false},
    {"UPDATE event_heads SET seq=3", false},
    {"UPDATE event_heads SET seq=2", true},
    {"UPDATE event_heads SET seq=1", false},
    {"DELETE FROM event_heads", false},
    {"INSERT INTO event_outbox VALUES('audit',1,'{}')", false},
    {"INSERT INTO event_outbox VALUES('audit',2,'{}')", true},
    {"INSERT OR REPLACE INTO event_outbox VALUES('audit',2,'{\"a\":1}')", false},
    {"UPDATE event_outbox SET line='{\"a\":1}'", false},
    {"DELETE FROM event_outbox WHERE seq=2", true},

    {"INSERT " LEDGER("", "KEY"), true},
    {"INSERT " LEDGER("", "0KEY"), false},
    {"INSERT " LEDGER("", "key"), false},
    {"INSERT " LEDGER("A", "KEY"), false},
    {"UPDATE ledger SET revision=2", true},
    {"UPDATE ledger SET revision=1", false},
    {"UPDATE ledger SET key='OTHER'", false},
    {"DELETE FROM ledger", false},

    {"INSERT " ALERT("1", "alr-1"), true},
    {"INSERT OR REPLACE " ALERT("1", "alr-2"), false},
    {"INSERT OR REPLACE " ALERT("2", "alr-1"), false},
    {"UPDATE alerts SET severity='info'", false},
    {"UPDATE alerts SET acked_by='you'", true},
    {"DELETE FROM alerts", false},
};

static void what_was_written_cannot_be_rewritten_by_a_bare_connection(void) {
  static const char setup[] =
      "INSERT " PROJECT("prj-live", "live", "pending") ";"
      "INSERT " OPERATION("op-done", "prj-live", "") ");"
      "INSERT INTO steps VALUES('op-done',1," TIME ",'s','begin',NULL);"
      "UPDATE operations SET status='ok',ended_at='2026-11-20T00:00:01.000Z',evidence='pending';"
      "INSERT " OPERATION("op-run", "prj-live", "") ");"
      "UPDATE projects SET status='provisioning';UPDATE projects SET status='running';"
      "INSERT " PROJECT("prj-gone", "gone", "pending") ";";
  scratch_make(dir);
  si_state_close(scratch_open(dir, SI_STATE_WRITE));
  sqlite3 *db = bare();
  NEED(sqlite3_exec(db, setup, NULL, NULL, NULL) == SQLITE_OK);
  static const char *const way[] = {"provisioning", "running", "deleting", "deleted"};
  for (size_t i = 0; i < 4; i++) {
    char sql[100];
    snprintf(sql, sizeof sql, "UPDATE projects SET status='%s' WHERE id='prj-gone'", way[i]);
    NEED(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
  }
  for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
    bool passed = sqlite3_exec(db, attempts[i].sql, NULL, NULL, NULL) == SQLITE_OK;
    if (passed != attempts[i].passes) {
      printf("\npassed %d: %s: %s\n", passed, attempts[i].sql, sqlite3_errmsg(db));
    }
    CU_ASSERT_EQUAL(passed, attempts[i].passes);
  }
  sqlite3_close(db);
  scratch_remove(dir);
}

static void exec_bare(const char *sql) {
  sqlite3 *db = bare();
  NEED(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
  sqlite3_close(db);
}

static void make_newer(void) {
  exec_bare("PRAGMA user_version=99");
}
static void make_older(void) {
  exec_bare("PRAGMA user_version=0");
}
static void make_garbage(void) {
  char text[8192];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  scratch_file(dir, "state.db", text);
}
static void make_short_garbage(void) {
  scratch_file(dir, "state.db", "hello");
}
static void make_empty(void) {
  scratch_file(dir, "state.db", "");
}
static void make_missing(void) {
  char path[96];
  snprintf(path, sizeof path, "%s/state.db", dir);
  NEED(unlink(path) == 0);
}
static void make_link(void) {
  char path[96], moved[96];
  snprintf(path, sizeof path, "%s/state.db", dir);
  snprintf(moved, sizeof moved, "%s/elsewhere.db", dir);
  NEED(rename(path, moved) == 0 && symlink(moved, path) == 0);
}
static void make_broken(void) { /* its header is whole, its first page is not */
  char path[96];
  snprintf(path, sizeof path, "%s/state.db", dir);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  char junk[900];
  memset(junk, 0xa5, sizeof junk);
  NEED(fd >= 0 && pwrite(fd, junk, sizeof junk, 100) == (ssize_t)sizeof junk);
  close(fd);
}
static void make_foreign(void) {
  exec_bare("DROP TRIGGER meta_update;UPDATE meta SET context_id='ctx-other'");
}

static void a_store_that_is_not_ours_is_refused_and_left_alone(void) {
  static const struct {
    void (*make)(void);
    const char *reading, *writing;
    si_rc status;
  } cases[] = {
      {make_newer, "STATE_NEWER", "STATE_NEWER", SI_E_UNSUPPORTED},
      {make_older, "STATE_MIGRATE", "STATE_MISSING", SI_E_NOT_FOUND},
      {make_garbage, "STATE_CORRUPT", "STATE_CORRUPT", SI_E_CORRUPT},
      {make_short_garbage, "STATE_CORRUPT", "STATE_CORRUPT", SI_E_CORRUPT},
      {make_broken, "STATE_CORRUPT", "STATE_CORRUPT", SI_E_CORRUPT},
      {make_empty, "STATE_MIGRATE", "STATE_MISSING", SI_E_NOT_FOUND},
      {make_missing, "STATE_MISSING", "STATE_MISSING", SI_E_NOT_FOUND},
      {make_link, "STATE_NOT_A_FILE", "STATE_NOT_A_FILE", SI_E_REFUSED},
      {make_foreign, "STATE_FOREIGN", "STATE_FOREIGN", SI_E_REFUSED},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_state *state = NULL;
    struct si_error error = {0};
    scratch_make(dir);
    si_state_close(scratch_open(dir, SI_STATE_WRITE));
    cases[i].make();
    CU_ASSERT(si_state_open(dir, CONTEXT_ID, SI_STATE_READ, &state, &error) != SI_OK);
    EXPECT_TEXT(error.code, cases[i].reading);
    CU_ASSERT_EQUAL(si_state_open(dir, CONTEXT_ID, SI_STATE_WRITE, &state, &error),
                    cases[i].status);
    EXPECT_TEXT(error.code, cases[i].writing);
    CU_ASSERT(error.hint[0] || i == 7);
    CU_ASSERT_PTR_NULL(state);
    scratch_remove(dir);
  }
}

static void another_programs_database_is_not_taken_over(void) {
  struct si_state *state = NULL;
  struct si_error error = {0};
  scratch_make(dir);
  exec_bare("CREATE TABLE theirs(x)");
  CU_ASSERT_EQUAL(si_state_open(dir, CONTEXT_ID, SI_STATE_WRITE, &state, &error), SI_E_CORRUPT);
  EXPECT_TEXT(error.code, "STATE_CORRUPT");
  exec_bare("INSERT INTO theirs VALUES(1)");
  scratch_remove(dir);
}

static void a_store_is_private_durable_and_told_from_none(void) {
  static const char *const names[] = {"state.db", "state.lock"};
  struct si_state *state = NULL;
  struct si_error error = {0};
  mode_t old = umask(0);
  scratch_make(dir);
  CU_ASSERT_EQUAL(si_state_open(dir, CONTEXT_ID, SI_STATE_READ, &state, &error), SI_E_NOT_FOUND);
  EXPECT_TEXT(error.code, "STATE_MISSING");
  si_state_close(scratch_open(dir, SI_STATE_WRITE));
  umask(old);
  for (size_t i = 0; i < 2; i++) {
    char path[96];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, names[i]);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
  }
  si_state_close(scratch_open(dir, SI_STATE_READ));
  scratch_remove(dir);
  CU_ASSERT_EQUAL(si_state_open(dir, CONTEXT_ID, SI_STATE_WRITE, &state, &error), SI_E_NOT_FOUND);
}

UNIT_MAIN("state schema", UNIT(only_the_tables_transitions_pass_a_bare_connection),
          UNIT(what_was_written_cannot_be_rewritten_by_a_bare_connection),
          UNIT(a_store_that_is_not_ours_is_refused_and_left_alone),
          UNIT(another_programs_database_is_not_taken_over),
          UNIT(a_store_is_private_durable_and_told_from_none))
