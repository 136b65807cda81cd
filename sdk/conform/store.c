/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/store.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"

__thread si_op *store_op;

void store_ok(si_rc status, const char *what) {
  demand_ok(status, store_op, what);
}

static si_rc end(si_rc status) {
  return op_end(store_op, status);
}

static si_op *begin(const struct store *s) {
  return store_op = op_begin(s->host);
}

si_rc store_begin(const struct store *s, const char *key, uint64_t length, uint32_t flags,
                  si_sink **out) {
  const si_put_options options = {.size = sizeof options, .flags = flags, .length = length};
  return end(CALL(s->vt, sink_open)(s->in, begin(s), key, &options, out));
}

si_rc store_write(const struct store *s, si_sink *sink, const void *data, size_t len) {
  return end(CALL(s->vt, sink_write)(sink, begin(s), data, len));
}

si_rc store_finish(const struct store *s, si_sink *sink) {
  return end(CALL(s->vt, sink_finish)(sink, begin(s)));
}

void store_abort(const struct store *s, si_sink *sink) {
  CALL(s->vt, sink_abort)(sink);
}

si_rc store_stat(const struct store *s, const char *key, uint64_t *length) {
  si_object_info info = {0, 0};
  si_rc status = end(CALL(s->vt, stat)(s->in, begin(s), key, &info));
  if (status == SI_OK) {
    *length = info.length;
  }
  return status;
}

si_rc store_remove(const struct store *s, const char *key) {
  return s->vt->remove ? end(CALL(s->vt, remove)(s->in, begin(s), key)) : SI_E_UNSUPPORTED;
}

si_rc store_put(const struct store *s, const char *key, const void *data, size_t len,
                uint32_t flags) {
  si_sink *sink = NULL;
  si_rc status = store_begin(s, key, len, flags, &sink);
  if (status != SI_OK) {
    return status;
  }
  status = len > 0 ? store_write(s, sink, data, len) : SI_OK;
  if (status != SI_OK) {
    store_abort(s, sink);
    return status;
  }
  return store_finish(s, sink);
}

si_rc store_get(const struct store *s, const char *key, uint64_t offset, uint64_t limit, void *to,
                size_t cap, size_t *len) {
  si_reader *reader = NULL;
  size_t at = 0, got = 1;
  char more;
  si_rc status = end(CALL(s->vt, reader_open)(s->in, begin(s), key, offset, limit, &reader));
  if (status != SI_OK) {
    return status;
  }
  while (status == SI_OK && got > 0) {
    size_t room = cap - at;
    void *into = room ? (char *)to + at : &more;
    got = SIZE_MAX;
    status = end(CALL(s->vt, reader_read)(reader, begin(s), into, room ? room : 1, &got));
    demand(status != SI_OK || got <= (room ? room : 1),
           "reader_read() gave %zu bytes where there was room for %zu", got, room ? room : 1);
    demand(status != SI_OK || room || got == 0, "reading %s gave more than %zu bytes", key, cap);
    at += status == SI_OK ? got : 0;
  }
  CALL(s->vt, reader_close)(reader);
  if (status == SI_OK) {
    *len = at;
  }
  return status;
}

void store_must_put(const struct store *s, const char *key, const void *data, size_t len) {
  store_ok(store_put(s, key, data, len, 0), "storing an object");
}

void store_must_hold(const struct store *s, const char *key, const void *data, size_t len) {
  static __thread char bytes[1 << 20];
  uint64_t length = 0;
  size_t got = 0;
  kit_needs(len <= sizeof bytes, "an object longer than the kit compares");
  store_ok(store_stat(s, key, &length), "stat() of an object that was stored");
  demand(length == len, "stat() says %llu bytes of an object of %zu", (unsigned long long)length,
         len);
  store_ok(store_get(s, key, 0, UINT64_MAX, bytes, sizeof bytes, &got),
           "reading an object that was stored");
  demand(got == len && memcmp(bytes, data, len) == 0,
         "what was read (%zu bytes) is not what was written (%zu bytes)", got, len);
}

void store_must_lack(const struct store *s, const char *key) {
  uint64_t length = 0;
  size_t got = 0, count = 0;
  char byte;
  si_rc status = store_stat(s, key, &length);
  demand_status(status, SI_E_NOT_FOUND, "stat() of what must not be there");
  status = store_get(s, key, 0, 1, &byte, 1, &got);
  demand_status(status, SI_E_NOT_FOUND, "reading what must not be there");
  demand(store_listed(s, s->prefix, key, &count) == 0, "%s must not be there, and is listed", key);
}

struct listing {
  const char *key;
  size_t found;
  size_t count;
};

static si_rc meet(void *ctx, const char *key, const si_object_info *info) {
  struct listing *listing = ctx;
  demand(key && info, "list() told an object without its key or its info");
  listing->count++;
  listing->found += listing->key && strcmp(key, listing->key) == 0;
  return SI_OK;
}

