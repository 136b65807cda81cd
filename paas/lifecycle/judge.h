/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/judge.h - holds what a provider shows against what was asked: si judges, the
 * provider is believed for nothing but the listing. Pure; depends on kit/base/json.h.
 */
#ifndef SI_PAAS_LIFECYCLE_JUDGE_H
#define SI_PAAS_LIFECYCLE_JUDGE_H

#include "kit/base/json.h"

/* Every service of the stack is there and up: running (healthy where it has a health check), or
 * ended with 0 where it is a one-shot; no other service is, and none twice.
 * PAAS_HEALTH_CHECK_FAILED and PAAS_UNEXPECTED_SERVICE, target = the service; PROVIDER_RESULT where
 * the inspection is no inspection. */
si_rc si_judge_inspection(const cJSON *stack, const cJSON *inspection,
                          struct si_error *error) SI_MUST_USE;

/* destroy's own list of what remains is empty. PAAS_DELETE_UNPROVEN names the first. */
si_rc si_judge_remaining(const cJSON *result, struct si_error *error) SI_MUST_USE;

/* A listing (si_provisioner_vt.list) shows nothing of this project. */
si_rc si_judge_gone(const cJSON *listing, const char *project_id,
                    struct si_error *error) SI_MUST_USE;

#endif
