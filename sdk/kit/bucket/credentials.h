/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/bucket/credentials.h - the credentials that a configuration points to, in locked memory.
 * Depends on kit/bucket/config.h, kit/base.
 */
#ifndef SI_KIT_BUCKET_CREDENTIALS_H
#define SI_KIT_BUCKET_CREDENTIALS_H

#include "kit/base/locked.h"
#include "kit/bucket/config.h"

#ifdef __cplusplus
extern "C" {
#endif

/* error->code of a failure that the host recorded itself. */
#define SI_BUCKET_TOLD "S3_SECRET"

struct si_bucket_credentials {
  struct si_locked access_key_id; /* a text */
  struct si_locked secret_access_key;
  struct si_locked session_token; /* or nothing */
};

/* Asks the host, or reads the file, which must be a regular one of ours or root's that nobody else
 * can read. On failure error->target is a JSON pointer into the configuration. */
si_rc si_bucket_credentials_get(const struct si_bucket_config *config, const si_host_vt *vt,
                                si_op *op, struct si_bucket_credentials *out,
                                struct si_error *error) SI_MUST_USE;
void si_bucket_credentials_free(struct si_bucket_credentials *credentials); /* for SI_AUTO */

#ifdef __cplusplus
}
#endif
#endif
