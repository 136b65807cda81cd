/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/lock.h"

#include <string.h>
#include <strings.h>

#include "core/runpack/key.h"
#include "kit/base/text.h"

static const char no_hash[SI_SHA256_HEX] =
    "0000000000000000000000000000000000000000000000000000000000000000";

const char *si_lock_mode_name(uint32_t mode) {
  return mode == SI_LOCK_COMPLIANCE   ? "COMPLIANCE"
         : mode == SI_LOCK_GOVERNANCE ? "GOVERNANCE"
                                      : "none";
}

uint32_t si_lock_mode_of(const char *name) {
  return strcasecmp(name, "COMPLIANCE") == 0   ? SI_LOCK_COMPLIANCE
         : strcasecmp(name, "GOVERNANCE") == 0 ? SI_LOCK_GOVERNANCE
                                               : SI_LOCK_NONE;
}

/* --- before anything is put --- */

struct looking {
  struct si_lock_ground *ground;
  const char *prefix;
};

static si_rc on_version(void *ctx, const si_lock *lock) {
  struct looking *looking = ctx;
  size_t len = strlen(looking->prefix);
  bool below = strncmp(lock->key, looking->prefix, len) == 0 && lock->key[len] == '/';
  bool read = (lock->flags & SI_LOCK_CURRENT) && !(lock->flags & SI_LOCK_MARKER);
  return below && read
             ? si_table_add(&looking->ground->there, lock->key + len + 1, "", "", 0, no_hash)
             : SI_OK;
}

static si_rc unsupported(struct si_error *error, const char *why) {
  si_error_set(error, SI_E_UNSUPPORTED, "LOCK_UNSUPPORTED", "%s", why);
  return si_error_hint(error,
                       "name a store that locks, and a place in it where that is switched on: si "
                       "plugin list tells which providers have " SI_RETENTION_ID);
}

si_rc si_lock_unsupported(struct si_error *error) {
  return unsupported(error, "the store cannot lock objects");
}

si_rc si_lock_about(const struct si_buf *about, int64_t local_ms, int64_t *told_ms, bool *clock,
                    struct si_error *error) {
  cJSON *json SI_AUTO(si_json_free) = NULL;
  si_rc status = si_json_parse(si_buf_text(about), about->len, &json, NULL);
  if (status != SI_OK || !cJSON_IsObject(json)) {
    return si_error_set(error, SI_E_CORRUPT, "LOCK_REPORT",
                        "what the store says of its locks cannot be read");
  }
  if (!cJSON_IsTrue(si_json_get(json, "locking"))) {
    return unsupported(error, "the store is not set up to lock objects");
  }
  const char *told = si_json_str(json, "told");
  *clock = told && si_time_parse(told, told_ms) == SI_OK && *told_ms > 0;
  *told_ms = *clock ? *told_ms : local_ms;
  return SI_OK;
}

bool si_lock_add_time(cJSON *to, const char *name, int64_t ms) {
  char text[SI_TIME_SIZE];
  if (ms == 0) {
    return cJSON_AddNullToObject(to, name);
  }
  si_time_text(ms, text);
  return cJSON_AddStringToObject(to, name, text);
}

static si_rc reckon(const struct si_lock_terms *terms, struct si_lock_ground *ground,
                    struct si_error *error) {
  ground->lock = (struct si_store_lock){.mode = terms->mode, .held = terms->held};
  if (terms->mode == SI_LOCK_NONE) {
    return SI_OK;
  }
  /* To the second, upwards: stores keep no more. */
  int64_t until = terms->keep_ms ? ground->told_ms + terms->keep_ms : terms->until_ms;
  ground->lock.until_ms = (until + 999) / 1000 * 1000;
  if (until > ground->told_ms) {
    return SI_OK;
  }
  char now[SI_TIME_SIZE];
  si_time_text(ground->told_ms, now);
  si_error_set(error, SI_E_INVALID, "LOCK_TIME",
               "the lock would end at a time that has passed: it is %s by the store's clock", now);
  return si_error_hint(error, "give a later end");
}

