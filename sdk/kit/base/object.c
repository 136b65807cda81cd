/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/path.h"
#include "kit/base/text.h"

#define KEY_MAX 4096
#define TEMP ".si-"
#define KNOWN (uint32_t)(SI_PUT_CREATE_ONLY | SI_PUT_COMMIT)

struct si_sink {
  const si_host_vt *vt;
  int dir; /* the caller's */
  int fd;
  uint32_t flags;
  uint64_t left; /* bytes that have yet to come */
  char temp[32]; /* "": the file has no name */
  char name[256];
  char key[]; /* what failures tell */
};

struct si_reader {
  const si_host_vt *vt;
  int fd;
  uint64_t at; /* in the file */
  uint64_t left;
};

/* --- writing --- */

static int make_temp(si_sink *sink) {
  char hex[25];
  if (si_random_hex(hex, 12) != SI_OK) {
    errno = EIO;
    return -1;
  }
  snprintf(sink->temp, sizeof sink->temp, TEMP "%s", hex);
  return 0;
}

static int make_file(si_sink *sink) {
  int fd = openat(sink->dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) {
    return fd;
  }
  return make_temp(sink) == 0
             ? openat(sink->dir, sink->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
             : -1;
}

static si_rc check(const struct si_object *object, si_op *op, const si_put_options *options) {
  if (!si_key_valid(object->key)) {
    return si_fail(object->vt, op, SI_E_INVALID, NULL, "\"%.200s\" is no key", object->key);
  }
  if (!object->name[0]) {
    return si_fail(object->vt, op, SI_E_INTERNAL, object->key, "its file has no name");
  }
  if (options && (options->size < sizeof *options || (options->flags & ~KNOWN))) {
    return si_fail(object->vt, op, SI_E_UNSUPPORTED, object->key,
                   "an option was asked for that this store does not know");
  }
  return SI_OK;
}

si_rc si_object_create(struct si_object object, si_op *op, const si_put_options *options,
                       si_sink **out) {
  si_rc status = check(&object, op, options);
  if (status != SI_OK) {
    return status;
  }
  size_t len = strlen(object.key);
  si_sink *sink = calloc(1, sizeof *sink + len + 2);
  if (!sink) {
    return si_fail(object.vt, op, SI_E_NOMEM, object.key, "out of memory");
  }
  sink->vt = object.vt;
  sink->dir = object.dir;
  sink->flags = options->flags;
  sink->left = options->length;
  memcpy(sink->key, object.key, len + 1);
  si_copy(sink->name, sizeof sink->name, object.name);
  sink->fd = make_file(sink);
  sink->key[len] = '\n';
  bool failed = sink->fd < 0 || si_write_all(sink->fd, sink->key, len + 1) != 0;
  sink->key[len] = '\0';
  if (failed) {
    status = si_fail_errno(object.vt, op, errno, object.key, "cannot begin the object");
    si_object_abort(sink);
    return status;
  }
  *out = sink;
  return SI_OK;
}

si_rc si_object_write(si_sink *sink, si_op *op, const void *data, size_t len) {
  if (len > sink->left) {
    return si_fail(sink->vt, op, SI_E_INVALID, sink->key, "more bytes came than were announced");
  }
  if (si_write_all(sink->fd, data, len) != 0) {
    return si_fail_errno(sink->vt, op, errno, sink->key, "cannot write the object");
  }
  sink->left -= len;
  return SI_OK;
}

/* Gives the file without a name one. */
static int link_as(const si_sink *sink, const char *name) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", sink->fd);
  return linkat(AT_FDCWD, path, sink->dir, name, AT_SYMLINK_FOLLOW);
}

