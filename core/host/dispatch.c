/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/dispatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/runpack/store.h"

static const char *volatile doing = "start";

const char *si_dispatch_doing(void) {
  return doing;
}

/* --- frames to si; want of memory is the only failure, and ends the process --- */

static void frame(struct si_link *link, uint32_t type, uint64_t id, const uint32_t *words,
                  size_t count, bool now) {
  size_t mark;
  struct si_buf *out = si_link_lock(link);
  si_rc status = si_frame_begin(out, type, id, &mark);
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    status = si_pack_u32(out, words[i]);
  }
  if (status != SI_OK || si_frame_end(out, mark) != SI_OK) {
    _Exit(4);
  }
  si_link_unlock(link, now);
}

static si_rc emit(void *ctx, const char *json, size_t len) {
  struct si_op *op = ctx;
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
  si_link_unlock(op->host->link, false);
  free(text);
  return status;
}

static si_rc provisioner_call(struct si_dispatch *d, uint32_t verb, const char *first,
                              const char *second) {
  const si_provisioner_vt *vt = &d->descriptor->vt.provisioner;
  switch (verb) {
    case SI_VERB_CHECK: return vt->check(d->instance, d->op, d->op, emit);
    case SI_VERB_PROVISION: return vt->provision(d->instance, d->op, first, second, d->op, emit);
    case SI_VERB_DESTROY: return vt->destroy(d->instance, d->op, first, d->op, emit);
    case SI_VERB_INSPECT: return vt->inspect(d->instance, d->op, first, d->op, emit);
    case SI_VERB_LIST: return vt->list(d->instance, d->op, first, d->op, emit);
    case SI_VERB_REMOVE: return vt->remove(d->instance, d->op, first);
    default: return SI_E_UNSUPPORTED;
  }
}

static void call(struct si_dispatch *d, struct si_unpack *in) {
  uint32_t verb = si_unpack_u32(in);
  const char *first = si_unpack_text(in);
  const char *second = si_unpack_text(in);
  doing = si_verb_name(verb);
  si_op_done(d->op, provisioner_call(d, verb, first, second), 0, true);
}

/* --- writing: what fails is remembered, and told when the object is closed --- */

static void put_open(struct si_dispatch *d, struct si_unpack *in, uint64_t id) {
  const char *key = si_unpack_text(in);
  si_put_options options = {.size = sizeof options, .flags = si_unpack_u32(in)};
  options.length = si_unpack_u64(in);
  options.content_type = si_unpack_text(in);
  doing = "sink_open";
  d->sink = NULL;
  d->sink_id = id;
  d->sink_status =
      d->descriptor->vt.artifact.sink_open(d->instance, d->op, key, &options, &d->sink);
}

static bool put_data(struct si_dispatch *d, struct si_link *link, struct si_unpack *in) {
  uint32_t slot = si_unpack_u32(in);
  uint32_t len = si_unpack_u32(in);
  const void *bytes = si_link_bytes(link, slot, len);
  if (!bytes) {
    return false;
  }
  doing = "sink_write";
  if (d->sink_status == SI_OK) {
    d->sink_status = d->descriptor->vt.artifact.sink_write(d->sink, d->op, bytes, len);
    if (d->sink_status != SI_OK) {
      d->descriptor->vt.artifact.sink_abort(d->sink);
    }
  }
  frame(link, SI_FRAME_TAKEN, d->sink_id, &slot, 1, false);
  return true;
}

static void put_close(struct si_dispatch *d, struct si_unpack *in) {
  uint32_t commit = si_unpack_u32(in);
  doing = "sink_finish";
  if (d->sink_status == SI_OK && commit) {
    d->sink_status = d->descriptor->vt.artifact.sink_finish(d->sink, d->op);
  } else if (d->sink_status == SI_OK) {
    d->descriptor->vt.artifact.sink_abort(d->sink);
  }
  si_op_done(d->op, d->sink_status, 0, false);
}

/* --- reading --- */

/* Fills one slot with at most `cap` bytes; *end where the object ended. */
static si_rc fill_slot(struct si_dispatch *d, si_reader *reader, char *to, uint32_t cap,
                       uint32_t *len, bool *end) {
  *len = 0;
  while (*len < cap) {
    size_t got = 0;
    si_rc status =
        d->descriptor->vt.artifact.reader_read(reader, d->op, to + *len, cap - *len, &got);
    if (status != SI_OK) {
      return status;
    }
    if (got > cap - *len) {
      return SI_E_CORRUPT; /* it wrote past what it was given, or says so */
    }
    if (got == 0) {
      *end = true;
      return SI_OK;
    }
    *len += (uint32_t)got;
  }
  return SI_OK;
}

