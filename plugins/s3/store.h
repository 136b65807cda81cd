/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/s3/store.h - what the parts of the artifact store `s3` share: the instance, its keys, its
 * way of failing. An object's key in the bucket is the configured prefix, '/', and the host's key.
 * Depends on si/artifact.h, sdk/kit.
 *
 * Every call blocks, and any number may run at once: the client (kit/net/s3.h) is shared, all else
 * in the instance stays as open left it.
 */
#ifndef SI_PLUGINS_S3_STORE_H
#define SI_PLUGINS_S3_STORE_H

#include <si/artifact.h>

#include "kit/base/provider.h"
#include "kit/net/s3.h"
#include "plugins/s3/config.h"

struct si_instance {
  const si_host_vt *vt;
  si_host *host;
  struct si_s3 *s3;
  struct store_config config;
};

/* --- failing --- */

/* Records why a call fails, with the host's key as subject (or NULL); returns the status. Without
 * an op nothing is recorded. */
si_rc store_fail(const si_instance *store, si_op *op, const struct si_error *error,
                 const char *key);
/* The same in few words. `field`: JSON pointer into the configuration, or NULL. */
si_rc store_refuse(const si_instance *store, si_op *op, si_rc status, const char *field,
                   const char *key, const char *fmt, ...) SI_PRINTF(6, 7);
void store_warn(const si_instance *store, const char *fmt, ...) SI_PRINTF(2, 3);

/* --- calls --- */

/* What bounds the client while `op` lasts. */
struct store_call {
  struct si_s3_call s3;
  const si_instance *store;
  si_op *op;
};
void store_call_begin(struct store_call *call, const si_instance *store, si_op *op);

/* --- keys --- */

#define STORE_KEY (SI_S3_KEY_MAX + 1)

/* The key in the bucket of a host's key. Records the failure where it is none. */
si_rc store_key(const si_instance *store, si_op *op, const char *key,
                char full[STORE_KEY]) SI_MUST_USE;

/* --- the verbs --- */

si_rc store_sink_open(si_instance *store, si_op *op, const char *key, const si_put_options *options,
                      si_sink **out);
si_rc store_sink_write(si_sink *sink, si_op *op, const void *data, size_t len);
si_rc store_sink_finish(si_sink *sink, si_op *op);
void store_sink_abort(si_sink *sink);
si_rc store_reader_open(si_instance *store, si_op *op, const char *key, uint64_t offset,
                        uint64_t limit, si_reader **out);
si_rc store_reader_read(si_reader *reader, si_op *op, void *buf, size_t cap, size_t *got);
void store_reader_close(si_reader *reader);
si_rc store_stat(si_instance *store, si_op *op, const char *key, si_object_info *out);
si_rc store_list(si_instance *store, si_op *op, const char *prefix, void *ctx, si_list_fn each);
si_rc store_remove(si_instance *store, si_op *op, const char *key);
si_rc store_unfinished(si_instance *store, si_op *op, const char *prefix, void *ctx,
                       si_unfinished_fn each);
si_rc store_discard(si_instance *store, si_op *op, const char *key, const char *id);
si_rc store_uri(si_instance *store, const char *key, char *out, size_t cap);

#endif
