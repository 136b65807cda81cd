/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/redact/text.c - texts and errors without their secrets.
 */
#include <string.h>

#include "kit/base/text.h"
#include "paas/redact/private.h"

/* --- one text --- */

si_rc si_redact_spans_merge(const struct si_redact_spans *values, size_t base, size_t len,
                            const struct si_redact_spans *keys, struct si_redact_spans *out) {
  si_rc status = SI_OK;
  size_t v = 0, k = 0;
  while (v < values->count && values->list[v].to <= base) {
    v++;
  }
  while (status == SI_OK) {
    bool value = len && v < values->count && values->list[v].from < base + len;
    bool key = k < keys->count;
    if (!value && !key) {
      break;
    }
    size_t from = !value ? 0 : values->list[v].from > base ? values->list[v].from - base : 0;
    if (value && (!key || from <= keys->list[k].from)) {
      size_t to = values->list[v].to - base;
      status = si_redact_span_add(out, from, to < len ? to : len, false);
      v++;
    } else {
      status = si_redact_span_add(out, keys->list[k].from, keys->list[k].to, keys->list[k].quote);
      k++;
    }
  }
  return status;
}

static si_rc put(const char *text, size_t len, const struct si_redact_spans *spans,
                 struct si_buf *out) {
  static const char quoted[] = "\"" SI_REDACTED "\"";
  size_t before = out->len;
  size_t at = 0;
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < spans->count; i++) {
    const struct si_redact_span *span = &spans->list[i];
    status = si_buf_add(out, text + at, span->from - at);
    status = status == SI_OK ? si_buf_puts(out, span->quote ? quoted : SI_REDACTED) : status;
    at = span->to;
  }
  status = status == SI_OK ? si_buf_add(out, text + at, len - at) : status;
  if (status != SI_OK && out->data) {
    out->len = before;
    out->data[before] = '\0';
  }
  return status;
}

si_rc si_redact_render(const char *text, size_t len, const struct si_redact_spans *values,
                       size_t base, struct si_buf *out) {
  struct si_redact_spans keys SI_AUTO(si_redact_spans_free) = {NULL, 0, 0};
  struct si_redact_spans all SI_AUTO(si_redact_spans_free) = {NULL, 0, 0};
  si_rc status = si_redact_by_key(text, len, &keys);
  status = status == SI_OK ? si_redact_spans_merge(values, base, len, &keys, &all) : status;
  return status == SI_OK ? put(text, len, &all, out) : status;
}

si_rc si_redact_cut_text(const char *text, size_t len, unsigned cut, struct si_buf *out) {
  struct si_redact_spans values SI_AUTO(si_redact_spans_free) = {NULL, 0, 0};
  const struct si_redact_place place = {(const unsigned char *)text, len, NULL, 0};
  si_rc status = si_redact_by_value(&place, cut, &values, NULL);
  return status == SI_OK ? si_redact_render(text, len, &values, 0, out) : status;
}

si_rc si_redact_text(const char *text, size_t len, struct si_buf *out) {
  return si_redact_cut_text(text, len, 0, out);
}

/* --- in place --- */

static void redact_cut_line(char *text, size_t size, unsigned cut) {
  size_t len = strnlen(text, size);
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(SIZE_MAX / 2);
  si_rc status = si_redact_cut_text(text, len, cut, &out);
  explicit_bzero(text, len < size ? len : size); /* a longer text leaves nothing behind */
  si_copy(text, size, status == SI_OK ? si_buf_text(&out) : SI_REDACTED);
}

/* A text that fills its place was cut there, up to three bytes before for a character's sake. */
static unsigned cut_of(const char *text, size_t size) {
  return strnlen(text, size) + 4 >= size ? SI_REDACT_CUT_TAIL : 0;
}

void si_redact_line(char *text, size_t size) {
  if (size > 0) {
    redact_cut_line(text, size, cut_of(text, size));
  }
}

void si_redact_error(struct si_error *error) {
  if (!error) {
    return;
  }
  const struct {
    char *text;
    size_t size;
    unsigned cut;
  } texts[] = {
      {error->code, sizeof error->code, 0},
      {error->stage, sizeof error->stage, 0},
      {error->target, sizeof error->target, 0},
      {error->message, sizeof error->message, 0},
      {error->hint, sizeof error->hint, 0},
      /* The last lines of something longer: its beginning may lie within a secret. */
      {error->detail, sizeof error->detail, SI_REDACT_CUT_HEAD},
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (texts[i].text[0]) {
      redact_cut_line(texts[i].text, texts[i].size,
                      texts[i].cut | cut_of(texts[i].text, texts[i].size));
    }
  }
}
