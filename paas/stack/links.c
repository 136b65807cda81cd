/* SPDX-License-Identifier: Apache-2.0 */
/* What a service is tied to: the networks it joins and the services it waits for. */
#include <string.h>

#include "kit/base/text.h"
#include "paas/stack/document.h"
#include "paas/stack/parts.h"
#include "paas/stack/profiles.h"
#include "paas/stack/value.h"

/* --- networks --- */

struct membership {
  const struct si_service *service;
  cJSON *aliases;
};

static si_rc read_alias(struct si_reading *r, const struct si_yaml_node *node,
                        const struct si_place *place, const struct membership *member) {
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, node, place, 0, &text);
  status = status == SI_OK ? si_name_check(r, place, text) : status;
  if (status != SI_OK || strcmp(text, member->service->name) == 0) {
    return status; /* the service's own name stands there already */
  }
  if (si_list_has(member->aliases, NULL, text)) {
    return si_stack_invalid(r, place, "names the alias %s a second time", text);
  }
  return si_add_text(r, member->aliases, text);
}

static si_rc read_aliases(struct si_reading *r, const struct si_yaml_node *value,
                          const struct si_place *place, void *into) {
  si_rc status = si_kind_check(r, value, place, SI_YAML_LIST);
  for (size_t i = 0; status == SI_OK && i < value->count; i++) {
    struct si_place at = si_place_of(place, value, i);
    status = read_alias(r, value->entries[i].value, &at, into);
  }
  return status;
}

static si_rc join(struct si_reading *r, const struct si_service *service, cJSON *networks,
                  const char *name, struct membership *member) {
  cJSON *item = NULL;
  si_rc status = si_add_object(r, networks, &item);
  status = status == SI_OK ? si_put_text(r, item, "name", name) : status;
  status = status == SI_OK ? si_put_list(r, item, "aliases", &member->aliases) : status;
  member->service = service;
  return status == SI_OK ? si_add_text(r, member->aliases, service->name) : status;
}

static si_rc read_network(struct si_reading *r, const struct si_place *place,
                          const struct si_service *service, cJSON *networks, const char *name,
                          const struct si_yaml_node *options) {
  static const struct si_key known[] = {{"aliases", read_aliases}};
  static const struct si_keys keys = {known, sizeof known / sizeof *known, NULL, 0};
  struct membership member = {0};
  bool is_default = strcmp(name, "default") == 0;
  si_rc status = si_name_check(r, place, name);
  if (status == SI_OK && !is_default && !si_list_has(r->networks, "name", name)) {
    si_stack_fail(r, "STACK_REFERENCE", place, "joins the network %s, which is not declared", name);
    return si_stack_hint(r, "add `%s:` under the top-level `networks:`", name);
  }
  if (status == SI_OK && si_list_has(networks, "name", name)) {
    return si_stack_invalid(r, place, "joins the network %s a second time", name);
  }
  r->joins_default = r->joins_default || is_default;
  status = status == SI_OK ? join(r, service, networks, name, &member) : status;
  if (status == SI_OK && options && !si_is_null(options)) {
    status = si_keys_read(r, options, place, &keys, &member);
  }
  return status == SI_OK ? si_list_sort(r, member.aliases, NULL) : status;
}

si_rc si_read_networks(struct si_reading *r, const struct si_yaml_node *value,
                       const struct si_place *place, void *into) {
  const struct si_service *service = into;
  cJSON *networks = NULL;
  si_rc status = si_filled_check(r, value, place);
  status = status == SI_OK ? si_put_list(r, service->json, "networks", &networks) : status;
  for (size_t i = 0; status == SI_OK && i < value->count; i++) {
    char *text SI_AUTO(si_text_free) = NULL;
    struct si_place at = si_place_of(place, value, i);
    const struct si_yaml_node *item = value->entries[i].value;
    if (value->kind == SI_YAML_MAP) {
      status = read_network(r, &at, service, networks, at.key, item);
    } else {
      status = si_value_text(r, item, &at, 0, &text);
      status = status == SI_OK ? read_network(r, &at, service, networks, text, NULL) : status;
    }
  }
  return status == SI_OK ? si_list_sort(r, networks, "name") : status;
}

si_rc si_join_default(struct si_reading *r, struct si_service *service) {
  struct membership member = {0};
  cJSON *networks = NULL;
  r->joins_default = true;
  si_rc status = si_put_list(r, service->json, "networks", &networks);
  return status == SI_OK ? join(r, service, networks, "default", &member) : status;
}

