/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/local/project.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/hash.h"
#include "kit/base/text.h"

/* An id stands in labels and filters: letters, digits, '-', '_', '.', ':'. */
static bool id_valid(const char *id, size_t size) {
  size_t len = id ? strnlen(id, size) : 0;
  return len > 0 && len < size &&
         strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:") == len;
}

static si_rc lacks(struct si_error *error, const char *member) {
  return si_error_set(error, SI_E_INVALID, "LOCAL_PROJECT",
                      "the project document has no valid \"%s\"", member);
}

si_rc local_marks_read(const cJSON *value, bool context_only, struct local_project *out,
                       struct si_error *error) {
  struct local_project p = {0};
  const char *context = si_json_str(value, "context_id");
  const char *project = si_json_str(value, "project_id");
  if (!id_valid(context, sizeof p.context_id)) {
    return lacks(error, "context_id");
  }
  if (!context_only && !id_valid(project, sizeof p.project_id)) {
    return lacks(error, "project_id");
  }
  si_copy(p.context_id, sizeof p.context_id, context);
  si_copy(p.project_id, sizeof p.project_id, context_only ? "" : project);
  snprintf(p.mark_context, sizeof p.mark_context, "si.context=%s", p.context_id);
  snprintf(p.mark_project, sizeof p.mark_project, "si.project=%s", p.project_id);
  *out = p;
  return SI_OK;
}

si_rc local_project_read(const char *json, struct local_project *out, struct si_error *error) {
  cJSON *value SI_AUTO(si_json_free) = NULL;
  struct local_project p;
  si_rc status = si_json_parse(json, strlen(json), &value, error);
  if (status != SI_OK) {
    return status;
  }
  const char *schema = si_json_str(value, "schema");
  if (!schema || strcmp(schema, "si.project/1") != 0) {
    return lacks(error, "schema");
  }
  status = local_marks_read(value, false, &p, error);
  const char *slug = si_json_str(value, "slug");
  if (status == SI_OK && !si_name_valid(slug)) {
    return lacks(error, "slug");
  }
  if (status == SI_OK) {
    si_copy(p.slug, sizeof p.slug, slug);
    si_copy(p.operation_id, sizeof p.operation_id, si_json_str(value, "operation_id"));
    si_copy(p.release, sizeof p.release, si_json_str(value, "release"));
    *out = p;
  }
  return status;
}

si_rc local_resource_name(const struct local_project *project, const char *name,
                          char out[LOCAL_NAME_SIZE]) {
  char hex[SI_SHA256_HEX];
  si_rc status = si_sha256_hex(project->context_id, strlen(project->context_id), hex);
  if (status != SI_OK) {
    return status;
  }
  /* No slug has a '_': blog's db-data and blog-db's data are two names. */
  int n = snprintf(out, LOCAL_NAME_SIZE, "si-%.8s-%s_%s", hex, project->slug, name);
  return n > 0 && n < LOCAL_NAME_SIZE ? SI_OK : SI_E_INVALID;
}

static bool label_is(const cJSON *labels, const char *key, const char *value) {
  const char *found = si_json_str(labels, key);
  return found && strcmp(found, value) == 0;
}

bool local_is_ours(const struct local_project *project, const cJSON *labels) {
  return label_is(labels, "si.context", project->context_id) &&
         label_is(labels, "si.project", project->project_id);
}

si_rc local_labels(const struct local_project *project, const char *kind, const char *name,
                   const char *spec, cJSON *labels) {
  const char *const pairs[][2] = {{"si.context", project->context_id},
                                  {"si.project", project->project_id},
                                  {"si.slug", project->slug},
                                  {"si.operation", project->operation_id},
                                  {"si.release", project->release},
                                  {"si.spec", spec},
                                  {kind, name}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    cJSON_DeleteItemFromObjectCaseSensitive(labels, pairs[i][0]);
    if (!cJSON_AddStringToObject(labels, pairs[i][0], pairs[i][1])) {
      return SI_E_NOMEM;
    }
  }
  return SI_OK;
}
