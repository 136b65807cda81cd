/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that only look: inspect and list. */
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "plugins/local/inventory.h"
#include "plugins/local/verbs.h"

static si_rc no_memory(struct local_call *call) {
  return local_error(call, SI_E_NOMEM, NULL, "out of memory");
}

/* Appends an object to the list; NULL where memory is out. */
static cJSON *append(cJSON *list) {
  cJSON *object = cJSON_CreateObject();
  if (!object || !cJSON_AddItemToArray(list, object)) {
    cJSON_Delete(object);
    return NULL;
  }
  return object;
}

/* --- inspect --- */

static bool add_binding(cJSON *ports, const char *key, const cJSON *binding) {
  char number[8];
  uint64_t port = 0;
  uint64_t host_port = 0;
  size_t digits = strcspn(key, "/");
  const char *ip = si_json_str(binding, "HostIp");
  const char *host = si_json_str(binding, "HostPort");
  if (digits >= sizeof number || key[digits] == '\0') {
    return true; /* not a port as we know them: nothing to show */
  }
  memcpy(number, key, digits);
  number[digits] = '\0';
  if (si_parse_u64(number, 1, 65535, &port) != SI_OK ||
      si_parse_u64(host, 1, 65535, &host_port) != SI_OK) {
    return true;
  }
  cJSON *entry = append(ports);
  return cJSON_AddStringToObject(entry, "host_ip", ip && ip[0] ? ip : "0.0.0.0") &&
         cJSON_AddNumberToObject(entry, "host_port", (double)host_port) &&
         cJSON_AddNumberToObject(entry, "port", (double)port) &&
         cJSON_AddStringToObject(entry, "protocol", key + digits + 1);
}

static bool add_ports(cJSON *service, const cJSON *from) {
  cJSON *ports = cJSON_AddArrayToObject(service, "ports");
  bool ok = ports != NULL;
  const cJSON *key;
  const cJSON *binding;
  cJSON_ArrayForEach(key, from) {
    cJSON_ArrayForEach(binding, key) {
      ok = ok && add_binding(ports, key->string, binding);
    }
  }
  return ok;
}

static bool add_service(cJSON *services, const struct local_found *found,
                        const struct si_engine_container *c) {
  cJSON *service = append(services);
  return service && cJSON_AddStringToObject(service, "name", found->part) &&
         cJSON_AddStringToObject(service, "id", c->id) &&
         cJSON_AddStringToObject(service, "state", c->state) &&
         cJSON_AddStringToObject(service, "health", c->health[0] ? c->health : "none") &&
         cJSON_AddNumberToObject(service, "exit_code", c->exit_code) &&
         cJSON_AddNumberToObject(service, "restarts", (double)c->restarts) &&
         cJSON_AddStringToObject(service, "image", c->image) &&
         cJSON_AddStringToObject(service, "image_id", c->image_id) &&
         cJSON_AddStringToObject(service, "spec_sha256", found->spec) &&
         add_ports(service, c->ports);
}

static bool add_part(cJSON *list, const struct local_found *found) {
  cJSON *part = append(list);
  return part && cJSON_AddStringToObject(part, "name", found->part) &&
         cJSON_AddStringToObject(part, "id", found->id);
}

static int by_part(const void *a, const void *b) {
  const struct local_found *x = a;
  const struct local_found *y = b;
  int order = strcmp(x->part, y->part);
  return order ? order : strcmp(x->id, y->id);
}

static si_rc add_found(struct local_call *call, cJSON *document, const struct local_found *found) {
  struct si_engine_container container SI_AUTO(si_engine_container_free) = {0};
  bool ok = true;
  if (found->type != SI_ENGINE_CONTAINER) {
    const char *list = found->type == SI_ENGINE_NETWORK ? "networks" : "volumes";
    ok = add_part(cJSON_GetObjectItemCaseSensitive(document, list), found);
    return ok ? SI_OK : no_memory(call);
  }
  si_rc status = si_engine_container(call->in->engine, found->id, &container, &call->error);
  if (status == SI_OK) {
    ok = add_service(cJSON_GetObjectItemCaseSensitive(document, "services"), found, &container);
  }
  if (status == SI_E_NOT_FOUND) {
    return SI_OK; /* it went while we looked */
  }
  return ok ? status : no_memory(call);
}

si_rc local_inspect_emit(struct local_call *call, void *ctx, si_emit emit) {
  struct local_inventory there SI_AUTO(local_inventory_free) = {0};
  cJSON *document SI_AUTO(si_json_free) = cJSON_CreateObject();
  si_rc status = local_inventory_read(call, false, &there);
  if (status != SI_OK) {
    return status;
  }
  if (!cJSON_AddArrayToObject(document, "services") ||
      !cJSON_AddArrayToObject(document, "volumes") ||
      !cJSON_AddArrayToObject(document, "networks")) {
    return no_memory(call);
  }
  if (there.count > 0) {
    qsort(there.items, there.count, sizeof *there.items, by_part);
  }
  for (size_t i = 0; status == SI_OK && i < there.count; i++) {
    status = add_found(call, document, &there.items[i]);
  }
  return status == SI_OK ? local_emit(call, document, ctx, emit) : status;
}

si_rc local_inspect(si_instance *instance, si_op *op, const char *project, void *ctx,
                    si_emit emit) {
  struct local_call call;
  local_call_begin(&call, instance, op);
  si_rc status = local_project_read(project, &call.project, &call.error);
  status = status == SI_OK ? local_inspect_emit(&call, ctx, emit) : status;
  return local_call_end(&call, status);
}

/* --- list --- */

static bool add_resource(cJSON *list, const struct local_found *found) {
  cJSON *entry = append(list);
  return entry && cJSON_AddStringToObject(entry, "type", si_engine_type_text(found->type)) &&
         cJSON_AddStringToObject(entry, "id", found->id) &&
         cJSON_AddStringToObject(entry, "name", found->name) &&
         cJSON_AddStringToObject(entry, "project_id", found->project_id);
}

static si_rc list(struct local_call *call, const char *context, void *ctx, si_emit emit) {
  struct local_inventory there SI_AUTO(local_inventory_free) = {0};
  cJSON *document SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON *asked SI_AUTO(si_json_free) = NULL;
  cJSON *resources = cJSON_AddArrayToObject(document, "resources");
  si_rc status = si_json_parse(context, strlen(context), &asked, &call->error);
  status = status == SI_OK ? local_marks_read(asked, true, &call->project, &call->error) : status;
  status = status == SI_OK ? local_inventory_read(call, true, &there) : status;
  for (size_t i = 0; status == SI_OK && i < there.count; i++) {
    status = add_resource(resources, &there.items[i]) ? SI_OK : no_memory(call);
  }
  return status == SI_OK ? local_emit(call, document, ctx, emit) : status;
}

si_rc local_list(si_instance *instance, si_op *op, const char *context, void *ctx, si_emit emit) {
  struct local_call call;
  local_call_begin(&call, instance, op);
  return local_call_end(&call, list(&call, context, ctx, emit));
}