/* --- depends_on --- */

static const char *const conditions[] = {
    [SI_AWAIT_STARTED] = "service_started",
    [SI_AWAIT_HEALTHY] = "service_healthy",
    [SI_AWAIT_COMPLETED] = "service_completed_successfully",
};
enum { CONDITIONS = sizeof conditions / sizeof *conditions };

static si_rc unknown_service(struct si_reading *r, const struct si_place *place, const char *name) {
  const char *names[SI_STACK_SERVICES];
  for (size_t i = 0; i < r->service_count; i++) {
    names[i] = r->services[i].name;
  }
  const char *near = si_nearest(name, names, r->service_count);
  const char *profile = si_profile_of(r, name);
  if (profile) {
    si_stack_fail(r, "STACK_REFERENCE", place, "names %.70s, which only a profile runs", name);
    return si_stack_hint(r, "name it, too: --profile %.70s", profile);
  }
  si_stack_fail(r, "STACK_REFERENCE", place, "names \"%.70s\", which is no service of this file",
                name);
  return near ? si_stack_hint(r, "did you mean `%s`?", near) : SI_E_INVALID;
}

static si_rc await(struct si_reading *r, const struct si_place *place, struct si_service *service,
                   const char *name, enum si_condition condition) {
  cJSON *item = NULL;
  cJSON *list = cJSON_GetObjectItemCaseSensitive(service->json, "depends_on");
  size_t on = 0;
  while (on < r->service_count && strcmp(r->services[on].name, name) != 0) {
    on++;
  }
  if (on == r->service_count) {
    return unknown_service(r, place, name);
  }
  if (si_list_has(list, "service", name)) {
    return si_stack_invalid(r, place, "names %s a second time", name);
  }
  /* Each service once: there is room for all. */
  service->awaits[service->await_count++] = (struct si_await){on, condition, place->line};
  si_rc status = si_add_object(r, list, &item);
  status = status == SI_OK ? si_put_text(r, item, "service", name) : status;
  return status == SI_OK ? si_put_text(r, item, "condition", conditions[condition]) : status;
}

static si_rc read_condition(struct si_reading *r, const struct si_yaml_node *value,
                            const struct si_place *place, void *into) {
  enum si_condition *condition = into;
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, value, place, 0, &text);
  for (size_t i = 0; status == SI_OK && i < CONDITIONS; i++) {
    if (strcmp(text, conditions[i]) == 0) {
      *condition = (enum si_condition)i;
      return SI_OK;
    }
  }
  if (status == SI_OK) {
    si_stack_invalid(r, place, "\"%.70s\" is no condition", text);
    return si_stack_hint(r, "it must be %s, %s or %s", conditions[0], conditions[1], conditions[2]);
  }
  return status;
}

static si_rc read_dependency(struct si_reading *r, const struct si_yaml_node *value,
                             const struct si_place *place, struct si_service *service) {
  static const struct si_key known[] = {{"condition", read_condition}};
  static const struct si_keys keys = {known, sizeof known / sizeof *known, NULL, 0};
  enum si_condition condition = SI_AWAIT_STARTED;
  si_rc status = si_keys_read(r, value, place, &keys, &condition);
  if (status == SI_OK && !si_yaml_find(value, "condition")) {
    si_stack_invalid(r, place, "has no `condition`");
    return si_stack_hint(r, "add one, or write `depends_on` as a list of names");
  }
  return status == SI_OK ? await(r, place, service, place->key, condition) : status;
}

si_rc si_read_depends_on(struct si_reading *r, const struct si_yaml_node *value,
                         const struct si_place *place, void *into) {
  struct si_service *service = into;
  cJSON *list = NULL;
  si_rc status = si_filled_check(r, value, place);
  status = status == SI_OK ? si_put_list(r, service->json, "depends_on", &list) : status;
  for (size_t i = 0; status == SI_OK && i < value->count; i++) {
    char *text SI_AUTO(si_text_free) = NULL;
    struct si_place at = si_place_of(place, value, i);
    const struct si_yaml_node *item = value->entries[i].value;
    if (value->kind == SI_YAML_MAP) {
      status = read_dependency(r, item, &at, service);
    } else {
      status = si_value_text(r, item, &at, 0, &text);
      status = status == SI_OK ? await(r, &at, service, text, SI_AWAIT_STARTED) : status;
    }
  }
  return status == SI_OK ? si_list_sort(r, list, "service") : status;
}
