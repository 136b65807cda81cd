/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/state/lock.h"
#include "paas/state/place.h"
#include "paas/state/private.h"

void si_state_close(struct si_state *state) {
  if (state) {
    sqlite3_close(state->db);
    si_close(&state->lock);
    si_close(&state->dir);
    free(state);
  }
}

void si_state_wait(struct si_state *state, unsigned wait_ms) {
  state->wait_ms = wait_ms;
  sqlite3_busy_timeout(state->db, (int)wait_ms);
}

/* Nobody asks for SQLite's memory statistics, and keeping them costs a lock an allocation: a sixth
 * of what a read costs. It can only be said before SQLite's first use. */
static void drop_statistics(void) {
  (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static void close_auto(struct si_state **state) {
  si_state_close(*state);
}

/* SQLite would make state.db readable by others, and through a link: so it is made here, under the
 * write lock, and made durable. */
static si_rc make_file(struct si_state *state, struct si_error *error) {
  struct stat st;
  if (fstatat(state->dir, "state.db", &st, AT_SYMLINK_NOFOLLOW) == 0) {
    return SI_OK;
  }
  if (errno != ENOENT) {
    return si_state_errno(state, errno, "looking for state.db", error);
  }
  if (fstat(state->lock, &st) != 0) {
    return si_state_errno(state, errno, "looking at state.lock", error);
  }
  if (st.st_size > 0) {
    return si_state_missing(state, error);
  }
  int fd SI_AUTO(si_close) =
      openat(state->dir, "state.db", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || fsync(fd) != 0 || fsync(state->dir) != 0) {
    return si_state_errno(state, errno, "making state.db", error);
  }
  return SI_OK;
}

static si_rc prepare_to_write(struct si_state *state, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  state->lock = openat(state->dir, "state.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (state->lock < 0) {
    return si_state_errno(state, errno, "opening state.lock", error);
  }
  if (mkdirat(state->dir, "operations", 0700) != 0 && errno != EEXIST) {
    return si_state_errno(state, errno, "making operations/", error);
  }
  si_rc status = si_state_lock(state, &tx, error);
  return status == SI_OK ? make_file(state, error) : status;
}

static si_rc check_file(struct si_state *state, struct si_error *error) {
  struct stat st;
  if (fstatat(state->dir, "state.db", &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return si_state_errno(state, errno, "looking for state.db", error);
  }
  if (!S_ISREG(st.st_mode)) {
    return si_error_set(error, SI_E_REFUSED, "STATE_NOT_A_FILE",
                        "the state store %s is not a regular file", state->path);
  }
  return SI_OK;
}

/* No SQL here: a reader pays for every statement it parses. */
static si_rc connect_db(struct si_state *state, struct si_error *error) {
  int flags = state->mode == SI_STATE_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  if (sqlite3_open_v2(state->path, &state->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
    return si_state_fault(state, "opening it", error);
  }
  sqlite3_busy_timeout(state->db, (int)state->wait_ms);
  if (sqlite3_db_config(state->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
      sqlite3_db_config(state->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK ||
      sqlite3_db_config(state->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL) != SQLITE_OK) {
    return si_state_fault(state, "setting it up", error);
  }
  return SI_OK;
}

static si_rc set_journal(struct si_state *state, struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status =
      si_state_prepare(state, "PRAGMA journal_mode=TRUNCATE", SI_NO_VALUES, &statement, error);
  if (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
  }
  if (status != SI_OK) {
    return status;
  }
  const char *mode = row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
  if (!mode || strcmp(mode, "truncate") != 0) {
    return si_error_set(error, SI_E_INTERNAL, "STATE_INTERNAL",
                        "the state store %s keeps its journal in mode %s, and cannot be told "
                        "otherwise",
                        state->path, mode ? mode : "(none)");
  }
  si_state_finalize(&statement);
  return si_state_run(state, "PRAGMA synchronous=FULL", SI_NO_VALUES, error);
}

static si_rc start_writer(struct si_state *state, const char *context_id, struct si_error *error) {
  si_rc status = set_journal(state, error);
  return status == SI_OK ? si_state_migrate(state, context_id, error) : status;
}

static si_rc start_reader(struct si_state *state, const char *context_id, struct si_error *error) {
  bool behind = false;
  si_rc status = si_state_check(state, context_id, &behind, error);
  if (status == SI_OK && behind) {
    si_error_set(error, SI_E_UNSUPPORTED, "STATE_MIGRATE",
                 "the state store %s has an older schema than this si reads", state->path);
    si_error_hint(error, "run any command that changes something; it brings the store up to date");
    return SI_E_UNSUPPORTED;
  }
  return status;
}

static si_rc open_store(const char *dir, const char *context_id, int mode, bool anywhere,
                        struct si_state **out, struct si_error *error) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  (void)pthread_once(&once, drop_statistics);
  struct si_state *state SI_AUTO(close_auto) = calloc(1, sizeof *state);
  if (!state) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory while opening state");
  }
  *state = (struct si_state){.dir = -1, .lock = -1, .mode = mode, .wait_ms = SI_STATE_WAIT_MS};
  if (!context_id || !context_id[0] || (mode != SI_STATE_READ && mode != SI_STATE_WRITE) ||
      si_path_join(state->path, sizeof state->path, dir, "state.db") != SI_OK) {
    return si_error_set(error, SI_E_INVALID, "STATE_ARGUMENT",
                        "no state store can be opened without a context id and a usable path");
  }
  state->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (state->dir < 0) {
    return si_state_errno(state, errno, "opening its directory", error);
  }
  si_rc status = mode == SI_STATE_WRITE ? prepare_to_write(state, error) : SI_OK;
  if (status == SI_OK) {
    status = check_file(state, error);
  }
  if (status == SI_OK) {
    status = connect_db(state, error);
  }
  if (status == SI_OK) {
    status = mode == SI_STATE_WRITE ? start_writer(state, context_id, error)
                                    : start_reader(state, context_id, error);
  }
  if (status == SI_OK && !anywhere) {
    status = si_state_place_check(state, context_id, dir, error);
  }
  if (status == SI_OK) {
    *out = state;
    state = NULL;
  }
  return status;
}

si_rc si_state_open(const char *dir, const char *context_id, int mode, struct si_state **out,
                    struct si_error *error) {
  return open_store(dir, context_id, mode, false, out, error);
}

si_rc si_state_open_anywhere(const char *dir, const char *context_id, struct si_state **out,
                             struct si_error *error) {
  return open_store(dir, context_id, SI_STATE_WRITE, true, out, error);
}
