/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/locked.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t pages(size_t size) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  return (size + 1 + page - 1) / page * page;
}

si_rc si_locked_make(struct si_locked *locked, size_t size) {
  si_locked_free(locked);
  void *data = mmap(NULL, pages(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    return SI_E_NOMEM;
  }
  if (madvise(data, pages(size), MADV_DONTDUMP) != 0) {
    munmap(data, pages(size));
    return SI_E_NOMEM;
  }
  /* An unprivileged user may lock little: swap is then the operator's to encrypt. */
  (void)mlock(data, pages(size));
  (void)madvise(data, pages(size), MADV_WIPEONFORK); /* a child has no business with it */
  *locked = (struct si_locked){.data = data, .size = size};
  return SI_OK;
}

si_rc si_locked_add(struct si_locked *locked, const void *data, size_t len) {
  if (!locked->data || len > locked->size - locked->len) {
    return SI_E_QUOTA;
  }
  if (len > 0) {
    memcpy(locked->data + locked->len, data, len);
  }
  locked->len += len;
  return SI_OK;
}

si_rc si_locked_read(struct si_locked *locked, int fd) {
  while (locked->len < locked->size) {
    ssize_t n = read(fd, locked->data + locked->len, locked->size - locked->len);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return n == 0 ? SI_OK : SI_E_IO;
    }
    locked->len += (size_t)n;
  }
  return SI_E_QUOTA;
}

void si_locked_free(struct si_locked *locked) {
  if (locked->data) {
    explicit_bzero(locked->data, locked->size);
    munmap(locked->data, pages(locked->size));
  }
  *locked = (struct si_locked){NULL, 0, 0};
}
