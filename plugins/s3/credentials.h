/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/s3/credentials.h - the credentials that a configuration points to, in locked memory.
 * Depends on plugins/s3/config.h, sdk/kit/base.
 */
#ifndef SI_PLUGINS_S3_CREDENTIALS_H
#define SI_PLUGINS_S3_CREDENTIALS_H

#include "kit/base/locked.h"
#include "plugins/s3/config.h"

/* error->code of a failure that the host recorded itself. */
#define STORE_TOLD "S3_SECRET"

struct store_credentials {
  struct si_locked access_key_id; /* a text */
  struct si_locked secret_access_key;
  struct si_locked session_token; /* or nothing */
};

/* Asks the host, or reads the file, which must be a regular one of ours or root's that nobody else
 * can read. On failure error->target is a JSON pointer into the configuration. */
si_rc store_credentials_get(const struct store_config *config, const si_host_vt *vt, si_op *op,
                            struct store_credentials *out, struct si_error *error) SI_MUST_USE;
void store_credentials_free(struct store_credentials *credentials); /* for SI_AUTO */

#endif
