/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/bucket/list.c - looking at, listing and removing objects, and what dead writers left. Depends
 * on store.h, kit/base, kit/net.
 */
#include <stdio.h>
#include <string.h>

#include "kit/bucket/store.h"

si_rc si_bucket_stat(si_instance *store, si_op *op, const char *key, si_object_info *out) {
  char full[SI_BUCKET_KEY];
  struct si_bucket_call call;
  struct si_s3_object object;
  struct si_error error;
  si_rc status = si_bucket_key(store, op, key, full);
  if (status != SI_OK) {
    return status;
  }
  si_bucket_call_begin(&call, store, op);
  status = si_s3_head(store->s3, &call.s3, full, &object, &error);
  if (status != SI_OK) {
    return si_bucket_fail(store, op, &error, key);
  }
  *out = (si_object_info){object.length, object.modified_ms};
  return SI_OK;
}

si_rc si_bucket_remove(si_instance *store, si_op *op, const char *key) {
  char full[SI_BUCKET_KEY];
  struct si_bucket_call call;
  struct si_error error;
  si_rc status = si_bucket_key(store, op, key, full);
  if (status != SI_OK) {
    return status;
  }
  si_bucket_call_begin(&call, store, op);
  status = si_s3_delete(store->s3, &call.s3, full, NULL, &error);
  return status == SI_OK ? SI_OK : si_bucket_fail(store, op, &error, key);
}

/* --- listing --- */

struct listing {
  const si_instance *store;
  si_op *op;
  const char *prefix; /* the host's */
  void *ctx;
  si_list_fn each;
  si_unfinished_fn each_unfinished;
  bool ended; /* by us or by the caller: what is to be said was said */
};

/* The host's key of a listed one, or NULL where it can be none. */
static const char *own_key(struct listing *l, const char *full) {
  const char *key = si_bucket_own_key(l->store, full);
  if (key) {
    return key;
  }
  l->ended = true;
  si_bucket_refuse(l->store, l->op, SI_E_CORRUPT, NULL, NULL,
                   "the store lists s3://%s/%.300s, which lies outside of what this store writes: "
                   "remove it, or choose a prefix that is ours alone",
                   l->store->config.bucket, full);
  return NULL;
}

static si_rc on_object(void *ctx, const char *full, uint64_t length, int64_t modified_ms) {
  struct listing *l = ctx;
  const si_object_info info = {length, modified_ms};
  const char *key = own_key(l, full);
  if (!key) {
    return SI_E_CORRUPT;
  }
  si_rc status = l->each(l->ctx, key, &info);
  l->ended = status != SI_OK;
  return status;
}

/* The prefix in the bucket; behind it a '/' where only what lies below is wanted. */
static si_rc make_prefix(const struct listing *l, bool below, char full[SI_BUCKET_KEY + 1]) {
  if (l->prefix[0]) {
    si_rc status = si_bucket_key(l->store, l->op, l->prefix, full);
    if (status != SI_OK) {
      return status;
    }
  } else {
    snprintf(full, SI_BUCKET_KEY, "%s", l->store->config.prefix);
  }
  if (full[0] && (below || !l->prefix[0])) {
    strcat(full, "/"); /* there is one byte of room */
  }
  return SI_OK;
}

/* The object that equals the prefix. */
static si_rc list_itself(struct listing *l, const struct si_bucket_call *call) {
  char full[SI_BUCKET_KEY];
  struct si_s3_object object;
  struct si_error error;
  si_rc status = si_bucket_key(l->store, l->op, l->prefix, full);
  status = status == SI_OK ? si_s3_head(l->store->s3, &call->s3, full, &object, &error) : status;
  if (status == SI_OK) {
    return on_object(l, full, object.length, object.modified_ms);
  }
  return status == SI_E_NOT_FOUND ? SI_OK : si_bucket_fail(l->store, l->op, &error, l->prefix);
}

