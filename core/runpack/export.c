/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/runpack/export_impl.h"
#include "core/runpack/verify.h"
#include "kit/base/json.h"
#include "kit/base/path.h"
#include "kit/base/text.h"

enum { BLOCK = 256 * 1024 };

/* A longer file is let go of while it is read: filling the page cache costs more than the disk. */
#define STREAMED (32ull << 20)
#define WINDOW (8ull << 20)

/* --- what is there already --- */

struct look {
  const struct si_export *e;
  bool any;
  bool manifest;
  char foreign[160];
};

/* The path below the prefix, or NULL. */
static const char *below(const struct si_export *e, const char *key) {
  size_t len = strlen(e->prefix);
  return strncmp(key, e->prefix, len) == 0 && key[len] == '/' ? key + len + 1 : NULL;
}

static si_rc look_each(void *ctx, const struct si_store_object *object) {
  struct look *look = ctx;
  const char *path = below(look->e, object->key);
  look->any = true;
  look->manifest = path && strcmp(path, SI_KEY_MANIFEST) == 0;
  return look->manifest ? SI_E_EXISTS : SI_OK;
}

si_rc si_export_exists(const struct si_export *e, struct si_error *error) {
  si_error_set(error, SI_E_EXISTS, "RUNPACK_EXISTS",
               "there is a complete runpack at \"%s\"; a runpack is never overwritten", e->prefix);
  si_error_target(error, "export", SI_KEY_MANIFEST);
  si_error_hint(error, "choose another run id");
  return SI_E_EXISTS;
}

static si_rc look_for(struct si_export *e, struct si_error *error) {
  struct look look = {.e = e};
  si_rc status =
      e->store->vt->list(e->store, e->prefix, SI_MANIFEST_ARTIFACTS_MAX, &look, look_each, error);
  if (look.manifest) {
    return si_export_exists(e, error);
  }
  e->leftovers = look.any;
  return status;
}

static si_rc leftover_each(void *ctx, const struct si_store_object *object) {
  struct look *look = ctx;
  const char *path = below(look->e, object->key);
  if (path && si_table_find(&look->e->table, path, SIZE_MAX)) {
    return SI_OK;
  }
  look->manifest = path && strcmp(path, SI_KEY_MANIFEST) == 0;
  si_copy(look->foreign, sizeof look->foreign, path ? path : object->key);
  return SI_E_EXISTS;
}

/* An earlier export began here and did not end: all it left must have been written again. */
static si_rc check_leftovers(struct si_export *e, struct si_error *error) {
  struct look look = {.e = e};
  si_rc status = e->store->vt->list(e->store, e->prefix, SI_MANIFEST_ARTIFACTS_MAX, &look,
                                    leftover_each, error);
  if (look.manifest) {
    return si_export_exists(e, error);
  }
  if (!look.foreign[0]) {
    return status;
  }
  si_error_set(error, SI_E_CONFLICT, "RUNPACK_LEFTOVERS",
               "an unfinished export left %s, which this one does not have", look.foreign);
  si_error_target(error, "export", look.foreign);
  si_error_hint(error,
                "si runpack prune --incomplete --under %.300s removes it; or export under "
                "another run id",
                e->prefix);
  return SI_E_CONFLICT;
}

/* --- one artifact --- */

si_rc si_export_refuse(struct si_error *error, si_rc status, const char *code, const char *path,
                       const char *why) {
  si_error_set(error, status, code, "artifact %s %s", path, why);
  si_error_target(error, "export", path);
  return status;
}

si_rc si_export_too_large(const struct si_export *e, const char *path, struct si_error *error) {
  si_error_set(error, SI_E_QUOTA, "RUNPACK_ARTIFACT_TOO_LARGE",
               "artifact %s is longer than the %llu bytes allowed", path,
               (unsigned long long)e->cap);
  si_error_target(error, "export", path);
  si_error_hint(
      error, "raise runpacks.max_artifact_bytes (or give --max-artifact-bytes), or leave it out");
  return SI_E_QUOTA;
}

