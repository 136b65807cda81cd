/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/doctor/signs.h"

#include <ctype.h>
#include <string.h>

static bool holds(const char *head, size_t len, const char *what) {
  return memmem(head, len, what, strlen(what)) != NULL;
}

static bool begins(const char *head, size_t len, const char *with) {
  size_t n = strlen(with);
  return len >= n && memcmp(head, with, n) == 0;
}

static bool ends(const char *name, const char *with) {
  size_t len = strlen(name);
  size_t n = strlen(with);
  return len > n && strcmp(name + len - n, with) == 0;
}

/* The schema of a store is in its first pages, word for word. */
static bool is_store(const char *name, const char *head, size_t len) {
  (void)name;
  return begins(head, len, "SQLite format 3") && holds(head, len, "context_id TEXT NOT NULL") &&
         holds(head, len, "CREATE TABLE projects(");
}

/* A journal holds pages of the store, its content among them. */
static bool is_journal(const char *name, const char *head, size_t len) {
  return strcmp(name, "state.db-journal") == 0 &&
         begins(head, len, "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7");
}

/* "key": "value..., however it is spaced */
static bool member(const char *head, size_t len, const char *key, const char *value) {
  size_t n = strlen(key);
  for (const char *at = head, *end = head + len; at < end;) {
    const char *hit = memmem(at, (size_t)(end - at), key, n);
    if (!hit) {
      return false;
    }
    const char *p = hit + n;
    while (p < end && (isspace((unsigned char)*p) || *p == ':')) {
      p++;
    }
    if (begins(p, (size_t)(end - p), value)) {
      return true;
    }
    at = hit + n;
  }
  return false;
}

static bool is_object(const char *head, size_t len) {
  size_t at = 0;
  while (at < len && isspace((unsigned char)head[at])) {
    at++;
  }
  return at < len && head[at] == '{';
}

/* config.json, its pointer, an export of a context: schemas si.context... */
static bool is_context(const char *name, const char *head, size_t len) {
  (void)name;
  return is_object(head, len) && member(head, len, "\"schema\"", "\"si.context");
}

static bool is_vault(const char *name, const char *head, size_t len) {
  (void)name;
  return begins(head, len, "# si.vault/");
}

static bool is_identity(const char *name, const char *head, size_t len) {
  return ends(name, ".identity") &&
         (holds(head, len, "AGE-SECRET-KEY-1") || holds(head, len, "age-encryption.org/v1") ||
          holds(head, len, "BEGIN AGE ENCRYPTED FILE"));
}

static bool is_evidence_key(const char *name, const char *head, size_t len) {
  return ends(name, ".evidence") && holds(head, len, "PRIVATE KEY");
}

static bool is_current(const char *name, const char *head, size_t len) {
  size_t at = 0;
  while (at < len && (islower((unsigned char)head[at]) || isdigit((unsigned char)head[at]) ||
                      head[at] == '-')) {
    at++;
  }
  return strcmp(name, "current_context") == 0 && at > 0 && at < 64 &&
         (at == len || (at + 1 == len && head[at] == '\n'));
}

/* A line of a chain: canonical, so its members stand in a known order. */
static bool is_events(const char *name, const char *head, size_t len) {
  const char *end = memchr(head, '\n', len);
  size_t line = end ? (size_t)(end - head) : len;
  (void)name;
  return begins(head, len, "{\"") && holds(head, line, "\"actor\":{") &&
         holds(head, line, "\"action\":\"") && member(head, line, "\"hash\"", "\"") &&
         member(head, line, "\"prev\"", "\"") && holds(head, line, "\"seq\":");
}

static bool is_manifest(const char *name, const char *head, size_t len) {
  (void)name;
  return is_object(head, len) && holds(head, len, "\"manifest_version\"") &&
         holds(head, len, "\"tenant_id\"") && holds(head, len, "\"spec_hash\"");
}

/* operations/op-YYYYMMDDTHHMMSS-xxxxxxxxxx.log */
static bool is_operation(const char *name, const char *head, size_t len) {
  (void)head, (void)len;
  return strncmp(name, "op-", 3) == 0 && strspn(name + 3, "0123456789T") == 15 && name[18] == '-' &&
         strspn(name + 19, "0123456789abcdef") == 10 &&
         (strcmp(name + 29, ".log") == 0 || strcmp(name + 29, ".lock") == 0);
}

static const struct {
  const char *what;
  bool (*is)(const char *name, const char *head, size_t len);
} signs[] = {
    {"a state store", is_store},
    {"the journal of a state store", is_journal},
    {"a context's settings", is_context},
    {"a vault", is_vault},
    {"a vault's identity", is_identity},
    {"a context's evidence key", is_evidence_key},
    {"the mark of the chosen context", is_current},
    {"a context's events", is_events},
    {"a runpack's manifest", is_manifest},
    {"a file of an operation", is_operation},
};

const char *si_private_sign(const char *name, const char *head, size_t len) {
  for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
    if (signs[i].is(name, head, len)) {
      return signs[i].what;
    }
  }
  return NULL;
}

bool si_private_name(const char *name) {
  static const char *const names[] = {"state.db",     "state.db-journal",     "config.json",
                                      "secrets.env",  "secrets.env.previous", "current_context",
                                      "manifest.json"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(name, names[i]) == 0) {
      return true;
    }
  }
  return ends(name, ".identity") || ends(name, ".evidence") || ends(name, ".jsonl") ||
         is_operation(name, "", 0);
}
