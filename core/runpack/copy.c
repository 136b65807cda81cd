/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/copy.h"

#include <stdlib.h>
#include <string.h>

#include "core/runpack/copy_impl.h"
#include "core/runpack/manifest.h"
#include "kit/base/text.h"

si_rc si_copy_fail(struct si_copying *c, si_rc status, const struct si_error *error) {
  pthread_mutex_lock(&c->lock);
  if (c->status == SI_OK) {
    if (error && error->status == status) {
      c->why = *error;
    } else {
      si_error_set(&c->why, status, "RUNPACK_COPY_FAILED", "cannot copy the runpack: %s",
                   si_status_text(status));
    }
    c->status = status;
  }
  pthread_mutex_unlock(&c->lock);
  return c->status;
}

si_rc si_copy_hash_failed(struct si_copying *c, si_rc status) {
  struct si_error error;
  return si_copy_fail(c, si_error_set(&error, status, "HASH_FAILED", "cannot compute a hash"),
                      &error);
}

si_rc si_copy_exists(struct si_copying *c) {
  struct si_error error;
  si_error_set(&error, SI_E_EXISTS, "RUNPACK_EXISTS",
               "the destination has another complete runpack at \"%.400s\"; a runpack is never "
               "overwritten",
               c->result.prefix);
  si_error_target(&error, "copy", SI_KEY_MANIFEST);
  si_error_hint(&error, "compare the two: si runpack verify, si runpack show");
  return si_copy_fail(c, SI_E_EXISTS, &error);
}

/* --- what the destination holds --- */

static si_rc on_held(void *ctx, const struct si_store_object *object) {
  struct si_copying *c = ctx;
  size_t len = strlen(c->result.prefix);
  const char *path = strncmp(object->key, c->result.prefix, len) == 0 && object->key[len] == '/'
                         ? object->key + len + 1
                         : object->key;
  if (strcmp(path, SI_KEY_MANIFEST) == 0) {
    c->complete = true;
  } else if (!c->leftover[0] && !si_table_find(&c->manifest.artifacts, path, SIZE_MAX)) {
    si_copy(c->leftover, sizeof c->leftover, path);
  }
  return SI_OK;
}

static si_rc same_data(void *ctx, const void *data, size_t len) {
  struct si_copy_lane *lane = ctx;
  si_rc status = si_hasher_add(&lane->hasher, data, len);
  return status == SI_OK ? SI_OK : si_copy_hash_failed(lane->copy, status);
}

static void same_end(void *ctx, si_rc status, const struct si_error *error) {
  struct si_copy_lane *lane = ctx;
  struct si_copying *c = lane->copy;
  char hex[SI_SHA256_HEX] = "";
  if (c->status != SI_OK) {
    return;
  }
  if (status == SI_OK && (status = si_hasher_end(&lane->hasher, hex)) != SI_OK) {
    si_copy_hash_failed(c, status);
  } else if (status != SI_OK && status != SI_E_QUOTA && status != SI_E_NOT_FOUND) {
    si_copy_fail(c, status, error);
  }
  c->result.already = strcmp(hex, c->result.manifest_sha256) == 0;
}

/* What the destination is set to lock with from now on. */
static si_rc begin_lock(struct si_copying *c) {
  struct si_error error = {.status = SI_OK};
  const struct si_lock_terms *terms = c->options->lock;
  si_rc status = terms ? si_lock_begin(c->to, c->result.prefix, terms, &c->ground, &error) : SI_OK;
  if (status != SI_OK) {
    return si_copy_fail(c, status, &error);
  }
  c->result.lock = c->ground.lock;
  c->result.skew_ms = c->ground.clock ? c->ground.local_ms - c->ground.told_ms : 0;
  return SI_OK;
}

static si_rc look_at_destination(struct si_copying *c) {
  struct si_error error = {.status = SI_OK};
  si_rc status = begin_lock(c);
  if (status != SI_OK) {
    return status;
  }
  status =
      c->to->vt->list(c->to, c->result.prefix, SI_MANIFEST_ARTIFACTS_MAX + 1, c, on_held, &error);
  if (status != SI_OK) {
    return si_copy_fail(c, status, &error);
  }
  if (c->complete) {
    struct si_copy_lane *lane = &c->lanes[0];
    lane->path = SI_KEY_MANIFEST;
    status = si_copy_get(c, c->to, c->result.prefix, lane, same_data, same_end);
    return status == SI_OK && !c->result.already ? si_copy_exists(c) : status;
  }
  if (c->leftover[0]) {
    si_error_set(&error, SI_E_CONFLICT, "RUNPACK_LEFTOVERS",
                 "an unfinished runpack in the destination has %.200s, which this one has not",
                 c->leftover);
    si_error_target(&error, "copy", c->leftover);
    si_error_hint(&error, "prune it first: si runpack prune --incomplete");
    return si_copy_fail(c, SI_E_CONFLICT, &error);
  }
  return SI_OK;
}

