/* SPDX-License-Identifier: Apache-2.0 */
/* A whole run: the root, then the contexts; what is critical is recorded, audited and raised. */
#include <stdio.h>
#include <string.h>

#include "paas/doctor/engine.h"
#include "paas/doctor/escalate.h"
#include "paas/doctor/private.h"
#include "paas/doctor/record.h"
#include "paas/doctor/repos.h"
#include "paas/doctor/vaults.h"

struct survey {
  const struct si_doctor_request *request;
  struct si_doctor doctor;
  struct si_repos repos;
  struct si_engines engines;
  struct si_vaults vaults;
  void *ctx;
  si_finding_each each;
  size_t critical;
  cJSON *of_root; /* records */
  cJSON *of_context;
  cJSON *apart; /* of contexts whose own store cannot take it */
};

static void survey_free(struct survey *survey) {
  si_repos_free(&survey->repos);
  si_engines_free(&survey->engines);
  si_vaults_free(&survey->vaults);
  cJSON_Delete(survey->of_root);
  cJSON_Delete(survey->of_context);
  cJSON_Delete(survey->apart);
}

static si_rc hear(void *ctx, const struct si_finding *finding) {
  struct survey *survey = ctx;
  if (finding->severity == SI_FINDING_CRITICAL) {
    survey->critical++;
    bool own = finding->context[0] && !survey->doctor.elsewhere;
    cJSON *record = !finding->context[0] ? survey->of_root
                    : survey->of_context ? survey->of_context
                                         : survey->apart;
    if (record && !survey->doctor.allowed && !si_record_add(record, finding, own)) {
      return SI_E_NOMEM;
    }
  }
  return survey->each(survey->ctx, finding);
}

/* --- one context --- */

static void open_state(const struct si_context *context, struct si_state **state,
                       struct si_error *why) {
  si_rc status = si_state_open(context->dir, context->id, SI_STATE_WRITE, state, why);
  if (status != SI_OK) {
    struct si_error again;
    if (si_state_open(context->dir, context->id, SI_STATE_READ, state, &again) != SI_OK) {
      *state = NULL;
    }
  }
}

