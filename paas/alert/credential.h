/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/alert/credential.h - does an address carry what lets its holder in? Such a one belongs into
 * the vault. Private to paas/alert. Depends on paas/alert/net/url.h, paas/redact.
 */
#ifndef SI_PAAS_ALERT_CREDENTIAL_H
#define SI_PAAS_ALERT_CREDENTIAL_H

#include "paas/alert/net/url.h"

/* Does a part of its path or query look like a token, or is it named like one? */
bool si_url_holds_credential(const struct si_url *url);

#endif
