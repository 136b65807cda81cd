/* SPDX-License-Identifier: Apache-2.0 */
/* The effects (effects.h) that bring a service's container about. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "plugins/local/effects.h"
#include "plugins/local/environment.h"

static bool is_one_of(const char *text, const char *a, const char *b) {
  return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

bool local_container_on(const struct si_engine_container *container, const char *network_name,
                        const char *network_id) {
  const cJSON *entry;
  cJSON_ArrayForEach(entry, container->networks) {
    const char *id = si_json_str(entry, "NetworkID");
    /* A container that never ran has no id there yet; podman always puts the name. */
    if (id && id[0] && strcmp(id, network_name) != 0
            ? strcmp(id, network_id) == 0
            : is_one_of(entry->string, network_name, network_id)) {
      return true;
    }
  }
  return false;
}

static const char *bare_id(const char *id) {
  return strncmp(id, "sha256:", 7) == 0 ? id + 7 : id;
}

/* --- making --- */

/* Connects it to those of its networks that it is not on. */
static si_rc connect_all(struct local_call *call, const struct local_plan *plan,
                         const struct local_service *service,
                         const struct local_network_ids *networks,
                         const struct si_engine_container *container) {
  si_rc status = SI_OK;
  const cJSON *entry;
  cJSON_ArrayForEach(entry, si_json_get(service->spec, "networks")) {
    const struct local_part *part = local_plan_network(plan, si_json_str(entry, "name"));
    const char *id = networks->ids[part - plan->networks];
    char name[LOCAL_NAME_SIZE];
    char what[300];
    struct local_effect effect;
    if (local_resource_name(&call->project, part->name, name) == SI_OK &&
        local_container_on(container, name, id)) {
      continue;
    }
    cJSON *aliases SI_AUTO(si_json_free) = local_request_aliases(service, entry);
    snprintf(what, sizeof what, "%s/%s", service->name, part->name);
    status = local_effect_begin(call, &effect, "network.connect", what, container->id);
    if (status == SI_OK) {
      status =
          si_engine_network_connect(call->in->engine, id, container->id, aliases, &call->error);
      status = local_effect_end(call, &effect, status, id);
    }
    if (status != SI_OK) {
      return status;
    }
  }
  return status;
}

/* Is what the engine has under this name what was asked for? */
static si_rc check_made(struct local_call *call, const struct local_service *service,
                        const struct si_engine_container *made, const char *image_id,
                        const char *spec) {
  const char *had = si_engine_label(made->labels, "si.spec");
  if (!local_is_ours(&call->project, made->labels)) {
    return local_error(call, SI_E_CONFLICT, service->name,
                       "container %s exists on the engine and is not this project's: it was left "
                       "alone; remove or rename it, then retry",
                       made->name);
  }
  if (!had || strcmp(had, spec) != 0 || strcmp(bare_id(made->image_id), bare_id(image_id)) != 0) {
    local_error(call, SI_E_CONFLICT, service->name,
                "service %s: its container was made from something else meanwhile (image %s may "
                "have changed): retry",
                service->name, service->image);
    call->error.retry = SI_RETRY_SAFE;
    return SI_E_CONFLICT;
  }
  return SI_OK;
}

/* Asks the engine for it. A name that is taken, by what the engine does not show yet, was asked for
 * by a process that died: the container comes, or goes, within moments. */
static si_rc ask_for(struct local_call *call, const char *name, const cJSON *body,
                     struct si_engine_container *made) {
  enum { TRIES = 50, PAUSE_MS = 100 };
  for (int tries = 1;; tries++) {
    char id[SI_ENGINE_ID_SIZE] = "";
    si_rc status = si_engine_container_create(call->in->engine, name, body, id, &call->error);
    if (status != SI_OK && status != SI_E_CONFLICT) {
      return status;
    }
    /* A taken name may be of our own making: the answer to it never came. */
    struct si_error keep = call->error;
    status = si_engine_container(call->in->engine, id[0] ? id : name, made, &call->error);
    if (status != SI_E_NOT_FOUND || id[0]) {
      return status;
    }
    call->error = keep;
    if (tries == TRIES) {
      return SI_E_CONFLICT;
    }
    if ((status = local_pause(call, PAUSE_MS)) != SI_OK) {
      return status;
    }
  }
}

