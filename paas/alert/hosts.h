/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/alert/hosts.h - the webhook policy of a context: to which hosts it may speak at all (R14).
 * config.json's `webhook_policy`: {"mode":"deny"}, or {"mode":"allow","allow":[HOST...]} where a
 * HOST is a name or an address as a URL has it (without port and brackets), or "*.example.org" for
 * every name below example.org (and not itself). Depends on paas/context.
 */
#ifndef SI_PAAS_ALERT_HOSTS_H
#define SI_PAAS_ALERT_HOSTS_H

#include "paas/context/context.h"

/* Does the pattern stand for the host (lower case)? */
bool si_host_matches(const char *pattern, const char *host);

/* SI_OK, or WEBHOOK_POLICY (SI_E_REFUSED; the hint says what to set). A policy that makes no sense
 * allows nothing. */
si_rc si_webhook_host(const struct si_context *context, const char *host,
                      struct si_error *error) SI_MUST_USE;

/* Is the policy as described above? PAAS_CONTEXT_CONFIG (SI_E_CORRUPT). For the doctor: a context
 * that was opened has a policy in order. */
si_rc si_webhook_policy_check(const struct si_context *context, struct si_error *error) SI_MUST_USE;

#endif
