/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/run.h"

#include <string.h>

#include "paas/lifecycle/judge.h"
#include "paas/lifecycle/operation.h"

static void note_provider(struct si_run *run) {
  cJSON *descriptor SI_AUTO(si_json_free) = NULL;
  const char *text = si_session_descriptor(run->session);
  cJSON *provider = si_json_get(run->result, "provider")
                        ? NULL /* each child of an operation is the same plugin's */
                        : cJSON_AddObjectToObject(run->result, "provider");
  if (!provider || si_json_parse(text, strlen(text), &descriptor, NULL) != SI_OK) {
    return;
  }
  static const char *const keys[] = {"id", "version", "sha256"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    const char *value = si_json_str(descriptor, keys[i]);
    cJSON_AddStringToObject(provider, keys[i], value ? value : "");
  }
}

si_rc si_run_open(struct si_run *run, const char *config, struct si_error *error) {
  si_rc status = si_provisioner_open(run->life, run->project->provisioner, config, run->lock,
                                     &si_journal_listener, run->journal, &run->session, error);
  if (status == SI_OK) {
    note_provider(run);
  }
  return status;
}

void si_run_close(struct si_run *run) {
  si_session_close(run->session);
  run->session = NULL;
}

si_rc si_run_note(struct si_run *run, const char *name, cJSON *document) {
  if (!document || !cJSON_AddItemToObject(run->result, name, document)) {
    cJSON_Delete(document);
    return SI_E_NOMEM;
  }
  return SI_OK;
}

si_rc si_run_ask(struct si_run *run, uint32_t verb, const char *document, const char *stack,
                 const char *name, cJSON **result, struct si_error *error) {
  si_rc status = si_provisioner_ask(run->session, verb, document, stack, result, error);
  if (*result && si_run_note(run, name, *result) != SI_OK) {
    *result = NULL;
    return status == SI_OK ? si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory")
                           : status;
  }
  return status;
}

si_rc si_run_provision(struct si_run *run, const char *document, const char *stack,
                       const char *result_name, const char *verified_name, struct si_error *error) {
  cJSON *result = NULL;
  cJSON *inspection = NULL;
  cJSON *wanted SI_AUTO(si_json_free) = NULL;
  si_rc status = si_json_parse(stack, strlen(stack), &wanted, error);
  status = status == SI_OK
               ? si_run_ask(run, SI_VERB_PROVISION, document, stack, result_name, &result, error)
               : status;
  /* Its own report is not believed: it is asked again, and judged here. */
  if (status == SI_OK) {
    status = si_run_ask(run, SI_VERB_INSPECT, document, NULL, verified_name, &inspection, error);
  }
  return status == SI_OK ? si_judge_inspection(wanted, inspection, error) : status;
}
