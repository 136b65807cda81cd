/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/local/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"

/* Records what is wrong with `target` (a service, or a part of the document). */
static si_rc wrong(struct si_error *error, const char *target, const char *fmt, ...)
    SI_PRINTF(3, 4);

static si_rc wrong(struct si_error *error, const char *target, const char *fmt, ...) {
  char text[512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  si_error_set(error, SI_E_INVALID, "LOCAL_STACK", "%s", text);
  si_error_target(error, "stack", target);
  return SI_E_INVALID;
}

/* Names become parts of the engine's names: [a-zA-Z0-9][a-zA-Z0-9_.-]*. */
static bool name_valid(const char *name) {
  return strnlen(name, 129) <= 128 && si_component_valid(name, strlen(name)) && name[0] != '-' &&
         name[0] != '_';
}

/* --- members --- */

static bool known_member(const char *key) {
  static const char *const keys[] = {
      "name",        "image",         "command",     "entrypoint",
      "environment", "ports",         "volumes",     "networks",
      "healthcheck", "depends_on",    "labels",      "init",
      "read_only",   "user",          "working_dir", "stop_signal",
      "hostname",    "stop_grace_ms", "restart",     "tmpfs",
      "oneshot",     "expose",        "limits",      "shm_bytes",
      "ulimits",     "cap_add",       "cap_drop",    "extra_hosts",
      "sysctls",     "logging",       "stdin_open",  "no_new_privileges",
      "pull_policy",
  };
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    if (strcmp(key, keys[i]) == 0) {
      return true;
    }
  }
  return false;
}

static si_rc check_members(const cJSON *spec, const char *name, struct si_error *error) {
  for (const cJSON *m = spec->child; m; m = m->next) {
    if (!known_member(m->string)) {
      /* Dropping it would bring up something else than what was asked for. */
      return wrong(error, name, "service %s: local does not know \"%s\"", name, m->string);
    }
  }
  return SI_OK;
}

static si_rc read_parts(const cJSON *list, const char *what, struct local_part **out, size_t *count,
                        struct si_error *error) {
  int n = cJSON_GetArraySize(list);
  if (!cJSON_IsArray(list) || n > LOCAL_MAX_OTHERS) {
    return wrong(error, what, "the stack document's \"%s\" is %s", what,
                 n > LOCAL_MAX_OTHERS ? "too long" : "no list");
  }
  struct local_part *parts = calloc((size_t)n + 1, sizeof *parts);
  if (!parts) {
    return si_error_set(error, SI_E_NOMEM, "LOCAL_STACK", "out of memory");
  }
  *out = parts; /* the plan frees it, on failure too */
  for (const cJSON *entry = list->child; entry; entry = entry->next) {
    const char *name = si_json_str(entry, "name");
    if (!name || !name_valid(name)) {
      return wrong(error, what, "%s: \"%.130s\" is no name", what, name ? name : "");
    }
    for (size_t i = 0; i < *count; i++) {
      if (strcmp(parts[i].name, name) == 0) {
        return wrong(error, what, "%s: %s stands twice", what, name);
      }
    }
    parts[(*count)++] = (struct local_part){name, entry};
  }
  return SI_OK;
}

static const struct local_part *find_part(const struct local_part *parts, size_t count,
                                          const char *name) {
  for (size_t i = 0; name && i < count; i++) {
    if (strcmp(parts[i].name, name) == 0) {
      return &parts[i];
    }
  }
  return NULL;
}

const struct local_part *local_plan_network(const struct local_plan *plan, const char *name) {
  return find_part(plan->networks, plan->network_count, name);
}

const struct local_service *local_plan_service(const struct local_plan *plan, const char *name) {
  for (size_t i = 0; name && i < plan->service_count; i++) {
    if (strcmp(plan->services[i].name, name) == 0) {
      return &plan->services[i];
    }
  }
  return NULL;
}

