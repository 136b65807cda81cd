/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/webhook/map.h"

#include <string.h>

#include "kit/base/text.h"
#include "paas/alert/hosts.h"
#include "paas/events/events.h"
#include "paas/target/target.h"
#include "paas/vault/reading.h"
#include "paas/webhook/webhook.h"

enum { BRANCHES = 16, TARGETS = 64 };

static si_rc invalid(struct si_error *error, const char *what, const char *hint) {
  si_error_set(error, SI_E_INVALID, "WEBHOOK_INVALID", "%s", what);
  return si_error_hint(error, "%s", hint);
}

/* --- what has to hold --- */

static si_rc check_names(const struct si_webhook *webhook, struct si_error *error) {
  enum si_webhook_source source;
  if (!si_name_valid(webhook->name) || !si_name_valid(webhook->app)) {
    return invalid(error, "the webhook's name or its app's is none",
                   "use a-z, 0-9 and '-', at most 63, not beginning with '-'");
  }
  if (!si_webhook_source_read(webhook->source, &source)) {
    return invalid(error, "that is no source of pushes", "github, gitea, gitlab or si");
  }
  return webhook->stack[0] == '/'
             ? SI_OK
             : invalid(error, "the stack file has no absolute path", "name it from the root on");
}

static si_rc check_branches(const char *text, struct si_error *error) {
  cJSON *list SI_AUTO(si_json_free) = NULL;
  const cJSON *each;
  si_rc status = si_json_parse(text, strlen(text), &list, error);
  int count = cJSON_GetArraySize(list);
  if (status == SI_OK && (count == 0 || count > BRANCHES)) {
    return invalid(error, "a webhook is for 1 to 16 branches", "name each with --branch");
  }
  cJSON_ArrayForEach(each, list) {
    if (!cJSON_IsString(each) || !si_branch_pattern_valid(each->valuestring)) {
      return invalid(error, "that is no branch, nor a pattern of branches",
                     "write main, or release/* with the star at the end");
    }
  }
  return status;
}

static si_rc check_targets(struct si_state *state, const char *text, struct si_error *error) {
  cJSON *list SI_AUTO(si_json_free) = NULL;
  const cJSON *each;
  si_rc status = si_json_parse(text, strlen(text), &list, error);
  if (status == SI_OK && cJSON_GetArraySize(list) > TARGETS) {
    return invalid(error, "a webhook deploys to 64 targets at most", "name fewer");
  }
  cJSON_ArrayForEach(each, list) {
    status = status == SI_OK ? si_target_exists(state, cJSON_GetStringValue(each), error) : status;
  }
  return status;
}

static si_rc check_secret(const struct si_context *context, const char *key,
                          struct si_error *error) {
  struct si_vault_reading reading SI_AUTO(si_vault_reading_close) = {.state = NULL};
  si_rc status = si_vault_reading_open(context, NULL, NULL, &reading, error);
  if (status == SI_OK && si_vault_revision(reading.vault, "", key) == 0) {
    si_error_set(error, SI_E_NOT_FOUND, "SECRET_NOT_FOUND",
                 "the vault has no secret %.128s for the webhook", key);
    return si_error_hint(error, "set it first: si vault set %.128s --stdin --trim --context %s",
                         key, context->name);
  }
  return status;
}

/* --- the audit chain --- */

static si_rc record(const struct si_context *context, const char *action, const char *name,
                    const cJSON *fields, struct si_buf *to, struct si_error *error) {
  const struct si_event event = {.action = action, .target = name, .fields = fields};
  si_rc status = si_event_record(context, &event, to);
  return status == SI_OK ? SI_OK
                         : si_error_set(error, status, "EVENT_RECORD",
                                        "the event %s cannot be written down", action);
}

static bool add_list(cJSON *fields, const char *name, const char *text) {
  cJSON *list = NULL;
  return si_json_parse(text, strlen(text), &list, NULL) == SI_OK &&
         cJSON_AddItemToObject(fields, name, list);
}

si_rc si_webhook_enable(const struct si_context *context, struct si_state *state,
                        const char *owner_id, const struct si_webhook *webhook,
                        struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  si_rc status = check_names(webhook, error);
  status = status == SI_OK ? check_branches(webhook->branches, error) : status;
  status = status == SI_OK ? check_targets(state, webhook->targets, error) : status;
  status = status == SI_OK ? si_webhook_policy_check(context, error) : status;
  status = status == SI_OK ? check_secret(context, webhook->secret, error) : status;
  if (status != SI_OK) {
    return status;
  }
  if (!cJSON_AddStringToObject(fields, "app", webhook->app) ||
      !cJSON_AddStringToObject(fields, "source", webhook->source) ||
      !cJSON_AddStringToObject(fields, "stack", webhook->stack) ||
      !add_list(fields, "branches", webhook->branches) ||
      !add_list(fields, "targets", webhook->targets)) {
    return si_error_set(error, SI_E_NOMEM, "WEBHOOK_MEMORY", "out of memory");
  }
  status = record(context, "webhook.map", webhook->name, fields, &text, error);
  const struct si_state_event event = {"audit", text.data};
  status = status == SI_OK ? si_state_webhook_add(state, owner_id, webhook, &event, error) : status;
  return status == SI_OK ? si_events_flush(context, state, error) : status;
}

si_rc si_webhook_remove(const struct si_context *context, struct si_state *state,
                        const char *owner_id, const char *name, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  char by[128];
  si_events_actor_name(by, sizeof by);
  si_rc status = record(context, "webhook.unmap", name, NULL, &text, error);
  const struct si_state_event event = {"audit", text.data};
  status =
      status == SI_OK ? si_state_webhook_remove(state, owner_id, name, by, &event, error) : status;
  return status == SI_OK ? si_events_flush(context, state, error) : status;
}

si_rc si_webhook_tell(const struct si_context *context, struct si_state *state, const char *name,
                      const struct si_push_row *row, const char *outcome, struct si_error *error) {
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  bool refused = row == NULL;
  const struct si_event event = {.action = refused ? "webhook.refused" : "webhook.push",
                                 .target = name,
                                 .severity = refused ? "warning" : NULL,
                                 .fields = fields};
  bool well = cJSON_AddStringToObject(fields, refused ? "why" : "outcome", outcome) != NULL;
  if (row) {
    well = well && cJSON_AddStringToObject(fields, "branch", row->branch) &&
           cJSON_AddStringToObject(fields, "commit", row->commit) &&
           cJSON_AddStringToObject(fields, "delivery", row->delivery);
  }
  return well ? si_events_append(context, state, &event, error)
              : si_error_set(error, SI_E_NOMEM, "WEBHOOK_MEMORY", "out of memory");
}

bool si_webhook_matches(const char *branches, const char *branch) {
  cJSON *list SI_AUTO(si_json_free) = NULL;
  const cJSON *each;
  if (si_json_parse(branches, strlen(branches), &list, NULL) != SI_OK) {
    return false;
  }
  cJSON_ArrayForEach(each, list) {
    if (cJSON_IsString(each) && si_branch_matches(each->valuestring, branch)) {
      return true;
    }
  }
  return false;
}
