/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/addon.h"

#include <string.h>

#include "paas/stack/keys.h"
#include "paas/stack/merge.h"

/* --- joining --- */

static si_rc conflict(struct si_reading *r, const struct si_stack_addon *addon,
                      const struct si_place *section, const struct si_yaml_entry *app,
                      const struct si_yaml_entry *pack) {
  char line[200];
  const char *id = si_json_str(addon->pack, "id");
  struct si_place at = {section, app->key, 0, app->line};
  si_stack_fail(r, "STACK_ADDON_CONFLICT", &at, "is what the add-on %.63s brings, on %s", id,
                si_stack_line(r, pack->line, app->line, line));
  return si_stack_hint(r,
                       "an add-on is neither changed nor added to by a stack: take it out, or name "
                       "it otherwise; or: si paas addon disable %.63s --app APP",
                       id);
}

/* The members of both, none of which stands in both. */
static si_rc join(struct si_reading *r, const struct si_stack_addon *addon, struct si_yaml *to,
                  const struct si_yaml_entry *app, const struct si_yaml_entry *pack,
                  const struct si_place *root, const struct si_yaml_node **out) {
  const struct si_yaml_node *ours = app->value, *theirs = pack->value;
  struct si_place section = {root, app->key, 0, app->line};
  struct si_yaml_node *map = si_yaml_make(to, ours, SI_YAML_MAP, ours->count + theirs->count);
  si_rc status = map ? SI_OK : si_stack_nomem(r);
  bool failed = false;
  for (size_t i = 0; status == SI_OK && i < ours->count; i++) {
    map->entries[map->count++] = ours->entries[i];
  }
  for (size_t i = 0; status == SI_OK && i < theirs->count; i++) {
    const struct si_yaml_entry *known = si_yaml_find(ours, theirs->entries[i].key);
    if (known) {
      status = conflict(r, addon, &section, known, &theirs->entries[i]);
      status = si_stack_go_on(r, status, &failed);
    } else {
      map->entries[map->count++] = theirs->entries[i];
    }
  }
  *out = map;
  return si_stack_came_to(status, failed);
}

static si_rc join_roots(struct si_reading *r, const struct si_stack_addon *addon,
                        struct si_yaml *app, const struct si_yaml_node *pack) {
  const struct si_yaml_node *ours = app->root;
  struct si_place place = {NULL, NULL, 0, ours->line};
  struct si_yaml_node *root = si_yaml_make(app, ours, SI_YAML_MAP, ours->count + pack->count);
  si_rc status = root ? SI_OK : si_stack_nomem(r);
  bool failed = false;
  for (size_t i = 0; status == SI_OK && i < ours->count; i++) {
    struct si_yaml_entry entry = ours->entries[i];
    const struct si_yaml_entry *theirs = si_yaml_find(pack, entry.key);
    if (theirs && si_is_null(entry.value)) {
      entry.value = theirs->value;
    } else if (theirs && entry.value->kind == SI_YAML_MAP && !si_is_null(theirs->value)) {
      status = join(r, addon, app, &ours->entries[i], theirs, &place, &entry.value);
      status = si_stack_go_on(r, status, &failed);
    }
    root->entries[root->count++] = entry; /* of another kind: the readers say so */
  }
  for (size_t i = 0; status == SI_OK && i < pack->count; i++) {
    if (!si_yaml_find(ours, pack->entries[i].key)) {
      root->entries[root->count++] = pack->entries[i];
    }
  }
  status = si_stack_came_to(status, failed);
  status = status == SI_OK ? si_addon_needs(r, addon, pack, root) : status;
  status = status == SI_OK ? si_yaml_limits(r, &place, root) : status;
  app->root = status == SI_OK ? root : app->root;
  return status;
}

si_rc si_addon_put(struct si_reading *r, const struct si_stack_addon *addon, struct si_yaml *app,
                   struct si_yaml *yaml) {
  const struct si_yaml_node *pack = yaml->root;
  si_yaml_adopt(app, yaml);
  si_rc status = si_addon_settle(r, addon, pack);
  if (status != SI_OK || app->root->kind != SI_YAML_MAP) {
    return status;
  }
  return join_roots(r, addon, app, pack);
}

/* --- at the end --- */

static bool is_addon(const struct si_reading *r, const struct si_service *service) {
  size_t file = SI_LINE_FILE(service->line);
  return file >= r->addon_files && file < r->addon_files + r->addon_count;
}

/* Is the last component of the image's name, whatever registry it is from? */
static bool runs_databasus(const struct si_service *service) {
  const char *image = si_json_str(service->json, "image");
  const char *slash = image ? strrchr(image, '/') : NULL;
  const char *name = slash ? slash + 1 : image;
  return name && strcspn(name, ":@") == strlen("databasus") &&
         strncmp(name, "databasus", strlen("databasus")) == 0;
}

static si_rc refuse_port(struct si_reading *r, const struct si_place *place, bool addon) {
  si_stack_fail(r, "STACK_ADDON_PORT", place,
                addon ? "is an add-on's, and publishes a port: add-ons never do"
                      : "runs Databasus, and publishes a port: Databasus is reached on the "
                        "project's networks alone");
  return si_stack_hint(r, "remove `ports`; who needs it joins a network that the service is on");
}

/* Does a service of the app answer to the name of an add-on's? */
static si_rc check_aliases(struct si_reading *r, const struct si_place *place,
                           const struct si_service *service) {
  const cJSON *network, *alias;
  cJSON_ArrayForEach(network, si_json_get(service->json, "networks")) {
    cJSON_ArrayForEach(alias, si_json_get(network, "aliases")) {
      for (size_t i = 0; i < r->service_count; i++) {
        if (is_addon(r, &r->services[i]) && strcmp(r->services[i].name, alias->valuestring) == 0) {
          si_stack_fail(r, "STACK_ADDON_CONFLICT", place,
                        "answers to %.63s, the name of an add-on's service", alias->valuestring);
          return si_stack_hint(r, "take the alias out, or name it otherwise");
        }
      }
    }
  }
  return SI_OK;
}

si_rc si_addon_check(struct si_reading *r, const struct si_place *services) {
  si_rc status = SI_OK;
  bool failed = false;
  for (size_t i = 0; status == SI_OK && i < r->service_count; i++) {
    const struct si_service *service = &r->services[i];
    const cJSON *ports = si_json_get(service->json, "ports");
    struct si_place at = {services, service->name, 0, service->line};
    bool addon = is_addon(r, service);
    if (ports && ports->child && (addon || runs_databasus(service))) {
      status = si_stack_go_on(r, refuse_port(r, &at, addon), &failed);
    } else if (!addon && r->addon_count > 0) {
      status = si_stack_go_on(r, check_aliases(r, &at, service), &failed);
    }
  }
  return si_stack_came_to(status, failed);
}
