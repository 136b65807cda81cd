/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/document.h"

#include <stdlib.h>
#include <string.h>

#include "paas/stack/report.h"

si_rc si_put_text(struct si_reading *r, cJSON *object, const char *key, const char *text) {
  return cJSON_AddStringToObject(object, key, text) ? SI_OK : si_stack_nomem(r);
}

si_rc si_put_number(struct si_reading *r, cJSON *object, const char *key, uint64_t number) {
  return cJSON_AddNumberToObject(object, key, (double)number) ? SI_OK : si_stack_nomem(r);
}

si_rc si_put_flag(struct si_reading *r, cJSON *object, const char *key, bool flag) {
  return cJSON_AddBoolToObject(object, key, flag) ? SI_OK : si_stack_nomem(r);
}

si_rc si_put_list(struct si_reading *r, cJSON *object, const char *key, cJSON **out) {
  cJSON *list = cJSON_AddArrayToObject(object, key);
  if (!list) {
    return si_stack_nomem(r);
  }
  *out = list;
  return SI_OK;
}

si_rc si_put_object(struct si_reading *r, cJSON *object, const char *key, cJSON **out) {
  cJSON *inner = cJSON_AddObjectToObject(object, key);
  if (!inner) {
    return si_stack_nomem(r);
  }
  *out = inner;
  return SI_OK;
}

static si_rc add(struct si_reading *r, cJSON *list, cJSON *item) {
  if (item && cJSON_AddItemToArray(list, item)) {
    return SI_OK;
  }
  cJSON_Delete(item);
  return si_stack_nomem(r);
}

si_rc si_add_text(struct si_reading *r, cJSON *list, const char *text) {
  return add(r, list, cJSON_CreateString(text));
}

si_rc si_add_object(struct si_reading *r, cJSON *list, cJSON **out) {
  cJSON *item = cJSON_CreateObject();
  si_rc status = add(r, list, item);
  if (status == SI_OK) {
    *out = item;
  }
  return status;
}

static const char *text_of(const cJSON *item, const char *key) {
  const char *text = key ? si_json_str(item, key) : cJSON_GetStringValue(item);
  return text ? text : "";
}

bool si_list_has(const cJSON *list, const char *key, const char *text) {
  for (const cJSON *item = list->child; item; item = item->next) {
    if (strcmp(text_of(item, key), text) == 0) {
      return true;
    }
  }
  return false;
}

struct ranked {
  cJSON *item;
  const char *text;
};

static int compare(const void *a, const void *b) {
  return strcmp(((const struct ranked *)a)->text, ((const struct ranked *)b)->text);
}

si_rc si_list_sort(struct si_reading *r, cJSON *list, const char *key) {
  size_t count = (size_t)cJSON_GetArraySize(list);
  struct ranked *ranked = calloc(count ? count : 1, sizeof *ranked);
  if (!ranked) {
    return si_stack_nomem(r);
  }
  for (size_t i = 0; i < count; i++) {
    ranked[i].item = cJSON_DetachItemViaPointer(list, list->child);
    ranked[i].text = text_of(ranked[i].item, key);
  }
  qsort(ranked, count, sizeof *ranked, compare);
  for (size_t i = 0; i < count; i++) {
    cJSON_AddItemToArray(list, ranked[i].item);
  }
  free(ranked);
  return SI_OK;
}
