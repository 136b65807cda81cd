/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/stack/document.h"
#include "paas/stack/parts.h"
#include "paas/stack/value.h"

struct mount {
  char *source;
  char *target;
  bool typed; /* the long form said `type: volume` */
  bool read_only;
};

static void mount_free(struct mount *mount) {
  free(mount->source);
  free(mount->target);
}

/* Nothing else of the service is mounted there. `target` must live as long as the document. */
static si_rc claim(struct si_reading *r, const struct si_place *place, struct si_service *service,
                   const char *target) {
  for (size_t i = 0; i < service->mount_count; i++) {
    if (strcmp(service->mounts[i].target, target) == 0) {
      char line[200];
      return si_stack_invalid(r, place, "mounts at %.100s, as %s does", target,
                              si_stack_line(r, service->mounts[i].line, place->line, line));
    }
  }
  if (service->mount_count == SI_STACK_MOUNTS) {
    return si_stack_fail(r, "STACK_TOO_LARGE", place, "is beyond the %d mounts of a service",
                         SI_STACK_MOUNTS);
  }
  service->mounts[service->mount_count++] = (struct si_mount){target, place->line};
  return SI_OK;
}

static si_rc refuse_bind(struct si_reading *r, const struct si_place *place, const char *source) {
  si_stack_invalid(r, place, "mounts \"%.100s\" of the host: only named volumes can be mounted",
                   source);
  return si_stack_hint(r,
                       "declare a volume under the top-level `volumes:` and mount it by name; "
                       "put files that the service needs into its image");
}

static si_rc check_source(struct si_reading *r, const struct si_place *place, const char *source) {
  if (source[0] == '.' || source[0] == '/' || source[0] == '~') {
    return refuse_bind(r, place, source);
  }
  si_rc status = si_name_check(r, place, source);
  if (status == SI_OK && !si_list_has(r->volumes, "name", source)) {
    si_stack_fail(r, "STACK_REFERENCE", place, "uses the volume %s, which is not declared", source);
    return si_stack_hint(r, "add `%s:` under the top-level `volumes:`", source);
  }
  return status;
}

/* A later file mounts something else at a place of an earlier one: the mount stays where it stands
 * in the list, and is another. */
static si_rc replace_mount(struct si_reading *r, struct si_service *service,
                           const struct si_place *place, const struct mount *mount, bool *done) {
  cJSON *item = cJSON_GetObjectItemCaseSensitive(service->json, "volumes")->child;
  struct si_mount *known = service->mounts;
  size_t left = service->mount_count;
  while (left > 0 && strcmp(known->target, mount->target) != 0) {
    known++, left--;
  }
  while (left > 0 && item && si_json_str(item, "target") != known->target) {
    item = item->next;
  }
  if (left == 0 || !item || SI_LINE_FILE(known->line) >= SI_LINE_FILE(place->line)) {
    return SI_OK;
  }
  *done = true;
  known->line = place->line;
  cJSON_DeleteItemFromObjectCaseSensitive(item, "source");
  cJSON_DeleteItemFromObjectCaseSensitive(item, "read_only");
  si_rc status = si_put_text(r, item, "source", mount->source);
  return status == SI_OK ? si_put_flag(r, item, "read_only", mount->read_only) : status;
}

static si_rc put_mount(struct si_reading *r, const struct si_place *place,
                       struct si_service *service, const struct mount *mount) {
  cJSON *item = NULL;
  cJSON *list = cJSON_GetObjectItemCaseSensitive(service->json, "volumes");
  if (!mount->source || !mount->target) {
    return si_stack_nomem(r);
  }
  si_rc status = check_source(r, place, mount->source);
  status = status == SI_OK ? si_path_check(r, place, mount->target) : status;
  if (status == SI_OK && mount->target[1] == '\0') {
    return si_stack_invalid(r, place, "mounts a volume at /");
  }
  bool done = false;
  status = status == SI_OK ? replace_mount(r, service, place, mount, &done) : status;
  if (done) {
    return status;
  }
  status = status == SI_OK ? si_add_object(r, list, &item) : status;
  status = status == SI_OK ? si_put_text(r, item, "source", mount->source) : status;
  status = status == SI_OK ? si_put_text(r, item, "target", mount->target) : status;
  status = status == SI_OK ? si_put_flag(r, item, "read_only", mount->read_only) : status;
  return status == SI_OK ? claim(r, place, service, si_json_str(item, "target")) : status;
}

/* "data:/path[:ro]" */
static si_rc read_short(struct si_reading *r, const struct si_yaml_node *node,
                        const struct si_place *place, struct mount *mount) {
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, node, place, 0, &text);
  if (status != SI_OK) {
    return status;
  }
  char *target = strchr(text, ':');
  if (!target) {
    si_stack_invalid(r, place, "\"%.100s\" names no volume", text);
    return si_stack_hint(r, "write \"name:/path\"; a volume without a name could not be kept");
  }
  *target++ = '\0';
  char *mode = strchr(target, ':');
  if (mode) {
    *mode++ = '\0';
    mount->read_only = strcmp(mode, "ro") == 0;
    if (!mount->read_only && strcmp(mode, "rw") != 0) {
      return si_stack_invalid(r, place, "has the mode \"%.60s\": it must be ro or rw", mode);
    }
  }
  mount->source = strdup(text);
  mount->target = strdup(target);
  return SI_OK; /* put_mount sees whether memory was there */
}

