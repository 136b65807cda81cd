/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/alert/hosts.h"

#include <string.h>
#include <strings.h>

enum { HOSTS_MAX = 256 };

static const char *policy_flaw(const cJSON *policy) {
  const cJSON *allow = si_json_get(policy, "allow");
  const char *mode = si_json_str(policy, "mode");
  const cJSON *each;
  if (!mode || (strcmp(mode, "deny") != 0 && strcmp(mode, "allow") != 0)) {
    return "its mode is neither deny nor allow";
  }
  if (allow && (!cJSON_IsArray(allow) || cJSON_GetArraySize(allow) > HOSTS_MAX)) {
    return "allow is no list of at most 256 hosts";
  }
  cJSON_ArrayForEach(each, policy) {
    if (strcmp(each->string, "mode") != 0 && strcmp(each->string, "allow") != 0) {
      return "it has a member beside mode and allow";
    }
  }
  cJSON_ArrayForEach(each, allow) {
    const char *name = cJSON_IsString(each) ? each->valuestring : "";
    const char *rest = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
    /* A pattern that is read otherwise than it was meant would open a door. */
    if (!rest[0] || strlen(rest) > 253 || rest[0] == '.' ||
        rest[strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:")]) {
      return "an entry of allow is neither HOST nor *.DOMAIN (no scheme, port or path)";
    }
  }
  return NULL;
}

si_rc si_webhook_policy_check(const struct si_context *context, struct si_error *error) {
  const char *why = policy_flaw(si_json_get(context->config, "webhook_policy"));
  if (!why) {
    return SI_OK;
  }
  si_error_set(error, SI_E_CORRUPT, "PAAS_CONTEXT_CONFIG", "%s/config.json: webhook_policy: %s",
               context->dir, why);
  si_error_target(error, NULL, "webhook_policy");
  return si_error_hint(error,
                       "set it to {\"mode\":\"deny\"} or {\"mode\":\"allow\",\"allow\":[HOST]}");
}

bool si_host_matches(const char *pattern, const char *host) {
  if (strncmp(pattern, "*.", 2) != 0) {
    return strcasecmp(pattern, host) == 0;
  }
  size_t tail = strlen(pattern + 1), len = strlen(host);
  return len > tail && strcasecmp(host + len - tail, pattern + 1) == 0;
}

static si_rc refuse(const struct si_context *context, const char *host, struct si_error *error) {
  si_error_set(error, SI_E_REFUSED, "WEBHOOK_POLICY",
               "the webhook policy of context %s does not allow the host %s", context->name, host);
  si_error_target(error, NULL, "webhook_policy");
  return si_error_hint(error,
                       "where it should: \"webhook_policy\": {\"mode\": \"allow\", \"allow\": "
                       "[\"%s\"]} in %s/config.json",
                       host, context->dir);
}

si_rc si_webhook_host(const struct si_context *context, const char *host, struct si_error *error) {
  const cJSON *policy = si_json_get(context->config, "webhook_policy");
  const char *mode = si_json_str(policy, "mode");
  const cJSON *each;
  if (!mode || strcmp(mode, "allow") != 0 || policy_flaw(policy)) {
    return refuse(context, host, error);
  }
  cJSON_ArrayForEach(each, si_json_get(policy, "allow")) {
    if (si_host_matches(each->valuestring, host)) {
      return SI_OK;
    }
  }
  return refuse(context, host, error);
}
