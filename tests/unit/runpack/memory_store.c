/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/runpack/memory_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool memory_ends(const char *key, const char *end) {
  size_t a = strlen(key), b = end ? strlen(end) : 0;
  return end && b <= a && strcmp(key + a - b, end) == 0;
}

struct memory_object *memory_find(struct memory_store *store, const char *key_end) {
  for (size_t i = 0; i < store->count; i++) {
    if (memory_ends(store->objects[i].key, key_end)) {
      return &store->objects[i];
    }
  }
  return NULL;
}

struct memory_object *memory_exact(struct memory_store *store, const char *key) {
  for (size_t i = 0; i < store->count; i++) {
    if (strcmp(store->objects[i].key, key) == 0) {
      return &store->objects[i];
    }
  }
  return NULL;
}

void memory_set(struct memory_store *store, const char *key, const void *data, size_t len) {
  struct memory_object *object = memory_exact(store, key);
  if (!object) {
    if (store->count == MEMORY_OBJECTS) {
      abort();
    }
    object = &store->objects[store->count++];
    object->key = strdup(key);
    object->data = NULL;
  }
  free(object->data);
  object->data = malloc(len + 1);
  if (len) {
    memcpy(object->data, data, len);
  }
  object->len = len;
  object->modified_ms = store->now_ms;
}

void memory_drop(struct memory_store *store, const char *key_end) {
  struct memory_object *object = memory_find(store, key_end);
  if (object) {
    free(object->key);
    free(object->data);
    *object = store->objects[--store->count];
  }
}

/* --- a child that dies --- */

si_rc memory_death(const struct memory_store *store, struct si_error *error) {
  return store->dead ? si_error_set(error, SI_E_INTERNAL, "PLUGIN_EXITED", "the child is gone")
                     : SI_OK;
}

/* Is this call its last one? */
bool memory_dies(struct memory_store *store) {
  store->dead = store->dead || ++store->calls == store->crash_at;
  return store->dead;
}

static void drop_puts(struct memory_store *store) {
  for (size_t i = 0; i < MEMORY_PUTS; i++) {
    free(store->putting[i].object.key);
    free(store->putting[i].object.data);
    store->putting[i].object = (struct memory_object){.key = NULL};
  }
}

void memory_revive(struct memory_store *store) {
  drop_puts(store);
  for (size_t i = 0; i < store->get_count; i++) {
    free(store->gets[i].key);
  }
  store->get_count = 0;
  store->late = SI_OK;
  store->calls = store->crash_at = 0;
  store->dead = false;
}

/* --- puts and gets --- */

static si_rc put_open(struct si_store *head, const char *key, uint32_t flags, uint64_t length,
                      const char *content_type, uint64_t *put, struct si_error *error) {
  struct memory_store *store = (struct memory_store *)head;
  if (memory_dies(store)) {
    return memory_death(store, error);
  }
  const size_t most = head->open_max ? head->open_max : 1;
  size_t open = 0, at = MEMORY_PUTS;
  (void)content_type;
  for (size_t i = 0; i < MEMORY_PUTS; i++) {
    open += store->putting[i].object.key != NULL;
    at = store->putting[i].object.key ? at : i;
  }
  if (open >= most || at == MEMORY_PUTS) {
    return si_error_set(error, SI_E_INTERNAL, "TEST", "more objects are open than may be");
  }
  store->most_open = open + 1 > store->most_open ? open + 1 : store->most_open;
  store->putting[at] =
      (struct memory_put){.object = {.key = strdup(key), .data = malloc(length + 1)},
                          .flags = flags,
                          .want = length,
                          .lock = head->lock};
  store->flags = flags;
  *put = at + 1;
  if (memory_ends(key, "/manifest.json")) {
    store->unflushed_at_manifest = store->unflushed;
  }
  return SI_OK;
}

static si_rc put_data(struct si_store *head, uint64_t id, const void *data, size_t len,
                      struct si_error *error) {
  struct memory_put *put = &((struct memory_store *)head)->putting[id - 1];
  if (memory_dies((struct memory_store *)head)) {
    return memory_death((struct memory_store *)head, error);
  }
  if (put->object.len + len > put->want) {
    return si_error_set(error, SI_E_INVALID, "TEST", "more than announced");
  }
  memcpy(put->object.data + put->object.len, data, len);
  put->object.len += len;
  return SI_OK;
}

static void fail_late(struct memory_store *store, si_rc status) {
  store->late = store->late == SI_OK ? status : store->late;
}

static void keep(struct memory_store *store, struct memory_put *put, bool locked) {
  if (memory_ends(put->object.key, store->corrupt) && put->object.len) {
    put->object.data[0] ^= 1;
  }
  memory_set(store, put->object.key, put->object.data, put->object.len);
  memory_exact(store, put->object.key)->lock =
      locked ? put->lock : (struct si_store_lock){.mode = SI_LOCK_NONE};
  store->commits += (put->flags & SI_PUT_COMMIT) != 0;
  store->unflushed++;
  store->stored++;
}

