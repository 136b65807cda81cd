/* SPDX-License-Identifier: Apache-2.0 */
/* The store `locker`: writing objects, under lock or not. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tests/plugins/locker.h"

struct si_sink {
  si_instance *in;
  int fd;
  uint32_t flags;
  uint64_t left; /* bytes that have yet to come */
  bool locks;
  struct locker_lock wish;
  const char *lent; /* the caller's key, where it must not be kept */
  char temp[48];
  char key[];
};

/* Is the key free to be put? With the lock. */
static si_rc is_free(const si_instance *in, si_op *op, const char *key, uint32_t flags) {
  struct locker_versions versions SI_AUTO(locker_versions_free) = {NULL, 0};
  si_rc status = locker_versions(in, op, key, &versions);
  if (locker_breaks("store.lock.written") ||
      (locker_breaks("store.lock.together") && gettid() != getpid())) {
    return status;
  }
  flags &= locker_breaks("store.lock.create-only") ? 0 : ~0u;
  if (status == SI_OK && (flags & SI_PUT_CREATE_ONLY) && locker_current(&versions)) {
    return si_fail(in->vt, op, SI_E_EXISTS, key, "%.200s exists already", key);
  }
  return status == SI_OK ? locker_refuse(in, op, key, &versions) : status;
}

static si_rc check(const si_instance *in, si_op *op, const char *key,
                   const si_put_options *options) {
  const uint32_t known = SI_PUT_CREATE_ONLY | SI_PUT_COMMIT;
  if (!si_key_valid(key)) {
    return si_fail(in->vt, op, SI_E_INVALID, NULL, "\"%.200s\" is no key", key);
  }
  if (options->size < sizeof *options || (options->flags & ~known)) {
    return si_fail(in->vt, op, SI_E_UNSUPPORTED, key, "an option that this store does not know");
  }
  int alone SI_AUTO(si_close) = locker_enter(in, op, LOCK_SH);
  return alone >= 0 ? is_free(in, op, key, options->flags) : SI_E_IO;
}

