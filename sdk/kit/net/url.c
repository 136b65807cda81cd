/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/net/url.h"

static bool plain(unsigned char c, bool keep_slash) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~' || (keep_slash && c == '/');
}

si_rc si_url_encode(const char *text, size_t len, bool keep_slash, struct si_buf *out) {
  static const char digits[] = "0123456789ABCDEF";
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    char coded[3] = {'%', digits[c >> 4], digits[c & 15]};
    status = plain(c, keep_slash) ? si_buf_add(out, text + i, 1) : si_buf_add(out, coded, 3);
  }
  return status;
}

static int digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

si_rc si_url_decode(const char *text, size_t len, struct si_buf *out) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < len; i++) {
    char c = text[i] == '+' ? ' ' : text[i];
    if (c == '%') {
      int high = len - i > 2 ? digit(text[i + 1]) : -1;
      int low = len - i > 2 ? digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return SI_E_CORRUPT;
      }
      c = (char)(high << 4 | low);
      i += 2;
    }
    status = c ? si_buf_add(out, &c, 1) : SI_E_CORRUPT;
  }
  return status;
}
