/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/secret_make.h - values of generated secrets: random passwords, and JWTs. Depends
 * on kit/base/crypt.h. The buffers are made with SI_SECRET_BUF by the caller.
 */
#ifndef SI_PAAS_LIFECYCLE_SECRET_MAKE_H
#define SI_PAAS_LIFECYCLE_SECRET_MAKE_H

#include "kit/base/json.h"

/* Appends `length` of A-Z a-z 0-9, each as likely as any other. */
si_rc si_secret_password(size_t length, struct si_buf *out) SI_MUST_USE;
/* Appends header.claims.signature, HS256 (RFC 7515), without padding. `expires` ("2036-01-31", the
 * beginning of that day in UTC; or NULL) becomes the claim exp. SI_E_INVALID for another text. */
si_rc si_secret_jwt(const cJSON *claims, const char *expires, const void *key, size_t key_len,
                    struct si_buf *out) SI_MUST_USE;

#endif
