/* SPDX-License-Identifier: Apache-2.0 */
/* kit/base/direct.h: whatever the lengths and the memory, what is read is what was written, past
 * the page cache or through it. */
#include "kit/base/direct.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/base/path.h"
#include "tests/unit/unit.h"

enum { MOST = 3 << 20 };

static unsigned char *made, *memory;

static int new_file(void) {
  char path[] = "/tmp/kit-direct-XXXXXX";
  int fd = mkostemp(path, O_CLOEXEC);
  CU_ASSERT_FATAL(fd >= 0 && unlink(path) == 0);
  return fd;
}

static void write_all(int fd, size_t len, size_t piece, size_t shift) {
  int direct = si_direct_begin_write(fd, len);
  for (size_t at = 0; at < len;) {
    size_t n = len - at < piece ? len - at : piece;
    memcpy(memory + shift, made + at, n);
    for (size_t done = 0; done < n;) {
      ssize_t wrote = si_direct_write(fd, memory + shift + done, n - done, at + done, &direct);
      CU_ASSERT_FATAL(wrote > 0);
      done += (size_t)wrote;
    }
    at += n;
  }
}

/* *past: was any of it read past the cache? */
static void read_all(int fd, size_t len, size_t piece, size_t shift, int *past) {
  int direct = si_direct_begin_read(fd, len);
  size_t at = 0;
  *past = direct;
  for (;;) {
    ssize_t n = si_direct_read(fd, memory + shift, piece, at, &direct);
    CU_ASSERT_FATAL(n >= 0 && (size_t)n <= len - at);
    CU_ASSERT_EQUAL_FATAL(memcmp(memory + shift, made + at, (size_t)n), 0);
    at += (size_t)n;
    if (n == 0) {
      break;
    }
  }
  CU_ASSERT_EQUAL(at, len);
}

static void what_is_read_is_what_was_written(void) {
  static const size_t lengths[] = {0,      1,      SI_DIRECT_MIN - 1, SI_DIRECT_MIN, 262145,
                                   524287, 528384, 1048576,           1048577,       3000000};
  static const size_t pieces[] = {131072, 524288, 300001, 4096};
  static const size_t shifts[] = {0, 8}; /* from where memory suits */
  int past = 0, any_past = 0;
  made = malloc(MOST);
  memory = aligned_alloc(SI_DIRECT_ALIGN, MOST);
  CU_ASSERT_FATAL(made && memory);
  for (size_t i = 0; i < MOST; i++) {
    made[i] = (unsigned char)(i * 11 + (i >> 12));
  }
  for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
    for (size_t k = 0; k < sizeof pieces / sizeof *pieces * 2; k++) {
      size_t piece = pieces[k / 2], shift = shifts[k % 2];
      int fd SI_AUTO(si_close) = new_file();
      write_all(fd, lengths[l], piece, shift);
      CU_ASSERT_EQUAL(lseek(fd, 0, SEEK_END), (off_t)lengths[l]);
      read_all(fd, lengths[l], piece, shift,
               &past); /* from memory, where it went through the cache */
      fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_DIRECT);
      CU_ASSERT_EQUAL(fsync(fd), 0);
      (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
      read_all(fd, lengths[l], piece, shift, &past);
      any_past = any_past || past;
      CU_ASSERT(!past || lengths[l] >= SI_DIRECT_MIN);
    }
  }
  printf("  past the page cache: %s\n", any_past ? "yes" : "not on this file system");
  free(made);
  free(memory);
}

static void what_is_in_memory_is_read_from_there(void) {
  int fd SI_AUTO(si_close) = new_file();
  char *bytes = calloc(1, 1 << 20);
  CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
  CU_ASSERT_EQUAL(si_write_all(fd, bytes, 1 << 20), 0);
  CU_ASSERT_EQUAL(si_direct_begin_read(fd, 1 << 20), 0);
  free(bytes);
}

UNIT_MAIN("kit direct", UNIT(what_is_read_is_what_was_written),
          UNIT(what_is_in_memory_is_read_from_there))