static si_rc open_source(const struct si_artifact *artifact, const char *path, int *fd,
                         uint64_t *length, struct si_error *error) {
  struct stat st;
  int opened = artifact->from == SI_FROM_FD
                   ? fcntl(artifact->fd, F_DUPFD_CLOEXEC, 0)
                   : si_open_beneath(artifact->dir, artifact->file,
                                     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
  if (opened < 0 || fstat(opened, &st) != 0) {
    int err = errno;
    si_close(&opened);
    si_error_errno(error, err, "RUNPACK_ARTIFACT_INVALID", "cannot open artifact %s", path);
    si_error_target(error, "export", path);
    return si_status_of_errno(err);
  }
  if (!S_ISREG(st.st_mode)) {
    si_close(&opened);
    return si_export_refuse(error, SI_E_REFUSED, "RUNPACK_ARTIFACT_INVALID", path,
                            "is not a regular file");
  }
  *fd = opened;
  *length = (uint64_t)st.st_size;
  return SI_OK;
}

static si_rc hash_and_put(struct si_export *e, const void *data, size_t len,
                          struct si_error *error) {
  si_rc status = si_hasher_add(&e->hasher, data, len);
  if (status != SI_OK) {
    return si_error_set(error, status, "HASH_FAILED", "cannot compute a hash");
  }
  return e->keeping ? SI_OK : e->store->vt->put_data(e->store, e->put, data, len, error);
}

/* Reads `length` bytes and looks for one more: a file that grows or shrinks is refused. */
static si_rc stream_file(struct si_export *e, int fd, uint64_t length, const char *path,
                         struct si_error *error) {
  uint64_t done = 0, dropped = 0;
  while (done <= length) {
    uint64_t left = length - done;
    size_t want = left < BLOCK ? (size_t)left + 1 : BLOCK;
    ssize_t n = pread(fd, e->block, want, (off_t)done);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      si_rc status =
          si_error_errno(error, errno, "RUNPACK_ARTIFACT_INVALID", "cannot read artifact %s", path);
      si_error_target(error, "export", path);
      return status;
    }
    if ((uint64_t)n > left || (n == 0 && left > 0)) {
      return si_export_refuse(error, SI_E_CONFLICT, "RUNPACK_ARTIFACT_CHANGED", path,
                              "changed its length while it was read");
    }
    si_rc status = n ? hash_and_put(e, e->block, (size_t)n, error) : SI_OK;
    done += (uint64_t)n;
    if (length >= STREAMED && done - dropped >= WINDOW) {
      (void)posix_fadvise(fd, (off_t)dropped, (off_t)(done - dropped), POSIX_FADV_DONTNEED);
      dropped = done;
    }
    /* A read that came back short of what was asked has seen the end. */
    if (status != SI_OK || (done == length && (size_t)n < want)) {
      return status;
    }
  }
  return SI_OK;
}

static si_rc stream(struct si_export *e, const struct si_artifact *artifact, const char *path,
                    const char *content_type, uint64_t *out, char hex[SI_SHA256_HEX],
                    struct si_error *error) {
  const struct si_store_vt *vt = e->store->vt;
  char key[SI_KEY_SIZE];
  int fd SI_AUTO(si_close) = -1;
  uint64_t length = artifact->len;
  si_rc status = SI_OK;
  if (artifact->from != SI_FROM_MEMORY) {
    status = open_source(artifact, path, &fd, &length, error);
  }
  if (status == SI_OK && length > e->cap) {
    status = si_export_too_large(e, path, error);
  }
  if (status == SI_OK && (status = si_runpack_key(e->prefix, path, key)) != SI_OK) {
    si_export_refuse(error, status, "RUNPACK_ARTIFACT_INVALID", path,
                     "has a key longer than 4096 bytes");
  }
  if (status == SI_OK && (status = si_hasher_start(&e->hasher)) != SI_OK) {
    si_error_set(error, status, "HASH_FAILED", "cannot start a hash");
  }
  e->keeping = si_lock_there(&e->ground, path);
  if (status == SI_OK && !e->keeping) {
    status = vt->put_open(e->store, key, 0, length, content_type, &e->put, error);
  }
  if (status != SI_OK) {
    return status;
  }
  if (artifact->from != SI_FROM_MEMORY) {
    status = stream_file(e, fd, length, path, error);
  } else if (length) {
    status = hash_and_put(e, artifact->data, artifact->len, error);
  }
  if (status == SI_OK && (status = si_hasher_end(&e->hasher, hex)) != SI_OK) {
    si_error_set(error, status, "HASH_FAILED", "cannot end a hash");
  }
  *out = length;
  if (e->keeping) {
    e->keeping = false;
    return status == SI_OK ? si_lock_keep(e->store, key, path, length, hex, error) : status;
  }
  si_rc closed = vt->put_close(e->store, e->put, status == SI_OK, status == SI_OK ? error : NULL);
  return status == SI_OK ? closed : status;
}

