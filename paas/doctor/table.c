/* SPDX-License-Identifier: Apache-2.0 */
/* The checks, in the order in which they are run. docs/doctor.md lists them for people. */
#include <string.h>

#include "paas/doctor/private.h"

#define CRITICAL SI_FINDING_CRITICAL
#define WARNING SI_FINDING_WARNING
#define INFO SI_FINDING_INFO
#define ROOT SI_SCOPE_ROOT
#define CONTEXT SI_SCOPE_CONTEXT
#define BOTH (SI_SCOPE_ROOT | SI_SCOPE_CONTEXT)

static const struct si_doctor_row rows[] = {
    {"state_root_resolved", CRITICAL, ROOT, true, si_check_root_resolved},
    {"state_root_outside_repo", CRITICAL, BOTH, true, si_check_outside_repo},
    {"context_identity", CRITICAL, CONTEXT, true, si_check_identity},
    {"context_vault_outside_repo", CRITICAL, CONTEXT, true, si_check_vault_outside_repo},
    {"context_vault_own", CRITICAL, CONTEXT, true, si_check_vault_own},
    {"context_vault_trust", CRITICAL, CONTEXT, true, si_check_vault_trust},
    {"repo_private_state_artifacts", CRITICAL, BOTH, true, si_check_repo_artifacts},
    {"repo_plaintext_secret_exposure", CRITICAL, BOTH, true, si_check_repo_exposure},
    {"state_plaintext_exposure", CRITICAL, CONTEXT, false, si_check_state_exposure},
    {"permissions", CRITICAL, BOTH, false, si_check_permissions},
    {"database_integrity", CRITICAL, CONTEXT, false, si_check_database},
    {"event_chain", CRITICAL, CONTEXT, false, si_check_event_chain},
    {"plugin_trust", CRITICAL, ROOT, false, si_check_plugins},
    {"clock", CRITICAL, BOTH, false, si_check_clock},
    {"disk", CRITICAL, BOTH, false, si_check_disk},
    {"pending_recovery", WARNING, CONTEXT, false, si_check_pending},
    {"webhook_policy", CRITICAL, CONTEXT, false, si_check_webhooks},
    {"engine", WARNING, CONTEXT, false, si_check_engine},
    {"address_pools", WARNING, ROOT, false, si_check_pools},
    {"sandbox", WARNING, ROOT, false, si_check_sandbox},
    {"process_privacy", INFO, ROOT, false, si_check_processes},
};

const struct si_doctor_row si_doctor_context_opens = {"context_opens", CRITICAL, CONTEXT, false,
                                                      NULL};

const struct si_doctor_row *si_doctor_rows(size_t *count) {
  *count = sizeof rows / sizeof *rows;
  return rows;
}

const struct si_doctor_row *si_doctor_row(const char *id) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (strcmp(rows[i].id, id) == 0) {
      return &rows[i];
    }
  }
  return &si_doctor_context_opens;
}
