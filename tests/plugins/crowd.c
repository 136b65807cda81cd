/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/plugins/crowd.c - an artifact store that keeps nothing and watches how it is called: how
 * many calls are inside at once, whether any came that should have come alone. Parts of a key say
 * what it does; stat() tells what was seen. Built twice: THREADS is what it says of itself. Depends
 * on the ABI headers alone.
 *
 *   meet     the call stays until MEET of these are inside, or ten seconds
 *   silent   finishing fails, without a word        worded   finishing fails, in words
 *   crash    reading ends the process, in a crowd   wait     finishing waits for a cancel
 *   len-N    reading gives N bytes                  missing  there is none
 */
#include <pthread.h>
#include <si/artifact.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MEET = 4 };

struct si_instance {
  const si_host_vt *host;
};

struct si_sink {
  uint64_t length, written;
  int commit;
  atomic_int busy;
  char key[256];
};

struct si_reader {
  uint64_t at, length, limit;
  atomic_int busy;
  char key[256];
};

static struct si_instance instance;
static atomic_int inside, most_inside, sinks_open, commit_open;
static atomic_ullong violations, finished, corrupt;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int meeting, met;
static int *volatile nowhere = (int *)16;

static void violate(int is) {
  if (is) {
    atomic_fetch_add(&violations, 1);
  }
}

static void enter(int commit) {
  int now = atomic_fetch_add(&inside, 1) + 1;
  for (int most = atomic_load(&most_inside); now > most;) {
    if (atomic_compare_exchange_weak(&most_inside, &most, now)) {
      break;
    }
  }
  violate(!commit && atomic_load(&commit_open));
  violate(commit && now > 1);
}

static si_rc leave(si_rc status) {
  atomic_fetch_sub(&inside, 1);
  return status;
}

static void meet(const char *key) {
  struct timespec until;
  if (!strstr(key, "meet")) {
    return;
  }
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 10;
  pthread_mutex_lock(&lock);
  if (++meeting >= MEET) {
    met = 1;
    pthread_cond_broadcast(&changed);
  }
  while (!met && pthread_cond_timedwait(&changed, &lock, &until) == 0) {
  }
  pthread_mutex_unlock(&lock);
}

static unsigned char byte_at(uint64_t at) {
  return (unsigned char)(at * 7 + (at >> 13));
}

/* --- writing --- */

static si_rc sink_open(si_instance *self, si_op *op, const char *key, const si_put_options *options,
                       si_sink **out) {
  (void)self;
  (void)op;
  int commit = (options->flags & SI_PUT_COMMIT) != 0;
  violate(commit && atomic_load(&sinks_open));
  si_sink *sink = calloc(1, sizeof *sink);
  if (!sink) {
    return SI_E_NOMEM;
  }
  enter(commit);
  sink->length = options->length;
  sink->commit = commit;
  strncpy(sink->key, key, sizeof sink->key - 1);
  atomic_fetch_add(&sinks_open, 1);
  atomic_fetch_add(&commit_open, commit);
  *out = sink;
  return leave(SI_OK);
}

static si_rc sink_write(si_sink *sink, si_op *op, const void *data, size_t len) {
  const unsigned char *bytes = data;
  (void)op;
  enter(sink->commit);
  violate(atomic_fetch_add(&sink->busy, 1));
  for (size_t i = 0; i < len; i++) {
    if (bytes[i] != byte_at(sink->written + i)) {
      atomic_fetch_add(&corrupt, 1);
      break;
    }
  }
  sink->written += len;
  atomic_fetch_sub(&sink->busy, 1);
  return leave(SI_OK);
}

static void sink_end(si_sink *sink) {
  atomic_fetch_sub(&sinks_open, 1);
  atomic_fetch_sub(&commit_open, sink->commit);
  free(sink);
}

static si_rc finish(si_sink *sink, si_op *op) {
  const struct timespec pause = {0, 1000000};
  if (strstr(sink->key, "silent")) {
    return SI_E_UNAVAILABLE;
  }
  if (strstr(sink->key, "worded")) {
    const si_failure failure = {
        .size = sizeof failure, .status = SI_E_QUOTA, .message = "as it was told to"};
    return instance.host->fail(op, &failure);
  }
  while (strstr(sink->key, "wait")) {
    if (instance.host->cancelled(op)) {
      return SI_E_CANCELLED;
    }
    nanosleep(&pause, NULL);
  }
  if (sink->written != sink->length) {
    atomic_fetch_add(&corrupt, 1);
  }
  atomic_fetch_add(&finished, 1);
  return SI_OK;
}