/* In one step. Where only creation is allowed the kernel decides the race. */
static int put_in_place(si_sink *sink) {
  bool create_only = sink->flags & SI_PUT_CREATE_ONLY;
  if (!sink->temp[0]) {
    if (link_as(sink, sink->name) == 0) {
      return 0;
    }
    if (errno != EEXIST || create_only || make_temp(sink) != 0) {
      return -1;
    }
    if (link_as(sink, sink->temp) != 0) {
      sink->temp[0] = '\0';
      return -1;
    }
  }
  if (create_only && linkat(sink->dir, sink->temp, sink->dir, sink->name, 0) != 0) {
    return -1;
  }
  if (!create_only && renameat(sink->dir, sink->temp, sink->dir, sink->name) != 0) {
    return -1;
  }
  if (!create_only) {
    sink->temp[0] = '\0';
  }
  return 0;
}

/* All that was finished before is on the disk before this object can be seen. */
static int commit(const si_sink *sink) {
  return (sink->flags & SI_PUT_COMMIT) && (syncfs(sink->dir) != 0 || fsync(sink->fd) != 0) ? -1 : 0;
}

si_rc si_object_finish(si_sink *sink, si_op *op) {
  si_rc status = SI_OK;
  if (sink->left > 0) {
    status = si_fail(sink->vt, op, SI_E_INVALID, sink->key, "%llu bytes of the object did not come",
                     (unsigned long long)sink->left);
  } else if (commit(sink) != 0) {
    status = si_fail_errno(sink->vt, op, errno, sink->key, "cannot make the store durable");
  } else if (put_in_place(sink) != 0) {
    status = si_fail_errno(sink->vt, op, errno, sink->key, "cannot put the object in place");
  } else if ((sink->flags & SI_PUT_COMMIT) && fsync(sink->dir) != 0) {
    status = si_fail_errno(sink->vt, op, errno, sink->key, "cannot make the object durable");
  }
  si_object_abort(sink); /* what has its name keeps it */
  return status;
}

void si_object_abort(si_sink *sink) {
  if (sink->temp[0]) {
    unlinkat(sink->dir, sink->temp, 0);
  }
  si_close(&sink->fd);
  free(sink);
}

/* --- reading --- */

/* Opens an object's file; its key goes to `key`, and *start is where its bytes begin.
 * SI_E_NOT_FOUND and SI_E_CORRUPT (no such file as this room writes) are the caller's to tell. */
static si_rc open_file(int dir, const char *name, char key[KEY_MAX + 2], int *fd,
                       si_object_info *info, uint64_t *start) {
  struct stat st;
  if (dir < 0) {
    return SI_E_NOT_FOUND;
  }
  int file SI_AUTO(si_close) =
      openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (file < 0 || fstat(file, &st) != 0) {
    return errno == ELOOP ? SI_E_CORRUPT : si_status_of_errno(errno);
  }
  ssize_t n = S_ISREG(st.st_mode) ? pread(file, key, KEY_MAX + 1, 0) : 0;
  const char *end = n > 0 ? memchr(key, '\n', (size_t)n) : NULL;
  if (!end) {
    return n < 0 ? si_status_of_errno(errno) : SI_E_CORRUPT;
  }
  size_t len = (size_t)(end - key);
  key[len] = '\0';
  if (!si_key_valid(key)) {
    return SI_E_CORRUPT;
  }
  *start = len + 1;
  info->length = (uint64_t)st.st_size - *start;
  info->modified_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
  *fd = file;
  file = -1;
  return SI_OK;
}

static si_rc open_object(const struct si_object *object, si_op *op, int *fd, si_object_info *info,
                         uint64_t *start) {
  char key[KEY_MAX + 2];
  si_rc status = check(object, op, NULL);
  if (status != SI_OK) {
    return status;
  }
  status = open_file(object->dir, object->name, key, fd, info, start);
  if (status == SI_OK && strcmp(key, object->key) != 0) {
    si_close(fd);
    status = SI_E_CORRUPT;
  }
  return status == SI_OK ? SI_OK
                         : si_fail(object->vt, op, status, object->key, "%s",
                                   status == SI_E_NOT_FOUND ? "there is no such object"
                                   : status == SI_E_CORRUPT ? "its file is not that of this object"
                                                            : "its file cannot be opened");
}

