/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/s3/plugin.c - the descriptor of the artifact store `s3`: all else is the kit's.
 * Depends on kit/bucket.
 */
#include "kit/bucket/store.h"

#ifndef SI_PLUGIN_NEEDS
#define SI_PLUGIN_NEEDS "{}"
#endif
#ifndef SI_PLUGIN_VERSION
#define SI_PLUGIN_VERSION "0"
#endif

static const struct si_bucket_kind kind = {.id = "s3"};

static si_rc open_store(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                        si_instance **out) {
  return si_bucket_open(&kind, vt, host, op, config_json, out);
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
    .remove = si_bucket_remove,
    .unfinished = si_bucket_unfinished,
    .discard = si_bucket_discard,
    .uri = si_bucket_uri,
};

static const si_provider provider = {
    .size = sizeof(si_provider),
    .kind = SI_KIND_ARTIFACT,
    .caps = SI_CAP_ARTIFACT_REMOVE | SI_CAP_ARTIFACT_UNFINISHED,
    .threads = SI_THREADS_PARALLEL,
    .id = "s3",
    .schema = si_bucket_schema,
    .needs = SI_PLUGIN_NEEDS,
    .open = open_store,
    .close = si_bucket_close,
    .vt = &table,
};

static const si_provider *const providers[] = {&provider, NULL};

static const si_plugin plugin = {
    .magic = SI_ABI_MAGIC,
    .size = sizeof(si_plugin),
    .abi_major = SI_ABI_MAJOR,
    .abi_minor = SI_ABI_MINOR,
    .need_minor = 0,
    .draft = SI_ABI_DRAFT,
    .id = "s3",
    .version = SI_PLUGIN_VERSION,
    .license = "Apache-2.0",
    .build = __VERSION__,
    .providers = providers,
};

const si_plugin *si_plugin_v1(void) {
  return &plugin;
}
