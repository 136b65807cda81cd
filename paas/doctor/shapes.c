/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/doctor/shapes.h"

#include <ctype.h>
#include <string.h>

/* Each is looked for by a letter that is rare in text: memchr is far faster than a search for the
 * whole beginning. */
struct shape {
  char letter;
  size_t at; /* of the letter in the beginning */
  const char *begins;
  bool (*is)(const char *text, size_t len); /* from the beginning on */
  const char *what;
};

static size_t span(const char *text, size_t len, bool (*in)(char c)) {
  size_t n = 0;
  while (n < len && in(text[n])) {
    n++;
  }
  return n;
}

static bool of_bech32(char c) {
  return c != '\0' && strchr("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", c) != NULL;
}

static bool of_base64(char c) {
  return isalnum((unsigned char)c) || c == '+' || c == '/' || c == '=';
}

static bool of_base64url(char c) {
  return isalnum((unsigned char)c) || c == '-' || c == '_';
}

static bool of_key_id(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool of_pem_name(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ';
}

static bool is_age(const char *text, size_t len) {
  return span(text + 16, len - 16, of_bech32) >= 58;
}

static bool is_aws(const char *text, size_t len) {
  size_t n = span(text, len, of_key_id);
  return n == 20 && memcmp(text + 13, "EXAMPLE", 7) != 0;
}

/* A header alone is no key: some forty characters of it follow, by lines or by "\n". */
static bool is_pem(const char *text, size_t len) {
  size_t name = span(text + 11, len - 11, of_pem_name);
  const char *end = text + 11 + name;
  size_t left = len - 11 - name;
  if (left < 5 || memcmp(end, "-----", 5) != 0 || name < 11 ||
      !memmem(text + 11, name, "PRIVATE KEY", 11) || memmem(text + 11, name, "ENCRYPTED", 9)) {
    return false;
  }
  left = left - 5 < 240 ? left - 5 : 240;
  if (memmem(end + 5, left, "ENCRYPTED", 9)) {
    return false;
  }
  for (size_t i = 0; i < left;) {
    size_t n = span(end + 5 + i, left - i, of_base64);
    if (n >= 40) {
      return true;
    }
    i += n + 1;
  }
  return false;
}

static bool is_jwt(const char *text, size_t len) {
  static const size_t least[] = {12, 12, 20}; /* header, claims, signature */
  size_t at = 0;
  for (size_t i = 0; i < 3; i++) {
    size_t n = span(text + at, len - at, of_base64url);
    at += n;
    if (n < least[i] || (i < 2 && (at >= len || text[at] != '.'))) {
      return false;
    }
    at += i < 2;
    if (i == 0 && (len - at < 3 || memcmp(text + at, "eyJ", 3) != 0)) {
      return false;
    }
  }
  return true;
}

static const struct shape shapes[] = {
    {'Y', 13, "AGE-SECRET-KEY-1", is_age, "an age identity"},
    {'K', 1, "AKIA", is_aws, "an AWS access key"},
    {'B', 5, "-----BEGIN ", is_pem, "a private key"},
    {'J', 2, "eyJ", is_jwt, "a signed token (JWT)"},
};

static bool boundary(const char *text, size_t at) {
  return at == 0 || !(isalnum((unsigned char)text[at - 1]) || text[at - 1] == '_');
}

static bool look(const struct shape *shape, const char *text, size_t len, void *ctx,
                 si_shape_found found) {
  size_t size = strlen(shape->begins);
  for (size_t i = 0; i < len;) {
    const char *hit = memchr(text + i, shape->letter, len - i);
    if (!hit) {
      return true;
    }
    i = (size_t)(hit - text) + 1;
    if (i < shape->at + 1) {
      continue;
    }
    size_t at = i - 1 - shape->at;
    if (len - at >= size && memcmp(text + at, shape->begins, size) == 0 && boundary(text, at) &&
        shape->is(text + at, len - at) && !found(ctx, at, shape->what)) {
      return false;
    }
  }
  return true;
}

void si_shapes(const char *text, size_t len, void *ctx, si_shape_found found) {
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    if (!look(&shapes[i], text, len, ctx, found)) {
      return;
    }
  }
}
