/* SPDX-License-Identifier: Apache-2.0 */
/* The rooms store.list, store.remove, store.unfinished and store.uri. */
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "sdk/conform/store.h"

enum { MANY = 1100 };

static void prefix(struct trial *t) {
  struct store s = store_open(t);
  size_t count = 0;
  store_must_put(&s, store_key(&s, "a/b"), "x", 1);
  store_must_put(&s, store_key(&s, "a/c/d"), "x", 1);
  store_must_put(&s, store_key(&s, "ab"), "x", 1);
  store_must_put(&s, store_key(&s, "b/a"), "x", 1);
  demand(store_listed(&s, store_key(&s, "a"), store_key(&s, "a/b"), &count) == 1 && count == 2,
         "under the prefix a, which a/b and a/c/d begin with, %zu objects are listed", count);
  demand(store_listed(&s, store_key(&s, "a/c"), store_key(&s, "a/c/d"), &count) == 1 && count == 1,
         "under the prefix a/c, which a/c/d begins with, %zu objects are listed", count);
  store_close(&s);
}

static void itself(struct trial *t) {
  struct store s = store_open(t);
  size_t count = 0;
  store_must_put(&s, store_key(&s, "object"), "x", 1);
  demand(
      store_listed(&s, store_key(&s, "object"), store_key(&s, "object"), &count) == 1 && count == 1,
      "under a prefix that is an object's key, %zu objects are listed", count);
  store_close(&s);
}

static void none(struct trial *t) {
  struct store s = store_open(t);
  size_t count = 0;
  store_listed(&s, store_key(&s, "nothing/at/all"), NULL, &count);
  demand(count == 0, "under a prefix that no key has, %zu objects are listed", count);
  store_close(&s);
}

struct seen {
  const struct store *s;
  unsigned char times[MANY];
  size_t others;
  size_t stop_after; /* 0: never */
  size_t calls;
  bool lengths;
};

static si_rc see(void *ctx, const char *key, const si_object_info *info) {
  struct seen *seen = ctx;
  unsigned n = 0;
  const char *name = strrchr(key, '/');
  seen->calls++;
  if (name && sscanf(name, "/n%u", &n) == 1 && n < MANY) {
    seen->times[n]++;
    seen->lengths = seen->lengths && info->length == n % 7;
  } else {
    seen->others++;
  }
  return seen->stop_after && seen->calls >= seen->stop_after ? SI_E_QUOTA : SI_OK;
}

static void put_many(const struct store *s, size_t count) {
  for (unsigned n = 0; n < count; n++) {
    char name[32];
    snprintf(name, sizeof name, "d%u/n%u", n % 3, n);
    store_must_put(s, store_key(s, name), "1234567", n % 7);
  }
}

static struct seen list_all(const struct store *s, size_t stop_after, si_rc *status) {
  struct seen seen = {.s = s, .stop_after = stop_after, .lengths = true};
  si_op *op = op_begin(s->host);
  *status = op_end(op, CALL(s->vt, list)(s->in, op, s->prefix, &seen, see));
  return seen;
}

static void many(struct trial *t) {
  struct store s = store_open(t);
  si_rc status;
  put_many(&s, MANY);
  struct seen seen = list_all(&s, 0, &status);
  demand(status == SI_OK, "list() of %d objects failed (%s)", MANY, si_status_text(status));
  for (int n = 0; n < MANY; n++) {
    demand(seen.times[n] == 1, "of %d objects number %d is listed %d times", MANY, n,
           seen.times[n]);
  }
  demand(seen.others == 0, "%zu objects are listed that nobody stored", seen.others);
  store_close(&s);
}

static void lengths(struct trial *t) {
  struct store s = store_open(t);
  si_rc status;
  put_many(&s, 14);
  struct seen seen = list_all(&s, 0, &status);
  demand(status == SI_OK && seen.calls == 14, "list() told %zu of 14 objects", seen.calls);
  demand(seen.lengths, "list() tells another length than was written");
  store_close(&s);
}

static void stopped(struct trial *t) {
  struct store s = store_open(t);
  si_rc status;
  put_many(&s, 10);
  struct seen seen = list_all(&s, 3, &status);
  demand(status == SI_E_QUOTA, "the receiver's status ended list() with \"%s\", not with itself",
         si_status_text(status));
  demand(seen.calls == 3, "list() called the receiver %zu times, who said stop at 3", seen.calls);
  store_close(&s);
}

