/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

void si_copy(char *to, size_t size, const char *from) {
  size_t len = from ? strnlen(from, size) : 0;
  if (len >= size) {
    len = si_utf8_cut(from, size - 1);
  }
  if (len) {
    memcpy(to, from, len);
  }
  to[len] = '\0';
}

size_t si_utf8_cut(const char *text, size_t n) {
  size_t back = 0;
  while (back < 4 && back < n && ((unsigned char)text[n - back] & 0xC0u) == 0x80u) {
    back++;
  }
  return back == 4 ? n : n - back;
}

/* Length of the well-formed sequence at p, 0 if there is none. The table is Unicode's 3-7. */
static size_t utf8_sequence(const unsigned char *p, size_t left) {
  unsigned lead = p[0];
  unsigned low = 0x80, high = 0xBF;
  size_t len;
  if (lead < 0x80) {
    return 1;
  } else if (lead >= 0xC2 && lead <= 0xDF) {
    len = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    len = 3;
    low = lead == 0xE0 ? 0xA0 : low;
    high = lead == 0xED ? 0x9F : high;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    len = 4;
    low = lead == 0xF0 ? 0x90 : low;
    high = lead == 0xF4 ? 0x8F : high;
  } else {
    return 0;
  }
  if (left < len || p[1] < low || p[1] > high) {
    return 0;
  }
  for (size_t i = 2; i < len; i++) {
    if ((p[i] & 0xC0u) != 0x80u) {
      return 0;
    }
  }
  return len;
}

bool si_utf8_valid(const char *text, size_t len) {
  const unsigned char *p = (const unsigned char *)text;
  for (size_t i = 0; i < len;) {
    size_t n = utf8_sequence(p + i, len - i);
    if (n == 0) {
      return false;
    }
    i += n;
  }
  return true;
}

si_rc si_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out) {
  uint64_t value = 0;
  if (!text || !text[0] || (text[0] == '0' && text[1])) {
    return SI_E_INVALID;
  }
  for (const char *p = text; *p; p++) {
    if (*p < '0' || *p > '9') {
      return SI_E_INVALID;
    }
    uint64_t digit = (uint64_t)(*p - '0');
    if (value > (UINT64_MAX - digit) / 10) {
      return SI_E_INVALID;
    }
    value = value * 10 + digit;
  }
  if (value < min || value > max) {
    return SI_E_INVALID;
  }
  *out = value;
  return SI_OK;
}

si_rc si_parse_duration_ms(const char *text, uint64_t *out) {
  static const struct {
    const char *name;
    uint64_t ms;
  } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
  const uint64_t most = 365ull * 86400000ull;
  uint64_t total = 0;
  uint64_t last = UINT64_MAX; /* units go from large to small, each once */
  if (!text || !text[0]) {
    return SI_E_INVALID;
  }
  for (const char *p = text; *p;) {
    uint64_t n = 0;
    size_t digits = 0;
    for (; *p >= '0' && *p <= '9'; p++, digits++) {
      n = n * 10 + (uint64_t)(*p - '0');
      if (digits > 11) {
        return SI_E_INVALID;
      }
    }
    size_t letters = strspn(p, "mshd");
    uint64_t unit = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
      if (strlen(units[i].name) == letters && strncmp(p, units[i].name, letters) == 0) {
        unit = units[i].ms;
      }
    }
    if (digits == 0 || unit == 0 || unit >= last || n > most / unit) {
      return SI_E_INVALID;
    }
    last = unit;
    total += n * unit;
    p += letters;
  }
  if (total > most) {
    return SI_E_INVALID;
  }
  *out = total;
  return SI_OK;
}

si_rc si_parse_span_ms(const char *text, uint64_t *out) {
  const uint64_t day_ms = 86400000ull;
  char days[8];
  uint64_t span = 0;
  size_t len = text ? strlen(text) : 0;
  si_rc status = si_parse_duration_ms(text, &span);
  if (status != SI_OK && len > 1 && len <= sizeof days && text[len - 1] == 'd') {
    memcpy(days, text, len - 1);
    days[len - 1] = '\0';
    status = si_parse_u64(days, 1, 36500, &span);
    span *= day_ms;
  }
  if (status != SI_OK || span == 0) {
    return SI_E_INVALID;
  }
  *out = span;
  return SI_OK;
}