const char *si_export_content_type(const struct si_artifact *artifact) {
  return artifact->content_type ? artifact->content_type : "application/octet-stream";
}

static const char *kind_of(const struct si_artifact *artifact) {
  return artifact->kind ? artifact->kind : "custom";
}

static si_rc check(const struct si_artifact *artifact, const char *path, struct si_error *error) {
  if (!si_runpack_path_valid(path, strlen(path))) {
    return si_export_refuse(
        error, SI_E_INVALID, "RUNPACK_ARTIFACT_INVALID", path,
        "has a name that cannot be part of a key: use A-Z a-z 0-9 . _ - and no dot in front");
  }
  if (!si_manifest_kind_valid(kind_of(artifact))) {
    return si_export_refuse(error, SI_E_INVALID, "RUNPACK_ARTIFACT_INVALID", path,
                            "has an unknown kind");
  }
  if (!si_manifest_content_type_valid(si_export_content_type(artifact))) {
    return si_export_refuse(error, SI_E_INVALID, "RUNPACK_ARTIFACT_INVALID", path,
                            "has a malformed content type");
  }
  return SI_OK;
}

si_rc si_export_record(struct si_export *e, const struct si_artifact *artifact, const char *path,
                       uint32_t marks, uint64_t length, const char hex[SI_SHA256_HEX],
                       struct si_error *error) {
  marks |= artifact->required ? SI_ENTRY_REQUIRED : 0;
  si_rc status = si_table_add(&e->table, path, kind_of(artifact), si_export_content_type(artifact),
                              marks, hex);
  if (status != SI_OK) {
    return si_export_refuse(error, status, "RUNPACK_TOO_LARGE", path, "is one too many");
  }
  e->bytes += length;
  if (e->options.progress) {
    e->options.progress(e->options.ctx, e->table.count, e->bytes);
  }
  return SI_OK;
}

si_rc si_export_put(struct si_export *e, const struct si_artifact *artifact, const char *path,
                    uint32_t marks, struct si_error *error) {
  char hex[SI_SHA256_HEX];
  uint64_t length = 0;
  si_rc status = stream(e, artifact, path, si_export_content_type(artifact), &length, hex, error);
  return status == SI_OK ? si_export_record(e, artifact, path, marks, length, hex, error) : status;
}

