/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/vault/bech32.h"

#include <ctype.h>
#include <string.h>

#define GROUPS 52u /* of five bits: 256 and four of padding */
#define CHECK 6u

static const char digits[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static uint32_t step(uint32_t sum, unsigned value) {
  static const uint32_t generator[] = {0x3b6a57b2u, 0x26508e6du, 0x1ea119fau, 0x3d4233ddu,
                                       0x2a1462b3u};
  uint32_t top = sum >> 25;
  sum = ((sum & 0x1ffffffu) << 5) ^ value;
  for (size_t i = 0; i < 5; i++) {
    sum ^= (top >> i & 1) ? generator[i] : 0;
  }
  return sum;
}

static uint32_t checksum(const char *prefix, const uint8_t *groups, size_t count) {
  uint32_t sum = 1;
  for (const char *p = prefix; *p; p++) {
    sum = step(sum, (unsigned)tolower((unsigned char)*p) >> 5);
  }
  sum = step(sum, 0);
  for (const char *p = prefix; *p; p++) {
    sum = step(sum, (unsigned)tolower((unsigned char)*p) & 31);
  }
  for (size_t i = 0; i < count; i++) {
    sum = step(sum, groups[i]);
  }
  return sum;
}

/* The case of all letters: that of the prefix. */
static char in_case(const char *prefix, char c) {
  return isupper((unsigned char)prefix[0]) ? (char)toupper((unsigned char)c) : c;
}

static void to_groups(const uint8_t key[SI_KEY_SIZE], uint8_t groups[GROUPS]) {
  unsigned held = 0, bits = 0;
  size_t n = 0;
  for (size_t i = 0; i < SI_KEY_SIZE; i++) {
    held = (held << 8 | key[i]) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) {
      groups[n++] = held >> (bits - 5) & 31;
    }
  }
  groups[n] = (uint8_t)(held << (5 - bits) & 31);
}

si_rc si_bech32_encode(const char *prefix, const uint8_t key[SI_KEY_SIZE],
                       char to[SI_BECH32_SIZE]) {
  uint8_t groups[GROUPS + CHECK] = {0};
  size_t len = strlen(prefix);
  if (len + 1 + sizeof groups >= SI_BECH32_SIZE) {
    return SI_E_INVALID;
  }
  to_groups(key, groups);
  uint32_t sum = checksum(prefix, groups, sizeof groups) ^ 1;
  for (size_t i = 0; i < CHECK; i++) {
    groups[GROUPS + i] = sum >> 5 * (CHECK - 1 - i) & 31;
  }
  memcpy(to, prefix, len);
  to[len++] = '1';
  for (size_t i = 0; i < sizeof groups; i++) {
    to[len++] = in_case(prefix, digits[groups[i]]);
  }
  to[len] = '\0';
  si_wipe(groups, sizeof groups);
  return SI_OK;
}

static bool read_groups(const char *prefix, const char *text, uint8_t groups[GROUPS + CHECK]) {
  for (size_t i = 0; i < GROUPS + CHECK; i++) {
    const char *found = NULL;
    for (const char *p = digits; *p && !found; p++) {
      found = in_case(prefix, *p) == text[i] ? p : NULL;
    }
    if (!found) {
      return false;
    }
    groups[i] = (uint8_t)(found - digits);
  }
  return true;
}

si_rc si_bech32_decode(const char *prefix, const char *text, size_t len, uint8_t key[SI_KEY_SIZE]) {
  uint8_t groups[GROUPS + CHECK];
  size_t head = strlen(prefix);
  if (len != head + 1 + sizeof groups || memcmp(text, prefix, head) != 0 || text[head] != '1' ||
      !read_groups(prefix, text + head + 1, groups) ||
      checksum(prefix, groups, sizeof groups) != 1 || (groups[GROUPS - 1] & 15) != 0) {
    return SI_E_INVALID;
  }
  unsigned held = 0, bits = 0;
  for (size_t i = 0, n = 0; i < GROUPS && n < SI_KEY_SIZE; i++) {
    held = (held << 5 | groups[i]) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      key[n++] = (uint8_t)(held >> bits);
    }
  }
  si_wipe(groups, sizeof groups);
  return SI_OK;
}