/* --- the long form --- */

static si_rc read_type(struct si_reading *r, const struct si_yaml_node *value,
                       const struct si_place *place, void *into) {
  struct mount *mount = into;
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, value, place, 0, &text);
  if (status == SI_OK && strcmp(text, "volume") != 0) {
    si_stack_invalid(r, place, "is \"%.60s\": only named volumes can be mounted", text);
    return si_stack_hint(r, "write `type: volume`; for memory use the service's `tmpfs:`");
  }
  mount->typed = true;
  return status;
}

static si_rc read_source(struct si_reading *r, const struct si_yaml_node *value,
                         const struct si_place *place, void *into) {
  return si_value_text(r, value, place, 0, &((struct mount *)into)->source);
}

static si_rc read_target(struct si_reading *r, const struct si_yaml_node *value,
                         const struct si_place *place, void *into) {
  return si_value_text(r, value, place, 0, &((struct mount *)into)->target);
}

static si_rc read_only(struct si_reading *r, const struct si_yaml_node *value,
                       const struct si_place *place, void *into) {
  return si_value_flag(r, value, place, &((struct mount *)into)->read_only);
}

static si_rc read_long(struct si_reading *r, const struct si_yaml_node *node,
                       const struct si_place *place, struct mount *mount) {
  static const struct si_key known[] = {{"type", read_type},
                                        {"source", read_source},
                                        {"target", read_target},
                                        {"read_only", read_only}};
  static const struct si_keys keys = {known, sizeof known / sizeof *known, NULL, 0};
  si_rc status = si_keys_read(r, node, place, &keys, mount);
  if (status == SI_OK && (!mount->typed || !mount->source || !mount->target)) {
    return si_stack_invalid(r, place, "must have `type: volume`, `source` and `target`");
  }
  return status;
}

si_rc si_read_mounts(struct si_reading *r, const struct si_yaml_node *value,
                     const struct si_place *place, void *into) {
  struct si_service *service = into;
  cJSON *list = NULL;
  bool failed = false;
  si_rc status = si_kind_check(r, value, place, SI_YAML_LIST);
  status = status == SI_OK ? si_put_list(r, service->json, "volumes", &list) : status;
  for (size_t i = 0; status == SI_OK && i < value->count; i++) {
    struct mount mount = {NULL, NULL, false, false};
    struct si_place at = si_place_of(place, value, i);
    const struct si_yaml_node *item = value->entries[i].value;
    status = item->kind == SI_YAML_MAP ? read_long(r, item, &at, &mount)
                                       : read_short(r, item, &at, &mount);
    status = status == SI_OK ? put_mount(r, &at, service, &mount) : status;
    mount_free(&mount);
    status = si_stack_go_on(r, status, &failed);
  }
  return si_stack_came_to(status, failed);
}

static si_rc read_tmpfs_path(struct si_reading *r, const struct si_yaml_node *node,
                             const struct si_place *place, struct si_service *service,
                             cJSON *list) {
  char *path SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, node, place, 0, &path);
  if (status == SI_OK && strchr(path, ':')) {
    si_stack_invalid(r, place, "\"%.100s\" has options, which are not supported", path);
    return si_stack_hint(r, "write the path alone");
  }
  status = status == SI_OK ? si_path_check(r, place, path) : status;
  if (status == SI_OK && path[1] == '\0') {
    return si_stack_invalid(r, place, "mounts a tmpfs at /");
  }
  if (status == SI_OK && SI_LINE_FILE(place->line) > 0 && si_list_has(list, NULL, path)) {
    return SI_OK; /* an earlier file has it, too */
  }
  status = status == SI_OK ? si_add_text(r, list, path) : status;
  return status == SI_OK ? claim(r, place, service, list->child->prev->valuestring) : status;
}

si_rc si_read_tmpfs(struct si_reading *r, const struct si_yaml_node *value,
                    const struct si_place *place, void *into) {
  struct si_service *service = into;
  cJSON *list = NULL;
  si_rc status = si_put_list(r, service->json, "tmpfs", &list);
  if (status == SI_OK && value->kind == SI_YAML_SCALAR) {
    return read_tmpfs_path(r, value, place, service, list);
  }
  status = status == SI_OK ? si_kind_check(r, value, place, SI_YAML_LIST) : status;
  for (size_t i = 0; status == SI_OK && i < value->count; i++) {
    struct si_place at = si_place_of(place, value, i);
    status = read_tmpfs_path(r, value->entries[i].value, &at, service, list);
  }
  return status;
}
