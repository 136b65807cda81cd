/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/bucket/ini.h"

#include <stdbool.h>
#include <string.h>

static bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

static struct si_bucket_piece trim(const char *from, const char *end) {
  while (from < end && blank(*from)) {
    from++;
  }
  while (end > from && blank(end[-1])) {
    end--;
  }
  return (struct si_bucket_piece){from, (size_t)(end - from)};
}

static bool is(struct si_bucket_piece piece, const char *text) {
  return piece.len == strlen(text) && memcmp(piece.data, text, piece.len) == 0;
}

static struct si_bucket_piece *wanted(struct si_bucket_ini *ini, struct si_bucket_piece name) {
  return is(name, "aws_access_key_id")       ? &ini->access_key_id
         : is(name, "aws_secret_access_key") ? &ini->secret_access_key
         : is(name, "aws_session_token")     ? &ini->session_token
                                             : NULL;
}

struct state {
  const char *profile;
  bool in;    /* the lines belong to the profile */
  bool found; /* it was seen */
  struct si_bucket_ini ini;
};

/* False: no line of such a file. */
static bool take_line(struct state *s, const char *from, const char *end) {
  struct si_bucket_piece line = trim(from, end);
  if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';') {
    return true;
  }
  if (line.data[0] == '[') {
    if (line.data[line.len - 1] != ']') {
      return false;
    }
    struct si_bucket_piece name = trim(line.data + 1, line.data + line.len - 1);
    s->in = is(name, s->profile);
    s->found = s->found || s->in;
    return true;
  }
  const char *equals = memchr(line.data, '=', line.len);
  if (!equals) {
    return false;
  }
  /* An indented line belongs to a setting of other tools. */
  if (!s->in || blank(*from)) {
    return true;
  }
  struct si_bucket_piece *to = wanted(&s->ini, trim(line.data, equals));
  if (to && to->data) {
    return false;
  }
  if (to) {
    *to = trim(equals + 1, line.data + line.len);
  }
  return true;
}

si_rc si_bucket_ini_read(const char *text, size_t len, const char *profile,
                         struct si_bucket_ini *out, struct si_error *error) {
  struct state s = {.profile = profile};
  size_t number = 1;
  for (const char *at = text, *end = text + len; at < end; number++) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    const char *stop = newline ? newline : end;
    if (memchr(at, '\0', (size_t)(stop - at)) || !take_line(&s, at, stop)) {
      return si_error_set(error, SI_E_INVALID, "S3_CREDENTIALS",
                          "line %zu is neither [profile] nor name = value, or says a thing twice",
                          number);
    }
    at = newline ? newline + 1 : end;
  }
  if (!s.found) {
    return si_error_set(error, SI_E_NOT_FOUND, "S3_CREDENTIALS", "it has no profile [%s]", profile);
  }
  *out = s.ini;
  return SI_OK;
}
