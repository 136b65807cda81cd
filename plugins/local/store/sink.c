/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/store/sink.c - writing objects. One that is not long is a file without a name that
 * is linked into place: its writer's death leaves nothing. Others are a temporary file beside the
 * target, renamed into place, so that an operator sees who takes the space. A big object goes past
 * the page cache where that can be done, else it is pushed to the disk window by window while it
 * comes, and dropped from the cache behind: growing the cache is what costs. Depends on store.h,
 * sdk/kit/base.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kit/base/direct.h"
#include "kit/base/text.h"
#include "plugins/local/store/store.h"

#define WINDOW (8ull << 20)
#define UNNAMED_MAX (16u << 20)

struct si_sink {
  si_instance *store;
  int fd;
  int dir; /* a descriptor of its own: the instance's may change */
  uint32_t flags;
  uint64_t length;
  uint64_t written;
  uint64_t pushed;  /* bytes before it are on their way to the disk */
  int direct;       /* bytes go past the page cache */
  char temp[48];    /* "": it has no name yet */
  const char *name; /* in key */
  char key[];
};

static void sink_free(si_sink *sink) {
  si_close(&sink->fd);
  si_close(&sink->dir);
  free(sink);
}

static si_rc check_options(si_instance *store, si_op *op, const char *key,
                           const si_put_options *options) {
  if (options->size < sizeof *options ||
      (options->flags & ~(uint32_t)(SI_PUT_CREATE_ONLY | SI_PUT_COMMIT))) {
    return si_fail(store->vt, op, SI_E_UNSUPPORTED, key,
                   "the store \"file\" does not support an option asked for");
  }
  if (options->length > store->max_object_bytes) {
    return si_fail(store->vt, op, SI_E_QUOTA, key,
                   "%s has %llu bytes; the store takes at most %llu (max_object_bytes)", key,
                   (unsigned long long)options->length,
                   (unsigned long long)store->max_object_bytes);
  }
  return SI_OK;
}

static si_rc exists(si_instance *store, si_op *op, const char *key) {
  return si_fail(store->vt, op, SI_E_EXISTS, key, "%s/%s exists already", store->root_path, key);
}