/* --- verification, before and after --- */

struct verifying {
  struct si_copying *copy;
  enum si_copy_stage stage;
};

static void on_verified(void *ctx, uint64_t done, uint64_t total, uint64_t bytes) {
  const struct verifying *v = ctx;
  (void)bytes;
  if (v->copy->options->progress) {
    v->copy->options->progress(v->copy->options->ctx, v->stage, done, total);
  }
}

static si_rc verify(struct si_copying *c, struct si_store *store, const char *prefix,
                    enum si_copy_stage stage, struct si_verify_report *report) {
  struct verifying verifying = {c, stage};
  struct si_error error = {.status = SI_OK};
  const struct si_verify_options options = {.max_artifact_bytes = c->options->max_artifact_bytes,
                                            .progress = on_verified,
                                            .ctx = &verifying};
  si_rc status = si_runpack_verify(store, prefix, &options, report, &error);
  if (status == SI_E_CORRUPT) {
    si_error_target(&error, stage == SI_COPY_VERIFY_SOURCE ? "source" : "copy", NULL);
  }
  return status == SI_OK ? SI_OK : si_copy_fail(c, status, &error);
}

static si_rc verify_source(struct si_copying *c) {
  struct si_verify_report report SI_AUTO(si_report_free) = SI_VERIFY_REPORT;
  struct si_error error = {.status = SI_OK};
  si_rc status = verify(c, c->from, c->prefix, SI_COPY_VERIFY_SOURCE, &report);
  if (status != SI_OK) {
    return status;
  }
  si_copy(c->result.manifest_sha256, sizeof c->result.manifest_sha256, report.manifest_sha256);
  c->result.artifacts = report.checked_files;
  status = si_runpack_prefix(&report.ids, c->result.prefix, &error);
  return status == SI_OK ? SI_OK : si_copy_fail(c, status, &error);
}

static si_rc verify_copy(struct si_copying *c) {
  struct si_verify_report report SI_AUTO(si_report_free) = SI_VERIFY_REPORT;
  si_rc status = verify(c, c->to, c->result.prefix, SI_COPY_VERIFY_COPY, &report);
  if (status == SI_OK && strcmp(report.manifest_sha256, c->result.manifest_sha256) != 0) {
    return si_copy_exists(c); /* it was another's, a moment after ours */
  }
  c->result.bytes = report.bytes;
  return status;
}

static si_rc run(struct si_copying *c) {
  si_rc status = verify_source(c);
  status = status == SI_OK ? si_copy_read_manifest(c) : status;
  status = status == SI_OK ? look_at_destination(c) : status;
  if (status == SI_OK && c->result.already) {
    status = si_copy_keep(c, true);
  } else if (status == SI_OK) {
    status = si_copy_artifacts(c);
    status = status == SI_OK ? si_copy_manifest(c) : status;
  }
  return status == SI_OK ? verify_copy(c) : status;
}

static si_rc lanes_make(struct si_copying *c) {
  for (size_t i = 0; i < SI_COPY_LANES; i++) {
    c->lanes[i].copy = c;
    c->lanes[i].block = malloc(SI_COPY_BLOCK);
    if (!c->lanes[i].block) {
      return si_copy_fail(c, SI_E_NOMEM, NULL);
    }
  }
  return SI_OK;
}

static void copying_free(struct si_copying *c) {
  for (size_t i = 0; i < SI_COPY_LANES; i++) {
    si_hasher_free(&c->lanes[i].hasher);
    free(c->lanes[i].block);
  }
  si_manifest_reader_free(&c->reader);
  si_manifest_free(&c->manifest);
  si_lock_ground_free(&c->ground);
  c->to->lock = (struct si_store_lock){.mode = SI_LOCK_NONE};
  pthread_mutex_destroy(&c->lock);
  free(c->lengths);
  free(c);
}

si_rc si_runpack_copy(struct si_store *from, const char *prefix, struct si_store *to,
                      const struct si_copy_options *options, struct si_copy_result *result,
                      struct si_error *error) {
  struct si_copying *c = calloc(1, sizeof *c);
  if (!c || pthread_mutex_init(&c->lock, NULL) != 0) {
    free(c);
    return si_error_set(error, SI_E_NOMEM, "RUNPACK_COPY_FAILED", "out of memory");
  }
  c->from = from;
  c->to = to;
  c->prefix = prefix;
  c->options = options;
  c->ground = (struct si_lock_ground)SI_LOCK_GROUND;
  si_rc status = lanes_make(c);
  status = status == SI_OK ? run(c) : status;
  if (status == SI_OK) {
    *result = c->result;
  } else if (error) {
    *error = c->why;
  }
  copying_free(c);
  return status;
}
