/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/redact/stream.c - a text in pieces. What is held back is the raw text of whole pieces, from
 * the one in which a secret may have begun; where that cannot go on (too much, too many), what may
 * be a secret's beginning is taken for one.
 */
#include <string.h>

#include "paas/redact/private.h"

enum { LINE_CUT = 4 };

static void wipe(struct si_redact_stream *stream) {
  if (stream->held.data) {
    explicit_bzero(stream->held.data, stream->held.cap);
  }
  si_buf_free(&stream->held);
  stream->count = 0;
  stream->covered = 0;
}

static void emit_piece(const char *text, size_t len, const struct si_redact_spans *spans,
                       size_t base, unsigned tag, void *ctx, si_redact_emit emit) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(SIZE_MAX / 2);
  bool well = spans && si_redact_render(text, len, spans, base, &out) == SI_OK;
  emit(ctx, tag, well ? si_buf_text(&out) : SI_REDACTED);
}

/* What lines that were cut off end with: each for itself, whatever came behind it. */
static si_rc look_at_cut_lines(const struct si_redact_stream *stream,
                               struct si_redact_spans *spans) {
  si_rc status = SI_OK;
  size_t from = 0;
  for (size_t i = 0; status == SI_OK && i < stream->count; from = stream->ends[i], i++) {
    struct si_redact_spans found SI_AUTO(si_redact_spans_free) = {NULL, 0, 0};
    const struct si_redact_place place = {(const unsigned char *)stream->held.data + from,
                                          stream->ends[i] - from, NULL, 0};
    if (place.len + LINE_CUT >= SI_REDACT_LINE) {
      status = si_redact_by_value(&place, SI_REDACT_CUT_TAIL, &found, NULL);
    }
    for (size_t n = 0; status == SI_OK && n < found.count; n++) {
      status = si_redact_span_add(spans, from + found.list[n].from, from + found.list[n].to, false);
    }
  }
  return status;
}

/* Spans over all that is held, the part that an emitted piece showed already included. */
static si_rc look(const struct si_redact_stream *stream, unsigned cut,
                  struct si_redact_spans *spans, size_t *open_at) {
  struct si_redact_spans ends SI_AUTO(si_redact_spans_free) = {NULL, 0, 0};
  struct si_redact_spans found SI_AUTO(si_redact_spans_free) = {NULL, 0, 0};
  const struct si_redact_place place = {(const unsigned char *)stream->held.data, stream->held.len,
                                        stream->ends, stream->count};
  si_rc status = stream->covered ? si_redact_span_add(&ends, 0, stream->covered, false) : SI_OK;
  status = status == SI_OK ? look_at_cut_lines(stream, &ends) : status;
  status = status == SI_OK ? si_redact_by_value(&place, cut, &found, open_at) : status;
  return status == SI_OK ? si_redact_spans_merge(&found, 0, place.len, &ends, spans) : status;
}

/* Forgets the first `pieces`; a span over their end goes on in what stays. */
static void drop(struct si_redact_stream *stream, size_t pieces,
                 const struct si_redact_spans *spans) {
  size_t gone = pieces ? stream->ends[pieces - 1] : 0;
  size_t covered = 0;
  for (size_t i = 0; i < spans->count; i++) {
    if (spans->list[i].from < gone && spans->list[i].to > gone) {
      covered = spans->list[i].to - gone;
    }
  }
  if (pieces == stream->count) {
    wipe(stream);
    return;
  }
  if (pieces == 0) {
    return;
  }
  size_t left = stream->held.len - gone;
  memmove(stream->held.data, stream->held.data + gone, left);
  explicit_bzero(stream->held.data + left, stream->held.len - left);
  stream->held.len = left;
  stream->covered = covered;
  stream->count -= pieces;
  for (size_t i = 0; i < stream->count; i++) {
    stream->ends[i] = stream->ends[i + pieces] - gone;
    stream->tags[i] = stream->tags[i + pieces];
  }
}

/* Emits the pieces before the one in which something may begin; all of them where `all`. */
static void emit_some(struct si_redact_stream *stream, bool all, unsigned cut, void *ctx,
                      si_redact_emit emit) {
  struct si_redact_spans spans SI_AUTO(si_redact_spans_free) = {NULL, 0, 0};
  size_t open_at = 0;
  if (stream->count == 0) {
    return;
  }
  bool well = look(stream, cut, &spans, &open_at) == SI_OK;
  size_t pieces = 0;
  for (size_t from = 0; pieces < stream->count; pieces++) {
    size_t end = stream->ends[pieces];
    if (well && !all && open_at < end) {
      break;
    }
    emit_piece(si_buf_text(&stream->held) + from, end - from, well ? &spans : NULL, from,
               stream->tags[pieces], ctx, emit);
    from = end;
  }
  drop(stream, pieces, &spans);
}

static bool hold(struct si_redact_stream *stream, unsigned tag, const char *piece, size_t len) {
  stream->held.max = SI_REDACT_PIECE;
  /* At once: a buffer that grows leaves copies behind. */
  if (si_buf_reserve(&stream->held, SI_REDACT_PIECE - stream->held.len) != SI_OK ||
      si_buf_add(&stream->held, piece, len) != SI_OK) {
    return false;
  }
  stream->ends[stream->count] = stream->held.len;
  stream->tags[stream->count] = tag;
  stream->count++;
  return true;
}

/* No piece that is longer than what can be held is waited with. */
static void emit_long(unsigned tag, const char *piece, size_t len, void *ctx, si_redact_emit emit) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(SIZE_MAX / 2);
  si_rc status = si_redact_cut_text(piece, len, SI_REDACT_CUT_TAIL, &out);
  emit(ctx, tag, status == SI_OK ? si_buf_text(&out) : SI_REDACTED);
}

void si_redact_feed(struct si_redact_stream *stream, unsigned tag, const char *piece, void *ctx,
                    si_redact_emit emit) {
  size_t len = strlen(piece);
  if (stream->count == SI_REDACT_PIECES || len > SI_REDACT_PIECE - stream->held.len) {
    emit_some(stream, true, SI_REDACT_CUT_TAIL, ctx, emit);
  }
  if (len > SI_REDACT_PIECE || !hold(stream, tag, piece, len)) {
    emit_some(stream, true, SI_REDACT_CUT_TAIL, ctx, emit);
    emit_long(tag, piece, len, ctx, emit);
    return;
  }
  emit_some(stream, false, 0, ctx, emit);
}

void si_redact_end(struct si_redact_stream *stream, void *ctx, si_redact_emit emit) {
  emit_some(stream, true, 0, ctx, emit);
  wipe(stream);
}
