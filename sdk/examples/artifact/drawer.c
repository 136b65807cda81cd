/* SPDX-License-Identifier: Apache-2.0 */
/* drawer - an artifact provider: each object is one file of the directory `root`, named after the
 * SHA-256 of its key. No key ever becomes a path, so there is none that could lead elsewhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/hash.h"
#include "kit/base/object.h"
#include "kit/base/path.h"

struct si_instance {
  const si_host_vt *vt;
  int root;
};

/* Where an object is. */
static struct si_object place(si_instance *store, const char *key) {
  struct si_object object = {.vt = store->vt, .dir = store->root, .key = key};
  if (si_sha256_hex(key, strlen(key), object.name) != SI_OK) {
    object.name[0] = '\0';
  }
  return object;
}

static si_rc sink_open(si_instance *store, si_op *op, const char *key,
                       const si_put_options *options, si_sink **out) {
  return si_object_create(place(store, key), op, options, out);
}

static si_rc reader_open(si_instance *store, si_op *op, const char *key, uint64_t offset,
                         uint64_t limit, si_reader **out) {
  return si_object_open(place(store, key), op, offset, limit, out);
}

static si_rc stat_object(si_instance *store, si_op *op, const char *key, si_object_info *out) {
  return si_object_stat(place(store, key), op, out);
}

static si_rc list(si_instance *store, si_op *op, const char *prefix, void *ctx, si_list_fn each) {
  return si_object_list(store->vt, op, store->root, prefix, ctx, each);
}

static si_rc remove_object(si_instance *store, si_op *op, const char *key) {
  return si_object_remove(place(store, key), op);
}

/* Where people find it: the store has no other name than its provider's. */
static si_rc uri(si_instance *store, const char *key, char *out, size_t cap) {
  (void)store;
  int n = snprintf(out, cap, SI_PLUGIN_ID ":///%s", key);
  return n >= 0 && (size_t)n < cap ? SI_OK : SI_E_QUOTA;
}

static si_rc open_store(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                        si_instance **out) {
  static const char *const settings[] = {"root", NULL};
  cJSON *config SI_AUTO(si_json_free) = NULL;
  int root = -1;
  (void)host;
  si_rc status = si_config_read(vt, op, config_json, settings, &config);
  status = status == SI_OK ? si_config_dir(vt, op, config, "root", &root) : status;
  si_instance *store = status == SI_OK ? malloc(sizeof *store) : NULL;
  if (!store) {
    si_close(&root);
    return status == SI_OK ? si_fail(vt, op, SI_E_NOMEM, NULL, "out of memory") : status;
  }
  *store = (si_instance){vt, root};
  *out = store;
  return SI_OK;
}

static void close_store(si_instance *store) {
  si_close(&store->root);
  free(store);
}

static const si_artifact_vt table = {
    .size = sizeof table,
    .sink_open = sink_open,
    .sink_write = si_object_write,
    .sink_finish = si_object_finish,
    .sink_abort = si_object_abort,
    .reader_open = reader_open,
    .reader_read = si_object_read,
    .reader_close = si_object_close,
    .stat = stat_object,
    .list = list,
    .remove = remove_object,
    .uri = uri,
};

SI_PROVIDER(SI_KIND_ARTIFACT, SI_CAP_ARTIFACT_REMOVE, SI_THREADS_PARALLEL, open_store, close_store,
            &table,
            "{\"type\":\"object\",\"properties\":{\"root\":{\"type\":\"string\",\"pattern\":\"^/\","
            "\"description\":\"absolute path of the directory that holds the objects\"}},"
            "\"required\":[\"root\"],\"additionalProperties\":false}");