si_rc si_object_open(struct si_object object, si_op *op, uint64_t offset, uint64_t limit,
                     si_reader **out) {
  si_object_info info;
  uint64_t start;
  int fd = -1;
  si_rc status = open_object(&object, op, &fd, &info, &start);
  if (status != SI_OK) {
    return status;
  }
  si_reader *reader = calloc(1, sizeof *reader);
  if (!reader) {
    si_close(&fd);
    return si_fail(object.vt, op, SI_E_NOMEM, object.key, "out of memory");
  }
  offset = offset < info.length ? offset : info.length;
  reader->vt = object.vt;
  reader->fd = fd;
  reader->at = start + offset;
  reader->left = limit < info.length - offset ? limit : info.length - offset;
  *out = reader;
  return SI_OK;
}

si_rc si_object_read(si_reader *reader, si_op *op, void *buf, size_t cap, size_t *got) {
  size_t want = cap < reader->left ? cap : (size_t)reader->left;
  ssize_t n;
  do {
    n = pread(reader->fd, buf, want, (off_t)reader->at);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    return si_fail_errno(reader->vt, op, errno, NULL, "cannot read the object");
  }
  if (n == 0 && want > 0) {
    return si_fail(reader->vt, op, SI_E_CORRUPT, NULL,
                   "the object became shorter while it was read");
  }
  reader->at += (uint64_t)n;
  reader->left -= (uint64_t)n;
  *got = (size_t)n;
  return SI_OK;
}

void si_object_close(si_reader *reader) {
  si_close(&reader->fd);
  free(reader);
}

/* --- looking --- */

si_rc si_object_stat(struct si_object object, si_op *op, si_object_info *out) {
  si_object_info info;
  uint64_t start;
  int fd SI_AUTO(si_close) = -1;
  si_rc status = open_object(&object, op, &fd, &info, &start);
  if (status == SI_OK) {
    *out = info;
  }
  return status;
}

si_rc si_object_remove(struct si_object object, si_op *op) {
  si_rc status = check(&object, op, NULL);
  if (status == SI_OK && object.dir >= 0 && unlinkat(object.dir, object.name, 0) != 0 &&
      errno != ENOENT) {
    status = si_fail_errno(object.vt, op, errno, object.key, "cannot remove the object");
  }
  return status;
}

static si_rc list_file(const si_host_vt *vt, si_op *op, int dir, const char *name,
                       const char *prefix, void *ctx, si_list_fn each) {
  char key[KEY_MAX + 2];
  si_object_info info;
  uint64_t start;
  int fd SI_AUTO(si_close) = -1;
  if (name[0] == '.') {
    return SI_OK;
  }
  si_rc status = open_file(dir, name, key, &fd, &info, &start);
  if (status == SI_E_NOT_FOUND || status == SI_E_CORRUPT) {
    return SI_OK;
  }
  if (status != SI_OK) {
    return si_fail_errno(vt, op, errno, name, "cannot look at the file");
  }
  return si_key_below(key, prefix) ? each(ctx, key, &info) : SI_OK;
}

si_rc si_object_list(const si_host_vt *vt, si_op *op, int dir, const char *prefix, void *ctx,
                     si_list_fn each) {
  int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *files = fd < 0 ? NULL : fdopendir(fd);
  if (!files) {
    si_rc status = si_fail_errno(vt, op, errno, NULL, "cannot list the store");
    si_close(&fd);
    return status;
  }
  si_rc status = SI_OK;
  for (;;) {
    errno = 0;
    const struct dirent *file = readdir(files);
    if (!file) {
      status = errno ? si_fail_errno(vt, op, errno, NULL, "cannot list the store") : SI_OK;
      break;
    }
    if ((status = list_file(vt, op, dir, file->d_name, prefix, ctx, each)) != SI_OK) {
      break;
    }
  }
  closedir(files);
  return status;
}
