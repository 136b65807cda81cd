/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/retention/terms.h"

#include "kit/base/text.h"

static const cJSON *policy_of(const struct si_context *context) {
  return context ? si_json_get(context->config, "retention") : NULL;
}

static si_rc write_policy(uint32_t mode, const struct si_retention_rule *rule, struct si_buf *out) {
  cJSON *json SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON *own = cJSON_AddObjectToObject(json, "rule");
  bool done = cJSON_AddStringToObject(json, "mode",
                                      mode == SI_LOCK_COMPLIANCE ? "compliance" : "governance") &&
              cJSON_AddStringToObject(own, "scenario", rule->scenario) &&
              cJSON_AddStringToObject(own, "min", rule->min) &&
              cJSON_AddStringToObject(own, "max", rule->max);
  return done ? si_json_canonical(json, out) : SI_E_NOMEM;
}

static si_rc outside(const struct si_context *context, const struct si_retention_rule *rule,
                     bool below, struct si_error *error) {
  si_error_set(error, SI_E_REFUSED, below ? "RETENTION_BELOW_MIN" : "RETENTION_ABOVE_MAX",
               "the retention policy of context %s has %s locked for %s %s (its rule for %s), and "
               "what is asked for is %s",
               context->name, rule->scenario, below ? "at least" : "at most",
               below ? rule->min : rule->max, rule->scenario, below ? "less" : "more");
  return si_error_hint(error, "ask for %s to %s; the policy: si paas retention show --context %s",
                       rule->min, rule->max, context->name);
}

static si_rc weaker(const struct si_context *context, struct si_error *error) {
  si_error_set(error, SI_E_REFUSED, "RETENTION_MODE",
               "the retention policy of context %s asks for mode compliance, and governance is "
               "less",
               context->name);
  return si_error_hint(error, "leave --lock-mode away");
}

static si_rc no_period(struct si_error *error) {
  si_error_set(error, SI_E_INVALID, "RETENTION_PERIOD",
               "a lock needs an end, and no rule of a retention policy gives it one");
  return si_error_hint(error, "give --retain-for or --retain-until");
}

static si_rc unmade(si_rc status, struct si_error *error) {
  return si_error_set(error, status, "OUT_OF_MEMORY", "out of memory: the terms of a lock");
}

static si_rc reckon(const struct si_context *context, const char *scenario,
                    const struct si_retention_ask *ask, bool extending,
                    struct si_retention_terms *out, struct si_error *error) {
  const cJSON *policy = policy_of(context);
  struct si_retention_rule rule;
  bool ruled = si_retention_rule_for(policy, scenario, &rule);
  bool asked = ask->keep_ms || ask->until_ms;
  if (!ruled && !asked) {
    if (ask->mode != SI_LOCK_NONE) {
      return no_period(error);
    }
    out->locked = ask->held;
    out->lock = (struct si_lock_terms){.held = ask->held};
    return SI_OK;
  }
  uint32_t least = ruled ? si_retention_mode(policy) : SI_LOCK_GOVERNANCE;
  out->locked = true;
  out->lock = (struct si_lock_terms){.mode = ask->mode == SI_LOCK_NONE ? least : ask->mode,
                                     .held = ask->held,
                                     .keep_ms = asked ? ask->keep_ms : rule.min_ms,
                                     .until_ms = ask->until_ms};
  if (!ruled) {
    return SI_OK;
  }
  if (out->lock.mode < least) {
    return weaker(context, error);
  }
  int64_t now = ask->now_ms ? ask->now_ms : si_now_ms();
  int64_t keep = out->lock.keep_ms ? out->lock.keep_ms : ask->until_ms - now;
  if ((keep < rule.min_ms && !extending) || keep > rule.max_ms) {
    return outside(context, &rule, keep < rule.min_ms, error);
  }
  si_rc status = write_policy(si_retention_mode(policy), &rule, &out->policy);
  out->lock.policy = out->policy.data;
  return status == SI_OK ? SI_OK : unmade(status, error);
}

si_rc si_retention_terms(const struct si_context *context, const char *scenario,
                         const struct si_retention_ask *ask, struct si_retention_terms *out,
                         struct si_error *error) {
  return reckon(context, scenario, ask, false, out, error);
}

si_rc si_retention_extend(const struct si_context *context, const char *scenario,
                          const struct si_retention_ask *ask, struct si_retention_terms *out,
                          struct si_error *error) {
  return reckon(context, scenario, ask, true, out, error);
}

void si_retention_terms_free(struct si_retention_terms *terms) {
  si_buf_free(&terms->policy);
}
