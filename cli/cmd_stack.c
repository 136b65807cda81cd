/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas stack ...`: stack files before anything is done with them. Changes no context. */
#include <stdlib.h>
#include <string.h>

#include "cli/stack.h"
#include "kit/base/json.h"

/* --- what is wrong --- */

static cJSON *fault_json(const struct si_error *fault) {
  cJSON *json = cJSON_CreateObject();
  bool ok = json && cJSON_AddStringToObject(json, "code", fault->code) &&
            cJSON_AddStringToObject(json, "target", fault->target) &&
            cJSON_AddStringToObject(json, "message", fault->message) &&
            cJSON_AddStringToObject(json, "remediation", fault->hint);
  if (!ok) {
    cJSON_Delete(json);
    return NULL;
  }
  return json;
}

/* Each with its way out; the error says how many there are. */
static si_rc tell(struct si_invocation *inv, const struct si_faults *faults) {
  cJSON *data = cJSON_CreateObject();
  cJSON *list = cJSON_AddArrayToObject(data, "faults");
  for (size_t i = 0; i < faults->count; i++) {
    const struct si_error *fault = &faults->list[i];
    cJSON *json = fault_json(fault);
    if (!json || !cJSON_AddItemToArray(list, json)) {
      cJSON_Delete(json);
    }
    if (faults->count > 1) {
      si_out_line(inv->out, "%s", fault->message);
      if (fault->hint[0]) {
        si_out_line(inv->out, "  next: %s", fault->hint);
      }
    }
  }
  si_rc status = si_out_result(inv->out, data);
  struct si_error *error = &inv->error;
  if (status == SI_OK && faults->count > 1) {
    struct si_error first = faults->list[0];
    si_error_set(error, SI_E_INVALID, first.code, "%zu errors, the first of them: %s",
                 faults->count, first.message);
    si_error_target(error, first.stage, first.target);
    si_error_hint(error, "%s", first.hint);
  }
  return error->status;
}

static si_rc read(struct si_invocation *inv, struct si_stack *stack, cJSON **document) {
  struct si_faults faults SI_AUTO(si_faults_free) = {.list = NULL};
  si_rc status = si_stack_given(inv, si_opt(inv, "app"), true, stack, &faults);
  if (status != SI_OK) {
    return faults.count ? tell(inv, &faults) : status;
  }
  return si_json_parse(stack->json, stack->len, document, &inv->error);
}

static si_rc no_memory(struct si_invocation *inv) {
  return si_error_set(&inv->error, SI_E_NOMEM, "CLI_MEMORY", "out of memory");
}

static const struct si_option options[] = {
    {"stack", 's', "FILE", "A file of the stack, put over those before it", SI_OPT_REPEAT, NULL},
    {"compose-file", 0, "FILE", NULL, 0, "stack"},
    {"app", 'a', "NAME", "With the add-ons that the app has in the context", 0, NULL},
    SI_STACK_OPTIONS,
    {0},
};

/* --- check --- */

static bool add_names(cJSON *data, const cJSON *document, const char *member) {
  cJSON *list = cJSON_AddArrayToObject(data, member);
  const cJSON *each;
  bool ok = list != NULL;
  cJSON_ArrayForEach(each, si_json_get(document, member)) {
    cJSON *name = cJSON_CreateString(si_json_str(each, "name"));
    if (!ok || !name || !cJSON_AddItemToArray(list, name)) {
      cJSON_Delete(name);
      ok = false;
    }
  }
  return ok;
}

/* By the policy of the context that is named; without one, by what is usual. */
static si_rc guard(struct si_invocation *inv, const struct si_stack *stack, cJSON **told) {
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  if (!inv->context_flag) {
    return si_stack_guarded(inv, NULL, stack, told);
  }
  si_rc status = si_context_open(inv->context, &context, &inv->error);
  return status == SI_OK ? si_stack_guarded(inv, &context, stack, told) : status;
}

static si_rc check(struct si_invocation *inv) {
  struct si_stack stack SI_AUTO(si_stack_free) = {.json = NULL};
  cJSON *document SI_AUTO(si_json_free) = NULL;
  si_rc status = read(inv, &stack, &document);
  if (status != SI_OK) {
    return status;
  }
  cJSON *told = NULL;
  status = guard(inv, &stack, &told);
  cJSON *data = cJSON_CreateObject();
  cJSON_AddItemToObject(data, "findings", told);
  if (status != SI_OK) {
    si_rc shown = si_out_result(inv->out, data);
    return shown == SI_OK ? status : shown;
  }
  bool ok = cJSON_AddStringToObject(data, "sha256", stack.sha256) &&
            add_names(data, document, "services") && add_names(data, document, "volumes") &&
            add_names(data, document, "networks") && add_names(data, document, "secrets");
  if (!ok) {
    cJSON_Delete(data);
    return no_memory(inv);
  }
  static const char *const parts[] = {"services", "volumes", "networks", "secrets"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    struct si_buf names SI_AUTO(si_buf_free) = SI_BUF(65536);
    const cJSON *name;
    cJSON_ArrayForEach(name, si_json_get(data, parts[i])) {
      const char *gap = names.len ? ", " : "";
      if (si_buf_printf(&names, "%s%s", gap, name->valuestring) != SI_OK) {
        break;
      }
    }
    si_out_field(inv->out, parts[i], "%s", names.len ? si_buf_text(&names) : "none");
  }
  si_out_field(inv->out, "spec hash", "%s", stack.sha256);
  return si_out_result(inv->out, data);
}

const struct si_command si_cmd_stack_check = {
    .path = "paas stack check",
    .summary = "Tell all that is wrong with a stack file",
    .text =
        "Several files are one stack: each is put over those before it, by the rules of Compose. "
        "Every error is told with its file and line and what to do about it; exit 2 where there "
        "is one. What the guard refuses is told as well (exit 9): by the policy of the context "
        "that "
        "is named, else by what is usual. Nothing is provisioned, and no context is needed.",
    .params = {{"FILE", SI_PARAM_OPTIONAL | SI_PARAM_MANY, "A Compose file"}},
    .options = options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = check,
};

/* --- show --- */

static si_rc show(struct si_invocation *inv) {
  struct si_stack stack SI_AUTO(si_stack_free) = {.json = NULL};
  cJSON *document SI_AUTO(si_json_free) = NULL;
  si_rc status = read(inv, &stack, &document);
  if (status != SI_OK) {
    return status;
  }
  cJSON *data = cJSON_CreateObject();
  if (!cJSON_AddStringToObject(data, "sha256", stack.sha256) ||
      !cJSON_AddItemToObject(data, "document", document)) {
    cJSON_Delete(data);
    return no_memory(inv);
  }
  document = NULL;
  si_out_text(inv->out, stack.json, stack.len);
  si_out_text(inv->out, "\n", 1);
  return si_out_result(inv->out, data);
}

const struct si_command si_cmd_stack_show = {
    .path = "paas stack show",
    .summary = "Show the one document that a stack file becomes",
    .text =
        "Several files are one stack: each is put over those before it, by the rules of Compose. "
        "The document is `si.stack/1`, canonical JSON: what a provisioner is given, and what the "
        "spec hash is taken of (its bytes without the line's end). Secrets stand in it by name "
        "alone. No context is needed, but with --app.",
    .params = {{"FILE", SI_PARAM_OPTIONAL | SI_PARAM_MANY, "A Compose file"}},
    .options = options,
    .flags = SI_CMD_CONTEXT_MAYBE,
    .run = show,
};
