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
static si_rc take_block(struct si_copying *c, const void *data, size_t len) {
  memcpy(c->block, data, len);
  si_rc status = si_hasher_add(&c->hasher, c->block, len);
  c->got += len;
  return status == SI_OK ? SI_OK : si_copy_hash_failed(c, status);
}

static si_rc manifest_data(void *ctx, const void *data, size_t len) {
  struct si_copying *c = ctx;
  const char *at = data;
  for (size_t n; c->status == SI_OK && len > 0; at += n, len -= n) {
    n = len < SI_COPY_BLOCK ? len : SI_COPY_BLOCK;
    if (take_block(c, at, n) == SI_OK &&
        si_manifest_reader_feed(c->reader, c->block, n, NULL) != SI_OK) {
      changed(c, SI_KEY_MANIFEST, "changed");
    }
  }
  return c->status;
}

/* Did the object end well, with the hash that is expected? */
static bool ended(struct si_copying *c, const char *path, si_rc status,
                  const struct si_error *error, const char expected[SI_SHA256_HEX]) {
  char hex[SI_SHA256_HEX];
  if (c->status != SI_OK) {
    return false;
  }
  if (status == SI_E_NOT_FOUND || status == SI_E_QUOTA) {
    changed(c, path, status == SI_E_QUOTA ? "has grown" : "has gone");
  } else if (status != SI_OK) {
    si_copy_fail(c, status, error);
  } else if ((status = si_hasher_end(&c->hasher, hex)) != SI_OK) {
    si_copy_hash_failed(c, status);
  } else if (memcmp(hex, expected, sizeof hex) != 0) {
    changed(c, path, "has changed");
  }
  return c->status == SI_OK;
}

static void manifest_end(void *ctx, si_rc status, const struct si_error *error) {
  struct si_copying *c = ctx;
  if (ended(c, SI_KEY_MANIFEST, status, error, c->result.manifest_sha256) &&
      si_manifest_reader_end(c->reader, NULL) != SI_OK) {
    changed(c, SI_KEY_MANIFEST, "changed");
  }
}

/* Gets one object, and waits. */
si_rc si_copy_get(struct si_copying *c, struct si_store *store, const char *prefix,
                  const char *path, si_store_data on_data, si_store_end on_end) {
  char key[SI_KEY_SIZE];
  struct si_error error = {.status = SI_OK};
  si_rc status = si_runpack_key(prefix, path, key);
  c->got = 0;
  status = status == SI_OK ? si_hasher_start(&c->hasher) : status;
  if (status != SI_OK) {
    return si_copy_hash_failed(c, status);
  }
  status = store->vt->get(store, key, SI_MANIFEST_MAX, c, on_data, on_end, &error);
  si_rc flushed = store->vt->flush(store, status == SI_OK ? &error : NULL);
  status = status == SI_OK ? flushed : status;
  return status == SI_OK ? c->status : si_copy_fail(c, status, &error);
}

