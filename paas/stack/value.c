/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/value.h"

#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/stack/expand.h"
#include "paas/stack/keys.h"

void si_text_free(char **text) {
  free(*text);
  *text = NULL;
}

/* The value as text, variables put in; the caller's to free. */
static si_rc expanded(struct si_reading *r, const char *text, const struct si_place *place,
                      char **out) {
  struct si_buf buf SI_AUTO(si_buf_free) = SI_BUF(SI_TEXT_BYTES);
  bool uses = strchr(text, '$') != NULL;
  si_rc status = uses ? si_expand_text(r, place, text, &buf) : SI_OK;
  if (status == SI_OK && !(*out = strdup(uses ? si_buf_text(&buf) : text))) {
    return si_stack_nomem(r);
  }
  return status;
}

/* As expanded() for what must be a single value: *out is NULL where it is none. */
static si_rc single(struct si_reading *r, const struct si_yaml_node *node,
                    const struct si_place *place, char **out) {
  return node->kind == SI_YAML_SCALAR ? expanded(r, node->text, place, out) : SI_OK;
}

static si_rc not_text(struct si_reading *r, const struct si_yaml_node *node,
                      const struct si_place *place) {
  if (node->type == SI_SCALAR_NULL) {
    si_stack_invalid(r, place, "has no value");
    return si_stack_hint(r, "give it one, or remove the key");
  }
  si_stack_invalid(r, place, "must be text, and %.40s is %s", node->text,
                   node->type == SI_SCALAR_BOOL ? "a boolean" : "a number");
  return si_stack_hint(r, "put it in quotes");
}

si_rc si_value_text(struct si_reading *r, const struct si_yaml_node *node,
                    const struct si_place *place, unsigned flags, char **out) {
  si_rc status = si_kind_check(r, node, place, SI_YAML_SCALAR);
  if (status != SI_OK) {
    return status;
  }
  if (node->type != SI_SCALAR_TEXT &&
      (node->type == SI_SCALAR_NULL || !(flags & SI_TEXT_NUMBERS))) {
    return not_text(r, node, place);
  }
  if (node->bytes > SI_TEXT_BYTES) {
    return si_stack_invalid(r, place, "is longer than %d bytes", SI_TEXT_BYTES);
  }
  char *text SI_AUTO(si_text_free) = NULL;
  if (flags & SI_TEXT_DOLLARS) {
    text = strdup(node->text);
    status = text ? SI_OK : si_stack_nomem(r);
  } else {
    status = expanded(r, node->text, place, &text);
  }
  if (status == SI_OK && !text[0] && !(flags & SI_TEXT_EMPTY)) {
    return si_stack_invalid(r, place, "is empty text");
  }
  if (status == SI_OK) {
    *out = text;
    text = NULL;
  }
  return status;
}

si_rc si_value_flag(struct si_reading *r, const struct si_yaml_node *node,
                    const struct si_place *place, bool *out) {
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = single(r, node, place, &text);
  if (status != SI_OK) {
    return status;
  }
  bool varies = text && strchr(node->text, '$'); /* what a variable brings has no quotes */
  if (!text || (varies ? si_scalar_resolve(text) : node->type) != SI_SCALAR_BOOL) {
    return si_stack_invalid(r, place, "must be true or false, without quotes");
  }
  *out = text[0] == 't' || text[0] == 'T';
  return SI_OK;
}

si_rc si_value_count(struct si_reading *r, const struct si_yaml_node *node,
                     const struct si_place *place, uint64_t min, uint64_t max, uint64_t *out) {
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = single(r, node, place, &text);
  if (status != SI_OK) {
    return status;
  }
  if (!text || si_parse_u64(text, min, max, out) != SI_OK) {
    return si_stack_invalid(r, place, "must be a whole number from %llu to %llu",
                            (unsigned long long)min, (unsigned long long)max);
  }
  return SI_OK;
}

si_rc si_value_duration(struct si_reading *r, const struct si_yaml_node *node,
                        const struct si_place *place, uint64_t min_ms, uint64_t *out) {
  char *text SI_AUTO(si_text_free) = NULL;
  uint64_t ms = 0;
  si_rc status = single(r, node, place, &text);
  if (status != SI_OK) {
    return status;
  }
  if (!text || si_parse_duration_ms(text, &ms) != SI_OK || ms < min_ms ||
      ms > SI_DURATION_DAYS * 86400000ull) {
    si_stack_invalid(r, place, "must be a duration%s", min_ms ? " longer than 0" : "");
    return si_stack_hint(r, "such as 500ms, 90s or 1m30s; at most %dd", SI_DURATION_DAYS);
  }
  *out = ms;
  return SI_OK;
}

#define NAME_FIRST "abcdefghijklmnopqrstuvwxyz0123456789"

si_rc si_name_check(struct si_reading *r, const struct si_place *place, const char *name) {
  size_t len = strnlen(name, 64);
  if (len > 0 && len <= 63 && strchr(NAME_FIRST, name[0]) &&
      strspn(name, NAME_FIRST "_.-") == len) {
    return SI_OK;
  }
  si_stack_invalid(r, place, "\"%.70s\" is no name", name);
  return si_stack_hint(r, "a name is 1 to 63 of a-z 0-9 _ . - and begins with a letter or digit");
}

si_rc si_path_check(struct si_reading *r, const struct si_place *place, char *path) {
  size_t len = strlen(path);
  if (path[0] != '/') {
    return si_stack_invalid(r, place, "\"%.100s\" is not an absolute path", path);
  }
  for (const char *p = path; *p; p++) {
    if ((unsigned char)*p < 0x20 || *p == 0x7F || *p == ':') {
      return si_stack_invalid(r, place, "\"%.100s\" holds a colon or a control character", path);
    }
  }
  while (len > 1 && path[len - 1] == '/') {
    path[--len] = '\0';
  }
  if (len > 4095) {
    return si_stack_invalid(r, place, "is a path longer than 4095 bytes");
  }
  for (const char *p = path; *p && len > 1;) {
    size_t part = strcspn(++p, "/");
    if (part == 0 || (part == 1 && p[0] == '.') || (part == 2 && memcmp(p, "..", 2) == 0)) {
      return si_stack_invalid(r, place, "\"%.100s\" must have no `//`, `/./` or `/../`", path);
    }
    p += part;
  }
  return SI_OK;
}
