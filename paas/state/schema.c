/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/schema.c - the tables, as numbered migrations, and the guards in them: what may follow
 * what is refused to any client, a bare sqlite3 shell included. Every open reads these texts from
 * the file, so they are kept short. Later migrations stand in schema_N.c. Depends on sqlite3.
 *
 * `INSERT OR REPLACE` removes rows without firing delete triggers: the insert triggers refuse what
 * would replace.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/state/private.h"
#include "paas/state/schema.h"

static const char migration_1[] =
    "CREATE TABLE meta("
    "one INTEGER PRIMARY KEY CHECK(one=1),"
    "context_id TEXT NOT NULL,"
    "created_at TEXT NOT NULL)STRICT;"

    "CREATE TABLE projects("
    "seq INTEGER PRIMARY KEY,"
    "id TEXT NOT NULL UNIQUE CHECK(length(id) BETWEEN 1 AND 39),"
    "owner_id TEXT NOT NULL CHECK(length(owner_id) BETWEEN 1 AND 63),"
    "slug TEXT NOT NULL CHECK(" NAME("slug") "),"
    "status TEXT NOT NULL DEFAULT 'pending' CHECK(status IN"
    "('pending','provisioning','running','failed','deleting','deleted')),"
    "provisioner TEXT NOT NULL CHECK(" NAME("provisioner") "),"
    "spec_sha256 TEXT NOT NULL CHECK(" HEX64("spec_sha256") "),"
    "created_at TEXT NOT NULL,"
    "updated_at TEXT NOT NULL,"
    "config TEXT NOT NULL CHECK(" DOCUMENT("config", "1048576") "),"
    "last_error TEXT CHECK(" DOCUMENT("last_error", "65536") "),"
    "stack TEXT NOT NULL CHECK(" DOCUMENT("stack", "16777216") "))STRICT;"
    "CREATE UNIQUE INDEX projects_live ON projects(owner_id,slug) WHERE status<>'deleted';"

    "CREATE TRIGGER projects_insert BEFORE INSERT ON projects WHEN NEW.status<>'pending' OR EXISTS"
    "(SELECT 1 FROM projects WHERE id=NEW.id OR seq=NEW.seq OR(owner_id=NEW.owner_id AND "
    "slug=NEW.slug AND status<>'deleted'))"
    "BEGIN SELECT RAISE(ABORT,'a project begins as pending, with an id and a name of its own');END;"
    "CREATE TRIGGER projects_identity BEFORE UPDATE OF id,owner_id,slug,created_at ON projects "
    "BEGIN SELECT RAISE(ABORT,'the identity of a project never changes');END;"
    "CREATE TRIGGER projects_deleted BEFORE UPDATE ON projects "
    "WHEN OLD.status='deleted' OR NEW.seq<>OLD.seq "
    "BEGIN SELECT RAISE(ABORT,'a deleted project never changes');END;"
    "CREATE TRIGGER projects_status BEFORE UPDATE OF status ON projects "
    "WHEN NEW.status<>OLD.status AND NOT instr("
    "' pending>provisioning provisioning>running provisioning>failed failed>provisioning "
    "running>deleting failed>deleting deleting>deleted ',' '||OLD.status||'>'||NEW.status||' ')"
    "BEGIN SELECT RAISE(ABORT,'a project cannot go from that status to the other');END;"
    "CREATE TRIGGER projects_delete BEFORE DELETE ON projects "
    "BEGIN SELECT RAISE(ABORT,'a project is never removed');END;"

    "CREATE TABLE operations("
    "seq INTEGER PRIMARY KEY,"
    "id TEXT NOT NULL UNIQUE CHECK(length(id) BETWEEN 1 AND 47),"
    "project_id TEXT NOT NULL REFERENCES projects(id),"
    "kind TEXT NOT NULL CHECK(length(kind) BETWEEN 1 AND 23),"
    "status TEXT NOT NULL DEFAULT 'running' CHECK(status IN"
    "('running','ok','failed','cancelled','interrupted')),"
    "evidence TEXT NOT NULL DEFAULT 'none' CHECK(evidence IN('none','pending','stored')),"
    "started_at TEXT NOT NULL,"
    "ended_at TEXT,"
    "runpack TEXT CHECK(length(runpack) BETWEEN 1 AND 1023),"
    "manifest_sha256 TEXT CHECK(" HEX64("manifest_sha256") "),"
    "error TEXT CHECK(" DOCUMENT("error", "65536") "),"
    "result TEXT CHECK(length(result)<=16777216),"
    "CHECK((status='running')=(ended_at IS NULL)AND(status='running')=(evidence='none')AND"
    "(status<>'running' OR coalesce(error,result)IS NULL)AND"
    "(evidence='stored')=(runpack IS NOT NULL)AND"
    "(runpack IS NULL)=(manifest_sha256 IS NULL)))STRICT;"
    "CREATE INDEX operations_project ON operations(project_id);"
    "CREATE UNIQUE INDEX operations_unfinished ON operations(project_id) WHERE status='running';"
    "CREATE INDEX operations_evidence ON operations(evidence) WHERE evidence='pending';"

    "CREATE TRIGGER operations_insert BEFORE INSERT ON operations WHEN NEW.status<>'running' OR "
    "EXISTS(SELECT 1 FROM operations WHERE id=NEW.id OR seq=NEW.seq OR"
    "(project_id=NEW.project_id AND status='running'))OR NOT EXISTS"
    "(SELECT 1 FROM projects WHERE id=NEW.project_id AND status<>'deleted')"
    "BEGIN SELECT RAISE(ABORT,'an operation begins as running, the only one of a live project');"
    "END;"
    "CREATE TRIGGER operations_identity BEFORE UPDATE OF id,project_id,kind,started_at "
    "ON operations BEGIN SELECT RAISE(ABORT,'the identity of an operation never changes');END;"
    "CREATE TRIGGER operations_end BEFORE UPDATE OF status,ended_at,error,result ON operations "
    "WHEN OLD.status<>'running' BEGIN SELECT RAISE(ABORT,'an operation ends once');END;"
    "CREATE TRIGGER operations_stored BEFORE UPDATE ON operations "
    "WHEN OLD.evidence='stored' OR NEW.seq<>OLD.seq OR(OLD.evidence='none' AND "
    "NEW.evidence='stored')"
    "BEGIN SELECT RAISE(ABORT,'evidence is pending first, then stored, once');END;"
    "CREATE TRIGGER operations_delete BEFORE DELETE ON operations "
    "BEGIN SELECT RAISE(ABORT,'an operation is never removed');END;"

    "CREATE TABLE steps("
    "operation_id TEXT NOT NULL REFERENCES operations(id),"
    "seq INTEGER NOT NULL CHECK(seq BETWEEN 1 AND 100000),"
    "at TEXT NOT NULL,"
    "name TEXT NOT NULL CHECK(length(name) BETWEEN 1 AND 255),"
    "phase TEXT NOT NULL CHECK(phase IN('begin','done','failed')),"
    "outside_id TEXT CHECK(length(outside_id)<=1023),"
    "PRIMARY KEY(operation_id,seq))STRICT,WITHOUT ROWID;"
    "CREATE TRIGGER steps_insert BEFORE INSERT ON steps WHEN NOT EXISTS"
    "(SELECT 1 FROM operations WHERE id=NEW.operation_id AND status='running')OR EXISTS"
    "(SELECT 1 FROM steps WHERE operation_id=NEW.operation_id AND seq=NEW.seq)"
    "BEGIN SELECT RAISE(ABORT,'a step belongs to a running operation, and is new');END;"
    "CREATE TRIGGER steps_update BEFORE UPDATE ON steps BEGIN "
    "SELECT RAISE(ABORT,'a step never changes');END;"
    "CREATE TRIGGER steps_delete BEFORE DELETE ON steps BEGIN "
    "SELECT RAISE(ABORT,'a step is never removed');END;"

    "PRAGMA user_version=1;";

