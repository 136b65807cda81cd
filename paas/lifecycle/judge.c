/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/judge.h"

#include <stdio.h>
#include <string.h>

static si_rc no_result(const char *what, struct si_error *error) {
  return si_error_set(error, SI_E_INTERNAL, "PROVIDER_RESULT",
                      "the provider's answer is not what it must be: %s", what);
}

static bool text_is(const cJSON *object, const char *key, const char *value) {
  const char *text = si_json_str(object, key);
  return text && strcmp(text, value) == 0;
}

static const cJSON *find(const cJSON *list, const char *name) {
  const cJSON *each;
  cJSON_ArrayForEach(each, list) {
    if (text_is(each, "name", name)) {
      return each;
    }
  }
  return NULL;
}

static bool has_health_check(const cJSON *service) {
  const cJSON *check = si_json_get(service, "healthcheck");
  return cJSON_IsObject(check) && !si_json_bool(check, "disable", false);
}

static si_rc not_up(const cJSON *service, const cJSON *seen, struct si_error *error) {
  const char *name = si_json_str(service, "name");
  const char *state = seen ? si_json_str(seen, "state") : NULL;
  const char *health = seen ? si_json_str(seen, "health") : NULL;
  si_error_set(error, SI_E_FAILED, "PAAS_HEALTH_CHECK_FAILED", "service %s is %s%s%s%s", name,
               !seen   ? "missing"
               : state ? state
                       : "in an unknown state",
               health && strcmp(health, "none") != 0 ? " (" : "",
               health && strcmp(health, "none") != 0 ? health : "",
               health && strcmp(health, "none") != 0 ? ")" : "");
  if (error) {
    error->retry = SI_RETRY_SAFE;
  }
  si_error_target(error, "verify", name);
  return SI_E_FAILED;
}

static si_rc unexpected(const char *name, const char *why, struct si_error *error) {
  si_error_set(error, SI_E_CONFLICT, "PAAS_UNEXPECTED_SERVICE", "service %s exists%s", name, why);
  si_error_target(error, "verify", name);
  return SI_E_CONFLICT;
}

static si_rc judge_service(const cJSON *service, const cJSON *seen, struct si_error *error) {
  if (!seen) {
    return not_up(service, seen, error);
  }
  if (si_json_bool(service, "oneshot", false)) {
    bool done = text_is(seen, "state", "exited") && si_json_int(seen, "exit_code", 0, 0, -1) == 0;
    return done ? SI_OK : not_up(service, seen, error);
  }
  bool up = text_is(seen, "state", "running") &&
            (!has_health_check(service) || text_is(seen, "health", "healthy"));
  return up ? SI_OK : not_up(service, seen, error);
}

si_rc si_judge_inspection(const cJSON *stack, const cJSON *inspection, struct si_error *error) {
  const cJSON *services = si_json_get(stack, "services");
  const cJSON *seen = si_json_get(inspection, "services");
  const cJSON *each;
  if (!cJSON_IsArray(seen)) {
    return no_result("an inspection has no list of services", error);
  }
  cJSON_ArrayForEach(each, services) {
    si_rc status = judge_service(each, find(seen, si_json_str(each, "name")), error);
    if (status != SI_OK) {
      return status;
    }
  }
  cJSON_ArrayForEach(each, seen) {
    const char *name = si_json_str(each, "name");
    if (!name) {
      return no_result("a service has no name", error);
    }
    if (!find(services, name)) {
      return unexpected(name, ", but the stack does not name it", error);
    }
    if (find(seen, name) != each) { /* only the first of them was judged */
      return unexpected(name, " more than once", error);
    }
  }
  return SI_OK;
}

static si_rc remains(const cJSON *resource, const char *why, struct si_error *error) {
  const char *type = si_json_str(resource, "type");
  const char *name = si_json_str(resource, "name");
  si_error_set(error, SI_E_CONFLICT, "PAAS_DELETE_UNPROVEN", "%s %s is still there%s%s",
               type ? type : "a resource", name ? name : "without a name", why ? ": " : "",
               why ? why : "");
  si_error_hint(error, "mend what holds it, and delete the project again");
  if (error) {
    error->retry = SI_RETRY_SAFE;
  }
  si_error_target(error, "verify", name);
  return SI_E_CONFLICT;
}

si_rc si_judge_remaining(const cJSON *result, struct si_error *error) {
  const cJSON *remaining = si_json_get(result, "remaining");
  if (!cJSON_IsArray(remaining)) {
    return no_result("a destruction has no list of what remains", error);
  }
  return remaining->child
             ? remains(remaining->child, si_json_str(remaining->child, "reason"), error)
             : SI_OK;
}

si_rc si_judge_gone(const cJSON *listing, const char *project_id, struct si_error *error) {
  const cJSON *resources = si_json_get(listing, "resources");
  const cJSON *each;
  if (!cJSON_IsArray(resources)) {
    return no_result("a listing has no list of resources", error);
  }
  cJSON_ArrayForEach(each, resources) {
    if (text_is(each, "project_id", project_id)) {
      return remains(each, NULL, error);
    }
  }
  return SI_OK;
}
