/* SPDX-License-Identifier: Apache-2.0 */
/* The room store.write: sinks. */
#include <string.h>

#include "sdk/conform/store.h"

static const char text[] = "the quick brown fox jumps over the lazy dog";
#define LEN (sizeof text - 1)

static si_sink *must_begin(const struct store *s, const char *key, uint64_t length,
                           uint32_t flags) {
  si_sink *sink = NULL;
  store_ok(store_begin(s, key, length, flags, &sink), "sink_open()");
  demand(sink != NULL, "sink_open() succeeded, and gave no sink");
  return sink;
}

static void must_write(const struct store *s, si_sink *sink, const void *data, size_t len) {
  store_ok(store_write(s, sink, data, len), "sink_write()");
}

static void round_trip(struct trial *t) {
  struct store s = store_open(t);
  store_must_put(&s, store_key(&s, "object"), text, LEN);
  store_must_hold(&s, store_key(&s, "object"), text, LEN);
  store_close(&s);
}

static void empty(struct trial *t) {
  struct store s = store_open(t);
  store_must_put(&s, store_key(&s, "empty"), "", 0);
  store_must_hold(&s, store_key(&s, "empty"), "", 0);
  store_close(&s);
}

static void zero_length(struct trial *t) {
  struct store s = store_open(t);
  si_sink *sink = must_begin(&s, store_key(&s, "object"), LEN, 0);
  must_write(&s, sink, "", 0);
  must_write(&s, sink, text, 10);
  must_write(&s, sink, "", 0);
  must_write(&s, sink, text + 10, LEN - 10);
  must_write(&s, sink, "", 0);
  store_ok(store_finish(&s, sink), "sink_finish()");
  store_must_hold(&s, store_key(&s, "object"), text, LEN);
  store_close(&s);
}

/* Written in pieces of every odd length; every byte value stands in it. */
static void pieces(struct trial *t) {
  enum { LENGTH = 300001 };
  static unsigned char bytes[LENGTH];
  struct store s = store_open(t);
  random_fill(t, bytes, sizeof bytes);
  si_sink *sink = must_begin(&s, store_key(&s, "object"), LENGTH, 0);
  for (size_t at = 0, n; at < LENGTH; at += n) {
    n = 1 + random_below(t, 20000);
    n = n < LENGTH - at ? n : LENGTH - at;
    must_write(&s, sink, bytes + at, n);
  }
  store_ok(store_finish(&s, sink), "sink_finish()");
  store_must_hold(&s, store_key(&s, "object"), bytes, LENGTH);
  store_close(&s);
}

static void data_kept(struct trial *t) {
  struct store s = store_open(t);
  const si_put_options options = {.size = sizeof options, .length = LEN, .content_type = NULL};
  const char *key = store_key(&s, "object");
  si_sink *sink = NULL;
  si_op *op = op_begin(s.host);
  demand_ok(CALL(s.vt, sink_open)(s.in, op, lend_text(key), lend(&options, sizeof options), &sink),
            op, "sink_open()");
  op_end(op, SI_OK);
  lend_end(); /* key and options are gone */
  must_write(&s, sink, lend(text, LEN), LEN);
  lend_end(); /* and what was written, too */
  store_ok(store_finish(&s, sink), "sink_finish()");
  store_must_hold(&s, key, text, LEN);
  store_close(&s);
}

static void unseen_before(struct trial *t) {
  struct store s = store_open(t);
  const char *key = store_key(&s, "object");
  si_sink *sink = must_begin(&s, key, LEN, 0);
  store_must_lack(&s, key);
  must_write(&s, sink, text, LEN);
  store_must_lack(&s, key);
  store_ok(store_finish(&s, sink), "sink_finish()");
  store_close(&s);
}

static void seen_after(struct trial *t) {
  struct store s = store_open(t), other = store_open(t);
  const char *key = store_key(&s, "object");
  size_t count = 0;
  store_must_put(&s, key, text, LEN);
  store_must_hold(&s, key, text, LEN);
  demand(store_listed(&s, s.prefix, key, &count) == 1, "an object that was stored is not listed");
  store_must_hold(&other, key, text, LEN);
  store_close(&other);
  store_close(&s);
}

static void kept(struct trial *t) {
  struct store s = store_open(t);
  const char *key = store_key(&s, "object");
  store_must_put(&s, key, text, LEN);
  close_instance(t, s.in);
  s.in = open_instance(t, s.host);
  store_must_hold(&s, key, text, LEN);
  store_close(&s);
}

static void aborted(struct trial *t) {
  struct store s = store_open(t);
  const char *key = store_key(&s, "object");
  si_sink *sink = must_begin(&s, key, LEN, 0);
  must_write(&s, sink, text, LEN);
  store_abort(&s, sink);
  store_must_lack(&s, key);
  sink = must_begin(&s, key, LEN, 0);
  store_abort(&s, sink);
  store_must_lack(&s, key);
  store_close(&s);
}

