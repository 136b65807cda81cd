/* SPDX-License-Identifier: Apache-2.0 */
/* The room store.read: readers, and the algebra of ranges. */
#include <string.h>

#include "sdk/conform/store.h"

enum { LENGTH = 70001 };

static unsigned char model[LENGTH];

/* A store with one object, whose bytes are the model's. */
static struct store with_object(struct trial *t, const char **key) {
  struct store s = store_open(t);
  random_fill(t, model, sizeof model);
  *key = store_key(&s, "object");
  store_must_put(&s, *key, model, LENGTH);
  return s;
}

/* Reads the range and holds it against the model. */
static void must_read(const struct store *s, const char *key, uint64_t offset, uint64_t limit) {
  static char bytes[LENGTH + 1];
  uint64_t left = offset < LENGTH ? LENGTH - offset : 0;
  uint64_t wanted = limit < left ? limit : left;
  size_t got = 0;
  si_rc status = store_get(s, key, offset, limit, bytes, LENGTH, &got);
  demand(status == SI_OK, "reading from %llu at most %llu of %d bytes failed (%s)%s%.200s",
         (unsigned long long)offset, (unsigned long long)limit, LENGTH, si_status_text(status),
         store_op->records ? ": " : "",
         store_op->records ? store_op->message : ", and recorded no reason (si_fail)");
  demand(got == wanted, "reading from %llu at most %llu of %d bytes gave %zu, not %llu",
         (unsigned long long)offset, (unsigned long long)limit, LENGTH, got,
         (unsigned long long)wanted);
  demand(got == 0 || memcmp(bytes, model + offset, got) == 0,
         "reading from %llu at most %llu of %d bytes gave other bytes", (unsigned long long)offset,
         (unsigned long long)limit, LENGTH);
}

static void range(struct trial *t, uint64_t offset, uint64_t limit) {
  const char *key;
  struct store s = with_object(t, &key);
  must_read(&s, key, offset, limit);
  store_close(&s);
}

static void whole(struct trial *t) {
  range(t, 0, UINT64_MAX);
}

static void exact(struct trial *t) {
  range(t, 0, LENGTH);
}

static void nothing(struct trial *t) {
  range(t, 0, 0);
}

static void one(struct trial *t) {
  range(t, 4242, 1);
}

static void last(struct trial *t) {
  range(t, LENGTH - 1, UINT64_MAX);
}

static void tail(struct trial *t) {
  range(t, 65536, UINT64_MAX);
}

static void beyond_limit(struct trial *t) {
  range(t, LENGTH - 10, 1000);
}

/* At and past the end nothing is left; a store whose peer calls that wrong may say SI_E_INVALID. */
static void past(struct trial *t, uint64_t offset, uint64_t limit) {
  const char *key;
  char bytes[16];
  size_t got = 0;
  struct store s = with_object(t, &key);
  si_rc status = store_get(&s, key, offset, limit, bytes, sizeof bytes, &got);
  demand(status == SI_OK || status == SI_E_INVALID,
         "reading from %llu of %d bytes came to \"%s\", where nothing, or SI_E_INVALID is demanded",
         (unsigned long long)offset, LENGTH, si_status_text(status));
  demand(status != SI_OK || got == 0, "reading from %llu of %d bytes gave %zu",
         (unsigned long long)offset, LENGTH, got);
  store_close(&s);
}

static void at_end(struct trial *t) {
  past(t, LENGTH, UINT64_MAX);
}

static void past_end(struct trial *t) {
  past(t, LENGTH + 4096, 10);
}

static void overflow(struct trial *t) {
  past(t, UINT64_MAX, UINT64_MAX);
  past(t, UINT64_MAX - 5, 10);
  past(t, (uint64_t)INT64_MAX + 1, 1);
}

static void property(struct trial *t) {
  const char *key;
  struct store s = with_object(t, &key);
  for (int i = 0; i < 64; i++) {
    uint64_t offset = random_below(t, LENGTH);
    uint64_t limit = random_below(t, 4) == 0 ? UINT64_MAX : random_below(t, LENGTH + 100);
    must_read(&s, key, offset, limit);
  }
  store_close(&s);
}

static si_reader *must_open(const struct store *s, const char *key) {
  si_reader *reader = NULL;
  si_op *op = op_begin(s->host);
  demand_ok(CALL(s->vt, reader_open)(s->in, op, key, 0, UINT64_MAX, &reader), op, "reader_open()");
  op_end(op, SI_OK);
  return reader;
}

static size_t must_take(const struct store *s, si_reader *reader, void *to, size_t cap) {
  size_t got = SIZE_MAX;
  si_op *op = op_begin(s->host);
  demand_ok(CALL(s->vt, reader_read)(reader, op, to, cap, &got), op, "reader_read()");
  op_end(op, SI_OK);
  demand(got <= cap, "reader_read() gave %zu bytes where there was room for %zu", got, cap);
  return got;
}

