/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas reconcile`: what state and engines say of each other, and the mending of it. */
#include <string.h>

#include "cli/audit.h"
#include "cli/exit.h"
#include "cli/grid.h"
#include "cli/secrets.h"
#include "paas/lifecycle/reconcile.h"

static const char *text_of(const cJSON *object, const char *key) {
  const char *text = si_json_str(object, key);
  return text ? text : "";
}

static void print(struct si_invocation *inv, const cJSON *report, bool apply) {
  struct si_grid projects SI_AUTO(si_grid_free) =
      SI_GRID("PROJECT", "STATUS", "VERDICT", "ACTION", "OUTCOME", "DETAIL");
  struct si_grid orphans SI_AUTO(si_grid_free) =
      SI_GRID("ORPHAN", "NAME", "TARGET", "PROJECT ID", "OUTCOME");
  const cJSON *each;
  cJSON_ArrayForEach(each, si_json_get(report, "projects")) {
    si_grid_row(&projects, text_of(each, "slug"), text_of(each, "status"), text_of(each, "verdict"),
                text_of(each, "action"), text_of(each, "outcome"), text_of(each, "detail"));
  }
  cJSON_ArrayForEach(each, si_json_get(report, "orphans")) {
    si_grid_row(&orphans, text_of(each, "type"), text_of(each, "name"), text_of(each, "target"),
                text_of(each, "project_id"), text_of(each, "outcome"));
  }
  si_grid_print(inv->out, &projects);
  si_grid_print(inv->out, &orphans);
  cJSON_ArrayForEach(each, si_json_get(report, "unreachable")) {
    si_out_warn(inv->out, "provisioner %s cannot be asked on target %s: %s",
                text_of(each, "provisioner"), text_of(each, "target"), text_of(each, "message"));
  }
  int64_t pending = si_json_int(report, "evidence_pending", 0, INT32_MAX, 0);
  if (pending > 0) {
    si_out_warn(inv->out, "the evidence of %d operations is not stored yet", (int)pending);
  }
  int64_t alerts = si_json_int(report, "alerts_pending", 0, INT32_MAX, 0);
  if (alerts > 0) {
    si_out_warn(inv->out, "%d alerts could not be sent yet: si paas alert history", (int)alerts);
  }
  if (si_json_bool(report, "clean", false)) {
    si_out_note(inv->out, "everything is as it should be");
  } else if (!apply) {
    si_out_note(inv->out, "to mend: si paas --context %s reconcile --apply", inv->context);
  }
}

/* Changes nothing without --apply, which is what needs the explicit context. */
static si_rc open_scope(struct si_invocation *inv, struct si_scope *scope, bool apply) {
  if (!apply) {
    return si_scope_open(scope, inv, SI_STATE_READ);
  }
  if (!inv->context_flag) {
    si_error_set(&inv->error, SI_E_INVALID, "PAAS_CONTEXT_EXPLICIT",
                 "reconcile --apply changes things, so it needs --context itself");
    return si_error_hint(&inv->error, "si paas --context %s reconcile --apply", inv->context);
  }
  si_changes(inv, inv->context);
  return si_scope_begin(scope, inv, "reconcile");
}

static si_rc reconcile(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct si_scope *scope = &secrets.scope;
  bool apply = si_opt_flag(inv, "apply");
  cJSON *report = NULL;
  si_rc status = open_scope(inv, scope, apply);
  si_secrets_for_life(&secrets);
  if (status != SI_OK) {
    return status;
  }
  status = si_life_reconcile(&scope->life, apply, &report, &inv->error);
  si_progress_end(&scope->progress);
  if (report) {
    print(inv, report, apply);
    si_out_result(inv->out, report);
  }
  if (status != SI_OK && apply) {
    si_audit_failure(
        inv); /* what was done is told piece by piece; that there is more to do, here */
  }
  return status == SI_OK ? SI_OK : si_exit_failed(inv);
}

static const struct si_option options[] = {
    {"apply", 0, NULL, "Mend what differs", 0, NULL},
    SI_SECRETS_PASSPHRASE_OPTION,
    {0},
};

const struct si_command si_cmd_reconcile = {
    .path = "paas reconcile",
    .summary = "Compare state and engine; recover what a crash left",
    .text =
        "Reports: operations whose process died, projects that are not as their stack says, "
        "resources that no live project owns, evidence that is not stored.\n\n"
        "With --apply interrupted operations are run again, drifted projects brought back to "
        "their stack, orphans removed, evidence stored. A project that failed for a reason of "
        "its own waits for `project retry`.",
    .options = options,
    .flags = SI_CMD_CONTEXT,
    .run = reconcile,
};
