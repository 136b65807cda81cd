/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas plan`: what a deploy would change. */
#include <fcntl.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/releases.h"
#include "cli/stack.h"
#include "kit/base/path.h"
#include "paas/context/transfer.h"
#include "paas/lifecycle/plan.h"
#include "paas/target/target.h"

enum { PLAN_MAX = 8 << 20 };

static void add_rows(struct si_grid *table, const cJSON *plan, const char *what, const char *kind) {
  const cJSON *each, *member;
  cJSON_ArrayForEach(each, si_json_get(plan, what)) {
    struct si_buf members SI_AUTO(si_buf_free) = SI_BUF(65536);
    const char *state = si_json_str(each, "state");
    cJSON_ArrayForEach(member, si_json_get(each, "members")) {
      if (si_buf_printf(&members, "%s%s", members.len ? ", " : "", member->valuestring) != SI_OK) {
        break;
      }
    }
    si_grid_row(table, kind, si_json_str(each, "name"), si_json_str(each, "change"), state,
                si_buf_text(&members));
  }
}

static si_rc print(struct si_invocation *inv, cJSON *plan) {
  struct si_grid table SI_AUTO(si_grid_free) = SI_GRID("WHAT", "NAME", "CHANGE", "NOW", "MEMBERS");
  size_t changes = si_plan_changes(plan);
  add_rows(&table, plan, "services", "service");
  add_rows(&table, plan, "volumes", "volume");
  add_rows(&table, plan, "networks", "network");
  add_rows(&table, plan, "targets", "target");
  si_grid_print(inv->out, &table);
  if (changes == 0) {
    si_out_note(inv->out, "nothing would change");
  } else {
    si_out_note(inv->out, "%zu would change; nothing was changed", changes);
  }
  return si_out_result(inv->out, plan);
}

static si_rc find(struct si_invocation *inv, struct si_scope *scope, struct si_project *project,
                  bool *there) {
  si_rc status = si_state_project(scope->state, scope->life.owner_id, si_opt(inv, "app"), false,
                                  project, &inv->error);
  *there = status == SI_OK;
  return status == SI_E_NOT_FOUND ? SI_OK : status;
}

/* --target of the row, each once. */
static si_rc name_targets(struct si_invocation *inv, struct si_state *state,
                          const char *names[SI_DEPLOY_TARGETS], size_t *count) {
  const char *name;
  size_t at = 0;
  si_rc status = SI_OK;
  while (status == SI_OK && (name = si_opt_each(inv, "target", &at))) {
    if (*count == SI_DEPLOY_TARGETS) {
      return si_usage_error(inv, "--target is given more than %d times", SI_DEPLOY_TARGETS);
    }
    names[(*count)++] = name;
    status = si_target_exists(state, name, &inv->error);
  }
  return status;
}

static si_rc make(struct si_invocation *inv, struct si_scope *scope, const struct si_stack *stack,
                  const cJSON *held, cJSON **plan) {
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  const char *names[SI_DEPLOY_TARGETS];
  struct si_plan_request request = {.slug = si_opt(inv, "app"), .stack = stack, .targets = names};
  bool there = false;
  si_rc status = find(inv, scope, &project, &there);
  request.project = there ? &project : NULL;
  status = status == SI_OK ? name_targets(inv, scope->state, names, &request.target_count) : status;
  if (status != SI_OK) {
    return status;
  }
  return held ? si_plan_check(&scope->life, &request, held, &inv->error)
              : si_plan_make(&scope->life, &request, plan, &inv->error);
}

si_rc si_plan_for(struct si_invocation *inv, const struct si_stack *stack, cJSON **plan) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  status = status == SI_OK ? si_stack_guarded(inv, &scope.context, stack, NULL) : status;
  scope.life.timeout_ms = inv->timeout_ms ? inv->timeout_ms : 60000;
  return status == SI_OK ? make(inv, &scope, stack, NULL, plan) : status;
}

si_rc si_plan_show(struct si_invocation *inv, const struct si_stack *stack) {
  cJSON *plan = NULL;
  si_rc status = si_plan_for(inv, stack, &plan);
  return status == SI_OK ? print(inv, plan) : status;
}

si_rc si_plan_holds(struct si_invocation *inv, struct si_scope *scope, const char *file,
                    const struct si_stack *stack) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(PLAN_MAX);
  cJSON *plan SI_AUTO(si_json_free) = NULL;
  struct si_error why;
  si_rc status = si_read_file(AT_FDCWD, file, &text);
  if (status != SI_OK) {
    return si_error_set(&inv->error, status == SI_E_QUOTA ? SI_E_INVALID : status, "PLAN_INVALID",
                        "cannot read %s: %s", file, si_status_text(status));
  }
  if (si_json_parse(si_buf_text(&text), text.len, &plan, &why) != SI_OK) {
    return si_error_set(&inv->error, SI_E_INVALID, "PLAN_INVALID", "%s: %s", file, why.message);
  }
  return make(inv, scope, stack, plan, NULL);
}

/* --- the row --- */

static si_rc write_plan(struct si_invocation *inv, const char *file, const cJSON *plan) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(PLAN_MAX);
  si_rc status = si_json_canonical(plan, &text);
  status = status == SI_OK ? si_buf_puts(&text, "\n") : status;
  status = status == SI_OK
               ? si_context_export_write(file, true, &text, &inv->error)
               : si_error_set(&inv->error, status, "CLI_MEMORY", "the plan cannot be written down");
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out, "then: si paas --context %s deploy --app %s --stack FILE --plan %s",
              inv->context, si_opt(inv, "app"), file);
  return SI_OK;
}

static si_rc plan_row(struct si_invocation *inv) {
  struct si_stack stack SI_AUTO(si_stack_free) = {.json = NULL};
  const char *file = si_opt(inv, "output");
  cJSON *plan = NULL;
  si_rc status = si_stack_given(inv, si_opt(inv, "app"), false, &stack, NULL);
  status = status == SI_OK ? si_plan_for(inv, &stack, &plan) : status;
  if (status == SI_OK && file && (status = write_plan(inv, file, plan)) != SI_OK) {
    cJSON_Delete(plan);
  }
  return status == SI_OK ? print(inv, plan) : status;
}

static const struct si_option plan_options[] = {
    {"app", 'a', "NAME", "The app", SI_OPT_REQUIRED, NULL},
    {"stack", 's', "FILE", "The stack: a Compose file; each further one is put over it",
     SI_OPT_REQUIRED | SI_OPT_REPEAT, NULL},
    {"compose-file", 0, "FILE", NULL, 0, "stack"},
    SI_STACK_OPTIONS,
    {"target", 't', "NAME", "Where it would go to; without it wherever the app lives",
     SI_OPT_REPEAT, NULL},
    {"output", 'o', "FILE", "Write the plan there, for `deploy --plan`", 0, NULL},
    {0},
};

const struct si_command si_cmd_plan = {
    .path = "paas plan",
    .summary = "Tell what deploying a stack would change",
    .text =
        "Holds the stack against the release that serves, service by service, and looks at what "
        "runs now. Changes nothing. `deploy --plan FILE` refuses where any of that moved since.",
    .options = plan_options,
    .flags = SI_CMD_CONTEXT,
    .run = plan_row,
};