/* With buffers of every length, the shortest too. */
static void small_buffers(struct trial *t) {
  const char *key;
  unsigned char bytes[64];
  size_t at = 0, got;
  struct store s = with_object(t, &key);
  si_reader *reader = must_open(&s, key);
  while ((got = must_take(&s, reader, bytes, 1 + random_below(t, sizeof bytes))) > 0) {
    demand(at + got <= LENGTH && memcmp(bytes, model + at, got) == 0,
           "read through small buffers, the bytes differ from %zu on", at);
    at += got;
  }
  demand(at == LENGTH, "read through small buffers, %zu of %d bytes came", at, LENGTH);
  CALL(s.vt, reader_close)(reader);
  store_close(&s);
}

static void end_stays(struct trial *t) {
  const char *key;
  static unsigned char bytes[LENGTH];
  struct store s = with_object(t, &key);
  si_reader *reader = must_open(&s, key);
  for (size_t got, all = 0; (got = must_take(&s, reader, bytes, sizeof bytes)) > 0;) {
    all += got;
    demand(all <= LENGTH, "of %d bytes reader_read() gave %zu, and there is no end", LENGTH, all);
  }
  for (int i = 0; i < 3; i++) {
    demand(must_take(&s, reader, bytes, sizeof bytes) == 0,
           "after the end reader_read() gave more bytes");
  }
  CALL(s.vt, reader_close)(reader);
  store_close(&s);
}

static void bounded(struct trial *t) {
  const char *key;
  unsigned char bytes[600];
  struct store s = with_object(t, &key);
  si_reader *reader = must_open(&s, key);
  memset(bytes, 0x5a, sizeof bytes);
  must_take(&s, reader, bytes, 500);
  for (size_t i = 500; i < sizeof bytes; i++) {
    demand(bytes[i] == 0x5a, "reader_read() wrote behind its buffer's end");
  }
  CALL(s.vt, reader_close)(reader);
  store_close(&s);
}

static void closed_early(struct trial *t) {
  const char *key;
  char byte;
  struct store s = with_object(t, &key);
  for (int i = 0; i < 32; i++) {
    si_reader *reader = must_open(&s, key);
    if (i % 2) {
      must_take(&s, reader, &byte, 1);
    }
    CALL(s.vt, reader_close)(reader);
  }
  must_read(&s, key, 0, UINT64_MAX);
  store_close(&s);
}

static void two_readers(struct trial *t) {
  const char *key;
  unsigned char a[1000], b[1000];
  size_t at_a = 0, at_b = 0;
  struct store s = with_object(t, &key);
  si_reader *one = must_open(&s, key), *two = must_open(&s, key);
  for (int i = 0; i < 20; i++) {
    size_t n = must_take(&s, one, a, 100 + (size_t)i);
    demand(memcmp(a, model + at_a, n) == 0, "of two readers the first got other bytes");
    at_a += n;
    n = must_take(&s, two, b, 700);
    demand(memcmp(b, model + at_b, n) == 0, "of two readers the second got other bytes");
    at_b += n;
  }
  CALL(s.vt, reader_close)(one);
  CALL(s.vt, reader_close)(two);
  store_close(&s);
}

static void missing(struct trial *t) {
  struct store s = store_open(t);
  char byte;
  size_t got = 0;
  demand_status(store_get(&s, store_key(&s, "none"), 0, UINT64_MAX, &byte, 1, &got), SI_E_NOT_FOUND,
                "reading what is not there");
  store_close(&s);
}

static void stat_missing(struct trial *t) {
  struct store s = store_open(t);
  uint64_t length = 0;
  demand_status(store_stat(&s, store_key(&s, "none"), &length), SI_E_NOT_FOUND,
                "stat() of what is not there");
  demand_status(store_stat(&s, store_key(&s, "none/at/all"), &length), SI_E_NOT_FOUND,
                "stat() of what is not there");
  store_close(&s);
}

#define STORE(id, title, run) \
  { id, title, SI_KIND_ARTIFACT, WANTS_PEER, 0, run }
const struct check store_read_checks[] = {
    STORE("store.range.whole", "limit UINT64_MAX reads to the end", whole),
    STORE("store.range.exact", "a limit of the object's length reads it all", exact),
    STORE("store.range.nothing", "a limit of 0 reads nothing", nothing),
    STORE("store.range.one", "one byte in the middle", one),
    STORE("store.range.last", "the last byte", last),
    STORE("store.range.tail", "from an offset to the end", tail),
    STORE("store.range.beyond", "a limit beyond the end ends at the end", beyond_limit),
    STORE("store.range.at-end", "an offset at the end reads nothing, or is refused", at_end),
    STORE("store.range.past-end", "an offset past the end reads nothing, or is refused", past_end),
    STORE("store.range.overflow", "offset and limit near 2^64 do no harm", overflow),
    STORE("store.range.any", "random ranges give what a model in memory gives", property),
    STORE("store.read.small-buffers", "how short the buffers are does not matter", small_buffers),
    STORE("store.read.end", "after the end there is nothing more", end_stays),
    STORE("store.read.bounded", "nothing is written behind the buffer", bounded),
    STORE("store.read.closed-early", "a reader can be closed at any time", closed_early),
    STORE("store.read.two", "two readers of one object do not disturb each other", two_readers),
    STORE("store.read.missing", "reading what is not there is SI_E_NOT_FOUND", missing),
    STORE("store.stat.missing", "stat of what is not there is SI_E_NOT_FOUND", stat_missing),
    {0}};
