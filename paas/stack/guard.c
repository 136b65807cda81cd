/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/guard.h"

#include <string.h>

#include "kit/base/text.h"

const struct si_guard_rule si_guard_rules[] = {
    {"image.tag", SI_GUARD_WARN, SI_GUARD_REFUSE,
     "An image without a tag, or with `latest`: what it is changes behind one's back"},
    {"port.public", SI_GUARD_WARN, SI_GUARD_REFUSE,
     "A port on all addresses of the machine: engines open it past the machine's own firewall"},
    {"cap.add", SI_GUARD_REFUSE, SI_GUARD_REFUSE,
     "A capability beyond those that an engine gives anyway: most are ways to the machine"},
    {"secret.literal", SI_GUARD_WARN, SI_GUARD_REFUSE,
     "What looks like a secret in plain text in a command, a health check or a label"},
};
const size_t si_guard_rule_count = sizeof si_guard_rules / sizeof *si_guard_rules;

static const char *const names[] = {"allow", "warn", "refuse"};

const char *si_guard_action_name(enum si_guard_action action) {
  return names[action];
}

static const struct si_guard_rule *find(const char *id) {
  for (size_t i = 0; id && i < si_guard_rule_count; i++) {
    if (strcmp(si_guard_rules[i].id, id) == 0) {
      return &si_guard_rules[i];
    }
  }
  return NULL;
}

/* The action of that name; -1: it is none. */
static int action_of(const char *name) {
  for (int i = 0; name && i < 3; i++) {
    if (strcmp(names[i], name) == 0) {
      return i;
    }
  }
  return -1;
}

bool si_guard_valid(const cJSON *policy) {
  const cJSON *member = NULL;
  if (!cJSON_IsObject(policy)) {
    return false;
  }
  cJSON_ArrayForEach(member, policy) {
    if (!find(member->string) || action_of(cJSON_GetStringValue(member)) < 0) {
      return false;
    }
  }
  return true;
}

enum si_guard_action si_guard_action(const cJSON *policy, const char *type, const char *rule) {
  const struct si_guard_rule *known = find(rule);
  int said = action_of(si_json_str(policy, rule));
  return said >= 0                               ? (enum si_guard_action)said
         : !known                                ? SI_GUARD_REFUSE
         : type && strcmp(type, "customer") == 0 ? known->customer
                                                 : known->usual;
}

static si_rc refuse(const cJSON *told, struct si_error *error) {
  struct si_buf lines SI_AUTO(si_buf_free) = SI_BUF(65536);
  const cJSON *each, *first = NULL;
  cJSON_ArrayForEach(each, told) {
    if (strcmp(si_json_str(each, "severity"), names[SI_GUARD_REFUSE]) != 0) {
      continue;
    }
    if (!first) {
      first = each;
    } else if (si_buf_printf(&lines, "%s%s", lines.len ? "\n" : "", si_json_str(each, "message")) !=
               SI_OK) {
      break; /* the first is what counts */
    }
  }
  if (!first) {
    return SI_OK;
  }
  si_error_set(error, SI_E_REFUSED, "STACK_GUARD", "%s (rule %s)", si_json_str(first, "message"),
               si_json_str(first, "rule"));
  si_error_target(error, "stack", si_json_str(first, "target"));
  si_error_detail(error, si_buf_text(&lines));
  return si_error_hint(error, "%s", si_json_str(first, "remediation"));
}

si_rc si_guard_judge(const cJSON *findings, const cJSON *policy, const char *type, cJSON **told,
                     struct si_error *error) {
  cJSON *list = cJSON_CreateArray();
  const cJSON *finding;
  *told = list;
  cJSON_ArrayForEach(finding, findings) {
    enum si_guard_action action = si_guard_action(policy, type, si_json_str(finding, "rule"));
    cJSON *copy = action == SI_GUARD_ALLOW ? NULL : cJSON_Duplicate(finding, true);
    if (action != SI_GUARD_ALLOW && (!copy || !cJSON_AddItemToArray(list, copy) ||
                                     !cJSON_AddStringToObject(copy, "severity", names[action]))) {
      return si_error_set(error, SI_E_NOMEM, "STACK_UNREADABLE", "out of memory");
    }
  }
  return refuse(list, error);
}
