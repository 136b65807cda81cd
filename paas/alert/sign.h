/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/alert/sign.h - the signature of a webhook: HMAC-SHA256 with the channel's secret over
 * "<timestamp>.<body>" (docs/alerts.md tells how a receiver checks it). Depends on
 * kit/base/crypt.h. Thread-safe.
 */
#ifndef SI_PAAS_ALERT_SIGN_H
#define SI_PAAS_ALERT_SIGN_H

#include "kit/base/error.h"

#define SI_SIGNATURE_SIZE 72 /* "sha256=", 64 hex digits, NUL */

si_rc si_alert_sign(const void *secret, size_t secret_len, const char *timestamp, const char *body,
                    char to[SI_SIGNATURE_SIZE]) SI_MUST_USE;

#endif
