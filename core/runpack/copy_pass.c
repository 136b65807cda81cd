/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/copy_pass.c - the bytes of a copy on their way: hashed here, on memory that no store
 * can change, and held against the manifest before the destination may keep them.
 */
#include <stdlib.h>
#include <string.h>

#include "core/runpack/copy_impl.h"
#include "core/runpack/manifest.h"

/* The source is not what was verified a moment before. */
static si_rc changed(struct si_copying *c, const char *path, const char *how) {
  struct si_error error;
  si_error_set(&error, SI_E_CONFLICT, "RUNPACK_COPY_CHANGED",
               "%.200s of the source %s since it was verified", path, how);
  si_error_target(&error, "source", path);
  si_error_hint(&error, "is somebody writing there? Verify the source, then copy again");
  return si_copy_fail(c, SI_E_CONFLICT, &error);
}

/* --- reading the source's manifest, and holding its hash against what was verified --- */

static void on_problem(void *ctx, const char *code, const char *artifact, const char *message) {
  (void)code;
  (void)artifact;
  (void)message;
  changed(ctx, SI_KEY_MANIFEST, "changed");
}

/* Copies a piece first: the store's memory may change between two looks. */
static si_rc take_block(struct si_copy_lane *lane, const void *data, size_t len) {
  memcpy(lane->block, data, len);
  si_rc status = si_hasher_add(&lane->hasher, lane->block, len);
  lane->got += len;
  return status == SI_OK ? SI_OK : si_copy_hash_failed(lane->copy, status);
}

static si_rc manifest_data(void *ctx, const void *data, size_t len) {
  struct si_copy_lane *lane = ctx;
  struct si_copying *c = lane->copy;
  const char *at = data;
  for (size_t n; c->status == SI_OK && len > 0; at += n, len -= n) {
    n = len < SI_COPY_BLOCK ? len : SI_COPY_BLOCK;
    if (take_block(lane, at, n) == SI_OK &&
        si_manifest_reader_feed(c->reader, lane->block, n, NULL) != SI_OK) {
      changed(c, SI_KEY_MANIFEST, "changed");
    }
  }
  return c->status;
}

/* Did the object end well, with the hash that is expected? */
static bool ended(struct si_copy_lane *lane, si_rc status, const struct si_error *error,
                  const char expected[SI_SHA256_HEX]) {
  struct si_copying *c = lane->copy;
  const char *path = lane->path;
  char hex[SI_SHA256_HEX];
  lane->ended = true;
  if (c->status != SI_OK) {
    return false;
  }
  if (status == SI_E_NOT_FOUND || status == SI_E_QUOTA) {
    changed(c, path, status == SI_E_QUOTA ? "has grown" : "has gone");
  } else if (status != SI_OK) {
    si_copy_fail(c, status, error);
  } else if ((status = si_hasher_end(&lane->hasher, hex)) != SI_OK) {
    si_copy_hash_failed(c, status);
  } else if (memcmp(hex, expected, sizeof hex) != 0) {
    changed(c, path, "has changed");
  }
  return c->status == SI_OK;
}

static void manifest_end(void *ctx, si_rc status, const struct si_error *error) {
  struct si_copy_lane *lane = ctx;
  struct si_copying *c = lane->copy;
  if (ended(lane, status, error, c->result.manifest_sha256) &&
      si_manifest_reader_end(c->reader, NULL) != SI_OK) {
    changed(c, SI_KEY_MANIFEST, "changed");
  }
}

/* Gets one object, and waits. */
si_rc si_copy_get(struct si_copying *c, struct si_store *store, const char *prefix,
                  struct si_copy_lane *lane, si_store_data on_data, si_store_end on_end) {
  char key[SI_KEY_SIZE];
  struct si_error error = {.status = SI_OK};
  si_rc status = si_runpack_key(prefix, lane->path, key);
  lane->got = 0;
  status = status == SI_OK ? si_hasher_start(&lane->hasher) : status;
  if (status != SI_OK) {
    return si_copy_hash_failed(c, status);
  }
  status = store->vt->get(store, key, SI_MANIFEST_MAX, lane, on_data, on_end, &error);
  si_rc flushed = store->vt->flush(store, status == SI_OK ? &error : NULL);
  status = status == SI_OK ? flushed : status;
  return status == SI_OK ? c->status : si_copy_fail(c, status, &error);
}

