/* SPDX-License-Identifier: Apache-2.0 */
/* The rooms store.stream and store.threads: much at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/conform/footprint.h"
#include "sdk/conform/store.h"

enum { PIECE = 1 << 20, THREADS = 8, ROUNDS = 12 };

/* How much a long stream may add to the peak: what the provider says that it needs, or 128 MiB. */
static uint64_t ceiling(const struct trial *t) {
  cJSON *needs SI_AUTO(si_json_free) = NULL;
  int64_t mb = 0;
  if (si_json_parse(t->provider->needs, strlen(t->provider->needs), &needs, NULL) == SI_OK) {
    mb = si_json_int(needs, "memory_mb", 16, 1 << 20, 0);
  }
  return (uint64_t)(mb ? mb : 128) << 20;
}

/* The bytes at `offset` of the stream: cheap to make, and different everywhere. */
static void make(uint64_t offset, unsigned char *to) {
  for (size_t i = 0; i < PIECE; i += 8) {
    uint64_t word = (offset + i) * 0x9e3779b97f4a7c15u;
    memcpy(to + i, &word, 8);
  }
}

static void write_stream(const struct store *s, const char *key, uint64_t length) {
  static unsigned char piece[PIECE];
  si_sink *sink = NULL;
  store_ok(store_begin(s, key, length, 0, &sink), "sink_open() of a long object");
  for (uint64_t at = 0; at < length; at += PIECE) {
    make(at, piece);
    store_ok(store_write(s, sink, piece, PIECE), "sink_write() of a long object");
  }
  store_ok(store_finish(s, sink), "sink_finish() of a long object");
}

static void read_stream(const struct store *s, const char *key, uint64_t length) {
  static unsigned char piece[PIECE], wanted[PIECE];
  si_reader *reader = NULL;
  si_op *op = op_begin(s->host);
  demand_ok(CALL(s->vt, reader_open)(s->in, op, key, 0, UINT64_MAX, &reader), op, "reader_open()");
  op_end(op, SI_OK);
  for (uint64_t at = 0; at < length; at += PIECE) {
    size_t have = 0, got = 1;
    while (have < PIECE && got > 0) {
      op = op_begin(s->host);
      demand_ok(CALL(s->vt, reader_read)(reader, op, piece + have, PIECE - have, &got), op,
                "reader_read() of a long object");
      op_end(op, SI_OK);
      have += got;
    }
    make(at, wanted);
    demand(have == PIECE && memcmp(piece, wanted, PIECE) == 0,
           "of a long object other bytes came back, from %llu MiB on",
           (unsigned long long)(at >> 20));
  }
  CALL(s->vt, reader_close)(reader);
}

static void memory(struct trial *t) {
  struct store s = store_open(t);
  const char *key = store_key(&s, "long");
  uint64_t length = t->options->stream_mb << 20;
  store_must_put(&s, store_key(&s, "short"), "x", 1);
  uint64_t before = footprint_peak();
  write_stream(&s, key, length);
  read_stream(&s, key, length);
  uint64_t grown = footprint_peak() - before, most = ceiling(t);
  kit_needs(before > 0, "cannot tell how much memory is used");
  demand(grown <= most, "an object of %llu MiB took %llu MiB of memory, more than %llu",
         (unsigned long long)t->options->stream_mb, (unsigned long long)(grown >> 20),
         (unsigned long long)(most >> 20));
  store_remove(&s, key);
  store_close(&s);
}

/* --- threads --- */

struct job {
  const struct store *s;
  unsigned number;
  const char *key; /* the same for all, or NULL */
  unsigned won;
};

static void own_key(const struct job *job, unsigned round, char *to, size_t size) {
  snprintf(to, size, "%s/t%u/o%u", job->s->prefix, job->number, round);
}

static void *different_keys(void *ctx) {
  struct job *job = ctx;
  char key[512], bytes[5000];
  for (unsigned round = 0; round < ROUNDS; round++) {
    size_t len = 1 + (job->number * 677 + round * 311) % sizeof bytes;
    own_key(job, round, key, sizeof key);
    memset(bytes, (int)('a' + job->number), len);
    store_must_put(job->s, key, bytes, len);
    store_must_hold(job->s, key, bytes, len);
  }
  return NULL;
}

