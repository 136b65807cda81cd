/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "kit/base/text.h"
#include "paas/events/private.h"

/* How far a clock that is set back can put an event before those that came earlier: further back
 * than this nothing newer is looked for. */
enum { SLACK_MS = 3600000, LIMIT = 50 };

struct stream {
  const char *name;
  int fd;
  struct si_tail tail;
  cJSON *event; /* the newest that fits and was not yet given; NULL: no more */
};

struct merge {
  const struct si_events_filter *filter;
  struct stream streams[SI_STREAMS];
};

static void merge_free(struct merge *merge) {
  for (int i = 0; i < SI_STREAMS; i++) {
    cJSON_Delete(merge->streams[i].event);
    si_tail_free(&merge->streams[i].tail);
    si_close(&merge->streams[i].fd);
  }
}

static si_rc cannot_read(const struct stream *stream, si_rc status, struct si_error *error) {
  if (status == SI_E_IO) {
    return si_events_errno(errno, "reading", stream->name, error);
  }
  if (status == SI_E_CORRUPT) {
    si_error_set(error, status, "EVENTS_TAMPERED",
                 "events/%s.jsonl holds a line that is longer than an event can be", stream->name);
    si_error_target(error, "events", stream->name);
    return si_error_hint(error, "si paas events verify names it");
  }
  return si_error_set(error, status, "OUT_OF_MEMORY", "out of memory while reading events");
}

/* Is nothing newer than since_ms to be expected before this line? It is told from its bytes: the
 * line may not fit the filter, and be unparsed. */
static bool too_old(const struct si_events_filter *filter, const char *line, size_t len) {
  static const char key[] = "\"at\":\"";
  char text[SI_TIME_SIZE];
  int64_t at = 0;
  const char *found = filter->since_ms ? memmem(line, len, key, sizeof key - 1) : NULL;
  const char *value = found ? found + sizeof key - 1 : NULL;
  const char *end = found ? memchr(value, '"', len - (size_t)(value - line)) : NULL;
  if (!end || (size_t)(end - value) >= sizeof text) {
    return false;
  }
  memcpy(text, value, (size_t)(end - value));
  text[end - value] = '\0';
  return si_time_parse(text, &at) == SI_OK && at < filter->since_ms - SLACK_MS;
}

/* The next one backwards that fits. */
static si_rc advance(const struct si_events_filter *filter, struct stream *stream,
                     struct si_error *error) {
  const char *line = NULL;
  size_t len = 0;
  cJSON_Delete(stream->event);
  stream->event = NULL;
  while (stream->fd >= 0 && !stream->event) {
    bool readable = true;
    si_rc status = si_tail_next(&stream->tail, &line, &len);
    if (status == SI_OK && line && !too_old(filter, line, len)) {
      status = si_events_take(filter, line, len, &stream->event, &readable);
    } else if (status == SI_OK) {
      return SI_OK;
    }
    if (status != SI_OK) {
      return cannot_read(stream, status, error);
    }
    if (!readable && filter->unreadable) {
      ++*filter->unreadable;
    }
  }
  return SI_OK;
}

static si_rc open_stream(int dir, const struct si_events_filter *filter, int64_t until,
                         struct stream *stream, struct si_error *error) {
  struct stat st;
  si_rc status = si_events_open(dir, stream->name, &stream->fd, error);
  if (status != SI_OK || stream->fd < 0) {
    return status;
  }
  if (fstat(stream->fd, &st) != 0) {
    return si_events_errno(errno, "looking at", stream->name, error);
  }
  status = si_tail_begin(&stream->tail, stream->fd, st.st_size < until ? st.st_size : until);
  return status == SI_OK ? advance(filter, stream, error) : cannot_read(stream, status, error);
}

static struct stream *newest(struct merge *merge) {
  struct stream *best = NULL;
  for (int i = 0; i < SI_STREAMS; i++) {
    struct stream *stream = &merge->streams[i];
    if (stream->event &&
        (!best || strcmp(si_event_at(stream->event), si_event_at(best->event)) > 0)) {
      best = stream;
    }
  }
  return best;
}

si_rc si_events_list_until(int dir, const struct si_events_filter *filter, const int64_t *until,
                           void *ctx, si_events_each each, struct si_error *error) {
  struct merge merge SI_AUTO(merge_free) = {.filter = filter};
  size_t left = filter->limit ? filter->limit : LIMIT;
  si_rc status = SI_OK;
  for (int i = 0; i < SI_STREAMS; i++) {
    merge.streams[i].name = si_event_streams[i];
    merge.streams[i].fd = -1;
  }
  for (int i = 0; status == SI_OK && i < SI_STREAMS; i++) {
    if (si_events_wants(filter, merge.streams[i].name)) {
      status = open_stream(dir, filter, until ? until[i] : INT64_MAX, &merge.streams[i], error);
    }
  }
  struct stream *next;
  while (status == SI_OK && left > 0 && (next = newest(&merge)) != NULL) {
    status = each(ctx, next->name, next->event);
    if (status == SI_OK && --left > 0) {
      status = advance(filter, next, error);
    }
  }
  return status;
}

si_rc si_events_list(const struct si_context *context, const struct si_events_filter *filter,
                     void *ctx, si_events_each each, struct si_error *error) {
  int dir SI_AUTO(si_close) = -1;
  si_rc status = si_events_filter_check(filter, error);
  if (status == SI_OK) {
    status = si_events_dir(context, false, &dir, error);
  }
  return status == SI_OK ? si_events_list_until(dir, filter, NULL, ctx, each, error) : status;
}
