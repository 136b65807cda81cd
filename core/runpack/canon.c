/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/canon.h"

#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"

enum state { VALUE, FIRST, AFTER, NEXT_KEY, COLON, STRING, ESCAPE, HEX, INTEGER, WORD, DONE };

void si_canon_start(struct si_canon *canon, si_canon_on on, void *ctx) {
  memset(canon, 0, sizeof *canon);
  canon->on = on;
  canon->ctx = ctx;
  canon->token.max = SI_CANON_STRING_MAX;
  canon->keys.max = (size_t)SI_CANON_DEPTH * SI_CANON_KEY_MAX;
  canon->state = VALUE;
}

void si_canon_free(struct si_canon *canon) {
  si_buf_free(&canon->token);
  si_buf_free(&canon->keys);
}

uint64_t si_canon_offset(const struct si_canon *canon) {
  return canon->bytes + (uint64_t)(canon->at - canon->chunk);
}

static si_rc refuse(const struct si_canon *canon, struct si_error *error, const char *why) {
  return si_error_set(error, SI_E_INVALID, "MANIFEST_INVALID",
                      "not canonical JSON at byte %llu: %s",
                      (unsigned long long)si_canon_offset(canon), why);
}

static si_rc out_of_bounds(const struct si_canon *canon, struct si_error *error, si_rc status,
                           const char *why) {
  if (status != SI_E_QUOTA) {
    return si_error_set(error, status, "MANIFEST_UNREADABLE", "cannot read the manifest: %s",
                        si_status_text(status));
  }
  return refuse(canon, error, why);
}

static si_rc emit(struct si_canon *canon, enum si_canon_event event, struct si_error *error) {
  return canon->on(canon->ctx, event, si_buf_text(&canon->token), canon->token.len, error);
}

/* RFC 8785 sorts keys by UTF-16 code units: as bytes of UTF-8, but that U+E000..U+FFFF come after
 * what UTF-16 writes as surrogates (lead bytes F0 and up). */
static int key_order(const char *a, size_t a_len, const char *b, size_t b_len) {
  size_t i = 0;
  while (i < a_len && i < b_len && a[i] == b[i]) {
    i++;
  }
  if (i == a_len || i == b_len) {
    return (i < a_len) - (i < b_len);
  }
  int p = (unsigned char)a[i], q = (unsigned char)b[i];
  if ((p >= 0xF0 && (q == 0xEE || q == 0xEF)) || (q >= 0xF0 && (p == 0xEE || p == 0xEF))) {
    return p >= 0xF0 ? -1 : 1;
  }
  return p - q;
}

/* The key in token takes its place as the last one of the innermost object. */
static si_rc check_key(struct si_canon *canon, struct si_error *error) {
  size_t top = (size_t)canon->depth - 1;
  const struct si_buf *token = &canon->token;
  if (token->len > SI_CANON_KEY_MAX) {
    return refuse(canon, error, "a key is longer than 1 KiB");
  }
  if (canon->frames[top].any &&
      key_order(si_buf_text(&canon->keys) + canon->frames[top].key, canon->frames[top].key_len,
                si_buf_text(token), token->len) >= 0) {
    return refuse(canon, error, "a key stands twice, or before its place in the order");
  }
  canon->keys.len = canon->frames[top].key;
  canon->frames[top].key_len = token->len;
  canon->frames[top].any = 1;
  si_rc status = si_buf_add(&canon->keys, si_buf_text(token), token->len);
  return status == SI_OK ? SI_OK : out_of_bounds(canon, error, status, "its keys are too long");
}

static si_rc open_frame(struct si_canon *canon, char kind, struct si_error *error) {
  if (canon->depth == SI_CANON_DEPTH) {
    return refuse(canon, error, "it is nested too deep");
  }
  canon->frames[canon->depth].kind = kind;
  canon->frames[canon->depth].key = canon->keys.len;
  canon->frames[canon->depth].key_len = 0;
  canon->frames[canon->depth].any = 0;
  canon->depth++;
  canon->state = FIRST;
  si_buf_clear(&canon->token);
  return emit(canon, kind == '{' ? SI_CANON_OBJECT : SI_CANON_ARRAY, error);
}

