/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/export_queue.c - files on their way into an export: read and hashed by a feed, put
 * into the store as they come, several at once where the store takes that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/runpack/export_impl.h"
#include "core/runpack/feed.h"

enum {
  ROOM = SI_FEED_QUEUE + SI_FEED_THREADS * 4 * SI_FEED_PIECES,
  /* Of long files, as many at once: each fills a run of the ring, and as much as is being filled
   * must have room on its way to the disk. */
  LONG_MAX = 2
};

/* A file of which most of the ring could be full. */
#define LONG (4ull << 20)

/* The object that a stream of the feed is at. */
struct lane {
  bool open;
  bool is_long;
  uint64_t put;
};

struct si_queue {
  struct si_feed *feed;
  struct lane lane[SI_FEED_THREADS];
  struct si_artifact artifact[ROOM]; /* on their way; free ones are in `spare` */
  uint16_t spare[ROOM];
  size_t spares;
};

static si_rc make(struct si_export *e, struct si_error *error) {
  struct si_queue *q = calloc(1, sizeof *q);
  if (!q || si_feed_new(e->cap, &q->feed) != SI_OK) {
    free(q);
    return si_error_set(error, SI_E_NOMEM, "RUNPACK_EXPORT_FAILED", "out of memory");
  }
  for (uint16_t i = 0; i < ROOM; i++) {
    q->spare[q->spares++] = i;
  }
  e->queue = q;
  return SI_OK;
}

void si_export_queue_free(struct si_export *e) {
  struct si_queue *q = e->queue;
  if (!q) {
    return;
  }
  si_feed_free(&q->feed);
  for (size_t i = 0; i < SI_FEED_THREADS; i++) {
    if (q->lane[i].open) {
      (void)e->store->vt->put_close(e->store, q->lane[i].put, 0, NULL);
    }
  }
  free(q);
  e->queue = NULL;
}

/* Streams whose blocks can be stored now: all, or those of objects that are open where the store
 * takes no more. */
static uint32_t streams(const struct si_export *e) {
  uint32_t open = 0, count = 0, count_long = 0;
  for (uint32_t i = 0; i < SI_FEED_THREADS; i++) {
    const struct lane *lane = &e->queue->lane[i];
    open |= lane->open ? 1u << i : 0;
    count += lane->open;
    count_long += lane->open && lane->is_long;
  }
  bool more = count < (e->store->open_max ? e->store->open_max : 1) && count_long < LONG_MAX;
  return more ? UINT32_MAX : open;
}

static si_rc failed(const struct si_export *e, const struct si_feed_piece *piece, const char *path,
                    struct si_error *error) {
  const char *why = piece->why ? piece->why->message : "cannot be read";
  switch (piece->status) {
    case SI_E_QUOTA: return si_export_too_large(e, path, error);
    case SI_E_CONFLICT:
      return si_export_refuse(error, SI_E_CONFLICT, "RUNPACK_ARTIFACT_CHANGED", path, why);
    case SI_E_INTERNAL: return si_error_set(error, SI_E_INTERNAL, "HASH_FAILED", "%s", why);
    case SI_E_REFUSED:
      if (!piece->why || !piece->why->code[0]) {
        return si_export_refuse(error, SI_E_REFUSED, "RUNPACK_ARTIFACT_INVALID", path, why);
      }
      break;
    default: break;
  }
  si_error_set(error, piece->status, "RUNPACK_ARTIFACT_INVALID", "%s", why);
  si_error_target(error, "export", path);
  return piece->status;
}

static si_rc put_piece(struct si_export *e, struct lane *lane, const struct si_feed_piece *piece,
                       const struct si_artifact *artifact, const char *path,
                       struct si_error *error) {
  const struct si_store_vt *vt = e->store->vt;
  char key[SI_KEY_SIZE];
  si_rc status = SI_OK;
  if (piece->first && (status = si_runpack_key(e->prefix, path, key)) != SI_OK) {
    return si_export_refuse(error, status, "RUNPACK_ARTIFACT_INVALID", path,
                            "has a key longer than 4096 bytes");
  }
  if (piece->first) {
    status = vt->put_open(e->store, key, 0, piece->length, si_export_content_type(artifact),
                          &lane->put, error);
    lane->open = status == SI_OK;
    lane->is_long = piece->length >= LONG;
  }
  if (status == SI_OK && piece->len) {
    status = vt->put_data(e->store, lane->put, piece->data, piece->len, error);
  }
  if (status == SI_OK && piece->last) {
    lane->open = false;
    status = vt->put_close(e->store, lane->put, 1, error);
  }
  return status;
}

static si_rc take_piece(struct si_export *e, struct lane *lane, const struct si_feed_piece *piece,
                        struct si_error *error) {
  struct si_queue *q = e->queue;
  const struct si_artifact *artifact = piece->tag;
  char path[SI_KEY_SIZE];
  snprintf(path, sizeof path, SI_KEY_ARTIFACTS "%s", artifact->name);
  si_rc status = piece->status == SI_OK ? put_piece(e, lane, piece, artifact, path, error)
                                        : failed(e, piece, path, error);
  if (status == SI_OK && piece->last) {
    status = si_export_record(e, artifact, path, 0, piece->length, piece->sha256, error);
    q->spare[q->spares++] = (uint16_t)(artifact - q->artifact);
  }
  return status;
}

/* Stores one block; *left is false where there was none any more. */
static si_rc take_block(struct si_export *e, bool *left, struct si_error *error) {
  struct si_queue *q = e->queue;
  const struct si_feed_block *block = si_feed_next(q->feed, streams(e));
  *left = block != NULL;
  if (!block) {
    return SI_OK;
  }
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < block->count; i++) {
    status = take_piece(e, &q->lane[block->stream], &block->pieces[i], error);
  }
  si_feed_give(q->feed, block);
  return status;
}

/* After a failure nothing of the queue is used any more. */
static si_rc end(struct si_export *e, si_rc status) {
  if (status != SI_OK) {
    e->status = status;
    si_export_queue_free(e);
  }
  return status;
}

si_rc si_export_queue(struct si_export *e, const struct si_artifact *artifact,
                      struct si_error *error) {
  char path[SI_KEY_SIZE];
  bool left = true;
  if (e->ground.there.count) {
    return si_export_add(e, artifact, error); /* some are to be kept: one after the other */
  }
  si_rc status = si_export_path(e, artifact, path, error);
  if (status == SI_OK && !e->queue) {
    status = make(e, error);
  }
  struct si_queue *q = e->queue;
  if (status != SI_OK) {
    return end(e, status);
  }
  while (status == SI_OK && q->spares == 0) {
    status = take_block(e, &left, error);
  }
  if (status != SI_OK) {
    return end(e, status);
  }
  struct si_artifact *kept = &q->artifact[q->spare[--q->spares]];
  *kept = *artifact;
  while (status == SI_OK && !si_feed_add(q->feed, artifact->dir, artifact->file, kept)) {
    status = take_block(e, &left, error);
  }
  return end(e, status);
}

si_rc si_export_settle(struct si_export *e, struct si_error *error) {
  si_rc status = SI_OK;
  for (bool left = e->queue != NULL; status == SI_OK && left;) {
    status = take_block(e, &left, error);
  }
  return end(e, status);
}
