/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/store/reader.c - reading, looking at and removing objects. Depends on store.h,
 * sdk/kit/base.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/direct.h"
#include "plugins/local/store/store.h"

/* A longer object is read once and let go of: filling the page cache costs more than the disk. */
#define STREAMED (32ull << 20)
#define WINDOW (8ull << 20)

struct si_reader {
  si_instance *store;
  int fd;
  int streamed;
  int direct; /* past the page cache */
  int ended;
  uint64_t left;
  uint64_t at;      /* offset of the next byte */
  uint64_t dropped; /* pages before it were let go of */
  char key[];
};

static si_rc refuse_type(si_instance *store, si_op *op, const char *key) {
  return si_fail(store->vt, op, SI_E_REFUSED, key, "%s/%s is not a regular file", store->root_path,
                 key);
}

/* -1 and errno, or -1 and *status. O_NONBLOCK: a FIFO must not hold us. */
static int open_file(si_instance *store, si_op *op, const char *key, si_rc *status) {
  const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  for (int tries = 0;; tries++) {
    const char *name = NULL;
    int dir SI_AUTO(si_close) = -1;
    /* The second time anew: the directory kept open may have been replaced since. */
    *status = store_own_directory(store, op, key, 0, tries > 0, &dir, &name);
    int fd = *status == SI_OK ? openat(dir, name, flags) : -1;
    if (fd >= 0 || *status != SI_OK || errno != ENOENT || tries > 0) {
      return fd;
    }
  }
}

static si_rc open_object(si_instance *store, si_op *op, const char *key, int *out,
                         uint64_t *length) {
  struct stat st;
  si_rc status = SI_OK;
  int fd = open_file(store, op, key, &status);
  if (status != SI_OK) {
    return status;
  }
  if (fd < 0) {
    return errno == ELOOP || errno == ENXIO
               ? refuse_type(store, op, key)
               : store_fail_errno(store, op, errno, key, "cannot open");
  }
  if (fstat(fd, &st) != 0) {
    status = store_fail_errno(store, op, errno, key, "cannot look at");
  } else if (!S_ISREG(st.st_mode)) {
    status = refuse_type(store, op, key);
  }
  if (status != SI_OK) {
    si_close(&fd);
    return status;
  }
  *length = (uint64_t)st.st_size;
  *out = fd;
  return SI_OK;
}

si_rc store_reader_open(si_instance *store, si_op *op, const char *key, uint64_t offset,
                        uint64_t limit, si_reader **out) {
  uint64_t length = 0;
  int fd = -1;
  si_rc status = store_check_key(store, op, key);
  status = status == SI_OK ? open_object(store, op, key, &fd, &length) : status;
  if (status != SI_OK) {
    return status;
  }
  if (offset > INT64_MAX) {
    si_close(&fd);
    return si_fail(store->vt, op, SI_E_INVALID, key, "the offset is out of bounds");
  }
  size_t len = strlen(key);
  si_reader *reader = calloc(1, sizeof *reader + len + 1);
  if (!reader) {
    si_close(&fd);
    return SI_E_NOMEM;
  }
  reader->store = store;
  reader->fd = fd;
  reader->left = limit;
  reader->at = offset;
  reader->dropped = offset;
  reader->streamed = length >= STREAMED;
  reader->direct = si_direct_begin_read(fd, length);
  memcpy(reader->key, key, len + 1);
  *out = reader;
  return SI_OK;
}

si_rc store_reader_read(si_reader *reader, si_op *op, void *buf, size_t cap, size_t *got) {
  size_t want = cap < reader->left ? cap : (size_t)reader->left;
  want = want < INT64_MAX - reader->at && !reader->ended ? want : 0;
  ssize_t n = want ? si_direct_read(reader->fd, buf, want, reader->at, &reader->direct) : 0;
  if (n < 0) {
    return store_fail_errno(reader->store, op, errno, reader->key, "cannot read");
  }
  reader->ended = !reader->direct && (size_t)n < want; /* a short read has seen the end */
  reader->left -= (uint64_t)n;
  reader->at += (uint64_t)n;
  if (reader->streamed && !reader->direct && reader->at - reader->dropped >= WINDOW) {
    /* Only advice. */
    (void)posix_fadvise(reader->fd, (off_t)reader->dropped, (off_t)(reader->at - reader->dropped),
                        POSIX_FADV_DONTNEED);
    reader->dropped = reader->at;
  }
  *got = (size_t)n;
  return SI_OK;
}

void store_reader_close(si_reader *reader) {
  si_close(&reader->fd);
  free(reader);
}

si_rc store_stat(si_instance *store, si_op *op, const char *key, si_object_info *out) {
  const char *name = NULL;
  struct stat st;
  int dir = -1;
  si_rc status = store_check_key(store, op, key);
  /* Not through the directory kept open: this call tells what stands under the key now. */
  store_forget(store);
  status = status == SI_OK ? store_directory(store, op, key, 0, &dir, &name) : status;
  if (status != SI_OK) {
    return status;
  }
  if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return store_fail_errno(store, op, errno, key, "cannot look at");
  }
  if (!S_ISREG(st.st_mode)) {
    return S_ISDIR(st.st_mode) ? si_fail(store->vt, op, SI_E_NOT_FOUND, key, "%s is no object", key)
                               : refuse_type(store, op, key);
  }
  out->length = (uint64_t)st.st_size;
  out->modified_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
  return SI_OK;
}

si_rc store_remove(si_instance *store, si_op *op, const char *key) {
  si_object_info info;
  const char *name = NULL;
  int dir = -1;
  si_rc status = store_check_key(store, op, key);
  if (status != SI_OK) {
    return status;
  }
  if (!store_has_root(store)) {
    return SI_OK;
  }
  store_forget(store);
  if (store_directory(store, NULL, key, 0, &dir, &name) == SI_E_NOT_FOUND) {
    return SI_OK;
  }
  status = store_stat(store, op, key, &info);
  if (status != SI_OK) {
    return status == SI_E_NOT_FOUND ? SI_OK : status;
  }
  status = store_directory(store, op, key, 0, &dir, &name);
  if (status != SI_OK) {
    return status;
  }
  if (unlinkat(dir, name, 0) != 0 && errno != ENOENT) {
    return store_fail_errno(store, op, errno, key, "cannot remove");
  }
  if (fsync(dir) != 0) {
    return store_fail_errno(store, op, errno, key, "cannot make durable the removal of");
  }
  store_forget(store);
  store_prune(store, key);
  return SI_OK;
}
