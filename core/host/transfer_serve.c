/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/transfer_serve.c - one object on its way through a provider: the requests about its
 * bytes, and the answers.
 */
#include <stdlib.h>
#include <string.h>

#include "core/host/dispatch_lock.h"
#include "core/host/transfer_impl.h"

/* Want of memory is the only failure of a frame, and ends the process. */
static void frame(struct si_link *link, uint32_t type, uint64_t id, const uint32_t *words,
                  size_t count, bool now) {
  size_t mark;
  struct si_buf *out = si_link_lock(link);
  si_rc status = si_frame_begin(out, type, id, &mark);
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    status = si_pack_u32(out, words[i]);
  }
  if (status != SI_OK || si_frame_end(out, mark) != SI_OK) {
    _Exit(4);
  }
  si_link_unlock(link, now);
}

static void begin(struct si_transfers *ts, struct si_transfer *t, const char *key) {
  t->op = calloc(1, sizeof *t->op);
  t->key = strdup(key);
  if (!t->op || !t->key) {
    _Exit(4);
  }
  t->op->host = ts->model->host;
  t->op->deadline_ns = ts->model->deadline_ns;
  t->op->subject = t->key;
  si_op_begin(t->op, t->id);
}

/* Writing: what fails is remembered, and told when the object is closed. */
static bool put_open(struct si_transfers *ts, struct si_transfer *t, struct si_unpack *in) {
  const char *key = si_unpack_text(in);
  si_put_options options = {.size = sizeof options, .flags = si_unpack_u32(in)};
  options.length = si_unpack_u64(in);
  options.content_type = si_unpack_text(in);
  si_lock_wish wish = {.size = sizeof wish, .mode = si_unpack_u32(in)};
  wish.flags = si_unpack_u32(in);
  wish.until_ms = (int64_t)si_unpack_u64(in);
  if (in->bad) {
    return false;
  }
  begin(ts, t, key);
  t->locks = wish.mode != SI_LOCK_NONE || wish.flags;
  si_doing_set("sink_open");
  if (t->locks) {
    t->status =
        si_lock_open(ts->descriptor, ts->instance, t->op, t->key, &options, &wish, &t->sink);
  } else {
    t->status =
        ts->descriptor->vt.artifact.sink_open(ts->instance, t->op, t->key, &options, &t->sink);
  }
  return true;
}

static bool put_data(struct si_transfers *ts, struct si_transfer *t, struct si_unpack *in) {
  const si_artifact_vt *vt = &ts->descriptor->vt.artifact;
  uint32_t slot = si_unpack_u32(in);
  uint32_t len = si_unpack_u32(in);
  const void *bytes = si_link_bytes(ts->link, slot, len);
  if (!bytes || in->bad) {
    return false;
  }
  si_doing_set("sink_write");
  if (t->status == SI_OK) {
    t->status = vt->sink_write(t->sink, t->op, bytes, len);
    if (t->status != SI_OK) {
      vt->sink_abort(t->sink);
    }
  }
  frame(ts->link, SI_FRAME_TAKEN, t->id, &slot, 1, len > SI_RING_SLOT);
  return true;
}

static bool put_close(struct si_transfers *ts, struct si_transfer *t, struct si_unpack *in) {
  const si_artifact_vt *vt = &ts->descriptor->vt.artifact;
  uint32_t commit = si_unpack_u32(in);
  if (in->bad) {
    return false;
  }
  si_doing_set("sink_finish");
  if (t->status == SI_OK && commit) {
    t->status = t->locks
                    ? ts->descriptor->retention.sink_finish(t->sink, t->op, t->op, si_lock_tell)
                    : vt->sink_finish(t->sink, t->op);
  } else if (t->status == SI_OK) {
    vt->sink_abort(t->sink);
  }
  si_op_done(t->op, t->status, 0, false);
  t->status = SI_E_CANCELLED; /* there is no sink any more */
  return true;
}

/* Fills a run with at most `cap` bytes; *end where the object ended. */
static si_rc fill(const struct si_transfers *ts, struct si_transfer *t, si_reader *reader, char *to,
                  uint32_t cap, uint32_t *len, bool *end) {
  *len = 0;
  while (*len < cap) {
    size_t got = 0;
    si_rc status =
        ts->descriptor->vt.artifact.reader_read(reader, t->op, to + *len, cap - *len, &got);
    if (status != SI_OK) {
      return status;
    }
    if (got > cap - *len) {
      return SI_E_CORRUPT; /* it wrote past what it was given, or says so */
    }
    if (got == 0) {
      *end = true;
      return SI_OK;
    }
    *len += (uint32_t)got;
  }
  return SI_OK;
}

/* Of an object of unknown length one slot comes first: a small one takes no more from the others.
 * The limit is held here, whatever the provider makes of it. */
static si_rc read_all(struct si_transfers *ts, struct si_transfer *t, si_reader *reader,
                      uint64_t limit) {
  si_rc status = SI_OK;
  uint64_t want = SI_RING_SLOT;
  for (bool end = limit == 0; status == SI_OK && !end; end = end || limit == 0) {
    uint32_t room = 0;
    uint32_t words[2] = {si_link_run(ts->link, want < limit ? want : limit, &room), 0};
    uint32_t cap = limit < room ? (uint32_t)limit : room;
    status = fill(ts, t, reader, si_link_memory(ts->link, words[0]), cap, &words[1], &end);
    limit -= limit == UINT64_MAX ? 0 : words[1];
    frame(ts->link, SI_FRAME_DATA, t->id, words, 2, words[1] >= SI_RING_SLOT);
    want = SI_RING_RUN_BYTES;
  }
  return status;
}

static bool get(struct si_transfers *ts, struct si_transfer *t, struct si_unpack *in) {
  const si_artifact_vt *vt = &ts->descriptor->vt.artifact;
  const char *key = si_unpack_text(in);
  uint64_t limit = si_unpack_u64(in);
  si_reader *reader = NULL;
  if (in->bad) {
    return false;
  }
  begin(ts, t, key);
  si_doing_set("reader_open");
  si_rc status = vt->reader_open(ts->instance, t->op, t->key, 0, limit, &reader);
  if (status == SI_OK) {
    si_doing_set("reader_read");
    status = read_all(ts, t, reader, limit);
    vt->reader_close(reader);
  }
  si_op_done(t->op, status, 0, false);
  return true;
}

bool si_transfer_serve(struct si_transfers *ts, struct si_transfer *t,
                       const struct si_request *request) {
  struct si_unpack in = si_unpack_of(&request->frame);
  bool sense = false;
  switch (request->frame.type) {
    case SI_FRAME_PUT_OPEN: sense = put_open(ts, t, &in); break;
    case SI_FRAME_PUT_DATA: sense = put_data(ts, t, &in); break;
    case SI_FRAME_PUT_CLOSE: sense = put_close(ts, t, &in); break;
    case SI_FRAME_GET: sense = get(ts, t, &in); break;
    default: break;
  }
  si_doing_set("wait");
  return sense;
}

void si_transfer_free(struct si_transfer *t) {
  while (t->first) {
    struct si_request *request = t->first;
    t->first = request->next;
    free(request);
  }
  free(t->key);
  free(t->op);
  free(t);
}