size_t store_listed(const struct store *s, const char *prefix, const char *key, size_t *count) {
  struct listing listing = {.key = key};
  si_rc status = end(CALL(s->vt, list)(s->in, begin(s), prefix, &listing, meet));
  store_ok(status, "list()");
  *count = listing.count;
  return listing.found;
}

const char *store_key(const struct store *s, const char *name) {
  static char keys[16][KEY_MAX + 512];
  static size_t next;
  char *key = keys[next++ % 16];
  snprintf(key, sizeof keys[0], "%s/%s", s->prefix, name);
  return key;
}

/* --- tidying --- */

enum { SWEEP = 4096 };

static char swept[SWEEP][300];
static size_t swept_count;

static si_rc note(void *ctx, const char *key, const si_object_info *info) {
  (void)ctx;
  (void)info;
  if (swept_count < SWEEP && strlen(key) < sizeof swept[0]) {
    si_copy(swept[swept_count++], sizeof swept[0], key);
  }
  return SI_OK;
}

static void sweep(const struct store *s) {
  if (!s->vt->remove || !(s->trial->provider->caps & SI_CAP_ARTIFACT_REMOVE)) {
    return;
  }
  swept_count = 0;
  if (CALL(s->vt, list)(s->in, begin(s), s->prefix, NULL, note) == SI_OK) {
    for (size_t i = 0; i < swept_count; i++) {
      CALL(s->vt, remove)(s->in, begin(s), swept[i]);
    }
  }
}

struct store store_open(struct trial *t) {
  struct store s = {.trial = t, .host = host_new(t), .vt = VT(t, si_artifact_vt)};
  s.in = open_instance(t, s.host);
  snprintf(s.prefix, sizeof s.prefix, "si-conform/%llu/%s", (unsigned long long)t->options->seed,
           t->check->id);
  sweep(&s);
  return s;
}

void store_close(struct store *s) {
  sweep(s);
  close_instance(s->trial, s->in);
}

/* --- work --- */

static struct store around(struct trial *t, si_host *host, si_instance *instance) {
  struct store s = {.trial = t, .host = host, .vt = VT(t, si_artifact_vt), .in = instance};
  snprintf(s.prefix, sizeof s.prefix, "si-conform/%llu/%s", (unsigned long long)t->options->seed,
           t->check->id);
  return s;
}

si_rc store_look(struct trial *t, si_host *host, si_instance *instance) {
  struct store s = around(t, host, instance);
  uint64_t length = 0;
  si_rc status = store_stat(&s, store_key(&s, "nothing"), &length);
  return status == SI_E_NOT_FOUND ? SI_OK : status;
}

static si_rc count_one(void *ctx, const char *key, const si_object_info *info) {
  (void)key;
  (void)info;
  ++*(size_t *)ctx;
  return SI_OK;
}

si_rc store_work(struct trial *t, si_host *host, si_instance *instance) {
  struct store s = around(t, host, instance);
  char bytes[3000], back[3000];
  const char *key = store_key(&s, "work/object");
  si_sink *sink = NULL;
  size_t got = 0, count = 0;
  memset(bytes, 'w', sizeof bytes);
  si_rc status = store_begin(&s, store_key(&s, "work/dropped"), sizeof bytes, 0, &sink);
  if (status == SI_OK) {
    status = store_write(&s, sink, bytes, 1000);
    store_abort(&s, sink);
  }
  status = status == SI_OK ? store_put(&s, key, bytes, sizeof bytes, 0) : status;
  status = status == SI_OK ? store_get(&s, key, 0, UINT64_MAX, back, sizeof back, &got) : status;
  if (status == SI_OK) {
    begin(&s);
    status = end(CALL(s.vt, list)(instance, store_op, s.prefix, &count, count_one));
  }
  if (status == SI_OK && (t->provider->caps & SI_CAP_ARTIFACT_REMOVE)) {
    status = store_remove(&s, key);
  }
  return status;
}

bool store_provoke(struct trial *t, si_host *host, si_instance *instance, size_t n,
                   struct provoked *out) {
  struct store s = around(t, host, instance);
  const char *key = store_key(&s, "nothing-here");
  uint64_t length;
  size_t got;
  char byte;
  si_sink *sink = NULL;
  out->subject = n == 0 || n == 1 ? "nothing-here" : NULL;
  switch (n) {
    case 0:
      out->what = "stat() of what is not there";
      out->status = store_stat(&s, key, &length);
      break;
    case 1:
      out->what = "reader_open() of what is not there";
      out->status = store_get(&s, key, 0, 1, &byte, 1, &got);
      break;
    case 2:
      out->what = "sink_open() with the key \"../x\"";
      out->status = store_begin(&s, "../x", 1, 0, &sink);
      break;
    case 3:
      out->what = "sink_open() with an option that there is not";
      out->status = store_begin(&s, key, 1, 1u << 31, &sink);
      break;
    default: return false;
  }
  out->op = store_op;
  return true;
}
