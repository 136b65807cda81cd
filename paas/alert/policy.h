/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/alert/policy.h - where a context's alerts go: the document "alert-policy" of its state store
 * (docs/alerts.md tells its members). It holds no secret: the key that signs a webhook, and an
 * address that is one, are named there and lie in the vault. Depends on paas/context,
 * paas/state/document.h, paas/redact.
 */
#ifndef SI_PAAS_ALERT_POLICY_H
#define SI_PAAS_ALERT_POLICY_H

#include "paas/context/context.h"
#include "paas/state/document.h"

#define SI_ALERT_LOG "log" /* the channel that is always there: the event stream alone */

struct si_alert_policy {
  cJSON *json; /* whole: every default is filled in; owned */
};
#define SI_ALERT_POLICY \
  { NULL }

/* A channel, as texts of the policy. */
struct si_alert_channel {
  const char *name;
  bool webhook;           /* else the log */
  const char *url;        /* NULL: it lies in the vault */
  const char *url_secret; /* under this key; or NULL */
  const char *secret;     /* the vault's key of what signs */
  const char *ca_file;    /* or NULL */
  bool allow_private;
  bool allow_http_loopback;
  uint32_t timeout_ms;
};

/* Reads a policy strictly. ALERT_POLICY (SI_E_INVALID) with the member as target (a JSON pointer),
 * ALERT_POLICY_SECRET (SI_E_REFUSED) where a credential stands in it; neither quotes what it found.
 */
si_rc si_alert_policy_parse(const char *text, size_t len, struct si_alert_policy *out,
                            struct si_error *error) SI_MUST_USE;
/* The one of a context that has set none: everything goes to the log. */
si_rc si_alert_policy_default(struct si_alert_policy *out, struct si_error *error) SI_MUST_USE;
void si_alert_policy_free(struct si_alert_policy *policy); /* for SI_AUTO */

/* The context's own, or the default; *set (NULL: not asked for) says which. */
si_rc si_alert_policy_load(struct si_state *state, struct si_alert_policy *out, bool *set,
                           struct si_error *error) SI_MUST_USE;
/* Stores it with its audit event. Every webhook's host must be allowed by the context's webhook
 * policy (WEBHOOK_POLICY; that of an address in the vault is judged when it is used) and its keys
 * must be in the vault (SECRET_NOT_FOUND, the vault's codes); a context without webhooks needs no
 * vault. `state` is open for writing. */
si_rc si_alert_policy_store(const struct si_context *context, struct si_state *state,
                            struct si_alert_policy *policy, struct si_error *error) SI_MUST_USE;

/* Which channel a severity goes to. */
const char *si_alert_policy_route(const struct si_alert_policy *policy, const char *severity);
/* False where there is no channel of that name. */
bool si_alert_policy_channel(const struct si_alert_policy *policy, const char *name,
                             struct si_alert_channel *out);
uint64_t si_alert_policy_dedupe_ms(const struct si_alert_policy *policy);

#endif