si_rc si_copy_read_manifest(struct si_copying *c) {
  struct si_copy_lane *lane = &c->lanes[0];
  si_rc status = si_manifest_reader_new(&c->manifest, on_problem, c, &c->reader);
  if (status != SI_OK) {
    return si_copy_fail(c, status, NULL);
  }
  lane->path = SI_KEY_MANIFEST;
  status = si_copy_get(c, c->from, c->prefix, lane, manifest_data, manifest_end);
  c->manifest_length = lane->got;
  return status;
}

/* --- the artifacts --- */

static si_rc on_length(void *ctx, const struct si_store_object *object) {
  struct si_copying *c = ctx;
  size_t len = strlen(c->prefix);
  const char *path = object->key + (len ? len + 1 : 0);
  struct si_table *table = &c->manifest.artifacts;
  if (strlen(object->key) > len) {
    const struct si_entry *entry = si_table_find(table, path, SIZE_MAX);
    if (entry) {
      c->lengths[entry - table->entries] = object->length;
    }
  }
  return SI_OK;
}

/* A put needs its length at the beginning, and the manifest does not tell it. */
static si_rc read_lengths(struct si_copying *c) {
  struct si_error error = {.status = SI_OK};
  const struct si_table *table = &c->manifest.artifacts;
  c->lengths = malloc((table->count + 1) * sizeof *c->lengths);
  if (!c->lengths) {
    return si_copy_fail(c, SI_E_NOMEM, NULL);
  }
  memset(c->lengths, 0xff, (table->count + 1) * sizeof *c->lengths);
  si_rc status =
      c->from->vt->list(c->from, c->prefix, SI_MANIFEST_ARTIFACTS_MAX + 1, c, on_length, &error);
  if (status != SI_OK) {
    return si_copy_fail(c, status, &error);
  }
  for (size_t i = 0; i < table->count; i++) {
    if (c->lengths[i] == UINT64_MAX) {
      return changed(c, si_table_text(table, table->entries[i].path), "has gone");
    }
  }
  return SI_OK;
}

/* --- one object, from store to store --- */

static si_rc put_failed(struct si_copy_lane *lane, si_rc status, const struct si_error *error) {
  return status == SI_E_EXISTS && (lane->flags & SI_PUT_CREATE_ONLY)
             ? si_copy_exists(lane->copy)
             : si_copy_fail(lane->copy, status, error);
}

/* Calls of `to` come from several threads, one at a time. */
static si_rc open_put(struct si_copy_lane *lane) {
  struct si_copying *c = lane->copy;
  struct si_error error = {.status = SI_OK};
  char key[SI_KEY_SIZE];
  si_rc status = si_runpack_key(c->result.prefix, lane->path, key);
  if (status != SI_OK) {
    si_error_set(&error, status, "RUNPACK_KEY", "a key is longer than 4096 bytes");
  } else {
    pthread_mutex_lock(&c->lock);
    status = c->to->vt->put_open(c->to, key, lane->flags, lane->length, lane->content_type,
                                 &lane->put_id, &error);
    pthread_mutex_unlock(&c->lock);
  }
  lane->put = status == SI_OK;
  return status == SI_OK ? SI_OK : put_failed(lane, status, &error);
}

static void close_put(struct si_copy_lane *lane, bool commit) {
  struct si_copying *c = lane->copy;
  struct si_error error = {.status = SI_OK};
  if (!lane->put) {
    return;
  }
  pthread_mutex_lock(&c->lock);
  si_rc status = c->to->vt->put_close(c->to, lane->put_id, commit, &error);
  pthread_mutex_unlock(&c->lock);
  lane->put = false;
  if (status != SI_OK) {
    put_failed(lane, status, &error);
  }
}

