/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/dispatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/dispatch_lock.h"
#include "core/runpack/store.h"

static si_rc emit(struct si_op *op, const char *json, size_t len, bool now) {
  if (!json || len > SI_FRAME_MAX - 64) {
    return SI_E_QUOTA;
  }
  char *text = strndup(json, len);
  size_t mark;
  if (!text) {
    return SI_E_NOMEM;
  }
  struct si_buf *out = si_link_lock(op->host->link);
  si_rc status = si_frame_begin(out, SI_FRAME_RESULT, op->id, &mark);
  status = status == SI_OK ? si_pack_text(out, text) : status;
  status = status == SI_OK ? si_frame_end(out, mark) : status;
  if (status != SI_OK) {
    out->len = mark; /* half a frame would spoil all that follow */
  }
  si_link_unlock(op->host->link, now);
  free(text);
  return status;
}

si_rc si_dispatch_emit(void *ctx, const char *json, size_t len) {
  return emit(ctx, json, len, false);
}

/* Of a verb that emits while it goes on: somebody waits for it. */
static si_rc emit_now(void *ctx, const char *json, size_t len) {
  return emit(ctx, json, len, true);
}

/* The first optional verb of the table: a plugin that was built before it has none. */
static si_rc logs_call(struct si_dispatch *d, const char *project, const char *query) {
  const si_provisioner_vt *vt = &d->descriptor->vt.provisioner;
  return vt->logs
             ? vt->logs(d->instance, d->op, project, query, d->op, emit_now)
             : si_error_set(&d->op->failure, SI_E_UNSUPPORTED, "PROVIDER_UNSUPPORTED",
                            "the provisioner \"%s\" cannot show logs", d->descriptor->provider.id);
}

static si_rc provisioner_call(struct si_dispatch *d, uint32_t verb, const char *first,
                              const char *second) {
  const si_provisioner_vt *vt = &d->descriptor->vt.provisioner;
  switch (verb) {
    case SI_VERB_CHECK: return vt->check(d->instance, d->op, d->op, si_dispatch_emit);
    case SI_VERB_PROVISION:
      return vt->provision(d->instance, d->op, first, second, d->op, si_dispatch_emit);
    case SI_VERB_DESTROY: return vt->destroy(d->instance, d->op, first, d->op, si_dispatch_emit);
    case SI_VERB_INSPECT: return vt->inspect(d->instance, d->op, first, d->op, si_dispatch_emit);
    case SI_VERB_LIST: return vt->list(d->instance, d->op, first, d->op, si_dispatch_emit);
    case SI_VERB_REMOVE: return vt->remove(d->instance, d->op, first);
    case SI_VERB_LOGS: return logs_call(d, first, second);
    default: return SI_E_UNSUPPORTED;
  }
}

/* The table of a backup provider is read and checked; what si has to say to it comes later. */
static si_rc backup_call(struct si_dispatch *d) {
  return si_error_set(&d->op->failure, SI_E_UNSUPPORTED, "PROVIDER_UNSUPPORTED",
                      "this si does not call backup providers yet, so \"%s\" was asked nothing",
                      d->descriptor->provider.id);
}

static void call(struct si_dispatch *d, struct si_unpack *in) {
  const bool backup = d->descriptor->provider.kind == SI_KIND_BACKUP;
  uint32_t verb = si_unpack_u32(in);
  const char *first = si_unpack_text(in);
  const char *second = si_unpack_text(in);
  si_doing_set(si_verb_name(verb));
  si_op_done(d->op, backup ? backup_call(d) : provisioner_call(d, verb, first, second), 0, true);
}

/* --- what a store holds --- */

/* Of a listing that is under way. */
struct items {
  struct si_op *op;
  uint64_t left; /* as many more are wanted */
};

static struct items items_of(struct si_op *op, uint64_t most) {
  return (struct items){op, most < UINT64_MAX ? most + 1 : most};
}

static si_rc send_item(struct items *items, const char *key, uint64_t length, int64_t ms,
                       const char *id) {
  struct si_op *op = items->op;
  size_t mark;
  if (si_host_services.cancelled(op)) {
    return SI_E_CANCELLED;
  }
  if (items->left == 0) {
    return SI_E_QUOTA;
  }
  items->left--;
  struct si_buf *out = si_link_lock(op->host->link);
  si_rc status = si_frame_begin(out, SI_FRAME_ITEM, op->id, &mark);
  status = status == SI_OK ? si_pack_text(out, key) : status;
  status = status == SI_OK ? si_pack_u64(out, length) : status;
  status = status == SI_OK ? si_pack_u64(out, ms > 0 ? (uint64_t)ms : 0) : status;
  status = status == SI_OK ? si_pack_text(out, id) : status;
  status = status == SI_OK ? si_frame_end(out, mark) : status;
  if (status != SI_OK) {
    out->len = mark;
  }
  si_link_unlock(op->host->link, false);
  return status;
}

static si_rc item(void *ctx, const char *key, const si_object_info *info) {
  return send_item(ctx, key, info->length, info->modified_ms, "");
}

static si_rc unfinished_item(void *ctx, const si_unfinished *found) {
  if (found->size < sizeof *found) {
    return SI_E_CORRUPT; /* members that it says it does not have */
  }
  return send_item(ctx, found->key, found->length, found->started_ms, found->id);
}

static si_rc unsupported(struct si_dispatch *d, const char *what) {
  return si_error_set(&d->op->failure, SI_E_UNSUPPORTED, "PROVIDER_UNSUPPORTED",
                      "the store \"%s\" cannot %s", d->descriptor->provider.id, what);
}

static bool has(const struct si_dispatch *d, uint64_t capability) {
  return (d->descriptor->provider.caps & capability) == capability;
}