static si_rc close_frame(struct si_canon *canon, char kind, struct si_error *error) {
  canon->depth--;
  canon->keys.len = canon->frames[canon->depth].key;
  canon->state = canon->depth ? AFTER : DONE;
  si_buf_clear(&canon->token);
  return emit(canon, kind == '{' ? SI_CANON_OBJECT_END : SI_CANON_ARRAY_END, error);
}

static void open_string(struct si_canon *canon, int is_key) {
  canon->is_key = is_key;
  canon->state = STRING;
  si_buf_clear(&canon->token);
}

static si_rc close_string(struct si_canon *canon, struct si_error *error) {
  if (!si_utf8_valid(si_buf_text(&canon->token), canon->token.len)) {
    return refuse(canon, error, "UTF-8 is broken");
  }
  canon->state = canon->is_key ? COLON : canon->depth ? AFTER : DONE;
  if (!canon->is_key) {
    return emit(canon, SI_CANON_STRING, error);
  }
  si_rc status = check_key(canon, error);
  return status == SI_OK ? emit(canon, SI_CANON_KEY, error) : status;
}

static si_rc add(struct si_canon *canon, const char *data, size_t len, struct si_error *error) {
  si_rc status = si_buf_add(&canon->token, data, len);
  return status == SI_OK ? SI_OK
                         : out_of_bounds(canon, error, status, "a string is longer than 64 KiB");
}

/* The only escapes of the canonical form: the two that must be, five letters, and \u00xx. */
static si_rc escape(struct si_canon *canon, char c, struct si_error *error) {
  static const char pairs[] = "\"\"\\\\b\bf\fn\nr\rt\t";
  canon->state = STRING;
  if (c == 'u') {
    canon->state = HEX;
    canon->hex_len = 0;
    return SI_OK;
  }
  for (size_t i = 0; pairs[i]; i += 2) {
    if (pairs[i] == c) {
      return add(canon, &pairs[i + 1], 1, error);
    }
  }
  return refuse(canon, error, "an escape is unknown or needless");
}

static si_rc hex_digit(struct si_canon *canon, char c, struct si_error *error) {
  canon->hex[canon->hex_len++] = c;
  if (canon->hex_len < 4) {
    return SI_OK;
  }
  canon->hex[4] = '\0';
  canon->state = STRING;
  if (memcmp(canon->hex, "00", 2) != 0 || strspn(canon->hex, "0123456789abcdef") != 4) {
    return refuse(canon, error, "an escape is unknown or needless");
  }
  char value = (char)strtoul(canon->hex, NULL, 16);
  if (value <= 0 || value >= 0x20 || strchr("\b\f\n\r\t", value)) {
    return refuse(canon, error, "an escape is unknown or needless");
  }
  return add(canon, &value, 1, error);
}

