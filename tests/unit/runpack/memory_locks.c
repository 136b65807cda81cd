/* SPDX-License-Identifier: Apache-2.0 */
/* The store in memory: how its objects are locked. */
#include <string.h>

#include "kit/base/text.h"
#include "tests/unit/runpack/memory_store.h"

bool memory_locked(const struct memory_store *store, const struct memory_object *object) {
  return object->lock.held ||
         (object->lock.mode != SI_LOCK_NONE && object->lock.until_ms > store->clock_ms);
}

static si_lock tells(const struct memory_store *store, const struct memory_object *object) {
  return (si_lock){.size = sizeof(si_lock),
                   .mode = object->lock.mode,
                   .flags = SI_LOCK_CURRENT | (object->lock.held ? SI_LOCK_HELD : 0),
                   .key = object->key,
                   .version = "v1",
                   .until_ms = object->lock.until_ms,
                   .told_ms = store->clock_ms};
}

/* The object to be locked; NULL, explained. */
static struct memory_object *lockable(struct memory_store *store, const char *key,
                                      struct si_error *error) {
  struct memory_object *object = memory_exact(store, key);
  if (store->dead) {
    memory_death(store, error);
    return NULL;
  }
  if (!object) {
    si_error_set(error, SI_E_NOT_FOUND, "TEST", "no %s", key);
  } else if (memory_ends(key, store->stubborn)) {
    si_error_set(error, SI_E_RETENTION, "LOCK_UNPROVEN", "it will not be locked");
    object = NULL;
  }
  return object;
}

static si_rc read_back(struct memory_store *store, const struct memory_object *object, si_lock *now,
                       struct si_error *error) {
  *now = tells(store, object);
  now->key = now->version = NULL;
  store->lock_calls++;
  return memory_death(store, error);
}

static si_rc lock(struct si_store *head, const char *key, const char *version, uint32_t mode,
                  int64_t until_ms, si_lock *now, struct si_error *error) {
  struct memory_store *store = (struct memory_store *)head;
  struct memory_object *object = lockable(store, key, error);
  (void)version;
  if (!object) {
    return error->status;
  }
  if (memory_dies(store) && store->crash == MEMORY_BEFORE) {
    return memory_death(store, error);
  }
  if (mode > object->lock.mode) {
    object->lock.mode = mode;
  }
  if (until_ms > object->lock.until_ms) {
    object->lock.until_ms = until_ms;
  }
  return read_back(store, object, now, error);
}

static si_rc hold(struct si_store *head, const char *key, const char *version, bool on,
                  si_lock *now, struct si_error *error) {
  struct memory_store *store = (struct memory_store *)head;
  struct memory_object *object = lockable(store, key, error);
  (void)version;
  if (!object) {
    return error->status;
  }
  if (memory_dies(store) && store->crash == MEMORY_BEFORE) {
    return memory_death(store, error);
  }
  object->lock.held = on;
  return read_back(store, object, now, error);
}

static si_rc tell_about(const struct memory_store *store, struct si_buf *about) {
  char told[SI_TIME_SIZE];
  if (store->about) {
    return si_buf_puts(about, store->about);
  }
  si_time_text(store->clock_ms, told);
  return si_buf_printf(about,
                       "{\"store\":\"memory\",\"versioned\":true,\"locking\":true,"
                       "\"default_mode\":null,\"default_days\":null,\"told\":%s%s%s}",
                       store->clock_ms ? "\"" : "", store->clock_ms ? told : "null",
                       store->clock_ms ? "\"" : "");
}

static si_rc locks(struct si_store *head, const char *prefix, uint64_t most, void *ctx,
                   si_lock_fn each, struct si_buf *about, struct si_error *error) {
  struct memory_store *store = (struct memory_store *)head;
  const si_lock others[] = {
      {.size = sizeof(si_lock), .key = store->old, .version = "v0"},
      {.size = sizeof(si_lock), .flags = SI_LOCK_MARKER | SI_LOCK_CURRENT, .key = store->marker}};
  const size_t len = strlen(prefix);
  si_rc status = store->cannot ? si_error_set(error, SI_E_UNSUPPORTED, "PROVIDER_UNSUPPORTED",
                                              "it cannot do that")
                               : memory_death(store, error);
  for (size_t i = 0; status == SI_OK && i < store->count; i++) {
    const si_lock lock = tells(store, &store->objects[i]);
    if (strncmp(lock.key, prefix, len) == 0 && (lock.key[len] == '/' || lock.key[len] == '\0')) {
      status = most-- ? each(ctx, &lock) : SI_E_QUOTA;
    }
  }
  for (size_t i = 0; status == SI_OK && i < 2; i++) {
    status = others[i].key ? each(ctx, &others[i]) : SI_OK;
  }
  return status == SI_OK ? tell_about(store, about) : status;
}

void memory_store_locks(struct memory_store *store, int64_t clock_ms) {
  static struct si_store_vt locking;
  locking = *store->head.vt;
  locking.lock = lock;
  locking.hold = hold;
  locking.locks = locks;
  store->head.vt = &locking;
  store->clock_ms = clock_ms;
}
