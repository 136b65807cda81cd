/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/top.h"

#include <string.h>

#include "kit/base/hash.h"
#include "paas/stack/addon.h"
#include "paas/stack/check.h"
#include "paas/stack/document.h"
#include "paas/stack/keys.h"
#include "paas/stack/profiles.h"
#include "paas/stack/secrets.h"
#include "paas/stack/service.h"
#include "paas/stack/value.h"

/* 1 MiB of text is at most 6 MiB of JSON (\u0001 for each byte); the rest is for members' names. */
enum { JSON_MOST = 8 << 20 };

/* --- the top level: values are only remembered, since services need the other two first --- */

struct top {
  const struct si_yaml_entry *services;
  const struct si_yaml_entry *volumes;
  const struct si_yaml_entry *networks;
  const struct si_yaml_entry *secrets;
};

static si_rc later(struct si_reading *r, const struct si_yaml_node *value,
                   const struct si_place *place, void *into) {
  (void)r, (void)value, (void)place, (void)into;
  return SI_OK;
}

/* Kept by nobody, but no place for something odd either. */
static si_rc pass_over(struct si_reading *r, const struct si_yaml_node *value,
                       const struct si_place *place, void *into) {
  char *text SI_AUTO(si_text_free) = NULL;
  (void)into;
  return si_value_text(r, value, place, SI_TEXT_NUMBERS, &text);
}

static si_rc read_top(struct si_reading *r, const struct si_yaml_node *root,
                      const struct si_place *place, struct top *top, bool *failed) {
  static const struct si_key known[] = {{"services", later}, {"volumes", later},
                                        {"networks", later}, {"x-si-secrets", later},
                                        {"name", pass_over}, {"version", pass_over}};
  static const struct si_refused_key refused[] = {
      {"secrets", "a stack file holds no secrets: declare what it needs under `x-si-secrets`"},
      {"configs", "put the files into the image, or their content under `environment`"},
      {"include", "write one file"},
  };
  static const struct si_keys keys = {known, sizeof known / sizeof *known, refused,
                                      sizeof refused / sizeof *refused};
  if (root->kind != SI_YAML_MAP) {
    si_stack_invalid(r, place, "the file must be a map with the key `services`");
    return si_stack_hint(r, "begin with `services:`");
  }
  si_rc status = si_stack_go_on(r, si_keys_read(r, root, place, &keys, NULL), failed);
  if (status != SI_OK) {
    return status;
  }
  top->services = si_yaml_find(root, "services");
  top->volumes = si_yaml_find(root, "volumes");
  top->networks = si_yaml_find(root, "networks");
  top->secrets = si_yaml_find(root, "x-si-secrets");
  if (!top->services) {
    si_stack_invalid(r, place, "the file declares no services");
    return si_stack_hint(r, "add `services:`");
  }
  return SI_OK;
}

/* --- volumes and networks --- */

/* The one driver that there is, said aloud. */
static si_rc read_driver(struct si_reading *r, const struct si_yaml_node *value,
                         const struct si_place *place, const char *only) {
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_is_null(value) ? SI_OK : si_value_text(r, value, place, 0, &text);
  if (status == SI_OK && text && strcmp(text, only) != 0) {
    si_stack_invalid(r, place, "\"%.60s\" is a driver that si does not use", text);
    return si_stack_hint(r, "remove it, or say `%s`", only);
  }
  return status;
}

static si_rc read_volume_driver(struct si_reading *r, const struct si_yaml_node *value,
                                const struct si_place *place, void *into) {
  (void)into;
  return read_driver(r, value, place, "local");
}

static si_rc read_network_driver(struct si_reading *r, const struct si_yaml_node *value,
                                 const struct si_place *place, void *into) {
  (void)into;
  return read_driver(r, value, place, "bridge");
}

static si_rc read_volume(struct si_reading *r, const struct si_yaml_node *value,
                         const struct si_place *place, cJSON *item) {
  static const struct si_key known[] = {{"driver", read_volume_driver}};
  static const struct si_refused_key refused[] = {
      {"external", "remove it: a project has its own volumes, which nobody else touches"},
      {"name", "remove it: si names the volume after the project"},
      {"driver_opts", "remove it: volumes lie where the engine keeps them"},
      {"labels", "remove it: si labels what it makes, and finds it again by that"},
  };
  static const struct si_keys keys = {known, 1, refused, sizeof refused / sizeof *refused};
  return si_is_null(value) ? SI_OK : si_keys_read(r, value, place, &keys, item);
}

static si_rc read_internal(struct si_reading *r, const struct si_yaml_node *value,
                           const struct si_place *place, void *into) {
  bool flag = false;
  si_rc status = si_value_flag(r, value, place, &flag);
  return status == SI_OK ? si_put_flag(r, into, "internal", flag) : status;
}

