/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/stack/addon.h"
#include "paas/stack/keys.h"

enum { DEEP = 8, SECRET_NAME = 128 };

const struct si_addon_section si_addon_sections[SI_ADDON_SECTIONS] = {{"services", "services"},
                                                                      {"volumes", "volumes"},
                                                                      {"networks", "networks"},
                                                                      {"x-si-secrets", "secrets"}};

static si_rc invalid(struct si_reading *r, const struct si_place *place, const char *what) {
  si_stack_fail(r, "STACK_ADDON_INVALID", place, "%s", what);
  return si_stack_hint(r, "the pack is at fault, not the app: install it anew");
}

/* --- what it declares --- */

static const cJSON *named(const cJSON *list, const char *name) {
  const cJSON *each;
  cJSON_ArrayForEach(each, list) {
    const char *its = si_json_str(each, "name");
    if (its && strcmp(its, name) == 0) {
      return each;
    }
  }
  return NULL;
}

/* One that runs when it is asked for has profiles, a secret that is generated says how. */
static si_rc check_member(struct si_reading *r, const struct si_place *place, const cJSON *term,
                          const struct si_yaml_node *value) {
  const char *run = si_json_str(term, "run");
  const cJSON *generated = si_json_get(term, "generated");
  bool map = value->kind == SI_YAML_MAP;
  if (run && (strcmp(run, "asked") == 0) != (map && si_yaml_find(value, "profiles"))) {
    return invalid(r, place, "has profiles where its descriptor says it always runs, or has none");
  }
  if (generated && cJSON_IsTrue(generated) != (map && si_yaml_find(value, "generate"))) {
    return invalid(r, place, "is generated, or is not, other than its descriptor says");
  }
  return map && si_yaml_find(value, "env_file")
             ? invalid(r, place, "has `env_file`, which would be a file of the app's")
             : SI_OK;
}

static si_rc check_section(struct si_reading *r, const struct si_place *root,
                           const struct si_yaml_node *map, const struct si_addon_section *section,
                           const cJSON *pack) {
  const struct si_yaml_entry *entry = si_yaml_find(map, section->key);
  const cJSON *terms = si_json_get(pack, section->term);
  struct si_place place = {root, section->key, 0, entry ? entry->line : root->line};
  size_t count = entry && entry->value->kind == SI_YAML_MAP ? entry->value->count : 0;
  if ((entry && entry->value->kind != SI_YAML_MAP) || count != (size_t)cJSON_GetArraySize(terms)) {
    return invalid(r, &place, "has not the members that its descriptor names");
  }
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < count; i++) {
    struct si_place at = si_place_of(&place, entry->value, i);
    const cJSON *term = named(terms, at.key);
    status = term ? check_member(r, &at, term, entry->value->entries[i].value)
                  : invalid(r, &at, "is nothing that its descriptor names");
  }
  return status;
}

static si_rc refuse_marks(struct si_reading *r, const struct si_place *place,
                          const struct si_yaml_node *node) {
  si_rc status = node->mark == SI_YAML_PLAIN
                     ? SI_OK
                     : invalid(r, place, "is marked `!reset` or `!override`: an add-on adds");
  for (size_t i = 0; status == SI_OK && i < node->count; i++) {
    struct si_place at = si_place_of(place, node, i);
    status = refuse_marks(r, &at, node->entries[i].value);
  }
  return status;
}

/* --- settings --- */

static const char *value_of(const struct si_stack_addon *addon, const cJSON *setting) {
  const char *name = si_json_str(setting, "name");
  const char *given = name ? si_json_str(addon->settings, name) : NULL;
  return given ? given : si_json_str(setting, "default");
}

static const char *form_of(const cJSON *setting) {
  const char *form = si_json_str(setting, "form");
  return form ? form : "";
}

/* Where "/services/redis/image" leads; places[] become the way there, *last the place of it. */
static struct si_yaml_node *follow(const struct si_yaml_node *node, const char *pointer,
                                   struct si_place places[DEEP], const struct si_place **last) {
  size_t depth = 0;
  places[0] = (struct si_place){NULL, NULL, 0, node->line};
  while (*pointer == '/' && depth + 1 < DEEP) {
    char key[256];
    uint64_t index = 0;
    size_t len = strcspn(++pointer, "/"), at = 0;
    snprintf(key, sizeof key, "%.*s", (int)(len < sizeof key ? len : sizeof key - 1), pointer);
    if (node->kind == SI_YAML_LIST && si_parse_u64(key, 0, SI_YAML_NODES, &index) == SI_OK) {
      at = (size_t)index;
    } else {
      while (at < node->count && (!node->entries[at].key || strcmp(node->entries[at].key, key))) {
        at++;
      }
    }
    if (at >= node->count) {
      return NULL;
    }
    places[depth + 1] = si_place_of(&places[depth], node, at);
    node = node->entries[at].value;
    depth++;
    pointer += len;
  }
  *last = &places[depth];
  return *pointer == '\0' && node->kind == SI_YAML_SCALAR ? (struct si_yaml_node *)node : NULL;
}

static si_rc put_value(struct si_reading *r, struct si_yaml_node *node, const char *form,
                       const char *value) {
  char text[SECRET_NAME + 8];
  snprintf(text, sizeof text, "${%.*s}", SECRET_NAME, value);
  char *copy = strdup(strcmp(form, "secret") == 0 ? text : value);
  if (!copy) {
    return si_stack_nomem(r);
  }
  free(node->text);
  node->text = copy;
  node->bytes = strlen(copy);
  node->type = SI_SCALAR_TEXT;
  return SI_OK;
}