static si_rc get(struct si_dispatch *d, struct si_link *link, struct si_unpack *in) {
  const si_artifact_vt *vt = &d->descriptor->vt.artifact;
  const char *key = si_unpack_text(in);
  uint64_t limit = si_unpack_u64(in);
  si_reader *reader = NULL;
  doing = "reader_open";
  si_rc status = vt->reader_open(d->instance, d->op, key, 0, limit, &reader);
  if (status != SI_OK) {
    return status;
  }
  doing = "reader_read";
  /* The limit is held here, whatever the provider makes of it. */
  for (bool end = limit == 0; status == SI_OK && !end; end = end || limit == 0) {
    uint32_t words[2] = {si_link_slot(link), 0};
    uint32_t cap = limit < SI_RING_SLOT ? (uint32_t)limit : SI_RING_SLOT;
    status = fill_slot(d, reader, si_link_memory(link, words[0]), cap, &words[1], &end);
    limit -= limit == UINT64_MAX ? 0 : words[1];
    frame(link, SI_FRAME_DATA, d->op->id, words, 2, false);
  }
  vt->reader_close(reader);
  return status;
}

/* --- what a store holds --- */

static si_rc send_item(struct si_op *op, const char *key, uint64_t length, int64_t ms,
                       const char *id) {
  size_t mark;
  if (si_host_services.cancelled(op)) {
    return SI_E_CANCELLED;
  }
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
  doing = "remove";
  return vt->remove && has(d, SI_CAP_ARTIFACT_REMOVE) ? vt->remove(d->instance, d->op, key)
                                                      : unsupported(d, "remove objects");
}

static si_rc list_unfinished(struct si_dispatch *d, struct si_unpack *in) {
  const si_artifact_vt *vt = &d->descriptor->vt.artifact;
  const char *prefix = si_unpack_text(in);
  doing = "unfinished";
  return vt->unfinished && has(d, SI_CAP_ARTIFACT_UNFINISHED)
             ? vt->unfinished(d->instance, d->op, prefix, d->op, unfinished_item)
             : unsupported(d, "tell what dead writers left");
}

static si_rc discard(struct si_dispatch *d, struct si_unpack *in) {
  const si_artifact_vt *vt = &d->descriptor->vt.artifact;
  const char *key = si_unpack_text(in);
  const char *id = si_unpack_text(in);
  doing = "discard";
  return vt->discard && has(d, SI_CAP_ARTIFACT_UNFINISHED)
             ? vt->discard(d->instance, d->op, key, id)
             : unsupported(d, "drop unfinished objects");
}

static si_rc tell_uri(struct si_dispatch *d, struct si_unpack *in) {
  const si_artifact_vt *vt = &d->descriptor->vt.artifact;
  const char *key = si_unpack_text(in);
  char uri[SI_STORE_URI_SIZE] = "";
  doing = "uri";
  if (!vt->uri) {
    return unsupported(d, "tell where its objects are");
  }
  si_rc status = vt->uri(d->instance, key, uri, sizeof uri);
  return status == SI_OK ? emit(d->op, uri, strnlen(uri, sizeof uri)) : status;
}

static bool store_request(struct si_dispatch *d, struct si_link *link,
                          const struct si_frame *request, struct si_unpack *in) {
  const si_artifact_vt *vt = &d->descriptor->vt.artifact;
  si_object_info info = {0, 0};
  si_rc status;
  switch (request->type) {
    case SI_FRAME_PUT_OPEN: put_open(d, in, request->id); return true;
    case SI_FRAME_PUT_DATA: return request->id == d->sink_id && put_data(d, link, in);
    case SI_FRAME_PUT_CLOSE:
      if (request->id != d->sink_id) {
        return false;
      }
      put_close(d, in);
      return true;
    case SI_FRAME_GET: si_op_done(d->op, get(d, link, in), 0, false); return true;
    case SI_FRAME_STAT:
      doing = "stat";
      status = vt->stat(d->instance, d->op, si_unpack_text(in), &info);
      si_op_done(d->op, status, info.length, false);
      return true;
    case SI_FRAME_LIST:
      doing = "list";
      status = vt->list(d->instance, d->op, si_unpack_text(in), d->op, item);
      si_op_done(d->op, status, 0, false);
      return true;
    case SI_FRAME_REMOVE: si_op_done(d->op, remove_object(d, in), 0, false); return true;
    case SI_FRAME_UNFINISHED: si_op_done(d->op, list_unfinished(d, in), 0, false); return true;
    case SI_FRAME_DISCARD: si_op_done(d->op, discard(d, in), 0, false); return true;
    case SI_FRAME_URI: si_op_done(d->op, tell_uri(d, in), 0, false); return true;
    default: return false;
  }
}

si_rc si_dispatch_run(struct si_dispatch *d, struct si_link *link) {
  for (;;) {
    struct si_request *request = si_link_next(link);
    struct si_unpack in = si_unpack_of(&request->frame);
    bool bye = request->frame.type == SI_FRAME_BYE;
    bool sense = bye;
    /* An object's frames share one record of failure: only its first begins a new one. */
    if (request->frame.type != SI_FRAME_PUT_DATA && request->frame.type != SI_FRAME_PUT_CLOSE) {
      si_op_begin(d->op, request->frame.id);
    }
    if (request->frame.type == SI_FRAME_CALL &&
        d->descriptor->provider.kind == SI_KIND_PROVISIONER) {
      call(d, &in);
      sense = true;
    } else if (!bye && d->descriptor->provider.kind == SI_KIND_ARTIFACT) {
      sense = store_request(d, link, &request->frame, &in);
    }
    doing = "wait";
    free(request);
    if (bye || !sense || in.bad) {
      return bye ? SI_OK : SI_E_CORRUPT;
    }
  }
}
