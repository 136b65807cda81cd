/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas stack policy ...`: what a context's guard says of stacks. */
#include <string.h>

#include "cli/grid.h"
#include "cli/scope.h"
#include "paas/events/events.h"
#include "paas/stack/guard.h"

static si_rc show_policy(struct si_invocation *inv, const struct si_context *context,
                         const cJSON *policy) {
  struct si_grid table SI_AUTO(si_grid_free) = SI_GRID("RULE", "ACTION", "SAID BY", "WHAT");
  cJSON *data = cJSON_CreateObject();
  for (size_t i = 0; i < si_guard_rule_count; i++) {
    const struct si_guard_rule *rule = &si_guard_rules[i];
    const char *action = si_guard_action_name(si_guard_action(policy, context->type, rule->id));
    cJSON_AddStringToObject(data, rule->id, action);
    si_grid_row(&table, rule->id, action, si_json_get(policy, rule->id) ? "policy" : "default",
                rule->about);
  }
  si_grid_print(inv->out, &table);
  return si_out_result(inv->out, data);
}

static si_rc show(struct si_invocation *inv) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  si_rc status = si_context_open(inv->context, &context, &inv->error);
  return status == SI_OK ? show_policy(inv, &context, si_json_get(context.config, "stack_guard"))
                         : status;
}

static void close_state(struct si_state **state) {
  si_state_close(*state);
  *state = NULL;
}

/* Does some rule ask for less than before? */
static bool is_weaker(const struct si_context *context, const cJSON *before, const cJSON *after) {
  bool weaker = false;
  for (size_t i = 0; i < si_guard_rule_count; i++) {
    const char *id = si_guard_rules[i].id;
    weaker = weaker ||
             si_guard_action(after, context->type, id) < si_guard_action(before, context->type, id);
  }
  return weaker;
}

static cJSON *copy_of(const cJSON *policy) {
  return policy ? cJSON_Duplicate(policy, true) : cJSON_CreateNull();
}

static si_rc put(struct si_invocation *inv, const struct si_context *context, const char *action,
                 const cJSON *policy) {
  struct si_state *state SI_AUTO(close_state) = NULL;
  cJSON *before SI_AUTO(si_json_free) = NULL;
  cJSON *fields = si_about(inv);
  si_rc status = si_context_setting_put(context, "stack_guard", policy, &before, &inv->error);
  if (status != SI_OK) {
    return status;
  }
  cJSON_AddItemToObject(fields, "before", copy_of(before));
  cJSON_AddItemToObject(fields, "after", copy_of(policy));
  const struct si_event event = {.action = action,
                                 .severity = is_weaker(context, before, policy) ? "warning" : NULL,
                                 .target = context->name,
                                 .fields = fields};
  status = si_state_open(context->dir, context->id, SI_STATE_WRITE, &state, &inv->error);
  status = status == SI_OK ? si_events_append(context, state, &event, &inv->error) : status;
  return status == SI_OK ? show_policy(inv, context, policy) : status;
}

/* RULE=ACTION ... over what is set. */
static si_rc take_rules(struct si_invocation *inv, cJSON *policy) {
  for (size_t i = 0; i < si_arg_count(inv); i++) {
    const char *given = si_arg(inv, i);
    const char *equals = strchr(given, '=');
    char rule[64] = "";
    if (equals && (size_t)(equals - given) < sizeof rule) {
      memcpy(rule, given, (size_t)(equals - given));
    }
    cJSON_DeleteItemFromObjectCaseSensitive(policy, rule);
    if (!rule[0] || !cJSON_AddStringToObject(policy, rule, equals + 1) || !si_guard_valid(policy)) {
      si_error_set(&inv->error, SI_E_INVALID, "STACK_POLICY", "\"%.80s\" is no rule and its action",
                   given);
      return si_error_hint(&inv->error,
                           "write RULE=allow, RULE=warn or RULE=refuse; the rules: si paas stack "
                           "policy show --context %s",
                           inv->context);
    }
  }
  return SI_OK;
}

static si_rc set(struct si_invocation *inv) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  si_rc status = si_context_open(inv->context, &context, &inv->error);
  if (status != SI_OK) {
    return status;
  }
  const cJSON *now = si_json_get(context.config, "stack_guard");
  cJSON *policy SI_AUTO(si_json_free) = now ? cJSON_Duplicate(now, true) : cJSON_CreateObject();
  status = take_rules(inv, policy);
  return status == SI_OK ? put(inv, &context, "stack.policy.set", policy) : status;
}

static si_rc clear(struct si_invocation *inv) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  si_rc status = si_context_open(inv->context, &context, &inv->error);
  return status == SI_OK ? put(inv, &context, "stack.policy.clear", NULL) : status;
}

const struct si_command si_cmd_stack_policy_show = {
    .path = "paas stack policy show",
    .summary = "Show what a context's guard says of stacks",
    .flags = SI_CMD_CONTEXT,
    .run = show,
};

const struct si_command si_cmd_stack_policy_set = {
    .path = "paas stack policy set",
    .summary = "Say what of a stack is allowed, warned of or refused",
    .text =
        "For stacks that are provisioned or deployed from now on. Rules that are not named stay as "
        "they are. Who asks for less than before leaves a warning in the audit chain.",
    .params = {{"RULE=ACTION", SI_PARAM_MANY, "A rule (image.tag ...); allow, warn or refuse"}},
    .flags = SI_CMD_MUTATING,
    .run = set,
};

const struct si_command si_cmd_stack_policy_clear = {
    .path = "paas stack policy clear",
    .summary = "Go back to the defaults of the guard",
    .flags = SI_CMD_MUTATING,
    .run = clear,
};
