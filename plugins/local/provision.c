/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converging: what is there is looked at first, then what does not belong is taken away, then what
 * is missing is made, in the order in which services need each other.
 */
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "plugins/local/effects.h"
#include "plugins/local/image.h"
#include "plugins/local/inventory.h"
#include "plugins/local/ready.h"
#include "plugins/local/start.h"
#include "plugins/local/verbs.h"

/* What is known about a service of the plan. */
struct service_state {
  char image_id[SI_ENGINE_ID_SIZE];
  char spec[SI_SHA256_HEX];
  char id[SI_ENGINE_ID_SIZE]; /* of its container, or "" */
  bool kept;                  /* it was there, and right */
  bool running;               /* when it was looked at; or it ended as it should */
  bool begun;                 /* it was started, or had no need of it; watch is set */
  struct local_watch watch;
};

struct network_state {
  char spec[SI_SHA256_HEX];
  char id[SI_ENGINE_ID_SIZE]; /* of the one that stays, or "" */
};

struct converge {
  struct local_call *call;
  struct local_plan plan;
  struct local_inventory there;
  struct service_state *services; /* in the plan's order */
  struct network_state *networks;
  struct local_network_ids ids;
  size_t begun;  /* so many services are */
  cJSON *images; /* {"service": id} that a release is known to have; or NULL */
};

static void converge_free(struct converge *c) {
  cJSON_Delete(c->images);
  local_plan_free(&c->plan);
  local_inventory_free(&c->there);
  free(c->services);
  free(c->networks);
  free(c->ids.ids);
}

static si_rc converge_begin(struct converge *c, const char *stack) {
  struct local_call *call = c->call;
  si_rc status = local_plan_read(stack, &c->plan, &call->error);
  if (status != SI_OK) {
    return status;
  }
  c->services = calloc(c->plan.service_count + 1, sizeof *c->services);
  c->networks = calloc(c->plan.network_count + 1, sizeof *c->networks);
  c->ids.ids = calloc(c->plan.network_count + 1, sizeof *c->ids.ids);
  return c->services && c->networks && c->ids.ids
             ? SI_OK
             : local_error(call, SI_E_NOMEM, NULL, "out of memory");
}

/* --- looking, before anything is changed --- */

static si_rc look_at_image(struct converge *c, size_t i) {
  struct local_call *call = c->call;
  struct local_service *service = &c->plan.services[i];
  struct service_state *state = &c->services[i];
  si_rc status =
      local_image_find(call, service, si_json_str(c->images, service->name), state->image_id);
  if (status != SI_OK) {
    return status;
  }
  status = local_spec_hash(service->spec, state->image_id, state->spec);
  return status == SI_OK ? SI_OK
                         : local_error(call, status, service->name,
                                       "service %s: its document cannot be hashed (is a number in "
                                       "it no integer?)",
                                       service->name);
}

static si_rc look_at_names(struct converge *c) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < c->plan.service_count; i++) {
    status = local_name_free(c->call, SI_ENGINE_CONTAINER, c->plan.services[i].name);
  }
  for (size_t i = 0; status == SI_OK && i < c->plan.network_count; i++) {
    status = local_name_free(c->call, SI_ENGINE_NETWORK, c->plan.networks[i].name);
  }
  for (size_t i = 0; status == SI_OK && i < c->plan.volume_count; i++) {
    status = local_name_free(c->call, SI_ENGINE_VOLUME, c->plan.volumes[i].name);
  }
  return status;
}

static bool is_named(struct converge *c, const struct local_found *found) {
  char name[LOCAL_NAME_SIZE];
  return local_resource_name(&c->call->project, found->part, name) == SI_OK &&
         strcmp(name, found->name) == 0;
}

