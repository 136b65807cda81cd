/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/redact/private.h - what the files of this room share: the secrets remembered, and the spans
 * of a text that must not be shown. Private to paas/redact, and to its tests.
 *
 * The text is read as a sequence of units: a byte as it stands, or as %XX, `+` for a blank, or any
 * escape of JSON (with one backslash or several, as in JSON within JSON). A secret can stand there
 * in five forms, each again a sequence of units: its bytes, their hex digits, and the characters of
 * base64 that depend on it alone, at each of the three alignments.
 */
#ifndef SI_PAAS_REDACT_PRIVATE_H
#define SI_PAAS_REDACT_PRIVATE_H

#include <stdbool.h>

#include "paas/redact/redact.h"

enum si_redact_kind {
  SI_REDACT_RAW,
  SI_REDACT_HEX,
  SI_REDACT_BASE64, /* the secret begins a group of three bytes; the next two: behind one, two */
  SI_REDACT_KINDS = SI_REDACT_BASE64 + 3
};

/* One form of one secret; in locked memory, never freed. */
struct si_redact_form {
  const struct si_redact_form *next; /* whose first unit is the same */
  const unsigned char *bytes;        /* the secret's */
  size_t len;
  unsigned kind;
};

/* The forms that begin with this unit, or NULL. Under the lock alone. */
const struct si_redact_form *si_redact_forms(unsigned char first);
bool si_redact_any(void);
void si_redact_lock(void);
void si_redact_unlock(void);
/* For tests: forgets all. No other thread may be here. */
void si_redact_forget(void);

size_t si_redact_units(const struct si_redact_form *form);
unsigned char si_redact_unit(const struct si_redact_form *form, size_t n);

/* The unit that this byte of a text stands for: two cases of hex, two alphabets of base64. */
unsigned char si_redact_fold(unsigned kind, unsigned char c);

/* --- keys.c --- */

/* Is it "vault:KEY", which names a secret and tells nothing of it? */
bool si_redact_reference(const char *text, size_t len);

/* --- match.c --- */

/* A text to look into. Borders are where two pieces of a stream met: a line's end may have stood
 * there. */
struct si_redact_place {
  const unsigned char *text;
  size_t len;
  const size_t *borders; /* ascending */
  size_t border_count;
};

/* Does the form stand at `at`, from its unit `first` on? Its end (the farthest, where there are
 * several ways to read it), or 0. *open is set where the text ended before that was decided; *steps
 * grows with the work that it took. */
size_t si_redact_match(const struct si_redact_place *place, size_t at,
                       const struct si_redact_form *form, size_t first, bool *open, size_t *steps);

enum si_redact_read { SI_REDACT_NONE, SI_REDACT_WHOLE, SI_REDACT_OPEN };
struct si_redact_escape {
  size_t end;
  unsigned char bytes[4]; /* what it stands for */
  unsigned count;
};
/* The escape that begins at `at` with `%` or a backslash. OPEN: the text ends within it. */
enum si_redact_read si_redact_escape(const struct si_redact_place *place, size_t at,
                                     struct si_redact_escape *out);

/* --- spans --- */

struct si_redact_span {
  size_t from;
  size_t to;
  bool quote; /* a bare value of JSON: quotes must be written, too */
};

struct si_redact_spans {
  struct si_redact_span *list; /* ascending, apart */
  size_t count;
  size_t cap;
};

void si_redact_spans_free(struct si_redact_spans *spans);
/* `from` is not before that of the last span; what overlaps becomes one. SI_E_NOMEM. */
si_rc si_redact_span_add(struct si_redact_spans *spans, size_t from, size_t to,
                         bool quote) SI_MUST_USE;

/* Into the empty *out: those of `values` that reach into the `len` bytes from `base` on, counted
 * from there, and `keys`, counted so already. SI_E_NOMEM. */
si_rc si_redact_spans_merge(const struct si_redact_spans *values, size_t base, size_t len,
                            const struct si_redact_spans *keys,
                            struct si_redact_spans *out) SI_MUST_USE;

enum {
  SI_REDACT_CUT_HEAD =
      1, /* the text's beginning was cut off: the rest of a secret may stand there */
  SI_REDACT_CUT_TAIL = 2, /* its end was: the first part of one may */
  SI_REDACT_PART = 4      /* what is shorter than that is no part worth hiding */
};

/* Where secrets stand by value. *open_at (may be NULL) is where the first one may have begun that
 * the text ends within, or place->len. */
si_rc si_redact_by_value(const struct si_redact_place *place, unsigned cut,
                         struct si_redact_spans *spans, size_t *open_at) SI_MUST_USE;
/* Where values stand whose key is a secret's. */
si_rc si_redact_by_key(const char *text, size_t len, struct si_redact_spans *spans) SI_MUST_USE;

/* Appends the text with by-value spans (of a text in which this one begins at `base`) and its own
 * by-key spans taken out; all or nothing. */
si_rc si_redact_render(const char *text, size_t len, const struct si_redact_spans *values,
                       size_t base, struct si_buf *out) SI_MUST_USE;
/* As si_redact_text. */
si_rc si_redact_cut_text(const char *text, size_t len, unsigned cut,
                         struct si_buf *out) SI_MUST_USE;

#endif
