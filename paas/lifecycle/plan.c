/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/plan.h"

#include <string.h>

#include "kit/base/hash.h"
#include "paas/state/deployment.h"

/* --- two documents, side by side --- */

/* Revisions are those of the moment in which a deploy begins. */
static void forget_revisions(cJSON *value) {
  if (cJSON_IsObject(value) && si_json_str(value, "secret")) {
    cJSON_DeleteItemFromObjectCaseSensitive(value, "revision");
  }
  for (cJSON *child = value->child; child; child = child->next) {
    forget_revisions(child);
  }
}

static si_rc read_document(const char *text, cJSON **out, struct si_error *error) {
  si_rc status = si_json_parse(text, strlen(text), out, error);
  if (status == SI_OK) {
    forget_revisions(*out);
  }
  return status;
}

static const cJSON *named(const cJSON *list, const char *name) {
  const cJSON *each;
  cJSON_ArrayForEach(each, list) {
    const char *has = si_json_str(each, "name");
    if (has && strcmp(has, name) == 0) {
      return each;
    }
  }
  return NULL;
}

static bool add_members(const cJSON *from, const cJSON *to, bool both, cJSON *members) {
  const cJSON *member;
  bool well = true;
  cJSON_ArrayForEach(member, from) {
    const cJSON *other = si_json_get(to, member->string);
    if (!other || (both && !cJSON_Compare(member, other, true))) {
      cJSON *name = cJSON_CreateString(member->string);
      well = well && cJSON_AddItemToArray(members, name);
    }
  }
  return well;
}

static bool add_change(cJSON *list, const char *name, const cJSON *before, const cJSON *after) {
  const char *change = !before                              ? "add"
                       : !after                             ? "remove"
                       : cJSON_Compare(before, after, true) ? "keep"
                                                            : "change";
  cJSON *item = cJSON_CreateObject();
  if (!item || !cJSON_AddItemToArray(list, item)) {
    cJSON_Delete(item);
    return false;
  }
  cJSON *members = cJSON_AddArrayToObject(item, "members");
  bool changed = strcmp(change, "change") == 0;
  return cJSON_AddStringToObject(item, "name", name) &&
         cJSON_AddStringToObject(item, "change", change) && members &&
         (!changed || (add_members(before, after, true, members) &&
                       add_members(after, before, false, members)));
}

static bool compare(cJSON *plan, const char *what, const cJSON *before, const cJSON *after) {
  const cJSON *old = si_json_get(before, what), *new = si_json_get(after, what), *each;
  cJSON *list = cJSON_AddArrayToObject(plan, what);
  bool well = list != NULL;
  cJSON_ArrayForEach(each, new) {
    const char *name = si_json_str(each, "name");
    well = well && name && add_change(list, name, named(old, name), each);
  }
  cJSON_ArrayForEach(each, old) {
    const char *name = si_json_str(each, "name");
    if (name && !named(new, name)) {
      well = well && add_change(list, name, each, NULL);
    }
  }
  return well;
}

/* --- what runs now --- */

/* What of an inspection a plan rests on; checks and restarts come and go. */
static si_rc hash_live(const cJSON *inspection, char sha256[SI_SHA256_HEX]) {
  static const char *const members[] = {"name", "id", "image_id", "spec_sha256", "state"};
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_FRAME_MAX);
  cJSON *live SI_AUTO(si_json_free) = cJSON_CreateArray();
  const cJSON *service;
  cJSON_ArrayForEach(service, si_json_get(inspection, "services")) {
    cJSON *item = cJSON_CreateObject();
    if (!item || !cJSON_AddItemToArray(live, item)) {
      cJSON_Delete(item);
      return SI_E_NOMEM;
    }
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
      const char *value = si_json_str(service, members[i]);
      if (!cJSON_AddStringToObject(item, members[i], value ? value : "")) {
        return SI_E_NOMEM;
      }
    }
  }
  si_rc status = si_json_canonical(live, &text);
  return status == SI_OK ? si_sha256_hex(text.data, text.len, sha256) : status;
}

