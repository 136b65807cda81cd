/* SPDX-License-Identifier: Apache-2.0 */
/* The policy in the state store, and what it must fit before it gets there. */
#include <string.h>

#include "kit/base/text.h"
#include "paas/alert/hosts.h"
#include "paas/alert/net/url.h"
#include "paas/alert/policy.h"
#include "paas/events/events.h"
#include "paas/vault/vault.h"

#define DOCUMENT "alert-policy"

static void close_vault(struct si_vault **vault) {
  si_vault_close(*vault);
  *vault = NULL;
}

si_rc si_alert_policy_load(struct si_state *state, struct si_alert_policy *out, bool *set,
                           struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_DOCUMENT_MAX);
  struct si_error why;
  bool found = true;
  si_rc status = si_state_document_get(state, DOCUMENT, &text, &why);
  if (status == SI_E_NOT_FOUND && strcmp(why.code, "DOCUMENT_NOT_FOUND") == 0) {
    found = false;
    status = si_alert_policy_default(out, error);
  } else if (status == SI_OK) {
    status = si_alert_policy_parse(si_buf_text(&text), text.len, out, error);
    if (status != SI_OK) {
      si_error_hint(error, "set it anew: si paas alert policy set --file FILE");
    }
  } else if (error) {
    *error = why;
  }
  if (status == SI_OK && set) {
    *set = found;
  }
  return status;
}

/* A key that is not there is not named: what stands in its place may be the secret itself. */
static si_rc check_key(const struct si_context *context, struct si_state *state,
                       struct si_vault **vault, const struct si_alert_channel *channel,
                       const char *member, const char *key, struct si_error *error) {
  si_rc status = *vault ? SI_OK : si_vault_open(context, state, vault, error);
  if (status != SI_OK) {
    return status;
  }
  if (si_vault_revision(*vault, "", key) == 0) {
    si_error_set(error, SI_E_NOT_FOUND, "SECRET_NOT_FOUND",
                 "channel %s: the vault of context %s has no such key as its %s names",
                 channel->name, context->name, member);
    si_error_target(error, NULL, channel->name);
    return si_error_hint(error, "put it there first: si vault set KEY --stdin --context %s",
                         context->name);
  }
  return SI_OK;
}

static si_rc check_host(const struct si_context *context, const struct si_alert_channel *channel,
                        struct si_error *error) {
  struct si_url url;
  if (si_url_parse(channel->url, &url)) {
    return si_error_set(error, SI_E_INTERNAL, "ALERT_POLICY", "an address that was checked");
  }
  return si_webhook_host(context, url.host, error);
}

static si_rc check_channels(const struct si_context *context, struct si_state *state,
                            const struct si_alert_policy *policy, struct si_error *error) {
  struct si_vault *vault SI_AUTO(close_vault) = NULL;
  const cJSON *each;
  si_rc status = SI_OK;
  cJSON_ArrayForEach(each, si_json_get(policy->json, "channels")) {
    struct si_alert_channel channel;
    if (!si_alert_policy_channel(policy, each->string, &channel) || !channel.webhook) {
      continue;
    }
    status = channel.url ? check_host(context, &channel, error)
                         : check_key(context, state, &vault, &channel, "url_secret",
                                     channel.url_secret, error);
    status = status == SI_OK
                 ? check_key(context, state, &vault, &channel, "secret", channel.secret, error)
                 : status;
    if (status != SI_OK) {
      return status;
    }
  }
  return SI_OK;
}

static si_rc stamp(cJSON *policy) {
  char now[SI_TIME_SIZE];
  si_now_text(now);
  cJSON_DeleteItemFromObjectCaseSensitive(policy, "updated_at");
  return cJSON_AddStringToObject(policy, "updated_at", now) ? SI_OK : SI_E_NOMEM;
}

si_rc si_alert_policy_store(const struct si_context *context, struct si_state *state,
                            struct si_alert_policy *policy, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_DOCUMENT_MAX);
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  cJSON *fields SI_AUTO(si_json_free) = NULL;
  si_rc status = check_channels(context, state, policy, error);
  if (status != SI_OK) {
    return status;
  }
  status = stamp(policy->json);
  status = status == SI_OK ? si_json_canonical(policy->json, &text) : status;
  if (status != SI_OK) {
    return si_error_set(error, status, "ALERT_POLICY", "the alert policy is longer than %u bytes",
                        SI_DOCUMENT_MAX);
  }
  fields = cJSON_CreateObject();
  cJSON_AddItemToObject(fields, "policy", cJSON_Duplicate(policy->json, true));
  const struct si_event event = {
      .action = "alert.policy.set", .target = DOCUMENT, .fields = fields};
  status = si_event_record(context, &event, &record);
  if (status != SI_OK) {
    return si_error_set(error, status, "OUT_OF_MEMORY", "no event can be made of the policy");
  }
  const struct si_state_event audit = {"audit", si_buf_text(&record)};
  status = si_state_document_put(state, DOCUMENT, si_buf_text(&text), &audit, error);
  if (status == SI_OK && si_events_flush(context, state, NULL) != SI_OK) {
    /* It is set, and told: the event's line waits in the store. */
  }
  return status;
}
