/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/redact/literal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "paas/redact/redact.h"

enum { WORDS_MAX = 4 }; /* more of them are prose */

static bool begins(const char *text, size_t len, const char *with) {
  size_t n = strlen(with);
  return len >= n && strncasecmp(text, with, n) == 0;
}

static bool holds(const char *text, size_t len, const char *what) {
  return memmem(text, len, what, strlen(what)) != NULL;
}

bool si_literal_key(const char *key) {
  /* What these end in tells something about a secret, not the secret. */
  static const char *const about[] = {
      "file",     "path",   "dir",     "url",     "uri",   "endpoint",  "name",    "ref",
      "id",       "type",   "ttl",     "in",      "at",    "ms",        "seconds", "timeout",
      "length",   "size",   "count",   "limit",   "alg",   "algorithm", "issuer",  "header",
      "policy",   "hint",   "prompt",  "label",   "field", "class",     "version", "expiry",
      "lifetime", "format", "enabled", "required"};
  size_t len = strlen(key);
  if (!si_redact_key(key) || begins(key, len, "max") || begins(key, len, "min") ||
      begins(key, len, "num") || strcasestr(key, "tokeniz")) {
    return false;
  }
  for (size_t i = 0; i < sizeof about / sizeof *about; i++) {
    size_t n = strlen(about[i]);
    /* A word of its own: token_id, tokenId; but not "admin" for "in". */
    if (len > n && strcasecmp(key + len - n, about[i]) == 0 &&
        (!isalnum((unsigned char)key[len - n - 1]) || isupper((unsigned char)key[len - n]) != 0) &&
        !(isupper((unsigned char)key[len - n]) && isupper((unsigned char)key[len - n - 1]))) {
      return false;
    }
  }
  return true;
}

static bool is_word(const char *value, size_t len) {
  static const char *const words[] = {
      "none",     "null",     "nil",       "true",      "false",    "yes",         "no",
      "on",       "off",      "~",         "n/a",       "string",   "undefined",   "required",
      "optional", "changeme", "change-me", "change_me", "changeit", "placeholder", "redacted",
      "example",  "dummy",    "todo",      "tbd",       "fixme",    "..."};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strlen(words[i]) == len && strncasecmp(words[i], value, len) == 0) {
      return true;
    }
  }
  return false;
}

static bool is_mask(const char *value, size_t len) {
  if (!strchr("*x.X-_#?", value[0])) {
    return false;
  }
  for (size_t i = 1; i < len; i++) {
    if (value[i] != value[0]) {
      return false;
    }
  }
  return true;
}

static bool is_placeholder(const char *value, size_t len) {
  static const char *const beginnings[] = {"your-",    "your_",    "your ",    "<",
                                           "replace-", "replace_", "replace ", "insert-",
                                           "insert_",  "insert ",  "enter ",   "example-"};
  for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
    if (begins(value, len, beginnings[i])) {
      return true;
    }
  }
  return is_word(value, len) || is_mask(value, len) || holds(value, len, SI_REDACTED);
}

/* One that leads to a secret kept elsewhere. */
static bool is_reference(const char *value, size_t len) {
  static const char *const beginnings[] = {
      "/run/", "/etc/",  "/var/", "/home/", "/opt/",   "./",       "../",  "~/",   "file:",
      "env:",  "vault:", "op://", "ref+",   "secret:", "secrets.", "arn:", "age1", "!"};
  for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
    if (begins(value, len, beginnings[i])) {
      return true;
    }
  }
  return holds(value, len, "{{") || holds(value, len, "<%") || holds(value, len, "%(") ||
         holds(value, len, "%{");
}

/* The name of a secret of the vault, as stacks refer to it: {"secret": "DB_PASSWORD"}. */
static bool names_secret(const char *key, const char *value, size_t len) {
  if (strcmp(key, "secret") != 0) {
    return false;
  }
  for (size_t i = 0; i < len; i++) {
    if (!isupper((unsigned char)value[i]) && !isdigit((unsigned char)value[i]) && value[i] != '_') {
      return false;
    }
  }
  return true;
}

static bool is_number(const char *value, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (!isdigit((unsigned char)value[i]) && value[i] != '.' && value[i] != '-') {
      return false;
    }
  }
  return true;
}

static bool is_prose(const char *value, size_t len) {
  size_t words = 1;
  for (size_t i = 1; i < len; i++) {
    words += value[i - 1] == ' ' && value[i] != ' ';
  }
  return words > WORDS_MAX;
}

/* "${NAME:-default}": the default, if it has one, is a literal. False: no such form. */
static bool default_of(const char *value, size_t len, const char **to, size_t *to_len) {
  const char *at = len > 3 && value[0] == '$' && value[1] == '{' && value[len - 1] == '}'
                       ? memmem(value, len, ":-", 2)
                       : NULL;
  if (!at) {
    return false;
  }
  *to = at + 2;
  *to_len = len - 1 - (size_t)(at + 2 - value);
  return true;
}

bool si_literal_value(const char *key, const char *value, size_t len, bool bare) {
  const char *otherwise = NULL;
  size_t otherwise_len = 0;
  for (unsigned depth = 0; depth < 4 && default_of(value, len, &otherwise, &otherwise_len);
       depth++) {
    value = otherwise;
    len = otherwise_len;
  }
  if (len == 0 || value[0] == '$' || strchr("{[|>&*", value[0])) {
    return false;
  }
  return !(is_placeholder(value, len) || is_reference(value, len) ||
           names_secret(key, value, len) || is_prose(value, len) ||
           (bare && is_number(value, len)));
}