/* Looks early, so that nothing is written in vain; the rename decides. */
static si_rc check_absent(si_instance *store, si_op *op, const si_sink *sink) {
  struct stat st;
  if (fstatat(sink->dir, sink->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
    return exists(store, op, sink->key);
  }
  return errno == ENOENT ? SI_OK : store_fail_errno(store, op, errno, sink->key, "cannot look at");
}

/* How to link what has no name. */
#define UNNAMED STORE_DESCRIPTORS "/%d"

static void name_temp(si_sink *sink) {
  snprintf(sink->temp, sizeof sink->temp, "%s%llx", sink->store->temp,
           (unsigned long long)atomic_fetch_add(&sink->store->temp_next, 1));
}

/* -1 and errno; without a name where the object is small and the file system can do that. */
static int make_file(si_sink *sink) {
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  sink->temp[0] = '\0';
  if (sink->length <= UNNAMED_MAX && sink->flags == 0 && sink->store->unnamed) {
    int fd = openat(sink->dir, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
    if (fd >= 0) {
      return fd;
    }
  }
  name_temp(sink);
  return openat(sink->dir, sink->temp, flags, 0600);
}

static si_rc open_temp(si_instance *store, si_op *op, si_sink *sink) {
  for (int tries = 0; tries < 2; tries++) {
    /* The second time anew: somebody removed the directory. */
    si_close(&sink->dir);
    si_rc status = store_own_directory(store, op, sink->key, 1, tries > 0, &sink->dir, &sink->name);
    if (status != SI_OK) {
      return status;
    }
    sink->fd = make_file(sink);
    if (sink->fd >= 0) {
      sink->direct = si_direct_begin_write(sink->fd, sink->length);
      return SI_OK;
    }
    if (errno != ENOENT) {
      break;
    }
  }
  return store_fail_errno(store, op, errno, sink->key, "cannot store");
}

si_rc store_sink_open(si_instance *store, si_op *op, const char *key, const si_put_options *options,
                      si_sink **out) {
  si_rc status = store_check_key(store, op, key);
  status = status == SI_OK ? check_options(store, op, key, options) : status;
  if (status != SI_OK) {
    return status;
  }
  size_t len = strlen(key);
  si_sink *sink = calloc(1, sizeof *sink + len + 1);
  if (!sink) {
    return SI_E_NOMEM;
  }
  memcpy(sink->key, key, len + 1);
  sink->store = store;
  sink->fd = -1;
  sink->dir = -1;
  sink->flags = options->flags;
  sink->length = options->length;
  status = open_temp(store, op, sink);
  if (status != SI_OK) {
    sink_free(sink);
    return status;
  }
  status = sink->flags & SI_PUT_CREATE_ONLY ? check_absent(store, op, sink) : SI_OK;
  if (status != SI_OK) {
    store_sink_abort(sink);
    return status;
  }
  *out = sink;
  return SI_OK;
}

/* Starts the write of what has come, waits for the window before it, and lets go of that one. */
static int push(si_sink *sink) {
  const unsigned start = SYNC_FILE_RANGE_WRITE;
  const unsigned wait =
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  off_t from = (off_t)sink->pushed;
  int failed = sync_file_range(sink->fd, from, (off_t)(sink->written - sink->pushed), start);
  if (!failed && sink->pushed >= WINDOW) {
    off_t before = from - (off_t)WINDOW;
    failed = sync_file_range(sink->fd, before, (off_t)WINDOW, wait);
    if (!failed) {
      /* Only advice: a file system that keeps the pages is no failure. */
      (void)posix_fadvise(sink->fd, before, (off_t)WINDOW, POSIX_FADV_DONTNEED);
    }
  }
  if (failed && errno != ENOSYS && errno != EINVAL && errno != ESPIPE) {
    return -1;
  }
  sink->pushed = sink->written;
  return 0;
}

si_rc store_sink_write(si_sink *sink, si_op *op, const void *data, size_t len) {
  const char *from = data;
  if (len > sink->length - sink->written) {
    return si_fail(sink->store->vt, op, SI_E_INVALID, sink->key,
                   "more bytes came for %s than the %llu announced", sink->key,
                   (unsigned long long)sink->length);
  }
  while (len > 0) {
    uint64_t room = WINDOW - sink->written % WINDOW;
    size_t want = len < room ? len : (size_t)room;
    ssize_t n = si_direct_write(sink->fd, from, want, sink->written, &sink->direct);
    if (n <= 0) {
      return store_fail_errno(sink->store, op, n < 0 ? errno : EIO, sink->key, "cannot write");
    }
    sink->written += (uint64_t)n;
    from += n;
    len -= (size_t)n;
    if ((uint64_t)n == room && !sink->direct && push(sink) != 0) {
      return store_fail_errno(sink->store, op, errno, sink->key, "cannot write");
    }
  }
  return SI_OK;
}

/* By the descriptor itself where that is allowed (it takes a privilege), else by way of /proc. */
static int link_as(si_sink *sink, const char *name) {
  si_instance *store = sink->store;
  char path[sizeof UNNAMED + 12];
  if (atomic_load(&store->link_by_fd)) {
    if (linkat(sink->fd, "", sink->dir, name, AT_EMPTY_PATH) == 0) {
      return 0;
    }
    if (errno != ENOENT) {
      return -1;
    }
  }
  snprintf(path, sizeof path, UNNAMED, sink->fd);
  int failed = linkat(AT_FDCWD, path, sink->dir, name, AT_SYMLINK_FOLLOW);
  if (!failed) { /* not for want of a directory, then */
    atomic_store(&store->link_by_fd, false);
  }
  return failed;
}

/* Gives the file without a name its own; a name that must be replaced goes by way of another. */
static int link_in_place(si_sink *sink) {
  if (link_as(sink, sink->name) == 0) {
    return 0;
  }
  if (errno != EEXIST) {
    return -1;
  }
  name_temp(sink);
  if (link_as(sink, sink->temp) != 0) {
    return -1;
  }
  return renameat(sink->dir, sink->temp, sink->dir, sink->name);
}

/* A file without a name does not keep its directory from being removed: then it is made anew. */
static int link_anew(si_sink *sink) {
  int dir = -1;
  if (link_in_place(sink) == 0) {
    return 0;
  }
  if (errno != ENOENT ||
      store_own_directory(sink->store, NULL, sink->key, 1, 1, &dir, &sink->name) != SI_OK) {
    return -1;
  }
  si_close(&sink->dir);
  sink->dir = dir;
  return link_in_place(sink);
}

/* Into place. Without a replacing rename where only creation is allowed: the kernel decides the
 * race; where the file system lacks that, a second name does. */
static int put_in_place(si_sink *sink) {
  if (!sink->temp[0]) {
    return link_anew(sink);
  }
  if (!(sink->flags & SI_PUT_CREATE_ONLY)) {
    return renameat(sink->dir, sink->temp, sink->dir, sink->name);
  }
  if (renameat2(sink->dir, sink->temp, sink->dir, sink->name, RENAME_NOREPLACE) == 0) {
    return 0;
  }
  if (errno != EINVAL && errno != ENOSYS) {
    return -1;
  }
  if (linkat(sink->dir, sink->temp, sink->dir, sink->name, 0) != 0) {
    return -1;
  }
  return unlinkat(sink->dir, sink->temp, 0);
}

static si_rc put_failed(si_instance *store, si_op *op, const si_sink *sink, int err) {
  if (err == EEXIST && (sink->flags & SI_PUT_CREATE_ONLY)) {
    return exists(store, op, sink->key);
  }
  if (err == EISDIR) {
    return si_fail(store->vt, op, SI_E_CONFLICT, sink->key,
                   "cannot store %s/%s: other objects lie below it", store->root_path, sink->key);
  }
  return store_fail_errno(store, op, err, sink->key, "cannot put in place");
}

/* Everything finished before is durable before this one can be seen. */
static int commit_before(const si_sink *sink) {
  return (sink->flags & SI_PUT_COMMIT) && (syncfs(sink->store->root) != 0 || fsync(sink->fd) != 0);
}

si_rc store_sink_finish(si_sink *sink, si_op *op) {
  si_instance *store = sink->store;
  si_rc status = SI_OK;
  if (sink->written != sink->length) {
    status = si_fail(
        store->vt, op, SI_E_INVALID, sink->key, "%llu bytes came for %s, not the %llu announced",
        (unsigned long long)sink->written, sink->key, (unsigned long long)sink->length);
  } else if (commit_before(sink)) {
    status = store_fail_errno(store, op, errno, sink->key, "cannot make durable");
  }
  if (status == SI_OK && sink->temp[0]) {
    /* Some file systems tell a failed write only here; they have no files without a name. */
    int fd = sink->fd;
    sink->fd = -1;
    if (close(fd) != 0 && errno != EINTR) {
      status = store_fail_errno(store, op, errno, sink->key, "cannot write");
    }
  }
  if (status != SI_OK) {
    store_sink_abort(sink);
    return status;
  }
  if (put_in_place(sink) != 0) {
    int err = errno;
    status = put_failed(store, op, sink, err);
    store_sink_abort(sink);
    return status;
  }
  if ((sink->flags & SI_PUT_COMMIT) && fsync(sink->dir) != 0) {
    status = store_fail_errno(store, op, errno, sink->key, "cannot make durable");
  }
  if (sink->flags & SI_PUT_COMMIT) {
    pthread_mutex_lock(&store->lock);
    store_forget(store); /* what follows finds its directory by name again */
    pthread_mutex_unlock(&store->lock);
  }
  sink_free(sink);
  return status;
}

void store_sink_abort(si_sink *sink) {
  if (sink->temp[0]) {
    unlinkat(sink->dir, sink->temp, 0);
  }
  sink_free(sink);
}
