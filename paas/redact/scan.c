/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/redact/scan.c - where secrets stand in a text, by value. Most bytes of most texts begin no
 * secret, and are passed over by one look into a table.
 */
#include <stdlib.h>

#include "paas/redact/private.h"

void si_redact_spans_free(struct si_redact_spans *spans) {
  free(spans->list);
  *spans = (struct si_redact_spans){NULL, 0, 0};
}

si_rc si_redact_span_add(struct si_redact_spans *spans, size_t from, size_t to, bool quote) {
  struct si_redact_span *last = spans->count ? &spans->list[spans->count - 1] : NULL;
  if (last && from < last->to) {
    last->to = to > last->to ? to : last->to;
    return SI_OK;
  }
  if (spans->count == spans->cap) {
    size_t cap = spans->cap ? spans->cap * 2 : 16;
    struct si_redact_span *list = realloc(spans->list, cap * sizeof *list);
    if (!list) {
      return SI_E_NOMEM;
    }
    spans->list = list;
    spans->cap = cap;
  }
  spans->list[spans->count++] = (struct si_redact_span){from, to, quote};
  return SI_OK;
}

struct scan {
  const struct si_redact_place *place;
  size_t at;
  size_t end;   /* the farthest end of what begins at `at`, or 0 */
  size_t steps; /* that all of it took so far */
  bool is_open; /* something may begin there that the text does not finish */
};

/* Is the second byte one that can go on with this form? */
static bool promising(const struct scan *s, const struct si_redact_form *form) {
  if (s->at + 1 >= s->place->len || s->place->border_count) {
    return true;
  }
  unsigned char c = s->place->text[s->at + 1];
  unsigned char want = si_redact_unit(form, 1);
  return si_redact_fold(form->kind, c) == want || c == '%' || c == '\\' || c == '+' || c == '\n' ||
         c == '\r';
}

static void try_forms(struct scan *s, unsigned char first, bool plain) {
  for (const struct si_redact_form *form = si_redact_forms(first); form; form = form->next) {
    if (!plain || promising(s, form)) {
      size_t end = si_redact_match(s->place, s->at, form, 0, &s->is_open, &s->steps);
      s->end = end > s->end ? end : s->end;
    }
  }
}

static void try_here(struct scan *s) {
  struct si_redact_escape escape = {0, {0}, 0};
  unsigned char c = s->place->text[s->at];
  s->end = 0;
  s->is_open = false;
  try_forms(s, c, true);
  if (c == '+') {
    try_forms(s, ' ', false);
  } else if (c == '%' || c == '\\') {
    enum si_redact_read read = si_redact_escape(s->place, s->at, &escape);
    s->is_open = s->is_open || read == SI_REDACT_OPEN;
    if (read == SI_REDACT_WHOLE && escape.bytes[0] != c) {
      try_forms(s, escape.bytes[0], false);
    }
  }
}

/* A long secret that repeats itself, in a text that repeats it too, could be looked for without
 * end. Far more than any other text takes. */
static size_t too_many_steps(const struct si_redact_place *place) {
  return ((size_t)16 << 20) + 64 * place->len;
}

/* The end of the longest rest of a secret that the text begins with, or 0. */
static size_t rest_of_secret(const struct si_redact_place *place, size_t *steps) {
  size_t end = 0;
  bool ignored = false;
  for (unsigned first = 0; first < 256; first++) {
    const struct si_redact_form *form = si_redact_forms((unsigned char)first);
    for (; form; form = form->next) {
      size_t units = si_redact_units(form);
      for (size_t n = 1; n + SI_REDACT_PART <= units; n++) {
        size_t to = si_redact_match(place, 0, form, n, &ignored, steps);
        end = to > end ? to : end;
        if (*steps > too_many_steps(place)) {
          return place->len;
        }
      }
    }
  }
  return end;
}

static si_rc scan(const struct si_redact_place *place, unsigned cut, struct si_redact_spans *spans,
                  size_t *open_at) {
  struct scan s = {.place = place};
  si_rc status = SI_OK;
  *open_at = place->len;
  size_t rest = cut & SI_REDACT_CUT_HEAD ? rest_of_secret(place, &s.steps) : 0;
  if (rest) {
    status = si_redact_span_add(spans, 0, rest, false);
  }
  for (s.at = 0; status == SI_OK && s.at < place->len; s.at++) {
    unsigned char c = place->text[s.at];
    if (!si_redact_forms(c) && c != '%' && c != '\\' && c != '+') {
      continue;
    }
    try_here(&s);
    if (s.end) {
      status = si_redact_span_add(spans, s.at, s.end, false);
    }
    if (s.is_open && *open_at == place->len) {
      *open_at = s.at;
    }
    if (status == SI_OK && s.steps > too_many_steps(place)) {
      return si_redact_span_add(spans, s.at, place->len, false); /* all of it, unseen */
    }
  }
  if (status == SI_OK && (cut & SI_REDACT_CUT_TAIL) && place->len - *open_at >= SI_REDACT_PART) {
    while (spans->count && spans->list[spans->count - 1].from >= *open_at) {
      spans->count--; /* it lies within what follows */
    }
    status = si_redact_span_add(spans, *open_at, place->len, false);
  }
  return status;
}

si_rc si_redact_by_value(const struct si_redact_place *place, unsigned cut,
                         struct si_redact_spans *spans, size_t *open_at) {
  size_t nowhere;
  si_rc status = SI_OK;
  open_at = open_at ? open_at : &nowhere;
  *open_at = place->len;
  si_redact_lock();
  if (si_redact_any()) {
    status = scan(place, cut, spans, open_at);
  }
  si_redact_unlock();
  return status;
}
