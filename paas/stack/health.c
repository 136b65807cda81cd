/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "paas/stack/document.h"
#include "paas/stack/parts.h"
#include "paas/stack/plain.h"
#include "paas/stack/value.h"

struct health {
  cJSON *json;
  const struct si_service *service;
  bool tested;
  bool disabled;
  size_t timings; /* keys other than `test` and `disable` */
};

/* CMD-SHELL and one line, CMD and its arguments, or NONE. */
static si_rc check_test(struct si_reading *r, const struct si_place *place, const cJSON *test) {
  int count = cJSON_GetArraySize(test);
  const char *how = count ? cJSON_GetStringValue(test->child) : "";
  bool ok = (strcmp(how, "CMD") == 0 && count > 1) || (strcmp(how, "CMD-SHELL") == 0 && count == 2);
  if (ok) {
    return SI_OK;
  }
  si_stack_invalid(r, place, "is no test");
  return si_stack_hint(r,
                       "write a line for the shell, [\"CMD\", program, arguments...], "
                       "[\"CMD-SHELL\", line] or [\"NONE\"]");
}

static si_rc read_test_list(struct si_reading *r, const struct si_yaml_node *value,
                            const struct si_place *place, struct health *health, cJSON *test) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < value->count; i++) {
    char *text SI_AUTO(si_text_free) = NULL;
    struct si_place at = si_place_of(place, value, i);
    status = si_value_text(r, value->entries[i].value, &at, SI_TEXT_EMPTY, &text);
    status = status == SI_OK ? si_add_text(r, test, text) : status;
  }
  if (status == SI_OK && value->count == 1 && strcmp(test->child->valuestring, "NONE") == 0) {
    health->disabled = true;
    cJSON_DeleteItemFromObjectCaseSensitive(health->json, "test");
    return SI_OK;
  }
  health->tested = true;
  status = status == SI_OK ? check_test(r, place, test) : status;
  return status == SI_OK ? si_plain_words(r, place, health->service, test) : status;
}

static si_rc read_test(struct si_reading *r, const struct si_yaml_node *value,
                       const struct si_place *place, void *into) {
  struct health *health = into;
  cJSON *test = NULL;
  si_rc status = si_put_list(r, health->json, "test", &test);
  if (status == SI_OK && value->kind == SI_YAML_LIST) {
    return read_test_list(r, value, place, health, test);
  }
  char *text SI_AUTO(si_text_free) = NULL;
  status = status == SI_OK ? si_value_text(r, value, place, 0, &text) : status;
  status = status == SI_OK ? si_add_text(r, test, "CMD-SHELL") : status;
  health->tested = true;
  status = status == SI_OK ? si_add_text(r, test, text) : status;
  return status == SI_OK ? si_plain_words(r, place, health->service, test) : status;
}

static si_rc put_duration(struct si_reading *r, const struct si_yaml_node *value,
                          const struct si_place *place, struct health *health, const char *member,
                          uint64_t min_ms) {
  uint64_t ms = 0;
  si_rc status = si_value_duration(r, value, place, min_ms, &ms);
  health->timings++;
  return status == SI_OK ? si_put_number(r, health->json, member, ms) : status;
}

static si_rc read_interval(struct si_reading *r, const struct si_yaml_node *value,
                           const struct si_place *place, void *into) {
  return put_duration(r, value, place, into, "interval_ms", 1);
}

static si_rc read_timeout(struct si_reading *r, const struct si_yaml_node *value,
                          const struct si_place *place, void *into) {
  return put_duration(r, value, place, into, "timeout_ms", 1);
}

static si_rc read_start_period(struct si_reading *r, const struct si_yaml_node *value,
                               const struct si_place *place, void *into) {
  return put_duration(r, value, place, into, "start_period_ms", 0);
}

static si_rc read_retries(struct si_reading *r, const struct si_yaml_node *value,
                          const struct si_place *place, void *into) {
  struct health *health = into;
  uint64_t count = 0;
  si_rc status = si_value_count(r, value, place, 1, 100000, &count);
  health->timings++;
  return status == SI_OK ? si_put_number(r, health->json, "retries", count) : status;
}

static si_rc read_disable(struct si_reading *r, const struct si_yaml_node *value,
                          const struct si_place *place, void *into) {
  bool disable = false;
  si_rc status = si_value_flag(r, value, place, &disable);
  ((struct health *)into)->disabled |= disable;
  return status;
}

si_rc si_read_health(struct si_reading *r, const struct si_yaml_node *value,
                     const struct si_place *place, void *into) {
  static const struct si_key known[] = {
      {"test", read_test},       {"interval", read_interval},
      {"timeout", read_timeout}, {"start_period", read_start_period},
      {"retries", read_retries}, {"disable", read_disable}};
  static const struct si_keys keys = {known, sizeof known / sizeof *known, NULL, 0};
  struct si_service *service = into;
  struct health health = {.service = service};
  si_rc status = si_put_object(r, service->json, "healthcheck", &health.json);
  status = status == SI_OK ? si_keys_read(r, value, place, &keys, &health) : status;
  if (status != SI_OK) {
    return status;
  }
  if (health.disabled) {
    return health.tested || health.timings
               ? si_stack_invalid(r, place, "is disabled, and has other keys besides")
               : si_put_flag(r, health.json, "disable", true);
  }
  if (!health.tested) {
    si_stack_invalid(r, place, "has no `test`");
    return si_stack_hint(r, "add `test:`, or remove the key to use what the image brings");
  }
  service->has_health = true;
  return SI_OK;
}
