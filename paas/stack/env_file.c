/* SPDX-License-Identifier: Apache-2.0 */
/* `env_file`: variables of a service that stand in files beside the first stack file. */
#include <string.h>

#include "paas/stack/document.h"
#include "paas/stack/literal.h"
#include "paas/stack/parts.h"
#include "paas/stack/value.h"
#include "paas/stack/variables.h"

enum { FILES_MOST = 50 };

struct named_file {
  char *path;
  bool optional;
};

static si_rc refuse_path(struct si_reading *r, const struct si_place *place, const char *path) {
  si_stack_invalid(r, place, "\"%.200s\" is no path below the stack file's directory", path);
  return si_stack_hint(r, "put the file beside the stack file, or below, and name it from there");
}

/* A stack may come from somebody else: it reads no file of the machine's. */
static si_rc check_path(struct si_reading *r, const struct si_place *place, const char *path) {
  const char *p = path;
  bool ok = path[0] && path[0] != '/' && path[0] != '~';
  for (; ok && *p; p += p[strcspn(p, "/")] ? strcspn(p, "/") + 1 : strcspn(p, "/")) {
    ok = strcspn(p, "/") != 2 || strncmp(p, "..", 2) != 0;
  }
  return ok ? SI_OK : refuse_path(r, place, path);
}

static si_rc read_path(struct si_reading *r, const struct si_yaml_node *value,
                       const struct si_place *place, void *into) {
  return si_value_text(r, value, place, 0, &((struct named_file *)into)->path);
}

static si_rc read_required(struct si_reading *r, const struct si_yaml_node *value,
                           const struct si_place *place, void *into) {
  bool required = true;
  si_rc status = si_value_flag(r, value, place, &required);
  ((struct named_file *)into)->optional = !required;
  return status;
}

static si_rc read_one(struct si_reading *r, const struct si_yaml_node *node,
                      const struct si_place *place, struct si_variables *table) {
  static const struct si_key known[] = {{"path", read_path}, {"required", read_required}};
  static const struct si_keys keys = {known, sizeof known / sizeof *known, NULL, 0};
  struct named_file file = {NULL, false};
  si_rc status = node->kind == SI_YAML_MAP ? si_keys_read(r, node, place, &keys, &file)
                                           : read_path(r, node, place, &file);
  char *path SI_AUTO(si_text_free) = file.path;
  if (status == SI_OK && !path) {
    return si_stack_invalid(r, place, "has no `path`");
  }
  status = status == SI_OK ? check_path(r, place, path) : status;
  if (status == SI_OK && !r->request) {
    return si_stack_invalid(r, place, "names a file, and this text stands beside none");
  }
  const char *beside = status == SI_OK ? si_path_beside(r, path) : NULL;
  if (status == SI_OK && !beside) {
    return si_stack_nomem(r);
  }
  return status == SI_OK ? si_variables_read(r, place, beside, file.optional, table) : status;
}

static si_rc read_all(struct si_reading *r, const struct si_yaml_node *value,
                      const struct si_place *place, struct si_variables *table) {
  if (value->kind != SI_YAML_LIST) {
    return read_one(r, value, place, table);
  }
  if (value->count > FILES_MOST) {
    return si_stack_fail(r, "STACK_TOO_LARGE", place, "names more than %d files", FILES_MOST);
  }
  bool failed = false;
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < value->count; i++) {
    struct si_place at = si_place_of(place, value, i);
    status = si_stack_go_on(r, read_one(r, value->entries[i].value, &at, table), &failed);
  }
  return si_stack_came_to(status, failed);
}

/* What `environment` says counts before what a file says. */
static si_rc put_all(struct si_reading *r, const struct si_place *place, cJSON *environment,
                     const struct si_variables *table) {
  bool failed = false;
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < table->count; i++) {
    const struct si_variable *v = &table->list[i];
    struct si_place at = {place, v->name, 0, v->line};
    if (si_json_get(environment, v->name)) {
      continue;
    }
    if (v->secret || si_tells_secret(v->name, v->value)) {
      status = si_stack_go_on(r, si_refuse_literal(r, &at, v->name), &failed);
    } else {
      status = si_put_text(r, environment, v->name, v->value);
    }
  }
  return si_stack_came_to(status, failed);
}

si_rc si_read_env_file(struct si_reading *r, const struct si_yaml_node *value,
                       const struct si_place *place, void *into) {
  struct si_service *service = into;
  struct si_variables table SI_AUTO(si_variables_free) = {0};
  cJSON *environment = cJSON_GetObjectItemCaseSensitive(service->json, "environment");
  r->local = &table;
  si_rc status = read_all(r, value, place, &table);
  r->local = NULL;
  if (status == SI_OK && !environment) {
    status = si_put_object(r, service->json, "environment", &environment);
  }
  return status == SI_OK ? put_all(r, place, environment, &table) : status;
}
