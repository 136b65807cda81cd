/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/vault/dotenv.h"

#include <string.h>

#include "paas/vault/text.h"

static si_rc refuse(const struct si_dotenv *text, const char *why, struct si_error *error) {
  si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT", "line %zu %s", text->line, why);
  si_error_hint(error, "write KEY=VALUE, KEY='VALUE' or KEY=\"VALUE\"");
  return SI_E_INVALID;
}

static bool blank(char c) {
  return c == ' ' || c == '\t';
}

struct span {
  const char *at;
  const char *end;
};

static void trim(struct span *span) {
  while (span->at < span->end && blank(*span->at)) {
    span->at++;
  }
  while (span->end > span->at && (blank(span->end[-1]) || span->end[-1] == '\r')) {
    span->end--;
  }
}

static bool has_comment(const struct span *value) {
  for (const char *p = value->at; p + 1 < value->end; p++) {
    if (blank(p[0]) && p[1] == '#') {
      return true;
    }
  }
  return false;
}

static bool add_escaped(struct si_locked *room, char c) {
  static const char from[] = "nt\"\\$", to[] = "\n\t\"\\$";
  const char *found = c ? strchr(from, c) : NULL;
  return found && si_locked_add(room, &to[found - from], 1) == SI_OK;
}

/* What stands between the quotes; NULL, or what is wrong. */
static const char *take_quoted(const struct span *value, struct si_locked *room) {
  char quote = *value->at;
  for (const char *p = value->at + 1; p < value->end; p++) {
    if (*p == quote) {
      return p + 1 == value->end ? NULL : "goes on behind the closing quote";
    }
    bool escape = quote == '"' && *p == '\\' && p + 1 < value->end;
    if (escape ? !add_escaped(room, *++p) : si_locked_add(room, p, 1) != SI_OK) {
      return "holds a backslash before something other than n, t, \", \\ or $";
    }
  }
  return "lacks the closing quote";
}

static si_rc take_value(struct si_dotenv *text, struct span value, struct si_locked *room,
                        struct si_error *error) {
  size_t start = room->len;
  trim(&value);
  bool quoted = value.at < value.end && (*value.at == '"' || *value.at == '\'');
  if (quoted) {
    const char *why = take_quoted(&value, room);
    if (why) {
      return refuse(text, why, error);
    }
  } else if (has_comment(&value) || (value.at < value.end && *value.at == '#')) {
    return refuse(text, "may end in a comment or not: quote the value", error);
  } else if (si_locked_add(room, value.at, (size_t)(value.end - value.at)) != SI_OK) {
    return refuse(text, "is too long", error);
  }
  text->value = (const char *)room->data + start;
  text->len = room->len - start;
  return SI_OK;
}

static si_rc take_pair(struct si_dotenv *text, struct span line, struct si_locked *room,
                       struct si_error *error) {
  if (line.end - line.at > 7 && memcmp(line.at, "export", 6) == 0 && blank(line.at[6])) {
    line.at += 7;
    trim(&line);
  }
  const char *equals = memchr(line.at, '=', (size_t)(line.end - line.at));
  struct span key = {line.at, equals};
  if (!equals) {
    return refuse(text, "is no KEY=VALUE", error);
  }
  trim(&key);
  size_t len = (size_t)(key.end - key.at);
  memset(text->key, 0, sizeof text->key);
  if (len < sizeof text->key) {
    memcpy(text->key, key.at, len);
  }
  if (!si_vault_key_valid(text->key) || strlen(text->key) != len) {
    return refuse(text, "has a key other than A-Z, 0-9 and _ (no digit first)", error);
  }
  return take_value(text, (struct span){equals + 1, line.end}, room, error);
}

si_rc si_dotenv_next(struct si_dotenv *text, struct si_locked *room, bool *more,
                     struct si_error *error) {
  while (text->at < text->end) {
    const char *newline = memchr(text->at, '\n', (size_t)(text->end - text->at));
    struct span line = {text->at, newline ? newline : text->end};
    text->at = newline ? newline + 1 : text->end;
    text->line++;
    trim(&line);
    if (line.at < line.end && *line.at != '#') {
      *more = true;
      return take_pair(text, line, room, error);
    }
  }
  *more = false;
  return SI_OK;
}
