/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/local/project.h - whose resources they are: the project document, the names that follow
 * from it, and the labels by which everything is found again. Depends on kit/base. Pure.
 *
 * Two labels are the marks, si.context and si.project: what does not carry both with exactly the
 * project's values is another's, and is never touched.
 */
#ifndef SI_PLUGINS_LOCAL_PROJECT_H
#define SI_PLUGINS_LOCAL_PROJECT_H

#include "kit/base/json.h"

#define LOCAL_NAME_SIZE 256 /* of an engine's resource, with the NUL */

struct local_project {
  char context_id[128];
  char project_id[128];
  char slug[64];
  char operation_id[128]; /* these two may be "" */
  char release[256];
  char mark_context[160]; /* "si.context=<context_id>", for the engine's filters */
  char mark_project[160];
};

/* Reads a `si.project/1` document; LOCAL_PROJECT (SI_E_INVALID) where it lacks what it must have.
 */
si_rc local_project_read(const char *json, struct local_project *out,
                         struct si_error *error) SI_MUST_USE;
/* As above from {context_id, project_id} alone; slug and the rest stay "". project_id may be left
 * out where `context_only`. */
si_rc local_marks_read(const cJSON *value, bool context_only, struct local_project *out,
                       struct si_error *error) SI_MUST_USE;

/* The name of a service's container, of a volume or of a network on the engine:
 * si-<8 hex of SHA-256 of the context's id>-<slug>_<name>. */
si_rc local_resource_name(const struct local_project *project, const char *name,
                          char out[LOCAL_NAME_SIZE]) SI_MUST_USE;

/* Does it carry both marks? `labels` is an object or NULL. */
bool local_is_ours(const struct local_project *project, const cJSON *labels);

/* Writes the labels of one resource into `labels`: the marks and where it came from. `kind` is the
 * label that names it: "si.service", "si.volume" or "si.network". SI_E_NOMEM. */
si_rc local_labels(const struct local_project *project, const char *kind, const char *name,
                   const char *spec, cJSON *labels) SI_MUST_USE;

#endif
