/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptor of a pack: every member is there, of its kind, and there is no other. */
#include <string.h>

#include "kit/base/text.h"
#include "paas/addon/setting.h"

enum kind { TEXT, FLAG, NAME, LIST };

struct member {
  const char *name;
  enum kind kind;
};

/* What is wrong, for the message. */
struct judge {
  const char *id;
  struct si_error *error;
};

static si_rc wrong(const struct judge *j, const char *where, const char *what) {
  si_error_set(j->error, SI_E_CORRUPT, "ADDON_INVALID", "add-on %.63s: pack.json: %s %s", j->id,
               where, what);
  si_error_target(j->error, NULL, j->id);
  return si_error_hint(j->error, "install the add-ons again: their maker writes it");
}

/* Names of services, volumes and networks as stacks have them, and of secrets. */
static bool is_name(const cJSON *item) {
  const char *text = cJSON_GetStringValue(item);
  return text && (si_setting_valid("service", text) || si_setting_valid("secret", text));
}

static si_rc check_members(const struct judge *j, const char *where, const cJSON *object,
                           const struct member *members, size_t count) {
  if (!cJSON_IsObject(object) || (size_t)cJSON_GetArraySize(object) != count) {
    return wrong(j, where, "has not the members that belong there");
  }
  for (size_t i = 0; i < count; i++) {
    const cJSON *item = si_json_get(object, members[i].name);
    bool well = members[i].kind == FLAG   ? cJSON_IsBool(item)
                : members[i].kind == LIST ? cJSON_IsArray(item)
                : members[i].kind == NAME ? is_name(item)
                                          : cJSON_IsString(item) && item->valuestring[0];
    if (!well) {
      return wrong(j, members[i].name, "is not what it must be");
    }
  }
  return SI_OK;
}

static bool stands_twice(const cJSON *list, const cJSON *item) {
  const cJSON *each;
  size_t found = 0;
  cJSON_ArrayForEach(each, list) {
    const char *name = si_json_str(each, "name");
    found += name && strcmp(name, si_json_str(item, "name")) == 0;
  }
  return found > 1;
}

static si_rc check_list(const struct judge *j, const char *where, const cJSON *list,
                        const struct member *members, size_t count) {
  const cJSON *item;
  si_rc status = SI_OK;
  cJSON_ArrayForEach(item, list) {
    status = status == SI_OK ? check_members(j, where, item, members, count) : status;
    if (status == SI_OK && stands_twice(list, item)) {
      return wrong(j, where, "names something twice");
    }
  }
  return status;
}

static si_rc check_setting(const struct judge *j, const cJSON *setting) {
  const cJSON *at;
  cJSON_ArrayForEach(at, si_json_get(setting, "at")) {
    if (!cJSON_IsString(at) || at->valuestring[0] != '/') {
      return wrong(j, "settings", "have a place that is no path");
    }
  }
  return si_name_valid(si_json_str(setting, "name")) && si_json_get(setting, "at")->child &&
                 si_setting_valid(si_json_str(setting, "form"), si_json_str(setting, "default"))
             ? SI_OK
             : wrong(j, "settings", "have a name, form, default or place that is none");
}

si_rc si_pack_check(const char *id, const cJSON *descriptor, struct si_error *error) {
  static const struct member root[] = {{"schema", TEXT},   {"id", NAME},       {"version", TEXT},
                                       {"summary", TEXT},  {"services", LIST}, {"volumes", LIST},
                                       {"networks", LIST}, {"secrets", LIST},  {"settings", LIST},
                                       {"use", LIST}};
  static const struct member service[] = {{"name", NAME}, {"run", TEXT}, {"about", TEXT}};
  static const struct member thing[] = {{"name", NAME}, {"about", TEXT}};
  static const struct member secret[] = {{"name", NAME}, {"generated", FLAG}, {"about", TEXT}};
  static const struct member setting[] = {
      {"name", NAME}, {"form", TEXT}, {"default", TEXT}, {"about", TEXT}, {"at", LIST}};
  const struct judge j = {id, error};
  const cJSON *each;
  si_rc status = check_members(&j, "it", descriptor, root, sizeof root / sizeof *root);
  if (status == SI_OK && (strcmp(si_json_str(descriptor, "schema"), "si.addon/1") != 0 ||
                          strcmp(si_json_str(descriptor, "id"), id) != 0 ||
                          strlen(si_json_str(descriptor, "version")) > 31)) {
    return wrong(&j, "schema, id or version", "is another than it must be");
  }
  const struct {
    const char *name;
    const struct member *members;
    size_t count;
  } lists[] = {{"services", service, 3},
               {"volumes", thing, 2},
               {"networks", thing, 2},
               {"secrets", secret, 3},
               {"settings", setting, 5}};
  for (size_t i = 0; status == SI_OK && i < sizeof lists / sizeof *lists; i++) {
    status = check_list(&j, lists[i].name, si_json_get(descriptor, lists[i].name), lists[i].members,
                        lists[i].count);
  }
  if (status != SI_OK) {
    return status;
  }
  cJSON_ArrayForEach(each, si_json_get(descriptor, "services")) {
    const char *run = si_json_str(each, "run");
    if (strcmp(run, "always") != 0 && strcmp(run, "asked") != 0) {
      return wrong(&j, "services", "run always, or when asked");
    }
  }
  cJSON_ArrayForEach(each, si_json_get(descriptor, "use")) {
    status = status == SI_OK && !cJSON_IsString(each) ? wrong(&j, "use", "is lines") : status;
  }
  cJSON_ArrayForEach(each, si_json_get(descriptor, "settings")) {
    status = status == SI_OK ? check_setting(&j, each) : status;
  }
  return status;
}