static si_rc look(struct si_life *life, const struct si_project *project, const char *target,
                  cJSON **inspection, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_FRAME_MAX);
  si_rc status = si_life_inspect(life, project, target, &text, error);
  return status == SI_OK ? si_json_parse(text.data, text.len, inspection, error) : status;
}

/* --- its targets --- */

struct targets {
  struct si_life *life;
  const struct si_plan_request *request;
  cJSON *list;
  struct si_error *error;
};

static si_rc no_memory(struct si_error *error) {
  return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
}

static cJSON *add_target(cJSON *list, const char *name, const char *change, const char *release) {
  cJSON *item = cJSON_CreateObject();
  if (!item || !cJSON_AddItemToArray(list, item)) {
    cJSON_Delete(item);
    return NULL;
  }
  return cJSON_AddStringToObject(item, "name", name) &&
                 cJSON_AddStringToObject(item, "change", change) &&
                 cJSON_AddStringToObject(item, "release", release)
             ? item
             : NULL;
}

static bool add_states(cJSON *target, const cJSON *inspection) {
  cJSON *states = cJSON_AddObjectToObject(target, "states");
  const cJSON *service;
  bool well = states != NULL;
  cJSON_ArrayForEach(service, si_json_get(inspection, "services")) {
    const char *name = si_json_str(service, "name"), *state = si_json_str(service, "state");
    if (name && state && !si_json_get(states, name)) {
      well = well && cJSON_AddStringToObject(states, name, state);
    }
  }
  return well;
}

static bool is_asked(const struct si_plan_request *request, const char *target) {
  for (size_t i = 0; i < request->target_count; i++) {
    if (strcmp(request->targets[i], target) == 0) {
      return true;
    }
  }
  return request->target_count == 0;
}

static si_rc look_at_instance(void *ctx, const struct si_instance *instance) {
  struct targets *t = ctx;
  cJSON *inspection SI_AUTO(si_json_free) = NULL;
  char live[SI_SHA256_HEX] = "";
  if (!is_asked(t->request, instance->target)) {
    return SI_OK;
  }
  si_rc status = look(t->life, t->request->project, instance->target, &inspection, t->error);
  if (status != SI_OK) {
    return status;
  }
  cJSON *item = add_target(t->list, instance->target, "keep", instance->release);
  return item && hash_live(inspection, live) == SI_OK &&
                 cJSON_AddStringToObject(item, "live_sha256", live) && add_states(item, inspection)
             ? SI_OK
             : no_memory(t->error);
}

static si_rc add_new_targets(struct targets *t) {
  for (size_t i = 0; i < t->request->target_count; i++) {
    if (!named(t->list, t->request->targets[i]) &&
        !add_target(t->list, t->request->targets[i], "add", "")) {
      return no_memory(t->error);
    }
  }
  return SI_OK;
}

static si_rc look_at_targets(struct si_life *life, const struct si_plan_request *request,
                             cJSON *list, struct si_error *error) {
  struct targets targets = {life, request, list, error};
  si_rc status = request->project ? si_state_instances(life->state, request->project->id, &targets,
                                                       look_at_instance, error)
                                  : SI_OK;
  return status == SI_OK ? add_new_targets(&targets) : status;
}

/* All of what was seen, as one hash. */
static si_rc hash_targets(const cJSON *list, char sha256[SI_SHA256_HEX]) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  const cJSON *each;
  si_rc status = SI_OK;
  cJSON_ArrayForEach(each, list) {
    const char *live = si_json_str(each, "live_sha256");
    status = status == SI_OK ? si_buf_printf(&text, "%s %s %s\n", si_json_str(each, "name"),
                                             si_json_str(each, "release"), live ? live : "")
                             : status;
  }
  return status == SI_OK ? si_sha256_hex(si_buf_text(&text), text.len, sha256) : status;
}

static const char *state_of(const cJSON *targets, const char *service) {
  const char *state = NULL;
  const cJSON *each;
  cJSON_ArrayForEach(each, targets) {
    const char *here = si_json_str(si_json_get(each, "states"), service);
    bool first = each == targets->child;
    if (!first && (here == NULL) != (state == NULL)) {
      return "differs";
    }
    if (!first && here && strcmp(here, state) != 0) {
      return "differs";
    }
    state = here;
  }
  return state;
}

