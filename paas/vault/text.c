/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/vault/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/hash.h"
#include "kit/base/text.h"
#include "paas/vault/base64.h"

#define SCHEMA "# si.vault/1"
#define CONTEXT "# context "
#define RECIPIENT "# recipient "

bool si_vault_key_valid(const char *key) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  size_t len = key ? strlen(key) : 0;
  return len >= 1 && len <= 128 && strspn(key, allowed) == len && !(key[0] >= '0' && key[0] <= '9');
}

bool si_vault_app_valid(const char *app) {
  return app && (app[0] == '\0' || si_name_valid(app));
}

void si_vault_text_free(struct si_vault_text *text) {
  for (size_t i = 0; i < text->count; i++) {
    free(text->lines[i].text);
  }
  free(text->lines);
  text->lines = NULL;
  text->count = 0;
}

static int compare(const char *app, const char *key, const struct si_vault_line *line) {
  int order = strcmp(app, line->app);
  return order != 0 ? order : strcmp(key, line->key);
}

/* Where the secret's line is, or belongs. */
static size_t place(const struct si_vault_text *text, const char *app, const char *key,
                    bool *found) {
  size_t low = 0, high = text->count;
  *found = false;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = compare(app, key, &text->lines[middle]);
    if (order == 0) {
      *found = true;
      return middle;
    }
    if (order < 0) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

struct si_vault_line *si_vault_text_find(const struct si_vault_text *text, const char *app,
                                         const char *key) {
  bool found = false;
  size_t at = place(text, app, key, &found);
  return found ? &text->lines[at] : NULL;
}

/* Takes line->text. The new place's slot is at `at`. */
static si_rc insert(struct si_vault_text *text, size_t at, const struct si_vault_line *line) {
  if (text->count >= SI_VAULT_SECRETS_MAX) {
    return SI_E_QUOTA;
  }
  if ((text->count & (text->count + 1)) == 0) { /* full at 0, 1, 3, 7, ...: twice the room */
    struct si_vault_line *lines = realloc(text->lines, (text->count + 1) * 2 * sizeof *text->lines);
    if (!lines) {
      return SI_E_NOMEM;
    }
    text->lines = lines;
  }
  memmove(&text->lines[at + 1], &text->lines[at], (text->count - at) * sizeof *text->lines);
  text->lines[at] = *line;
  text->count++;
  return SI_OK;
}

/* --- reading --- */

static si_rc broken(struct si_error *error, size_t number, const char *why) {
  char target[32];
  snprintf(target, sizeof target, "line %zu", number);
  si_error_set(error, SI_E_CORRUPT, "VAULT_TAMPERED", "the vault's line %zu %s", number, why);
  si_error_target(error, "vault", target);
  si_error_hint(error, "put back the file as it was after its last change");
  return SI_E_CORRUPT;
}

static bool begins(const char *line, size_t len, const char *with) {
  return len >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

static si_rc take_header(const char *line, size_t len, size_t number, struct si_vault_text *out,
                         struct si_error *error) {
  char text[128] = "";
  if (len >= sizeof text || memchr(line, '\0', len)) {
    return broken(error, number, "is no header");
  }
  memcpy(text, line, len);
  if (number == 1) {
    return strcmp(text, SCHEMA) == 0 ? SI_OK : broken(error, 1, "is not \"" SCHEMA "\"");
  }
  if (number == 2) {
    const char *id = text + strlen(CONTEXT);
    if (!begins(text, len, CONTEXT) || strlen(id) != 36 || strncmp(id, "ctx-", 4) != 0 ||
        strspn(id + 4, "0123456789abcdef") != 32) {
      return broken(error, 2, "does not name a context");
    }
    si_copy(out->context, sizeof out->context, id);
    return SI_OK;
  }
  if (!begins(text, len, RECIPIENT)) {
    return broken(error, number, "is a comment of no known kind");
  }
  switch (si_vault_text_add_recipient(out, text + strlen(RECIPIENT))) {
    case SI_OK: return SI_OK;
    case SI_E_EXISTS: return broken(error, number, "names a recipient twice");
    case SI_E_QUOTA: return broken(error, number, "is one recipient too many");
    default: return broken(error, number, "names no recipient of age");
  }
}

static bool read_name(const char *line, size_t len, struct si_vault_line *out) {
  char name[200] = "";
  if (len >= sizeof name || memchr(line, '\0', len)) {
    return false;
  }
  memcpy(name, line, len);
  char *dot = strchr(name, '.');
  const char *key = dot ? dot + 1 : name;
  if (dot) {
    *dot = '\0';
  }
  if (!si_vault_key_valid(key) || (dot && !si_name_valid(name))) {
    return false;
  }
  si_copy(out->app, sizeof out->app, dot ? name : "");
  si_copy(out->key, sizeof out->key, key);
  return true;
}

static si_rc take_line(const char *line, size_t len, size_t number, struct si_vault_text *out,
                       struct si_error *error) {
  struct si_vault_line one = {.len = len};
  const char *equals = memchr(line, '=', len);
  bool found = false;
  if (!equals || !read_name(line, (size_t)(equals - line), &one)) {
    return broken(error, number, "is no [APP.]KEY=VALUE");
  }
  one.value_at = (size_t)(equals - line) + 1;
  if (memchr(equals, '\0', len - one.value_at + 1)) {
    return broken(error, number, "holds a NUL");
  }
  size_t at = place(out, one.app, one.key, &found);
  if (found) {
    return broken(error, number, "gives a secret a second time");
  }
  si_rc status = si_sha256_hex(line, len, one.sha256);
  one.text = status == SI_OK ? strndup(line, len) : NULL;
  status = one.text ? insert(out, at, &one) : SI_E_NOMEM;
  if (status != SI_OK) {
    free(one.text);
    return status == SI_E_QUOTA ? broken(error, number, "is one secret too many")
                                : si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY",
                                               "out of memory while reading the vault");
  }
  return SI_OK;
}

si_rc si_vault_text_parse(const char *text, size_t len, bool header_alone,
                          struct si_vault_text *out, struct si_error *error) {
  struct si_vault_text read SI_AUTO(si_vault_text_free) = {.count = 0};
  const char *end = text + len;
  si_rc status = SI_OK;
  bool header = true;
  for (size_t number = 1; status == SI_OK && text < end; number++) {
    const char *newline = memchr(text, '\n', (size_t)(end - text));
    if (!newline) {
      return broken(error, number, "has no end: the file is cut off");
    }
    size_t line = (size_t)(newline - text);
    header = header && (number <= 2 || (line > 0 && text[0] == '#'));
    if (!header && header_alone) {
      break;
    }
    status = header ? take_header(text, line, number, &read, error)
                    : take_line(text, line, number, &read, error);
    text = newline + 1;
  }
  if (status == SI_OK && read.recipient_count == 0) {
    return broken(error, 3, "names no recipient");
  }
  if (status == SI_OK) {
    *out = read;
    read = (struct si_vault_text){.count = 0};
  }
  return status;
}

/* --- writing --- */

si_rc si_vault_text_write(const struct si_vault_text *text, struct si_buf *out) {
  si_rc status = si_buf_printf(out, SCHEMA "\n" CONTEXT "%s\n", text->context);
  for (size_t i = 0; status == SI_OK && i < text->recipient_count; i++) {
    status = si_buf_printf(out, RECIPIENT "%s\n", text->recipients[i]);
  }
  for (size_t i = 0; status == SI_OK && i < text->count; i++) {
    status = si_buf_add(out, text->lines[i].text, text->lines[i].len);
    status = status == SI_OK ? si_buf_add(out, "\n", 1) : status;
  }
  return status;
}

si_rc si_vault_text_copy(const struct si_vault_text *from, struct si_vault_text *to) {
  struct si_vault_text copy SI_AUTO(si_vault_text_free) = *from;
  copy.lines = NULL;
  copy.count = 0;
  for (size_t i = 0; i < from->count; i++) {
    struct si_vault_line line = from->lines[i];
    line.text = strndup(from->lines[i].text, line.len);
    if (!line.text || insert(&copy, i, &line) != SI_OK) {
      free(line.text);
      return SI_E_NOMEM;
    }
  }
  *to = copy;
  copy = (struct si_vault_text){.count = 0};
  return SI_OK;
}

si_rc si_vault_text_put(struct si_vault_text *text, const char *app, const char *key,
                        const void *sealed, size_t len) {
  struct si_buf line SI_AUTO(si_buf_free) = SI_BUF(SI_VAULT_TEXT_MAX);
  struct si_vault_line one = {.len = 0};
  bool found = false;
  si_copy(one.app, sizeof one.app, app);
  si_copy(one.key, sizeof one.key, key);
  si_rc status = si_buf_printf(&line, "%s%s%s=", app, app[0] ? "." : "", key);
  one.value_at = line.len;
  status = status == SI_OK ? si_base64_add(sealed, len, true, &line) : status;
  status = status == SI_OK ? si_sha256_hex(line.data, line.len, one.sha256) : status;
  if (status != SI_OK) {
    return status;
  }
  one.len = line.len;
  one.text = line.data;
  size_t at = place(text, app, key, &found);
  if (found) {
    free(text->lines[at].text);
    text->lines[at] = one;
  } else {
    status = insert(text, at, &one);
  }
  if (status == SI_OK) {
    line.data = NULL; /* the line's now */
  }
  return status;
}

void si_vault_text_remove(struct si_vault_text *text, const char *app, const char *key) {
  bool found = false;
  size_t at = place(text, app, key, &found);
  if (found) {
    /* The room stays that of the count before: insert() grows by the count alone. */
    free(text->lines[at].text);
    text->count--;
    memmove(&text->lines[at], &text->lines[at + 1], (text->count - at) * sizeof *text->lines);
  }
}

/* --- recipients --- */

static size_t find_recipient(const struct si_vault_text *text, const char *recipient, bool *found) {
  size_t at = 0;
  while (at < text->recipient_count && strcmp(text->recipients[at], recipient) < 0) {
    at++;
  }
  *found = at < text->recipient_count && strcmp(text->recipients[at], recipient) == 0;
  return at;
}

bool si_vault_text_has_recipient(const struct si_vault_text *text, const char *recipient) {
  bool found = false;
  (void)find_recipient(text, recipient, &found);
  return found;
}

si_rc si_vault_text_add_recipient(struct si_vault_text *text, const char *recipient) {
  uint8_t key[SI_KEY_SIZE];
  bool found = false;
  si_rc status = si_age_recipient_parse(recipient, strlen(recipient), key);
  if (status != SI_OK) {
    return status;
  }
  size_t at = find_recipient(text, recipient, &found);
  if (found) {
    return SI_E_EXISTS;
  }
  if (text->recipient_count >= SI_AGE_RECIPIENTS_MAX) {
    return SI_E_QUOTA;
  }
  memmove(text->recipients[at + 1], text->recipients[at],
          (text->recipient_count - at) * sizeof text->recipients[0]);
  si_copy(text->recipients[at], sizeof text->recipients[at], recipient);
  text->recipient_count++;
  return SI_OK;
}

si_rc si_vault_text_drop_recipient(struct si_vault_text *text, const char *recipient) {
  bool found = false;
  size_t at = find_recipient(text, recipient, &found);
  if (!found) {
    return SI_E_NOT_FOUND;
  }
  text->recipient_count--;
  memmove(text->recipients[at], text->recipients[at + 1],
          (text->recipient_count - at) * sizeof text->recipients[0]);
  return SI_OK;
}

si_rc si_vault_text_fingerprint(const struct si_vault_text *text, char to[65]) {
  struct si_hasher hasher SI_AUTO(si_hasher_free) = {NULL};
  si_rc status = si_hasher_start(&hasher);
  for (size_t i = 0; status == SI_OK && i < text->recipient_count; i++) {
    status = si_hasher_add(&hasher, text->recipients[i], strlen(text->recipients[i]));
    status = status == SI_OK ? si_hasher_add(&hasher, "\n", 1) : status;
  }
  return status == SI_OK ? si_hasher_end(&hasher, to) : status;
}