static si_rc read_network(struct si_reading *r, const struct si_yaml_node *value,
                          const struct si_place *place, cJSON *item) {
  static const struct si_key known[] = {{"internal", read_internal},
                                        {"driver", read_network_driver}};
  static const struct si_refused_key refused[] = {
      {"external", "remove it: a project has its own networks, which no other project is on"},
      {"name", "remove it: si names the network after the project"},
      {"driver_opts", "remove it: the engine's defaults are used"},
      {"ipam", "remove it: the engine chooses the addresses; services find each other by name"},
      {"attachable", "remove it: nothing but the project's services is on its networks"},
      {"enable_ipv6", "remove it: the engine's configuration decides that"},
      {"labels", "remove it: si labels what it makes, and finds it again by that"},
  };
  static const struct si_keys keys = {known, sizeof known / sizeof *known, refused,
                                      sizeof refused / sizeof *refused};
  si_rc status = si_is_null(value) ? SI_OK : si_keys_read(r, value, place, &keys, item);
  if (status == SI_OK && !si_json_get(item, "internal")) {
    return si_put_flag(r, item, "internal", false);
  }
  return status;
}

typedef si_rc (*declaration_reader)(struct si_reading *r, const struct si_yaml_node *value,
                                    const struct si_place *place, cJSON *item);

static si_rc read_declarations(struct si_reading *r, const struct si_yaml_entry *entry,
                               const struct si_place *root, cJSON *list, declaration_reader read) {
  if (!entry) {
    return SI_OK;
  }
  bool failed = false;
  struct si_place place = {root, entry->key, 0, entry->line};
  si_rc status = si_kind_check(r, entry->value, &place, SI_YAML_MAP);
  for (size_t i = 0; status == SI_OK && i < entry->value->count; i++) {
    cJSON *item = NULL;
    struct si_place at = si_place_of(&place, entry->value, i);
    status = si_name_check(r, &at, at.key);
    status = status == SI_OK ? si_add_object(r, list, &item) : status;
    status = status == SI_OK ? si_put_text(r, item, "name", at.key) : status;
    status = status == SI_OK ? read(r, entry->value->entries[i].value, &at, item) : status;
    status = si_stack_go_on(r, status, &failed);
  }
  return si_stack_came_to(status, failed);
}

static si_rc declare_default(struct si_reading *r) {
  cJSON *item = NULL;
  if (!r->joins_default || si_list_has(r->networks, "name", "default")) {
    return SI_OK;
  }
  si_rc status = si_add_object(r, r->networks, &item);
  status = status == SI_OK ? si_put_text(r, item, "name", "default") : status;
  return status == SI_OK ? si_put_flag(r, item, "internal", false) : status;
}

static si_rc read_secrets(struct si_reading *r, const struct si_yaml_entry *entry,
                          const struct si_place *root) {
  struct si_place place = {root, entry ? entry->key : NULL, 0, entry ? entry->line : 0};
  return entry ? si_secrets_read(r, entry->value, &place) : SI_OK;
}

/* What services refer to. A declaration that is wrong in itself still declares its name; where the
 * names themselves cannot be read, every service would seem to be wrong, and none is read. */
static si_rc read_declared(struct si_reading *r, const struct top *top, const struct si_place *root,
                           bool *failed) {
  const struct si_yaml_entry *const maps[] = {top->volumes, top->networks, top->secrets};
  si_rc status = read_declarations(r, top->volumes, root, r->volumes, read_volume);
  status = si_stack_go_on(r, status, failed);
  if (status == SI_OK) {
    status = read_declarations(r, top->networks, root, r->networks, read_network);
    status = si_stack_go_on(r, status, failed);
  }
  status =
      status == SI_OK ? si_stack_go_on(r, read_secrets(r, top->secrets, root), failed) : status;
  for (size_t i = 0; status == SI_OK && i < sizeof maps / sizeof *maps; i++) {
    bool map = !maps[i] || maps[i]->value->kind == SI_YAML_MAP || si_is_null(maps[i]->value);
    status = map ? SI_OK : SI_E_INVALID;
  }
  return status;
}

/* --- services --- */

static si_rc name_services(struct si_reading *r, const struct si_yaml_node *map,
                           const struct si_place *place, bool *failed) {
  si_rc status = si_kind_check(r, map, place, SI_YAML_MAP);
  status = status == SI_OK ? si_filled_check(r, map, place) : status;
  if (status == SI_OK && map->count > SI_STACK_SERVICES) {
    return si_stack_fail(r, "STACK_TOO_LARGE", place, "has more than %d services",
                         SI_STACK_SERVICES);
  }
  r->all_services = status == SI_OK ? map : NULL;
  for (size_t i = 0; status == SI_OK && i < map->count; i++) {
    struct si_place at = si_place_of(place, map, i);
    bool runs = true;
    status = si_stack_go_on(r, si_name_check(r, &at, at.key), failed);
    if (status == SI_OK) {
      status = si_stack_go_on(r, si_profile_runs(r, map->entries[i].value, &at, &runs), failed);
    }
    if (runs) {
      struct si_service *service = &r->services[r->service_count++];
      service->name = at.key;
      service->line = at.line;
      service->node = map->entries[i].value;
    }
  }
  if (status == SI_OK && !*failed && r->service_count == 0) {
    si_stack_invalid(r, place, "has no service that runs without a profile");
    return si_stack_hint(r, "name a profile with --profile");
  }
  return status;
}

