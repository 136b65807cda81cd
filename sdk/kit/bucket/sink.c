/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/bucket/sink.c - writing objects. A short one, and every one that must be new, is kept in
 * memory and sent as ONE PUT: only that is create-only with every store. A longer one is sent in
 * parts while it comes (parts.c). Where the provider has a say in what may be written over, every
 * PUT is create-only at first. Depends on store.h, parts.h, kit/base, kit/net.
 *
 * SI_PUT_COMMIT asks for nothing more: an object that the store has acknowledged is durable, and so
 * is each that was finished before.
 */
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "kit/bucket/parts.h"
#include "kit/bucket/store.h"

#define SINGLE_MAX (64ull << 20)

struct si_sink {
  si_instance *store;
  struct si_bucket_parts *parts; /* NULL: one PUT */
  char *data;                    /* of the one PUT */
  uint32_t flags;
  uint64_t length;
  uint64_t written;
  char content_type[256];
  char full[SI_BUCKET_KEY];
  struct si_bucket_put put;                 /* for the provider's own functions */
  _Alignas(16) char ask[SI_BUCKET_ASK_MAX]; /* put.ask, where it is not NULL */
  char key[];
};

static void sink_free(si_sink *sink) {
  si_bucket_parts_drop(&sink->parts);
  free(sink->data);
  free(sink);
}

static si_rc check_options(const si_instance *store, si_op *op, const char *key,
                           const si_put_options *options) {
  if (options->size < sizeof *options ||
      (options->flags & ~(uint32_t)(SI_PUT_CREATE_ONLY | SI_PUT_COMMIT))) {
    return si_bucket_refuse(store, op, SI_E_UNSUPPORTED, NULL, key,
                            "the store \"%s\" does not support an option asked for",
                            store->kind->id);
  }
  if (options->content_type && strlen(options->content_type) > 255) {
    return si_bucket_refuse(store, op, SI_E_INVALID, NULL, key, "%s: a content type of %zu bytes",
                            key, strlen(options->content_type));
  }
  if (options->length > store->config.max_object_bytes) {
    return si_bucket_refuse(store, op, SI_E_QUOTA, "/max_object_bytes", key,
                            "%s has %llu bytes; the store takes at most %llu", key,
                            (unsigned long long)options->length,
                            (unsigned long long)store->config.max_object_bytes);
  }
  if ((options->flags & SI_PUT_CREATE_ONLY) && options->length > SINGLE_MAX) {
    return si_bucket_refuse(
        store, op, SI_E_QUOTA, NULL, key,
        "%s has %llu bytes: an object that must not replace another can have at "
        "most %llu, for it is sent in one request",
        key, (unsigned long long)options->length, (unsigned long long)SINGLE_MAX);
  }
  return SI_OK;
}

/* Looks early, so that nothing is sent in vain, also where a store ignores If-None-Match. */
static si_rc check_absent(const si_sink *sink, si_op *op) {
  struct si_bucket_call call;
  struct si_s3_object object;
  struct si_error error;
  si_bucket_call_begin(&call, sink->store, op);
  si_rc status = si_s3_head(sink->store->s3, &call.s3, sink->full, &object, &error);
  if (status == SI_E_NOT_FOUND) {
    return SI_OK;
  }
  return status == SI_OK
             ? si_bucket_refuse(sink->store, op, SI_E_EXISTS, NULL, sink->key,
                                "s3://%s/%s exists already", sink->store->config.bucket, sink->full)
             : si_bucket_fail(sink->store, op, &error, sink->key);
}

/* What is seen to before the first byte is taken. */
static si_rc begin(si_sink *sink, si_op *op) {
  const struct si_bucket_kind *kind = sink->store->kind;
  if (!sink->put.parts) {
    bool look = (sink->flags & SI_PUT_CREATE_ONLY) && !kind->replace;
    return look ? check_absent(sink, op) : SI_OK;
  }
  si_rc status = kind->replace ? kind->replace(&sink->put, op) : SI_OK;
  return status == SI_OK
             ? si_bucket_parts_open(&sink->put, op, sink->content_type, sink->length, &sink->parts)
             : status;
}

si_rc si_bucket_sink_open(si_instance *store, si_op *op, const char *key,
                          const si_put_options *options, si_sink **out) {
  return si_bucket_sink_open_as(store, op, key, options, NULL, 0, out);
}