/* The object is opened with its first bytes, or at its end. */
static si_rc begin_object(struct si_copy_lane *lane) {
  struct si_copying *c = lane->copy;
  if (lane->begun || c->status != SI_OK) {
    return c->status;
  }
  lane->begun = true;
  lane->got = 0;
  si_rc status = si_hasher_start(&lane->hasher);
  return status == SI_OK ? open_put(lane) : si_copy_hash_failed(c, status);
}

static si_rc put_block(struct si_copy_lane *lane, size_t len) {
  struct si_copying *c = lane->copy;
  struct si_error error = {.status = SI_OK};
  pthread_mutex_lock(&c->lock);
  si_rc status = c->to->vt->put_data(c->to, lane->put_id, lane->block, len, &error);
  pthread_mutex_unlock(&c->lock);
  return status == SI_OK ? c->status : si_copy_fail(c, status, &error);
}

static si_rc object_data(void *ctx, const void *data, size_t len) {
  struct si_copy_lane *lane = ctx;
  struct si_copying *c = lane->copy;
  const char *at = data;
  if (begin_object(lane) != SI_OK) {
    return c->status;
  }
  if (len > lane->length - lane->got) {
    return changed(c, lane->path, "has grown");
  }
  for (size_t n; c->status == SI_OK && len > 0; at += n, len -= n) {
    n = len < SI_COPY_BLOCK ? len : SI_COPY_BLOCK;
    if (take_block(lane, at, n) == SI_OK) {
      (void)put_block(lane, n);
    }
  }
  return c->status;
}

static void object_end(struct si_copy_lane *lane, si_rc status, const struct si_error *error,
                       const char expected[SI_SHA256_HEX]) {
  if (status == SI_OK) {
    (void)begin_object(lane); /* an empty one brought no bytes */
  }
  close_put(lane, ended(lane, status, error, expected));
}

/* --- the artifacts: as many at once as the destination takes --- */

static void artifact_end(void *ctx, si_rc status, const struct si_error *error) {
  struct si_copy_lane *lane = ctx;
  struct si_copying *c = lane->copy;
  const struct si_entry *entry = si_table_find(&c->manifest.artifacts, lane->path, SIZE_MAX);
  char expected[SI_SHA256_HEX];
  si_table_hex(entry, expected);
  object_end(lane, status, error, expected);
  c->copied++;
  if (c->status == SI_OK && c->options->progress) {
    c->options->progress(c->options->ctx, SI_COPY_COPY, c->copied, c->manifest.artifacts.count);
  }
}

static si_rc ask_artifact(struct si_copying *c, size_t index, struct si_copy_lane *lane,
                          struct si_error *error) {
  const struct si_table *table = &c->manifest.artifacts;
  const struct si_entry *entry = &table->entries[index];
  const char *type = si_table_text(table, entry->content_type);
  const uint64_t cap =
      c->options->max_artifact_bytes ? c->options->max_artifact_bytes : SI_ARTIFACT_MAX_DEFAULT;
  char key[SI_KEY_SIZE];
  lane->path = si_table_text(table, entry->path);
  lane->content_type = type[0] ? type : "application/octet-stream";
  lane->flags = 0;
  lane->length = c->lengths[index];
  lane->begun = lane->ended = false;
  si_rc status = si_runpack_key(c->prefix, lane->path, key);
  return status == SI_OK
             ? c->from->vt->get(c->from, key, cap, lane, object_data, artifact_end, error)
             : si_error_set(error, status, "RUNPACK_KEY", "a key is longer than 4096 bytes");
}

static bool kept(const struct si_copying *c, size_t index) {
  const struct si_table *table = &c->manifest.artifacts;
  return c->ground.there.count &&
         si_lock_there(&c->ground, si_table_text(table, table->entries[index].path));
}

static si_rc keep(struct si_copying *c, const char *path, uint64_t length,
                  const char sha256[SI_SHA256_HEX]) {
  struct si_error error = {.status = SI_OK};
  char key[SI_KEY_SIZE];
  si_rc status = si_runpack_key(c->result.prefix, path, key);
  status = status == SI_OK ? si_lock_keep(c->to, key, path, length, sha256, &error) : status;
  return status == SI_OK ? SI_OK : si_copy_fail(c, status, &error);
}

