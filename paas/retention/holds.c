/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/retention/holds.h"

#include <stdio.h>
#include <string.h>

struct seeking {
  const char *prefix;
  cJSON *holds;
};

void si_retention_who(const cJSON *event, char *to, size_t size) {
  const cJSON *actor = si_json_get(event, "actor");
  const char *user = si_json_str(actor, "user");
  const char *host = si_json_str(actor, "host");
  snprintf(to, size, "%s%s%s", user ? user : "somebody", host && host[0] ? "@" : "",
           host ? host : "");
}

static si_rc add(cJSON *holds, const cJSON *event, const char *reason) {
  char who[300];
  const char *at = si_json_str(event, "at");
  cJSON *hold = cJSON_CreateObject();
  si_retention_who(event, who, sizeof who);
  if (!cJSON_AddStringToObject(hold, "at", at ? at : "") ||
      !cJSON_AddStringToObject(hold, "who", who) ||
      !cJSON_AddStringToObject(hold, "reason", reason ? reason : "") ||
      !cJSON_AddItemToArray(holds, hold)) {
    cJSON_Delete(hold);
    return SI_E_NOMEM;
  }
  return SI_OK;
}

static si_rc look(void *ctx, const cJSON *event) {
  struct seeking *seeking = ctx;
  const cJSON *fields = si_json_get(event, "fields");
  const char *action = si_json_str(event, "action");
  const char *status = si_json_str(event, "status");
  const char *runpack = si_json_str(fields, "runpack");
  const char *reason = si_json_str(fields, "reason");
  if (!action || !status || strcmp(status, "ok") != 0 || !runpack ||
      strcmp(runpack, seeking->prefix) != 0) {
    return SI_OK;
  }
  if (strcmp(action, "runpack.release") == 0) {
    while (cJSON_GetArraySize(seeking->holds) > 0) {
      cJSON_DeleteItemFromArray(seeking->holds, 0);
    }
    return SI_OK;
  }
  bool holds =
      strcmp(action, "runpack.hold") == 0 ||
      (reason && (strcmp(action, "runpack.export") == 0 || strcmp(action, "runpack.copy") == 0));
  return holds ? add(seeking->holds, event, reason) : SI_OK;
}

si_rc si_retention_holds(const struct si_context *context, struct si_state *state,
                         const char *prefix, cJSON **out, struct si_error *error) {
  cJSON *holds SI_AUTO(si_json_free) = cJSON_CreateArray();
  struct si_events_fault fault;
  struct seeking seeking = {prefix, holds};
  si_rc status = si_events_read(context, state, "audit", &seeking, look, &fault, error);
  if (status == SI_OK) {
    *out = holds;
    holds = NULL;
  }
  return status;
}