/* Creates it, or finds the one that an earlier process asked for; *made is then that container. */
static si_rc create(struct local_call *call, const struct local_plan *plan,
                    const struct local_service *service, const struct local_network_ids *networks,
                    const char *image_id, const char *spec, struct si_engine_container *made) {
  cJSON *body SI_AUTO(si_json_wipe) = NULL;
  char name[LOCAL_NAME_SIZE];
  si_rc status = local_resource_name(&call->project, service->name, name);
  if (status == SI_OK) {
    status = local_request_container(&call->project, plan, service, networks, spec,
                                     call->in->config.stop_timeout_s, &body, &call->error);
  }
  if (status == SI_OK) {
    status = local_environment_fill(call, service, body);
  }
  if (status == SI_OK) {
    status = ask_for(call, name, body, made);
    si_json_wipe(&body);
  }
  if (status != SI_OK) {
    local_about(call, "service", service->name);
    return status;
  }
  return check_made(call, service, made, image_id, spec);
}

si_rc local_container_make(struct local_call *call, const struct local_plan *plan,
                           const struct local_service *service,
                           const struct local_network_ids *networks, const char *image_id,
                           const char *spec, char id[SI_ENGINE_ID_SIZE]) {
  struct si_engine_container made SI_AUTO(si_engine_container_free) = {0};
  struct local_effect effect;
  si_rc status = local_effect_begin(call, &effect, "container.create", service->name, NULL);
  if (status != SI_OK) {
    return status;
  }
  status = create(call, plan, service, networks, image_id, spec, &made);
  status = local_effect_end(call, &effect, status, status == SI_OK ? made.id : NULL);
  if (status == SI_OK) {
    status = connect_all(call, plan, service, networks, &made);
  }
  if (status == SI_OK) {
    si_copy(id, SI_ENGINE_ID_SIZE, made.id);
  }
  return status;
}

/* --- starting --- */

/* Does the engine's message speak of this address? */
static bool mentions(const char *message, const char *address) {
  const char *at = strstr(message, address);
  return at && !isdigit((unsigned char)at[strlen(address)]);
}

/* The engine says which port was taken in words of its own, which change with the engine. */
static bool port_taken(struct local_call *call, const struct local_service *service) {
  const char *message = call->error.message;
  char address[100];
  if (!strstr(message, "already in use") && !strstr(message, "already allocated")) {
    return false;
  }
  const cJSON *port;
  cJSON_ArrayForEach(port, si_json_get(service->spec, "ports")) {
    const char *ip = si_json_str(port, "host_ip");
    int number = (int)si_json_int(port, "host_port", 0, 65535, 0);
    char tail[16];
    snprintf(tail, sizeof tail, ":%d", number);
    snprintf(address, sizeof address, strchr(ip ? ip : "", ':') ? "[%.64s]:%d" : "%.64s:%d",
             ip ? ip : "127.0.0.1", number);
    if (number > 0 && (mentions(message, address) || mentions(message, tail))) {
      local_error(call, SI_E_CONFLICT, service->name,
                  "service %s: host port %s is taken by another program or container: free it or "
                  "publish another one, then retry",
                  service->name, address);
      return true;
    }
  }
  return false;
}

si_rc local_container_start(struct local_call *call, const struct local_service *service,
                            const char *id) {
  struct local_effect effect;
  si_rc status = local_effect_begin(call, &effect, "container.start", service->name, id);
  if (status != SI_OK) {
    return status;
  }
  status = si_engine_container_start(call->in->engine, id, &call->error);
  if (status != SI_OK && port_taken(call, service)) {
    status = call->error.status;
  } else if (status != SI_OK) {
    bool refused = strcmp(call->error.code, "ENGINE_REFUSED") == 0;
    local_about(call, "service", service->name);
    if (refused && status != SI_E_UNAVAILABLE) {
      /* No such program, say. Engines do not agree on the code of it. */
      status = call->error.status = SI_E_FAILED;
    }
  }
  return local_effect_end(call, &effect, status, id);
}
