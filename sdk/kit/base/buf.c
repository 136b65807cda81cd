/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As realloc, but what was there is overwritten. */
static char *move_secret(struct si_buf *buf, size_t cap) {
  char *data = malloc(cap);
  if (data && buf->data) {
    memcpy(data, buf->data, buf->len + 1);
    explicit_bzero(buf->data, buf->cap);
    free(buf->data);
  }
  return data;
}

si_rc si_buf_reserve(struct si_buf *buf, size_t more) {
  if (more > buf->max || buf->len > buf->max - more) {
    return SI_E_QUOTA;
  }
  size_t need = buf->len + more + 1;
  if (need <= buf->cap) {
    return SI_OK;
  }
  size_t cap = buf->cap ? buf->cap : 128;
  while (cap < need) {
    cap = cap > SIZE_MAX / 2 ? need : cap * 2;
  }
  cap = cap > buf->max ? buf->max + 1 : cap; /* never more than it may come to hold */
  char *data = buf->wipe ? move_secret(buf, cap) : realloc(buf->data, cap);
  if (!data) {
    return SI_E_NOMEM;
  }
  buf->data = data;
  buf->cap = cap;
  buf->data[buf->len] = '\0';
  return SI_OK;
}

si_rc si_buf_add(struct si_buf *buf, const void *data, size_t len) {
  si_rc status = si_buf_reserve(buf, len);
  if (status == SI_OK && len) {
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
  }
  return status;
}

si_rc si_buf_puts(struct si_buf *buf, const char *text) {
  return si_buf_add(buf, text, strlen(text));
}

si_rc si_buf_printf(struct si_buf *buf, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  if (n < 0) {
    return SI_E_INVALID;
  }
  si_rc status = si_buf_reserve(buf, (size_t)n);
  if (status == SI_OK) {
    va_start(args, fmt);
    vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, args);
    va_end(args);
    buf->len += (size_t)n;
  }
  return status;
}

const char *si_buf_text(const struct si_buf *buf) {
  return buf->data ? buf->data : "";
}

void si_buf_clear(struct si_buf *buf) {
  if (buf->data && buf->wipe) {
    explicit_bzero(buf->data, buf->cap);
  }
  buf->len = 0;
  if (buf->data) {
    buf->data[0] = '\0';
  }
}

void si_buf_free(struct si_buf *buf) {
  if (buf->data && buf->wipe) {
    explicit_bzero(buf->data, buf->cap);
  }
  free(buf->data);
  buf->data = NULL;
  buf->len = 0;
  buf->cap = 0;
}
