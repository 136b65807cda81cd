/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/doctor/expose.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "paas/doctor/shapes.h"
#include "paas/redact/literal.h"

enum { KEY_MAX = 64 };

/* --- which rules a name gets --- */

static bool ends(const char *name, const char *with) {
  size_t len = strlen(name);
  size_t n = strlen(with);
  return len >= n && strcasecmp(name + len - n, with) == 0;
}

static bool is_env(const char *name) {
  return strncasecmp(name, ".env", 4) == 0 || ends(name, ".env") || strcasecmp(name, "env") == 0 ||
         ends(name, ".envrc");
}

/* What is meant to be copied and filled in. */
static bool is_example(const char *name) {
  return strcasestr(name, "example") || strcasestr(name, "sample") ||
         strcasestr(name, "template") || ends(name, ".dist");
}

unsigned si_expose_rules(const char *name) {
  static const char *const settings[] = {".yml", ".yaml", ".json", ".jsonl",      ".toml",
                                         ".ini", ".conf", ".cfg",  ".properties", ".tfvars"};
  if (is_example(name)) {
    return SI_EXPOSE_SHAPES;
  }
  if (is_env(name)) {
    return SI_EXPOSE_SHAPES | SI_EXPOSE_KEYS;
  }
  if (ends(name, ".log") || strcasestr(name, ".log.")) {
    return SI_EXPOSE_SHAPES | SI_EXPOSE_KEYS | SI_EXPOSE_LOG;
  }
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    if (ends(name, settings[i])) {
      return SI_EXPOSE_SHAPES | SI_EXPOSE_KEYS;
    }
  }
  return SI_EXPOSE_SHAPES;
}

bool si_expose_likely(const char *name) {
  bool yaml = ends(name, ".yml") || ends(name, ".yaml");
  return is_env(name) || (yaml && strcasestr(name, "compose")) || ends(name, ".pem") ||
         ends(name, ".key") || strncmp(name, "id_", 3) == 0;
}

/* --- one text --- */

struct reading {
  const char *text;
  size_t len;
  size_t line; /* number of the line that `counted` lies in */
  size_t counted;
  void *ctx;
  si_expose_found found;
  bool ended;
};

static size_t line_at(struct reading *r, size_t at) {
  if (at < r->counted) {
    r->counted = 0;
  }
  size_t line = r->counted == 0 ? 0 : r->line;
  for (const char *p; (p = memchr(r->text + r->counted, '\n', at - r->counted)) != NULL;) {
    r->counted = (size_t)(p - r->text) + 1;
    line++;
  }
  r->line = line;
  return line;
}

struct shape_ctx {
  struct reading *reading;
  size_t first;
};

static bool shape(void *ctx, size_t at, const char *what) {
  struct shape_ctx *s = ctx;
  s->reading->ended = !s->reading->found(s->reading->ctx, s->first + line_at(s->reading, at), what);
  return !s->reading->ended;
}

/* --- keys and values --- */

struct line {
  const char *text;
  size_t len;
  unsigned rules;
};