/* What is wrong in one context blocks that one; what is wrong at the root blocks them all. */
static si_rc record(struct survey *survey, const struct si_context *context, struct si_state *state,
                    struct si_error *why) {
  for (const struct si_repo *repo = survey->repos.first; repo; repo = repo->next) {
    bool found = repo->counts[SI_HIT_ARTIFACT] > 0 || repo->counts[SI_HIT_EXPOSURE] > 0 ||
                 repo->counts[SI_HIT_UNSEEN] > 0;
    bool concerned = repo->of_root || strcmp(repo->asked, context->name) == 0;
    if (found && concerned && !si_record_add_repository(survey->of_context, repo->path)) {
      return si_error_set(why, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory");
    }
  }
  if (!si_record_join(survey->of_context, survey->of_root)) {
    return si_error_set(why, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory");
  }
  return si_record_write(context, state, survey->of_context, NULL, why);
}

static void keep(struct survey *survey, const struct si_context *context, struct si_state *state) {
  struct si_error why;
  if (record(survey, context, state, &why) != SI_OK) {
    survey->doctor.row = si_doctor_row("database_integrity");
    si_doctor_failed(&survey->doctor, "what was found cannot be recorded, and what it blocks",
                     &why);
  }
  si_escalate(context, state, survey->of_context, survey->request->context != NULL);
}

static si_rc one(struct survey *survey, const struct si_context *context) {
  struct si_error why = {.status = SI_OK};
  struct si_state *state = NULL;
  struct si_doctor *doctor = &survey->doctor;
  survey->of_context = si_record_new();
  open_state(context, &state, &why);
  doctor->context = context;
  doctor->name = context->name;
  doctor->state = state;
  doctor->unopened = why.status == SI_OK ? NULL : &why;
  si_rc status = survey->of_context ? si_doctor_go(doctor) : SI_E_NOMEM;
  if (status == SI_OK && state && why.status == SI_OK) {
    keep(survey, context, state);
    status = doctor->status;
  } else if (status == SI_OK && !si_record_join(survey->apart, survey->of_context)) {
    status = SI_E_NOMEM;
  }
  si_state_close(state);
  cJSON_Delete(survey->of_context);
  survey->of_context = NULL;
  doctor->state = NULL;
  doctor->context = NULL;
  doctor->unopened = NULL;
  doctor->name = "";
  return status;
}

/* Which check is the reason about? */
static const struct si_doctor_row *check_of(const struct si_error *error) {
  static const char *const checks[][2] = {
      {"STATE_ROOT_IN_REPOSITORY", "state_root_outside_repo"},
      {"STATE_ROOT_UNCHECKED", "state_root_outside_repo"},
      {"PAAS_CONTEXT_COPIED", "context_identity"},
      {"STATE_ROOT_OWNER", "permissions"},
      {"STATE_ROOT_PERMISSIONS", "permissions"},
  };
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
    if (strcmp(checks[i][0], error->code) == 0) {
      return si_doctor_row(checks[i][1]);
    }
  }
  return &si_doctor_context_opens;
}

static si_rc unopened(struct survey *survey, const char *name, const struct si_error *error) {
  struct si_doctor *doctor = &survey->doctor;
  doctor->name = name;
  doctor->row = check_of(error);
  doctor->allowed = false;
  si_doctor_tell(doctor, SI_FINDING_CRITICAL,
                 error->hint[0] ? error->hint : "mend what the detail names", "context %s: %s",
                 name, error->message);
  doctor->name = "";
  return doctor->status;
}

static si_rc each_context(void *ctx, const char *name, const struct si_context *context,
                          const struct si_error *error) {
  struct survey *survey = ctx;
  return context ? one(survey, context) : unopened(survey, name, error);
}

/* A copied context, or one with another's store, cannot hear of it itself. */
static si_rc tell_internal(void *ctx, const char *name, const struct si_context *context,
                           const struct si_error *error) {
  struct survey *survey = ctx;
  struct si_state *state = NULL;
  struct si_error why;
  (void)name, (void)error;
  if (context && strcmp(context->type, "internal") == 0 &&
      si_state_open(context->dir, context->id, SI_STATE_WRITE, &state, &why) == SI_OK) {
    si_escalate(context, state, survey->apart, false);
  }
  si_state_close(state);
  return SI_OK;
}

static si_rc all_contexts(struct survey *survey) {
  struct si_error why;
  si_rc status = si_context_list(survey, each_context, &why);
  if (status != SI_OK && survey->doctor.status == SI_OK) { /* the list itself cannot be read */
    survey->doctor.row = check_of(&why);
    si_doctor_failed(&survey->doctor, "the contexts", &why);
  }
  bool any = cJSON_GetArraySize(si_json_get(survey->apart, "critical")) > 0;
  if (any && si_context_list(survey, tell_internal, &why) != SI_OK) {
    return survey->doctor.status; /* the report has said why */
  }
  return survey->doctor.status;
}

static si_rc contexts(struct survey *survey, struct si_error *error) {
  const char *name = survey->request->context;
  struct si_context context SI_AUTO(si_context_free) = {.config = NULL};
  struct si_error why = {.code = ""};
  if (name) {
    si_rc status = si_context_open(name, &context, &why);
    if (strcmp(why.code, "PAAS_CONTEXT_NOT_FOUND") == 0 || status == SI_E_INVALID) {
      if (error) {
        *error = why;
      }
      return status;
    }
    return status == SI_OK ? one(survey, &context) : unopened(survey, name, &why);
  }
  return all_contexts(survey);
}

si_rc si_doctor_run(const struct si_doctor_request *request, void *ctx, si_finding_each each,
                    size_t *critical, struct si_error *error) {
  struct survey survey SI_AUTO(survey_free) = {.request = request, .ctx = ctx, .each = each};
  survey.doctor = (struct si_doctor){.mode = SI_DOCTOR_ALL,
                                     .repositories = request->repositories,
                                     .forget = request->forget,
                                     .name = "",
                                     .repos = &survey.repos,
                                     .engines = &survey.engines,
                                     .vaults = &survey.vaults,
                                     .ctx = &survey,
                                     .each = hear};
  survey.of_root = si_record_new();
  survey.apart = si_record_new();
  si_doctor_start(&survey.doctor);
  si_rc status = survey.of_root && survey.apart ? si_doctor_go(&survey.doctor) : SI_E_NOMEM;
  if (status == SI_OK) {
    if (error) {
      error->status = SI_OK;
    }
    status = contexts(&survey, error);
  }
  if (status != SI_OK) {
    bool said = error && error->status == status;
    return said ? status
                : si_error_set(error, status, "PAAS_DOCTOR_ENDED", "the checks were ended: %s",
                               si_status_text(status));
  }
  if (critical) {
    *critical = survey.critical;
  }
  return SI_OK;
}