static void no_unfinished(struct trial *t) {
  struct store s = store_open(t);
  si_sink *sink = NULL;
  size_t count = 0;
  /* One that commits and is new: stores keep those differently. */
  store_ok(
      store_begin(&s, store_key(&s, "unfinished"), 1, SI_PUT_CREATE_ONLY | SI_PUT_COMMIT, &sink),
      "sink_open()");
  store_ok(store_write(&s, sink, "x", 1), "sink_write()");
  store_listed(&s, s.prefix, NULL, &count);
  demand(count == 0, "what is not finished is listed");
  store_abort(&s, sink);
  store_listed(&s, s.prefix, NULL, &count);
  demand(count == 0, "what was aborted is listed");
  store_close(&s);
}

/* --- remove --- */

static void removed(struct trial *t) {
  struct store s = store_open(t);
  const char *key = store_key(&s, "object");
  store_must_put(&s, key, "x", 1);
  store_ok(store_remove(&s, key), "remove()");
  store_must_lack(&s, key);
  store_must_put(&s, key, "again", 5);
  store_must_hold(&s, key, "again", 5);
  store_close(&s);
}

static void removed_twice(struct trial *t) {
  struct store s = store_open(t);
  const char *key = store_key(&s, "object");
  store_must_put(&s, key, "x", 1);
  store_ok(store_remove(&s, key), "remove()");
  store_ok(store_remove(&s, key), "remove() of what is gone already");
  store_ok(store_remove(&s, store_key(&s, "never/was")), "remove() of what never was");
  store_close(&s);
}

static void removed_alone(struct trial *t) {
  struct store s = store_open(t);
  store_must_put(&s, store_key(&s, "a/b"), "x", 1);
  store_must_put(&s, store_key(&s, "a/bc"), "y", 1);
  store_must_put(&s, store_key(&s, "a/c"), "z", 1);
  store_ok(store_remove(&s, store_key(&s, "a/b")), "remove()");
  store_must_hold(&s, store_key(&s, "a/bc"), "y", 1);
  store_must_hold(&s, store_key(&s, "a/c"), "z", 1);
  demand(store_remove(&s, store_key(&s, "a")) != SI_OK ||
             store_stat(&s, store_key(&s, "a/c"), &(uint64_t){0}) == SI_OK,
         "remove() of what keys begin with removed the objects");
  store_close(&s);
}

/* --- unfinished --- */

struct found {
  char key[KEY_MAX + 1];
  char id[1024];
  size_t count;
};

static si_rc find(void *ctx, const si_unfinished *unfinished) {
  struct found *found = ctx;
  demand(unfinished->size >= sizeof *unfinished && unfinished->key && unfinished->id,
         "unfinished() told one without its size, key or id");
  si_copy(found->key, sizeof found->key, unfinished->key);
  si_copy(found->id, sizeof found->id, unfinished->id);
  found->count++;
  return SI_OK;
}

static struct found list_unfinished(const struct store *s) {
  struct found found = {.count = 0};
  si_op *op = op_begin(s->host);
  demand_ok(CALL(s->vt, unfinished)(s->in, op, s->prefix, &found, find), op, "unfinished()");
  op_end(op, SI_OK);
  return found;
}

/* Begins one that the store keeps where it can be told. */
static si_sink *begin_one(const struct store *s) {
  static char bytes[100000];
  si_sink *sink = NULL;
  store_ok(store_begin(s, store_key(s, "dir/object"), sizeof bytes,
                       SI_PUT_CREATE_ONLY | SI_PUT_COMMIT, &sink),
           "sink_open()");
  store_ok(store_write(s, sink, bytes, sizeof bytes), "sink_write()");
  return sink;
}

static void unfinished_none(struct trial *t) {
  struct store s = store_open(t);
  store_must_put(&s, store_key(&s, "object"), "x", 1);
  demand(list_unfinished(&s).count == 0, "an object that is whole is told as unfinished");
  store_abort(&s, begin_one(&s));
  demand(list_unfinished(&s).count == 0, "after sink_abort something is told as unfinished");
  store_close(&s);
}

