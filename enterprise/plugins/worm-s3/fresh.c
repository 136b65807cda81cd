/* SPDX-License-Identifier: LicenseRef-si-enterprise */
/*
 * fresh.c - how looks before a PUT are saved where nothing can be there. Depends on worm.h.
 *
 * A report that told nothing of a prefix leaves it as "fresh" with the instance: until then nobody
 * wrote there. A look at one of its keys that finds nothing then speaks for every key there that
 * this instance has not written, for a quarter of a second: so long may another writer go unseen,
 * and about so long he may between a look and the end of a large PUT in any case. He is found out
 * before the manifest: what a reader would get of each key must be the version that was written
 * here.
 */
#include <stdlib.h>
#include <string.h>

#include "worm.h"

#define SPEAKS_NS (250ull * 1000000)
#define ROOM_MAX \
  (1u << 22) /* entries, a power of two; beyond half of them every key is looked at */

static uint64_t mix(uint64_t hash, const char *text) {
  for (; *text; text++) { /* FNV-1a */
    hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
  }
  return (hash ^ 0xff) * 0x100000001b3ull;
}

static uint64_t hash_of(const char *key, const char *version) {
  uint64_t hash = mix(mix(0xcbf29ce484222325ull, key), version);
  return hash ? hash : 1;
}

/* --- a set of hashes --- */

static bool has(const struct worm_fresh *fresh, uint64_t hash) {
  for (size_t at = hash; fresh->room; at++) {
    uint64_t entry = fresh->set[at & (fresh->room - 1)];
    if (entry == hash || entry == 0) {
      return entry == hash;
    }
  }
  return false;
}

static void put(uint64_t *set, size_t room, uint64_t hash) {
  size_t at = hash & (room - 1);
  while (set[at] != 0 && set[at] != hash) {
    at = (at + 1) & (room - 1);
  }
  set[at] = hash;
}

/* false: there is no room for it. */
static bool add(struct worm_fresh *fresh, uint64_t hash) {
  if ((fresh->count + 1) * 2 > fresh->room) {
    size_t room = fresh->room ? fresh->room * 2 : 256;
    uint64_t *set = room <= ROOM_MAX ? calloc(room, sizeof *set) : NULL;
    if (!set) {
      return false;
    }
    for (size_t i = 0; i < fresh->room; i++) {
      if (fresh->set[i]) {
        put(set, room, fresh->set[i]);
      }
    }
    free(fresh->set);
    fresh->set = set;
    fresh->room = room;
  }
  put(fresh->set, fresh->room, hash);
  fresh->count++;
  return true;
}

static void forget(struct worm_fresh *fresh) {
  free(fresh->set);
  *fresh = (struct worm_fresh){.known = false};
}

/* --- with the instance's lock --- */

static bool covers(const struct worm_fresh *fresh, const char *key) {
  return fresh->known && si_key_below(key, fresh->prefix);
}

void worm_fresh_begin(const si_instance *store, const char *prefix, bool empty) {
  struct worm *worm = store->mine;
  pthread_mutex_lock(&worm->lock);
  forget(&worm->fresh);
  if (empty && prefix[0] && strlen(prefix) < sizeof worm->fresh.prefix) {
    si_copy(worm->fresh.prefix, sizeof worm->fresh.prefix, prefix);
    worm->fresh.known = true;
  }
  pthread_mutex_unlock(&worm->lock);
}

bool worm_fresh_speaks(const si_instance *store, const char *key) {
  struct worm *worm = store->mine;
  struct worm_fresh *fresh = &worm->fresh;
  bool speaks = false;
  pthread_mutex_lock(&worm->lock);
  if (covers(fresh, key)) {
    uint64_t begun = hash_of(key, "");
    speaks = !has(fresh, begun) && add(fresh, begun) && fresh->looked_ns &&
             si_monotonic_ns() - fresh->looked_ns < SPEAKS_NS;
    fresh->spoke = fresh->spoke || speaks;
  }
  pthread_mutex_unlock(&worm->lock);
  return speaks;
}

void worm_fresh_looked(const si_instance *store, const char *key, uint64_t at_ns) {
  struct worm *worm = store->mine;
  pthread_mutex_lock(&worm->lock);
  if (covers(&worm->fresh, key) && at_ns > worm->fresh.looked_ns) {
    worm->fresh.looked_ns = at_ns;
  }
  pthread_mutex_unlock(&worm->lock);
}

void worm_fresh_wrote(const si_instance *store, const char *key, const char *version) {
  struct worm *worm = store->mine;
  pthread_mutex_lock(&worm->lock);
  if (covers(&worm->fresh, key) && !add(&worm->fresh, hash_of(key, version))) {
    forget(&worm->fresh);
  }
  pthread_mutex_unlock(&worm->lock);
}

void worm_fresh_end(struct worm *worm) {
  forget(&worm->fresh);
}

/* --- before the manifest --- */

struct comparing {
  const si_instance *store;
  char prefix[SI_BUCKET_KEY]; /* the host's */
  char stranger[SI_BUCKET_KEY];
};

static si_rc on_version(void *ctx, const struct si_s3_version *v) {
  struct comparing *c = ctx;
  struct worm *worm = c->store->mine;
  const char *key = si_bucket_own_key(c->store, v->key);
  if (!v->latest || !key || !si_key_below(key, c->prefix)) {
    return SI_OK;
  }
  pthread_mutex_lock(&worm->lock);
  bool ours = !v->marker && has(&worm->fresh, hash_of(key, v->version_id));
  pthread_mutex_unlock(&worm->lock);
  if (ours) {
    return SI_OK;
  }
  si_copy(c->stranger, sizeof c->stranger, key);
  return SI_E_EXISTS;
}

si_rc worm_fresh_prove(const si_instance *store, si_op *op, const char *key) {
  struct worm *worm = store->mine;
  struct comparing c = {.store = store};
  char full[SI_BUCKET_KEY];
  struct si_bucket_call call;
  struct si_error error;
  pthread_mutex_lock(&worm->lock);
  bool spoke = covers(&worm->fresh, key) && worm->fresh.spoke;
  si_copy(c.prefix, sizeof c.prefix, worm->fresh.prefix);
  pthread_mutex_unlock(&worm->lock);
  if (!spoke) {
    return SI_OK;
  }
  si_rc status = si_bucket_key(store, op, c.prefix, full);
  if (status != SI_OK) {
    return status;
  }
  si_bucket_call_begin(&call, store, op);
  status = si_s3_versions(store->s3, &call.s3, full, on_version, &c, &error);
  if (c.stranger[0]) {
    return si_bucket_refuse(store, op, SI_E_EXISTS, NULL, key,
                            "%s: another writer stored %s at the same time, and a reader would get "
                            "his: this is not completed. Begin anew under a name of its own",
                            key, c.stranger);
  }
  return status == SI_OK ? SI_OK : si_bucket_fail(store, op, &error, key);
}
