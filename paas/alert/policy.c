/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/alert/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/alert/credential.h"
#include "paas/alert/net/url.h"
#include "paas/redact/redact.h"
#include "paas/state/alert.h"

enum { CHANNELS_MAX = 16, TIMEOUT_S = 10, DEDUPE_S = 300, DEDUPE_MAX_S = 7 * 24 * 3600 };

static const char *const severities[] = {"info", "warning", "critical"};

static si_rc wrong(const char *pointer, struct si_error *error, const char *fmt, ...)
    SI_PRINTF(3, 4);
static si_rc wrong(const char *pointer, struct si_error *error, const char *fmt, ...) {
  char why[256];
  va_list args;
  va_start(args, fmt);
  vsnprintf(why, sizeof why, fmt, args);
  va_end(args);
  si_error_set(error, SI_E_INVALID, "ALERT_POLICY", "the alert policy: %s: %s",
               pointer[0] ? pointer : "the document", why);
  si_error_target(error, NULL, pointer);
  return si_error_hint(error, "docs/alerts.md shows a whole policy");
}

static si_rc holds_secret(const char *pointer, const char *why, struct si_error *error) {
  si_error_set(error, SI_E_REFUSED, "ALERT_POLICY_SECRET", "the alert policy: %s: %s", pointer,
               why);
  si_error_target(error, NULL, pointer);
  return si_error_hint(error,
                       "a credential lives in the vault alone: si vault set KEY --stdin, and the "
                       "policy names it: \"secret\": \"KEY\", and for a whole address "
                       "\"url_secret\": \"KEY\"");
}

static si_rc no_memory(struct si_error *error) {
  return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: an alert policy");
}

/* --- members --- */

/* Refuses every member of the object that is none of names[]. */
static si_rc only(const cJSON *object, const char *pointer, const char *const *names, size_t count,
                  struct si_error *error) {
  const cJSON *each;
  char at[320];
  cJSON_ArrayForEach(each, object) {
    bool found = false;
    for (size_t i = 0; i < count; i++) {
      found = found || strcmp(each->string, names[i]) == 0;
    }
    if (found) {
      continue;
    }
    snprintf(at, sizeof at, "%s/%.64s", pointer, each->string);
    if (si_redact_key(each->string)) {
      return holds_secret(at, "this member would hold a credential", error);
    }
    const char *near = si_nearest(each->string, names, count);
    return wrong(at, error, "there is no such member%s%s%s", near ? "; did you mean " : "",
                 near ? near : "", near ? "?" : "");
  }
  return SI_OK;
}

/* Sets the default where there is none; it must be a whole number within the bounds. */
static si_rc number(cJSON *object, const char *pointer, const char *key, int64_t min, int64_t max,
                    int64_t otherwise, struct si_error *error) {
  char at[160];
  if (!si_json_get(object, key)) {
    return cJSON_AddNumberToObject(object, key, (double)otherwise) ? SI_OK : no_memory(error);
  }
  if (si_json_int(object, key, min, max, -1) < min) {
    snprintf(at, sizeof at, "%s/%s", pointer, key);
    return wrong(at, error, "a whole number from %lld to %lld is needed", (long long)min,
                 (long long)max);
  }
  return SI_OK;
}

static si_rc flag(const cJSON *object, const char *pointer, const char *key,
                  struct si_error *error) {
  const cJSON *value = si_json_get(object, key);
  char at[160];
  snprintf(at, sizeof at, "%s/%s", pointer, key);
  return !value || cJSON_IsBool(value) ? SI_OK : wrong(at, error, "true or false is needed");
}

/* --- channels --- */

static si_rc check_url(const cJSON *channel, const char *pointer, struct si_error *error) {
  struct si_url url;
  char at[160];
  const char *text = si_json_str(channel, "url");
  snprintf(at, sizeof at, "%s/url", pointer);
  if (!text) {
    return wrong(at, error,
                 "a webhook needs its address: \"url\": \"https://...\", or \"url_secret\": the "
                 "vault's key of it");
  }
  const char *why = si_url_parse(text, &url);
  if (why && strstr(why, "user")) {
    return holds_secret(at, why, error);
  }
  if (why) {
    return wrong(at, error, "%s", why);
  }
  if (si_url_holds_credential(&url)) {
    return holds_secret(at, "a part of the address looks like a token", error);
  }
  if (!url.tls && !(si_url_loopback(&url) && si_json_bool(channel, "allow_http_loopback", false))) {
    return wrong(at, error,
                 "it is not https (http is for a loopback address alone, with "
                 "allow_http_loopback)");
  }
  return SI_OK;
}