/* Whole objects of one writer each, never a mixture. */
static void *same_key(void *ctx) {
  struct job *job = ctx;
  char bytes[4000], back[4000];
  for (unsigned round = 0; round < ROUNDS; round++) {
    size_t got = 0;
    memset(bytes, (int)('a' + job->number), sizeof bytes);
    store_must_put(job->s, job->key, bytes, sizeof bytes);
    store_ok(store_get(job->s, job->key, 0, UINT64_MAX, back, sizeof back, &got),
             "reading while others write");
    demand(got == sizeof back, "while others write, %zu of %zu bytes were read", got, sizeof back);
    for (size_t i = 1; i < got; i++) {
      demand(back[i] == back[0], "what was read is a mixture of two writers' bytes");
    }
  }
  return NULL;
}

static void *create(void *ctx) {
  struct job *job = ctx;
  char key[512], byte = (char)('a' + job->number);
  for (unsigned round = 0; round < ROUNDS; round++) {
    snprintf(key, sizeof key, "%s/race%u", job->s->prefix, round);
    si_rc status = store_put(job->s, key, &byte, 1, SI_PUT_CREATE_ONLY);
    demand(status == SI_OK || status == SI_E_EXISTS,
           "in a race with SI_PUT_CREATE_ONLY storing came to \"%s\"", si_status_text(status));
    job->won += status == SI_OK;
  }
  return NULL;
}

/* All at once where the provider allows it, each with an instance of its own where one call an
 * instance is allowed, one after the other else. Returns how many won. */
static unsigned all(struct trial *t, void *(*work)(void *), const char *name) {
  struct store s[THREADS];
  struct job jobs[THREADS];
  pthread_t threads[THREADS];
  unsigned won = 0;
  uint32_t rule = t->provider->threads;
  for (unsigned i = 0; i < THREADS; i++) {
    s[i] = i == 0 || rule == SI_THREADS_PER_INSTANCE ? store_open(t) : s[0];
  }
  const char *key = name ? store_key(&s[0], name) : NULL;
  for (unsigned i = 0; i < THREADS; i++) {
    jobs[i] = (struct job){.s = &s[i], .number = i, .key = key};
    kit_needs(pthread_create(&threads[i], NULL, work, &jobs[i]) == 0, "no thread");
    if (rule == SI_THREADS_SERIAL) {
      pthread_join(threads[i], NULL);
    }
  }
  for (unsigned i = 0; i < THREADS; i++) {
    if (rule != SI_THREADS_SERIAL) {
      pthread_join(threads[i], NULL);
    }
    won += jobs[i].won;
  }
  for (unsigned i = 0; i < THREADS; i++) {
    if (i == 0 || rule == SI_THREADS_PER_INSTANCE) {
      store_close(&s[i]);
    }
  }
  return won;
}

static void threads_apart(struct trial *t) {
  all(t, different_keys, NULL);
}

static void threads_together(struct trial *t) {
  all(t, same_key, "shared");
}

static void threads_create(struct trial *t) {
  unsigned won = all(t, create, NULL);
  demand(won == ROUNDS, "%d keys were created with SI_PUT_CREATE_ONLY, %u writers succeeded",
         ROUNDS, won);
}

/* One object written by one thread after another, as the contract allows. */
static void *finish_elsewhere(void *ctx) {
  struct job *job = ctx;
  si_sink *sink = (si_sink *)(void *)(uintptr_t)job->key;
  store_ok(store_write(job->s, sink, "world", 5), "sink_write() on another thread");
  store_ok(store_finish(job->s, sink), "sink_finish() on another thread");
  return NULL;
}

static void threads_handed(struct trial *t) {
  struct store s = store_open(t);
  pthread_t thread;
  si_sink *sink = NULL;
  const char *key = store_key(&s, "object");
  store_ok(store_begin(&s, key, 10, 0, &sink), "sink_open()");
  store_ok(store_write(&s, sink, "hello", 5), "sink_write()");
  struct job job = {.s = &s, .key = (const char *)(const void *)sink};
  kit_needs(pthread_create(&thread, NULL, finish_elsewhere, &job) == 0, "no thread");
  pthread_join(thread, NULL);
  store_must_hold(&s, key, "helloworld", 10);
  store_close(&s);
}

#define STORE(id, title, run) \
  { id, title, SI_KIND_ARTIFACT, WANTS_PEER, 0, run }
const struct check store_load_checks[] = {
    STORE("store.threads.apart", "many threads, each with keys of its own", threads_apart),
    STORE("store.threads.together", "many threads, one key: every object is one writer's whole",
          threads_together),
    STORE("store.threads.create", "of many that create one key, exactly one does", threads_create),
    STORE("store.threads.handed", "a sink goes from thread to thread", threads_handed),
    STORE("store.stream.memory", "a long object takes no more memory than needs say, or 128 MiB",
          memory),
    {0}};
