/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/local/effects.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"

static si_rc foreign(struct local_call *call, enum si_engine_type type, const char *part,
                     const char *name) {
  const char *kind = si_engine_type_text(type);
  return local_error(call, SI_E_CONFLICT, part,
                     "%s %s exists on the engine and is not this project's: it was left alone; "
                     "remove or rename it, then retry",
                     kind, name);
}

static si_rc engine_name(struct local_call *call, const char *part, char name[LOCAL_NAME_SIZE]) {
  si_rc status = local_resource_name(&call->project, part, name);
  return status == SI_OK ? SI_OK
                         : local_error(call, status, part, "%s: no name could be made of it", part);
}

/* --- networks --- */

struct network_search {
  const struct local_project *project;
  bool foreign;
  char id[SI_ENGINE_ID_SIZE]; /* ours, or "": of several the one with the least id */
};

static si_rc on_network(void *ctx, const struct si_engine_item *item) {
  struct network_search *search = ctx;
  if (!local_is_ours(search->project, item->labels)) {
    search->foreign = true;
  } else if (!search->id[0] || strcmp(item->id, search->id) < 0) {
    si_copy(search->id, sizeof search->id, item->id);
  }
  return SI_OK;
}

static si_rc find_network(struct local_call *call, const char *part, const char *name,
                          struct network_search *search) {
  *search = (struct network_search){.project = &call->project};
  si_rc status = si_engine_networks_named(call->in->engine, name, search, on_network, &call->error);
  return status == SI_OK && search->foreign ? foreign(call, SI_ENGINE_NETWORK, part, name) : status;
}

static si_rc create_network(struct local_call *call, const struct local_part *network,
                            const char *name, const char *spec, char id[SI_ENGINE_ID_SIZE]) {
  cJSON *body SI_AUTO(si_json_free) = NULL;
  struct network_search search;
  char made[SI_ENGINE_ID_SIZE] = "";
  si_rc status = local_request_network(&call->project, network, spec, &body);
  if (status != SI_OK) {
    return local_error(call, status, network->name, "network %s: out of memory", network->name);
  }
  status = si_engine_network_create(call->in->engine, name, body, made, &call->error);
  if (status != SI_OK && status != SI_E_CONFLICT) {
    local_about(call, "network", network->name);
    return status;
  }
  /* A request of an earlier process may have made one at the same moment: all agree on one. */
  status = find_network(call, network->name, name, &search);
  if (status == SI_OK && !search.id[0]) {
    return local_error(call, SI_E_UNAVAILABLE, network->name,
                       "network %s: the engine shows none after it was made: retry", network->name);
  }
  if (status == SI_OK && made[0] && strcmp(made, search.id) != 0) {
    status = si_engine_remove(call->in->engine, SI_ENGINE_NETWORK, made, &call->error);
  }
  if (status == SI_OK) {
    si_copy(id, SI_ENGINE_ID_SIZE, search.id);
  }
  return status;
}

si_rc local_network_make(struct local_call *call, const struct local_part *network,
                         const char *spec, char id[SI_ENGINE_ID_SIZE]) {
  char name[LOCAL_NAME_SIZE];
  struct network_search search;
  struct local_effect effect;
  si_rc status = engine_name(call, network->name, name);
  status = status == SI_OK ? find_network(call, network->name, name, &search) : status;
  if (status != SI_OK) {
    return status;
  }
  if (search.id[0]) {
    si_copy(id, SI_ENGINE_ID_SIZE, search.id);
    return SI_OK;
  }
  status = local_effect_begin(call, &effect, "network.create", network->name, NULL);
  if (status == SI_OK) {
    status = create_network(call, network, name, spec, id);
    status = local_effect_end(call, &effect, status, status == SI_OK ? id : NULL);
  }
  return status;
}

/* Removes what find_network passed over: networks of ours with the same name. */
struct network_twins {
  struct local_call *call;
  const char *part;
  const char *keep;
  size_t removed;
};

