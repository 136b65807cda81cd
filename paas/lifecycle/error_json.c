/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/error_json.c - an error record as the JSON that state and runpacks keep.
 */
#include "paas/lifecycle/life.h"

cJSON *si_error_json(const struct si_error *error) {
  static const char *const retries[] = {"never", "safe", "after", "unknown"};
  const struct {
    const char *key;
    const char *value;
  } members[] = {
      {"code", error->code},
      {"stage", error->stage},
      {"target", error->target},
      {"message", error->message},
      {"remediation", error->hint},
      {"retry", retries[error->retry <= SI_OUTCOME_UNKNOWN ? error->retry : 0]},
      {"detail", error->detail},
  };
  cJSON *json = cJSON_CreateObject();
  for (size_t i = 0; json && i < sizeof members / sizeof *members; i++) {
    if (!cJSON_AddStringToObject(json, members[i].key, members[i].value)) {
      cJSON_Delete(json);
      return NULL;
    }
  }
  return json;
}
