/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/redact/match.c - does a secret stand here, in whatever way its bytes are written? A text can
 * be read in several ways where the secret itself holds `%` or backslashes, so all readings are
 * followed at once: a set of places that the units so far may have led to.
 */
#include <string.h>

#include "paas/redact/private.h"

enum { READINGS = 64, RUN_MAX = 8, INDENT_MAX = 80 };

/* A reading: at * 4 + how many bytes of the escape that stands there are used up. */
struct readings {
  size_t list[READINGS];
  size_t count;
  bool overflow;
};

static void add(struct readings *set, size_t at, unsigned used) {
  size_t reading = at * 4 + used;
  for (size_t i = 0; i < set->count; i++) {
    if (set->list[i] == reading) {
      return;
    }
  }
  if (set->count == READINGS) {
    set->overflow = true;
    return;
  }
  set->list[set->count++] = reading;
}

/* --- escapes --- */

static int hex_digit(unsigned char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

static enum si_redact_read read_hex(const struct si_redact_place *place, size_t at, size_t digits,
                                    unsigned *out) {
  unsigned value = 0;
  for (size_t i = 0; i < digits; i++) {
    if (at + i >= place->len) {
      return SI_REDACT_OPEN;
    }
    int digit = hex_digit(place->text[at + i]);
    if (digit < 0) {
      return SI_REDACT_NONE;
    }
    value = value * 16 + (unsigned)digit;
  }
  *out = value;
  return SI_REDACT_WHOLE;
}

static size_t backslashes(const struct si_redact_place *place, size_t at) {
  size_t run = 0;
  while (run < RUN_MAX && at + run < place->len && place->text[at + run] == '\\') {
    run++;
  }
  return run;
}

static void put_character(unsigned code, struct si_redact_escape *out) {
  static const unsigned char marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
  unsigned count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (unsigned i = count; i-- > 1;) {
    out->bytes[i] = (unsigned char)(0x80 | (code & 0x3F));
    code >>= 6;
  }
  out->bytes[0] = (unsigned char)(marks[count] | code);
  out->count = count;
}

/* Behind `\u`. */
static enum si_redact_read read_character(const struct si_redact_place *place, size_t at,
                                          struct si_redact_escape *out) {
  unsigned code = 0, low = 0;
  enum si_redact_read read = read_hex(place, at, 4, &code);
  if (read != SI_REDACT_WHOLE) {
    return read;
  }
  out->end = at + 4;
  if (code >= 0xD800 && code < 0xDC00) {
    size_t run = backslashes(place, at + 4);
    size_t u = at + 4 + run;
    if (u >= place->len) {
      return SI_REDACT_OPEN;
    }
    read = run && place->text[u] == 'u' ? read_hex(place, u + 1, 4, &low) : SI_REDACT_NONE;
    if (read != SI_REDACT_WHOLE || low < 0xDC00 || low > 0xDFFF) {
      return read == SI_REDACT_OPEN ? read : SI_REDACT_NONE;
    }
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    out->end = u + 5;
  }
  put_character(code, out);
  return SI_REDACT_WHOLE;
}

static enum si_redact_read one_byte(size_t end, unsigned byte, struct si_redact_escape *out) {
  out->end = end;
  out->bytes[0] = (unsigned char)byte;
  out->count = 1;
  return SI_REDACT_WHOLE;
}

static enum si_redact_read read_backslash(const struct si_redact_place *place, size_t at,
                                          struct si_redact_escape *out) {
  static const char letters[] = "nrtbfav\"/'";
  static const char stand_for[] = "\n\r\t\b\f\a\v\"/'";
  size_t kind = at + backslashes(place, at);
  unsigned byte = 0;
  if (kind >= place->len) {
    return SI_REDACT_OPEN;
  }
  unsigned char c = place->text[kind];
  if (c == 'u') {
    return read_character(place, kind + 1, out);
  }
  if (c == 'x') {
    enum si_redact_read read = read_hex(place, kind + 1, 2, &byte);
    return read == SI_REDACT_WHOLE ? one_byte(kind + 3, byte, out) : read;
  }
  const char *letter = c ? strchr(letters, c) : NULL;
  return letter ? one_byte(kind + 1, (unsigned char)stand_for[letter - letters], out)
                : SI_REDACT_NONE;
}

enum si_redact_read si_redact_escape(const struct si_redact_place *place, size_t at,
                                     struct si_redact_escape *out) {
  unsigned byte = 0;
  if (place->text[at] == '\\') {
    return read_backslash(place, at, out);
  }
  enum si_redact_read read = read_hex(place, at + 1, 2, &byte);
  return read == SI_REDACT_WHOLE ? one_byte(at + 3, byte, out) : read;
}

/* --- one unit --- */

struct step {
  const struct si_redact_place *place;
  unsigned kind;
  unsigned char want;
  struct readings *next;
  bool *open;
};

unsigned char si_redact_fold(unsigned kind, unsigned char c) {
  if (kind == SI_REDACT_HEX) {
    return c >= 'A' && c <= 'F' ? (unsigned char)(c - 'A' + 'a') : c;
  }
  return kind < SI_REDACT_BASE64 ? c : c == '-' ? '+' : c == '_' ? '/' : c;
}

static bool is_border(const struct si_redact_place *place, size_t at) {
  for (size_t i = 0; i < place->border_count; i++) {
    if (place->borders[i] == at) {
      return true;
    }
  }
  return false;
}

static void follow_escape(const struct step *step, size_t at, unsigned used) {
  struct si_redact_escape escape = {0, {0}, 0};
  switch (si_redact_escape(step->place, at, &escape)) {
    case SI_REDACT_OPEN: *step->open = true; break;
    case SI_REDACT_WHOLE:
      if (si_redact_fold(step->kind, escape.bytes[used]) == step->want) {
        bool last = used + 1 == escape.count;
        add(step->next, last ? escape.end : at, last ? 0 : used + 1);
      }
      break;
    default: break;
  }
}

/* base64 is often broken into lines, and those indented; so may its text in JSON be. */
static size_t next_line(const struct si_redact_place *place, size_t at) {
  size_t from = at;
  bool broken = false;
  while (at < place->len && at - from < INDENT_MAX) {
    struct si_redact_escape escape = {0, {0}, 0};
    unsigned char c = place->text[at];
    if (c == '\n' || c == '\r') {
      at++;
    } else if (broken && (c == ' ' || c == '\t')) {
      at++;
    } else if ((c == '\\' || c == '%') && si_redact_escape(place, at, &escape) == SI_REDACT_WHOLE &&
               (escape.bytes[0] == '\n' || escape.bytes[0] == '\r')) {
      at = escape.end;
    } else {
      break;
    }
    broken = true;
  }
  return at;
}

static void follow(const struct step *step, size_t at) {
  const struct si_redact_place *place = step->place;
  if (at >= place->len) {
    *step->open = true;
    return;
  }
  unsigned char c = place->text[at];
  if (si_redact_fold(step->kind, c) == step->want || (c == '+' && step->want == ' ')) {
    add(step->next, at + 1, 0);
  }
  if ((step->want == '\n' || step->want == '\r') && is_border(place, at)) {
    add(step->next, at, 0);
  }
  if (c == '\\' && step->want == '\\') { /* escaped once, or twice */
    size_t run = backslashes(place, at);
    *step->open = *step->open || at + run >= place->len;
    if (run >= 2) {
      add(step->next, at + 2, 0);
    }
    if (run >= 4) {
      add(step->next, at + 4, 0);
    }
  }
  if (c == '%' || c == '\\') {
    follow_escape(step, at, 0);
  }
}

static size_t farthest(const struct readings *set) {
  size_t end = 0;
  for (size_t i = 0; i < set->count; i++) {
    bool whole = set->list[i] % 4 == 0;
    end = whole && set->list[i] / 4 > end ? set->list[i] / 4 : end;
  }
  return end;
}

size_t si_redact_match(const struct si_redact_place *place, size_t at,
                       const struct si_redact_form *form, size_t first, bool *open, size_t *steps) {
  struct readings sets[2] = {{.list = {at * 4}, .count = 1}, {.count = 0}};
  size_t units = si_redact_units(form);
  for (size_t n = first; n < units; n++) {
    const struct readings *from = &sets[(n - first) % 2];
    struct readings *next = &sets[(n - first + 1) % 2];
    const struct step step = {place, form->kind, si_redact_unit(form, n), next, open};
    next->count = 0;
    *steps += from->count;
    for (size_t i = 0; i < from->count; i++) {
      size_t where = from->list[i] / 4;
      unsigned used = (unsigned)(from->list[i] % 4);
      if (used) {
        follow_escape(&step, where, used);
      } else {
        follow(&step,
               form->kind >= SI_REDACT_BASE64 && n > first ? next_line(place, where) : where);
      }
    }
    if (next->overflow) {
      return place->len; /* too many ways to read it: taken for the secret, with all behind it */
    }
    if (next->count == 0) {
      return 0;
    }
  }
  return farthest(&sets[(units - first) % 2]);
}
