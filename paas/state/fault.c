/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "paas/state/private.h"

si_rc si_state_missing(const struct si_state *state, struct si_error *error) {
  si_error_set(error, SI_E_NOT_FOUND, "STATE_MISSING", "the state store %s is not there",
               state->path);
  si_error_hint(error,
                "restore state.db from a backup; to begin with an empty store instead, remove "
                "state.lock beside it and run a command that changes something");
  return SI_E_NOT_FOUND;
}

static si_rc full(const struct si_state *state, const char *what, struct si_error *error) {
  si_error_set(error, SI_E_QUOTA, "STATE_FULL",
               "the file system of the state store %s is full (%s); nothing was changed",
               state->path, what);
  si_error_hint(error, "free some space there, then run the command again");
  if (error) {
    error->retry = SI_RETRY_SAFE;
  }
  return SI_E_QUOTA;
}

static si_rc readonly(const struct si_state *state, const char *what, struct si_error *error) {
  si_error_set(error, SI_E_IO, "STATE_READONLY",
               "the state store %s cannot be written (%s); nothing was changed", state->path, what);
  si_error_hint(error,
                "mount its file system read-write, and see that the file and its "
                "directory belong to you and are writable");
  return SI_E_IO;
}

static si_rc rollback_needed(const struct si_state *state, struct si_error *error) {
  si_error_set(error, SI_E_IO, "STATE_READONLY",
               "a writer of the state store %s was cut off, and what it left half-done cannot be "
               "rolled back here, because the store is read-only",
               state->path);
  si_error_hint(error, "run any command where the store can be written; it is mended then");
  return SI_E_IO;
}

static si_rc busy(const struct si_state *state, const char *what, struct si_error *error) {
  si_error_set(error, SI_E_CONFLICT, "PAAS_STATE_BUSY",
               "another program has been holding the state store %s for too long (%s); nothing "
               "was changed",
               state->path, what);
  si_error_hint(error, "run the command again; if it goes on, find the holder with: fuser -v %s",
                state->path);
  if (error) {
    error->retry = SI_RETRY_SAFE;
  }
  return SI_E_CONFLICT;
}

static si_rc corrupt(const struct si_state *state, const char *what, struct si_error *error) {
  si_error_set(error, SI_E_CORRUPT, "STATE_CORRUPT",
               "the state store %s is damaged, or is no state store (%s: %s)", state->path, what,
               state->db ? sqlite3_errmsg(state->db) : "unreadable");
  si_error_hint(error,
                "keep a copy of the file, look at it with: sqlite3 %s 'PRAGMA "
                "integrity_check', and restore it from a backup",
                state->path);
  return SI_E_CORRUPT;
}

si_rc si_state_errno(const struct si_state *state, int err, const char *what,
                     struct si_error *error) {
  switch (err) {
    case ENOSPC:
    case EDQUOT: return full(state, what, error);
    case EROFS: return readonly(state, what, error);
    case EWOULDBLOCK: return busy(state, what, error);
    case EACCES:
    case EPERM:
      si_error_set(error, SI_E_AUTH, "STATE_DENIED", "no access to the state store %s (%s: %s)",
                   state->path, what, strerror(err));
      si_error_hint(error, "run as the user that owns the store");
      return SI_E_AUTH;
    case ENOENT: return si_state_missing(state, error);
    default:
      si_error_errno(error, err, "STATE_IO", "the state store %s: %s failed", state->path, what);
      si_error_hint(error, "look at the kernel's log (dmesg) for errors of the disk");
      if (error) {
        error->status = SI_E_IO;
      }
      return SI_E_IO;
  }
}

/* By errno where SQLite kept one, else as plain failure of input or output. */
static si_rc by_errno(const struct si_state *state, const char *what, struct si_error *error) {
  int err = sqlite3_system_errno(state->db);
  return si_state_errno(state, err ? err : EIO, what, error);
}

si_rc si_state_fault(const struct si_state *state, const char *what, struct si_error *error) {
  int rc = state->db ? sqlite3_extended_errcode(state->db) : SQLITE_NOMEM;
  if (rc == SQLITE_READONLY_ROLLBACK) {
    return rollback_needed(state, error);
  }
  if (rc == SQLITE_IOERR_NOMEM) {
    rc = SQLITE_NOMEM;
  }
  switch (rc & 0xff) {
    case SQLITE_FULL: return full(state, what, error);
    case SQLITE_READONLY: return readonly(state, what, error);
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return busy(state, what, error);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return corrupt(state, what, error);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: return by_errno(state, what, error);
    case SQLITE_PERM:
    case SQLITE_AUTH: return si_state_errno(state, EACCES, what, error);
    case SQLITE_NOMEM:
      return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory while %s", what);
    case SQLITE_TOOBIG:
      return si_error_set(error, SI_E_QUOTA, "STATE_TOO_LARGE", "a document is too large (%s)",
                          what);
    case SQLITE_CONSTRAINT:
      return si_error_set(error, SI_E_CONFLICT, "STATE_REFUSED",
                          "the state store refused the change (%s): %s", what,
                          sqlite3_errmsg(state->db));
    default:
      return si_error_set(error, SI_E_INTERNAL, "STATE_INTERNAL", "the state store %s: %s: %s",
                          state->path, what, sqlite3_errmsg(state->db));
  }
}
