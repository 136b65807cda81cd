/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/s3/plugin.c - the descriptor of the artifact store `s3`, open and close. Depends on
 * store.h, sdk/kit.
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/s3/credentials.h"
#include "plugins/s3/store.h"

#ifndef SI_PLUGIN_NEEDS
#define SI_PLUGIN_NEEDS "{}"
#endif
#ifndef SI_PLUGIN_VERSION
#define SI_PLUGIN_VERSION "0"
#endif

static void store_close(si_instance *store) {
  si_s3_close(&store->s3);
  free(store);
}

static si_rc connect_later(si_instance *store, const struct store_credentials *credentials,
                           struct si_error *error) {
  const struct store_config *c = &store->config;
  const struct si_s3_options options = {
      .endpoint = c->endpoint[0] ? c->endpoint : NULL,
      .region = c->region,
      .bucket = c->bucket,
      .access_key_id = (const char *)credentials->access_key_id.data,
      .secret = credentials->secret_access_key.data,
      .secret_len = credentials->secret_access_key.len,
      .token = credentials->session_token.data,
      .token_len = credentials->session_token.len,
      .ca_file = c->ca_file[0] ? c->ca_file : NULL,
      .proxy = c->proxy[0] ? c->proxy : NULL,
      .encryption = c->encryption[0] ? c->encryption : NULL,
      .kms_key_id = c->kms_key_id[0] ? c->kms_key_id : NULL,
      .path_style = c->path_style,
      .allow_http = c->allow_http,
      .connections = (uint32_t)c->connections,
      .max_attempts = (uint32_t)c->max_attempts,
      .connect_timeout_ms = (uint32_t)c->connect_timeout_ms};
  return si_s3_open(&options, &store->s3, error);
}

static si_rc store_open(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                        si_instance **out) {
  struct store_credentials credentials SI_AUTO(store_credentials_free) = {
      {NULL, 0, 0}, {NULL, 0, 0}, {NULL, 0, 0}};
  struct si_error error;
  si_instance *store = calloc(1, sizeof *store);
  if (!store) {
    return SI_E_NOMEM;
  }
  store->vt = vt;
  store->host = host;
  si_rc status = store_config_read(config_json, &store->config, &error);
  if (status == SI_OK) {
    status = store_credentials_get(&store->config, vt, op, &credentials, &error);
  }
  if (status == SI_OK) {
    status = connect_later(store, &credentials, &error);
  }
  if (status != SI_OK) {
    if (strcmp(error.code, STORE_TOLD) != 0) {
      store_refuse(store, op, status, error.target, NULL, "%s", error.message);
    }
    store_close(store);
    return status;
  }
  *out = store;
  return SI_OK;
}

static const si_artifact_vt table = {
    .size = sizeof(si_artifact_vt),
    .sink_open = store_sink_open,
    .sink_write = store_sink_write,
    .sink_finish = store_sink_finish,
    .sink_abort = store_sink_abort,
    .reader_open = store_reader_open,
    .reader_read = store_reader_read,
    .reader_close = store_reader_close,
    .stat = store_stat,
    .list = store_list,
    .remove = store_remove,
    .unfinished = store_unfinished,
    .discard = store_discard,
    .uri = store_uri,
};

static const si_provider provider = {
    .size = sizeof(si_provider),
    .kind = SI_KIND_ARTIFACT,
    .caps = SI_CAP_ARTIFACT_REMOVE | SI_CAP_ARTIFACT_UNFINISHED,
    .threads = SI_THREADS_PARALLEL,
    .id = "s3",
    .schema = store_schema,
    .needs = SI_PLUGIN_NEEDS,
    .open = store_open,
    .close = store_close,
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
