/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/bucket/open.c - an instance of the store: its configuration, its credentials, its client.
 * Depends on store.h, credentials.h.
 */
#include <stdlib.h>
#include <string.h>

#include "kit/bucket/credentials.h"
#include "kit/bucket/store.h"

void si_bucket_close(si_instance *store) {
  si_s3_close(&store->s3);
  free(store);
}

static si_rc connect_later(si_instance *store, const struct si_bucket_credentials *credentials,
                           struct si_error *error) {
  const struct si_bucket_config *c = &store->config;
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

si_rc si_bucket_open(const struct si_bucket_kind *kind, const si_host_vt *vt, si_host *host,
                     si_op *op, const char *config_json, si_instance **out) {
  struct si_bucket_credentials credentials SI_AUTO(si_bucket_credentials_free) = {
      {NULL, 0, 0}, {NULL, 0, 0}, {NULL, 0, 0}};
  struct si_error error;
  si_instance *store = calloc(1, sizeof *store);
  if (!store) {
    return SI_E_NOMEM;
  }
  store->vt = vt;
  store->host = host;
  store->kind = kind;
  si_rc status = si_bucket_config_read(kind->id, config_json, &store->config, &error);
  if (status == SI_OK) {
    status = si_bucket_credentials_get(&store->config, vt, op, &credentials, &error);
  }
  if (status == SI_OK) {
    status = connect_later(store, &credentials, &error);
  }
  if (status != SI_OK) {
    if (strcmp(error.code, SI_BUCKET_TOLD) != 0) {
      si_bucket_refuse(store, op, status, error.target, NULL, "%s", error.message);
    }
    si_bucket_close(store);
    return status;
  }
  *out = store;
  return SI_OK;
}
