/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas deploy` and `si paas rollback`: releases onto what runs. */
#include <stdio.h>
#include <string.h>

#include "cli/exit.h"
#include "cli/grid.h"
#include "cli/provider.h"
#include "cli/releases.h"
#include "cli/secrets.h"
#include "cli/stack.h"
#include "kit/base/text.h"
#include "paas/state/target.h"

/* --- what it came to --- */

struct rows {
  struct si_grid table;
  cJSON *json;
};

static si_rc add_row(void *ctx, const struct si_deployment *deployment) {
  struct rows *rows = ctx;
  si_grid_row(&rows->table, deployment->target, deployment->status, deployment->release,
              deployment->from_release);
  return cJSON_AddItemToArray(rows->json, si_deployment_json(deployment)) ? SI_OK : SI_E_NOMEM;
}

/* Every target's truth, whatever became of the whole. */
static si_rc show_rows(struct si_invocation *inv, struct si_scope *scope,
                       const struct si_outcome *outcome, cJSON *data) {
  struct rows rows = {.table = SI_GRID("TARGET", "STATUS", "RELEASE", "BEFORE"),
                      .json = cJSON_AddArrayToObject(data, "deployments")};
  struct si_error why;
  si_rc status = si_state_deployments(scope->state, outcome->project.id, outcome->operation.id,
                                      &rows, add_row, &why);
  if (status == SI_OK && rows.table.rows > 0) {
    si_grid_print(inv->out, &rows.table);
  }
  si_grid_free(&rows.table);
  return status;
}

/* *findings, or NULL, is taken. */
static si_rc finish(struct si_invocation *inv, struct si_scope *scope,
                    const struct si_outcome *outcome, cJSON **findings, si_rc status) {
  if (!outcome->ran || !outcome->project.id[0]) {
    return status;
  }
  cJSON *data = cJSON_CreateObject();
  cJSON_AddItemToObject(data, "project", si_project_json(&outcome->project));
  cJSON_AddItemToObject(data, "operation", si_operation_json(&outcome->operation));
  si_rc shown = show_rows(inv, scope, outcome, data);
  if (*findings && cJSON_AddItemToObject(data, "findings", *findings)) {
    *findings = NULL;
  }
  si_out_result(inv->out, data);
  if (status != SI_OK) {
    return si_exit_failed(inv);
  }
  si_out_note(inv->out, "release %s of %s serves", outcome->project.release, outcome->project.slug);
  if (strcmp(outcome->operation.evidence, "stored") == 0) {
    si_out_note(inv->out, "evidence: si runpack show --context %s --operation %s",
                scope->context.name, outcome->operation.id);
  }
  return shown;
}

/* --- deploy --- */

/* An app's first deploy is its provisioning; one that failed is provisioned again. */
static si_rc provision(struct si_invocation *inv, struct si_scope *scope, const char *slug,
                       const struct si_stack *stack, const char *target, bool again,
                       struct si_outcome *outcome) {
  struct si_buf config SI_AUTO(si_buf_free) = SI_BUF(SI_ARG_MAX);
  struct si_create request = {.slug = slug, .stack = stack, .target = target};
  if (again) {
    return si_life_retry(&scope->life, slug, stack, NULL, outcome, &inv->error);
  }
  si_rc status = si_provisioner_given(inv, scope, &request.provisioner, &config);
  request.config = config.data;
  return status == SI_OK ? si_life_create(&scope->life, &request, outcome, &inv->error) : status;
}

struct targets {
  const char *list[SI_DEPLOY_TARGETS];
  size_t count;
  struct si_invocation *inv;
  char labelled[SI_DEPLOY_TARGETS][64]; /* those that --target-label chose */
};

static si_rc take_targets(struct si_invocation *inv, struct targets *targets) {
  const char *name;
  size_t at = 0;
  while ((name = si_opt_each(inv, "target", &at))) {
    for (size_t i = 0; i < targets->count; i++) {
      if (strcmp(targets->list[i], name) == 0) {
        return si_usage_error(inv, "--target %.63s is given twice", name);
      }
    }
    if (targets->count == SI_DEPLOY_TARGETS) {
      return si_usage_error(inv, "--target is given more than %d times", SI_DEPLOY_TARGETS);
    }
    targets->list[targets->count++] = name;
  }
  return SI_OK;
}

/* Has it every label that was asked for? */
static bool has_labels(struct si_invocation *inv, const char *labels) {
  cJSON *object SI_AUTO(si_json_free) = NULL;
  const char *label;
  size_t at = 0;
  if (si_json_parse(labels, strlen(labels), &object, NULL) != SI_OK) {
    return false;
  }
  while ((label = si_opt_each(inv, "target-label", &at))) {
    const char *equals = strchr(label, '=');
    char key[128];
    size_t len = equals ? (size_t)(equals - label) : sizeof key;
    si_copy(key, len < sizeof key ? len + 1 : sizeof key, label);
    const char *value = len < sizeof key ? si_json_str(object, key) : NULL;
    if (!value || strcmp(value, equals + 1) != 0) {
      return false;
    }
  }
  return true;
}

static si_rc take_labelled(void *ctx, const struct si_target_row *row) {
  struct targets *targets = ctx;
  if (!has_labels(targets->inv, row->labels)) {
    return SI_OK;
  }
  if (targets->count == SI_DEPLOY_TARGETS) {
    return si_usage_error(targets->inv, "more than %d targets have these labels",
                          SI_DEPLOY_TARGETS);
  }
  char *name = targets->labelled[targets->count];
  si_copy(name, sizeof targets->labelled[0], row->name);
  targets->list[targets->count++] = name;
  return SI_OK;
}

/* --target-label: the targets of this context that have them all, by name. */
static si_rc choose_labelled(struct si_invocation *inv, struct si_scope *scope,
                             struct targets *targets) {
  if (!si_opt(inv, "target-label")) {
    return SI_OK;
  }
  if (targets->count > 0) {
    return si_usage_error(inv, "--target and --target-label exclude each other");
  }
  targets->inv = inv;
  si_rc status = si_state_targets(scope->state, targets, take_labelled, &inv->error);
  if (status == SI_OK && targets->count == 0) {
    si_error_set(&inv->error, SI_E_NOT_FOUND, "TARGET_NOT_FOUND", "no target has these labels");
    return si_error_hint(&inv->error, "see them with: si paas --context %s target list",
                         inv->context);
  }
  return status;
}

static si_rc check_flags(struct si_invocation *inv) {
  if (si_opt_flag(inv, "rollback-on-failure") &&
      (si_opt_flag(inv, "continue-on-error") || si_opt_flag(inv, "keep-failed"))) {
    return si_usage_error(inv,
                          "--rollback-on-failure excludes --continue-on-error and --keep-failed");
  }
  return SI_OK;
}

/* --health-timeout in milliseconds; 0 where it is not given. */
static si_rc health_timeout(struct si_invocation *inv, uint64_t *ms) {
  const char *text = si_opt(inv, "health-timeout");
  *ms = 0;
  if (text && (si_parse_duration_ms(text, ms) != SI_OK || *ms == 0)) {
    return si_usage_error(inv, "--health-timeout %.40s is no duration: write 90s, 3m or 1h30m",
                          text);
  }
  return SI_OK;
}

static si_rc deploy_stack(struct si_invocation *inv, struct si_scope *scope,
                          const struct si_stack *stack, const struct targets *targets,
                          uint64_t ready_timeout_ms, struct si_outcome *outcome) {
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  const struct si_deploy request = {.ready_timeout_ms = ready_timeout_ms,
                                    .targets = targets->list,
                                    .target_count = targets->count,
                                    .go_on = si_opt_flag(inv, "continue-on-error"),
                                    .all_back = si_opt_flag(inv, "rollback-on-failure"),
                                    .slug = si_opt(inv, "app"),
                                    .stack = stack,
                                    .keep_failed = si_opt_flag(inv, "keep-failed")};
  si_rc status = si_state_project(scope->state, scope->life.owner_id, request.slug, false, &project,
                                  &inv->error);
  bool failed = status == SI_OK && strcmp(project.status, "failed") == 0;
  if ((status == SI_E_NOT_FOUND || failed) && ready_timeout_ms > 0) {
    return si_usage_error(inv,
                          "--health-timeout is for an app that runs: give its first deploy "
                          "--config ready_timeout_ms=MILLISECONDS, which stays");
  }
  if (status == SI_E_NOT_FOUND || failed) {
    status = provision(inv, scope, request.slug, stack, targets->list[0], failed, outcome);
    if (status != SI_OK || targets->count < (failed ? 1u : 2u)) {
      return status;
    }
    si_outcome_free(outcome); /* onto the others, as well */
    memset(outcome, 0, sizeof *outcome);
  }
  return status == SI_OK ? si_life_deploy(&scope->life, &request, outcome, &inv->error) : status;
}

static si_rc check_note(struct si_invocation *inv) {
  const char *note = si_opt(inv, "note");
  if (note && (strlen(note) > 1000 || !si_utf8_valid(note, strlen(note)))) {
    return si_usage_error(inv, "a note is UTF-8 text of at most 1000 bytes");
  }
  return SI_OK;
}

static si_rc deploy(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct si_scope *scope = &secrets.scope;
  struct si_stack stack SI_AUTO(si_stack_free) = {.json = NULL};
  struct si_outcome outcome SI_AUTO(si_outcome_free) = {.ran = false};
  struct si_buf sink SI_AUTO(si_buf_free) = SI_BUF(SI_ARG_MAX);
  char title[96];
  snprintf(title, sizeof title, "deploy %.63s", si_opt(inv, "app"));
  struct targets targets = {.count = 0};
  cJSON *findings SI_AUTO(si_json_free) = NULL; /* of the guard */
  uint64_t ready_timeout_ms = 0;
  si_rc status = check_note(inv);
  status = status == SI_OK ? check_flags(inv) : status;
  status = status == SI_OK ? health_timeout(inv, &ready_timeout_ms) : status;
  status = status == SI_OK ? take_targets(inv, &targets) : status;
  status = status == SI_OK ? si_stack_given(inv, si_opt(inv, "app"), false, &stack, NULL) : status;
  if (status == SI_OK && inv->dry_run) {
    return si_plan_show(inv, &stack);
  }
  status = status == SI_OK ? si_scope_deploy(scope, inv, title) : status;
  si_secrets_for_life(&secrets);
  status = status == SI_OK ? si_stack_guarded(inv, &scope->context, &stack, &findings) : status;
  status = status == SI_OK ? si_sink_given(inv, scope, &sink) : status;
  status = status == SI_OK ? choose_labelled(inv, scope, &targets) : status;
  if (status == SI_OK && si_opt(inv, "plan")) {
    status = si_plan_holds(inv, scope, si_opt(inv, "plan"), &stack);
  }
  if (status != SI_OK) {
    return status;
  }
  si_state_note(scope->state, si_opt(inv, "note"));
  status = deploy_stack(inv, scope, &stack, &targets, ready_timeout_ms, &outcome);
  si_progress_end(&scope->progress);
  return finish(inv, scope, &outcome, &findings, status);
}

static const struct si_option deploy_options[] = {
    {"app", 'a', "NAME", "The app; its first deploy makes it", SI_OPT_REQUIRED, NULL},
    {"stack", 's', "FILE", "The stack: a Compose file; each further one is put over it",
     SI_OPT_REQUIRED | SI_OPT_REPEAT, NULL},
    {"compose-file", 0, "FILE", NULL, 0, "stack"},
    SI_STACK_OPTIONS,
    {"target", 't', "NAME", "Where to, in that order; without it wherever the app lives",
     SI_OPT_REPEAT, NULL},
    {"target-label", 0, "KEY=VALUE", "Where to: all targets with that label, by name",
     SI_OPT_REPEAT, NULL},
    {"continue-on-error", 0, NULL, "Go on to the next target, though one failed", 0, NULL},
    {"rollback-on-failure", 0, NULL,
     "Where one target fails, the former release goes back to all of them", 0, NULL},
    {"health-timeout", 0, "DURATION",
     "How long a service may take to be ready, in this deploy: 90s, 3m", 0, NULL},
    {"plan", 0, "FILE", "Refuse where anything moved since that plan was made", 0, NULL},
    {"note", 0, "TEXT", "Why, kept with the release", 0, NULL},
    {"keep-failed", 0, NULL, "Where the release fails, leave it so: nothing is put back", 0, NULL},
    SI_PROVIDER_OPTIONS,
    SI_SECRETS_PASSPHRASE_OPTION,
    {0},
};

const struct si_command si_cmd_deploy = {
    .path = "paas deploy",
    .summary = "Deploy a stack as the next release of an app",
    .text =
        "What changed is made anew, the rest stays as it is; volumes keep their data. The release "
        "counts once every service is up, healthy where the stack has a health check. Where it "
        "fails, the release before is put back and looked at, and the exit code is not 0.\n\n"
        "An app that is not there yet is provisioned. With --dry-run nothing is changed: it tells "
        "what would be.",
    .options = deploy_options,
    .flags = SI_CMD_MUTATING | SI_CMD_DRY_RUN,
    .run = deploy,
};

/* --- rollback --- */

/* The number before the current one that was seen to serve. */
struct earlier {
  const char *current;
  char number[12];
};

static si_rc see_release(void *ctx, const struct si_release *release) {
  struct earlier *earlier = ctx;
  uint64_t current = 0, number = 0;
  if (!earlier->number[0] && release->images && !release->pruned_at[0] &&
      si_parse_u64(earlier->current, 1, UINT32_MAX, &current) == SI_OK &&
      si_parse_u64(release->number, 1, UINT32_MAX, &number) == SI_OK && number < current) {
    si_copy(earlier->number, sizeof earlier->number, release->number);
  }
  return SI_OK;
}

static si_rc find_earlier(struct si_invocation *inv, struct si_scope *scope, const char *slug,
                          char number[12]) {
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  si_rc status =
      si_state_project(scope->state, scope->life.owner_id, slug, false, &project, &inv->error);
  struct earlier earlier = {.current = project.release};
  if (status == SI_OK) {
    status = si_state_releases(scope->state, project.id, &earlier, see_release, &inv->error);
  }
  if (status == SI_OK && !earlier.number[0]) {
    si_error_set(&inv->error, SI_E_NOT_FOUND, "RELEASE_NOT_FOUND",
                 "%s has no release before %s that was seen to serve", slug, project.release);
    return si_error_hint(&inv->error,
                         "see all of them with: si paas --context %s releases --app %s",
                         inv->context, slug);
  }
  si_copy(number, 12, earlier.number);
  return status;
}

static si_rc rollback(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct si_scope *scope = &secrets.scope;
  struct si_outcome outcome SI_AUTO(si_outcome_free) = {.ran = false};
  const char *slug = si_opt(inv, "app");
  char title[96], number[12] = "";
  uint64_t to = 0;
  snprintf(title, sizeof title, "roll back %.63s", slug);
  si_rc status = si_opt_u64(inv, "to", 1, 1000000, 0, &to);
  status = status == SI_OK ? check_note(inv) : status;
  status = status == SI_OK ? si_scope_deploy(scope, inv, title) : status;
  si_secrets_for_life(&secrets);
  if (status == SI_OK && to == 0) {
    status = find_earlier(inv, scope, slug, number);
  }
  if (status != SI_OK) {
    return status;
  }
  if (to > 0) {
    snprintf(number, sizeof number, "%u", (unsigned)to);
  }
  const struct si_deploy request = {
      .slug = slug, .release = number, .keep_failed = si_opt_flag(inv, "keep-failed")};
  si_state_note(scope->state, si_opt(inv, "note"));
  status = si_life_deploy(&scope->life, &request, &outcome, &inv->error);
  si_progress_end(&scope->progress);
  return finish(inv, scope, &outcome, &(cJSON *){NULL}, status);
}

static const struct si_option rollback_options[] = {
    {"app", 'a', "NAME", "The app", SI_OPT_REQUIRED, NULL},
    {"to", 0, "N", "That release; by default the last one before that served", 0, NULL},
    {"note", 0, "TEXT", "Why, kept with a release that it makes", 0, NULL},
    {"keep-failed", 0, NULL, "Where the release fails, leave it so: nothing is put back", 0, NULL},
    SI_SECRETS_PASSPHRASE_OPTION,
    {0},
};

const struct si_command si_cmd_rollback = {
    .path = "paas rollback",
    .summary = "Deploy an earlier release of an app again",
    .text =
        "With the images that it ran then, which the engine has or can pull again: that is looked "
        "at "
        "before anything is touched. Where its secrets have other revisions by now it becomes a "
        "new "
        "release, with those of now. Volumes keep the data that they have: a rollback brings back "
        "programs, not data.",
    .options = rollback_options,
    .flags = SI_CMD_MUTATING,
    .run = rollback,
};
