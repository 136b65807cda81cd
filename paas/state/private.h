/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/private.h - what the files of this room share: the handle, queries whose values are
 * all texts, the write lock with its transaction, and the lock of an operation's owner. Nothing
 * outside this room includes it. Depends on sqlite3 and sdk/kit/base.
 */
#ifndef SI_PAAS_STATE_PRIVATE_H
#define SI_PAAS_STATE_PRIVATE_H

#include <sqlite3.h>

#include "kit/base/path.h"
#include "kit/base/text.h"
#include "paas/state/deployment.h"
#include "paas/state/event.h"

#define SI_STATE_SCHEMA 7 /* the user_version this program reads and writes */
#define SI_STATE_WAIT_MS 30000u

struct si_state {
  sqlite3 *db;
  int dir;  /* the context's directory */
  int lock; /* state.lock; -1 in a reader */
  int mode;
  unsigned wait_ms;       /* for the write lock, and for SQLite's own */
  char path[SI_PATH_MAX]; /* of state.db: for SQLite, and for messages */
  char actor[128];        /* who makes releases; "" where nobody said */
  char note[1024];        /* and why */
};

/* --- fault.c --- */

/* Turns SQLite's last error into a record; `what` is what was being done ("reading projects"). */
si_rc si_state_fault(const struct si_state *state, const char *what, struct si_error *error);
/* As much for a system call on a file of the store. */
si_rc si_state_errno(const struct si_state *state, int err, const char *what,
                     struct si_error *error);
/* The store is gone, or was never made. */
si_rc si_state_missing(const struct si_state *state, struct si_error *error);

/* --- query.c --- */

/* The values of a statement's ?1, ?2, ...: texts or NULL; they outlive the statement. */
#define SI_VALUES(...) \
  (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)
#define SI_NO_VALUES NULL, 0

si_rc si_state_prepare(struct si_state *state, const char *sql, const char *const *values,
                       size_t count, sqlite3_stmt **out, struct si_error *error) SI_MUST_USE;
/* The next row: *row false at the end. */
si_rc si_state_next(struct si_state *state, sqlite3_stmt *statement, bool *row,
                    struct si_error *error) SI_MUST_USE;
/* A statement without rows. */
si_rc si_state_run(struct si_state *state, const char *sql, const char *const *values, size_t count,
                   struct si_error *error) SI_MUST_USE;
void si_state_finalize(sqlite3_stmt **statement); /* for SI_AUTO */

/* Where column i of a row goes in a record: a text of `size` bytes, or with size 0 an owned copy
 * (NULL stays NULL). */
struct si_state_field {
  size_t offset;
  size_t size;
};
/* Fills *record, which the caller has zeroed and frees on failure too. */
si_rc si_state_read(struct si_state *state, sqlite3_stmt *statement,
                    const struct si_state_field *fields, size_t count, void *record,
                    struct si_error *error) SI_MUST_USE;

/* Records in memory: a listing has all of its rows before it calls anybody, who may write. */
struct si_state_list {
  size_t size;                /* of a record */
  void (*drop)(void *record); /* frees what it owns, not itself */
  void *items;
  size_t count;
  size_t room;
};
/* Appends a record for every row of the query. What was read stays in the list on failure too. */
si_rc si_state_list_read(struct si_state *state, const char *sql, const char *const *values,
                         size_t value_count, const struct si_state_field *fields, size_t count,
                         struct si_state_list *list, struct si_error *error) SI_MUST_USE;
void si_state_list_free(struct si_state_list *list); /* for SI_AUTO */

/* --- write.c --- */

/* The write lock, and the transaction in it. Zero before use; SI_AUTO(si_state_leave). */
struct si_state_tx {
  struct si_state *state;
  bool begun;
};

si_rc si_state_lock(struct si_state *state, struct si_state_tx *tx,
                    struct si_error *error) SI_MUST_USE;
si_rc si_state_begin(struct si_state_tx *tx, struct si_error *error) SI_MUST_USE;
si_rc si_state_commit(struct si_state_tx *tx, struct si_error *error) SI_MUST_USE;
/* Rolls back what was not committed and drops the lock. */
void si_state_leave(struct si_state_tx *tx);
/* Lock and begin. */
si_rc si_state_enter(struct si_state *state, struct si_state_tx *tx,
                     struct si_error *error) SI_MUST_USE;