si_rc locker_sink_open(si_instance *in, si_op *op, const char *key, const si_put_options *options,
                       si_sink **out) {
  char hex[25];
  si_rc status = check(in, op, key, options);
  status = status == SI_OK ? si_random_hex(hex, 12) : status;
  if (status != SI_OK) {
    return status;
  }
  size_t len = strlen(key);
  si_sink *sink = calloc(1, sizeof *sink + len + 1);
  if (!sink) {
    return si_fail(in->vt, op, SI_E_NOMEM, key, "out of memory");
  }
  sink->in = in;
  sink->flags = options->flags;
  sink->left = options->length;
  memcpy(sink->key, key, len + 1);
  snprintf(sink->temp, sizeof sink->temp, ".tmp-%s", hex);
  sink->fd = openat(in->root, sink->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (sink->fd < 0) {
    status = si_fail_errno(in->vt, op, errno, key, "cannot begin %.200s", key);
    free(sink);
    return status;
  }
  *out = sink;
  return SI_OK;
}

si_rc locker_locked_open(si_instance *in, si_op *op, const char *key, const si_put_options *options,
                         const si_lock_wish *wish, si_sink **out) {
  const bool held = wish->flags & SI_LOCK_HELD;
  if (wish->size < sizeof *wish || (wish->flags & ~(uint32_t)SI_LOCK_HELD)) {
    return si_fail(in->vt, op, SI_E_UNSUPPORTED, key, "a lock that this store does not know");
  }
  if (wish->mode == SI_LOCK_NONE && locker_breaks("store.lock.held")) {
    return si_fail(in->vt, op, SI_E_UNSUPPORTED, key, "there is no hold without a lock");
  }
  if (wish->mode == SI_LOCK_NONE && (!held || wish->until_ms)) {
    return si_fail(in->vt, op, SI_E_INVALID, key, "a lock that locks nothing");
  }
  si_rc status = wish->mode == SI_LOCK_NONE && !locker_faults(in, "not-locking")
                     ? SI_OK
                     : locker_possible(in, op, key, wish->mode, wish->until_ms);
  status = status == SI_OK ? locker_sink_open(in, op, key, options, out) : status;
  if (status == SI_OK) {
    (*out)->locks = true;
    (*out)->lent = locker_breaks("store.lock.lent") ? key : NULL;
    (*out)->wish = (struct locker_lock){wish->mode, held, wish->until_ms};
  }
  return status;
}

si_rc locker_sink_write(si_sink *sink, si_op *op, const void *data, size_t len) {
  if (len > sink->left) {
    return si_fail(sink->in->vt, op, SI_E_INVALID, sink->key,
                   "more bytes came than were announced");
  }
  if (si_write_all(sink->fd, data, len) != 0) {
    return si_fail_errno(sink->in->vt, op, errno, sink->key, "cannot write %.200s", sink->key);
  }
  sink->left -= len;
  return SI_OK;
}

void locker_sink_abort(si_sink *sink) {
  if (sink->temp[0]) {
    unlinkat(sink->in->root, sink->temp, 0);
  }
  si_close(&sink->fd);
  free(sink);
}

/* Is this the put that nobody survives? */
static bool crashes(si_sink *sink) {
  si_instance *in = sink->in;
  pthread_mutex_lock(&in->mutex);
  unsigned number = sink->locks ? ++in->puts : 0;
  pthread_mutex_unlock(&in->mutex);
  return sink->locks && locker_faults(in, "crash-after-put") &&
         locker_number(in, "crash-at", 0) == number;
}

/* The lock is there before the object can be seen. With the lock of the store. */
static si_rc place(si_sink *sink, si_op *op, const char *version) {
  si_instance *in = sink->in;
  char path[LOCKER_PATH];
  const bool crash = crashes(sink);
  const struct locker_lock kept = locker_kept(in, sink->wish);
  si_rc status = sink->locks && !crash ? locker_write(in, op, sink->key, version, &kept) : SI_OK;
  if (status != SI_OK) {
    return status;
  }
  locker_path(sink->key, version, "", path);
  if (((sink->flags & SI_PUT_COMMIT) && syncfs(in->root) != 0) ||
      renameat(in->root, sink->temp, in->root, path) != 0) {
    return si_fail_errno(in->vt, op, errno, sink->key, "cannot put %.200s in place", sink->key);
  }
  sink->temp[0] = '\0';
  if (crash) {
    _Exit(9);
  }
  if ((sink->flags & SI_PUT_COMMIT) && syncfs(in->root) != 0) {
    return si_fail_errno(in->vt, op, errno, sink->key, "cannot keep %.200s", sink->key);
  }
  return SI_OK;
}

static si_rc finish(si_sink *sink, si_op *op, char version[24]) {
  si_instance *in = sink->in;
  if (sink->left > 0 && !(sink->locks && locker_breaks("store.lock.too-few"))) {
    return si_fail(in->vt, op, SI_E_INVALID, sink->key, "%llu bytes of it did not come",
                   (unsigned long long)sink->left);
  }
  int alone SI_AUTO(si_close) = locker_enter(in, op, LOCK_EX);
  si_rc status = alone < 0                             ? SI_E_IO
                 : locker_breaks("store.lock.between") ? SI_OK
                                                       : is_free(in, op, sink->key, sink->flags);
  if (status == SI_OK && sink->wish.mode != SI_LOCK_NONE) {
    status = locker_possible(in, op, sink->key, sink->wish.mode, sink->wish.until_ms);
  }
  status = status == SI_OK ? locker_next(in, op, sink->key, version) : status;
  return status == SI_OK ? place(sink, op, version) : status;
}

si_rc locker_sink_finish(si_sink *sink, si_op *op) {
  char version[24];
  si_rc status = sink->locks ? si_fail(sink->in->vt, op, SI_E_INTERNAL, sink->key,
                                       "an object that is to be locked was finished without that")
                             : finish(sink, op, version);
  locker_sink_abort(sink); /* what is in place stays there */
  return status;
}

si_rc locker_locked_finish(si_sink *sink, si_op *op, void *ctx, si_lock_fn told) {
  char version[24];
  if (sink->lent && sink->lent[0] == '?') {
    sink->left = 1;
  }
  si_rc status = finish(sink, op, version);
  for (int i = locker_breaks("store.lock.told") ? 2 : 1; status == SI_OK && i > 0; i--) {
    status = locker_tell(sink->in, sink->key, version, SI_LOCK_CURRENT, &sink->wish, ctx, told);
  }
  locker_sink_abort(sink);
  return status;
}
