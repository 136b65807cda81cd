/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/doctor/checklist.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/alert/policy.h"

const char *si_checklist_status(int status) {
  static const char *const names[] = {"met", "not_met", "not_applicable"};
  return status >= 0 && status < 3 ? names[status] : "?";
}

struct checklist {
  void *ctx;
  si_checklist_each each;
  size_t critical;
  size_t vaults_shared; /* as the doctor tells */
  char first[512];
  char first_vault[512];
  cJSON *targets; /* {name of a target: context} */
  size_t contexts;
  size_t with_targets;
  si_rc status;
};

static void item(struct checklist *list, const char *id, const char *context, int status,
                 const char *todo, const char *fmt, ...) SI_PRINTF(6, 7);
static void item(struct checklist *list, const char *id, const char *context, int status,
                 const char *todo, const char *fmt, ...) {
  char why[1024];
  va_list args;
  va_start(args, fmt);
  vsnprintf(why, sizeof why, fmt, args);
  va_end(args);
  const struct si_checklist_item one = {id, context, status, why, status == SI_NOT_MET ? todo : ""};
  if (list->status == SI_OK) {
    list->status = list->each(list->ctx, &one);
  }
}

/* --- the doctor --- */

static si_rc hear(void *ctx, const struct si_finding *finding) {
  struct checklist *list = ctx;
  if (finding->severity != SI_FINDING_CRITICAL) {
    return SI_OK;
  }
  if (list->critical++ == 0) {
    snprintf(list->first, sizeof list->first, "%s: %.400s", finding->check, finding->detail);
  }
  if (strcmp(finding->check, "context_vault_own") == 0 && list->vaults_shared++ == 0) {
    si_copy(list->first_vault, sizeof list->first_vault, finding->detail);
  }
  return SI_OK;
}

static void tell_doctor(struct checklist *list) {
  if (list->critical == 0) {
    item(list, "doctor", "", SI_MET, "", "si paas doctor finds nothing critical");
  } else {
    item(list, "doctor", "", SI_NOT_MET, "si paas doctor, and mend what it finds",
         "%zu critical, the first is %s", list->critical, list->first);
  }
}

/* --- over all contexts --- */

static si_rc targets_of(void *ctx, const char *name, const struct si_context *context,
                        const struct si_error *error) {
  struct checklist *list = ctx;
  const cJSON *target;
  const cJSON *targets = context ? si_json_get(context->config, "default_targets") : NULL;
  (void)error;
  list->contexts++;
  list->with_targets += cJSON_GetArraySize(targets) > 0;
  cJSON_ArrayForEach(target, targets) {
    const char *text = cJSON_IsString(target) ? target->valuestring : "";
    const char *other = si_json_str(list->targets, text);
    if (other) {
      item(list, "distinct_targets", "", SI_NOT_MET,
           "let each context have targets of its own in default_targets",
           "target %s belongs to %s and to %s", text, other, name);
      list->with_targets = SIZE_MAX / 2;
    } else if (!cJSON_AddStringToObject(list->targets, text, name)) {
      return SI_E_NOMEM;
    }
  }
  return list->status;
}

static si_rc tell_distinct(struct checklist *list, struct si_error *error) {
  list->targets = cJSON_CreateObject();
  si_rc status = si_context_list(list, targets_of, error);
  cJSON_Delete(list->targets);
  list->targets = NULL;
  if (status != SI_OK) {
    return status;
  }
  if (list->with_targets == 0) {
    item(list, "distinct_targets", "", SI_NOT_APPLICABLE, "", "no context has targets");
  } else if (list->with_targets <= list->contexts) {
    item(list, "distinct_targets", "", SI_MET, "", "no target belongs to two contexts");
  }
  if (list->vaults_shared > 0) {
    item(list, "distinct_vaults", "", SI_NOT_MET, "si vault init in a context that lacks its own",
         "%s", list->first_vault);
  } else {
    item(list, "distinct_vaults", "", SI_MET, "", "no vault belongs to two contexts");
  }
  return list->status;
}

/* --- of each context --- */

static void tell_backup(struct checklist *list, const struct si_context *context) {
  if (strcmp(context->type, "demo") == 0) {
    item(list, "backup", context->name, SI_NOT_APPLICABLE, "",
         "a demo context is reset, not restored");
  } else {
    item(list, "backup", context->name, SI_NOT_MET,
         "configure a backup for the context as soon as this si offers one; until then keep a copy "
         "of its directory yourself, outside any repository",
         "not available yet: no backup is configured");
  }
}

static void tell_drill(struct checklist *list, const struct si_context *context) {
  if (strcmp(context->type, "internal") == 0) {
    item(list, "rollback_drill", context->name, SI_NOT_MET,
         "practise a rollback in this context once a week",
         "no rollback drill is recorded in the last 7 days");
  } else {
    item(list, "rollback_drill", context->name, SI_NOT_APPLICABLE, "",
         "drills are run in internal contexts");
  }
}

static void tell_alerts(struct checklist *list, const struct si_context *context) {
  static const char todo[] =
      "si paas alert policy set, with a channel for critical alerts that somebody hears";
  struct si_error why = {.message = ""};
  struct si_state *state = NULL;
  struct si_alert_policy policy SI_AUTO(si_alert_policy_free) = SI_ALERT_POLICY;
  bool set = false;
  si_rc status = si_state_open(context->dir, context->id, SI_STATE_READ, &state, &why);
  status = status == SI_OK ? si_alert_policy_load(state, &policy, &set, &why) : status;
  si_state_close(state);
  const char *channel = status == SI_OK && set ? si_alert_policy_route(&policy, "critical") : NULL;
  if (status != SI_OK) {
    item(list, "alerts", context->name, SI_NOT_MET, todo, "%s", why.message);
  } else if (!channel) {
    item(list, "alerts", context->name, SI_NOT_MET, todo, "no alert policy is set");
  } else {
    item(list, "alerts", context->name, SI_MET, "", "critical alerts go to %s", channel);
  }
}

static si_rc of_context(void *ctx, const char *name, const struct si_context *context,
                        const struct si_error *error) {
  struct checklist *list = ctx;
  if (!context) {
    item(list, "alerts", name, SI_NOT_MET, "mend the context: si paas doctor",
         "it cannot be opened: %s", error->message);
    return list->status;
  }
  tell_backup(list, context);
  tell_alerts(list, context);
  tell_drill(list, context);
  return list->status;
}

si_rc si_checklist_run(void *ctx, si_checklist_each each, struct si_error *error) {
  struct checklist list = {.ctx = ctx, .each = each};
  const struct si_doctor_request everything = {.context = NULL};
  si_rc status = si_doctor_run(&everything, &list, hear, NULL, error);
  if (status != SI_OK) {
    return status;
  }
  tell_doctor(&list);
  status = list.status == SI_OK ? tell_distinct(&list, error) : list.status;
  status = status == SI_OK ? si_context_list(&list, of_context, error) : status;
  return status;
}
