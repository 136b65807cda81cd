/* SPDX-License-Identifier: LicenseRef-si-enterprise */
/*
 * plugin.c - the descriptor of the artifact store `worm-s3`, open and close. Depends on worm.h.
 */
#include <stdlib.h>
#include <string.h>

#include "worm.h"

static void close_store(si_instance *store) {
  struct worm *worm = store->mine;
  worm_fresh_end(worm);
  pthread_mutex_destroy(&worm->lock);
  free(worm);
  si_bucket_close(store);
}

static si_rc open_store(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                        si_instance **out) {
  si_instance *store = NULL;
  si_rc status = si_bucket_open(&worm_kind, vt, host, op, config_json, &store);
  if (status != SI_OK) {
    return status;
  }
  struct worm *worm = calloc(1, sizeof *worm);
  if (!worm) {
    si_bucket_close(store);
    return SI_E_NOMEM;
  }
  pthread_mutex_init(&worm->lock, NULL);
  store->mine = worm;
  *out = store;
  return SI_OK;
}

static const si_artifact_vt table = {
    .size = sizeof(si_artifact_vt),
    .sink_open = si_bucket_sink_open,
    .sink_write = si_bucket_sink_write,
    .sink_finish = si_bucket_sink_finish,
    .sink_abort = si_bucket_sink_abort,
    .reader_open = si_bucket_reader_open,
    .reader_read = si_bucket_reader_read,
    .reader_close = si_bucket_reader_close,
    .stat = si_bucket_stat,
    .list = si_bucket_list,
    .remove = worm_remove,
    .unfinished = si_bucket_unfinished,
    .discard = si_bucket_discard,
    .uri = si_bucket_uri,
};

static const si_retention_vt retention = {
    .size = sizeof(si_retention_vt),
    .sink_open = worm_sink_open,
    .sink_finish = worm_sink_finish,
    .lock = worm_lock,
    .read_lock = worm_read_lock,
    .legal_hold = worm_legal_hold,
    .report = worm_report,
};

static const void *extension(const char *id) {
  return strcmp(id, SI_RETENTION_ID) == 0 ? &retention : NULL;
}

static const si_provider provider = {
    .size = sizeof(si_provider),
    .kind = SI_KIND_ARTIFACT,
    .caps = SI_CAP_ARTIFACT_REMOVE | SI_CAP_ARTIFACT_UNFINISHED | SI_CAP_ARTIFACT_RETENTION,
    .threads = SI_THREADS_PARALLEL,
    .id = SI_PLUGIN_ID,
    .schema = si_bucket_schema,
    .needs = SI_PLUGIN_NEEDS,
    .open = open_store,
    .close = close_store,
    .vt = &table,
    .extension = extension,
};

static const si_provider *const providers[] = {&provider, NULL};

static const si_plugin plugin = {
    .magic = SI_ABI_MAGIC,
    .size = sizeof(si_plugin),
    .abi_major = SI_ABI_MAJOR,
    .abi_minor = SI_ABI_MINOR,
    .need_minor = 0,
    .draft = SI_ABI_DRAFT,
    .id = SI_PLUGIN_ID,
    .version = SI_PLUGIN_VERSION,
    .license = SI_PLUGIN_LICENSE,
    .build = __VERSION__,
    .providers = providers,
};

const si_plugin *si_plugin_v1(void) {
  return &plugin;
}