static si_rc sink_finish(si_sink *sink, si_op *op) {
  int commit = sink->commit;
  enter(commit);
  violate(atomic_fetch_add(&sink->busy, 1));
  meet(sink->key);
  si_rc status = finish(sink, op);
  sink_end(sink);
  return leave(status);
}

static void sink_abort(si_sink *sink) {
  sink_end(sink);
}

/* --- reading --- */

static si_rc reader_open(si_instance *self, si_op *op, const char *key, uint64_t offset,
                         uint64_t limit, si_reader **out) {
  const char *len = strstr(key, "len-");
  (void)self;
  (void)op;
  if (!len || strstr(key, "missing")) {
    return SI_E_NOT_FOUND;
  }
  si_reader *reader = calloc(1, sizeof *reader);
  if (!reader) {
    return SI_E_NOMEM;
  }
  enter(0);
  reader->at = offset;
  reader->length = strtoull(len + 4, NULL, 10);
  reader->limit = limit;
  strncpy(reader->key, key, sizeof reader->key - 1);
  meet(key);
  *out = reader;
  return leave(SI_OK);
}

static si_rc reader_read(si_reader *reader, si_op *op, void *buf, size_t cap, size_t *got) {
  unsigned char *bytes = buf;
  uint64_t left = reader->length - reader->at;
  size_t n = cap < left ? cap : (size_t)left;
  const struct timespec pause = {0, 1000000};
  (void)op;
  enter(0);
  violate(atomic_fetch_add(&reader->busy, 1));
  if (strstr(reader->key, "crash")) { /* once others are inside, who came later */
    while (atomic_load(&inside) < 3) {
      nanosleep(&pause, NULL);
    }
    *nowhere = 1;
  }
  n = n > 100000 ? 100000 : n; /* short reads are allowed */
  for (size_t i = 0; i < n; i++) {
    bytes[i] = byte_at(reader->at + i);
  }
  reader->at += n;
  *got = n;
  atomic_fetch_sub(&reader->busy, 1);
  return leave(SI_OK);
}

static void reader_close(si_reader *reader) {
  free(reader);
}

/* --- what must come alone --- */

static si_rc stat_seen(si_instance *self, si_op *op, const char *key, si_object_info *out) {
  const struct {
    const char *name;
    unsigned long long value;
  } seen[] = {
      {"most-inside", (unsigned long long)atomic_load(&most_inside)},
      {"violations", atomic_load(&violations)},
      {"finished", atomic_load(&finished)},
      {"corrupt", atomic_load(&corrupt)},
      {"open", (unsigned long long)atomic_load(&sinks_open)},
  };
  (void)self;
  (void)op;
  violate(atomic_load(&inside) || atomic_load(&sinks_open));
  for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
    if (strcmp(key, seen[i].name) == 0) {
      out->length = seen[i].value;
      return SI_OK;
    }
  }
  return SI_E_NOT_FOUND;
}

static si_rc list(si_instance *self, si_op *op, const char *prefix, void *ctx, si_list_fn each) {
  const si_object_info info = {1, 0};
  (void)self;
  (void)op;
  violate(atomic_load(&inside) || atomic_load(&sinks_open));
  return each(ctx, prefix, &info);
}

static si_rc open_instance(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                           si_instance **out) {
  (void)host;
  (void)op;
  (void)config_json;
  instance.host = vt;
  *out = &instance;
  return SI_OK;
}

static void close_instance(si_instance *self) {
  (void)self;
}

static const si_artifact_vt table = {
    .size = sizeof(si_artifact_vt),
    .sink_open = sink_open,
    .sink_write = sink_write,
    .sink_finish = sink_finish,
    .sink_abort = sink_abort,
    .reader_open = reader_open,
    .reader_read = reader_read,
    .reader_close = reader_close,
    .stat = stat_seen,
    .list = list,
};

static const si_provider provider = {
    .size = sizeof(si_provider),
    .kind = SI_KIND_ARTIFACT,
    .threads = THREADS,
    .id = PLUGIN_ID,
    .schema = "{\"type\":\"object\"}",
    .needs = "{}",
    .open = open_instance,
    .close = close_instance,
    .vt = &table,
};

#include "descriptor.h"