static const char *const migrations[SI_STATE_SCHEMA] = {migration_1,
                                                        si_state_migration_2,
                                                        si_state_migration_releases,
                                                        si_state_migration_targets,
                                                        si_state_migration_addons,
                                                        si_state_migration_prune,
                                                        si_state_migration_webhooks};

static si_rc number(struct si_state *state, const char *sql, int64_t *out, struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status = si_state_prepare(state, sql, SI_NO_VALUES, &statement, error);
  if (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
  }
  if (status == SI_OK) {
    *out = row ? sqlite3_column_int64(statement, 0) : 0;
  }
  return status;
}

static si_rc version(struct si_state *state, int64_t *out, struct si_error *error) {
  int64_t found = 0;
  si_rc status = number(state, "PRAGMA user_version", &found, error);
  if (status != SI_OK) {
    return status;
  }
  if (found < 0 || found > SI_STATE_SCHEMA) {
    si_error_set(error, SI_E_UNSUPPORTED, "STATE_NEWER",
                 "the state store %s has schema %lld; this si knows up to %d", state->path,
                 (long long)found, SI_STATE_SCHEMA);
    si_error_hint(error, "use the si that wrote it, or a later one");
    return SI_E_UNSUPPORTED;
  }
  *out = found;
  return SI_OK;
}