si_rc si_bucket_sink_open_as(si_instance *store, si_op *op, const char *key,
                             const si_put_options *options, const void *ask, size_t len,
                             si_sink **out) {
  char full[SI_BUCKET_KEY];
  si_rc status = si_bucket_key(store, op, key, full);
  status = status == SI_OK ? check_options(store, op, key, options) : status;
  if (status != SI_OK) {
    return status;
  }
  if (len > SI_BUCKET_ASK_MAX) {
    return SI_E_INTERNAL;
  }
  bool single = options->length <= store->config.part_size || (options->flags & SI_PUT_CREATE_ONLY);
  si_sink *sink = calloc(1, sizeof *sink + strlen(key) + 1);
  if (sink && single) {
    sink->data = malloc(options->length ? (size_t)options->length : 1);
  }
  if (!sink || (single && !sink->data)) {
    free(sink);
    return si_bucket_refuse(store, op, SI_E_NOMEM, NULL, key, "out of memory");
  }
  memcpy(sink->key, key, strlen(key) + 1);
  si_copy(sink->full, sizeof sink->full, full);
  si_copy(sink->content_type, sizeof sink->content_type, options->content_type);
  sink->store = store;
  sink->flags = options->flags;
  sink->length = options->length;
  if (ask) {
    memcpy(sink->ask, ask, len);
  }
  sink->put = (struct si_bucket_put){.store = store,
                                     .key = sink->key,
                                     .full = sink->full,
                                     .flags = options->flags,
                                     .parts = !single,
                                     .ask = ask ? sink->ask : NULL};
  status = begin(sink, op);
  if (status != SI_OK) {
    sink_free(sink);
    return status;
  }
  *out = sink;
  return SI_OK;
}

si_rc si_bucket_sink_write(si_sink *sink, si_op *op, const void *data, size_t len) {
  if (len > sink->length - sink->written) {
    return si_bucket_refuse(sink->store, op, SI_E_INVALID, NULL, sink->key,
                            "more bytes came for %s than the %llu announced", sink->key,
                            (unsigned long long)sink->length);
  }
  if (sink->parts) {
    si_rc status = si_bucket_parts_write(sink->parts, op, data, len);
    if (status != SI_OK) {
      return status;
    }
  } else if (len > 0) {
    memcpy(sink->data + sink->written, data, len);
  }
  sink->written += len;
  return SI_OK;
}

static si_rc put(si_sink *sink, si_op *op, struct si_s3_object *object) {
  const struct si_bucket_kind *kind = sink->store->kind;
  bool create_only = (sink->flags & SI_PUT_CREATE_ONLY) != 0;
  struct si_s3_put put = {.key = sink->full,
                          .data = sink->data,
                          .len = (size_t)sink->length,
                          .content_type = sink->content_type,
                          .create_only = create_only || kind->replace};
  struct si_bucket_call call;
  struct si_error error;
  si_rc status = kind->replace ? kind->replace(&sink->put, op) : SI_OK;
  if (status == SI_OK && kind->ask) {
    status = kind->ask(&sink->put, &put);
  }
  if (status != SI_OK) {
    return status;
  }
  si_bucket_call_begin(&call, sink->store, op);
  status = si_s3_put(sink->store->s3, &call.s3, &put, object, &error);
  if (status == SI_E_EXISTS && kind->replace) {
    status = kind->replace(&sink->put, op);
    if (status != SI_OK) {
      return status;
    }
    put.create_only = create_only;
    status = si_s3_put(sink->store->s3, &call.s3, &put, object, &error);
  }
  return status == SI_OK ? SI_OK : si_bucket_fail(sink->store, op, &error, sink->key);
}

si_rc si_bucket_sink_finish_as(si_sink *sink, si_op *op, void *ctx) {
  const struct si_bucket_kind *kind = sink->store->kind;
  struct si_s3_object object;
  si_rc status = SI_OK;
  if (sink->written != sink->length) {
    status = si_bucket_refuse(sink->store, op, SI_E_INVALID, NULL, sink->key,
                              "%llu bytes came for %s, not the %llu announced",
                              (unsigned long long)sink->written, sink->key,
                              (unsigned long long)sink->length);
  } else {
    status =
        sink->parts ? si_bucket_parts_finish(sink->parts, op, &object) : put(sink, op, &object);
  }
  if (status == SI_OK && kind->stored) {
    status = kind->stored(&sink->put, op, &object, ctx);
  }
  sink_free(sink);
  return status;
}

si_rc si_bucket_sink_finish(si_sink *sink, si_op *op) {
  return si_bucket_sink_finish_as(sink, op, NULL);
}

void si_bucket_sink_abort(si_sink *sink) {
  sink_free(sink);
}
