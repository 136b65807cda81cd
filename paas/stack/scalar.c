/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/scalar.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define DIGITS "0123456789"

static bool among(const char *text, const char *const *words, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(text, words[i]) == 0) {
      return true;
    }
  }
  return false;
}
#define AMONG(text, ...)                            \
  among((text), (const char *const[]){__VA_ARGS__}, \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* All of `text`, and at least one character, from the set? */
static bool all_of(const char *text, const char *set) {
  return text[0] && text[strspn(text, set)] == '\0';
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_float(const char *text) {
  const char *p = text + (*text == '-' || *text == '+');
  size_t whole = strspn(p, DIGITS);
  p += whole;
  if (*p == '.') {
    size_t part = strspn(++p, DIGITS);
    p += part;
    whole += part;
  }
  if (whole == 0) {
    return false;
  }
  if (*p == 'e' || *p == 'E') {
    p++;
    p += *p == '-' || *p == '+';
    return all_of(p, DIGITS);
  }
  return *p == '\0';
}

enum si_scalar si_scalar_resolve(const char *text) {
  const char *unsigned_part = text + (*text == '-' || *text == '+');
  if (AMONG(text, "", "~", "null", "Null", "NULL")) {
    return SI_SCALAR_NULL;
  }
  if (AMONG(text, "true", "True", "TRUE", "false", "False", "FALSE")) {
    return SI_SCALAR_BOOL;
  }
  if (all_of(unsigned_part, DIGITS) ||
      (strncmp(text, "0o", 2) == 0 && all_of(text + 2, "01234567")) ||
      (strncmp(text, "0x", 2) == 0 && all_of(text + 2, DIGITS "abcdefABCDEF"))) {
    return SI_SCALAR_INT;
  }
  if (is_float(text) || AMONG(unsigned_part, ".inf", ".Inf", ".INF") ||
      AMONG(text, ".nan", ".NaN", ".NAN")) {
    return SI_SCALAR_FLOAT;
  }
  return SI_SCALAR_TEXT;
}
