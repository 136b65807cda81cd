/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/lifecycle/judge.h"
#include "paas/lifecycle/operation.h"
#include "paas/state/deployment.h"

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

si_rc si_run_open(struct si_run *run, const char *target, const char *config,
                  struct si_error *error) {
  struct si_life *life = run->life;
  uint64_t deadline = si_life_deadline(life);
  si_journal_place(run->journal, run->many ? target : NULL);
  si_rc status =
      si_target_open(life->state, target, config, deadline, life->interrupt_fd, &run->link, error);
  if (status == SI_OK) {
    status =
        si_provisioner_open(life, run->project->provisioner, si_target_link_config(run->link),
                            run->lock, &si_journal_listener, run->journal, &run->session, error);
  }
  if (status == SI_OK) {
    note_provider(run);
  }
  return status;
}

si_rc si_run_close(struct si_run *run, si_rc status, struct si_error *error) {
  si_session_close(run->session);
  run->session = NULL;
  if (status != SI_OK && run->link) {
    error->status = status;
    status = si_target_link_blame(run->link, error);
  }
  si_target_link_close(run->link);
  run->link = NULL;
  return status;
}

/* --- targets --- */

static si_rc add_target(void *ctx, const struct si_instance *instance) {
  struct si_target_names *names = ctx;
  char(*list)[64] = realloc(names->list, (names->count + 1) * sizeof *list);
  if (!list) {
    return SI_E_NOMEM;
  }
  names->list = list;
  si_copy(list[names->count++], sizeof *list, instance->target);
  return SI_OK;
}

si_rc si_run_targets(struct si_life *life, const char *project_id, struct si_target_names *out,
                     struct si_error *error) {
  return si_state_instances(life->state, project_id, out, add_target, error);
}

void si_target_names_free(struct si_target_names *names) {
  free(names->list);
  *names = (struct si_target_names){NULL, 0};
}

struct si_run_names si_run_names_of(const char *prefix, size_t at) {
  struct si_run_names names;
  char suffix[24] = "";
  if (at > 0) {
    snprintf(suffix, sizeof suffix, "_%zu", at + 1);
  }
  snprintf(names.result, sizeof names.result, "%.30sresult%s", prefix, suffix);
  snprintf(names.verified, sizeof names.verified, "%.30sverified%s", prefix, suffix);
  return names;
}

/* --- evidence --- */

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