static void commit_put(struct memory_store *store, struct memory_put *put) {
  const char *key = put->object.key;
  const struct memory_object *there = memory_exact(store, key);
  const bool unlocked = memory_ends(key, store->unproven) || memory_ends(key, store->forget);
  if (put->object.len != put->want) {
    fail_late(store, SI_E_INVALID);
  } else if ((put->flags & SI_PUT_CREATE_ONLY) && there) {
    fail_late(store, SI_E_EXISTS);
  } else if (there && memory_locked(store, there)) {
    fail_late(store, SI_E_RETENTION);
  } else if (memory_ends(key, store->fail_put)) {
    fail_late(store, SI_E_QUOTA);
  } else {
    keep(store, put, !unlocked && !(store->dead && store->crash == MEMORY_BETWEEN));
    if (memory_ends(put->object.key, store->unproven)) {
      fail_late(store, SI_E_RETENTION);
    }
  }
}

static si_rc put_close(struct si_store *head, uint64_t id, int commit, struct si_error *error) {
  struct memory_store *store = (struct memory_store *)head;
  struct memory_put *put = &store->putting[id - 1];
  const bool was_dead = store->dead;
  const bool died = memory_dies(store) && !was_dead;
  if (commit && !was_dead && !(died && store->crash == MEMORY_BEFORE)) {
    commit_put(store, put);
  }
  free(put->object.key);
  free(put->object.data);
  put->object = (struct memory_object){.key = NULL};
  return memory_death(store, error);
}

static si_rc get(struct si_store *head, const char *key, uint64_t limit, void *ctx,
                 si_store_data on_data, si_store_end on_end, struct si_error *error) {
  struct memory_store *store = (struct memory_store *)head;
  if (store->dead) {
    return memory_death(store, error);
  }
  if (store->get_count == MEMORY_OBJECTS) {
    return si_error_set(error, SI_E_QUOTA, "TEST", "too many gets");
  }
  store->gets[store->get_count].key = strdup(key);
  store->gets[store->get_count].limit = limit;
  store->gets[store->get_count].ctx = ctx;
  store->gets[store->get_count].on_data = on_data;
  store->gets[store->get_count].on_end = on_end;
  store->get_count++;
  return SI_OK;
}

static si_rc deliver_endless(void *ctx, si_store_data on_data) {
  static const char block[65536];
  si_rc status = SI_OK;
  /* A store that ignores its limit: only the receiver can end this. */
  for (int i = 0; status == SI_OK && i < 100000; i++) {
    status = on_data(ctx, block, sizeof block);
  }
  return status == SI_OK ? SI_E_INTERNAL : status;
}

static void deliver(struct memory_store *store, size_t i) {
  const char *key = store->gets[i].key;
  void *ctx = store->gets[i].ctx;
  const struct memory_object *object = memory_exact(store, key);
  struct si_error error;
  si_rc status = SI_OK;
  if (!object || memory_ends(key, store->drop)) {
    status = SI_E_NOT_FOUND;
  } else if (memory_ends(key, store->fail_get)) {
    status = store->get_status;
  } else if (memory_ends(key, store->endless)) {
    status = deliver_endless(ctx, store->gets[i].on_data);
  } else {
    size_t len = object->len < store->gets[i].limit ? object->len : (size_t)store->gets[i].limit;
    size_t piece = store->piece ? store->piece : len;
    for (size_t at = 0; status == SI_OK && at < len; at += piece) {
      status = store->gets[i].on_data(ctx, object->data + at, len - at < piece ? len - at : piece);
    }
    status = status == SI_OK && object->len > len ? SI_E_QUOTA : status;
  }
  si_error_set(&error, status, "TEST", "told to fail");
  store->gets[i].on_end(ctx, status, status == SI_OK ? NULL : &error);
}

static si_rc flush(struct si_store *head, struct si_error *error) {
  struct memory_store *store = (struct memory_store *)head;
  store->flushes++;
  store->unflushed = 0;
  for (size_t i = 0; i < store->get_count; i++) {
    if (!store->silent && !store->dead) {
      deliver(store, i);
    }
    free(store->gets[i].key);
  }
  store->get_count = 0;
  si_rc late = store->late;
  store->late = SI_OK;
  if (store->dead) {
    return memory_death(store, error);
  }
  return late == SI_OK
             ? SI_OK
             : si_error_set(error, late,
                            late == SI_E_RETENTION && store->unproven ? "LOCK_UNPROVEN" : "TEST",
                            "a put failed");
}

static si_rc stat_object(struct si_store *head, const char *key, uint64_t *length,
                         struct si_error *error) {
  const struct memory_object *object = memory_exact((struct memory_store *)head, key);
  if (!object) {
    return si_error_set(error, SI_E_NOT_FOUND, "TEST", "no %s", key);
  }
  *length = object->len;
  return SI_OK;
}

struct telling {
  const struct memory_store *store;
  uint64_t told;
  uint64_t most;
  void *ctx;
  si_store_each each;
};