si_rc si_export_path(struct si_export *e, const struct si_artifact *artifact,
                     char path[SI_KEY_SIZE], struct si_error *error) {
  if (e->status != SI_OK) {
    return si_error_set(error, SI_E_CONFLICT, "RUNPACK_EXPORT_FAILED",
                        "the export failed before; begin again");
  }
  int n = snprintf(path, SI_KEY_SIZE, SI_KEY_ARTIFACTS "%s", artifact->name);
  if (n < 0 || (size_t)n >= SI_KEY_SIZE) {
    e->status = si_export_refuse(error, SI_E_INVALID, "RUNPACK_ARTIFACT_INVALID", "(name)",
                                 "has a name longer than 4096 bytes");
  } else if (strcmp(path, SI_KEY_SPEC) == 0) {
    e->status =
        si_export_refuse(error, SI_E_EXISTS, "RUNPACK_DUPLICATE", path, "is the spec's own place");
  } else if (e->options.lock && strcmp(path, SI_KEY_COMPLIANCE) == 0) {
    e->status = si_export_refuse(error, SI_E_EXISTS, "RUNPACK_DUPLICATE", path,
                                 "is the place of what tells of the lock");
  } else if (artifact->kind && strcmp(artifact->kind, "scenario_spec") == 0) {
    e->status = si_export_refuse(error, SI_E_INVALID, "RUNPACK_ARTIFACT_INVALID", path,
                                 "cannot be of kind scenario_spec: the spec is given to begin");
  } else {
    e->status = check(artifact, path, error);
  }
  return e->status;
}

si_rc si_export_add(struct si_export *e, const struct si_artifact *artifact,
                    struct si_error *error) {
  char path[SI_KEY_SIZE];
  si_rc status = si_export_settle(e, error);
  status = status == SI_OK ? si_export_path(e, artifact, path, error) : status;
  if (status == SI_OK) {
    status = e->status = si_export_put(e, artifact, path, 0, error);
  }
  return status;
}

/* --- begin --- */

static si_rc check_options(const struct si_export_options *o, struct si_error *error) {
  if (o->generated_value < 0 || o->generated_value > (1ll << 53)) {
    return si_error_set(error, SI_E_INVALID, "RUNPACK_GENERATED_AT",
                        "generated_at must be within 0 and 2^53");
  }
  for (size_t i = 0; i < o->plugin_count; i++) {
    const struct si_plugin_ref *p = &o->plugins[i];
    if (!si_name_valid(p->id) || !si_sha256_hex_valid(p->sha256) || strlen(p->version) > 255) {
      return si_error_set(error, SI_E_INVALID, "RUNPACK_PROVENANCE",
                          "plugin %zu of the provenance lacks a valid id, version or sha256", i);
    }
  }
  if (o->si_version && strlen(o->si_version) > 255) {
    return si_error_set(error, SI_E_INVALID, "RUNPACK_PROVENANCE", "si's version is too long");
  }
  return SI_OK;
}

static si_rc canonical_spec(const struct si_export *e, const char *json, size_t len,
                            struct si_buf *out, struct si_error *error) {
  cJSON *spec SI_AUTO(si_json_free) = NULL;
  if (len > e->cap) {
    return si_export_too_large(e, SI_KEY_SPEC, error);
  }
  si_rc status = si_json_parse(json, len, &spec, error);
  if (status == SI_OK && (status = si_json_canonical(spec, out)) != SI_OK) {
    si_error_set(error, status, "RUNPACK_SPEC",
                 "the spec has no canonical form: %s (numbers must be integers)",
                 si_status_text(status));
  }
  if (status != SI_OK) {
    si_error_target(error, "export", SI_KEY_SPEC);
  }
  return status;
}

static si_rc begin(struct si_export *e, const char *json, size_t len, struct si_error *error) {
  const struct si_export_options *o = &e->options;
  struct si_buf spec SI_AUTO(si_buf_free) = SI_BUF((size_t)e->cap);
  char hex[SI_SHA256_HEX];
  si_rc status = si_runpack_ids_set(&e->ids, o->tenant, o->namespace_id, o->scenario, o->run, NULL,
                                    o->flags, error);
  status = status == SI_OK ? check_options(o, error) : status;
  status = status == SI_OK ? canonical_spec(e, json, len, &spec, error) : status;
  if (status != SI_OK) {
    return status;
  }
  if ((status = si_sha256_hex(spec.data, spec.len, hex)) != SI_OK) {
    return si_error_set(error, status, "HASH_FAILED", "cannot compute the spec hash");
  }
  si_copy(e->ids.spec_hash, sizeof e->ids.spec_hash, hex);
  status = si_runpack_prefix(&e->ids, e->prefix, error);
  if (status == SI_OK) {
    status = o->lock ? si_export_lock_begin(e, error) : look_for(e, error);
  }
  if (status != SI_OK) {
    return status;
  }
  const struct si_artifact artifact = {.kind = "scenario_spec",
                                       .content_type = "application/json",
                                       .required = true,
                                       .from = SI_FROM_MEMORY,
                                       .data = spec.data,
                                       .len = spec.len};
  status = si_export_put(e, &artifact, SI_KEY_SPEC, SI_ENTRY_SPEC, error);
  /* A store that does not keep locks is found out with the first object. */
  return status == SI_OK && o->lock ? e->store->vt->flush(e->store, error) : status;
}