static bool tell_states(cJSON *plan, const cJSON *targets) {
  cJSON *service;
  bool well = true;
  cJSON_ArrayForEach(service, si_json_get(plan, "services")) {
    const char *state = state_of(targets, si_json_str(service, "name"));
    well = well && (state ? cJSON_AddStringToObject(service, "state", state)
                          : cJSON_AddNullToObject(service, "state"));
  }
  return well;
}

/* --- the plan --- */

si_rc si_plan_make(struct si_life *life, const struct si_plan_request *request, cJSON **out,
                   struct si_error *error) {
  const struct si_project *project = request->project;
  cJSON *plan SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON *before SI_AUTO(si_json_free) = NULL;
  cJSON *after SI_AUTO(si_json_free) = NULL;
  cJSON *targets = cJSON_AddArrayToObject(plan, "targets");
  char live[SI_SHA256_HEX] = "";
  si_rc status = targets ? read_document(request->stack->json, &after, error) : no_memory(error);
  if (status == SI_OK && project) {
    status = read_document(project->stack, &before, error);
  }
  status = status == SI_OK ? look_at_targets(life, request, targets, error) : status;
  if (status != SI_OK) {
    return status;
  }
  bool well = hash_targets(targets, live) == SI_OK &&
              cJSON_AddStringToObject(plan, "schema", "si.plan/1") &&
              cJSON_AddStringToObject(plan, "app", request->slug) &&
              cJSON_AddStringToObject(plan, "project_id", project ? project->id : "") &&
              cJSON_AddStringToObject(plan, "release", project ? project->release : "") &&
              cJSON_AddStringToObject(plan, "stack_sha256", request->stack->sha256) &&
              cJSON_AddStringToObject(plan, "live_sha256", live) &&
              compare(plan, "services", before, after) && compare(plan, "volumes", before, after) &&
              compare(plan, "networks", before, after) && tell_states(plan, targets);
  if (!well) {
    return no_memory(error);
  }
  *out = plan;
  plan = NULL;
  return SI_OK;
}

size_t si_plan_changes(const cJSON *plan) {
  static const char *const lists[] = {"services", "volumes", "networks", "targets"};
  const cJSON *each;
  size_t count = 0;
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    cJSON_ArrayForEach(each, si_json_get(plan, lists[i])) {
      const char *change = si_json_str(each, "change");
      count += change && strcmp(change, "keep") != 0;
    }
  }
  return count;
}

si_rc si_plan_check(struct si_life *life, const struct si_plan_request *request, const cJSON *plan,
                    struct si_error *error) {
  static const struct {
    const char *member, *what;
  } parts[] = {
      {"app", "it was made for another app"},
      {"project_id", "the app was removed or made since"},
      {"release", "another release serves now"},
      {"stack_sha256", "the stack is another one"},
      {"live_sha256", "what runs on its targets changed, or it is for others"},
  };
  cJSON *now SI_AUTO(si_json_free) = NULL;
  const char *schema = si_json_str(plan, "schema");
  if (!schema || strcmp(schema, "si.plan/1") != 0) {
    si_error_set(error, SI_E_INVALID, "PLAN_INVALID", "this is no plan of si");
    return si_error_hint(error, "make one with: si paas plan --app %s --stack FILE --output FILE",
                         request->slug);
  }
  si_rc status = si_plan_make(life, request, &now, error);
  for (size_t i = 0; status == SI_OK && i < sizeof parts / sizeof *parts; i++) {
    const char *then = si_json_str(plan, parts[i].member);
    if (!then || strcmp(then, si_json_str(now, parts[i].member)) != 0) {
      si_error_set(error, SI_E_CONFLICT, "PLAN_STALE", "the plan does not hold any more: %s",
                   parts[i].what);
      si_error_target(error, "plan", request->slug);
      status = si_error_hint(error, "look at what would change now, with: si paas plan --app %s",
                             request->slug);
    }
  }
  return status;
}