static void abort_keeps(struct trial *t) {
  struct store s = store_open(t);
  const char *key = store_key(&s, "object");
  store_must_put(&s, key, text, LEN);
  si_sink *sink = must_begin(&s, key, 5, 0);
  must_write(&s, sink, "other", 5);
  store_must_hold(&s, key, text, LEN);
  store_abort(&s, sink);
  store_must_hold(&s, key, text, LEN);
  store_close(&s);
}

static void replaced(struct trial *t) {
  struct store s = store_open(t);
  const char *key = store_key(&s, "object");
  size_t count = 0;
  store_must_put(&s, key, text, LEN);
  store_must_put(&s, key, "short", 5);
  store_must_hold(&s, key, "short", 5);
  demand(store_listed(&s, s.prefix, key, &count) == 1 && count == 1,
         "a replaced object is listed %zu times", count);
  store_close(&s);
}

static void too_few(struct trial *t) {
  struct store s = store_open(t);
  const char *key = store_key(&s, "object");
  si_sink *sink = must_begin(&s, key, LEN, 0);
  must_write(&s, sink, text, LEN - 1);
  demand(store_finish(&s, sink) != SI_OK,
         "sink_finish() succeeded with fewer bytes than were announced");
  store_must_lack(&s, key);
  store_close(&s);
}

static void too_many(struct trial *t) {
  struct store s = store_open(t);
  const char *key = store_key(&s, "object");
  si_sink *sink = must_begin(&s, key, 5, 0);
  si_rc status = store_write(&s, sink, text, LEN);
  if (status == SI_OK) {
    demand(store_finish(&s, sink) != SI_OK, "more bytes than were announced were stored");
  } else {
    store_abort(&s, sink);
  }
  store_must_lack(&s, key);
  store_close(&s);
}

static void create_only(struct trial *t) {
  struct store s = store_open(t);
  const char *key = store_key(&s, "object");
  store_ok(store_put(&s, key, text, LEN, SI_PUT_CREATE_ONLY),
           "storing a new object with SI_PUT_CREATE_ONLY");
  si_rc status = store_put(&s, key, "other", 5, SI_PUT_CREATE_ONLY);
  demand_status(status, SI_E_EXISTS, "storing over an object with SI_PUT_CREATE_ONLY");
  store_must_hold(&s, key, text, LEN);
  store_close(&s);
}

/* Both were begun when nothing was there: the second to finish must lose. */
static void create_race(struct trial *t) {
  if (t->provider->threads != SI_THREADS_PARALLEL) {
    skip_check("the provider writes one object at a time");
  }
  struct store s = store_open(t), other = store_open(t);
  const char *key = store_key(&s, "object");
  si_sink *one = must_begin(&s, key, 3, SI_PUT_CREATE_ONLY);
  si_sink *two = must_begin(&other, key, 3, SI_PUT_CREATE_ONLY);
  must_write(&s, one, "one", 3);
  must_write(&other, two, "two", 3);
  store_ok(store_finish(&other, two), "the first sink_finish()");
  demand_status(store_finish(&s, one), SI_E_EXISTS, "sink_finish() of the one that came second");
  store_must_hold(&s, key, "two", 3);
  store_close(&other);
  store_close(&s);
}

static void commit(struct trial *t) {
  struct store s = store_open(t);
  store_must_put(&s, store_key(&s, "before"), text, LEN);
  store_ok(store_put(&s, store_key(&s, "commit"), text, LEN, SI_PUT_COMMIT),
           "storing with SI_PUT_COMMIT");
  store_ok(store_put(&s, store_key(&s, "both"), text, LEN, SI_PUT_COMMIT | SI_PUT_CREATE_ONLY),
           "storing with SI_PUT_COMMIT and SI_PUT_CREATE_ONLY");
  store_must_hold(&s, store_key(&s, "before"), text, LEN);
  store_must_hold(&s, store_key(&s, "commit"), text, LEN);
  store_must_hold(&s, store_key(&s, "both"), text, LEN);
  store_close(&s);
}

static void commit_exists(struct trial *t) {
  struct store s = store_open(t);
  const char *key = store_key(&s, "object");
  store_must_put(&s, key, text, LEN);
  demand_status(store_put(&s, key, "other", 5, SI_PUT_COMMIT | SI_PUT_CREATE_ONLY), SI_E_EXISTS,
                "storing over an object with SI_PUT_COMMIT and SI_PUT_CREATE_ONLY");
  store_must_hold(&s, key, text, LEN);
  store_close(&s);
}

static void unknown_flag(struct trial *t) {
  struct store s = store_open(t);
  const char *key = store_key(&s, "object");
  for (uint32_t bit = 2; bit < 32; bit++) {
    si_sink *sink = NULL;
    demand_status(store_begin(&s, key, 1, 1u << bit, &sink), SI_E_UNSUPPORTED,
                  "sink_open() with a flag that there is not");
  }
  store_must_lack(&s, key);
  store_close(&s);
}