static bool is_key_char(char c) {
  return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static bool is_quote(char c) {
  return c == '"' || c == '\'';
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

struct named {
  char key[KEY_MAX + 1];
  bool quoted;
  bool first; /* nothing but indentation, a list's dash, a comment's # or `export` before it */
  bool comment;
};

/* What stands in front of the key? */
static void place(const struct line *line, size_t at, struct named *to) {
  size_t i = 0;
  to->comment = false;
  while (i < at && (is_blank(line->text[i]) || line->text[i] == '-' || line->text[i] == '#' ||
                    is_quote(line->text[i]))) {
    to->comment = to->comment || line->text[i] == '#';
    i++;
  }
  to->first = i >= at || (at - i == 7 && memcmp(line->text + i, "export ", 7) == 0);
}

/* The key in front of the separator at `sep`. */
static bool key_before(const struct line *line, size_t sep, struct named *to) {
  size_t end = sep;
  while (end > 0 && is_blank(line->text[end - 1])) {
    end--;
  }
  to->quoted = end > 0 && is_quote(line->text[end - 1]);
  end -= to->quoted;
  end -= to->quoted && end > 0 && line->text[end - 1] == '\\';
  size_t begin = end;
  while (begin > 0 && is_key_char(line->text[begin - 1])) {
    begin--;
  }
  /* A list's dash is no part of a key. */
  while (begin < end && line->text[begin] == '-') {
    begin++;
  }
  if (begin == end || end - begin > KEY_MAX) {
    return false;
  }
  if (to->quoted && (begin == 0 || !is_quote(line->text[begin - 1]))) {
    return false;
  }
  memcpy(to->key, line->text + begin, end - begin);
  to->key[end - begin] = '\0';
  place(line, begin, to);
  return true;
}

struct value {
  const char *text;
  size_t len;
  bool quoted;
};

static void value_after(const struct line *line, size_t sep, bool whole, struct value *to) {
  size_t at = sep + 1;
  while (at < line->len && is_blank(line->text[at])) {
    at++;
  }
  at += at + 1 < line->len && line->text[at] == '\\' && is_quote(line->text[at + 1]);
  to->quoted = at < line->len && is_quote(line->text[at]);
  size_t end = at + to->quoted;
  if (to->quoted) {
    char quote = line->text[at++];
    while (end < line->len && line->text[end] != quote) {
      end++;
    }
    end -= end > at && line->text[end - 1] == '\\';
  } else {
    while (end < line->len && line->text[end] != '"' && line->text[end] != '\r' &&
           !(whole ? line->text[end] == '#' && is_blank(line->text[end - 1])
                   : strchr(" \t,&;'", line->text[end]) != NULL)) {
      end++;
    }
    while (end > at && (is_blank(line->text[end - 1]) || line->text[end - 1] == ',')) {
      end--;
    }
  }
  to->text = line->text + at;
  to->len = end - at;
}

/* Does a separator at `at` set a value of `key` here? */
static bool sets(const struct line *line, size_t at, const struct named *key) {
  char next = at + 1 < line->len ? line->text[at + 1] : '\n';
  if (line->text[at] == '=') {
    return next != '=' && next != '>' && (key->first || (line->rules & SI_EXPOSE_LOG));
  }
  if (key->quoted) {
    return !key->comment;
  }
  return (is_blank(next) || next == '\n') && !key->comment &&
         (key->first || ((line->rules & SI_EXPOSE_LOG) && strcasestr(key->key, "authorization")));
}

/* "Bearer x", "Basic x": what counts comes second. */
static void skip_scheme(struct value *value) {
  static const char *const schemes[] = {"Bearer ", "Basic ", "Token "};
  for (size_t i = 0; i < 3; i++) {
    size_t n = strlen(schemes[i]);
    if (value->len > n && strncasecmp(value->text, schemes[i], n) == 0) {
      value->text += n;
      value->len -= n;
    }
  }
}

static bool at_separator(const struct line *line, size_t at, char what[KEY_MAX + 32]) {
  struct named key;
  struct value value;
  if (!key_before(line, at, &key) || !sets(line, at, &key) || !si_literal_key(key.key)) {
    return false;
  }
  bool colon = line->text[at] == ':';
  value_after(line, at, key.first && !key.quoted, &value);
  skip_scheme(&value);
  if (!si_literal_value(key.key, value.text, value.len, colon && !value.quoted)) {
    return false;
  }
  snprintf(what, KEY_MAX + 32, "the value of %s", key.key);
  return true;
}

/* scheme://user:password@host, the colon of the scheme at `at`. */
static bool at_url(const struct line *line, size_t at) {
  size_t user = at + 3;
  size_t i = user;
  size_t colon = 0;
  if (at + 3 >= line->len || line->text[at + 1] != '/' || line->text[at + 2] != '/') {
    return false;
  }
  for (; i < line->len && !strchr("@/ \t\"'<>", line->text[i]); i++) {
    colon = line->text[i] == ':' && colon == 0 ? i : colon;
  }
  if (i >= line->len || line->text[i] != '@' || colon == 0) {
    return false;
  }
  return si_literal_value("password", line->text + colon + 1, i - colon - 1, false);
}

static bool read_line(const struct line *line, size_t number, struct reading *r) {
  char what[KEY_MAX + 32];
  for (size_t i = 1; i < line->len; i++) {
    if (line->text[i] != '=' && line->text[i] != ':') {
      continue;
    }
    if (at_separator(line, i, what)) {
      if (!r->found(r->ctx, number, what)) {
        return false;
      }
    } else if (line->text[i] == ':' && at_url(line, i) &&
               !r->found(r->ctx, number, "a password in a URL")) {
      return false;
    }
  }
  return true;
}

void si_expose_text(const char *text, size_t len, unsigned rules, size_t line, void *ctx,
                    si_expose_found found) {
  struct reading r = {.text = text, .len = len, .ctx = ctx, .found = found};
  struct shape_ctx shapes = {&r, line};
  if (rules & SI_EXPOSE_SHAPES) {
    si_shapes(text, len, &shapes, shape);
  }
  for (size_t at = 0; (rules & SI_EXPOSE_KEYS) && at < len && !r.ended; line++) {
    const char *end = memchr(text + at, '\n', len - at);
    size_t next = end ? (size_t)(end - text) : len;
    const struct line one = {text + at, next - at, rules};
    r.ended = !read_line(&one, line, &r);
    at = next + 1;
  }
}
