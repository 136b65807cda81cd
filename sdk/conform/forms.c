/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/forms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kit/base/text.h"
#include "sdk/conform/check.h"

enum { PIECE = 1 << 20 };

static char *room(size_t len) {
  char *to = calloc(1, len + 8);
  kit_needs(to != NULL, "no memory");
  return to;
}

static char *in_hex(const unsigned char *value, size_t len) {
  char *to = room(2 * len);
  si_hex(value, len, to);
  return to;
}

static char *in_percent(const unsigned char *value, size_t len) {
  static const char hex[] = "0123456789ABCDEF";
  char *to = room(3 * len), *at = to;
  for (size_t i = 0; i < len; i++) {
    unsigned char c = value[i];
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
        memchr("-._~", c, 4)) {
      *at++ = (char)c;
    } else {
      *at++ = '%';
      *at++ = hex[c >> 4];
      *at++ = hex[c & 15];
    }
  }
  return to;
}

static char *in_json(const unsigned char *value, size_t len) {
  struct si_buf quoted SI_AUTO(si_buf_free) = SI_SECRET_BUF(6 * len + 8);
  kit_needs(si_json_quote((const char *)value, len, &quoted) == SI_OK, "no memory");
  char *to = room(quoted.len);
  memcpy(to, quoted.data + 1, quoted.len - 2);
  return to;
}

/* Base64 of the value behind `skip` bytes of anything, without the digits that depend on what
 * stands around it. */
static char *in_base64(const unsigned char *value, size_t len, size_t skip, const char *last) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  char *to = room(2 * len), *at = to;
  for (size_t i = (3 - skip) % 3; i + 3 <= len; i += 3) {
    uint32_t three = (uint32_t)value[i] << 16 | (uint32_t)value[i + 1] << 8 | value[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) {
      uint32_t digit = three >> shift & 63;
      *at++ = digit < 62 ? digits[digit] : last[digit - 62];
    }
  }
  return to;
}

/* Takes the form. */
static bool holds(const char *text, char *form, bool any_case) {
  bool found = form[0] && strlen(form) >= 4 &&
               (any_case ? strcasestr(text, form) != NULL : strstr(text, form) != NULL);
  free(form);
  return found;
}

const char *form_found(const unsigned char *value, size_t len, const char *text) {
  if (memmem(text, strlen(text), value, len)) {
    return "as it is";
  }
  if (holds(text, in_hex(value, len), true)) {
    return "in hex";
  }
  if (holds(text, in_percent(value, len), true)) {
    return "percent-encoded";
  }
  if (holds(text, in_json(value, len), false)) {
    return "escaped as in JSON";
  }
  for (size_t skip = 0; skip < 3; skip++) {
    if (holds(text, in_base64(value, len, skip, "+/"), false) ||
        holds(text, in_base64(value, len, skip, "-_"), false)) {
      return "in base64";
    }
  }
  return NULL;
}

bool form_in_memory(int mem, unsigned long from, unsigned long to, const unsigned char *value,
                    size_t len) {
  /* Of its own pages, which the search leaves out: else it would find what it has just read. */
  static char *piece;
  if (!piece) {
    piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    kit_needs(piece != MAP_FAILED, "no memory");
  }
  if (from <= (unsigned long)piece && (unsigned long)piece < to) {
    return false;
  }
  for (unsigned long at = from; at < to; at += PIECE - len) {
    size_t want = to - at < PIECE ? to - at : PIECE;
    ssize_t n = pread(mem, piece, want, (off_t)at);
    if (n > 0 && memmem(piece, (size_t)n, value, len)) {
      return true;
    }
    if (want < PIECE) {
      break;
    }
  }
  return false;
}
