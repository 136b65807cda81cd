/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/engine/frames.h"

#include <string.h>

#include "kit/base/text.h"

/* Appends; what no longer fits goes at the front. */
static si_rc keep_end(struct si_buf *to, const char *data, size_t len) {
  if (len >= to->max) {
    si_buf_clear(to);
    data += len - to->max;
    len = to->max;
  } else if (to->len > to->max - len) {
    size_t drop = to->len - (to->max - len);
    memmove(to->data, to->data + drop, to->len - drop);
    to->len -= drop;
    to->data[to->len] = '\0';
  }
  return si_buf_add(to, data, len);
}

si_rc si_frames_feed(struct si_frames *frames, const void *data, size_t len) {
  const unsigned char *p = data;
  while (len > 0) {
    if (frames->left > 0) {
      size_t n = frames->left < len ? (size_t)frames->left : len;
      si_rc status = keep_end(frames->to, (const char *)p, n);
      if (status != SI_OK) {
        return status;
      }
      frames->left -= n;
      p += n;
      len -= n;
      continue;
    }
    frames->header[frames->have++] = *p++;
    len--;
    if (frames->have == sizeof frames->header) {
      const unsigned char *h = frames->header;
      if (h[0] > 3 || h[1] || h[2] || h[3]) {
        return SI_E_CORRUPT;
      }
      frames->left = (uint64_t)h[4] << 24 | (uint64_t)h[5] << 16 | (uint64_t)h[6] << 8 | h[7];
      frames->have = 0;
    }
  }
  return SI_OK;
}

/* Length of the character at p if it is fit to show, else 0. */
static size_t showable(const char *p, size_t left) {
  unsigned char c = (unsigned char)*p;
  if (c < 0x80) {
    return c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7F);
  }
  size_t n = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
  return n <= left && si_utf8_valid(p, n) ? n : 0;
}

void si_log_clean(struct si_buf *text, unsigned lines) {
  size_t to = 0;
  for (size_t at = 0; at < text->len;) {
    size_t n = showable(text->data + at, text->len - at);
    if (n > 0) {
      memmove(text->data + to, text->data + at, n);
      to += n;
    } else if ((unsigned char)text->data[at] >= 0x80) {
      text->data[to++] = '?';
    }
    at += n ? n : 1;
  }
  while (to > 0 && strchr("\n\t ", text->data[to - 1])) {
    to--;
  }
  size_t from = to;
  for (unsigned seen = 0; from > 0 && seen < lines; from--) {
    seen += text->data[from - 1] == '\n';
    if (seen == lines) {
      break;
    }
  }
  if (text->data) {
    memmove(text->data, text->data + from, to - from);
    text->len = to - from;
    text->data[text->len] = '\0';
  }
}