si_rc si_export_begin(struct si_store *store, const struct si_export_options *options,
                      const char *spec_json, size_t len, struct si_export **out,
                      struct si_error *error) {
  struct si_export *e = calloc(1, sizeof *e);
  char *block = malloc(BLOCK);
  if (!e || !block) {
    free(e);
    free(block);
    return si_error_set(error, SI_E_NOMEM, "RUNPACK_EXPORT_FAILED", "out of memory");
  }
  e->store = store;
  e->block = block;
  e->options = *options;
  e->cap = options->max_artifact_bytes ? options->max_artifact_bytes : SI_ARTIFACT_MAX_DEFAULT;
  e->ground = (struct si_lock_ground)SI_LOCK_GROUND;
  e->table = (struct si_table)SI_TABLE(SI_MANIFEST_ARTIFACTS_MAX, SI_MANIFEST_TEXTS_MAX);
  si_rc status = begin(e, spec_json, len, error);
  if (status != SI_OK) {
    si_export_free(&e);
    return status;
  }
  *out = e;
  return SI_OK;
}

/* --- finish --- */

static si_rc check_names(struct si_export *e, struct si_error *error) {
  si_table_sort(&e->table);
  for (size_t i = 1; i < e->table.count; i++) {
    const char *path = si_table_text(&e->table, e->table.entries[i].path);
    if (strcmp(si_table_text(&e->table, e->table.entries[i - 1].path), path) == 0) {
      return si_export_refuse(error, SI_E_EXISTS, "RUNPACK_DUPLICATE", path, "was added twice");
    }
  }
  return SI_OK;
}

/* The manifest's length, and its hash where it is to be signed. */
struct measure {
  uint64_t length;
  struct si_hasher *hasher; /* or NULL */
};

static si_rc measure(void *ctx, const void *data, size_t len, struct si_error *error) {
  struct measure *m = ctx;
  m->length += len;
  si_rc status = m->hasher ? si_hasher_add(m->hasher, data, len) : SI_OK;
  return status == SI_OK ? SI_OK
                         : si_error_set(error, status, "HASH_FAILED", "cannot compute a hash");
}

static si_rc put_manifest(void *ctx, const void *data, size_t len, struct si_error *error) {
  return hash_and_put(ctx, data, len, error);
}

/* Goes through the manifest as it stands without a signature, and makes one. */
static si_rc sign(struct si_export *e, struct si_manifest_head *head,
                  const char root[SI_SHA256_HEX], struct si_signature *signature,
                  struct si_error *error) {
  struct measure m = {0, &e->hasher};
  char bare[SI_SHA256_HEX];
  si_rc status = si_hasher_start(&e->hasher);
  status = status == SI_OK ? si_manifest_write(head, &e->table, root, measure, &m, error) : status;
  status = status == SI_OK ? si_hasher_end(&e->hasher, bare) : status;
  status = status == SI_OK ? si_signature_make(e->options.sign_key, bare, signature) : status;
  if (status != SI_OK) {
    return si_error_set(error, status, "SIGNATURE_FAILED", "the manifest cannot be signed: %s",
                        si_status_text(status));
  }
  head->signature = signature;
  return SI_OK;
}