static si_rc read_services(struct si_reading *r, const struct si_yaml_entry *entry,
                           const struct si_place *root) {
  struct si_place place = {root, entry->key, 0, entry->line};
  bool failed = false;
  si_rc status = name_services(r, entry->value, &place, &failed);
  for (size_t i = 0; status == SI_OK && i < r->service_count; i++) {
    struct si_service *service = &r->services[i];
    struct si_place at = {&place, service->name, 0, service->line};
    status = si_stack_go_on(r, si_service_read(r, service->node, &at, service), &failed);
  }
  status = si_stack_came_to(status, failed);
  status = status == SI_OK ? si_stack_check(r, &place) : status;
  status = status == SI_OK ? si_addon_check(r, &place) : status;
  for (size_t i = 0; status == SI_OK && i < r->service_count; i++) {
    bool oneshot = r->services[i].oneshot == SI_ONESHOT_YES;
    status = si_put_flag(r, r->services[i].json, "oneshot", oneshot);
  }
  return status;
}

/* --- the document --- */

static si_rc hand_over(struct si_reading *r, cJSON *document, const char *key, cJSON **value) {
  if (!cJSON_AddItemToObject(document, key, *value)) {
    return si_stack_nomem(r);
  }
  *value = NULL;
  return SI_OK;
}

static si_rc assemble(struct si_reading *r, cJSON *document) {
  cJSON *services = NULL;
  si_rc status = si_put_text(r, document, "schema", "si.stack/1");
  status = status == SI_OK ? si_put_list(r, document, "services", &services) : status;
  for (size_t i = 0; status == SI_OK && i < r->service_count; i++) {
    if (!cJSON_AddItemToArray(services, r->services[i].json)) {
      return si_stack_nomem(r);
    }
    r->services[i].json = NULL;
  }
  status = status == SI_OK ? declare_default(r) : status;
  status = status == SI_OK ? si_list_sort(r, services, "name") : status;
  status = status == SI_OK ? si_list_sort(r, r->volumes, "name") : status;
  status = status == SI_OK ? si_list_sort(r, r->networks, "name") : status;
  status = status == SI_OK ? hand_over(r, document, "volumes", &r->volumes) : status;
  if (status == SI_OK && r->secrets->child) {
    status = hand_over(r, document, "secrets", &r->secrets);
  }
  return status == SI_OK ? hand_over(r, document, "networks", &r->networks) : status;
}

static si_rc write_out(struct si_reading *r, const cJSON *document, struct si_stack *out) {
  struct si_buf buf SI_AUTO(si_buf_free) = SI_BUF(JSON_MOST);
  struct si_stack stack = {0};
  si_rc status = si_json_canonical(document, &buf);
  if (status == SI_E_QUOTA) {
    return si_stack_fail(r, "STACK_TOO_LARGE", NULL, "the stack document is larger than %d MiB",
                         JSON_MOST >> 20);
  }
  status = status == SI_OK ? si_sha256_hex(buf.data, buf.len, stack.sha256) : status;
  if (status != SI_OK) {
    return si_stack_nomem(r);
  }
  stack.json = buf.data;
  stack.len = buf.len;
  buf.data = NULL;
  *out = stack;
  return SI_OK;
}

si_rc si_top_read(struct si_reading *r, const struct si_yaml_node *root, struct si_stack *out) {
  struct si_place place = {NULL, NULL, 0, root->line};
  struct top top = {0};
  cJSON *document SI_AUTO(si_json_free) = cJSON_CreateObject();
  r->volumes = cJSON_CreateArray();
  r->networks = cJSON_CreateArray();
  r->secrets = cJSON_CreateArray();
  if (!document || !r->volumes || !r->networks || !r->secrets) {
    return si_stack_nomem(r);
  }
  bool failed = false;
  si_rc status = read_top(r, root, &place, &top, &failed);
  status = status == SI_OK ? read_declared(r, &top, &place, &failed) : status;
  status =
      status == SI_OK ? si_stack_go_on(r, read_services(r, top.services, &place), &failed) : status;
  status = si_stack_came_to(status, failed);
  status = status == SI_OK ? assemble(r, document) : status;
  return status == SI_OK ? write_out(r, document, out) : status;
}
