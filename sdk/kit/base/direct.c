/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* What the beginning of a file is taken to say of the rest. */
enum { SAMPLE_PAGES = 64 };

static int set(int fd, int on) {
  int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

/* Where the kernel does not tell, it says yes: then nothing changes. */
static int in_memory(int fd) {
  unsigned char pages[SAMPLE_PAGES];
  size_t len = SAMPLE_PAGES * (size_t)sysconf(_SC_PAGESIZE);
  int there = 0;
  if (len > SI_DIRECT_MIN) {
    return 1;
  }
  void *map = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) {
    return 1;
  }
  int failed = mincore(map, len, pages);
  munmap(map, len);
  for (size_t i = 0; !failed && i < SAMPLE_PAGES; i++) {
    there += pages[i] & 1;
  }
  return failed || there > SAMPLE_PAGES / 2;
}

int si_direct_begin_read(int fd, uint64_t length) {
  return length >= SI_DIRECT_MIN && !in_memory(fd) && set(fd, 1);
}

int si_direct_begin_write(int fd, uint64_t length) {
  return length >= SI_DIRECT_MIN && set(fd, 1);
}

/* How much of it can go past the cache; 0: none, and *direct is cleared. */
static size_t direct_part(int fd, const void *memory, size_t len, uint64_t at, int *direct) {
  if (!*direct) {
    return 0;
  }
  if ((uintptr_t)memory % SI_DIRECT_ALIGN == 0 && at % SI_DIRECT_ALIGN == 0 &&
      len >= SI_DIRECT_ALIGN) {
    return len - len % SI_DIRECT_ALIGN;
  }
  *direct = 0;
  set(fd, 0);
  return 0;
}

ssize_t si_direct_read(int fd, void *to, size_t len, uint64_t at, int *direct) {
  ssize_t n;
  do {
    size_t part = direct_part(fd, to, len, at, direct);
    n = pread(fd, to, part ? part : len, (off_t)at);
    if (n < 0 && errno == EINVAL && *direct) { /* it was promised and is not there */
      *direct = !set(fd, 0);
      n = *direct ? -1 : pread(fd, to, len, (off_t)at);
    }
  } while (n < 0 && errno == EINTR);
  return n;
}

ssize_t si_direct_write(int fd, const void *from, size_t len, uint64_t at, int *direct) {
  ssize_t n;
  do {
    size_t part = direct_part(fd, from, len, at, direct);
    n = pwrite(fd, from, part ? part : len, (off_t)at);
    if (n < 0 && errno == EINVAL && *direct) {
      *direct = !set(fd, 0);
      n = *direct ? -1 : pwrite(fd, from, len, (off_t)at);
    }
  } while (n < 0 && errno == EINTR);
  return n;
}
