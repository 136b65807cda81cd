/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas retention ...`: how long a context's evidence is locked. */
#include <fcntl.h>
#include <string.h>

#include "cli/context.h"
#include "cli/grid.h"
#include "kit/base/path.h"
#include "paas/events/events.h"
#include "paas/redact/redact.h"
#include "paas/retention/policy.h"

enum { POLICY_MAX = 65536 };

static cJSON *shown(const cJSON *policy) {
  cJSON *json = policy ? cJSON_Duplicate(policy, true) : cJSON_CreateNull();
  if (json && si_redact_json(json) != SI_OK) {
    cJSON_Delete(json);
    json = NULL;
  }
  return json;
}

static si_rc show_policy(struct si_invocation *inv, const cJSON *policy) {
  struct si_grid table SI_AUTO(si_grid_free) = SI_GRID("SCENARIO", "AT LEAST", "AT MOST");
  const char *provider = NULL;
  const cJSON *config = NULL, *rule = NULL;
  if (!policy) {
    si_out_note(inv->out, "no policy is set: evidence is not locked");
    return si_out_result(inv->out, cJSON_CreateNull());
  }
  si_out_field(inv->out, "mode", "%s", si_json_str(policy, "mode"));
  if (si_retention_replica(policy, &provider, &config)) {
    si_out_field(inv->out, "replica", "%s", provider);
  }
  cJSON_ArrayForEach(rule, si_json_get(policy, "rules")) {
    si_grid_row(&table, si_json_str(rule, "scenario"), si_json_str(rule, "min"),
                si_json_str(rule, "max"));
  }
  si_out_line(inv->out, "%s", "");
  si_grid_print(inv->out, &table);
  return si_out_result(inv->out, shown(policy));
}

static si_rc show(struct si_invocation *inv) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  si_rc status = si_context_open(inv->context, &context, &inv->error);
  return status == SI_OK ? show_policy(inv, si_json_get(context.config, "retention")) : status;
}

static si_rc bad_policy(struct si_invocation *inv, const char *why) {
  si_error_set(&inv->error, SI_E_INVALID, "RETENTION_POLICY", "this is no retention policy: %s",
               why);
  return si_error_hint(&inv->error, "it is " SI_RETENTION_FORM);
}

static si_rc read_policy(struct si_invocation *inv, cJSON **out) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(POLICY_MAX);
  const char *file = si_opt(inv, "file");
  struct si_error why;
  char flaw[200];
  if (!file == !si_opt_flag(inv, "stdin")) {
    return si_usage_error(inv, "give the policy once: with --file or on standard input, --stdin");
  }
  si_rc status = file ? si_read_file(AT_FDCWD, file, &text) : si_read_fd(inv->out->in, &text);
  if (status != SI_OK) {
    return si_error_set(&inv->error, status == SI_E_QUOTA ? SI_E_INVALID : status,
                        "RETENTION_POLICY", "cannot read %s: %s", file ? file : "standard input",
                        si_status_text(status));
  }
  cJSON *policy SI_AUTO(si_json_free) = NULL;
  if (si_json_parse(si_buf_text(&text), text.len, &policy, &why) != SI_OK) {
    return bad_policy(inv, why.message);
  }
  if (!si_retention_valid(policy, flaw, sizeof flaw)) {
    return bad_policy(inv, flaw);
  }
  *out = policy;
  policy = NULL;
  return SI_OK;
}

static void close_state(struct si_state **state) {
  si_state_close(*state);
  *state = NULL;
}

/* What asks for less than before is worth a warning in the chain. */
static si_rc tell(struct si_invocation *inv, const struct si_context *context, const char *action,
                  const cJSON *before, const cJSON *after) {
  struct si_state *state SI_AUTO(close_state) = NULL;
  cJSON *fields = si_about(inv);
  cJSON_AddItemToObject(fields, "before", shown(before));
  cJSON_AddItemToObject(fields, "after", shown(after));
  const struct si_event event = {.action = action,
                                 .severity = si_retention_weaker(before, after) ? "warning" : NULL,
                                 .target = context->name,
                                 .fields = fields};
  si_rc status = si_state_open(context->dir, context->id, SI_STATE_WRITE, &state, &inv->error);
  return status == SI_OK ? si_events_append(context, state, &event, &inv->error) : status;
}

static si_rc put(struct si_invocation *inv, const char *action, const cJSON *policy) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  cJSON *before SI_AUTO(si_json_free) = NULL;
  const char *provider = NULL;
  const cJSON *config = NULL;
  si_rc status = si_context_open(inv->context, &context, &inv->error);
  if (status == SI_OK && si_retention_replica(policy, &provider, &config) &&
      !si_context_unsafe(&context)) {
    status = si_context_guard_provider(config, &inv->error);
  }
  status = status == SI_OK
               ? si_context_setting_put(&context, "retention", policy, &before, &inv->error)
               : status;
  return status == SI_OK ? tell(inv, &context, action, before, policy) : status;
}

static si_rc set(struct si_invocation *inv) {
  cJSON *policy SI_AUTO(si_json_free) = NULL;
  si_rc status = read_policy(inv, &policy);
  status = status == SI_OK ? put(inv, "retention.set", policy) : status;
  return status == SI_OK ? show_policy(inv, policy) : status;
}

static si_rc clear(struct si_invocation *inv) {
  si_rc status = put(inv, "retention.clear", NULL);
  return status == SI_OK ? show_policy(inv, NULL) : status;
}

const struct si_command si_cmd_retention_show = {
    .path = "paas retention show",
    .summary = "Show how long the context's evidence is locked",
    .flags = SI_CMD_CONTEXT,
    .run = show,
};

static const struct si_option set_options[] = {
    {"file", 'f', "FILE", "The policy, a JSON document", 0, NULL},
    {"stdin", 0, NULL, "Read it from standard input", 0, NULL},
    {0},
};

const struct si_command si_cmd_retention_set = {
    .path = "paas retention set",
    .summary = "Say how long the context's evidence is locked",
    .text =
        "The policy replaces the one before, for what is stored from now on; what is locked stays "
        "so. The first rule whose scenario fits holds: locked for its min unless more is asked "
        "for, never for more than its max. Evidence that the audit sink cannot lock stays pending.",
    .options = set_options,
    .flags = SI_CMD_MUTATING,
    .run = set,
};

const struct si_command si_cmd_retention_clear = {
    .path = "paas retention clear",
    .summary = "Lock the context's evidence no more; what is locked stays so",
    .flags = SI_CMD_MUTATING,
    .run = clear,
};