static si_rc check_context(struct si_state *state, const char *context_id, struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status =
      si_state_prepare(state, "SELECT context_id FROM meta", SI_NO_VALUES, &statement, error);
  if (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
  }
  if (status != SI_OK) {
    return status;
  }
  const char *stored = row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
  if (!stored || strcmp(stored, context_id) != 0) {
    si_error_set(error, SI_E_REFUSED, "STATE_FOREIGN",
                 "the state store %s belongs to context %s, not to %s", state->path,
                 stored ? stored : "(none)", context_id);
    si_error_hint(error,
                  "a directory was copied or mixed up: put back the state.db that belongs "
                  "to this context's config.json");
    return SI_E_REFUSED;
  }
  return SI_OK;
}

si_rc si_state_check(struct si_state *state, const char *context_id, bool *behind,
                     struct si_error *error) {
  int64_t found = 0;
  si_rc status = version(state, &found, error);
  if (status != SI_OK) {
    return status;
  }
  *behind = found < SI_STATE_SCHEMA;
  return *behind ? SI_OK : check_context(state, context_id, error);
}

/* Once a store was made, its lock file says whose: if state.db then goes missing, it is not
 * silently made again, empty. */
static si_rc refuse_lost(struct si_state *state, struct si_error *error) {
  struct stat st;
  int64_t tables = 0;
  if (fstat(state->lock, &st) != 0) {
    return si_state_errno(state, errno, "looking at state.lock", error);
  }
  if (st.st_size > 0) {
    return si_state_missing(state, error);
  }
  si_rc status = number(state, "SELECT count(*) FROM sqlite_schema", &tables, error);
  if (status == SI_OK && tables > 0) {
    return si_error_set(error, SI_E_CORRUPT, "STATE_CORRUPT",
                        "%s is an SQLite database, but no state store of si", state->path);
  }
  return status;
}

static void mark_made(struct si_state *state, const char *context_id) {
  struct stat st;
  if (fstat(state->lock, &st) == 0 && st.st_size == 0) {
    /* Failing is harmless: the next writer tries again. */
    (void)(pwrite(state->lock, context_id, strlen(context_id), 0) > 0 && fsync(state->lock) == 0);
  }
}

static si_rc apply(struct si_state *state, int64_t from, const char *context_id,
                   struct si_error *error) {
  char now[SI_TIME_SIZE];
  for (int64_t i = from; i < SI_STATE_SCHEMA; i++) {
    if (sqlite3_exec(state->db, migrations[i], NULL, NULL, NULL) != SQLITE_OK) {
      return si_state_fault(state, "migrating", error);
    }
  }
  if (from > 0) {
    return SI_OK;
  }
  si_now_text(now);
  return si_state_run(state, "INSERT INTO meta VALUES(1,?1,?2)", SI_VALUES(context_id, now), error);
}

si_rc si_state_migrate(struct si_state *state, const char *context_id, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  bool behind = false;
  int64_t from = 0;
  si_rc status = si_state_check(state, context_id, &behind, error);
  if (status != SI_OK) {
    return status;
  }
  if (!behind) {
    mark_made(state, context_id);
    return SI_OK;
  }
  status = si_state_enter(state, &tx, error);
  if (status == SI_OK) { /* another may have been faster */
    status = version(state, &from, error);
  }
  if (status == SI_OK && from == 0) {
    status = refuse_lost(state, error);
  }
  if (status == SI_OK) {
    status = apply(state, from, context_id, error);
  }
  if (status == SI_OK) {
    status = check_context(state, context_id, error);
  }
  if (status == SI_OK) {
    status = si_state_commit(&tx, error);
  }
  if (status == SI_OK) {
    mark_made(state, context_id);
  }
  return status;
}