/* Which networks stay: those of the plan whose document did not change. */
static si_rc look_at_networks(struct converge *c) {
  for (size_t i = 0; i < c->plan.network_count; i++) {
    si_rc status = local_spec_hash(c->plan.networks[i].spec, "", c->networks[i].spec);
    if (status != SI_OK) {
      return local_error(c->call, status, c->plan.networks[i].name,
                         "network %s: its document cannot be hashed", c->plan.networks[i].name);
    }
    for (size_t k = 0; k < c->there.count; k++) {
      const struct local_found *found = &c->there.items[k];
      struct network_state *state = &c->networks[i];
      if (found->type == SI_ENGINE_NETWORK && is_named(c, found) &&
          strcmp(found->part, c->plan.networks[i].name) == 0 &&
          strcmp(found->spec, state->spec) == 0 &&
          (!state->id[0] || strcmp(found->id, state->id) < 0)) {
        si_copy(state->id, sizeof state->id, found->id);
      }
    }
  }
  return SI_OK;
}

/* Is the container on all networks of its service, as they are to stay? */
static bool on_its_networks(struct converge *c, const struct local_service *service,
                            const struct si_engine_container *container) {
  const cJSON *entry;
  cJSON_ArrayForEach(entry, si_json_get(service->spec, "networks")) {
    const struct local_part *part = local_plan_network(&c->plan, si_json_str(entry, "name"));
    const char *id = c->networks[part - c->plan.networks].id;
    char name[LOCAL_NAME_SIZE];
    if (!id[0] || local_resource_name(&c->call->project, part->name, name) != SI_OK ||
        !local_container_on(container, name, id)) {
      return false;
    }
  }
  return true;
}

/* Can it stay, so that at most a start is missing? */
static bool fits(struct converge *c, size_t i, const struct si_engine_container *container,
                 const struct local_found *found) {
  const struct local_service *service = &c->plan.services[i];
  bool over = strcmp(container->state, "exited") == 0;
  return strcmp(found->spec, c->services[i].spec) == 0 && is_named(c, found) &&
         on_its_networks(c, service, container) &&
         (strcmp(container->state, "running") == 0 || strcmp(container->state, "created") == 0 ||
          over) &&
         strcmp(container->health, "unhealthy") != 0 &&
         !(service->oneshot && over && container->exit_code != 0);
}

/* Decides what becomes of one container of the project; *gone where it is to be removed. */
static si_rc look_at_container(struct converge *c, const struct local_found *found, bool *gone) {
  struct si_engine_container container SI_AUTO(si_engine_container_free) = {0};
  const struct local_service *service = local_plan_service(&c->plan, found->part);
  *gone = true;
  if (!service) {
    return SI_OK;
  }
  size_t i = (size_t)(service - c->plan.services);
  si_rc status = si_engine_container(c->call->in->engine, found->id, &container, &c->call->error);
  if (status != SI_OK) {
    return status == SI_E_NOT_FOUND ? SI_OK : status;
  }
  if (!c->services[i].kept && fits(c, i, &container, found)) {
    *gone = false;
    c->services[i].kept = true;
    c->services[i].running = strcmp(container.state, "running") == 0 ||
                             (service->oneshot && strcmp(container.state, "exited") == 0);
    si_copy(c->services[i].id, sizeof c->services[i].id, container.id);
  }
  return SI_OK;
}

static si_rc look(struct converge *c) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < c->plan.service_count; i++) {
    status = look_at_image(c, i);
  }
  status = status == SI_OK ? look_at_names(c) : status;
  status = status == SI_OK ? local_inventory_read(c->call, false, &c->there) : status;
  return status == SI_OK ? look_at_networks(c) : status;
}

/* --- taking away --- */

/* Where a container stands in the order of removal: what needs others goes before them. */
static size_t rank(struct converge *c, const struct local_found *found) {
  const struct local_service *service = local_plan_service(&c->plan, found->part);
  return service ? (size_t)(service - c->plan.services) : c->plan.service_count;
}