static si_rc on_twin(void *ctx, const struct si_engine_item *item) {
  struct network_twins *twins = ctx;
  if (!local_is_ours(&twins->call->project, item->labels) || strcmp(item->id, twins->keep) == 0) {
    return SI_OK;
  }
  si_rc status = local_thing_remove(twins->call, SI_ENGINE_NETWORK, twins->part, item->id);
  twins->removed += status == SI_OK;
  return status == SI_E_NOT_FOUND ? SI_OK : status;
}

si_rc local_network_settle(struct local_call *call, const char *part, const char *id,
                           size_t *removed) {
  char name[LOCAL_NAME_SIZE];
  struct network_twins twins = {.call = call, .part = part, .keep = id};
  si_rc status = engine_name(call, part, name);
  if (status == SI_OK) {
    status = si_engine_networks_named(call->in->engine, name, &twins, on_twin, &call->error);
  }
  *removed += twins.removed;
  return status;
}

/* --- volumes --- */

/* *exists: one of the name is there, and ours. */
static si_rc find_volume(struct local_call *call, const char *part, const char *name,
                         bool *exists) {
  cJSON *document SI_AUTO(si_json_wipe) = NULL;
  struct si_engine_item item;
  si_rc status =
      si_engine_look(call->in->engine, SI_ENGINE_VOLUME, name, &item, &document, &call->error);
  *exists = status == SI_OK;
  if (status == SI_OK && !local_is_ours(&call->project, item.labels)) {
    return foreign(call, SI_ENGINE_VOLUME, part, name);
  }
  return status == SI_E_NOT_FOUND ? SI_OK : status;
}

static si_rc create_volume(struct local_call *call, const struct local_part *volume,
                           const char *name) {
  cJSON *body SI_AUTO(si_json_free) = NULL;
  bool exists = false;
  si_rc status = local_request_volume(&call->project, volume, "", &body);
  if (status != SI_OK) {
    return local_error(call, status, volume->name, "volume %s: out of memory", volume->name);
  }
  status = si_engine_volume_create(call->in->engine, name, body, &call->error);
  if (status != SI_OK) {
    local_about(call, "volume", volume->name);
    return status;
  }
  /* The engine answers the same for a volume that was there before, whoever made it. */
  status = find_volume(call, volume->name, name, &exists);
  if (status == SI_OK && !exists) {
    return local_error(call, SI_E_UNAVAILABLE, volume->name,
                       "volume %s: the engine shows none after it was made: retry", volume->name);
  }
  return status;
}

si_rc local_volume_make(struct local_call *call, const struct local_part *volume) {
  char name[LOCAL_NAME_SIZE];
  struct local_effect effect;
  bool exists = false;
  si_rc status = engine_name(call, volume->name, name);
  status = status == SI_OK ? find_volume(call, volume->name, name, &exists) : status;
  if (status != SI_OK || exists) {
    return status;
  }
  status = local_effect_begin(call, &effect, "volume.create", volume->name, NULL);
  if (status == SI_OK) {
    status = create_volume(call, volume, name);
    status = local_effect_end(call, &effect, status, status == SI_OK ? name : NULL);
  }
  return status;
}

si_rc local_name_free(struct local_call *call, enum si_engine_type type, const char *part) {
  char name[LOCAL_NAME_SIZE];
  cJSON *document SI_AUTO(si_json_wipe) = NULL;
  struct si_engine_item item;
  struct network_search search;
  si_rc status = engine_name(call, part, name);
  if (status != SI_OK) {
    return status;
  }
  if (type == SI_ENGINE_NETWORK) {
    return find_network(call, part, name, &search);
  }
  status = si_engine_look(call->in->engine, type, name, &item, &document, &call->error);
  if (status == SI_OK && !local_is_ours(&call->project, item.labels)) {
    return foreign(call, type, part, name);
  }
  return status == SI_E_NOT_FOUND ? SI_OK : status;
}

/* --- removing --- */

struct network_user {
  const struct local_project *project;
  char name[SI_ENGINE_NAME_SIZE]; /* of a container that is not the project's, or "" */
};

