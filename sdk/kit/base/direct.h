/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/base/direct.h - long files past the page cache: to fill it with what is read or written once
 * costs more than the disk does. Where a file system has no direct I/O, or the memory or the offset
 * does not suit, the same calls go through the cache. Depends on Linux (O_DIRECT).
 */
#ifndef SI_KIT_BASE_DIRECT_H
#define SI_KIT_BASE_DIRECT_H

#include <stdint.h>
#include <sys/types.h>

#include "kit/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SI_DIRECT_ALIGN 4096u       /* of memory, offset and length */
#define SI_DIRECT_MIN (256u * 1024) /* a shorter file is not worth it */

/* Makes reading of the open file direct where it pays: it is long, and not in memory already. Says
 * whether it did. */
int si_direct_begin_read(int fd, uint64_t length);
/* The same for a new file that will have so many bytes. */
int si_direct_begin_write(int fd, uint64_t length);

/* As pread(2) and pwrite(2), through EINTR. While *direct: goes past the cache as far as it can;
 * once it no longer can, clears *direct and goes on through the cache. May be short. */
ssize_t si_direct_read(int fd, void *to, size_t len, uint64_t at, int *direct) SI_MUST_USE;
ssize_t si_direct_write(int fd, const void *from, size_t len, uint64_t at, int *direct) SI_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
