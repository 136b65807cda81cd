/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/base/buf.h - a growing buffer of bytes that never grows past a maximum. Depends on libc
 * alone. Not thread-safe.
 *
 * Invariant: data is NULL or holds len bytes followed by a NUL that len does not count.
 *
 * A buffer for secrets (SI_SECRET_BUF) leaves no copy behind: its memory is overwritten when it
 * grows, is emptied, or is freed.
 */
#ifndef SI_KIT_BASE_BUF_H
#define SI_KIT_BASE_BUF_H

#include <stdbool.h>

#include "kit/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct si_buf {
  char *data;
  size_t len;
  size_t cap;
  size_t max; /* len never exceeds it */
  bool wipe;  /* overwrite what is left behind */
};

#define SI_BUF(limit) \
  { NULL, 0, 0, (limit), false }
#define SI_SECRET_BUF(limit) \
  { NULL, 0, 0, (limit), true }

/* Make room for `more` bytes; SI_E_QUOTA past the maximum, SI_E_NOMEM. On failure unchanged. */
si_rc si_buf_reserve(struct si_buf *buf, size_t more) SI_MUST_USE;
si_rc si_buf_add(struct si_buf *buf, const void *data, size_t len) SI_MUST_USE;
si_rc si_buf_puts(struct si_buf *buf, const char *text) SI_MUST_USE;
si_rc si_buf_printf(struct si_buf *buf, const char *fmt, ...) SI_PRINTF(2, 3) SI_MUST_USE;
/* The text so far; "" where nothing was added. Owned by the buffer. */
const char *si_buf_text(const struct si_buf *buf);
/* Empties it, keeps the memory. */
void si_buf_clear(struct si_buf *buf);
/* Frees the memory; the buffer can be used again. */
void si_buf_free(struct si_buf *buf);

#ifdef __cplusplus
}
#endif
#endif
