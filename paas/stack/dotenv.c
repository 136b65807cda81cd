/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kit/base/text.h"
#include "paas/stack/expand.h"
#include "paas/stack/value.h"
#include "paas/stack/variables.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define DIGITS "0123456789"

struct dotenv {
  struct si_reading *r;
  size_t file;
  const char *at;
  unsigned line;
  struct si_variables *table;
};

/* No value is ever quoted: it may be a secret. */
static si_rc refuse(struct dotenv *d, const char *what) {
  struct si_place place = {NULL, NULL, 0, SI_LINE(d->file, d->line)};
  si_stack_fail(d->r, "STACK_VARIABLE", &place, "%s", what);
  return si_stack_hint(d->r, "a line is `NAME=value`, `NAME='value'` or `NAME=\"value\"`");
}

static si_rc take_name(struct dotenv *d, char name[SI_YAML_KEY + 1]) {
  if (strncmp(d->at, "export", 6) == 0 && (d->at[6] == ' ' || d->at[6] == '\t')) {
    d->at += 6;
    d->at += strspn(d->at, " \t");
  }
  size_t len = strspn(d->at, LETTERS DIGITS ".-");
  if (len == 0 || len > SI_YAML_KEY || !strchr(LETTERS, d->at[0])) {
    return refuse(d, "no name of a variable stands at the beginning of the line");
  }
  memcpy(name, d->at, len);
  name[len] = '\0';
  d->at += len;
  d->at += strspn(d->at, " \t");
  return SI_OK;
}

static si_rc add(struct dotenv *d, struct si_buf *value, const char *text, size_t len) {
  si_rc status = si_buf_add(value, text, len);
  return status == SI_E_QUOTA ? refuse(d, "a value is longer than 65536 bytes")
         : status == SI_OK    ? SI_OK
                              : si_stack_nomem(d->r);
}

/* Behind a backslash in double quotes; what is none of these keeps its backslash. */
static const char *escape_of(char c) {
  static const char *const table[] = {"n\n", "r\r", "t\t",  "a\a", "b\b",
                                      "f\f", "v\v", "\\\\", "\"\""};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    if (table[i][0] == c) {
      return table[i] + 1;
    }
  }
  return c == '$' ? "$$" : NULL;
}

/* The inside of quotes, which may go over several lines; ends behind the closing one. */
static si_rc take_quoted(struct dotenv *d, char quote, struct si_buf *value) {
  si_rc status = SI_OK;
  unsigned line = d->line;
  for (d->at++; status == SI_OK && *d->at != quote; d->at++) {
    const char *text = d->at;
    size_t len = 1;
    if (!*text) {
      d->line = line;
      return refuse(d, "a quote is not closed");
    }
    if (text[0] == '\\' && text[1]) {
      const char *escape = quote == '"' ? escape_of(text[1]) : text[1] == '\'' ? "'" : NULL;
      d->at += escape ? 1 : 0;
      text = escape ? escape : text;
      len = escape ? strlen(escape) : 1;
    }
    d->line += *d->at == '\n';
    status = add(d, value, text, len);
  }
  d->at += status == SI_OK;
  size_t blank = strspn(d->at, " \t\r");
  if (status == SI_OK && d->at[blank] && d->at[blank] != '\n' &&
      !(blank > 0 && d->at[blank] == '#')) {
    return refuse(d, "something stands behind the closing quote");
  }
  d->at += strcspn(d->at, "\n");
  return status;
}

/* The rest of the line, without a comment that a blank stands before. */
static si_rc take_bare(struct dotenv *d, struct si_buf *value) {
  size_t len = strcspn(d->at, "\n");
  size_t end = 0;
  for (; end < len; end++) {
    if (d->at[end] == '#' && (d->at[end - 1] == ' ' || d->at[end - 1] == '\t')) {
      break; /* the character before the first is a blank, or the equals sign */
    }
  }
  while (end > 0 && strchr(" \t\r", d->at[end - 1])) {
    end--;
  }
  si_rc status = add(d, value, d->at, end);
  d->at += len;
  return status;
}

static si_rc take_value(struct dotenv *d, const char *name) {
  struct si_buf raw SI_AUTO(si_buf_free) = SI_BUF(SI_TEXT_BYTES);
  struct si_buf value SI_AUTO(si_buf_free) = SI_BUF(SI_TEXT_BYTES);
  struct si_place place = {NULL, NULL, 0, SI_LINE(d->file, d->line)};
  bool secret = false;
  d->at++; /* `=` or `:` */
  d->at += strspn(d->at, " \t");
  char quote = d->at[0] == '\'' || d->at[0] == '"' ? d->at[0] : '\0';
  si_rc status = quote ? take_quoted(d, quote, &raw) : take_bare(d, &raw);
  if (status == SI_OK && quote != '\'') {
    status = si_expand_variables(d->r, &place, si_buf_text(&raw), &value, &secret);
  }
  const char *text = si_buf_text(quote == '\'' ? &raw : &value);
  return status == SI_OK ? si_variable_set(d->r, d->table, name, text, secret, place.line) : status;
}

si_rc si_dotenv_parse(struct si_reading *r, size_t file, const char *text, size_t len,
                      struct si_variables *table) {
  struct dotenv d = {r, file, text, 1, table};
  char name[SI_YAML_KEY + 1];
  si_rc status = SI_OK;
  if (memchr(text, '\0', len) || !si_utf8_valid(text, len)) {
    return refuse(&d, "the file of variables is not UTF-8 text");
  }
  d.at += strncmp(d.at, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
  while (status == SI_OK && *d.at) {
    d.at += strspn(d.at, " \t\r");
    if (*d.at == '#') {
      d.at += strcspn(d.at, "\n");
    } else if (*d.at && *d.at != '\n') {
      status = take_name(&d, name);
      if (status == SI_OK && (*d.at == '=' || *d.at == ':')) {
        status = take_value(&d, name);
      } else if (status == SI_OK && !strchr("\r\n", *d.at)) {
        status = refuse(&d, "no `=` stands behind the name of a variable");
      } /* a name alone is left unset: si takes nothing from its own environment */
      d.at += status == SI_OK ? strspn(d.at, "\r") : 0;
    }
    if (*d.at == '\n') {
      d.at++;
      d.line++;
    }
  }
  return status;
}
