/* SPDX-License-Identifier: Apache-2.0 */
#include "core/runpack/describe.h"

#include <string.h>

static const char used[] = "_used"; /* no member that a caller may give */

static si_rc wrong(struct si_error *error, const char *name, const char *why) {
  si_error_set(error, SI_E_INVALID, "RUNPACK_DESCRIPTION", "the description of \"%.200s\": %s",
               name, why);
  return si_error_target(error, "export", name);
}

static si_rc check(const cJSON *item, struct si_error *error) {
  const cJSON *member;
  if (!cJSON_IsObject(item)) {
    return wrong(error, item->string, "it is no object");
  }
  cJSON_ArrayForEach(member, item) {
    const char *text = cJSON_GetStringValue(member);
    if (strcmp(member->string, "kind") == 0) {
      if (!text || !si_manifest_kind_valid(text) || strcmp(text, "scenario_spec") == 0) {
        return wrong(error, item->string, "its kind is none that an artifact can have");
      }
    } else if (strcmp(member->string, "content_type") == 0) {
      if (!text || !si_manifest_content_type_valid(text)) {
        return wrong(error, item->string, "its content_type is malformed");
      }
    } else if (strcmp(member->string, "required") == 0) {
      if (!cJSON_IsBool(member)) {
        return wrong(error, item->string, "its required is not true or false");
      }
    } else {
      return wrong(error, item->string, "it may have kind, content_type and required alone");
    }
  }
  return SI_OK;
}

si_rc si_description_read(const char *json, size_t len, struct si_description *out,
                          struct si_error *error) {
  cJSON *artifacts SI_AUTO(si_json_free) = NULL;
  const cJSON *item;
  si_rc status = si_json_parse(json, len, &artifacts, error);
  if (status != SI_OK) {
    return status;
  }
  if (!cJSON_IsObject(artifacts) || cJSON_GetArraySize(artifacts) > SI_DESCRIBE_NAMES) {
    return si_error_set(error, SI_E_INVALID, "RUNPACK_DESCRIPTION",
                        "the description is no object of at most %d names", SI_DESCRIBE_NAMES);
  }
  cJSON_ArrayForEach(item, artifacts) {
    status = status == SI_OK ? check(item, error) : status;
  }
  if (status == SI_OK) {
    out->artifacts = artifacts;
    artifacts = NULL;
  }
  return status;
}

void si_description_apply(struct si_description *description, struct si_artifact *artifact) {
  cJSON *item = cJSON_GetObjectItemCaseSensitive(description->artifacts, artifact->name);
  const cJSON *required = si_json_get(item, "required");
  const char *type = si_json_str(item, "content_type");
  if (!item) {
    return;
  }
  artifact->kind = si_json_str(item, "kind");
  artifact->content_type = type ? type : artifact->content_type;
  artifact->required = required ? cJSON_IsTrue(required) : artifact->required;
  (void)!cJSON_AddTrueToObject(item, used); /* without memory the end says that it was not */
}

si_rc si_description_end(const struct si_description *description, struct si_error *error) {
  const cJSON *item;
  cJSON_ArrayForEach(item, description->artifacts) {
    if (!si_json_get(item, used)) {
      return wrong(error, item->string, "there is no such file");
    }
  }
  return SI_OK;
}

void si_description_free(struct si_description *description) {
  cJSON_Delete(description->artifacts);
  description->artifacts = NULL;
}