static si_rc put_setting(struct si_reading *r, const struct si_stack_addon *addon,
                         const struct si_yaml_node *root, const cJSON *setting) {
  const char *value = value_of(addon, setting);
  const cJSON *pointer;
  si_rc status = SI_OK;
  cJSON_ArrayForEach(pointer, si_json_get(setting, "at")) {
    struct si_place places[DEEP];
    const struct si_place *last = &places[0];
    struct si_yaml_node *node =
        cJSON_IsString(pointer) ? follow(root, pointer->valuestring, places, &last) : NULL;
    if (!node || !value) {
      return invalid(r, last, "has no place for a setting of its descriptor");
    }
    status = status == SI_OK ? put_value(r, node, form_of(setting), value) : status;
  }
  return status;
}

si_rc si_addon_settle(struct si_reading *r, const struct si_stack_addon *addon,
                      const struct si_yaml_node *root) {
  struct si_place place = {NULL, NULL, 0, root->line};
  const cJSON *setting;
  size_t known = 0;
  if (root->kind != SI_YAML_MAP) {
    return invalid(r, &place, "the pack must be a map");
  }
  si_rc status = refuse_marks(r, &place, root);
  for (size_t i = 0; status == SI_OK && i < SI_ADDON_SECTIONS; i++) {
    known += si_yaml_find(root, si_addon_sections[i].key) ? 1 : 0;
    status = check_section(r, &place, root, &si_addon_sections[i], addon->pack);
  }
  if (status == SI_OK && known != root->count) {
    return invalid(r, &place, "the pack has keys besides services, volumes, networks, secrets");
  }
  cJSON_ArrayForEach(setting, si_json_get(addon->pack, "settings")) {
    status = status == SI_OK ? put_setting(r, addon, root, setting) : status;
  }
  return status;
}

/* --- what it builds on --- */

static bool declares(const struct si_yaml_node *root, const char *section, const char *name) {
  const struct si_yaml_entry *entry = si_yaml_find(root, section);
  return entry && entry->value->kind == SI_YAML_MAP && si_yaml_find(entry->value, name);
}

static si_rc check_need(struct si_reading *r, const struct si_stack_addon *addon,
                        const struct si_yaml_node *root, const struct si_yaml_node *whole,
                        const cJSON *setting) {
  static const char *const sections[][2] = {{"service", "services"},
                                            {"volume", "volumes"},
                                            {"network", "networks"},
                                            {"secret", "x-si-secrets"}};
  const char *form = form_of(setting), *value = value_of(addon, setting);
  struct si_place places[DEEP];
  const struct si_place *last = &places[0];
  const cJSON *pointer = cJSON_GetArrayItem(si_json_get(setting, "at"), 0);
  places[0] = (struct si_place){NULL, NULL, 0, root->line};
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
    bool always = strcmp(form, "network") == 0 && strcmp(value, "default") == 0;
    if (strcmp(form, sections[i][0]) == 0 && !always && !declares(whole, sections[i][1], value)) {
      if (cJSON_IsString(pointer)) {
        (void)follow(root, pointer->valuestring, places, &last);
      }
      si_stack_fail(r, "STACK_ADDON_NEEDS", last,
                    "needs the %s %.128s, which the app's stack does not declare", form, value);
      return si_stack_hint(r,
                           "add it, or enable the add-on with the name that the app has for it: "
                           "si paas addon enable %.63s --app APP --set %.63s=NAME",
                           si_json_str(addon->pack, "id"), si_json_str(setting, "name"));
    }
  }
  return SI_OK;
}

/* `$$`, or `${NAME}` of a declared secret: a variable would be the app's. */
static si_rc check_text(struct si_reading *r, const struct si_place *place, const char *text,
                        const struct si_yaml_node *whole) {
  for (const char *p = strchr(text, '$'); p; p = strchr(p, '$')) {
    char name[SECRET_NAME + 1];
    size_t len = p[1] == '{' ? strcspn(p + 2, "}") : 0;
    snprintf(name, sizeof name, "%.*s", (int)(len <= SECRET_NAME ? len : 0), p + 2);
    if (p[1] != '$' && (len == 0 || p[2 + len] != '}' || !declares(whole, "x-si-secrets", name))) {
      return invalid(r, place, "has a `$` that stands for no secret");
    }
    p += p[1] == '$' ? 2 : len + 3;
  }
  return SI_OK;
}

static si_rc check_texts(struct si_reading *r, const struct si_place *place,
                         const struct si_yaml_node *node, const struct si_yaml_node *whole) {
  si_rc status = node->kind == SI_YAML_SCALAR ? check_text(r, place, node->text, whole) : SI_OK;
  for (size_t i = 0; status == SI_OK && i < node->count; i++) {
    struct si_place at = si_place_of(place, node, i);
    status = check_texts(r, &at, node->entries[i].value, whole);
  }
  return status;
}

si_rc si_addon_needs(struct si_reading *r, const struct si_stack_addon *addon,
                     const struct si_yaml_node *root, const struct si_yaml_node *whole) {
  struct si_place place = {NULL, NULL, 0, root->line};
  const cJSON *setting;
  si_rc status = SI_OK;
  bool failed = false;
  cJSON_ArrayForEach(setting, si_json_get(addon->pack, "settings")) {
    if (status == SI_OK) {
      status = si_stack_go_on(r, check_need(r, addon, root, whole, setting), &failed);
    }
  }
  status = si_stack_came_to(status, failed);
  return status == SI_OK ? check_texts(r, &place, root, whole) : status;
}
