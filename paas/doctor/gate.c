/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "paas/doctor/engine.h"
#include "paas/doctor/private.h"
#include "paas/doctor/record.h"
#include "paas/doctor/repos.h"

struct gate {
  struct si_doctor *doctor;
  struct si_error *error;
  si_rc status;
};

static si_rc block(struct gate *gate, const char *check, const char *detail, const char *remedy) {
  si_error_set(gate->error, SI_E_CORRUPT, "PAAS_DOCTOR_CRITICAL",
               "si doctor finds %s critical, and nothing is changed until that is mended: %.800s",
               check, detail);
  si_error_target(gate->error, "doctor", check);
  si_error_hint(gate->error, "%s", remedy);
  gate->status = SI_E_CORRUPT;
  return SI_E_CORRUPT;
}

static si_rc hear(void *ctx, const struct si_finding *finding) {
  struct gate *gate = ctx;
  bool blocks = finding->severity == SI_FINDING_CRITICAL && !gate->doctor->allowed;
  return blocks ? block(gate, finding->check, finding->detail, finding->remedy) : SI_OK;
}

/* What an earlier run of the doctor has found, and none after it has found mended. */
static si_rc recorded(struct gate *gate, struct si_state *state) {
  char remedy[700];
  cJSON *record SI_AUTO(si_json_free) = NULL;
  si_rc status = si_record_read(state, &record, gate->error);
  if (status != SI_OK) {
    return status;
  }
  const cJSON *critical = si_json_get(record, "critical");
  const cJSON *first = cJSON_GetArrayItem(critical, 0);
  const char *check = si_json_str(first, "check");
  const char *detail = si_json_str(first, "detail");
  const char *how = si_json_str(first, "remedy");
  if (!record || (cJSON_IsArray(critical) && !first)) {
    return SI_OK;
  }
  check = check ? check : "something";
  detail = detail ? detail : "what was recorded makes no sense";
  snprintf(remedy, sizeof remedy, "%.380s; then let si see it: si paas doctor --context %s",
           how ? how : "mend it", gate->doctor->name);
  return block(gate, check, detail, remedy);
}

si_rc si_doctor_gate(const struct si_context *context, struct si_state *state,
                     struct si_error *error) {
  struct si_repos repos SI_AUTO(si_repos_free) = {.first = NULL};
  struct gate gate = {.error = error, .status = SI_OK};
  struct si_doctor doctor = {
      .mode = SI_DOCTOR_GATE, .name = "", .repos = &repos, .ctx = &gate, .each = hear};
  gate.doctor = &doctor;
  si_doctor_start(&doctor);
  si_rc status = si_doctor_go(&doctor);
  if (status == SI_OK) {
    doctor.context = context;
    doctor.name = context->name;
    doctor.state = state;
    status = si_doctor_go(&doctor);
  }
  return status == SI_OK ? recorded(&gate, state) : status;
}
