/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/schema.h"

#include <string.h>

enum { SCHEMA_MAX = 64 * 1024 };

cJSON *schema_parse(const char *text, const char **why) {
  cJSON *schema = NULL;
  size_t len = text ? strnlen(text, SCHEMA_MAX) : SCHEMA_MAX;
  *why = NULL;
  if (len == SCHEMA_MAX) {
    *why = "is missing, or longer than 64 KiB";
  } else if (si_json_parse(text, len, &schema, NULL) != SI_OK) {
    *why = "is no JSON";
  } else if (!cJSON_IsObject(schema)) {
    *why = "is no JSON object";
    cJSON_Delete(schema);
    schema = NULL;
  }
  return schema;
}

const cJSON *schema_properties(const cJSON *schema) {
  const cJSON *properties = si_json_get(schema, "properties");
  return cJSON_IsObject(properties) ? properties : NULL;
}

bool schema_is_secret(const cJSON *property) {
  return si_json_bool(property, "x-secret", false);
}

/* Texts where no text is allowed, lists where a text is. */
cJSON *schema_wrong_type(const cJSON *property) {
  const char *type = si_json_str(property, "type");
  if (type && (strcmp(type, "string") == 0 || strcmp(type, "object") == 0)) {
    return cJSON_CreateArray();
  }
  if (type || cJSON_IsArray(si_json_get(property, "enum"))) {
    return type ? cJSON_CreateString("si-conform") : cJSON_CreateArray();
  }
  return NULL;
}
