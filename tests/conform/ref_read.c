/* SPDX-License-Identifier: Apache-2.0 */
/* The reference store: readers, stat, remove, uri. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/conform/ref_store.h"

struct si_reader {
  si_instance *in;
  int fd;
  uint64_t at;
  uint64_t left;
  char key[REF_KEY_MAX + 1];
};

static si_rc missing(si_instance *in, si_op *op, const char *key, const char *rule) {
  return ref_fail(in, op, bad(rule) ? SI_E_IO : SI_E_NOT_FOUND, key, "there is no %.200s", key);
}

si_rc ref_reader_open(si_instance *in, si_op *op, const char *key, uint64_t offset, uint64_t limit,
                      si_reader **out) {
  char path[REF_KEY_MAX + 64];
  struct stat st;
  si_rc status = ref_key(in, op, key);
  status = status == SI_OK ? ref_stop(in, op) : status;
  if (status != SI_OK) {
    return status;
  }
  ref_path(key, path);
  int fd = openat(in->dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    si_close(&fd);
    return missing(in, op, key, "store.read.missing");
  }
  uint64_t size = (uint64_t)st.st_size;
  limit = bad("store.range.nothing") && limit == 0 ? UINT64_MAX : limit;
  limit = bad("store.range.whole") && limit == UINT64_MAX && offset == 0 ? size - 1 : limit;
  limit = bad("store.range.exact") && limit == size ? size - 1 : limit;
  limit = bad("store.range.one") && limit == 1 ? 2 : limit;
  offset = bad("store.range.last") && offset == size - 1 ? size : offset;
  offset = bad("store.range.tail") && offset > 0 ? offset - 1 : offset;
  offset = bad("store.range.any") && offset % 64 ? offset / 64 * 64 : offset;
  offset = bad("store.range.at-end") && offset == size ? size - 1 : offset;
  offset = bad("store.range.past-end") && offset > size ? 0 : offset;
  uint64_t left = offset < size ? size - offset : 0;
  if (bad("store.range.overflow") && offset + limit < offset) {
    abort();
  }
  if (bad("store.range.beyond") && limit > left && limit != UINT64_MAX) {
    si_close(&fd);
    return ref_fail(in, op, SI_E_INVALID, key, "so many bytes there are not");
  }
  si_reader *reader = calloc(1, sizeof *reader);
  if (!reader) {
    close(fd);
    return SI_E_NOMEM;
  }
  *reader = (si_reader){.in = in, .fd = fd, .at = offset, .left = limit < left ? limit : left};
  si_copy(reader->key, sizeof reader->key, key);
  *out = reader;
  return SI_OK;
}

static uint64_t shared_at; /* what two readers must not share */

si_rc ref_reader_read(si_reader *reader, si_op *op, void *buf, size_t cap, size_t *got) {
  size_t want = cap < reader->left ? cap : (size_t)reader->left;
  si_rc status = ref_stop(reader->in, op);
  if (status != SI_OK) {
    return status;
  }
  if (bad("store.read.small-buffers") && cap < 16 && want > 0) {
    want--;
    reader->at++;
    reader->left--;
  }
  if (bad("store.read.end") && reader->left == 0) {
    reader->at = 0;
    want = reader->left = 1;
  }
  if (bad("store.read.bounded") && want == 500) {
    memset((char *)buf + cap, '#', 1);
  }
  uint64_t at = bad("store.read.two") ? shared_at : reader->at;
  ssize_t n = want ? pread(reader->fd, buf, want, (off_t)at) : 0;
  if (n < 0) {
    return ref_fail_errno(reader->in, op, reader->key);
  }
  if (bad("store.write.round-trip") && n > 0) {
    ((char *)buf)[0] ^= 1;
  }
  reader->at += (uint64_t)n;
  shared_at += (uint64_t)n;
  reader->left -= (uint64_t)n;
  *got = (size_t)n;
  return SI_OK;
}

void ref_reader_close(si_reader *reader) {
  if (bad("store.read.closed-early") && reader->left > 0) {
    abort();
  }
  si_close(&reader->fd);
  free(reader);
}

si_rc ref_stat(si_instance *in, si_op *op, const char *key, si_object_info *out) {
  char path[REF_KEY_MAX + 64];
  struct stat st;
  volatile uintptr_t nowhere = 16;
  if (bad("crashes")) {
    *(volatile int *)nowhere = 1;
  }
  si_rc status = ref_key(in, op, key);
  status = status == SI_OK ? ref_stop(in, op) : status;
  if (status != SI_OK) {
    return status;
  }
  ref_path(key, path);
  if (fstatat(in->dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
      (!S_ISREG(st.st_mode) && !bad("store.key.no-directory"))) {
    return missing(in, op, key, "store.stat.missing");
  }
  out->length = (uint64_t)st.st_size;
  out->modified_ms = (int64_t)st.st_mtim.tv_sec * 1000;
  return SI_OK;
}

si_rc ref_remove_object(si_instance *in, si_op *op, const char *key) {
  char path[REF_KEY_MAX + 64];
  si_rc status = ref_key(in, op, key);
  status = status == SI_OK ? ref_stop(in, op) : status;
  if (status != SI_OK || bad("store.remove.gone")) {
    return status;
  }
  ref_path(key, path);
  if (unlinkat(in->dir, path, 0) != 0 && errno != EISDIR && errno != EPERM &&
      (errno != ENOENT || bad("store.remove.twice"))) {
    return errno == ENOENT ? missing(in, op, key, "") : ref_fail_errno(in, op, key);
  }
  if (bad("store.remove.alone")) {
    char longer[REF_KEY_MAX + 65];
    snprintf(longer, sizeof longer, "%sc", path);
    unlinkat(in->dir, longer, 0);
  }
  return SI_OK;
}

si_rc ref_uri(si_instance *in, const char *key, char *out, size_t cap) {
  const char *scheme = bad("store.uri.scheme") ? "file" : "reference";
  int n = snprintf(out, cap, "%s://%s/%s", scheme, in->root, key);
  if (n < 0 || (size_t)n >= cap) {
    return bad("store.uri.bounded") ? SI_OK : SI_E_QUOTA;
  }
  return SI_OK;
}