si_rc si_copy_keep(struct si_copying *c, bool whole) {
  const struct si_table *table = &c->manifest.artifacts;
  char hex[SI_SHA256_HEX];
  if (!c->options->lock) {
    return SI_OK;
  }
  si_rc status = c->lengths ? SI_OK : read_lengths(c);
  for (size_t i = 0; status == SI_OK && i < table->count; i++) {
    if (kept(c, i)) {
      si_table_hex(&table->entries[i], hex);
      status = keep(c, si_table_text(table, table->entries[i].path), c->lengths[i], hex);
    }
  }
  return status == SI_OK && whole
             ? keep(c, SI_KEY_MANIFEST, c->manifest_length, c->result.manifest_sha256)
             : status;
}

/* The next few; *from moves on. Nothing calls back once this returns. */
static si_rc copy_some(struct si_copying *c, size_t *from) {
  const size_t count = c->manifest.artifacts.count;
  const size_t open_max = c->to->open_max ? c->to->open_max : 1;
  const size_t most = open_max < SI_COPY_LANES ? open_max : SI_COPY_LANES;
  struct si_error error = {.status = SI_OK};
  size_t asked = 0;
  si_rc status = SI_OK;
  while (status == SI_OK && c->status == SI_OK && asked < most && *from < count) {
    if (kept(c, *from)) {
      c->copied++;
      ++*from;
      continue;
    }
    status = ask_artifact(c, *from, &c->lanes[asked], &error);
    asked += status == SI_OK;
    *from += status == SI_OK;
  }
  si_rc flushed = c->from->vt->flush(c->from, status == SI_OK ? &error : NULL);
  status = status == SI_OK ? flushed : status;
  for (size_t i = 0; status == SI_OK && c->status == SI_OK && i < asked; i++) {
    if (!c->lanes[i].ended) {
      status = si_error_set(&error, SI_E_INTERNAL, "RUNPACK_UNREADABLE",
                            "the store did not answer for every artifact");
    }
  }
  return status == SI_OK ? c->status : si_copy_fail(c, status, &error);
}

static void drop_open_puts(struct si_copying *c) {
  for (size_t i = 0; i < SI_COPY_LANES; i++) {
    close_put(&c->lanes[i], false);
  }
}

si_rc si_copy_artifacts(struct si_copying *c) {
  struct si_error error = {.status = SI_OK};
  si_rc status = read_lengths(c);
  status = status == SI_OK ? si_copy_keep(c, false) : status;
  for (size_t at = 0; status == SI_OK && at < c->manifest.artifacts.count;) {
    status = copy_some(c, &at);
  }
  if (status != SI_OK) {
    drop_open_puts(c);
    return status;
  }
  status = c->to->vt->flush(c->to, &error);
  return status == SI_OK ? SI_OK : si_copy_fail(c, status, &error);
}

/* --- the manifest, last --- */

static void manifest_copied(void *ctx, si_rc status, const struct si_error *error) {
  struct si_copy_lane *lane = ctx;
  object_end(lane, status, error, lane->copy->result.manifest_sha256);
}

si_rc si_copy_manifest(struct si_copying *c) {
  struct si_copy_lane *lane = &c->lanes[0];
  struct si_error error = {.status = SI_OK};
  lane->path = SI_KEY_MANIFEST;
  lane->content_type = "application/json";
  lane->flags = SI_PUT_CREATE_ONLY | SI_PUT_COMMIT;
  lane->length = c->manifest_length;
  lane->begun = lane->ended = false;
  si_rc status = si_copy_get(c, c->from, c->prefix, lane, object_data, manifest_copied);
  if (status != SI_OK) {
    close_put(lane, false);
    return status;
  }
  status = c->to->vt->flush(c->to, &error);
  if (status == SI_E_EXISTS) {
    return si_copy_exists(c);
  }
  return status == SI_OK ? SI_OK : si_copy_fail(c, status, &error);
}
