/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/file.h>
#include <time.h>

#include "paas/state/lock.h"
#include "paas/state/private.h"

int si_lock_wait(int fd, unsigned wait_ms) {
  const uint64_t end = si_monotonic_ns() + (uint64_t)wait_ms * 1000000u;
  long pause = 200000; /* ns; a write holds the lock for about a millisecond */
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) {
      continue;
    }
    if (errno != EWOULDBLOCK || si_monotonic_ns() >= end) {
      return -1;
    }
    nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
    pause = pause < 4000000 ? pause * 2 : pause;
  }
  return 0;
}

si_rc si_state_lock(struct si_state *state, struct si_state_tx *tx, struct si_error *error) {
  if (state->mode != SI_STATE_WRITE) {
    return si_error_set(error, SI_E_INTERNAL, "STATE_OPENED_TO_READ",
                        "the state store %s was opened to read, and is to be written", state->path);
  }
  if (si_lock_wait(state->lock, state->wait_ms) != 0) {
    return si_state_errno(state, errno, "waiting for the write lock", error);
  }
  tx->state = state;
  return SI_OK;
}

si_rc si_state_begin(struct si_state_tx *tx, struct si_error *error) {
  si_rc status = si_state_run(tx->state, "BEGIN IMMEDIATE", SI_NO_VALUES, error);
  tx->begun = status == SI_OK;
  return status;
}

si_rc si_state_enter(struct si_state *state, struct si_state_tx *tx, struct si_error *error) {
  si_rc status = si_state_lock(state, tx, error);
  return status == SI_OK ? si_state_begin(tx, error) : status;
}

si_rc si_state_commit(struct si_state_tx *tx, struct si_error *error) {
  if (sqlite3_exec(tx->state->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK) {
    tx->begun = false;
    return SI_OK;
  }
  int rc = sqlite3_errcode(tx->state->db);
  si_rc status = si_state_fault(tx->state, "committing", error);
  if (rc == SQLITE_IOERR && status == SI_E_IO && error) {
    error->retry = SI_OUTCOME_UNKNOWN; /* the disk took it or not: only a read will tell */
  }
  return status;
}

void si_state_leave(struct si_state_tx *tx) {
  if (!tx->state) {
    return;
  }
  int keep = errno;
  /* After some errors (a full disk) SQLite has rolled back already. */
  if (tx->begun && !sqlite3_get_autocommit(tx->state->db)) {
    (void)sqlite3_exec(tx->state->db, "ROLLBACK", NULL, NULL, NULL);
  }
  (void)flock(tx->state->lock, LOCK_UN);
  tx->state = NULL;
  tx->begun = false;
  errno = keep;
}
