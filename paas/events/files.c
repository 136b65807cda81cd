/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/events/private.h"
#include "paas/state/lock.h"

const char *const si_event_streams[SI_STREAMS] = {"audit", "deployments", "alerts"};

si_rc si_events_errno(int err, const char *what, const char *name, struct si_error *error) {
  si_error_errno(error, err, "EVENTS_IO", "%s events/%s failed", what, name);
  si_error_target(error, "events", name);
  return si_error_hint(error, "no event is lost: what is not in its file waits in state.db");
}

si_rc si_events_dir(const struct si_context *context, bool make, int *dir, struct si_error *error) {
  int home SI_AUTO(si_close) = open(context->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (home < 0 || (make && mkdirat(home, "events", 0700) != 0 && errno != EEXIST)) {
    return si_events_errno(errno, "making", "", error);
  }
  int fd = openat(home, "events", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    return si_events_errno(errno, "opening", "", error);
  }
  *dir = fd;
  return SI_OK;
}

static si_rc check_file(int fd, const char *name, struct si_error *error) {
  struct stat st;
  if (fstat(fd, &st) != 0) {
    return si_events_errno(errno, "looking at", name, error);
  }
  if (!S_ISREG(st.st_mode)) {
    si_error_set(error, SI_E_REFUSED, "EVENTS_NOT_A_FILE", "events/%s is not a regular file", name);
    return si_error_target(error, "events", name);
  }
  return SI_OK;
}

static si_rc open_file(int dir, const char *stream, int flags, int *fd, struct si_error *error) {
  char name[32];
  snprintf(name, sizeof name, "%.16s.jsonl", stream);
  int opened SI_AUTO(si_close) =
      openat(dir, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  if (opened < 0) {
    if (errno == ENOENT) {
      *fd = -1;
      return SI_OK;
    }
    return si_events_errno(errno, "opening", name, error);
  }
  si_rc status = check_file(opened, name, error);
  if (status == SI_OK) {
    *fd = opened;
    opened = -1;
  }
  return status;
}

si_rc si_events_open(int dir, const char *stream, int *fd, struct si_error *error) {
  return open_file(dir, stream, O_RDONLY, fd, error);
}

si_rc si_events_open_append(int dir, const char *stream, int *fd, struct si_error *error) {
  int opened SI_AUTO(si_close) = -1;
  si_rc status = open_file(dir, stream, O_RDWR | O_APPEND, &opened, error);
  if (status == SI_OK && opened < 0) {
    status = open_file(dir, stream, O_RDWR | O_APPEND | O_CREAT, &opened, error);
    if (status == SI_OK && fsync(dir) != 0) {
      status = si_events_errno(errno, "making", stream, error);
    }
  }
  if (status == SI_OK) {
    *fd = opened;
    opened = -1;
  }
  return status;
}

static si_rc busy(struct si_error *error) {
  si_error_set(error, SI_E_CONFLICT, "EVENTS_BUSY",
               "another process has been holding the lock events/.lock for too long");
  return si_error_hint(error, "run the command again; no event is lost meanwhile");
}

si_rc si_events_lock(int dir, bool reader, unsigned wait_ms, int *lock, struct si_error *error) {
  int fd SI_AUTO(si_close) =
      openat(dir, ".lock",
             (reader ? O_RDONLY : O_RDWR | O_CREAT) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  if (fd < 0) {
    if (reader && errno == ENOENT) {
      *lock = -1;
      return SI_OK;
    }
    return si_events_errno(errno, "opening", ".lock", error);
  }
  si_rc status = check_file(fd, ".lock", error);
  /* Nobody holds it for longer than an append takes, a reader neither. */
  if (status == SI_OK && si_lock_wait(fd, wait_ms) != 0) {
    status = errno == EWOULDBLOCK ? busy(error) : si_events_errno(errno, "locking", ".lock", error);
  }
  if (status == SI_OK) {
    *lock = fd;
    fd = -1;
  }
  return status;
}