si_rc si_copy_read_manifest(struct si_copying *c) {
  si_rc status = si_manifest_reader_new(&c->manifest, on_problem, c, &c->reader);
  if (status != SI_OK) {
    return si_copy_fail(c, status, NULL);
  }
  status = si_copy_get(c, c->from, c->prefix, SI_KEY_MANIFEST, manifest_data, manifest_end);
  c->manifest_length = c->got;
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

static si_rc open_put(struct si_copying *c, const char *path, uint32_t flags, uint64_t length,
                      const char *content_type) {
  struct si_error error = {.status = SI_OK};
  char key[SI_KEY_SIZE];
  si_rc status = si_runpack_key(c->result.prefix, path, key);
  if (status != SI_OK) {
    si_error_set(&error, status, "RUNPACK_KEY", "a key is longer than 4096 bytes");
  }
  status = status == SI_OK ? c->to->vt->put_open(c->to, key, flags, length, content_type, &error)
                           : status;
  c->put = status == SI_OK;
  return status == SI_OK ? SI_OK : si_copy_fail(c, status, &error);
}

static si_rc close_put(struct si_copying *c, bool commit) {
  struct si_error error = {.status = SI_OK};
  si_rc status = c->put ? c->to->vt->put_close(c->to, commit, &error) : SI_OK;
  c->put = false;
  return status == SI_OK ? c->status : si_copy_fail(c, status, &error);
}

static si_rc pass_on(struct si_copying *c, const void *data, size_t len, const char *path,
                     uint64_t length) {
  const char *at = data;
  if (len > length - c->got) {
    return changed(c, path, "has grown");
  }
  for (size_t n; c->status == SI_OK && len > 0; at += n, len -= n) {
    struct si_error error = {.status = SI_OK};
    n = len < SI_COPY_BLOCK ? len : SI_COPY_BLOCK;
    if (take_block(c, at, n) == SI_OK) {
      si_rc status = c->to->vt->put_data(c->to, c->block, n, &error);
      if (status != SI_OK) {
        si_copy_fail(c, status, &error);
      }
    }
  }
  return c->status;
}

/* The artifact that comes now is opened with its first bytes, or at its end. */
static si_rc begin_artifact(struct si_copying *c) {
  const struct si_table *table = &c->manifest.artifacts;
  const struct si_entry *entry = &table->entries[c->current];
  const char *type = si_table_text(table, entry->content_type);
  if (c->put || c->status != SI_OK) {
    return c->status;
  }
  si_rc status = si_hasher_start(&c->hasher);
  c->got = 0;
  return status == SI_OK ? open_put(c, si_table_text(table, entry->path), 0, c->lengths[c->current],
                                    type[0] ? type : "application/octet-stream")
                         : si_copy_hash_failed(c, status);
}

static si_rc artifact_data(void *ctx, const void *data, size_t len) {
  struct si_copying *c = ctx;
  const struct si_table *table = &c->manifest.artifacts;
  if (begin_artifact(c) != SI_OK) {
    return c->status;
  }
  return pass_on(c, data, len, si_table_text(table, table->entries[c->current].path),
                 c->lengths[c->current]);
}

static void artifact_end(void *ctx, si_rc status, const struct si_error *error) {
  struct si_copying *c = ctx;
  const struct si_table *table = &c->manifest.artifacts;
  const struct si_entry *entry = &table->entries[c->current];
  char expected[SI_SHA256_HEX];
  si_table_hex(entry, expected);
  if (status == SI_OK) {
    (void)begin_artifact(c); /* an empty one brought no bytes */
  }
  bool whole = ended(c, si_table_text(table, entry->path), status, error, expected);
  (void)close_put(c, whole);
  c->current++;
  if (c->status == SI_OK && c->options->progress) {
    c->options->progress(c->options->ctx, SI_COPY_COPY, c->current, table->count);
  }
}

si_rc si_copy_artifacts(struct si_copying *c) {
  const struct si_table *table = &c->manifest.artifacts;
  const uint64_t cap =
      c->options->max_artifact_bytes ? c->options->max_artifact_bytes : SI_ARTIFACT_MAX_DEFAULT;
  struct si_error error = {.status = SI_OK};
  char key[SI_KEY_SIZE];
  si_rc status = read_lengths(c);
  for (size_t i = 0; status == SI_OK && c->status == SI_OK && i < table->count; i++) {
    status = si_runpack_key(c->prefix, si_table_text(table, table->entries[i].path), key);
    status = status == SI_OK
                 ? c->from->vt->get(c->from, key, cap, c, artifact_data, artifact_end, &error)
                 : status;
  }
  /* Also after a failure: nothing may call back once this returns. */
  si_rc flushed = c->from->vt->flush(c->from, status == SI_OK ? &error : NULL);
  status = status == SI_OK ? flushed : status;
  if (status == SI_OK && c->status == SI_OK && c->current != table->count) {
    status = si_error_set(&error, SI_E_INTERNAL, "RUNPACK_UNREADABLE",
                          "the store did not answer for every artifact");
  }
  if (status == SI_OK && c->status == SI_OK) {
    status = c->to->vt->flush(c->to, &error);
  }
  return status == SI_OK ? c->status : si_copy_fail(c, status, &error);
}

/* --- the manifest, last --- */

static si_rc last_data(void *ctx, const void *data, size_t len) {
  struct si_copying *c = ctx;
  return c->status == SI_OK ? pass_on(c, data, len, SI_KEY_MANIFEST, c->manifest_length)
                            : c->status;
}

static void last_end(void *ctx, si_rc status, const struct si_error *error) {
  struct si_copying *c = ctx;
  (void)close_put(c, ended(c, SI_KEY_MANIFEST, status, error, c->result.manifest_sha256));
}

si_rc si_copy_manifest(struct si_copying *c) {
  struct si_error error = {.status = SI_OK};
  si_rc status = open_put(c, SI_KEY_MANIFEST, SI_PUT_CREATE_ONLY | SI_PUT_COMMIT,
                          c->manifest_length, "application/json");
  status = status == SI_OK
               ? si_copy_get(c, c->from, c->prefix, SI_KEY_MANIFEST, last_data, last_end)
               : status;
  if (status != SI_OK) {
    (void)close_put(c, false);
    return status;
  }
  status = c->to->vt->flush(c->to, &error);
  if (status == SI_E_EXISTS) {
    return si_copy_exists(c);
  }
  return status == SI_OK ? SI_OK : si_copy_fail(c, status, &error);
}
