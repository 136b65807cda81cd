/* SPDX-License-Identifier: Apache-2.0 */
/*
 * si/artifact.h - the ArtifactSink and ArtifactReader ABI, `si.artifact/1` (R46, R74): a store of
 * objects under keys. Depends on si/plugin.h.
 *
 * Keys come from the host alone: `[A-Za-z0-9._-]` components without a leading dot, joined by '/',
 * at most 255 bytes each and 4096 in all. A provider refuses any other key (SI_E_INVALID) and any
 * option it does not support (SI_E_UNSUPPORTED). It is believed for bytes only: the host hashes
 * what it sends and what comes back, and is the one who judges.
 *
 * Of a provider that is SI_THREADS_PARALLEL calls for different objects run at once, on any
 * threads; those on one sink or reader run one after the other. Of any other, one object is written
 * at a time.
 */
#ifndef SI_ARTIFACT_H
#define SI_ARTIFACT_H

#include <si/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct si_sink si_sink;     /* an object being written; the provider's */
typedef struct si_reader si_reader; /* an object being read; the provider's */

enum {
  SI_PUT_CREATE_ONLY = 1u << 0, /* SI_E_EXISTS where the key exists, however close the race */
  /* Every object that this instance finished before is durable before this one can be seen, and
   * this one is durable when finish returns. */
  SI_PUT_COMMIT = 1u << 1
};

/* Capabilities (si_provider.caps). */
enum {
  SI_CAP_ARTIFACT_REMOVE = 1u << 0,
  SI_CAP_ARTIFACT_UNFINISHED = 1u << 1, /* can tell, and discard, what dead writers left */
  SI_CAP_ARTIFACT_RETENTION = 1u << 2   /* has the extension "si.retention/1" (si/retention.h) */
};

typedef struct si_put_options {
  uint32_t size;            /* sizeof(si_put_options) */
  uint32_t flags;           /* SI_PUT_* */
  uint64_t length;          /* bytes that will be written, exactly */
  const char *content_type; /* or NULL */
} si_put_options;

typedef struct si_object_info {
  uint64_t length;     /* bytes */
  int64_t modified_ms; /* Unix time in milliseconds, 0 = unknown; information only */
} si_object_info;

/* What a writer began and never finished: visible under no key, but there. */
typedef struct si_unfinished {
  uint32_t size; /* sizeof(si_unfinished) */
  uint32_t reserved;
  const char *key;    /* of the object, or of the directory it was to stand in */
  const char *id;     /* the store's own name for the attempt */
  uint64_t length;    /* bytes that it holds; UINT64_MAX = unknown */
  int64_t started_ms; /* Unix time in milliseconds */
} si_unfinished;

/* Receives one listed object. A status other than SI_OK ends the listing with it. */
typedef si_rc (*si_list_fn)(void *ctx, const char *key, const si_object_info *info);
typedef si_rc (*si_unfinished_fn)(void *ctx, const si_unfinished *found);

typedef struct si_artifact_vt {
  uint32_t size;
  uint32_t reserved;

  /* --- required --- */

  /* Begins an object. Nothing is visible under the key before sink_finish. Without CREATE_ONLY an
   * object that exists is replaced. */
  si_rc (*sink_open)(si_instance *instance, si_op *op, const char *key,
                     const si_put_options *options, si_sink **out);
  /* Takes all of `len` bytes, or fails. */
  si_rc (*sink_write)(si_sink *sink, si_op *op, const void *data, size_t len);
  /* Makes the object visible and frees the sink, on failure too. Fewer bytes than announced are no
   * object; more are refused here, or by sink_write. */
  si_rc (*sink_finish)(si_sink *sink, si_op *op);
  /* Drops what was written and frees the sink. Never fails. */
  void (*sink_abort)(si_sink *sink);

  /* Reads from `offset` at most `limit` bytes (UINT64_MAX: to the end). An offset at the end or
   * past it reads nothing, or is SI_E_INVALID. */
  si_rc (*reader_open)(si_instance *instance, si_op *op, const char *key, uint64_t offset,
                       uint64_t limit, si_reader **out);
  /* *got bytes, at most `cap`; 0 = the end. Short reads are allowed. */
  si_rc (*reader_read)(si_reader *reader, si_op *op, void *buf, size_t cap, size_t *got);
  void (*reader_close)(si_reader *reader);

  si_rc (*stat)(si_instance *instance, si_op *op, const char *key, si_object_info *out);
  /* Every object whose key begins with `prefix` and a '/', or equals it; order as the store's. */
  si_rc (*list)(si_instance *instance, si_op *op, const char *prefix, void *ctx, si_list_fn each);

  /* --- optional: SI_CAP_ARTIFACT_REMOVE --- */
  si_rc (*remove)(si_instance *instance, si_op *op, const char *key); /* gone is success */

  /* --- optional: SI_CAP_ARTIFACT_UNFINISHED --- */

  /* Every unfinished object under `prefix`, that of writers at work included. */
  si_rc (*unfinished)(si_instance *instance, si_op *op, const char *prefix, void *ctx,
                      si_unfinished_fn each);
  /* Drops one of those; gone is success. A writer that is still at it will fail. */
  si_rc (*discard)(si_instance *instance, si_op *op, const char *key, const char *id);

  /* --- optional --- */

  /* Where people find an object, as a URI ("s3://bucket/prefix/key"; key "" = the store itself),
   * written to `out` with its NUL. It begins with the provider's id and "://". Information only
   * (R52): nothing is ever read by it. SI_E_QUOTA: longer than `cap`. */
  si_rc (*uri)(si_instance *instance, const char *key, char *out, size_t cap);
} si_artifact_vt;

#ifdef __cplusplus
}
#endif
#endif