static si_rc on_user(void *ctx, const struct si_engine_item *item) {
  struct network_user *user = ctx;
  if (!user->name[0] && !local_is_ours(user->project, item->labels)) {
    si_copy(user->name, sizeof user->name, item->name);
  }
  return SI_OK;
}

/* SI_E_CONFLICT: somebody else's container is on the network. Engines cannot be left to see to it:
 * Docker minds running containers alone, and podman none when it is given the network's id. */
static si_rc check_unused(struct local_call *call, const char *id) {
  struct network_user user = {.project = &call->project};
  struct si_engine_item network;
  cJSON *document SI_AUTO(si_json_wipe) = NULL;
  si_rc status =
      si_engine_look(call->in->engine, SI_ENGINE_NETWORK, id, &network, &document, &call->error);
  if (status == SI_OK) {
    status = si_engine_network_users(call->in->engine, &network, &user, on_user, &call->error);
  }
  if (status == SI_OK && user.name[0]) {
    return local_error(call, SI_E_CONFLICT, network.name,
                       "network %s is used by container %s, which is not this project's: it was "
                       "left alone",
                       network.name, user.name);
  }
  return status == SI_E_NOT_FOUND ? SI_OK : status;
}

/* Asks it to end, in the time that it was made with. */
static si_rc stop(struct local_call *call, const char *part, const char *id) {
  struct si_engine_container container SI_AUTO(si_engine_container_free) = {0};
  struct local_effect effect;
  si_rc status = si_engine_container(call->in->engine, id, &container, &call->error);
  if (status != SI_OK ||
      (strcmp(container.state, "running") != 0 && strcmp(container.state, "restarting") != 0 &&
       strcmp(container.state, "paused") != 0)) {
    return status == SI_E_NOT_FOUND ? SI_OK : status;
  }
  /* podman keeps that time to itself. */
  int64_t grace =
      si_json_int(si_json_get(container.document, "Config"), "StopTimeout", 0, 86400, -1);
  status = local_effect_begin(call, &effect, "container.stop", part, id);
  if (status == SI_OK) {
    status = si_engine_container_stop(call->in->engine, id, grace, &call->error);
    status = local_effect_end(call, &effect, status, id);
  }
  return status;
}

si_rc local_thing_remove(struct local_call *call, enum si_engine_type type, const char *part,
                         const char *id) {
  struct local_effect effect;
  char verb[32];
  si_rc status = SI_OK;
  if (type == SI_ENGINE_CONTAINER) {
    status = stop(call, part, id);
    if (status != SI_OK && (local_go_on(call) != SI_OK || call->error.status == SI_E_UNAVAILABLE)) {
      return status;
    }
    /* What does not stop when asked is removed by force below. */
  } else if (type == SI_ENGINE_NETWORK) {
    status = check_unused(call, id);
    if (status != SI_OK) {
      return status;
    }
  }
  snprintf(verb, sizeof verb, "%s.remove", si_engine_type_text(type));
  status = local_effect_begin(call, &effect, verb, part, id);
  if (status == SI_OK) {
    status = si_engine_remove(call->in->engine, type, id, &call->error);
    status = local_effect_end(call, &effect, status, id);
  }
  return status;
}

si_rc local_container_retire(struct local_call *call, const char *part, const char *id) {
  si_rc status = local_thing_remove(call, SI_ENGINE_CONTAINER, part, id);
  for (int tries = 0; status == SI_E_CONFLICT && tries < 50; tries++) {
    /* Somebody's removal of it is under way: it ends, or it is tried again. */
    cJSON *document SI_AUTO(si_json_wipe) = NULL;
    struct si_engine_item item;
    status = local_pause(call, 200);
    if (status != SI_OK) {
      return status;
    }
    status =
        si_engine_look(call->in->engine, SI_ENGINE_CONTAINER, id, &item, &document, &call->error);
    if (status == SI_OK) {
      status = local_thing_remove(call, SI_ENGINE_CONTAINER, part, id);
    }
  }
  return status == SI_E_NOT_FOUND ? SI_OK : status;
}