static si_rc write_manifest(struct si_export *e, char hex[SI_SHA256_HEX], struct si_error *error) {
  const struct si_store_vt *vt = e->store->vt;
  struct si_signature signature;
  struct si_manifest_head head = {.ids = &e->ids,
                                  .generated = e->options.generated,
                                  .generated_value = e->options.generated_value,
                                  .si_version = e->options.si_version,
                                  .plugins = e->options.plugins,
                                  .plugin_count = e->options.plugin_count};
  char key[SI_KEY_SIZE];
  char root[SI_SHA256_HEX];
  struct measure m = {0, NULL};
  if (si_manifest_root(&e->table, root) != SI_OK) {
    return si_error_set(error, SI_E_INTERNAL, "HASH_FAILED", "cannot compute the root hash");
  }
  si_rc status = si_runpack_key(e->prefix, SI_KEY_MANIFEST, key);
  status =
      status == SI_OK && e->options.sign_key ? sign(e, &head, root, &signature, error) : status;
  status = status == SI_OK ? si_manifest_write(&head, &e->table, root, measure, &m, error) : status;
  status = status == SI_OK ? si_hasher_start(&e->hasher) : status;
  if (status == SI_OK && m.length > SI_MANIFEST_MAX) {
    return si_error_set(error, SI_E_QUOTA, "RUNPACK_TOO_LARGE",
                        "the manifest of %zu artifacts is longer than 256 MiB", e->table.count);
  }
  status = status == SI_OK ? vt->put_open(e->store, key, SI_PUT_CREATE_ONLY | SI_PUT_COMMIT,
                                          m.length, "application/json", &e->put, error)
                           : status;
  if (status != SI_OK) {
    return status;
  }
  status = si_manifest_write(&head, &e->table, root, put_manifest, e, error);
  si_rc closed = vt->put_close(e->store, e->put, status == SI_OK, status == SI_OK ? error : NULL);
  status = status == SI_OK ? closed : status;
  status = status == SI_OK ? vt->flush(e->store, error) : status;
  return status == SI_OK ? si_hasher_end(&e->hasher, hex) : status;
}

static si_rc finish(struct si_export *e, char hex[SI_SHA256_HEX], struct si_error *error) {
  si_rc status = e->options.lock ? si_export_lock_tell(e, error) : SI_OK;
  status = status == SI_OK ? check_names(e, error) : status;
  status = status == SI_OK ? e->store->vt->flush(e->store, error) : status;
  if (status == SI_OK && e->leftovers) {
    status = check_leftovers(e, error);
  }
  if (status != SI_OK) {
    return status;
  }
  status = write_manifest(e, hex, error);
  return status == SI_E_EXISTS ? si_export_exists(e, error) : status;
}

si_rc si_export_finish(struct si_export *e, struct si_export_result *result,
                       struct si_error *error) {
  char hex[SI_SHA256_HEX];
  if (e->status != SI_OK) {
    return si_error_set(error, SI_E_CONFLICT, "RUNPACK_EXPORT_FAILED",
                        "the export failed before; begin again");
  }
  si_rc settled = si_export_settle(e, error);
  e->status = settled == SI_OK ? finish(e, hex, error) : settled;
  if (e->status != SI_OK) {
    return e->status;
  }
  si_copy(result->prefix, sizeof result->prefix, e->prefix);
  si_copy(result->manifest_sha256, sizeof result->manifest_sha256, hex);
  result->artifacts = e->table.count;
  result->bytes = e->bytes;
  result->lock = e->ground.lock;
  result->skew_ms = e->ground.clock ? e->ground.local_ms - e->ground.told_ms : 0;
  e->status = SI_E_CONFLICT; /* finished: nothing more can be added */
  return SI_OK;
}

void si_export_free(struct si_export **e) {
  if (*e) {
    si_export_queue_free(*e);
    si_table_free(&(*e)->table);
    si_lock_ground_free(&(*e)->ground);
    (*e)->store->lock = (struct si_store_lock){.mode = SI_LOCK_NONE};
    si_hasher_free(&(*e)->hasher);
    free((*e)->block);
    free(*e);
  }
  *e = NULL;
}
