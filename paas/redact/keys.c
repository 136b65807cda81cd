/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/redact/keys.c - which keys are a secret's, and where their values stand in text: JSON (also
 * within a string of JSON), `key=value`, `key: value`.
 */
#include <string.h>
#include <strings.h>

#include "paas/redact/private.h"

enum { BLANKS_MAX = 64, KEY_MAX = 256 };

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Does the word stand at the beginning of the name? `_` and `-` within it count for nothing. */
static bool word_at(const char *name, size_t len, const char *word) {
  size_t at = 0;
  for (; *word; word++, at++) {
    while (at < len && (name[at] == '_' || name[at] == '-')) {
      at++;
    }
    if (at >= len || lower(name[at]) != *word) {
      return false;
    }
  }
  return true;
}

static bool is_key(const char *name, size_t len) {
  static const char *const words[] = {"secret",      "token",      "password", "passwd",
                                      "credential",  "privatekey", "apikey",   "authorization",
                                      "requirepass", "masterauth"};
  for (size_t at = 0; at < len; at++) {
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
      if (lower(name[at]) == words[i][0] && word_at(name + at, len - at, words[i])) {
        return true;
      }
    }
  }
  return false;
}

bool si_redact_key(const char *key) {
  return key && is_key(key, strlen(key));
}

bool si_redact_reference(const char *text, size_t len) {
  static const char scheme[] = "vault:";
  size_t at = sizeof scheme - 1;
  if (len <= at || len > at + 128 || memcmp(text, scheme, at) != 0) {
    return false;
  }
  while (at < len && ((text[at] >= 'A' && text[at] <= 'Z') || text[at] == '_' ||
                      (text[at] >= '0' && text[at] <= '9'))) {
    at++;
  }
  return at == len;
}

/* --- in text --- */

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static bool is_quote(char c) {
  return c == '"' || c == '\'' || c == '`';
}

static bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

/* Is what stands before the sign at `sign` a secret's key? *quoted: in the quotes of JSON. */
static bool key_before(const char *text, size_t sign, bool *quoted) {
  size_t end = sign;
  for (size_t n = 0; end > 0 && is_blank(text[end - 1]) && n < BLANKS_MAX; n++) {
    end--;
  }
  *quoted = end > 0 && text[end - 1] == '"';
  if (end > 0 && is_quote(text[end - 1])) {
    end--;
    while (end > 0 && text[end - 1] == '\\') {
      *quoted = false; /* JSON within a string: no place for further quotes */
      end--;
    }
  }
  size_t from = end;
  while (from > 0 && end - from < KEY_MAX && is_word(text[from - 1])) {
    from--;
  }
  return is_key(text + from, end - from);
}

/* The end of a quoted value whose opening quote, behind `escapes` backslashes, is at `quote`. */
static size_t quoted_end(const char *text, size_t len, size_t quote, size_t escapes) {
  size_t run = 0;
  for (size_t at = quote + 1; at < len; at++) {
    if (text[at] == text[quote] && (escapes ? run <= escapes : run % 2 == 0)) {
      return at - (escapes ? run : 0);
    }
    run = text[at] == '\\' ? run + 1 : 0;
  }
  return len;
}

static size_t word_end(const char *text, size_t len, size_t at) {
  while (at < len && !strchr(" \t\r\n,;&\"'`}])\\", text[at]) && text[at]) {
    at++;
  }
  return at;
}

static bool one_of(const char *text, size_t len, const char *const *words, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (len == strlen(words[i]) && strncasecmp(text, words[i], len) == 0) {
      return true;
    }
  }
  return false;
}

static size_t bare_end(const char *text, size_t len, size_t from) {
  static const char *const schemes[] = {"bearer", "basic", "token", "digest", "negotiate"};
  size_t end = word_end(text, len, from);
  size_t next = end;
  if (one_of(text + from, end - from, schemes, sizeof schemes / sizeof *schemes)) {
    while (next < len && is_blank(text[next])) {
      next++;
    }
    end = next > end && next < len ? word_end(text, len, next) : end;
  }
  return end;
}

/* The value behind the sign, or nothing. */
static si_rc value_behind(const char *text, size_t len, size_t sign, bool quoted,
                          struct si_redact_spans *spans) {
  static const char *const none[] = {"null", "true", "false"};
  size_t at = sign + 1;
  if (at < len && (text[at] == '>' || (text[at] == '=' && text[sign] == ':'))) {
    at++; /* => and := */
  }
  for (size_t n = 0; at < len && is_blank(text[at]) && n < BLANKS_MAX; n++) {
    at++;
  }
  size_t escapes = 0;
  while (at + escapes < len && text[at + escapes] == '\\') {
    escapes++;
  }
  size_t quote = at + escapes;
  if (quote < len && is_quote(text[quote])) {
    size_t closed = quoted_end(text, len, quote, escapes);
    return si_redact_reference(text + quote + 1, closed - quote - 1)
               ? SI_OK
               : si_redact_span_add(spans, quote + 1, closed, false);
  }
  size_t end = bare_end(text, len, at);
  bool nothing = si_redact_reference(text + at, end - at) || end == at ||
                 strchr("{[:=", text[at]) || strncmp(text + at, "//", 2) == 0 ||
                 one_of(text + at, end - at, none, sizeof none / sizeof *none) ||
                 (end - at == strlen(SI_REDACTED) && memcmp(text + at, SI_REDACTED, end - at) == 0);
  return nothing ? SI_OK : si_redact_span_add(spans, at, end, quoted && text[sign] == ':');
}

si_rc si_redact_by_key(const char *text, size_t len, struct si_redact_spans *spans) {
  si_rc status = SI_OK;
  for (size_t at = 0; status == SI_OK && at < len; at++) {
    bool quoted = false;
    if ((text[at] == '=' || text[at] == ':') && key_before(text, at, &quoted)) {
      status = value_behind(text, len, at, quoted, spans);
    }
  }
  return status;
}
