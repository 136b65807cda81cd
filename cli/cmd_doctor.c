/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas doctor` and `si paas checklist`: what is wrong, and what an operator has to see to. */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "paas/doctor/checklist.h"
#include "paas/doctor/doctor.h"

enum { REPOSITORIES_MAX = 64 };

/* --- findings, kept to be shown worst first --- */

struct finding {
  int severity;
  size_t at; /* in which order they were found */
  cJSON *json;
};

struct report {
  struct finding *list;
  size_t count;
  size_t room;
  size_t of[4]; /* by severity */
};

static void report_free(struct report *report) {
  for (size_t i = 0; i < report->count; i++) {
    cJSON_Delete(report->list[i].json);
  }
  free(report->list);
  *report = (struct report){.list = NULL};
}

static cJSON *finding_json(const struct si_finding *finding) {
  cJSON *json = cJSON_CreateObject();
  if (si_json_add_text(json, "id", finding->check) != SI_OK ||
      si_json_add_text(json, "severity", si_doctor_severity(finding->severity)) != SI_OK ||
      si_json_add_text(json, "context", finding->context) != SI_OK ||
      si_json_add_text(json, "detail", finding->detail) != SI_OK ||
      si_json_add_text(json, "remediation", finding->remedy) != SI_OK) {
    cJSON_Delete(json);
    return NULL;
  }
  return json;
}

static si_rc hear(void *ctx, const struct si_finding *finding) {
  struct report *report = ctx;
  if (report->count == report->room) {
    size_t room = report->room ? report->room * 2 : 64;
    struct finding *list = realloc(report->list, room * sizeof *list);
    if (!list) {
      return SI_E_NOMEM;
    }
    report->list = list;
    report->room = room;
  }
  cJSON *json = finding_json(finding);
  if (!json) {
    return SI_E_NOMEM;
  }
  report->list[report->count] = (struct finding){finding->severity, report->count, json};
  report->count++;
  report->of[finding->severity]++;
  return SI_OK;
}

static int worst_first(const void *a, const void *b) {
  const struct finding *x = a;
  const struct finding *y = b;
  if (x->severity != y->severity) {
    return y->severity - x->severity;
  }
  return (x->at > y->at) - (x->at < y->at);
}

static void print_finding(struct si_invocation *inv, const struct finding *finding) {
  const char *context = si_json_str(finding->json, "context");
  const char *remedy = si_json_str(finding->json, "remediation");
  si_out_line(inv->out, "%-9s%s%s%s%s", si_doctor_severity(finding->severity),
              si_json_str(finding->json, "id"), context ? " (" : "", context ? context : "",
              context ? ")" : "");
  si_out_line(inv->out, "         %s", si_json_str(finding->json, "detail"));
  if (remedy) {
    si_out_line(inv->out, "         next: %s", remedy);
  }
}

static void print_report(struct si_invocation *inv, struct report *report) {
  if (report->count > 1) {
    qsort(report->list, report->count, sizeof *report->list, worst_first);
  }
  for (size_t i = 0; i < report->count; i++) {
    if (report->list[i].severity > SI_FINDING_OK || inv->out->verbose > 0) {
      print_finding(inv, &report->list[i]);
    }
  }
  si_out_line(inv->out, "critical: %zu, warnings: %zu, information: %zu, passed: %zu",
              report->of[SI_FINDING_CRITICAL], report->of[SI_FINDING_WARNING],
              report->of[SI_FINDING_INFO], report->of[SI_FINDING_OK]);
}

/* Takes the findings' values. */
static cJSON *report_json(struct report *report) {
  cJSON *json = cJSON_CreateObject();
  cJSON_AddBoolToObject(json, "ok", report->of[SI_FINDING_CRITICAL] == 0);
  cJSON_AddNumberToObject(json, "critical", (double)report->of[SI_FINDING_CRITICAL]);
  cJSON_AddNumberToObject(json, "warnings", (double)report->of[SI_FINDING_WARNING]);
  cJSON *checks = cJSON_AddArrayToObject(json, "checks");
  for (size_t i = 0; i < report->count; i++) {
    if (cJSON_AddItemToArray(checks, report->list[i].json)) {
      report->list[i].json = NULL;
    }
  }
  return json;
}

static si_rc critical(struct si_invocation *inv, const struct report *report) {
  const struct finding *first = &report->list[0];
  si_error_set(&inv->error, SI_E_CORRUPT, "PAAS_DOCTOR_CRITICAL",
               "%zu critical finding%s: deploys and changes of secrets are blocked until they are "
               "mended",
               report->of[SI_FINDING_CRITICAL], report->of[SI_FINDING_CRITICAL] == 1 ? "" : "s");
  si_error_target(&inv->error, "doctor", si_json_str(first->json, "id"));
  si_error_hint(&inv->error, "%s", si_json_str(first->json, "remediation"));
  return SI_E_CORRUPT;
}

/* --- doctor --- */

/* A root in disorder must not keep the doctor out: whatever context is meant is found out here. */
static si_rc which_context(struct si_invocation *inv, const char **name) {
  struct si_error none;
  bool all = si_opt_flag(inv, "all-contexts");
  if (all && inv->context_flag) {
    return si_usage_error(inv, "--all-contexts and --context exclude each other");
  }
  *name = NULL;
  if (!all &&
      si_context_resolve(inv->context_flag, inv->context, sizeof inv->context, &none) == SI_OK) {
    *name = inv->context;
    inv->out->context = inv->context;
  } else {
    inv->context[0] = '\0';
  }
  if (inv->context_flag && !*name) {
    inv->error = none;
    return none.status;
  }
  return SI_OK;
}

static si_rc take_list(struct si_invocation *inv, const char *option,
                       const char *list[REPOSITORIES_MAX + 1]) {
  const char *given;
  size_t at = 0;
  size_t count = 0;
  while ((given = si_opt_each(inv, option, &at))) {
    if (count == REPOSITORIES_MAX) {
      return si_usage_error(inv, "--%s may be given %d times", option, REPOSITORIES_MAX);
    }
    list[count++] = given;
  }
  list[count] = NULL;
  return SI_OK;
}

static si_rc doctor(struct si_invocation *inv) {
  const char *repositories[REPOSITORIES_MAX + 1];
  const char *forget[REPOSITORIES_MAX + 1];
  struct report report SI_AUTO(report_free) = {.list = NULL};
  struct si_doctor_request request = {.repositories = repositories, .forget = forget};
  si_rc status = take_list(inv, "repo", repositories);
  status = status == SI_OK ? take_list(inv, "forget-repo", forget) : status;
  status = status == SI_OK ? which_context(inv, &request.context) : status;
  status = status == SI_OK ? si_doctor_run(&request, &report, hear, NULL, &inv->error) : status;
  if (status != SI_OK) {
    return status;
  }
  print_report(inv, &report);
  if (report.of[SI_FINDING_CRITICAL] > 0) {
    status = critical(inv, &report);
  }
  si_rc shown = si_out_result(inv->out, report_json(&report));
  return status == SI_OK ? shown : status;
}

static const struct si_option doctor_options[] = {
    {"all-contexts", 0, NULL, "Every context, whichever is chosen", 0, NULL},
    {"repo", 0, "DIR", "Look for private state and secrets in that repository too", SI_OPT_REPEAT,
     NULL},
    {"forget-repo", 0, "DIR",
     "Look no more at a repository where something was found; audited, and your word that it is "
     "harmless",
     SI_OPT_REPEAT, NULL},
    {0},
};

const struct si_command si_cmd_doctor = {
    .path = "paas doctor",
    .summary = "Look over the state and its surroundings, and say what is wrong",
    .text =
        "Checks the root and, unless one is chosen, every context; -v shows what is well, too. "
        "A critical finding is exit code 8, blocks deploys and changes of secrets in the contexts "
        "looked at until a later run finds it mended, and raises an alert.",
    .options = doctor_options,
    .run = doctor,
};

/* --- checklist --- */

struct listing {
  struct si_invocation *inv;
  cJSON *json;
  size_t unmet;
};

static si_rc show_item(void *ctx, const struct si_checklist_item *item) {
  static const char *const marks[] = {"met", "not met", "n/a"};
  struct listing *listing = ctx;
  cJSON *json = cJSON_CreateObject();
  si_rc status = si_json_add_text(json, "id", item->id);
  status = status == SI_OK ? si_json_add_text(json, "status", si_checklist_status(item->status))
                           : status;
  status = status == SI_OK ? si_json_add_text(json, "context", item->context) : status;
  status = status == SI_OK ? si_json_add_text(json, "why", item->why) : status;
  status = status == SI_OK ? si_json_add_text(json, "remediation", item->todo) : status;
  if (status != SI_OK || !cJSON_AddItemToArray(listing->json, json)) {
    cJSON_Delete(json);
    return SI_E_NOMEM;
  }
  listing->unmet += item->status == SI_NOT_MET;
  si_out_line(listing->inv->out, "%-8s %s%s%s%s: %s", marks[item->status], item->id,
              item->context[0] ? " (" : "", item->context, item->context[0] ? ")" : "", item->why);
  if (item->status == SI_NOT_MET) {
    si_out_line(listing->inv->out, "         next: %s", item->todo);
  }
  return SI_OK;
}

static si_rc checklist(struct si_invocation *inv) {
  struct listing listing = {.inv = inv, .json = cJSON_CreateArray()};
  si_rc status = si_checklist_run(&listing, show_item, &inv->error);
  if (status != SI_OK) {
    cJSON_Delete(listing.json);
    return status;
  }
  cJSON *data = cJSON_CreateObject();
  cJSON_AddBoolToObject(data, "ok", listing.unmet == 0);
  cJSON_AddItemToObject(data, "items", listing.json);
  status = si_out_result(inv->out, data);
  if (status == SI_OK && listing.unmet > 0) {
    si_error_set(&inv->error, SI_E_CORRUPT, "PAAS_CHECKLIST_NOT_MET", "%zu item%s not met",
                 listing.unmet, listing.unmet == 1 ? " is" : "s are");
    si_error_hint(&inv->error, "see to the items that say `not met`, then run the checklist again");
    status = SI_E_CORRUPT;
  }
  return status;
}

const struct si_command si_cmd_checklist = {
    .path = "paas checklist",
    .summary = "Go through the weekly list of every context",
    .text =
        "Is the doctor content, do contexts have targets and vaults of their own, is there a "
        "verified backup, is an alert policy set, was a rollback practised this week? Exit code 8 "
        "where something is not met.",
    .run = checklist,
};
