/* SPDX-License-Identifier: Apache-2.0 */
/* paas/context/setting.c - one field of config.json, set where it stands. */
#include <string.h>

#include "paas/context/private.h"

static si_rc no_memory(struct si_error *error) {
  return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: a context's config");
}

/* Is what stands there still the context that was opened? */
static si_rc same_context(const struct si_context_place *place, const struct si_context *context,
                          struct si_error *error) {
  const char *id = si_json_str(place->config, "id");
  return id && strcmp(id, context->id) == 0
             ? SI_OK
             : si_error_set(error, SI_E_CONFLICT, "PAAS_CONTEXT_BUSY",
                            "context %s was replaced while it was changed", context->name);
}

static si_rc put(const struct si_context_place *place, const char *key, const cJSON *value,
                 cJSON **before, struct si_error *error) {
  cJSON *was SI_AUTO(si_json_free) = cJSON_DetachItemFromObjectCaseSensitive(place->config, key);
  cJSON *copy = value ? cJSON_Duplicate(value, true) : NULL;
  if (value && (!copy || !cJSON_AddItemToObject(place->config, key, copy))) {
    cJSON_Delete(copy);
    return no_memory(error);
  }
  si_rc status = si_context_write_json(place->dir, "config.json", place->config, error);
  if (status == SI_OK && before) {
    *before = was;
    was = NULL;
  }
  return status;
}

si_rc si_context_setting_put(const struct si_context *context, const char *key, const cJSON *value,
                             cJSON **before, struct si_error *error) {
  struct si_context_home home SI_AUTO(si_context_home_close) = SI_CONTEXT_HOME;
  struct si_context_place place SI_AUTO(si_context_place_close) = SI_CONTEXT_PLACE;
  int lock SI_AUTO(si_close) = -1;
  if (value && !si_context_field_valid(key, value)) {
    return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                        "a context's %s cannot hold that", key);
  }
  si_rc status = si_context_home_open(&home, error);
  status = status == SI_OK ? si_context_lock(&home, &lock, error) : status;
  status = status == SI_OK ? si_context_place_open(&home, context->name, &place, error) : status;
  status = status == SI_OK ? same_context(&place, context, error) : status;
  return status == SI_OK ? put(&place, key, value, before, error) : status;
}
