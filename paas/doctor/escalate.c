/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/doctor/escalate.h"

#include <stdio.h>
#include <string.h>

#include "paas/alert/alert.h"

static bool escalated(const char *check) {
  static const char *const checks[] = {"repo_private_state_artifacts",
                                       "repo_plaintext_secret_exposure",
                                       "state_plaintext_exposure",
                                       "context_vault_outside_repo",
                                       "context_vault_own",
                                       "context_identity",
                                       "state_root_outside_repo",
                                       "backup_checksum"};
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
    if (strcmp(checks[i], check) == 0) {
      return true;
    }
  }
  return false;
}

static void raise_one(const struct si_alert_sender *sender, const char *check, const char *detail) {
  char dedupe[96];
  char message[1200];
  struct si_error why;
  snprintf(dedupe, sizeof dedupe, "doctor:%.80s", check);
  /* In brackets: "..._secret_exposure: x" would look like a secret to be redacted. */
  snprintf(message, sizeof message, "%.1024s [%.80s]", detail, check);
  const struct si_alert_notice notice = {
      .severity = "critical", .source = "doctor", .dedupe = dedupe, .message = message};
  if (si_alert_raise(sender, &notice, NULL, &why) != SI_OK) {
    return; /* the finding stands in the record and in the report */
  }
}

/* Was it told of already, further up in the list? */
static bool told(const cJSON *list, const cJSON *entry, const char *check) {
  const cJSON *before;
  cJSON_ArrayForEach(before, list) {
    const char *other = si_json_str(before, "check");
    if (before == entry) {
      return false;
    }
    if (other && strcmp(other, check) == 0) {
      return true;
    }
  }
  return false;
}

void si_escalate(const struct si_context *context, struct si_state *state, const cJSON *record,
                 bool named) {
  const struct si_alert_sender sender = {.context = context, .state = state, .interrupt_fd = -1};
  const cJSON *list = si_json_get(record, "critical");
  const cJSON *entry;
  bool of_root = named || strcmp(context->type, "internal") == 0;
  cJSON_ArrayForEach(entry, list) {
    const char *check = si_json_str(entry, "check");
    const char *scope = si_json_str(entry, "scope");
    const char *detail = si_json_str(entry, "detail");
    bool own = scope && strcmp(scope, "context") == 0;
    if (check && detail && (own || of_root) && escalated(check) && !told(list, entry, check)) {
      raise_one(&sender, check, detail);
    }
  }
}
