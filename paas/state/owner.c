/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "paas/state/lock.h"
#include "paas/state/private.h"

/* A probe (si_state_owned) holds a lock for an instant; only what lasts longer is an owner. */
#define PROBE_MS 100u

static bool lock_name(const char *operation_id, char *to, size_t size) {
  size_t len = strnlen(operation_id, 48);
  int n = snprintf(to, size, "operations/%.48s.lock", operation_id);
  return len < 48 && si_component_valid(operation_id, len) && n > 0 && (size_t)n < size;
}

static si_rc refuse_owned(const char *operation_id, struct si_error *error) {
  si_error_set(error, SI_E_CONFLICT, "PAAS_OPERATION_RUNNING",
               "operation %s is being run by another process", operation_id);
  si_error_hint(error, "wait until it has ended");
  return SI_E_CONFLICT;
}

static si_rc refuse_id(const char *operation_id, struct si_error *error) {
  return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT", "%.64s is no operation's id",
                      operation_id);
}

si_rc si_state_owner_make(struct si_state *state, const char *operation_id,
                          struct si_state_owner *owner, struct si_error *error) {
  if (!lock_name(operation_id, owner->name, sizeof owner->name)) {
    return refuse_id(operation_id, error);
  }
  int fd =
      openat(state->dir, owner->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) {
    return si_state_errno(state, errno, "making the operation's lock", error);
  }
  owner->state = state;
  owner->fd = fd;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return si_state_errno(state, errno, "locking the operation", error);
  }
  return SI_OK;
}

int si_state_owner_keep(struct si_state_owner *owner) {
  owner->state = NULL;
  return owner->fd;
}

void si_state_owner_drop(struct si_state_owner *owner) {
  if (owner->state) {
    int keep = errno;
    unlinkat(owner->state->dir, owner->name, 0);
    si_close(&owner->fd);
    owner->state = NULL;
    errno = keep;
  }
}

bool si_state_owned(struct si_state *state, const char *operation_id) {
  char name[80];
  if (!lock_name(operation_id, name, sizeof name)) {
    return false;
  }
  int fd SI_AUTO(si_close) = openat(state->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    return errno != ENOENT; /* what cannot be looked at may be owned */
  }
  return flock(fd, LOCK_SH | LOCK_NB) != 0;
}

si_rc si_state_adopt(struct si_state *state, const char *operation_id, int *lock,
                     struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  struct si_operation operation SI_AUTO(si_operation_free) = {.id = ""};
  char name[80];
  if (!lock_name(operation_id, name, sizeof name)) {
    return refuse_id(operation_id, error);
  }
  si_rc status = si_state_lock(state, &tx, error);
  if (status == SI_OK) {
    status = si_state_operation(state, operation_id, &operation, error);
  }
  if (status != SI_OK) {
    return status;
  }
  if (strcmp(operation.status, "running") != 0) {
    return si_error_set(error, SI_E_CONFLICT, "PAAS_OPERATION_ENDED",
                        "operation %s has ended (%s): there is nothing to take over", operation_id,
                        operation.status);
  }
  int fd SI_AUTO(si_close) =
      openat(state->dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) {
    return si_state_errno(state, errno, "opening the operation's lock", error);
  }
  if (si_lock_wait(fd, PROBE_MS) != 0) {
    return errno == EWOULDBLOCK ? refuse_owned(operation_id, error)
                                : si_state_errno(state, errno, "locking the operation", error);
  }
  *lock = fd;
  fd = -1;
  return SI_OK;
}

/* Is the operation of this lock file unfinished? */
static si_rc unfinished(struct si_state *state, const char *file, size_t id_len, bool *is,
                        struct si_error *error) {
  char id[48] = "";
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  memcpy(id, file, id_len);
  si_rc status =
      si_state_prepare(state, "SELECT 1 FROM operations WHERE id=?1 AND status='running'",
                       SI_VALUES(id), &statement, error);
  return status == SI_OK ? si_state_next(state, statement, is, error) : status;
}

static si_rc sweep_file(struct si_state *state, int dir, const char *file, struct si_error *error) {
  size_t len = strlen(file);
  bool keep = true;
  if (len <= 5 || len - 5 >= 48 || strcmp(file + len - 5, ".lock") != 0) {
    return SI_OK; /* not one of ours */
  }
  si_rc status = unfinished(state, file, len - 5, &keep, error);
  if (status != SI_OK || keep) {
    return status;
  }
  int fd SI_AUTO(si_close) = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && unlinkat(dir, file, 0) != 0) {
    return si_state_errno(state, errno, "removing an old lock", error);
  }
  return SI_OK;
}

static void close_dir(DIR **dir) {
  if (*dir) {
    closedir(*dir);
  }
}

si_rc si_state_sweep(struct si_state *state, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  si_rc status = si_state_lock(state, &tx, error);
  if (status != SI_OK) {
    return status;
  }
  int fd = openat(state->dir, "operations", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir SI_AUTO(close_dir) = fd >= 0 ? fdopendir(fd) : NULL;
  if (!dir) {
    int keep = errno;
    si_close(&fd);
    return si_state_errno(state, keep, "opening operations/", error);
  }
  for (const struct dirent *entry; status == SI_OK && (entry = readdir(dir)) != NULL;) {
    status = sweep_file(state, dirfd(dir), entry->d_name, error);
  }
  return status;
}
