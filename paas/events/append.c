/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/events/private.h"

enum { LOCK_WAIT_MS = 2000, BATCH_MAX = 1 << 20 };

/* --- what waits in the store, a batch at a time --- */

struct batch {
  struct si_buf text; /* whole lines, each with its \n */
  uint64_t first;     /* 0: none waits */
  uint64_t last;
};

static void batch_free(struct batch *batch) {
  si_buf_free(&batch->text);
}

static si_rc collect(void *ctx, uint64_t seq, const char *line) {
  struct batch *batch = ctx;
  size_t len = strlen(line);
  if (batch->last > 0 && batch->text.len + len + 1 > BATCH_MAX) {
    return SI_E_QUOTA; /* the rest is the next batch's */
  }
  si_rc status = si_buf_reserve(&batch->text, len + 1);
  if (status != SI_OK) {
    return SI_E_NOMEM;
  }
  status = si_buf_add(&batch->text, line, len);
  status = status == SI_OK ? si_buf_add(&batch->text, "\n", 1) : status;
  batch->first = batch->first ? batch->first : seq;
  batch->last = seq;
  return status;
}

static si_rc next_batch(struct si_state *state, const char *stream, uint64_t after,
                        struct batch *batch, struct si_error *error) {
  si_buf_clear(&batch->text);
  batch->first = batch->last = 0;
  batch->text.max = BATCH_MAX + SI_EVENT_LINE_MAX + 1;
  si_rc status = si_state_events_waiting(state, stream, after, batch, collect, error);
  return status == SI_E_QUOTA && batch->last > 0 ? SI_OK : status;
}

/* --- the end of the file: a flush that was cut off may have written some of it --- */

struct target {
  int fd;
  int64_t size; /* when it was opened */
  int64_t same; /* from here on it may hold what waits already; -1: it does not */
  bool foreign; /* it ends with something that is no event of ours */
};

static uint64_t seq_of(const char *line, size_t len) {
  cJSON *event SI_AUTO(si_json_free) = NULL;
  if (si_json_parse(line, len, &event, NULL) != SI_OK) {
    return 0;
  }
  return (uint64_t)si_json_int(event, "seq", 1, 1ll << 53, 0);
}

/* Behind the last line that is older than `first`. */
static si_rc find_same(struct target *target, uint64_t first) {
  struct si_tail tail SI_AUTO(si_tail_free) = {.fd = -1};
  const char *line = NULL;
  size_t len = 0;
  si_rc status = si_tail_begin(&tail, target->fd, target->size);
  int64_t start = tail.end;
  while (status == SI_OK) {
    start = tail.end;
    status = si_tail_next(&tail, &line, &len);
    if (status != SI_OK || !line || seq_of(line, len) < first) {
      break;
    }
  }
  target->foreign = status == SI_E_CORRUPT; /* no end of a line is to be found */
  target->same = target->foreign ? -1 : start;
  return status == SI_E_CORRUPT ? SI_OK : status;
}

/* *skip bytes of the text stand in the file already, whole lines or the beginning of one. */
static si_rc compare(struct target *target, const struct si_buf *text, size_t *skip) {
  char block[65536];
  *skip = 0;
  while (target->same >= 0 && target->same < target->size && *skip < text->len) {
    size_t len = text->len - *skip;
    len = len < sizeof block ? len : sizeof block;
    ssize_t n = pread(target->fd, block, len, target->same);
    if (n <= 0) {
      errno = n == 0 ? ENODATA : errno;
      return SI_E_IO;
    }
    if (memcmp(block, text->data + *skip, (size_t)n) != 0) {
      target->foreign = true;
      target->same = -1;
      *skip = 0;
    }
    if (target->foreign) {
      return SI_OK;
    }
    target->same += n;
    *skip += (size_t)n;
  }
  return SI_OK;
}

/* What is no event of ours stays as it is, for verify to name; but no line of ours joins it. */
static si_rc end_line(struct target *target) {
  char last = '\n';
  if (target->size > 0 && pread(target->fd, &last, 1, target->size - 1) != 1) {
    return SI_E_IO;
  }
  return last == '\n' || si_write_all(target->fd, "\n", 1) == 0 ? SI_OK : SI_E_IO;
}

static si_rc write_batch(struct target *target, const struct batch *batch) {
  size_t skip = 0;
  si_rc status = compare(target, &batch->text, &skip);
  if (status == SI_OK && target->foreign) {
    status = end_line(target);
    target->foreign = false;
  }
  size_t left = batch->text.len - skip;
  if (status == SI_OK && left > 0) {
    target->same = -1;
    status = si_write_all(target->fd, batch->text.data + skip, left) == 0 ? SI_OK : SI_E_IO;
  }
  return status == SI_OK && fdatasync(target->fd) != 0 ? SI_E_IO : status;
}

/* --- a stream, and all --- */

static si_rc open_target(int dir, const char *stream, uint64_t first, struct target *target,
                         struct si_error *error) {
  struct stat st;
  si_rc status = si_events_open_append(dir, stream, &target->fd, error);
  if (status != SI_OK) {
    return status;
  }
  if (fstat(target->fd, &st) != 0) {
    return si_events_errno(errno, "looking at", stream, error);
  }
  target->size = st.st_size;
  status = find_same(target, first);
  return status == SI_E_IO ? si_events_errno(errno, "reading", stream, error)
         : status != SI_OK ? si_error_set(error, status, "OUT_OF_MEMORY", "out of memory")
                           : SI_OK;
}

static void close_target(struct target *target) {
  si_close(&target->fd);
}

static si_rc flush_stream(int dir, struct si_state *state, const char *stream,
                          struct si_error *error) {
  struct batch batch SI_AUTO(batch_free) = {.first = 0};
  struct target target SI_AUTO(close_target) = {.fd = -1};
  si_rc status = next_batch(state, stream, 0, &batch, error);
  if (status == SI_OK && batch.first > 0) {
    status = open_target(dir, stream, batch.first, &target, error);
  }
  while (status == SI_OK && batch.first > 0) {
    if (write_batch(&target, &batch) != SI_OK) {
      return si_events_errno(errno, "writing", stream, error);
    }
    status = si_state_events_written(state, stream, batch.last, error);
    if (status == SI_OK) {
      status = next_batch(state, stream, batch.last, &batch, error);
    }
  }
  return status;
}

si_rc si_events_flush(const struct si_context *context, struct si_state *state,
                      struct si_error *error) {
  int dir SI_AUTO(si_close) = -1;
  int lock SI_AUTO(si_close) = -1;
  si_rc status = si_events_dir(context, true, &dir, error);
  if (status == SI_OK) {
    status = si_events_lock(dir, false, LOCK_WAIT_MS, &lock, error);
  }
  for (int i = 0; status == SI_OK && i < SI_STREAMS; i++) {
    status = flush_stream(dir, state, si_event_streams[i], error);
  }
  return status;
}

si_rc si_events_append(const struct si_context *context, struct si_state *state,
                       const struct si_event *event, struct si_error *error) {
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  si_rc status = si_event_record(context, event, &record);
  if (status != SI_OK) {
    return si_error_set(error, status, "EVENT_RECORD", "the event %s cannot be written down: %s",
                        event->action, si_status_text(status));
  }
  const struct si_state_event added = {event->stream ? event->stream : "audit", record.data};
  status = si_state_events_add(state, &added, 1, error);
  if (status == SI_OK && si_events_flush(context, state, NULL) != SI_OK) {
    /* It is in the store: the next append or flush writes the line. */
  }
  return status;
}
