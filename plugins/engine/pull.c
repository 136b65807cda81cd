/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/engine/pull.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "kit/net/url.h"

enum { LONGEST_MS = 86400000 }; /* the bounds' deadline is what ends a pull */

/* --- the stream --- */

void si_pull_stream_free(struct si_pull_stream *stream) {
  si_buf_free(&stream->line);
}

static void note_status(struct si_pull_stream *stream, const char *status) {
  unsigned before = stream->done;
  if (strcmp(status, "Pulling fs layer") == 0) {
    stream->total++;
  } else if (strcmp(status, "Pull complete") == 0) {
    stream->done++;
  }
  if (stream->done != before && stream->layers) {
    stream->layers(stream->ctx, stream->done, stream->total);
  }
}

static si_rc take_line(struct si_pull_stream *stream) {
  cJSON *line SI_AUTO(si_json_free) = NULL;
  const char *text = si_buf_text(&stream->line);
  if (text[strspn(text, " \t\r\n")] == '\0') {
    si_buf_clear(&stream->line);
    return SI_OK;
  }
  si_rc status = si_json_parse(text, stream->line.len, &line, NULL);
  si_buf_clear(&stream->line);
  if (status != SI_OK || !cJSON_IsObject(line)) {
    return status == SI_E_NOMEM ? status : SI_E_CORRUPT;
  }
  const char *failure = si_json_str(line, "error");
  const char *told = si_json_str(line, "status");
  if (failure && !stream->failure[0]) {
    si_copy(stream->failure, sizeof stream->failure, failure[0] ? failure : "it did not say why");
  }
  if (told) {
    note_status(stream, told);
  }
  return SI_OK;
}

si_rc si_pull_stream_feed(struct si_pull_stream *stream, const void *data, size_t len) {
  const char *at = data;
  si_rc status = len <= stream->left ? SI_OK : SI_E_QUOTA;
  stream->left -= len <= stream->left ? len : stream->left;
  while (status == SI_OK && len > 0) {
    const char *newline = memchr(at, '\n', len);
    size_t piece = newline ? (size_t)(newline - at) : len;
    status = si_buf_add(&stream->line, at, piece);
    if (status == SI_OK && newline) {
      status = take_line(stream);
      piece++;
    }
    at += piece;
    len -= piece;
  }
  return status;
}

si_rc si_pull_stream_end(struct si_pull_stream *stream) {
  return take_line(stream);
}

/* --- the call --- */

static si_rc on_piece(void *ctx, const void *data, size_t len) {
  return si_pull_stream_feed(ctx, data, len);
}

/* The path of the call. A name alone would stand for all of its tags. */
static si_rc put_path(const char *reference, struct si_buf *path) {
  const char *name = strrchr(reference, '/');
  bool whole = strchr(reference, '@') || strchr(name ? name : reference, ':');
  si_rc status = si_buf_puts(path, "/images/create?fromImage=");
  status = status == SI_OK ? si_url_encode(reference, strlen(reference), false, path) : status;
  return status == SI_OK && !whole ? si_buf_puts(path, "%3Alatest") : status;
}

/* Engines tell everything in words, most of it after a 200. */
static si_rc kind_of(const char *words) {
  static const struct {
    const char *says;
    si_rc status;
  } known[] = {
      {"not found", SI_E_NOT_FOUND},
      {"manifest unknown", SI_E_NOT_FOUND},
      {"name unknown", SI_E_NOT_FOUND},
      {"does not exist", SI_E_NOT_FOUND},
      {"no matching manifest", SI_E_NOT_FOUND},
      {"no space left", SI_E_QUOTA},
      {"unauthorized", SI_E_AUTH},
      {"authentication required", SI_E_AUTH},
      {"access denied", SI_E_AUTH},
      {"denied:", SI_E_AUTH},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcasestr(words, known[i].says)) {
      return known[i].status;
    }
  }
  return SI_E_UNAVAILABLE;
}

static si_rc refused(const char *reference, const char *words, struct si_error *error) {
  si_rc status = kind_of(words);
  si_error_set(error, status, "ENGINE_PULL", "pulling %.256s: %s", reference, words);
  if (error) {
    error->retry = status == SI_E_UNAVAILABLE ? SI_RETRY_SAFE : SI_RETRY_NEVER;
  }
  return status;
}

si_rc si_engine_pull(struct si_engine *engine, const char *reference, si_engine_layers layers,
                     void *ctx, struct si_error *error) {
  struct si_buf path SI_AUTO(si_buf_free) = SI_BUF(4096);
  struct si_pull_stream stream SI_AUTO(si_pull_stream_free) = SI_PULL_STREAM;
  struct si_error why;
  char what[320];
  stream.layers = layers;
  stream.ctx = ctx;
  if (put_path(reference, &path) != SI_OK) {
    return si_error_set(error, SI_E_INVALID, "ENGINE_REQUEST", "\"%.200s\" is no image reference",
                        reference);
  }
  snprintf(what, sizeof what, "pulling %.256s", reference);
  struct si_engine_query query = {.method = "POST",
                                  .path = si_buf_text(&path),
                                  .repeatable = true,
                                  .at_most_ms = LONGEST_MS,
                                  .what = what,
                                  .sink = on_piece,
                                  .sink_ctx = &stream};
  si_rc status = si_engine_ask(engine, &query, NULL, &why);
  status = status == SI_OK ? si_pull_stream_end(&stream) : status;
  if (stream.failure[0]) {
    return refused(reference, stream.failure, error);
  }
  if (status == SI_E_CORRUPT || status == SI_E_QUOTA) {
    return si_error_set(error, SI_E_CORRUPT, "ENGINE_ANSWER",
                        "%s: the engine's answer is not what an engine says", what);
  }
  if (status != SI_OK &&
      (strcmp(why.code, "ENGINE_NOT_FOUND") == 0 || strcmp(why.code, "ENGINE_REFUSED") == 0)) {
    bool said = strncmp(why.message, what, strlen(what)) == 0; /* refused() says it, too */
    return refused(reference, why.message + (said ? strlen(what) + 2 : 0), error);
  }
  if (status != SI_OK && error) {
    *error = why;
  }
  return status;
}
