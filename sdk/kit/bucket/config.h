/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/bucket/config.h - the configuration of an artifact store in a bucket: its schema, and its
 * values, checked. It names secrets, and holds none. Depends on kit/base.
 */
#ifndef SI_KIT_BUCKET_CONFIG_H
#define SI_KIT_BUCKET_CONFIG_H

#include <stdbool.h>

#include "kit/base/path.h"

#ifdef __cplusplus
extern "C" {
#endif

enum si_bucket_source { SI_BUCKET_VAULT, SI_BUCKET_FILE, SI_BUCKET_ENVIRONMENT };

struct si_bucket_config {
  char bucket[64];
  char region[64];
  char prefix[1024];
  char endpoint[512]; /* "": AWS's own for the region */
  char ca_file[4001];
  char proxy[512]; /* "": none */
  char encryption[16];
  char kms_key_id[512];
  char auth[16];
  char access_key_id[160];     /* or "vault:KEY" */
  char secret_access_key[160]; /* "vault:KEY" */
  char session_token[160];     /* "vault:KEY", or "" */
  char auth_file[4001];
  char profile[128];
  bool path_style;
  bool allow_http;
  uint64_t part_size;
  uint64_t max_object_bytes;
  uint64_t connections;
  uint64_t max_attempts;
  uint64_t connect_timeout_ms;
  enum si_bucket_source source;
};

extern const char si_bucket_schema[]; /* JSON Schema */

/* Reads a configuration of the provider `id`. On failure error->target is a JSON pointer to what is
 * wrong. */
si_rc si_bucket_config_read(const char *id, const char *json, struct si_bucket_config *out,
                            struct si_error *error) SI_MUST_USE;

/* The KEY of "vault:KEY", within it; NULL where the value is none such. */
const char *si_bucket_config_reference(const char *value);

#ifdef __cplusplus
}
#endif
#endif