static si_rc remove_object(struct si_dispatch *d, struct si_unpack *in) {
  const si_artifact_vt *vt = &d->descriptor->vt.artifact;
  const char *key = si_unpack_text(in);
  si_doing_set("remove");
  return vt->remove && has(d, SI_CAP_ARTIFACT_REMOVE) ? vt->remove(d->instance, d->op, key)
                                                      : unsupported(d, "remove objects");
}

static si_rc list_objects(struct si_dispatch *d, struct si_unpack *in) {
  const char *prefix = si_unpack_text(in);
  struct items items = items_of(d->op, si_unpack_u64(in));
  si_doing_set("list");
  return d->descriptor->vt.artifact.list(d->instance, d->op, prefix, &items, item);
}

static si_rc list_unfinished(struct si_dispatch *d, struct si_unpack *in) {
  const si_artifact_vt *vt = &d->descriptor->vt.artifact;
  const char *prefix = si_unpack_text(in);
  struct items items = items_of(d->op, si_unpack_u64(in));
  si_doing_set("unfinished");
  return vt->unfinished && has(d, SI_CAP_ARTIFACT_UNFINISHED)
             ? vt->unfinished(d->instance, d->op, prefix, &items, unfinished_item)
             : unsupported(d, "tell what dead writers left");
}

static si_rc discard(struct si_dispatch *d, struct si_unpack *in) {
  const si_artifact_vt *vt = &d->descriptor->vt.artifact;
  const char *key = si_unpack_text(in);
  const char *id = si_unpack_text(in);
  si_doing_set("discard");
  return vt->discard && has(d, SI_CAP_ARTIFACT_UNFINISHED)
             ? vt->discard(d->instance, d->op, key, id)
             : unsupported(d, "drop unfinished objects");
}

static si_rc tell_uri(struct si_dispatch *d, struct si_unpack *in) {
  const si_artifact_vt *vt = &d->descriptor->vt.artifact;
  const char *key = si_unpack_text(in);
  char uri[SI_STORE_URI_SIZE] = "";
  si_doing_set("uri");
  if (!vt->uri) {
    return unsupported(d, "tell where its objects are");
  }
  si_rc status = vt->uri(d->instance, key, uri, sizeof uri);
  return status == SI_OK ? si_dispatch_emit(d->op, uri, strnlen(uri, sizeof uri)) : status;
}

/* Calls that begin when every object before them has ended, and end before the next begins. */
static bool store_request(struct si_dispatch *d, const struct si_frame *request,
                          struct si_unpack *in) {
  const si_artifact_vt *vt = &d->descriptor->vt.artifact;
  si_object_info info = {0, 0};
  si_rc status;
  switch (request->type) {
    case SI_FRAME_STAT:
      si_doing_set("stat");
      status = vt->stat(d->instance, d->op, si_unpack_text(in), &info);
      si_op_done(d->op, status, info.length, false);
      return true;
    case SI_FRAME_LIST: si_op_done(d->op, list_objects(d, in), 0, false); return true;
    case SI_FRAME_REMOVE: si_op_done(d->op, remove_object(d, in), 0, false); return true;
    case SI_FRAME_UNFINISHED: si_op_done(d->op, list_unfinished(d, in), 0, false); return true;
    case SI_FRAME_DISCARD: si_op_done(d->op, discard(d, in), 0, false); return true;
    case SI_FRAME_URI: si_op_done(d->op, tell_uri(d, in), 0, false); return true;
    case SI_FRAME_LOCK: si_op_done(d->op, si_lock_lock(d, in), 0, false); return true;
    case SI_FRAME_HOLD: si_op_done(d->op, si_lock_hold(d, in), 0, false); return true;
    case SI_FRAME_LOCKS: si_op_done(d->op, si_lock_report(d, in), 0, false); return true;
    default: return false;
  }
}

static bool serve(struct si_dispatch *d, const struct si_request *request) {
  struct si_unpack in = si_unpack_of(&request->frame);
  bool sense = false;
  si_op_begin(d->op, request->frame.id);
  if (request->frame.type == SI_FRAME_CALL && d->descriptor->provider.kind != SI_KIND_ARTIFACT) {
    call(d, &in);
    sense = true;
  } else if (d->descriptor->provider.kind == SI_KIND_ARTIFACT) {
    sense = si_transfers_settle(d->transfers) && store_request(d, &request->frame, &in);
  }
  si_doing_set("wait");
  return sense && !in.bad;
}

/* Adds those about objects' bytes that came together with `first`: they are handed on at once. */
static void gather(struct si_link *link, struct si_request *first) {
  const struct si_request *next;
  for (struct si_request *last = first;
       (next = si_link_peek(link)) && si_transfers_takes(next->frame.type); last = last->next) {
    last->next = si_link_next(link);
  }
}

static si_rc run(struct si_dispatch *d, struct si_link *link) {
  for (;;) {
    struct si_request *request = si_link_next(link);
    bool bye = request->frame.type == SI_FRAME_BYE;
    bool sense = bye;
    if (d->transfers && si_transfers_takes(request->frame.type)) {
      gather(link, request);
      sense = si_transfers_give(d->transfers, request);
    } else {
      sense = bye || serve(d, request);
      free(request);
    }
    if (bye || !sense) {
      return bye ? SI_OK : SI_E_CORRUPT;
    }
  }
}

si_rc si_dispatch_run(struct si_dispatch *d, struct si_link *link) {
  si_rc status = SI_OK;
  if (d->descriptor->provider.kind == SI_KIND_ARTIFACT) {
    status = si_transfers_new(d->descriptor, d->instance, d->op, link, &d->transfers);
  }
  si_doing_set("wait");
  status = status == SI_OK ? run(d, link) : status;
  si_transfers_free(&d->transfers);
  return status;
}
