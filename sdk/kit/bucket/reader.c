/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/bucket/reader.c - reading objects: window by window, the next ones fetched while one is read.
 * Every window is of the same object (its ETag), or the reading fails. Depends on store.h, crew.h,
 * kit/base, kit/net.
 */
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "kit/bucket/crew.h"
#include "kit/bucket/store.h"

#define WINDOW (4ull << 20)

struct window {
  char *data;
  size_t len;
  size_t size;
  uint64_t offset;
  uint64_t limit;
  struct si_s3_object object; /* what the store says of it */
  struct si_error error;      /* or status SI_OK */
};

struct si_reader {
  si_instance *store;
  uint64_t next; /* offset of the window that is fetched next */
  uint64_t end;  /* behind the last byte wanted */
  uint64_t deadline_ns;
  char etag[SI_S3_ETAG];
  unsigned at;   /* the window being read */
  size_t taken;  /* bytes of it */
  uint64_t left; /* bytes that are still to be given */
  bool crowded;  /* there is a crew */
  struct si_bucket_crew crew;
  struct window windows[SI_BUCKET_CREW_SLOTS];
  char full[SI_BUCKET_KEY];
  char key[];
};

/* Room for what will come, made at its first byte, when its length is known. */
static si_rc on_data(void *ctx, const void *data, size_t len) {
  struct window *w = ctx;
  if (!w->data) {
    uint64_t rest = w->object.length > w->offset ? w->object.length - w->offset : 0;
    w->size = (size_t)(rest < w->limit ? rest : w->limit);
    w->data = malloc(w->size ? w->size : 1);
    if (!w->data) {
      return SI_E_NOMEM;
    }
  }
  if (len > w->size - w->len) {
    return SI_E_INTERNAL;
  }
  memcpy(w->data + w->len, data, len);
  w->len += len;
  return SI_OK;
}

static si_rc fetch(si_reader *r, const struct si_s3_call *call, struct window *w) {
  const struct si_s3_range range = {w->offset, w->limit, r->etag[0] ? r->etag : NULL};
  w->len = 0;
  w->error.status = SI_OK;
  return si_s3_get(r->store->s3, call, r->full, &range, on_data, w, &w->object, &w->error);
}

static void fetch_window(void *ctx, unsigned at) {
  si_reader *r = ctx;
  const struct si_s3_call call = {r->deadline_ns, si_bucket_crew_stopped, &r->crew};
  /* A failure is told when its turn comes. */
  if (fetch(r, &call, &r->windows[at]) == SI_OK) {
    r->windows[at].error.status = SI_OK;
  }
}

/* Has the next window fetched into an idle slot. */
static void ask(si_reader *r, unsigned slot) {
  struct window *w = &r->windows[slot];
  w->offset = r->next;
  w->limit = r->end - r->next < WINDOW ? r->end - r->next : WINDOW;
  w->len = 0;
  if (w->limit > 0) {
    r->next += w->limit;
    si_bucket_crew_give(&r->crew, slot);
  }
}

/* The first window tells whether the object is there, and how long it is. */
static si_rc begin(si_reader *r, si_op *op, uint64_t offset, uint64_t limit) {
  struct window *w = &r->windows[0];
  struct si_bucket_call call;
  si_bucket_call_begin(&call, r->store, op);
  r->deadline_ns = call.s3.deadline_ns;
  w->offset = offset;
  w->limit = limit < WINDOW ? limit : WINDOW;
  si_rc status = fetch(r, &call.s3, w);
  if (status != SI_OK) {
    return si_bucket_fail(r->store, op, &w->error, r->key);
  }
  uint64_t length = w->object.length;
  uint64_t rest = length > offset ? length - offset : 0;
  r->left = rest < limit ? rest : limit;
  r->end = offset + r->left;
  r->next = offset + w->len;
  si_copy(r->etag, sizeof r->etag, w->object.etag);
  if (r->next < r->end) {
    si_bucket_crew_init(&r->crew, fetch_window, r);
    r->crowded = true;
    for (unsigned i = 1; i < SI_BUCKET_CREW_SLOTS; i++) {
      ask(r, i);
    }
  }
  return SI_OK;
}

si_rc si_bucket_reader_open(si_instance *store, si_op *op, const char *key, uint64_t offset,
                            uint64_t limit, si_reader **out) {
  char full[SI_BUCKET_KEY];
  si_rc status = si_bucket_key(store, op, key, full);
  if (status != SI_OK) {
    return status;
  }
  si_reader *r = calloc(1, sizeof *r + strlen(key) + 1);
  if (!r) {
    return si_bucket_refuse(store, op, SI_E_NOMEM, NULL, key, "out of memory");
  }
  r->store = store;
  memcpy(r->key, key, strlen(key) + 1);
  memcpy(r->full, full, sizeof full);
  status = begin(r, op, offset, limit);
  if (status != SI_OK) {
    si_bucket_reader_close(r);
    return status;
  }
  *out = r;
  return SI_OK;
}

static bool go_on(void *ctx) {
  const struct si_bucket_call *call = ctx;
  return !call->s3.cancelled || !call->s3.cancelled(call->s3.ctx);
}

/* On to the window behind the one that was read. */
static si_rc turn(si_reader *r, si_op *op) {
  struct si_bucket_call call;
  ask(r, r->at);
  r->at = (r->at + 1) % SI_BUCKET_CREW_SLOTS;
  r->taken = 0;
  si_bucket_call_begin(&call, r->store, op);
  if (!si_bucket_crew_wait(&r->crew, r->at, go_on, &call)) {
    bool late = r->deadline_ns && si_monotonic_ns() >= r->deadline_ns;
    return si_bucket_refuse(r->store, op, late ? SI_E_TIMEOUT : SI_E_CANCELLED, NULL, r->key,
                            late ? "the deadline passed" : "cancelled");
  }
  const struct window *w = &r->windows[r->at];
  if (w->error.status != SI_OK) {
    return si_bucket_fail(r->store, op, &w->error, r->key);
  }
  if (w->len == 0) {
    return si_bucket_refuse(r->store, op, SI_E_IO, NULL, r->key,
                            "s3://%s/%s ended before its length", r->store->config.bucket, r->full);
  }
  return SI_OK;
}

si_rc si_bucket_reader_read(si_reader *r, si_op *op, void *buf, size_t cap, size_t *got) {
  *got = 0;
  if (r->left == 0 || cap == 0) {
    return SI_OK;
  }
  if (r->taken == r->windows[r->at].len) {
    si_rc status = turn(r, op);
    if (status != SI_OK) {
      return status;
    }
  }
  const struct window *w = &r->windows[r->at];
  size_t n = w->len - r->taken < cap ? w->len - r->taken : cap;
  memcpy(buf, w->data + r->taken, n);
  r->taken += n;
  r->left -= n;
  *got = n;
  return SI_OK;
}

void si_bucket_reader_close(si_reader *r) {
  if (r->crowded) {
    si_bucket_crew_end(&r->crew, true);
  }
  for (unsigned i = 0; i < SI_BUCKET_CREW_SLOTS; i++) {
    free(r->windows[i].data);
  }
  free(r);
}