si_rc si_bucket_list(si_instance *store, si_op *op, const char *prefix, void *ctx,
                     si_list_fn each) {
  struct listing l = {.store = store, .op = op, .prefix = prefix, .ctx = ctx, .each = each};
  char full[SI_BUCKET_KEY + 1];
  struct si_bucket_call call;
  struct si_error error;
  si_rc status = make_prefix(&l, true, full);
  if (status != SI_OK) {
    return status;
  }
  si_bucket_call_begin(&call, store, op);
  status = prefix[0] ? list_itself(&l, &call) : SI_OK;
  if (status != SI_OK) {
    return status;
  }
  status = si_s3_list(store->s3, &call.s3, full, on_object, &l, &error);
  return status == SI_OK || l.ended ? status : si_bucket_fail(store, op, &error, NULL);
}

/* --- what was begun and not finished --- */

static si_rc on_upload(void *ctx, const char *full, const char *upload_id, int64_t started_ms) {
  struct listing *l = ctx;
  size_t len = strlen(l->prefix);
  const char *key = own_key(l, full);
  if (!key) {
    return SI_E_CORRUPT;
  }
  if (len > 0 && key[len] != '/' && key[len] != '\0') {
    return SI_OK; /* a neighbour, whose name begins like the prefix */
  }
  const si_unfinished found = {.size = sizeof found,
                               .key = key,
                               .id = upload_id,
                               .length = UINT64_MAX,
                               .started_ms = started_ms};
  si_rc status = l->each_unfinished(l->ctx, &found);
  l->ended = status != SI_OK;
  return status;
}

si_rc si_bucket_unfinished(si_instance *store, si_op *op, const char *prefix, void *ctx,
                           si_unfinished_fn each) {
  struct listing l = {
      .store = store, .op = op, .prefix = prefix, .ctx = ctx, .each_unfinished = each};
  char full[SI_BUCKET_KEY + 1];
  struct si_bucket_call call;
  struct si_error error;
  si_rc status = make_prefix(&l, false, full);
  if (status != SI_OK) {
    return status;
  }
  si_bucket_call_begin(&call, store, op);
  status = si_s3_uploads(store->s3, &call.s3, full, on_upload, &l, &error);
  return status == SI_OK || l.ended ? status : si_bucket_fail(store, op, &error, NULL);
}

si_rc si_bucket_discard(si_instance *store, si_op *op, const char *key, const char *id) {
  char full[SI_BUCKET_KEY];
  struct si_bucket_call call;
  struct si_error error;
  size_t len = id ? strnlen(id, SI_S3_UPLOAD_ID) : 0;
  si_rc status = si_bucket_key(store, op, key, full);
  if (status != SI_OK) {
    return status;
  }
  if (len == 0 || len == SI_S3_UPLOAD_ID) {
    return si_bucket_refuse(store, op, SI_E_INVALID, NULL, key, "that is no id of an upload");
  }
  si_bucket_call_begin(&call, store, op);
  status = si_s3_upload_abort(store->s3, &call.s3, full, id, &error);
  return status == SI_OK ? SI_OK : si_bucket_fail(store, op, &error, key);
}

/* --- where people find it --- */

si_rc si_bucket_uri(si_instance *store, const char *key, char *out, size_t cap) {
  const char *prefix = store->config.prefix;
  char text[128 + sizeof store->config.prefix + SI_PATH_MAX + 16];
  if (key[0] && !si_key_valid(key)) {
    return SI_E_INVALID;
  }
  int n = snprintf(text, sizeof text, "%s://%s%s%s%s%s", store->kind->id, store->config.bucket,
                   prefix[0] ? "/" : "", prefix, key[0] ? "/" : "", key);
  if (n < 0 || (size_t)n >= sizeof text || (size_t)n >= cap) {
    return SI_E_QUOTA;
  }
  memcpy(out, text, (size_t)n + 1);
  return SI_OK;
}
