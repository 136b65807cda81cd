/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/feed.h - files that are read and hashed on threads of their own, ahead of the caller
 * who stores them. Depends on sdk/kit/base. One thread calls.
 *
 * Each thread is at one file at a time and fills blocks: many small files go into one, a long one
 * takes as many as it needs, which come in order. The blocks are private memory: what is hashed is
 * what the caller sees. Long files that are not in memory are read past the page cache.
 */
#ifndef SI_CORE_RUNPACK_FEED_H
#define SI_CORE_RUNPACK_FEED_H

#include <stdbool.h>

#include "kit/base/hash.h"

enum {
  SI_FEED_THREADS = 4,
  SI_FEED_QUEUE = 64, /* files that may wait */
  SI_FEED_PIECES = 16 /* of a block */
};

struct si_feed;

/* Bytes of one file. */
struct si_feed_piece {
  void *tag;       /* as it was added */
  uint64_t length; /* of the file, when it was opened */
  const char *data;
  size_t len;
  bool first, last; /* of its file */
  si_rc status;     /* other than SI_OK: last, without bytes; *why says more */
  struct si_error *why;
  char sha256[SI_SHA256_HEX]; /* of the file, with last */
};

struct si_feed_block {
  unsigned stream; /* which thread filled it */
  size_t count;
  struct si_feed_piece pieces[SI_FEED_PIECES];
};

/* `cap` bounds a file: a longer one ends with SI_E_QUOTA before it is read. */
si_rc si_feed_new(uint64_t cap, struct si_feed **out) SI_MUST_USE;
/* A file below `dir`; links are not followed. Both, and what the path points to, must live until
 * its last piece has come. False while SI_FEED_QUEUE wait: take a block first. */
bool si_feed_add(struct si_feed *feed, int dir, const char *path, void *tag) SI_MUST_USE;
/* Waits for a block of any stream whose bit is set in `streams`; NULL once nothing is left. */
const struct si_feed_block *si_feed_next(struct si_feed *feed, uint32_t streams);
/* Hands a block back; one is held at a time. */
void si_feed_give(struct si_feed *feed, const struct si_feed_block *block);
void si_feed_free(struct si_feed **feed);

#endif