static bool vault_key(const char *key) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  size_t len = strnlen(key, 129);
  return len > 0 && len <= 128 && strspn(key, plain) == len && !(key[0] >= '0' && key[0] <= '9');
}

/* A member that names a key of the vault. */
static si_rc check_key(const cJSON *channel, const char *pointer, const char *member,
                       struct si_error *error) {
  char at[160];
  const char *key = si_json_str(channel, member);
  snprintf(at, sizeof at, "%s/%s", pointer, member);
  if (!key) {
    return wrong(at, error, "the name of a key in the vault is needed");
  }
  return vault_key(key) ? SI_OK
                        : holds_secret(at, "this is no key of the vault (A-Z, 0-9 and _)", error);
}

static si_rc check_address(const cJSON *channel, const char *pointer, struct si_error *error) {
  char at[160];
  if (!si_json_get(channel, "url_secret")) {
    return check_url(channel, pointer, error);
  }
  if (si_json_get(channel, "url")) {
    snprintf(at, sizeof at, "%s/url", pointer);
    return wrong(at, error, "the address is given once: as url, or in the vault (url_secret)");
  }
  return check_key(channel, pointer, "url_secret", error);
}

static si_rc check_webhook(cJSON *channel, const char *pointer, struct si_error *error) {
  static const char *const names[] = {
      "type",    "url",           "url_secret",          "secret",
      "ca_file", "allow_private", "allow_http_loopback", "timeout_seconds"};
  char at[160];
  const cJSON *ca_file = si_json_get(channel, "ca_file");
  si_rc status = only(channel, pointer, names, sizeof names / sizeof *names, error);
  status = status == SI_OK ? flag(channel, pointer, "allow_private", error) : status;
  status = status == SI_OK ? flag(channel, pointer, "allow_http_loopback", error) : status;
  status = status == SI_OK ? check_address(channel, pointer, error) : status;
  status = status == SI_OK ? number(channel, pointer, "timeout_seconds", 1, 60, TIMEOUT_S, error)
                           : status;
  status = status == SI_OK ? check_key(channel, pointer, "secret", error) : status;
  if (status != SI_OK) {
    return status;
  }
  snprintf(at, sizeof at, "%s/ca_file", pointer);
  if (ca_file && (!cJSON_IsString(ca_file) || ca_file->valuestring[0] != '/' ||
                  strlen(ca_file->valuestring) >= SI_PATH_MAX)) {
    return wrong(at, error, "an absolute path is needed");
  }
  return SI_OK;
}

static si_rc check_channel(cJSON *channel, struct si_error *error) {
  static const char *const names[] = {"type"};
  char pointer[96], at[160];
  const char *type = si_json_str(channel, "type");
  snprintf(pointer, sizeof pointer, "/channels/%.63s", channel->string);
  snprintf(at, sizeof at, "%s/type", pointer);
  if (!si_name_valid(channel->string)) {
    return wrong(pointer, error, "a channel's name has a-z, 0-9 and '-', at most 63");
  }
  if (!type || (strcmp(type, "webhook") != 0 && strcmp(type, SI_ALERT_LOG) != 0)) {
    return wrong(at, error, "it is neither webhook nor log");
  }
  bool webhook = strcmp(type, "webhook") == 0;
  if (webhook && strcmp(channel->string, SI_ALERT_LOG) == 0) {
    return wrong(at, error, "the channel log is always the log");
  }
  return webhook ? check_webhook(channel, pointer, error)
                 : only(channel, pointer, names, sizeof names / sizeof *names, error);
}

static si_rc check_channels(cJSON *policy, struct si_error *error) {
  cJSON *channels = cJSON_GetObjectItemCaseSensitive(policy, "channels");
  cJSON *each;
  if (!channels) {
    channels = cJSON_AddObjectToObject(policy, "channels");
  }
  if (!cJSON_IsObject(channels) || cJSON_GetArraySize(channels) > CHANNELS_MAX) {
    return wrong("/channels", error, "an object of at most %d channels is needed", CHANNELS_MAX);
  }
  cJSON_ArrayForEach(each, channels) {
    si_rc status = check_channel(each, error);
    if (status != SI_OK) {
      return status;
    }
  }
  if (!si_json_get(channels, SI_ALERT_LOG)) {
    cJSON *log = cJSON_AddObjectToObject(channels, SI_ALERT_LOG);
    if (!log || !cJSON_AddStringToObject(log, "type", SI_ALERT_LOG)) {
      return no_memory(error);
    }
  }
  return SI_OK;
}

