/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/redact/json.c - JSON documents without their secrets.
 */
#include <stdio.h>
#include <string.h>

#include "paas/redact/private.h"

/* Sets *text (cJSON's) to its redacted form where that differs. */
static si_rc redact_text(char **text) {
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(SIZE_MAX / 2);
  size_t len = strlen(*text);
  si_rc status = si_redact_text(*text, len, &out);
  if (status != SI_OK || (out.len == len && memcmp(si_buf_text(&out), *text, len) == 0)) {
    return status;
  }
  char *made = cJSON_malloc(out.len + 1);
  if (!made) {
    return SI_E_NOMEM;
  }
  memcpy(made, out.data, out.len + 1);
  explicit_bzero(*text, len);
  cJSON_free(*text);
  *text = made;
  return SI_OK;
}

static si_rc hide(cJSON *value) {
  if (cJSON_IsString(value)) {
    explicit_bzero(value->valuestring, strlen(value->valuestring));
    return cJSON_SetValuestring(value, SI_REDACTED) ? SI_OK : SI_E_NOMEM;
  }
  size_t size = sizeof SI_REDACTED;
  char *made = cJSON_malloc(size);
  if (!made) {
    return SI_E_NOMEM;
  }
  memcpy(made, SI_REDACTED, size);
  value->type = cJSON_String | (value->type & ~0xFF);
  value->valuestring = made;
  value->valuedouble = 0;
  value->valueint = 0;
  return SI_OK;
}

/* {"secret": KEY, "revision": N} names a secret, and tells nothing of it. */
static bool is_reference(const cJSON *object) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  const char *key = si_json_str(object, "secret");
  return key && strspn(key, letters) == strlen(key) &&
         cJSON_IsNumber(si_json_get(object, "revision")) && cJSON_GetArraySize(object) == 2;
}

/* Keys stay apart: two that hold secrets would else become the same. */
static si_rc redact_member_name(cJSON *member, unsigned *named) {
  size_t len = strlen(member->string);
  if (member->type & cJSON_StringIsConst) {
    return SI_OK; /* a constant of the program */
  }
  struct si_redact_spans spans SI_AUTO(si_redact_spans_free) = {NULL, 0, 0};
  const struct si_redact_place place = {(const unsigned char *)member->string, len, NULL, 0};
  si_rc status = si_redact_by_value(&place, 0, &spans, NULL);
  if (status != SI_OK || spans.count == 0) {
    return status;
  }
  char name[sizeof SI_REDACTED + 16];
  int n = snprintf(name, sizeof name, "%s%u", SI_REDACTED, ++*named);
  char *made = cJSON_malloc((size_t)n + 1);
  if (!made) {
    return SI_E_NOMEM;
  }
  memcpy(made, name, (size_t)n + 1);
  explicit_bzero(member->string, len);
  cJSON_free(member->string);
  member->string = made;
  return SI_OK;
}

bool si_redact_member(const cJSON *member) {
  const char *text = cJSON_GetStringValue(member);
  return si_redact_key(member->string) && !(text && si_redact_reference(text, strlen(text)));
}

static si_rc redact(cJSON *value, bool secret) {
  if (cJSON_IsString(value) &&
      si_redact_reference(value->valuestring, strlen(value->valuestring))) {
    secret = false;
  }
  if (secret && (cJSON_IsString(value) || cJSON_IsNumber(value))) {
    return hide(value);
  }
  if (cJSON_IsString(value)) {
    return redact_text(&value->valuestring);
  }
  bool exempt = cJSON_IsObject(value) && is_reference(value);
  unsigned named = 0;
  si_rc status = SI_OK;
  for (cJSON *each = value->child; status == SI_OK && each; each = each->next) {
    bool of_secret = each->string ? !exempt && si_redact_key(each->string) : secret;
    status = redact(each, of_secret);
    if (status == SI_OK && each->string) {
      status = redact_member_name(each, &named);
    }
  }
  return status;
}

si_rc si_redact_json(cJSON *value) {
  return value ? redact(value, false) : SI_OK;
}
