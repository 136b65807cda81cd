/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/bucket/store.h - an artifact store in a bucket: all that a provider of si.artifact/1 on S3
 * does, but its name. What a provider does differently stands in a table (struct si_bucket_kind)
 * that it is opened with. An object's key in the bucket is the configured prefix, '/', and the
 * host's key. Depends on si/artifact.h, kit/base, kit/net.
 *
 * Every call blocks, and any number may run at once: the client (kit/net/s3.h) is shared, all else
 * in the instance stays as open left it.
 */
#ifndef SI_KIT_BUCKET_STORE_H
#define SI_KIT_BUCKET_STORE_H

#include <si/artifact.h>

#include "kit/base/provider.h"
#include "kit/bucket/config.h"
#include "kit/net/s3.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SI_BUCKET_KEY (SI_S3_KEY_MAX + 1)
#define SI_BUCKET_ASK_MAX 512 /* bytes of what a kind keeps with an object that is written */

/* An object that is being written, as a kind's functions see it. */
struct si_bucket_put {
  si_instance *store;
  const char *key;  /* the host's */
  const char *full; /* the bucket's */
  uint32_t flags;   /* SI_PUT_* */
  bool parts;       /* sent in parts: no store has those create-only */
  void *ask;        /* a copy of what sink_open_as was given; NULL: an ordinary object */
};

/* A provider on this kit. Any function may be NULL: then nothing is done. A failure is recorded by
 * the function (si_bucket_fail, si_bucket_refuse). */
struct si_bucket_kind {
  const char *id; /* the provider's: begins its URIs, stands in messages */

  /* Adds to the request that stores the object, or begins its upload: further headers, with_md5.
   * What it points to must live as long as put->ask. */
  si_rc (*ask)(const struct si_bucket_put *put, struct si_s3_put *request);
  /* May an object be stored under the key: is there none, or one that may be written over? Asked
   * before anything is sent: of an object in parts before its upload begins, of any other before
   * its PUT, in sink_finish; and where the store then says that the key exists: every PUT is
   * create-only first, then, without SI_PUT_CREATE_ONLY, sent once more. With SI_PUT_CREATE_ONLY
   * the function says SI_E_EXISTS. */
  si_rc (*replace)(const struct si_bucket_put *put, si_op *op);
  /* The object is stored, with what the reply said of it; `ctx` is si_bucket_sink_finish_as's. A
   * failure is sink_finish's; what becomes of the object then is the function's to see to. */
  si_rc (*stored)(const struct si_bucket_put *put, si_op *op, const struct si_s3_object *object,
                  void *ctx);
};

struct si_instance {
  const si_host_vt *vt;
  si_host *host;
  struct si_s3 *s3;
  const struct si_bucket_kind *kind;
  void *mine; /* the provider's own; NULL after si_bucket_open */
  struct si_bucket_config config;
};

/* --- life: si_provider.open without its first argument, and close --- */

si_rc si_bucket_open(const struct si_bucket_kind *kind, const si_host_vt *vt, si_host *host,
                     si_op *op, const char *config_json, si_instance **out) SI_MUST_USE;
void si_bucket_close(si_instance *store);

/* --- failing --- */

/* Records why a call fails, with the host's key as subject (or NULL); returns the status. Without
 * an op nothing is recorded. */
si_rc si_bucket_fail(const si_instance *store, si_op *op, const struct si_error *error,
                     const char *key);
/* The same in few words. `field`: JSON pointer into the configuration, or NULL. */
si_rc si_bucket_refuse(const si_instance *store, si_op *op, si_rc status, const char *field,
                       const char *key, const char *fmt, ...) SI_PRINTF(6, 7);
void si_bucket_warn(const si_instance *store, const char *fmt, ...) SI_PRINTF(2, 3);

/* --- calls --- */

/* What bounds the client while `op` lasts. */
struct si_bucket_call {
  struct si_s3_call s3;
  const si_instance *store;
  si_op *op;
};
void si_bucket_call_begin(struct si_bucket_call *call, const si_instance *store, si_op *op);

/* --- keys --- */

/* The key in the bucket of a host's key. Records the failure where it is none. */
si_rc si_bucket_key(const si_instance *store, si_op *op, const char *key,
                    char full[SI_BUCKET_KEY]) SI_MUST_USE;
/* The host's key of one in the bucket: within it. NULL where it is none that si would give. */
const char *si_bucket_own_key(const si_instance *store, const char *full);

/* --- the verbs of si_artifact_vt --- */

si_rc si_bucket_sink_open(si_instance *store, si_op *op, const char *key,
                          const si_put_options *options, si_sink **out);
/* The same with `len` bytes (at most SI_BUCKET_ASK_MAX) for the kind's functions, copied. */
si_rc si_bucket_sink_open_as(si_instance *store, si_op *op, const char *key,
                             const si_put_options *options, const void *ask, size_t len,
                             si_sink **out);
si_rc si_bucket_sink_write(si_sink *sink, si_op *op, const void *data, size_t len);
si_rc si_bucket_sink_finish(si_sink *sink, si_op *op);
si_rc si_bucket_sink_finish_as(si_sink *sink, si_op *op, void *ctx);
void si_bucket_sink_abort(si_sink *sink);
si_rc si_bucket_reader_open(si_instance *store, si_op *op, const char *key, uint64_t offset,
                            uint64_t limit, si_reader **out);
si_rc si_bucket_reader_read(si_reader *reader, si_op *op, void *buf, size_t cap, size_t *got);
void si_bucket_reader_close(si_reader *reader);
si_rc si_bucket_stat(si_instance *store, si_op *op, const char *key, si_object_info *out);
si_rc si_bucket_list(si_instance *store, si_op *op, const char *prefix, void *ctx, si_list_fn each);
si_rc si_bucket_remove(si_instance *store, si_op *op, const char *key);
si_rc si_bucket_unfinished(si_instance *store, si_op *op, const char *prefix, void *ctx,
                           si_unfinished_fn each);
si_rc si_bucket_discard(si_instance *store, si_op *op, const char *key, const char *id);
si_rc si_bucket_uri(si_instance *store, const char *key, char *out, size_t cap);

#ifdef __cplusplus
}
#endif
#endif