/* --- schema.c --- */

/* Brings a writer's store to SI_STATE_SCHEMA; refuses a newer one and one that was lost. */
si_rc si_state_migrate(struct si_state *state, const char *context_id,
                       struct si_error *error) SI_MUST_USE;
/* Checks version and context. A reader's whole check. */
si_rc si_state_check(struct si_state *state, const char *context_id, bool *behind,
                     struct si_error *error) SI_MUST_USE;

/* --- place.c --- */

/* Is the store, open in `dir`, where it belongs? A writer says so where the store does not. */
si_rc si_state_place_check(struct si_state *state, const char *context_id, const char *dir,
                           struct si_error *error) SI_MUST_USE;

/* --- owner.c --- */

/* A new operation's lock: unlinked again unless kept. SI_AUTO(si_state_owner_drop). */
struct si_state_owner {
  struct si_state *state;
  int fd;
  char name[80]; /* below the context's directory */
};

/* Under the write lock. */
si_rc si_state_owner_make(struct si_state *state, const char *operation_id,
                          struct si_state_owner *owner, struct si_error *error) SI_MUST_USE;
int si_state_owner_keep(struct si_state_owner *owner);
void si_state_owner_drop(struct si_state_owner *owner);

/* --- operation.c --- */

/* A running operation with a fresh id and time, in memory alone. */
si_rc si_state_operation_new(const char *project_id, const char *kind, struct si_operation *out,
                             struct si_error *error) SI_MUST_USE;
/* Its row, in the caller's transaction. */
si_rc si_state_operation_insert(struct si_state *state, const struct si_operation *operation,
                                struct si_error *error) SI_MUST_USE;

/* What else is written in the transaction that begins an operation, once its row is there. */
struct si_state_hook {
  si_rc (*run)(void *ctx, struct si_state *state, const struct si_operation *operation,
               struct si_error *error);
  void *ctx;
};
/* si_state_operation_begin_with, and the hook (or NULL). */
si_rc si_state_operation_begin_hook(struct si_state *state, const char *project_id,
                                    const char *kind, const struct si_project *change,
                                    const struct si_state_teller *teller,
                                    const struct si_state_hook *hook,
                                    struct si_operation *operation, int *lock,
                                    struct si_error *error) SI_MUST_USE;

/* --- release.c --- */

/* Adds a release in the caller's transaction; the newest one where it asks for the same and never
 * served. number[12]: which. */
si_rc si_state_release_add(struct si_state *state, const char *project_id, const char *spec_sha256,
                           const char *stack, char number[12], struct si_error *error) SI_MUST_USE;

/* --- deployment.c --- */

/* Before an operation of kind deploy ends: what is still open is unknown, or was skipped. */
si_rc si_state_deploy_close(struct si_state *state, const struct si_operation *operation,
                            const char *now, struct si_error *error) SI_MUST_USE;
/* After any operation ended: what serves now. `images`: of the release that was seen to, or NULL.
 */
si_rc si_state_deploy_settle(struct si_state *state, const struct si_operation *operation,
                             bool well, const char *images, const char *now,
                             struct si_error *error) SI_MUST_USE;

/* --- event.c --- */

/* Adds an event, or several in order, in the caller's transaction. */
si_rc si_state_event_insert(struct si_state *state, const struct si_state_event *event,
                            struct si_error *error) SI_MUST_USE;
si_rc si_state_events_insert(struct si_state *state, const struct si_state_event *events,
                             size_t count, struct si_error *error) SI_MUST_USE;
/* The teller's, if there is one. */
si_rc si_state_event_tell(struct si_state *state, const struct si_state_teller *teller,
                          const struct si_operation *operation, struct si_error *error) SI_MUST_USE;

/* --- project.c --- */

/* The status of a project and its slug (slug[64], status[16]). PAAS_PROJECT_NOT_FOUND. */
si_rc si_state_project_status(struct si_state *state, const char *project_id, char *slug,
                              char *status, struct si_error *error) SI_MUST_USE;

#endif
