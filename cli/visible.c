/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/visible.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kit/base/text.h"

struct range {
  uint32_t first;
  uint32_t last;
};

/* Unicode: characters that show nothing, or turn the order of what follows. */
static const struct range hidden[] = {
    {0x61C, 0x61C},   {0x180E, 0x180E}, {0x200B, 0x200B}, {0x200E, 0x200F},   {0x2028, 0x202E},
    {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F},
};

/* Marks that stand on the character before them. */
static const struct range combining[] = {
    {0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},     {0x610, 0x61A},     {0x64B, 0x65F},
    {0x900, 0x902},   {0x93C, 0x93C},   {0x941, 0x948},     {0xE31, 0xE31},     {0xE34, 0xE3A},
    {0xE47, 0xE4E},   {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},   {0x200C, 0x200D},   {0x20D0, 0x20FF},
    {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0x1F3FB, 0x1F3FF}, {0xE0100, 0xE01EF},
};

static const struct range wide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2E80, 0x303E},   {0x3041, 0x33FF},
    {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xA960, 0xA97F},
    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
    {0xFFE0, 0xFFE6},   {0x1F300, 0x1F3FA}, {0x1F400, 0x1F64F}, {0x1F680, 0x1F6FF},
    {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
};

static bool within(uint32_t c, const struct range *ranges, size_t count) {
  for (size_t i = 0; i < count && c >= ranges[i].first; i++) {
    if (c <= ranges[i].last) {
      return true;
    }
  }
  return false;
}
#define WITHIN(c, ranges) within((c), (ranges), sizeof(ranges) / sizeof *(ranges))

/* The character at p and its bytes; 0 bytes where there is no well-formed one. */
static size_t decode(const char *p, size_t left, uint32_t *out) {
  unsigned char lead = (unsigned char)*p;
  size_t len = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (len > left || !si_utf8_valid(p, len)) {
    return 0;
  }
  uint32_t c = len == 1 ? lead : lead & (0xFFu >> (len + 1));
  for (size_t i = 1; i < len; i++) {
    c = c << 6 | ((unsigned char)p[i] & 0x3Fu);
  }
  *out = c;
  return len;
}

static bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x7F;
}

static si_rc escape(uint32_t c, struct si_buf *out) {
  switch (c) {
    case '\n': return si_buf_puts(out, "\\n");
    case '\r': return si_buf_puts(out, "\\r");
    case '\t': return si_buf_puts(out, "\\t");
    default: break;
  }
  return si_buf_printf(out, c < 0x80 ? "\\x%02x" : c > 0xFFFF ? "\\U%08x" : "\\u%04x", (unsigned)c);
}

si_rc si_visible(const char *text, size_t len, const char *keep, struct si_buf *out) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < len;) {
    size_t run = i;
    while (run < len && is_plain((unsigned char)text[run])) {
      run++;
    }
    status = si_buf_add(out, text + i, run - i);
    i = run;
    if (status != SI_OK || i == len) {
      break;
    }
    uint32_t c = 0;
    size_t bytes = decode(text + i, len - i, &c);
    if (bytes == 0) {
      status = si_buf_printf(out, "\\x%02x", (unsigned char)text[i++]);
      continue;
    }
    bool kept = c && c < 0x80 && strchr(keep, (int)c);
    bool seen = c >= 0xA0 && !WITHIN(c, hidden);
    status = kept || seen ? si_buf_add(out, text + i, bytes) : escape(c, out);
    i += bytes;
  }
  return status;
}

si_rc si_visible_json(const char *text, size_t len, struct si_buf *out) {
  si_rc status = SI_OK;
  size_t from = 0;
  for (size_t i = 0; status == SI_OK && i < len;) {
    uint32_t c = 0;
    size_t bytes = is_plain((unsigned char)text[i]) ? 1 : decode(text + i, len - i, &c);
    bool shown = bytes == 0 || c < 0x7F || (c >= 0xA0 && !WITHIN(c, hidden));
    if (!shown) {
      status = si_buf_add(out, text + from, i - from);
      uint32_t low = c > 0xFFFF ? 0xDC00u | ((c - 0x10000) & 0x3FFu) : 0;
      c = low ? 0xD800u | (c - 0x10000) >> 10 : c;
      status = status == SI_OK ? si_buf_printf(out, "\\u%04x", (unsigned)c) : status;
      status = status == SI_OK && low ? si_buf_printf(out, "\\u%04x", (unsigned)low) : status;
      from = i + bytes;
    }
    i += bytes ? bytes : 1;
  }
  return status == SI_OK ? si_buf_add(out, text + from, len - from) : status;
}

static size_t columns_of(uint32_t c) {
  if (c < 0x300) {
    return 1;
  }
  return WITHIN(c, combining) ? 0 : WITHIN(c, wide) ? 2 : 1;
}

size_t si_display_cut(const char *text, size_t columns) {
  size_t len = strlen(text), used = 0, i = 0;
  while (i < len) {
    uint32_t c = '?';
    size_t bytes = decode(text + i, len - i, &c);
    if (used + columns_of(c) > columns) {
      break;
    }
    used += columns_of(c);
    i += bytes ? bytes : 1;
  }
  return i;
}

size_t si_display_width(const char *text) {
  size_t len = strlen(text), used = 0;
  for (size_t i = 0; i < len;) {
    uint32_t c = '?';
    size_t bytes = decode(text + i, len - i, &c);
    used += columns_of(c);
    i += bytes ? bytes : 1;
  }
  return used;
}
