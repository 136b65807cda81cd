/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/vault/base64.h"

static char digit(unsigned value) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return digits[value & 63];
}

static int value_of(char c) {
  if (c >= 'A' && c <= 'Z') {
    return c - 'A';
  }
  if (c >= 'a' && c <= 'z') {
    return c - 'a' + 26;
  }
  if (c >= '0' && c <= '9') {
    return c - '0' + 52;
  }
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

si_rc si_base64_add(const void *data, size_t len, bool padded, struct si_buf *out) {
  const unsigned char *p = data;
  si_rc status = si_buf_reserve(out, SI_BASE64_PADDED_LEN(len));
  for (; status == SI_OK && len > 0; p += 3) {
    size_t n = len < 3 ? len : 3;
    unsigned held = (unsigned)p[0] << 16 | (n > 1 ? (unsigned)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);
    char four[4] = {digit(held >> 18), digit(held >> 12), n > 1 ? digit(held >> 6) : '=',
                    n > 2 ? digit(held) : '='};
    status = si_buf_add(out, four, padded ? 4 : n + 1);
    len -= n;
  }
  return status;
}

si_rc si_base64_decode(const char *text, size_t len, bool padded, void *to, size_t size,
                       size_t *used) {
  unsigned char *p = to;
  size_t n = 0;
  if (padded) {
    if (len % 4 != 0) {
      return SI_E_INVALID;
    }
    for (int i = 0; i < 2 && len > 0 && text[len - 1] == '='; i++) {
      len--;
    }
  }
  if (len % 4 == 1) {
    return SI_E_INVALID;
  }
  if (len / 4 * 3 + (len % 4 ? len % 4 - 1 : 0) > size) {
    return SI_E_QUOTA;
  }
  unsigned held = 0, bits = 0;
  for (size_t i = 0; i < len; i++) {
    int value = value_of(text[i]);
    if (value < 0) {
      return SI_E_INVALID;
    }
    held = (held << 6 | (unsigned)value) & 0x3fff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      p[n++] = (unsigned char)(held >> bits);
    }
  }
  if (held & ((1u << bits) - 1)) {
    return SI_E_INVALID;
  }
  *used = n;
  return SI_OK;
}