/* Everything that a service uses is declared, and its ports can open. */
static si_rc check_uses(const struct local_plan *plan, const struct local_service *service,
                        struct si_error *error) {
  bool outside = false;
  const cJSON *entry;
  cJSON_ArrayForEach(entry, si_json_get(service->spec, "networks")) {
    const char *name = si_json_str(entry, "name");
    const struct local_part *network = local_plan_network(plan, name);
    if (!network) {
      return wrong(error, service->name, "service %s: network \"%.130s\" is not declared",
                   service->name, name ? name : "");
    }
    outside = outside || !si_json_bool(network->spec, "internal", false);
  }
  cJSON_ArrayForEach(entry, si_json_get(service->spec, "volumes")) {
    const char *name = si_json_str(entry, "source");
    const char *target = si_json_str(entry, "target");
    if (!find_part(plan->volumes, plan->volume_count, name)) {
      return wrong(error, service->name, "service %s: volume \"%.130s\" is not declared",
                   service->name, name ? name : "");
    }
    if (!target || target[0] != '/') {
      return wrong(error, service->name, "service %s: volume %s is mounted at no absolute path",
                   service->name, name);
    }
  }
  if (!outside && cJSON_GetArraySize(si_json_get(service->spec, "ports")) > 0) {
    return wrong(error, service->name,
                 "service %s: its ports cannot open, for it is on internal networks alone: "
                 "add a network that is not internal",
                 service->name);
  }
  return SI_OK;
}

static si_rc read_services(const cJSON *list, struct local_plan *plan, struct si_error *error) {
  int n = cJSON_GetArraySize(list);
  if (!cJSON_IsArray(list) || n == 0 || n > LOCAL_MAX_SERVICES) {
    return wrong(error, "services", "the stack document has %s services",
                 n > LOCAL_MAX_SERVICES ? "too many" : "no");
  }
  plan->services = calloc((size_t)n, sizeof *plan->services);
  if (!plan->services) {
    return si_error_set(error, SI_E_NOMEM, "LOCAL_STACK", "out of memory");
  }
  for (const cJSON *entry = list->child; entry; entry = entry->next) {
    struct local_service s = {.name = si_json_str(entry, "name"),
                              .image = si_json_str(entry, "image"),
                              .spec = entry,
                              .oneshot = si_json_bool(entry, "oneshot", false)};
    if (!s.name || !name_valid(s.name) || local_plan_service(plan, s.name)) {
      return wrong(error, "services", "services: \"%.130s\" is no name, or stands twice",
                   s.name ? s.name : "");
    }
    if (!s.image || !s.image[0] || strlen(s.image) > 512) {
      return wrong(error, s.name, "service %s: it names no image", s.name);
    }
    plan->services[plan->service_count++] = s;
    si_rc status = check_members(entry, s.name, error);
    status = status == SI_OK ? check_uses(plan, &s, error) : status;
    if (status != SI_OK) {
      return status;
    }
  }
  return SI_OK;
}

/* --- the order --- */

static bool read_condition(const char *text, enum local_condition *out) {
  static const char *const names[] = {"service_started", "service_healthy",
                                      "service_completed_successfully"};
  for (size_t i = 0; text && i < sizeof names / sizeof *names; i++) {
    if (strcmp(text, names[i]) == 0) {
      *out = (enum local_condition)i;
      return true;
    }
  }
  return false;
}

static si_rc read_needs(struct local_plan *plan, struct local_service *service,
                        struct si_error *error) {
  const cJSON *list = si_json_get(service->spec, "depends_on");
  int n = cJSON_GetArraySize(list);
  service->needs = calloc((size_t)n + 1, sizeof *service->needs);
  if (!service->needs) {
    return si_error_set(error, SI_E_NOMEM, "LOCAL_STACK", "out of memory");
  }
  const cJSON *entry;
  cJSON_ArrayForEach(entry, list) {
    struct local_dependency need = {0};
    const char *name = si_json_str(entry, "service");
    const struct local_service *other = local_plan_service(plan, name);
    if (!other || !read_condition(si_json_str(entry, "condition"), &need.condition)) {
      return wrong(error, service->name,
                   "service %s: it depends on \"%.130s\", which is no service, or by no condition "
                   "that is known",
                   service->name, name ? name : "");
    }
    need.service = (size_t)(other - plan->services);
    service->needs[service->need_count++] = need;
  }
  return SI_OK;
}

static si_rc circle(const struct local_plan *plan, const bool *placed, struct si_error *error) {
  struct si_buf names SI_AUTO(si_buf_free) = SI_BUF(600);
  const char *first = NULL;
  for (size_t i = 0; i < plan->service_count; i++) {
    if (!placed[i]) {
      const char *name = plan->services[i].name;
      if (si_buf_printf(&names, "%s%s", first ? ", " : "", name) != SI_OK) {
        break;
      }
      first = first ? first : name;
    }
  }
  si_error_set(error, SI_E_INVALID, "LOCAL_STACK", "services wait for each other in a circle: %s",
               si_buf_text(&names));
  si_error_target(error, "stack", first);
  return SI_E_INVALID;
}