bool si_name_valid(const char *name) {
  size_t len = name ? strnlen(name, 64) : 0;
  if (len == 0 || len > 63 || name[0] == '-') {
    return false;
  }
  return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

bool si_component_valid(const char *component, size_t len) {
  if (len == 0 || len > 255 || component[0] == '.') {
    return false;
  }
  for (size_t i = 0; i < len; i++) {
    char c = component[i];
    bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-';
    if (!ok) {
      return false;
    }
  }
  return true;
}

void si_hex(const void *bytes, size_t len, char *to) {
  static const char digits[] = "0123456789abcdef";
  const unsigned char *p = bytes;
  for (size_t i = 0; i < len; i++) {
    to[2 * i] = digits[p[i] >> 4];
    to[2 * i + 1] = digits[p[i] & 15];
  }
  to[2 * len] = '\0';
}

static int hex_value(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool si_unhex(const char *hex, size_t len, void *to) {
  unsigned char *bytes = to;
  for (size_t i = 0; i < len; i++) {
    int high = hex_value(hex[2 * i]);
    int low = high < 0 ? -1 : hex_value(hex[2 * i + 1]);
    if (low < 0) {
      return false;
    }
    bytes[i] = (unsigned char)(high << 4 | low);
  }
  return hex[2 * len] == '\0';
}

si_rc si_random_hex(char *to, size_t bytes) {
  unsigned char raw[64];
  if (bytes > sizeof raw) {
    return SI_E_INVALID;
  }
  for (size_t have = 0; have < bytes;) {
    ssize_t n = getrandom(raw + have, bytes - have, 0);
    if (n < 0 && errno != EINTR) {
      return SI_E_IO;
    }
    have += n > 0 ? (size_t)n : 0;
  }
  si_hex(raw, bytes, to);
  return SI_OK;
}

void si_time_text(int64_t ms, char to[SI_TIME_SIZE]) {
  const time_t seconds = (time_t)(ms / 1000);
  struct tm utc;
  char stamp[24];
  to[0] = '\0';
  if (ms >= 0 && ms < 253402300800000 && gmtime_r(&seconds, &utc)) {
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(to, SI_TIME_SIZE, "%s.%03uZ", stamp, (unsigned)(ms % 1000));
  }
}

void si_now_text(char to[SI_TIME_SIZE]) {
  si_time_text(si_now_ms(), to);
}

si_rc si_time_parse(const char *text, int64_t *ms) {
  struct tm utc = {0};
  uint64_t fraction = 0;
  const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &utc) : NULL;
  if (!rest || rest[0] != '.' || strlen(rest) != 5 || rest[4] != 'Z') {
    return SI_E_INVALID;
  }
  for (int i = 1; i <= 3; i++) {
    if (rest[i] < '0' || rest[i] > '9') {
      return SI_E_INVALID;
    }
    fraction = fraction * 10 + (uint64_t)(rest[i] - '0');
  }
  /* strptime takes blanks, single digits and the 31st of any month: only what comes out as it went
   * in is such a text. */
  char again[24];
  time_t seconds = timegm(&utc);
  if (!gmtime_r(&seconds, &utc) ||
      strftime(again, sizeof again, "%Y-%m-%dT%H:%M:%S", &utc) != (size_t)(rest - text) ||
      memcmp(again, text, (size_t)(rest - text)) != 0) {
    return SI_E_INVALID;
  }
  *ms = (int64_t)seconds * 1000 + (int64_t)fraction;
  return SI_OK;
}

int64_t si_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t si_monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

enum { MEASURED = 40 }; /* bytes of a word that are compared */

/* Edits (insert, delete, change) from a to b. */
static size_t distance(const char *a, const char *b) {
  size_t row[MEASURED + 1];
  size_t la = strnlen(a, MEASURED), lb = strnlen(b, MEASURED);
  for (size_t j = 0; j <= lb; j++) {
    row[j] = j;
  }
  for (size_t i = 1; i <= la; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= lb; j++) {
      size_t change = diagonal + (a[i - 1] != b[j - 1]);
      size_t other = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
      diagonal = row[j];
      row[j] = change < other ? change : other;
    }
  }
  return row[lb];
}

const char *si_nearest(const char *word, const char *const *names, size_t count) {
  const char *best = NULL;
  size_t least = strnlen(word, MEASURED) / 3 + 2; /* further away than this is no likely slip */
  for (size_t i = 0; i < count; i++) {
    size_t d = distance(word, names[i]);
    if (d < least) {
      least = d;
      best = names[i];
    }
  }
  return best;
}
