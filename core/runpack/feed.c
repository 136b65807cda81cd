/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/base/direct.h"
#include "kit/base/path.h"

enum {
  BLOCK = 256 * 1024,
  BLOCKS = 2,               /* of a thread: one is filled while the other is taken */
  WAKE_AT = SI_FEED_PIECES, /* files that wait: no thread is woken for each */
  SMALL = 64 * 1024
};

/* A long file that is read through the page cache is let go of on the way. */
#define STREAMED (32ull << 20)
#define WINDOW (8ull << 20)

struct block {
  struct si_feed_block head; /* first: the caller's is ours */
  char *memory;
  size_t used;
  bool full;
};

struct stream {
  struct si_feed *feed;
  struct block block[BLOCKS];
  unsigned fill, take; /* which is next */
  struct si_hasher hasher;
  bool busy;           /* at a file, or with a block that was not handed over */
  pthread_cond_t room; /* a block was given back, or stop */
  pthread_t thread;
};

struct job {
  int dir;
  const char *path;
  void *tag;
};

struct si_feed {
  uint64_t cap;
  struct stream stream[SI_FEED_THREADS];
  unsigned threads;
  pthread_mutex_t lock; /* of what follows, and of full, take and busy */
  pthread_cond_t more;  /* jobs, hunger, or stop */
  pthread_cond_t made;  /* a block, or the end of it all */
  unsigned idle;        /* threads that wait for more */
  bool hungry;          /* the caller waits: blocks go out as they are */
  struct job job[SI_FEED_QUEUE];
  size_t first, count;
  bool stop;
};

/* --- a stream's thread --- */

static struct block *filling(struct stream *s) {
  return &s->block[s->fill];
}

/* With the lock. Hands the block over, and waits for the next; false where there will be none. */
static bool hand_over_locked(struct stream *s) {
  struct si_feed *f = s->feed;
  filling(s)->full = true;
  s->fill = (s->fill + 1) % BLOCKS;
  if (f->hungry) {
    pthread_cond_signal(&f->made);
  }
  while (filling(s)->full && !f->stop) {
    pthread_cond_wait(&s->room, &f->lock);
  }
  if (f->stop) {
    return false;
  }
  filling(s)->used = 0;
  filling(s)->head.count = 0;
  return true;
}

static bool hand_over(struct stream *s) {
  pthread_mutex_lock(&s->feed->lock);
  bool on = hand_over_locked(s);
  pthread_mutex_unlock(&s->feed->lock);
  return on;
}

static struct si_feed_piece *piece(struct stream *s, const struct job *job, uint64_t length) {
  struct block *b = filling(s);
  struct si_feed_piece *p = &b->head.pieces[b->head.count++];
  *p = (struct si_feed_piece){.tag = job->tag, .length = length, .data = b->memory + b->used};
  return p;
}

static void fail(struct stream *s, const struct job *job, bool first, si_rc status, int err,
                 const char *what) {
  struct si_feed_piece *p = piece(s, job, 0);
  p->first = first;
  p->last = true;
  p->status = status;
  p->why = calloc(1, sizeof *p->why);
  if (err) {
    si_error_errno(p->why, err, "RUNPACK_ARTIFACT_INVALID", "%s artifact %s", what, job->path);
  } else {
    si_error_set(p->why, status, "", "%s", what);
  }
}

/* As much as there is, `want` at most. */
static ssize_t read_full(int fd, char *to, size_t want, uint64_t at, int *direct) {
  size_t have = 0;
  while (have < want) {
    ssize_t n = si_direct_read(fd, to + have, want - have, at + have, direct);
    if (n < 0) {
      return -1;
    }
    if (n == 0) {
      break;
    }
    have += (size_t)n;
    /* A short read has seen the end; past the cache only whole blocks were asked for. */
    if (!*direct && have < want) {
      break;
    }
  }
  return (ssize_t)have;
}

static bool hash(struct stream *s, struct si_feed_piece *p) {
  si_rc status = p->first ? si_hasher_start(&s->hasher) : SI_OK;
  status = status == SI_OK && p->len ? si_hasher_add(&s->hasher, p->data, p->len) : status;
  status = status == SI_OK && p->last ? si_hasher_end(&s->hasher, p->sha256) : status;
  return status == SI_OK;
}

/* Reads the next piece, and one byte more than there should be: a file that grows or shrinks is
 * refused. False where the file has failed. */
