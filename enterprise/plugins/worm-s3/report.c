/* SPDX-License-Identifier: LicenseRef-si-enterprise */
/*
 * report.c - every version below a prefix and how it is locked, asked of the store now, a few at
 * once; then what holds for the whole bucket. Depends on worm.h, kit/bucket/crew.h.
 */
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "kit/bucket/crew.h"
#include "worm.h"

/* One version that is asked for. */
struct slot {
  bool busy;
  uint32_t flags;
  char full[SI_BUCKET_KEY];
  char version[SI_S3_UPLOAD_ID];
  struct worm_lock lock;
  si_rc status;
  struct si_error error;
};

struct report {
  si_instance *store;
  si_op *op;
  const char *prefix; /* the host's */
  void *ctx;
  si_lock_fn each;
  struct si_bucket_call call;
  bool told;  /* a version or a mark */
  bool ended; /* by us or by the caller: what is to be said was said */
  unsigned next;
  struct si_bucket_crew crew;
  struct slot slots[SI_BUCKET_CREW_SLOTS];
};

/* In a thread of the crew: no op may be used there. */
static void look(void *ctx, unsigned at) {
  struct report *r = ctx;
  struct slot *slot = &r->slots[at];
  const struct si_s3_call call = {r->call.s3.deadline_ns, si_bucket_crew_stopped, &r->crew};
  slot->status = worm_look(r->store, &call, slot->full, slot->version, &slot->lock, &slot->error);
}

static bool go_on(void *ctx) {
  const struct si_bucket_call *call = ctx;
  return !call->s3.cancelled || !call->s3.cancelled(call->s3.ctx);
}

static si_rc end(struct report *r, si_rc status) {
  r->ended = r->ended || status != SI_OK;
  return status;
}

/* Tells what a slot asked for, once it is known. */
static si_rc settle(struct report *r, unsigned at) {
  struct slot *slot = &r->slots[at];
  const char *key = si_bucket_own_key(r->store, slot->full);
  if (!slot->busy) {
    return SI_OK;
  }
  if (!si_bucket_crew_wait(&r->crew, at, go_on, &r->call)) {
    bool late = r->call.s3.deadline_ns && si_monotonic_ns() >= r->call.s3.deadline_ns;
    return end(r, si_bucket_refuse(r->store, r->op, late ? SI_E_TIMEOUT : SI_E_CANCELLED, NULL, key,
                                   late ? "the deadline passed" : "cancelled"));
  }
  slot->busy = false;
  if (slot->status == SI_E_NOT_FOUND) {
    return SI_OK; /* removed meanwhile */
  }
  return end(r, slot->status == SI_OK ? worm_tell(&slot->lock, key, slot->flags, r->each, r->ctx)
                                      : si_bucket_fail(r->store, r->op, &slot->error, key));
}

static si_rc on_version(void *ctx, const struct si_s3_version *v) {
  struct report *r = ctx;
  const char *key = si_bucket_own_key(r->store, v->key);
  if (!key) {
    return end(r,
               si_bucket_refuse(r->store, r->op, SI_E_CORRUPT, NULL, NULL,
                                "the store lists s3://%s/%.300s, which lies outside of what this "
                                "store writes: choose a prefix that is ours alone",
                                r->store->config.bucket, v->key));
  }
  if (!si_key_below(key, r->prefix)) {
    return SI_OK; /* a neighbour, whose name begins like the prefix */
  }
  r->told = true;
  if (v->marker) {
    struct worm_lock none = {.mode = SI_LOCK_NONE};
    si_copy(none.version, sizeof none.version, v->version_id);
    return end(r, worm_tell(&none, key, SI_LOCK_MARKER, r->each, r->ctx));
  }
  unsigned at = r->next;
  si_rc status = settle(r, at);
  if (status != SI_OK) {
    return status;
  }
  struct slot *slot = &r->slots[at];
  slot->busy = true;
  slot->flags = v->latest ? SI_LOCK_CURRENT : 0;
  si_copy(slot->full, sizeof slot->full, v->key);
  si_copy(slot->version, sizeof slot->version, v->version_id);
  si_bucket_crew_give(&r->crew, at);
  r->next = (at + 1) % SI_BUCKET_CREW_SLOTS;
  return SI_OK;
}

static si_rc list(struct report *r, const char *full) {
  struct si_error error;
  si_rc status = si_s3_versions(r->store->s3, &r->call.s3, full, on_version, r, &error);
  if (status != SI_OK && !r->ended) {
    return si_bucket_fail(r->store, r->op, &error, NULL);
  }
  for (unsigned i = 0; status == SI_OK && i < SI_BUCKET_CREW_SLOTS; i++) {
    status = settle(r, (r->next + i) % SI_BUCKET_CREW_SLOTS);
  }
  return status;
}

/* --- what holds for the bucket --- */

static si_rc tell_ground(si_instance *store, si_op *op, void *ctx, si_emit emit) {
  struct si_buf json SI_AUTO(si_buf_free) = SI_BUF(8192);
  struct worm_ground ground;
  char uri[4096], told[SI_TIME_SIZE] = "";
  si_rc status = worm_ground_ask(store, op, &ground);
  status = status == SI_OK ? si_bucket_uri(store, "", uri, sizeof uri) : status;
  if (status != SI_OK) {
    return status;
  }
  if (ground.told_ms) {
    si_time_text(ground.told_ms, told);
  }
  /* Bucket, prefix and times have nothing in them that JSON would escape. */
  status = si_buf_printf(&json, "{\"store\":\"%s\",\"versioned\":%s,\"locking\":%s,", uri,
                         ground.versioned ? "true" : "false",
                         ground.locking && ground.versioned ? "true" : "false");
  status =
      status != SI_OK ? status
      : ground.default_mode
          ? si_buf_printf(&json, "\"default_mode\":\"%s\",\"default_days\":%llu,",
                          ground.default_mode == SI_LOCK_COMPLIANCE ? "compliance" : "governance",
                          (unsigned long long)ground.default_days)
          : si_buf_puts(&json, "\"default_mode\":null,\"default_days\":null,");
  status = status != SI_OK ? status
           : told[0]       ? si_buf_printf(&json, "\"told\":\"%s\"}", told)
                           : si_buf_puts(&json, "\"told\":null}");
  return status == SI_OK ? emit(ctx, json.data, json.len)
                         : si_bucket_refuse(store, op, status, NULL, NULL, "out of memory");
}

si_rc worm_report(si_instance *store, si_op *op, const char *prefix, void *ctx, si_lock_fn each,
                  void *emit_ctx, si_emit emit) {
  char full[SI_BUCKET_KEY] = "";
  si_rc status = SI_OK;
  if (prefix[0]) {
    status = si_bucket_key(store, op, prefix, full);
  } else if (store->config.prefix[0]) {
    si_copy(full, sizeof full, store->config.prefix);
    strcat(full, "/"); /* a prefix is shorter than a key by far */
  }
  if (status != SI_OK) {
    return status;
  }
  struct report *r = calloc(1, sizeof *r);
  if (!r) {
    return si_bucket_refuse(store, op, SI_E_NOMEM, NULL, NULL, "out of memory");
  }
  *r = (struct report){.store = store, .op = op, .prefix = prefix, .ctx = ctx, .each = each};
  si_bucket_call_begin(&r->call, store, op);
  si_bucket_crew_init(&r->crew, look, r);
  status = list(r, full);
  si_bucket_crew_end(&r->crew, true);
  worm_fresh_begin(store, prefix, status == SI_OK && !r->told);
  free(r);
  return status == SI_OK ? tell_ground(store, op, emit_ctx, emit) : status;
}