static si_rc retire_containers(struct converge *c) {
  bool *gone = calloc(c->there.count + 1, sizeof *gone);
  if (!gone) {
    return local_error(c->call, SI_E_NOMEM, NULL, "out of memory");
  }
  si_rc status = SI_OK;
  for (size_t k = 0; status == SI_OK && k < c->there.count; k++) {
    if (c->there.items[k].type == SI_ENGINE_CONTAINER) {
      status = look_at_container(c, &c->there.items[k], &gone[k]);
    }
  }
  for (size_t place = c->plan.service_count + 1; status == SI_OK && place-- > 0;) {
    for (size_t k = 0; status == SI_OK && k < c->there.count; k++) {
      const struct local_found *found = &c->there.items[k];
      if (gone[k] && rank(c, found) == place) {
        status = local_container_retire(c->call, found->part, found->id);
      }
    }
  }
  free(gone);
  return status;
}

/* Removes networks of the project that the plan does not keep: those of the plan (`planned`) that
 * changed, before they are made anew; or the rest, once nothing uses them. */
static si_rc retire_networks(struct converge *c, bool planned) {
  si_rc status = SI_OK;
  for (size_t k = 0; status == SI_OK && k < c->there.count; k++) {
    const struct local_found *found = &c->there.items[k];
    const struct local_part *part = local_plan_network(&c->plan, found->part);
    if (found->type != SI_ENGINE_NETWORK || (part != NULL) != planned ||
        (part && strcmp(c->networks[part - c->plan.networks].id, found->id) == 0)) {
      continue;
    }
    status = local_thing_remove(c->call, SI_ENGINE_NETWORK, found->part, found->id);
    if (status != SI_OK) {
      local_about(c->call, "network", found->part);
    }
  }
  return status;
}

/* --- making --- */

static si_rc make_parts(struct converge *c) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < c->plan.network_count; i++) {
    status = local_network_make(c->call, &c->plan.networks[i], c->networks[i].spec, c->ids.ids[i]);
  }
  for (size_t i = 0; status == SI_OK && i < c->plan.volume_count; i++) {
    status = local_volume_make(c->call, &c->plan.volumes[i]);
  }
  return status;
}

/* Waits until what the service needs is in the state that it asks for. */
static si_rc await_needs(struct converge *c, const struct local_service *service) {
  si_rc status = SI_OK;
  for (size_t k = 0; status == SI_OK && k < service->need_count; k++) {
    struct service_state *other = &c->services[service->needs[k].service];
    if (service->needs[k].condition != LOCAL_STARTED && !other->watch.ready) {
      local_progress(c->call, 0, 0, "service %s: waiting for %s", service->name,
                     other->watch.service->name);
      status = local_watch_wait(c->call, &other->watch);
    }
  }
  return status;
}

/* One network a name: *removed counts what was one too many. */
static si_rc settle_networks(struct converge *c, size_t *removed) {
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < c->plan.network_count; i++) {
    status = local_network_settle(c->call, c->plan.networks[i].name, c->ids.ids[i], removed);
  }
  return status;
}

static si_rc start_all(struct converge *c, const struct local_start *starts, size_t count) {
  size_t removed = 0;
  si_rc status = local_start_all(c->call, starts, count);
  if (status == SI_OK) {
    return SI_OK;
  }
  const struct si_error why = c->call->error;
  if (settle_networks(c, &removed) == SI_OK && removed > 0) {
    return local_start_all(c->call, starts, count); /* running already is success */
  }
  c->call->error = why;
  return status;
}

/* Has all that it needs been begun? */
static bool may_begin(const struct converge *c, size_t i) {
  const struct local_service *service = &c->plan.services[i];
  for (size_t k = 0; k < service->need_count; k++) {
    if (!c->services[service->needs[k].service].begun) {
      return false;
    }
  }
  return !c->services[i].begun;
}

static si_rc make(struct converge *c, size_t i) {
  const struct local_service *service = &c->plan.services[i];
  struct service_state *state = &c->services[i];
  si_rc status = await_needs(c, service);
  if (status == SI_OK && !state->kept) {
    local_progress(c->call, c->begun, c->plan.service_count, "service %s: creating", service->name);
    status = local_container_make(c->call, &c->plan, service, &c->ids, state->image_id, state->spec,
                                  state->id);
  }
  return status;
}

