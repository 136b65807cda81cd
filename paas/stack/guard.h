/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/guard.h - what an operator's policy says of stacks that can be read, and better were
 * not run as they are (docs/stack-guard.md). What could never be run is refused by the reader
 * itself. Pure; depends on kit/base/json.h alone: the policy is a field of a context's config.json.
 *
 *   {"image.tag":"warn","port.public":"refuse","cap.add":"allow"}
 *
 * What it does not name is as by default, which is stricter for contexts of type customer.
 */
#ifndef SI_PAAS_STACK_GUARD_H
#define SI_PAAS_STACK_GUARD_H

#include "kit/base/json.h"

enum si_guard_action { SI_GUARD_ALLOW, SI_GUARD_WARN, SI_GUARD_REFUSE };

struct si_guard_rule {
  const char *id;
  enum si_guard_action usual;
  enum si_guard_action customer;
  const char *about; /* one sentence, no period at its end */
};
extern const struct si_guard_rule si_guard_rules[];
extern const size_t si_guard_rule_count;

#define SI_GUARD_FORM "{\"image.tag\": \"allow\", \"warn\" or \"refuse\", ...}"
/* Is it such a policy, and nothing else? */
bool si_guard_valid(const cJSON *policy);
/* By this policy (NULL: none) in a context of this type (NULL: no context). */
enum si_guard_action si_guard_action(const cJSON *policy, const char *type, const char *rule);
const char *si_guard_action_name(enum si_guard_action action);

/* Judges the findings of a stack (struct si_stack): *told is a list of those that are not allowed,
 * each {"rule","severity":"warn"|"refuse","service","target","message","remediation"}, the
 * caller's. STACK_GUARD (SI_E_REFUSED) names the first that is refused, the others are the lines of
 * its detail; *told is made then, too. */
si_rc si_guard_judge(const cJSON *findings, const cJSON *policy, const char *type, cJSON **told,
                     struct si_error *error) SI_MUST_USE;

#endif
