/* SPDX-License-Identifier: Apache-2.0 */
/* The provisioner's table, its instances, and the verb check. */
#include <stdlib.h>
#include <string.h>

#include "plugins/engine/machine.h"
#include "plugins/local/verbs.h"

/* A failure before there is an instance. */
static si_rc refuse(const si_host_vt *vt, si_host *host, si_op *op, const struct si_error *e) {
  struct si_instance bare = {.vt = vt, .host = host};
  struct local_call call = {.in = &bare, .op = op, .error = *e};
  return local_call_end(&call, e->status);
}

si_rc local_open(const si_host_vt *vt, si_host *host, si_op *op, const char *config_json,
                 si_instance **out) {
  struct si_error error = {0};
  /* Without these nothing can be done that would be safe to do. */
  if (!SI_HAS(vt, si_host_vt, fail) || !SI_HAS(vt, si_host_vt, cancelled) ||
      !SI_HAS(vt, si_host_vt, deadline_ns) || !SI_HAS(vt, si_host_vt, step)) {
    return SI_E_UNSUPPORTED;
  }
  si_instance *instance = calloc(1, sizeof *instance);
  if (!instance) {
    return SI_E_NOMEM;
  }
  instance->vt = vt;
  instance->host = host;
  si_rc status = local_config_read(config_json, &instance->config, &error);
  if (status == SI_OK) {
    status = si_engine_open(instance->config.socket, &instance->engine, &error);
  }
  if (status != SI_OK) {
    local_close(instance);
    return refuse(vt, host, op, &error);
  }
  *out = instance;
  return SI_OK;
}

void local_close(si_instance *instance) {
  if (instance) {
    si_engine_close(&instance->engine);
    free(instance);
  }
}

static bool add_number(cJSON *document, const char *name, int64_t number) {
  return cJSON_AddNumberToObject(document, name, (double)number) != NULL;
}

/* What the engine does not say is left out. */
static bool add_machine(cJSON *document, const struct si_engine_machine *machine) {
  return (!machine->os[0] || cJSON_AddStringToObject(document, "os", machine->os)) &&
         (!machine->arch[0] || cJSON_AddStringToObject(document, "arch", machine->arch)) &&
         (!machine->cpus || add_number(document, "cpus", machine->cpus)) &&
         (!machine->memory_bytes || add_number(document, "memory_bytes", machine->memory_bytes)) &&
         (!machine->has_clock || add_number(document, "clock_skew_ms", machine->clock_skew_ms));
}

static si_rc check(si_instance *instance, si_op *op, void *ctx, si_emit emit) {
  struct local_call call;
  struct si_engine_version version;
  struct si_engine_machine machine;
  cJSON *document SI_AUTO(si_json_free) = cJSON_CreateObject();
  local_call_begin(&call, instance, op);
  si_rc status = si_engine_version(instance->engine, &version, &call.error);
  status = status == SI_OK ? si_engine_machine(instance->engine, &machine, &call.error) : status;
  if (status == SI_OK && (!cJSON_AddStringToObject(document, "engine", version.name) ||
                          !cJSON_AddStringToObject(document, "version", version.version) ||
                          !cJSON_AddStringToObject(document, "api", version.api) ||
                          !add_machine(document, &machine))) {
    status = local_error(&call, SI_E_NOMEM, NULL, "out of memory");
  }
  status = status == SI_OK ? local_emit(&call, document, ctx, emit) : status;
  return local_call_end(&call, status);
}

const si_provisioner_vt local_provisioner = {
    .size = sizeof local_provisioner,
    .check = check,
    .provision = local_provision,
    .destroy = local_destroy,
    .inspect = local_inspect,
    .list = local_list,
    .remove = local_remove,
    .logs = local_logs,
};