/* Brings up those services that `wave` names: made one after the other, started side by side. */
static si_rc bring_up(struct converge *c, const size_t *wave, size_t count,
                      struct local_start *starts) {
  size_t to_start = 0;
  si_rc status = SI_OK;
  for (size_t k = 0; status == SI_OK && k < count; k++) {
    status = make(c, wave[k]);
    if (!c->services[wave[k]].running) {
      starts[to_start++] =
          (struct local_start){&c->plan.services[wave[k]], c->services[wave[k]].id};
    }
  }
  if (status == SI_OK && to_start > 0) {
    local_progress(c->call, c->begun, c->plan.service_count, "service %s%s: starting",
                   starts[0].service->name, to_start > 1 ? " and others" : "");
    status = start_all(c, starts, to_start);
  }
  for (size_t k = 0; status == SI_OK && k < count; k++) {
    struct service_state *state = &c->services[wave[k]];
    local_watch_begin(&state->watch, &c->plan.services[wave[k]], state->id);
    state->begun = true;
    c->begun++;
  }
  return status;
}

/* Wave after wave of services whose needs were begun before. The plan has no circles. */
static si_rc bring_all_up(struct converge *c) {
  size_t n = c->plan.service_count;
  size_t *wave = calloc(n + 1, sizeof *wave);
  struct local_start *starts = calloc(n + 1, sizeof *starts);
  si_rc status = wave && starts ? SI_OK : local_error(c->call, SI_E_NOMEM, NULL, "out of memory");
  for (size_t count = 1; status == SI_OK && count > 0;) {
    count = 0;
    for (size_t i = 0; i < n; i++) {
      if (may_begin(c, i)) {
        wave[count++] = i;
      }
    }
    status = bring_up(c, wave, count, starts);
  }
  free(wave);
  free(starts);
  return status;
}

/* All services at once, each by its own clock. A health check that passed while others were waited
 * for is looked at again: all must be up together. */
static si_rc await_all(struct converge *c) {
  size_t n = c->plan.service_count;
  for (size_t up = 0, told = SIZE_MAX;;) {
    up = 0;
    for (size_t i = 0; i < n; i++) {
      si_rc status = local_watch_look(c->call, &c->services[i].watch);
      if (status != SI_OK) {
        return status;
      }
      up += c->services[i].watch.ready;
    }
    if (up != told) {
      local_progress(c->call, up, n, "%zu of %zu services ready", up, n);
      told = up;
    }
    if (up == n) {
      return SI_OK;
    }
    si_rc status = local_pause(c->call, LOCAL_POLL_MS);
    if (status != SI_OK) {
      return status;
    }
  }
}

static si_rc read_images(struct converge *c, const char *project) {
  cJSON *document SI_AUTO(si_json_free) = NULL;
  si_rc status = si_json_parse(project, strlen(project), &document, &c->call->error);
  if (status == SI_OK) {
    c->images = cJSON_DetachItemFromObjectCaseSensitive(document, "images");
  }
  return status;
}

static si_rc converge(struct converge *c, const char *project, const char *stack) {
  size_t twins = 0;
  si_rc status = read_images(c, project);
  status = status == SI_OK ? converge_begin(c, stack) : status;
  status = status == SI_OK ? look(c) : status;
  status = status == SI_OK ? retire_containers(c) : status;
  status = status == SI_OK ? retire_networks(c, true) : status;
  status = status == SI_OK ? make_parts(c) : status;
  status = status == SI_OK ? bring_all_up(c) : status;
  status = status == SI_OK ? await_all(c) : status;
  status = status == SI_OK ? settle_networks(c, &twins) : status;
  return status == SI_OK ? retire_networks(c, false) : status;
}

si_rc local_provision(si_instance *instance, si_op *op, const char *project, const char *stack,
                      void *ctx, si_emit emit) {
  struct local_call call;
  local_call_begin(&call, instance, op);
  struct converge c SI_AUTO(converge_free) = {.call = &call};
  si_rc status = local_project_read(project, &call.project, &call.error);
  status = status == SI_OK ? converge(&c, project, stack) : status;
  status = status == SI_OK ? local_inspect_emit(&call, ctx, emit) : status;
  return local_call_end(&call, status);
}