/* Takes the run of plain bytes at *at, and the byte that ends it. */
static si_rc string_run(struct si_canon *canon, const char *end, struct si_error *error) {
  const char *from = canon->at;
  const char *p = from;
  while (p < end && (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\') {
    p++;
  }
  canon->at = p;
  si_rc status = add(canon, from, (size_t)(p - from), error);
  if (status != SI_OK || p == end) {
    return status;
  }
  if ((unsigned char)*p < 0x20) {
    return refuse(canon, error, "a control character stands in a string");
  }
  if (*p == '"') {
    status = close_string(canon, error);
  } else {
    canon->state = ESCAPE;
  }
  canon->at = p + 1;
  return status;
}

static si_rc close_integer(struct si_canon *canon, struct si_error *error) {
  const char *text = si_buf_text(&canon->token);
  const char *digits = text + (text[0] == '-');
  uint64_t value = 0;
  if (si_parse_u64(digits, 0, 1ull << 53, &value) != SI_OK || (value == 0 && digits != text)) {
    return refuse(canon, error, "a number is not an integer within 2^53 in its shortest form");
  }
  canon->state = canon->depth ? AFTER : DONE;
  return emit(canon, SI_CANON_INTEGER, error);
}

static si_rc close_word(struct si_canon *canon, struct si_error *error) {
  canon->state = canon->depth ? AFTER : DONE;
  return emit(canon,
              canon->word[0] == 't'   ? SI_CANON_TRUE
              : canon->word[0] == 'f' ? SI_CANON_FALSE
                                      : SI_CANON_NULL,
              error);
}

static si_rc open_value(struct si_canon *canon, char c, struct si_error *error) {
  switch (c) {
    case '{':
    case '[': return open_frame(canon, c, error);
    case '"': open_string(canon, 0); return SI_OK;
    case 't': canon->word = "true"; break;
    case 'f': canon->word = "false"; break;
    case 'n': canon->word = "null"; break;
    default:
      if (c != '-' && (c < '0' || c > '9')) {
        return refuse(canon, error, "a value was expected");
      }
      canon->state = INTEGER;
      si_buf_clear(&canon->token);
      return add(canon, &c, 1, error);
  }
  canon->state = WORD;
  si_buf_clear(&canon->token);
  return add(canon, &c, 1, error);
}

static si_rc structure(struct si_canon *canon, char c, struct si_error *error) {
  char kind = canon->depth ? canon->frames[canon->depth - 1].kind : '\0';
  switch (canon->state) {
    case FIRST:
      if (c == (kind == '{' ? '}' : ']')) {
        return close_frame(canon, kind, error);
      }
      canon->state = kind == '{' ? NEXT_KEY : VALUE;
      return structure(canon, c, error);
    case AFTER:
      if (c == (kind == '{' ? '}' : ']')) {
        return close_frame(canon, kind, error);
      }
      if (c != ',') {
        return refuse(canon, error, "',' or the end was expected");
      }
      canon->state = kind == '{' ? NEXT_KEY : VALUE;
      return SI_OK;
    case NEXT_KEY:
      if (c != '"') {
        return refuse(canon, error, "a key was expected");
      }
      open_string(canon, 1);
      return SI_OK;
    case COLON:
      canon->state = VALUE;
      return c == ':' ? SI_OK : refuse(canon, error, "':' was expected");
    case VALUE: return open_value(canon, c, error);
    default: return refuse(canon, error, "something stands behind the value");
  }
}

static si_rc word_letter(struct si_canon *canon, char c, struct si_error *error) {
  if (c != canon->word[canon->token.len]) {
    return refuse(canon, error, "a value was expected");
  }
  si_rc status = add(canon, &c, 1, error);
  return status == SI_OK && !canon->word[canon->token.len] ? close_word(canon, error) : status;
}

static si_rc step(struct si_canon *canon, const char *end, struct si_error *error) {
  char c = *canon->at;
  si_rc status = SI_OK;
  switch (canon->state) {
    case STRING: return string_run(canon, end, error);
    case ESCAPE: status = escape(canon, c, error); break;
    case HEX: status = hex_digit(canon, c, error); break;
    case WORD: status = word_letter(canon, c, error); break;
    case INTEGER:
      if (c >= '0' && c <= '9') {
        status = canon->token.len < 20 ? add(canon, &c, 1, error)
                                       : refuse(canon, error, "a number is too long");
        break;
      }
      /* The byte that ends a number belongs to what follows. */
      return close_integer(canon, error);
    default: status = structure(canon, c, error); break;
  }
  if (status == SI_OK) {
    canon->at++;
  }
  return status;
}

si_rc si_canon_feed(struct si_canon *canon, const char *data, size_t len, struct si_error *error) {
  const char *end = data + len;
  si_rc status = SI_OK;
  canon->chunk = data;
  canon->at = data;
  canon->tee_from = data;
  while (status == SI_OK && canon->at < end) {
    status = step(canon, end, error);
  }
  if (status == SI_OK && canon->tee) {
    status = si_hasher_add(canon->tee, canon->tee_from, (size_t)(end - canon->tee_from));
  }
  canon->bytes += len;
  canon->chunk = end;
  canon->at = end;
  return status;
}

si_rc si_canon_end(struct si_canon *canon, struct si_error *error) {
  if (canon->state == INTEGER && canon->depth == 0) {
    return close_integer(canon, error);
  }
  return canon->state == DONE ? SI_OK : refuse(canon, error, "the text ends too soon");
}

void si_canon_tee(struct si_canon *canon, struct si_hasher *hasher) {
  canon->tee = hasher;
  canon->tee_from = canon->at;
}

si_rc si_canon_untee(struct si_canon *canon) {
  si_rc status =
      si_hasher_add(canon->tee, canon->tee_from, (size_t)(canon->at + 1 - canon->tee_from));
  canon->tee = NULL;
  return status;
}
