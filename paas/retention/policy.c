/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/retention/policy.h"

#include <si/retention.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"

/* --- is it one? --- */

static bool wrong(char *why, size_t size, const char *fmt, ...) SI_PRINTF(3, 4);
static bool wrong(char *why, size_t size, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(why, size, fmt, args);
  va_end(args);
  return false;
}

static bool only(const cJSON *object, const char *const *names, const char **odd) {
  const cJSON *member = NULL;
  cJSON_ArrayForEach(member, object) {
    size_t i = 0;
    while (names[i] && strcmp(names[i], member->string) != 0) {
      i++;
    }
    if (!names[i]) {
      *odd = member->string;
      return false;
    }
  }
  return true;
}

/* An exact scenario, the beginning of one and '*', or "*". */
static bool scenario_valid(const char *text) {
  size_t len = text ? strlen(text) : 0;
  size_t plain = len - (len && text[len - 1] == '*');
  return len && (plain == 0 || si_component_valid(text, plain));
}

static bool span(const cJSON *rule, const char *name, int64_t *ms) {
  const char *text = si_json_str(rule, name);
  uint64_t value = 0;
  bool well = text && si_parse_span_ms(text, &value) == SI_OK;
  *ms = (int64_t)value;
  return well;
}

static bool rule_valid(const cJSON *rule, int at, char *why, size_t size) {
  static const char *const names[] = {"scenario", "min", "max", NULL};
  const char *odd = NULL;
  int64_t min, max;
  if (!cJSON_IsObject(rule) || !only(rule, names, &odd)) {
    return wrong(why, size, "rules[%d] has %s%.60s", at, odd ? "a member " : "no members",
                 odd ? odd : "");
  }
  if (!scenario_valid(si_json_str(rule, "scenario"))) {
    return wrong(why, size,
                 "rules[%d].scenario is neither a scenario, nor the beginning of one and *", at);
  }
  if (!span(rule, "min", &min)) {
    return wrong(why, size, "rules[%d].min is no duration: write 30d, 36h, 90m or 30s", at);
  }
  if (!span(rule, "max", &max)) {
    return wrong(why, size, "rules[%d].max is no duration: write 3650d, 36h, 90m or 30s", at);
  }
  return min <= max ? true : wrong(why, size, "rules[%d]: max is less than min", at);
}

static bool replica_valid(const cJSON *replica) {
  return cJSON_IsObject(replica) && cJSON_GetArraySize(replica) == 2 &&
         si_name_valid(si_json_str(replica, "provider")) &&
         cJSON_IsObject(si_json_get(replica, "config"));
}

bool si_retention_valid(const cJSON *policy, char *why, size_t size) {
  static const char *const names[] = {"mode", "rules", "replica", NULL};
  const cJSON *rules = si_json_get(policy, "rules");
  const cJSON *replica = si_json_get(policy, "replica");
  const cJSON *rule = NULL;
  const char *odd = NULL;
  int at = 0;
  if (!cJSON_IsObject(policy)) {
    return wrong(why, size, "it is no JSON object");
  }
  if (!only(policy, names, &odd)) {
    return wrong(why, size, "it has a member \"%.60s\", which means nothing", odd);
  }
  if (si_retention_mode(policy) == SI_LOCK_NONE) {
    return wrong(why, size, "mode is neither \"governance\" nor \"compliance\"");
  }
  if (!cJSON_IsArray(rules) || !rules->child ||
      cJSON_GetArraySize(rules) > SI_RETENTION_RULES_MAX) {
    return wrong(why, size, "rules is no list of 1 to %d rules", SI_RETENTION_RULES_MAX);
  }
  cJSON_ArrayForEach(rule, rules) {
    if (!rule_valid(rule, at++, why, size)) {
      return false;
    }
  }
  return !replica || replica_valid(replica)
             ? true
             : wrong(why, size, "replica is not {\"provider\": NAME, \"config\": {}}");
}

/* --- what it says --- */

static bool fits(const char *pattern, const char *scenario) {
  size_t len = strlen(pattern);
  return pattern[len - 1] == '*' ? strncmp(pattern, scenario, len - 1) == 0
                                 : strcmp(pattern, scenario) == 0;
}

bool si_retention_rule_for(const cJSON *policy, const char *scenario,
                           struct si_retention_rule *rule) {
  const cJSON *each = NULL;
  cJSON_ArrayForEach(each, si_json_get(policy, "rules")) {
    const char *pattern = si_json_str(each, "scenario");
    if (pattern && fits(pattern, scenario)) {
      *rule = (struct si_retention_rule){
          .scenario = pattern, .min = si_json_str(each, "min"), .max = si_json_str(each, "max")};
      return span(each, "min", &rule->min_ms) && span(each, "max", &rule->max_ms);
    }
  }
  return false;
}

uint32_t si_retention_mode(const cJSON *policy) {
  const char *mode = si_json_str(policy, "mode");
  return !mode                             ? SI_LOCK_NONE
         : strcmp(mode, "compliance") == 0 ? SI_LOCK_COMPLIANCE
         : strcmp(mode, "governance") == 0 ? SI_LOCK_GOVERNANCE
                                           : SI_LOCK_NONE;
}

bool si_retention_replica(const cJSON *policy, const char **provider, const cJSON **config) {
  const cJSON *replica = si_json_get(policy, "replica");
  *provider = si_json_str(replica, "provider");
  *config = si_json_get(replica, "config");
  return *provider && *config;
}

bool si_retention_weaker(const cJSON *from, const cJSON *to) {
  const cJSON *each = NULL;
  if (si_retention_mode(to) < si_retention_mode(from) ||
      (si_json_get(from, "replica") && !si_json_get(to, "replica"))) {
    return true;
  }
  cJSON_ArrayForEach(each, si_json_get(from, "rules")) {
    struct si_retention_rule now;
    const char *scenario = si_json_str(each, "scenario");
    int64_t min;
    if (!span(each, "min", &min) || !si_retention_rule_for(to, scenario, &now) ||
        now.min_ms < min) {
      return true;
    }
  }
  return false;
}