/* --- routes --- */

/* A member that names a channel; `otherwise` where it is absent. */
static si_rc check_route(cJSON *object, const char *pointer, const char *key, const char *otherwise,
                         const cJSON *policy, struct si_error *error) {
  const cJSON *value = si_json_get(object, key);
  char at[160];
  if (!value) {
    return cJSON_AddStringToObject(object, key, otherwise) ? SI_OK : no_memory(error);
  }
  snprintf(at, sizeof at, "%s/%s", pointer, key);
  if (!cJSON_IsString(value) || !si_json_get(si_json_get(policy, "channels"), value->valuestring)) {
    return wrong(at, error, "it names no channel of this policy");
  }
  return SI_OK;
}

static si_rc check_routes(cJSON *policy, struct si_error *error) {
  si_rc status = check_route(policy, "", "default_channel", SI_ALERT_LOG, policy, error);
  cJSON *severity = cJSON_GetObjectItemCaseSensitive(policy, "severity");
  if (status == SI_OK && !severity) {
    severity = cJSON_AddObjectToObject(policy, "severity");
  }
  if (status == SI_OK && !cJSON_IsObject(severity)) {
    return wrong("/severity", error, "an object of info, warning and critical is needed");
  }
  status = status == SI_OK ? only(severity, "/severity", severities, 3, error) : status;
  for (size_t i = 0; status == SI_OK && i < 3; i++) {
    const char *otherwise = si_json_str(policy, "default_channel");
    status = check_route(severity, "/severity", severities[i], otherwise ? otherwise : "", policy,
                         error);
  }
  return status;
}

static si_rc check(cJSON *policy, struct si_error *error) {
  static const char *const names[] = {"default_channel", "severity", "channels", "dedupe_seconds",
                                      "updated_at"};
  if (!cJSON_IsObject(policy)) {
    return wrong("", error, "it is no JSON object");
  }
  si_rc status = only(policy, "", names, sizeof names / sizeof *names, error);
  status = status == SI_OK ? check_channels(policy, error) : status;
  status = status == SI_OK ? check_routes(policy, error) : status;
  return status == SI_OK ? number(policy, "", "dedupe_seconds", 0, DEDUPE_MAX_S, DEDUPE_S, error)
                         : status;
}

/* --- the policy --- */

si_rc si_alert_policy_parse(const char *text, size_t len, struct si_alert_policy *out,
                            struct si_error *error) {
  cJSON *policy SI_AUTO(si_json_free) = NULL;
  struct si_error why;
  si_rc status = si_json_parse(text, len, &policy, &why);
  if (status != SI_OK) {
    return wrong("", error, "%s", why.message);
  }
  status = check(policy, error);
  if (status == SI_OK) {
    out->json = policy;
    policy = NULL;
  }
  return status;
}

si_rc si_alert_policy_default(struct si_alert_policy *out, struct si_error *error) {
  return si_alert_policy_parse("{}", 2, out, error);
}

void si_alert_policy_free(struct si_alert_policy *policy) {
  cJSON_Delete(policy->json);
  policy->json = NULL;
}

const char *si_alert_policy_route(const struct si_alert_policy *policy, const char *severity) {
  const char *route = si_json_str(si_json_get(policy->json, "severity"), severity);
  return route ? route : SI_ALERT_LOG;
}

bool si_alert_policy_channel(const struct si_alert_policy *policy, const char *name,
                             struct si_alert_channel *out) {
  const cJSON *channel = si_json_get(si_json_get(policy->json, "channels"), name);
  const char *type = si_json_str(channel, "type");
  if (!type) {
    return false;
  }
  *out = (struct si_alert_channel){
      .name = channel->string,
      .webhook = strcmp(type, "webhook") == 0,
      .url = si_json_str(channel, "url"),
      .url_secret = si_json_str(channel, "url_secret"),
      .secret = si_json_str(channel, "secret"),
      .ca_file = si_json_str(channel, "ca_file"),
      .allow_private = si_json_bool(channel, "allow_private", false),
      .allow_http_loopback = si_json_bool(channel, "allow_http_loopback", false),
      .timeout_ms = (uint32_t)si_json_int(channel, "timeout_seconds", 1, 60, TIMEOUT_S) * 1000u,
  };
  return true;
}

uint64_t si_alert_policy_dedupe_ms(const struct si_alert_policy *policy) {
  return (uint64_t)si_json_int(policy->json, "dedupe_seconds", 0, DEDUPE_MAX_S, DEDUPE_S) * 1000u;
}