static bool read_piece(struct stream *s, const struct job *job, int fd, uint64_t length,
                       uint64_t at, int *direct, bool *end) {
  struct block *b = filling(s);
  uint64_t left = length - at;
  size_t room = BLOCK - b->used;
  size_t want = left >= room ? room : (size_t)left + 1;
  if (*direct && want < room) { /* whole blocks of the disk; the file ends within the last */
    want = (want + SI_DIRECT_ALIGN - 1) / SI_DIRECT_ALIGN * SI_DIRECT_ALIGN;
  }
  ssize_t n = read_full(fd, b->memory + b->used, want, at, direct);
  if (n < 0) {
    fail(s, job, at == 0, SI_E_IO, errno, "cannot read");
    return false;
  }
  if ((uint64_t)n > left || ((size_t)n < want && (uint64_t)n < left)) {
    fail(s, job, at == 0, SI_E_CONFLICT, 0, "changed its length while it was read");
    return false;
  }
  struct si_feed_piece *p = piece(s, job, length);
  p->len = (size_t)n;
  p->first = at == 0;
  p->last = *end = (size_t)n < want;
  b->used += (size_t)n;
  if (!hash(s, p)) {
    b->head.count--;
    fail(s, job, at == 0, SI_E_INTERNAL, 0, "cannot be hashed");
    return false;
  }
  return true;
}

static bool read_file(struct stream *s, const struct job *job, int fd, uint64_t length) {
  int direct = si_direct_begin_read(fd, length);
  uint64_t at = 0, dropped = 0;
  bool end = false;
  for (;;) {
    if (!read_piece(s, job, fd, length, at, &direct, &end) || end) {
      return true;
    }
    at += filling(s)->head.pieces[filling(s)->head.count - 1].len;
    if (length >= STREAMED && !direct && at - dropped >= WINDOW) {
      (void)posix_fadvise(fd, (off_t)dropped, (off_t)(at - dropped), POSIX_FADV_DONTNEED);
      dropped = at;
    }
    if (!hand_over(s)) {
      return false;
    }
  }
}