static void out_kept(struct trial *t) {
  static char other;
  struct store s = store_open(t);
  si_sink *sink = (si_sink *)(void *)&other;
  si_reader *reader = (si_reader *)(void *)&other;
  si_object_info info = {4711, 4712};
  si_op *op = op_begin(s.host);
  demand(store_begin(&s, "../x", 1, 0, &sink) != SI_OK && sink == (si_sink *)(void *)&other,
         "sink_open() failed, and wrote a sink all the same");
  demand(CALL(s.vt, reader_open)(s.in, op, store_key(&s, "none"), 0, 1, &reader) != SI_OK &&
             reader == (si_reader *)(void *)&other,
         "reader_open() failed, and wrote a reader all the same");
  demand(CALL(s.vt, stat)(s.in, op, store_key(&s, "none"), &info) != SI_OK && info.length == 4711,
         "stat() failed, and wrote a length all the same");
  op_end(op, SI_OK);
  store_close(&s);
}

static void content_type(struct trial *t) {
  struct store s = store_open(t);
  const char *key = store_key(&s, "object");
  const si_put_options options = {
      .size = sizeof options, .length = LEN, .content_type = "application/json"};
  si_sink *sink = NULL;
  si_op *op = op_begin(s.host);
  demand_ok(CALL(s.vt, sink_open)(s.in, op, key, &options, &sink), op,
            "sink_open() with a content type");
  op_end(op, SI_OK);
  must_write(&s, sink, text, LEN);
  store_ok(store_finish(&s, sink), "sink_finish()");
  store_must_hold(&s, key, text, LEN);
  store_close(&s);
}

/* Cancelled at each call of the host while an object is written: it is there whole, or not. Where
 * it is there though the call failed, the failure says that it may be: repeating is harmless, or
 * nobody knows. */
static void cancelled(struct trial *t) {
  struct store s = store_open(t);
  for (unsigned n = 1; n <= 12; n++) {
    char name[32] = "object-";
    uint64_t length = 0;
    name[7] = (char)('a' + n);
    const char *key = store_key(&s, name);
    atomic_store(&s.host->calls, 0);
    atomic_store(&s.host->cancel_at, n);
    si_rc status = store_put(&s, key, text, LEN, 0);
    atomic_store(&s.host->cancel_at, 0);
    demand(status == SI_OK || status == SI_E_CANCELLED || status == SI_E_TIMEOUT,
           "cancelled, storing came to \"%s\"", si_status_text(status));
    bool perhaps = store_op->retry == SI_OUTCOME_UNKNOWN || store_op->retry == SI_RETRY_SAFE;
    si_rc found = store_stat(&s, key, &length);
    demand(found == SI_E_NOT_FOUND || status == SI_OK || perhaps,
           "what was cancelled is there, and was not told as SI_RETRY_SAFE or unknown");
    if (status == SI_OK || found == SI_OK) {
      store_must_hold(&s, key, text, LEN);
    }
  }
  store_close(&s);
}

#define STORE(id, title, run) \
  { id, title, SI_KIND_ARTIFACT, WANTS_PEER, 0, run }
const struct check store_write_checks[] = {
    STORE("store.write.round-trip", "what is written can be read, byte for byte", round_trip),
    STORE("store.write.empty", "an object of 0 bytes is one", empty),
    STORE("store.write.zero-length", "writes of 0 bytes change nothing", zero_length),
    STORE("store.write.pieces", "how the bytes are cut into writes does not matter", pieces),
    STORE("store.write.lent", "key, options and data are not used after the call", data_kept),
    STORE("store.write.unseen", "nothing is visible before sink_finish", unseen_before),
    STORE("store.write.seen", "after sink_finish it is visible, to every instance", seen_after),
    STORE("store.write.kept", "it is there for the instance that comes next", kept),
    STORE("store.write.aborted", "after sink_abort nothing is visible", aborted),
    STORE("store.write.abort-keeps", "sink_abort leaves the object that was there", abort_keeps),
    STORE("store.write.replaced", "without SI_PUT_CREATE_ONLY an object is replaced", replaced),
    STORE("store.write.too-few", "fewer bytes than announced are no object", too_few),
    STORE("store.write.too-many", "more bytes than announced are no object", too_many),
    STORE("store.write.create-only", "SI_PUT_CREATE_ONLY does not replace", create_only),
    STORE("store.write.create-race", "SI_PUT_CREATE_ONLY holds at sink_finish, too", create_race),
    STORE("store.write.commit", "SI_PUT_COMMIT is taken, alone and with the other flag", commit),
    STORE("store.write.commit-exists", "SI_PUT_COMMIT does not weaken SI_PUT_CREATE_ONLY",
          commit_exists),
    STORE("store.write.unknown-flag", "a flag that it does not know is refused", unknown_flag),
    STORE("store.write.out", "outputs are written on success alone", out_kept),
    STORE("store.write.content-type", "a content type is taken", content_type),
    STORE("store.write.cancelled", "what was cancelled is there whole, or not at all", cancelled),
    {0}};