si_rc si_lock_begin(struct si_store *store, const char *prefix, const struct si_lock_terms *terms,
                    struct si_lock_ground *ground, struct si_error *error) {
  struct looking looking = {ground, prefix};
  if (!store->vt->locks) {
    return si_lock_unsupported(error);
  }
  si_rc status = store->vt->locks(store, prefix, SI_LOCK_VERSIONS_MAX, &looking, on_version,
                                  &ground->about, error);
  ground->local_ms = si_now_ms();
  if (status == SI_E_UNSUPPORTED) {
    return si_lock_unsupported(error);
  }
  status = status == SI_OK ? si_lock_about(&ground->about, ground->local_ms, &ground->told_ms,
                                           &ground->clock, error)
                           : status;
  status = status == SI_OK ? reckon(terms, ground, error) : status;
  if (status == SI_OK) {
    si_table_sort(&ground->there);
    store->lock = ground->lock;
  }
  return status;
}

bool si_lock_there(const struct si_lock_ground *ground, const char *path) {
  return ground->there.count && si_table_find(&ground->there, path, SIZE_MAX);
}

void si_lock_ground_free(struct si_lock_ground *ground) {
  si_buf_free(&ground->about);
  si_table_free(&ground->there);
}

/* --- what is there already --- */

struct reading {
  struct si_hasher hasher;
  uint64_t length;
  si_rc status;
  struct si_error error;
};

static si_rc on_data(void *ctx, const void *data, size_t len) {
  struct reading *reading = ctx;
  reading->length += len;
  return si_hasher_add(&reading->hasher, data, len);
}

static void on_end(void *ctx, si_rc status, const struct si_error *error) {
  struct reading *reading = ctx;
  reading->status = status;
  if (status != SI_OK) {
    reading->error = *error;
  }
}

static si_rc other(const char *path, struct si_error *error) {
  si_error_set(
      error, SI_E_RETENTION, "RUNPACK_LOCKED",
      "an attempt that did not end left %.200s with other content, and what may be locked is "
      "never written over",
      path);
  si_error_target(error, "export", path);
  return si_error_hint(error,
                       "export under another run id; si runpack status tells until when it is "
                       "locked");
}

static si_rc compare(struct si_store *store, const char *key, const char *path, uint64_t length,
                     const char sha256[SI_SHA256_HEX], struct reading *reading,
                     struct si_error *error) {
  char hex[SI_SHA256_HEX];
  si_rc status = store->vt->flush(store, error);
  status = status == SI_OK ? store->vt->get(store, key, length, reading, on_data, on_end, error)
                           : status;
  status = status == SI_OK ? store->vt->flush(store, error) : status;
  if (status != SI_OK) {
    return status;
  }
  if (reading->status == SI_E_QUOTA) {
    return other(path, error);
  }
  if (reading->status != SI_OK) {
    if (error) {
      *error = reading->error;
    }
    return reading->status;
  }
  status = si_hasher_end(&reading->hasher, hex);
  if (status != SI_OK) {
    return si_error_set(error, status, "HASH_FAILED", "cannot end a hash");
  }
  return reading->length == length && memcmp(hex, sha256, sizeof hex) == 0 ? SI_OK
                                                                           : other(path, error);
}

si_rc si_lock_keep(struct si_store *store, const char *key, const char *path, uint64_t length,
                   const char sha256[SI_SHA256_HEX], struct si_error *error) {
  struct reading reading = {.status = SI_E_INTERNAL};
  si_lock now;
  si_rc status = si_hasher_start(&reading.hasher);
  if (status != SI_OK) {
    return si_error_set(error, status, "HASH_FAILED", "cannot start a hash");
  }
  si_error_set(&reading.error, SI_E_INTERNAL, "RUNPACK_UNREADABLE",
               "the store did not answer for an object");
  status = compare(store, key, path, length, sha256, &reading, error);
  si_hasher_free(&reading.hasher);
  if (status == SI_OK && store->lock.mode != SI_LOCK_NONE) {
    status = store->vt->lock(store, key, NULL, store->lock.mode, store->lock.until_ms, &now, error);
  }
  return status == SI_OK && store->lock.held ? store->vt->hold(store, key, NULL, true, &now, error)
                                             : status;
}
