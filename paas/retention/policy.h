/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/retention/policy.h - how long a context's evidence is locked: the field "retention" of its
 * config.json (R54, R55). Depends on sdk/kit/base alone.
 *
 *   {"mode":"governance"|"compliance",
 *    "rules":[{"scenario":"op.*"|"*"|exact,"min":"30d","max":"3650d"},...],
 *    "replica"?:{"provider":NAME,"config":{}}}
 *
 * The first rule whose scenario fits is the one that holds: what it covers is locked for `min` at
 * least and, unless more is asked for, for just that; never for more than `max`. What no rule
 * covers is not locked. A scenario that ends with '*' fits what begins so. Durations are those of
 * si_parse_span_ms.
 */
#ifndef SI_PAAS_RETENTION_POLICY_H
#define SI_PAAS_RETENTION_POLICY_H

#include "kit/base/json.h"

#define SI_RETENTION_RULES_MAX 64
#define SI_RETENTION_FORM                                                              \
  "{\"mode\": \"governance\" or \"compliance\", \"rules\": [{\"scenario\": \"op.*\", " \
  "\"min\": \"30d\", \"max\": \"3650d\"}]}"

/* Is it such a policy, and nothing else? Else why[] says what of it is wrong, as the end of a
 * sentence that begins with its name: "rules[1]: max is less than min". */
bool si_retention_valid(const cJSON *policy, char *why, size_t size);

/* A rule of a valid policy. The texts are the policy's. */
struct si_retention_rule {
  const char *scenario;
  const char *min; /* as they were written */
  const char *max;
  int64_t min_ms;
  int64_t max_ms;
};

/* The rule that holds for a scenario; false where there is none, or no policy (NULL). */
bool si_retention_rule_for(const cJSON *policy, const char *scenario,
                           struct si_retention_rule *rule);

/* SI_LOCK_GOVERNANCE or SI_LOCK_COMPLIANCE. */
uint32_t si_retention_mode(const cJSON *policy);

/* The store that evidence is copied to, as well; false where the policy names none. *config is the
 * policy's. */
bool si_retention_replica(const cJSON *policy, const char **provider, const cJSON **config);

/* Does `to` ask for less than `from` (either may be NULL: no locks)? A weaker mode, a rule that is
 * gone or has a shorter min, no replica any more. */
bool si_retention_weaker(const cJSON *from, const cJSON *to);

#endif
