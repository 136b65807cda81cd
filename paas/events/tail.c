/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "paas/events/private.h"

enum { BLOCK = 65536 };
/* A line, its \n, and two blocks. */
#define WINDOW (SI_EVENT_LINE_MAX + 1u + 2u * BLOCK)

static si_rc read_at(int fd, int64_t from, char *to, size_t len) {
  while (len > 0) {
    ssize_t n = pread(fd, to, len, from);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      errno = n == 0 ? ENODATA : errno; /* it became shorter: nobody who keeps the lock does that */
      return SI_E_IO;
    }
    to += n;
    from += n;
    len -= (size_t)n;
  }
  return SI_OK;
}

/* Puts the block before data[0] in front of it, and forgets what stands behind `end`. */
static si_rc extend(struct si_tail *tail) {
  size_t keep = (size_t)(tail->end - tail->from);
  size_t more = tail->from < BLOCK ? (size_t)tail->from : BLOCK;
  tail->data.len = keep;
  si_rc status = si_buf_reserve(&tail->data, more);
  if (status != SI_OK) {
    return status == SI_E_QUOTA ? SI_E_CORRUPT : status;
  }
  memmove(tail->data.data + more, tail->data.data, keep);
  status = read_at(tail->fd, tail->from - (int64_t)more, tail->data.data, more);
  if (status == SI_OK) {
    tail->data.len = keep + more;
    tail->from -= (int64_t)more;
  }
  return status;
}

/* Where the text behind the last \n before `end` begins. */
static si_rc line_start(struct si_tail *tail, int64_t *start) {
  size_t searched = 0; /* bytes before `end` that hold none */
  for (;;) {
    size_t held = (size_t)(tail->end - tail->from);
    const char *newline = held > searched ? memrchr(tail->data.data, '\n', held - searched) : NULL;
    if (newline || tail->from == 0) {
      *start = newline ? tail->from + (newline - tail->data.data) + 1 : 0;
      return SI_OK;
    }
    if (held > SI_EVENT_LINE_MAX + 1u) {
      return SI_E_CORRUPT;
    }
    searched = held;
    si_rc status = extend(tail);
    if (status != SI_OK) {
      return status;
    }
  }
}

si_rc si_tail_begin(struct si_tail *tail, int fd, int64_t size) {
  *tail = (struct si_tail){.fd = fd, .from = size, .end = size, .data = SI_BUF(WINDOW)};
  si_rc status = line_start(tail, &tail->partial);
  if (status == SI_OK) {
    tail->end = tail->partial;
  }
  return status;
}

si_rc si_tail_next(struct si_tail *tail, const char **line, size_t *len) {
  int64_t last = tail->end; /* behind the line's \n */
  int64_t start = 0;
  if (last == 0) {
    *line = NULL;
    *len = 0;
    return SI_OK;
  }
  if (tail->from == last) {
    si_rc status = extend(tail);
    if (status != SI_OK) {
      return status;
    }
  }
  tail->end = last - 1;
  si_rc status = line_start(tail, &start);
  if (status != SI_OK) {
    tail->end = last;
    return status;
  }
  tail->end = start;
  *line = tail->data.data + (start - tail->from);
  *len = (size_t)(last - 1 - start);
  return SI_OK;
}

void si_tail_free(struct si_tail *tail) {
  si_buf_free(&tail->data);
}