static void discarded(struct trial *t) {
  struct store s = store_open(t);
  si_sink *sink = begin_one(&s);
  struct found found = list_unfinished(&s);
  if (found.count == 0) {
    store_abort(&s, sink);
    skip_check("this store's short objects leave nothing to be told");
  }
  for (int i = 0; i < 2; i++) {
    si_op *op = op_begin(s.host);
    demand_ok(CALL(s.vt, discard)(s.in, op, found.key, found.id), op,
              i ? "discard() of what is gone already" : "discard()");
    op_end(op, SI_OK);
  }
  demand(list_unfinished(&s).count == 0, "what was discarded is still told as unfinished");
  demand(store_finish(&s, sink) != SI_OK, "a writer whose work was discarded finished it");
  store_must_lack(&s, store_key(&s, "dir/object"));
  store_close(&s);
}

static void discard_nonsense(struct trial *t) {
  struct store s = store_open(t);
  const char *key = store_key(&s, "object");
  store_must_put(&s, key, "x", 1);
  si_op *op = op_begin(s.host);
  CALL(s.vt, discard)(s.in, op, key, "object");
  op_end(op, SI_OK);
  op = op_begin(s.host);
  CALL(s.vt, discard)(s.in, op, s.prefix, "object");
  op_end(op, SI_OK);
  store_must_hold(&s, key, "x", 1);
  store_close(&s);
}

/* --- uri --- */

static void uri(struct trial *t) {
  struct store s = store_open(t);
  char scheme[80], text[9000] = "", store[9000] = "";
  if (!s.vt->uri) {
    skip_check("the provider has no uri()");
  }
  snprintf(scheme, sizeof scheme, "%s://", t->provider->id);
  demand(CALL(s.vt, uri)(s.in, store_key(&s, "object"), text, sizeof text) == SI_OK,
         "uri() failed");
  demand(CALL(s.vt, uri)(s.in, "", store, sizeof store) == SI_OK,
         "uri() of the store itself failed");
  demand(strncmp(text, scheme, strlen(scheme)) == 0 && strncmp(store, scheme, strlen(scheme)) == 0,
         "the URI %.200s does not begin with %s", text, scheme);
  demand(strstr(text, "object") != NULL, "the URI %.200s does not name the object", text);
  store_close(&s);
}

static void uri_bounded(struct trial *t) {
  struct store s = store_open(t);
  char text[64];
  if (!s.vt->uri) {
    skip_check("the provider has no uri()");
  }
  for (size_t cap = 0; cap < 12; cap++) {
    memset(text, 0x5a, sizeof text);
    demand_status(CALL(s.vt, uri)(s.in, store_key(&s, "object"), text, cap), SI_E_QUOTA,
                  "uri() with too little room");
    for (size_t i = cap; i < sizeof text; i++) {
      demand(text[i] == 0x5a, "uri() wrote behind the room it was given");
    }
  }
  store_close(&s);
}

#define STORE(id, title, caps, run) \
  { id, title, SI_KIND_ARTIFACT, WANTS_PEER, caps, run }
const struct check store_list_checks[] = {
    STORE("store.list.prefix", "a prefix ends where a component ends", 0, prefix),
    STORE("store.list.itself", "a key is a prefix of itself", 0, itself),
    STORE("store.list.none", "a prefix without objects is an empty listing", 0, none),
    STORE("store.list.many", "more than 1,000 objects are listed, each once", 0, many),
    STORE("store.list.lengths", "a listing tells the lengths", 0, lengths),
    STORE("store.list.stopped", "the receiver's status ends the listing", 0, stopped),
    STORE("store.list.unfinished", "what is not finished, or aborted, is not listed", 0,
          no_unfinished),
    STORE("store.remove.gone", "what was removed is gone, and can be stored anew",
          SI_CAP_ARTIFACT_REMOVE, removed),
    STORE("store.remove.twice", "removing what is gone is success", SI_CAP_ARTIFACT_REMOVE,
          removed_twice),
    STORE("store.remove.alone", "nothing else is removed", SI_CAP_ARTIFACT_REMOVE, removed_alone),
    STORE("store.unfinished.none", "what is whole, or aborted, is not unfinished",
          SI_CAP_ARTIFACT_UNFINISHED, unfinished_none),
    STORE("store.unfinished.discard", "what is discarded is gone, and its writer fails",
          SI_CAP_ARTIFACT_UNFINISHED, discarded),
    STORE("store.unfinished.objects", "discard never touches an object", SI_CAP_ARTIFACT_UNFINISHED,
          discard_nonsense),
    STORE("store.uri.scheme", "a URI begins with the provider's id, and names the object", 0, uri),
    STORE("store.uri.bounded", "a URI that does not fit is SI_E_QUOTA", 0, uri_bounded),
    {0}};