static bool needs_placed(const struct local_service *service, const bool *placed) {
  for (size_t i = 0; i < service->need_count; i++) {
    if (!placed[service->needs[i].service]) {
      return false;
    }
  }
  return true;
}

/* Puts services[] in the order of their start: of those that may start, the one that the document
 * names first. */
static si_rc put_in_order(struct local_plan *plan, struct si_error *error) {
  size_t n = plan->service_count;
  struct local_service *sorted = calloc(n + 1, sizeof *sorted);
  bool *placed = calloc(n + 1, sizeof *placed);
  size_t *place = calloc(n + 1, sizeof *place); /* old index -> new index */
  si_rc status = sorted && placed && place ? SI_OK : SI_E_NOMEM;
  if (status != SI_OK) {
    si_error_set(error, status, "LOCAL_STACK", "out of memory");
  }
  for (size_t done = 0; status == SI_OK && done < n; done++) {
    size_t i = 0;
    while (i < n && (placed[i] || !needs_placed(&plan->services[i], placed))) {
      i++;
    }
    if (i == n) {
      status = circle(plan, placed, error);
    } else {
      placed[i] = true;
      place[i] = done;
      sorted[done] = plan->services[i];
    }
  }
  for (size_t i = 0; status == SI_OK && i < n; i++) {
    for (size_t k = 0; k < sorted[i].need_count; k++) {
      sorted[i].needs[k].service = place[sorted[i].needs[k].service];
    }
  }
  if (status == SI_OK) {
    memcpy(plan->services, sorted, n * sizeof *sorted);
  }
  free(sorted);
  free(placed);
  free(place);
  return status;
}

/* --- the whole --- */

si_rc local_plan_read(const char *json, struct local_plan *out, struct si_error *error) {
  struct local_plan plan SI_AUTO(local_plan_free) = {0};
  si_rc status = si_json_parse(json, strlen(json), &plan.document, error);
  if (status != SI_OK) {
    return status;
  }
  const char *schema = si_json_str(plan.document, "schema");
  if (!schema || strcmp(schema, "si.stack/1") != 0) {
    return wrong(error, "schema", "the stack document's schema is not si.stack/1");
  }
  status = read_parts(si_json_get(plan.document, "volumes"), "volumes", &plan.volumes,
                      &plan.volume_count, error);
  if (status == SI_OK) {
    status = read_parts(si_json_get(plan.document, "networks"), "networks", &plan.networks,
                        &plan.network_count, error);
  }
  if (status == SI_OK) {
    status = read_services(si_json_get(plan.document, "services"), &plan, error);
  }
  for (size_t i = 0; status == SI_OK && i < plan.service_count; i++) {
    status = read_needs(&plan, &plan.services[i], error);
  }
  status = status == SI_OK ? put_in_order(&plan, error) : status;
  if (status == SI_OK) {
    *out = plan;
    plan = (struct local_plan){0};
  }
  return status;
}

void local_plan_free(struct local_plan *plan) {
  for (size_t i = 0; i < plan->service_count; i++) {
    free(plan->services[i].needs);
  }
  free(plan->services);
  free(plan->volumes);
  free(plan->networks);
  cJSON_Delete(plan->document);
  *plan = (struct local_plan){0};
}

si_rc local_spec_hash(const cJSON *spec, const char *image_id, char hex[SI_SHA256_HEX]) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(4 * 1024 * 1024);
  cJSON *kept SI_AUTO(si_json_free) = NULL;
  if (si_json_get(spec, "pull_policy")) { /* how an image comes is nothing of the container's */
    kept = cJSON_Duplicate(spec, true);
    if (!kept) {
      return SI_E_NOMEM;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(kept, "pull_policy");
    spec = kept;
  }
  si_rc status = si_json_canonical(spec, &text);
  status = status == SI_OK ? si_buf_puts(&text, image_id) : status;
  return status == SI_OK ? si_sha256_hex(si_buf_text(&text), text.len, hex) : status;
}