static si_rc tell(struct telling *t, const char *key, uint64_t length, int64_t modified_ms) {
  const struct si_store_object object = {key, length + t->store->lie_length, modified_ms};
  if (t->told++ >= t->most && !t->store->endless_listing) {
    return SI_E_QUOTA;
  }
  return t->each(t->ctx, &object);
}

static si_rc list(struct si_store *head, const char *prefix, uint64_t most, void *ctx,
                  si_store_each each, struct si_error *error) {
  struct memory_store *store = (struct memory_store *)head;
  struct telling t = {store, 0, most, ctx, each};
  size_t len = strlen(prefix);
  si_rc status = memory_death(store, error);
  for (size_t i = 0; status == SI_OK && i < store->count; i++) {
    const char *key = store->objects[i].key;
    if ((len && (strncmp(key, prefix, len) != 0 || key[len] != '/')) ||
        memory_ends(key, store->hide)) {
      continue;
    }
    status = tell(&t, key, store->objects[i].len, store->objects[i].modified_ms);
    if (status == SI_OK && memory_ends(key, store->list_twice)) {
      status = tell(&t, key, store->objects[i].len, store->objects[i].modified_ms);
    }
  }
  if (status == SI_OK && store->extra) {
    status = tell(&t, store->extra, 1, 0);
  }
  for (int i = 0; status == SI_OK && store->endless_listing && i < 10000000; i++) {
    char key[512];
    snprintf(key, sizeof key, "%.400s%sartifacts/never-%d", prefix, len ? "/" : "", i);
    status = tell(&t, key, 1, 0);
  }
  return status == SI_OK ? SI_OK : si_error_set(error, status, "TEST", "the listing ended");
}

static si_rc cannot(const struct memory_store *store, struct si_error *error) {
  return store->cannot
             ? si_error_set(error, SI_E_UNSUPPORTED, "PROVIDER_UNSUPPORTED", "it cannot do that")
             : SI_OK;
}

static si_rc remove_object(struct si_store *head, const char *key, struct si_error *error) {
  struct memory_store *store = (struct memory_store *)head;
  si_rc status = cannot(store, error);
  const struct memory_object *there = memory_exact(store, key);
  if (status == SI_OK &&
      (memory_ends(key, store->fail_remove) || (there && memory_locked(store, there)))) {
    status = si_error_set(error, SI_E_RETENTION, "TEST", "%s is locked", key);
  }
  if (status != SI_OK) {
    return status;
  }
  if (store->removed_count < MEMORY_OBJECTS) {
    store->removed[store->removed_count++] = strdup(key);
  }
  if (memory_exact(store, key) && !memory_ends(key, store->keep)) {
    memory_drop(store, key);
  }
  return SI_OK;
}

static si_rc unfinished(struct si_store *head, const char *prefix, uint64_t most, void *ctx,
                        si_store_each_unfinished each, struct si_error *error) {
  struct memory_store *store = (struct memory_store *)head;
  size_t len = strlen(prefix);
  si_rc status = cannot(store, error);
  for (size_t i = 0; status == SI_OK && i < store->unfinished_count; i++) {
    const struct memory_unfinished *u = &store->unfinished[i];
    if (u->key && (!len || (strncmp(u->key, prefix, len) == 0 &&
                            (u->key[len] == '/' || u->key[len] == '\0')))) {
      const struct si_store_unfinished found = {u->key, u->id, 1, u->started_ms};
      status = most-- ? each(ctx, &found) : SI_E_QUOTA;
    }
  }
  return status;
}

static si_rc discard(struct si_store *head, const char *key, const char *id,
                     struct si_error *error) {
  struct memory_store *store = (struct memory_store *)head;
  si_rc status = cannot(store, error);
  for (size_t i = 0; status == SI_OK && i < store->unfinished_count; i++) {
    struct memory_unfinished *u = &store->unfinished[i];
    if (u->key && strcmp(u->key, key) == 0 && strcmp(u->id, id) == 0 &&
        !memory_ends(id, store->keep)) {
      u->key = NULL;
    }
  }
  return status;
}

static si_rc uri(struct si_store *head, const char *key, char to[SI_STORE_URI_SIZE],
                 struct si_error *error) {
  (void)head;
  (void)error;
  snprintf(to, SI_STORE_URI_SIZE, "memory://here%s%s", key[0] ? "/" : "", key);
  return SI_OK;
}

static const struct si_store_vt table = {
    .put_open = put_open,
    .put_data = put_data,
    .put_close = put_close,
    .get = get,
    .flush = flush,
    .stat = stat_object,
    .list = list,
    .remove = remove_object,
    .unfinished = unfinished,
    .discard = discard,
    .uri = uri,
};

void memory_store_init(struct memory_store *store) {
  memset(store, 0, sizeof *store);
  store->head.vt = &table;
}

void memory_store_free(struct memory_store *store) {
  drop_puts(store);
  for (size_t i = 0; i < store->count; i++) {
    free(store->objects[i].key);
    free(store->objects[i].data);
  }
  for (size_t i = 0; i < store->removed_count; i++) {
    free(store->removed[i]);
  }
  store->removed_count = 0;
  store->count = 0;
}