/* False where the feed was stopped meanwhile. */
static bool take_file(struct stream *s, const struct job *job) {
  struct stat st;
  int fd SI_AUTO(si_close) =
      si_open_beneath(job->dir, job->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
  if (fd < 0 || fstat(fd, &st) != 0) {
    fail(s, job, true, si_status_of_errno(errno), errno, "cannot open");
  } else if (!S_ISREG(st.st_mode)) {
    fail(s, job, true, SI_E_REFUSED, 0, "is not a regular file");
  } else if ((uint64_t)st.st_size > s->feed->cap) {
    fail(s, job, true, SI_E_QUOTA, 0, "");
  } else {
    struct block *b = filling(s);
    uint64_t length = (uint64_t)st.st_size;
    bool joins = length <= SMALL && b->used + length < BLOCK;
    if (b->head.count && !joins && !hand_over(s)) {
      return false;
    }
    return read_file(s, job, fd, length);
  }
  return true;
}

/* With the lock. Has the block to go out: it is full, or the caller waits for whatever there is? */
static bool is_due(struct stream *s) {
  size_t count = filling(s)->head.count;
  return count == SI_FEED_PIECES || (count && s->feed->count == 0 && s->feed->hungry);
}

/* With the lock. Waits until there is a job, or stop. */
static void wait_for_job(struct stream *s) {
  struct si_feed *f = s->feed;
  while (!f->stop && (is_due(s) || f->count == 0)) {
    if (is_due(s)) {
      (void)hand_over_locked(s);
      continue;
    }
    s->busy = filling(s)->head.count > 0;
    if (!s->busy && f->hungry) {
      pthread_cond_signal(&f->made);
    }
    f->idle++;
    pthread_cond_wait(&f->more, &f->lock);
    f->idle--;
  }
}

/* The next job; false where the feed was stopped. */
static bool next_job(struct stream *s, struct job *job) {
  struct si_feed *f = s->feed;
  pthread_mutex_lock(&f->lock);
  wait_for_job(s);
  bool on = !f->stop;
  if (on) {
    *job = f->job[f->first];
    f->first = (f->first + 1) % SI_FEED_QUEUE;
    f->count--;
    s->busy = true;
  }
  pthread_mutex_unlock(&f->lock);
  return on;
}

static void *run(void *argument) {
  struct stream *s = argument;
  struct job job;
  while (next_job(s, &job) && take_file(s, &job)) {
  }
  return NULL;
}

/* --- the caller's --- */

/* Signals are the caller's. */
static void start_threads(struct si_feed *f) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (f->threads < SI_FEED_THREADS &&
         pthread_create(&f->stream[f->threads].thread, NULL, run, &f->stream[f->threads]) == 0) {
    f->threads++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

si_rc si_feed_new(uint64_t cap, struct si_feed **out) {
  struct si_feed *f = calloc(1, sizeof *f);
  bool made = f != NULL;
  if (!f) {
    return SI_E_NOMEM;
  }
  f->cap = cap;
  pthread_mutex_init(&f->lock, NULL);
  pthread_cond_init(&f->more, NULL);
  pthread_cond_init(&f->made, NULL);
  for (unsigned i = 0; i < SI_FEED_THREADS; i++) {
    f->stream[i].feed = f;
    pthread_cond_init(&f->stream[i].room, NULL);
    for (unsigned j = 0; j < BLOCKS; j++) {
      struct block *b = &f->stream[i].block[j];
      b->head.stream = i;
      b->memory = aligned_alloc(SI_DIRECT_ALIGN, BLOCK);
      made = made && b->memory;
    }
  }
  if (made) {
    start_threads(f);
  }
  if (f->threads == 0) {
    si_feed_free(&f);
    return SI_E_NOMEM;
  }
  *out = f;
  return SI_OK;
}

bool si_feed_add(struct si_feed *f, int dir, const char *path, void *tag) {
  pthread_mutex_lock(&f->lock);
  bool room = f->count < SI_FEED_QUEUE;
  if (room) {
    f->job[(f->first + f->count++) % SI_FEED_QUEUE] = (struct job){dir, path, tag};
    if (f->idle && f->count >= WAKE_AT) {
      pthread_cond_signal(&f->more);
    }
  }
  pthread_mutex_unlock(&f->lock);
  return room;
}

static struct block *full_one(struct si_feed *f, uint32_t streams) {
  for (unsigned i = 0; i < f->threads; i++) {
    struct stream *s = &f->stream[i];
    if ((streams >> i & 1) && s->block[s->take].full) {
      return &s->block[s->take];
    }
  }
  return NULL;
}

static bool any_left(const struct si_feed *f) {
  bool left = f->count > 0;
  for (unsigned i = 0; i < f->threads; i++) {
    left = left || f->stream[i].busy || f->stream[i].block[f->stream[i].take].full;
  }
  return left;
}

const struct si_feed_block *si_feed_next(struct si_feed *f, uint32_t streams) {
  struct block *b;
  pthread_mutex_lock(&f->lock);
  while (!(b = full_one(f, streams)) && any_left(f)) {
    f->hungry = true;
    if (f->idle) {
      pthread_cond_broadcast(&f->more);
    }
    pthread_cond_wait(&f->made, &f->lock);
  }
  f->hungry = false;
  pthread_mutex_unlock(&f->lock);
  return b ? &b->head : NULL;
}

static void free_errors(struct block *b) {
  for (size_t i = 0; i < b->head.count; i++) {
    free(b->head.pieces[i].why);
    b->head.pieces[i].why = NULL;
  }
}

void si_feed_give(struct si_feed *f, const struct si_feed_block *block) {
  struct stream *s = &f->stream[block->stream];
  struct block *b = &s->block[s->take];
  free_errors(b);
  pthread_mutex_lock(&f->lock);
  b->full = false;
  s->take = (s->take + 1) % BLOCKS;
  pthread_cond_signal(&s->room);
  pthread_mutex_unlock(&f->lock);
}

void si_feed_free(struct si_feed **feed) {
  struct si_feed *f = *feed;
  if (!f) {
    return;
  }
  pthread_mutex_lock(&f->lock);
  f->stop = true;
  pthread_cond_broadcast(&f->more);
  for (unsigned i = 0; i < f->threads; i++) {
    pthread_cond_signal(&f->stream[i].room);
  }
  pthread_mutex_unlock(&f->lock);
  for (unsigned i = 0; i < f->threads; i++) {
    pthread_join(f->stream[i].thread, NULL);
  }
  for (unsigned i = 0; i < SI_FEED_THREADS; i++) {
    for (unsigned j = 0; j < BLOCKS; j++) {
      free_errors(&f->stream[i].block[j]);
      free(f->stream[i].block[j].memory);
    }
    si_hasher_free(&f->stream[i].hasher);
    pthread_cond_destroy(&f->stream[i].room);
  }
  pthread_cond_destroy(&f->more);
  pthread_cond_destroy(&f->made);
  pthread_mutex_destroy(&f->lock);
  free(f);
  *feed = NULL;
}
