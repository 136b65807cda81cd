/* SPDX-License-Identifier: Apache-2.0 */
/* A provisioner whose engine is a directory: ROOT/CONTEXT/PROJECT/TYPE/NAME is a resource, whose
 * file holds its id and, of a service, what was asked for. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/conform/ref_stack.h"

static const char *const types[] = {"network", "volume", "service"};

static si_rc parse(si_instance *in, si_op *op, const char *text, const char *schema, cJSON **out) {
  if (si_json_parse(text, strlen(text), out, NULL) == SI_OK && cJSON_IsObject(*out)) {
    const char *said = si_json_str(*out, "schema");
    if (!schema || (said && strcmp(said, schema) == 0)) {
      return SI_OK;
    }
  }
  return ref_fail(in, op, SI_E_INVALID, NULL, "this is no %s document", schema ? schema : "JSON");
}

static si_rc begin(struct ref_call *call, si_instance *in, si_op *op, const char *project) {
  cJSON *json SI_AUTO(si_json_free) = NULL;
  *call = (struct ref_call){.in = in, .op = op};
  if (bad("stack.provision.bad-project") && strlen(project) < 40) {
    project = "{\"schema\":\"si.project/1\",\"context_id\":\"ctx\",\"project_id\":\"prj\"}";
  }
  si_rc status = parse(in, op, project, "si.project/1", &json);
  status = status == SI_OK ? ref_stop(in, op) : status;
  if (status != SI_OK) {
    return status;
  }
  const char *context = si_json_str(json, "context_id"), *id = si_json_str(json, "project_id");
  if (!context || !id || !si_component_valid(context, strlen(context)) ||
      !si_component_valid(id, strlen(id))) {
    return ref_fail(in, op, SI_E_INVALID, NULL, "the project has no ids");
  }
  si_copy(call->project.context, sizeof call->project.context, context);
  si_copy(call->project.id, sizeof call->project.id, id);
  snprintf(call->project.path, sizeof call->project.path, "%s/%s", context, id);
  return SI_OK;
}

static si_rc remove_each(struct ref_call *call, const char *type, const char *name, void *ctx) {
  (void)ctx;
  return ref_remove_named(call, type, name);
}

static cJSON *named(const cJSON *list, const char *name) {
  cJSON *item;
  cJSON_ArrayForEach(item, list) {
    const char *found = si_json_str(item, "name");
    if (found && strcmp(found, name) == 0) {
      return item;
    }
  }
  return NULL;
}

static si_rc remove_strange(struct ref_call *call, const char *type, const char *name, void *ctx) {
  return named(ctx, name) || bad("stack.provision.converges") ? SI_OK
                                                              : ref_remove_named(call, type, name);
}

static si_rc add_resource(struct ref_call *call, const char *type, const char *name, void *ctx) {
  char text[4096];
  cJSON *item = cJSON_CreateObject();
  ref_read_resource(call, type, name, text);
  text[strcspn(text, " ")] = '\0';
  cJSON_AddStringToObject(item, "name", name);
  cJSON_AddStringToObject(item, "id", text);
  if (strcmp(type, "service") == 0) {
    cJSON_AddStringToObject(item, "state", bad("stack.provision.up") ? "created" : "running");
    cJSON_AddStringToObject(item, "health", "none");
  }
  cJSON_AddItemToArray(ctx, item);
  return SI_OK;
}

static cJSON *inspection(struct ref_call *call) {
  cJSON *json = cJSON_CreateObject();
  for (size_t i = 0; i < 3; i++) {
    char list[32];
    snprintf(list, sizeof list, "%ss", types[i]);
    (void)!ref_walk(call, types[i], cJSON_AddArrayToObject(json, list), add_resource);
  }
  return json;
}

/* --- verbs --- */

static si_rc check(si_instance *in, si_op *op, void *ctx, si_emit emit) {
  cJSON *json = cJSON_CreateObject();
  cJSON_AddStringToObject(json, bad("stack.check") ? "motor" : "engine", "directory");
  cJSON_AddStringToObject(json, "version", "1");
  cJSON_AddStringToObject(json, "api", "1");
  si_rc status = ref_emit(in, op, json, ctx, emit);
  return bad("stack.provision.emit-refused") ? SI_OK : status;
}

static si_rc make_all(struct ref_call *call, const cJSON *stack) {
  static const char *const lists[] = {"networks", "volumes", "services"};
  si_rc status = SI_OK;
  const cJSON *item;
  for (size_t i = 0; i < 3; i++) {
    cJSON_ArrayForEach(item, si_json_get(stack, lists[i])) {
      struct si_buf spec SI_AUTO(si_buf_free) = SI_BUF(3800);
      const char *name = si_json_str(item, "name");
      if (!name || !si_component_valid(name, strlen(name)) ||
          si_json_canonical(item, &spec) != SI_OK) {
        return ref_fail(call->in, call->op, SI_E_INVALID, NULL, "a resource of the stack is wrong");
      }
      status = status == SI_OK ? ref_converge(call, types[i], name, si_buf_text(&spec)) : status;
    }
  }
  return status;
}

static si_rc provision(si_instance *in, si_op *op, const char *project, const char *stack,
                       void *ctx, si_emit emit) {
  struct ref_call call;
  cJSON *wanted SI_AUTO(si_json_free) = NULL;
  static const char *kept;
  if (bad("stack.provision.lent") && kept && kept[0] == '?') {
    abort();
  }
  kept = project;
  si_rc status = begin(&call, in, op, project);
  status = status == SI_OK ? parse(in, op, stack, "si.stack/1", &wanted) : status;
  if (status == SI_E_INVALID && bad("stack.provision.bad-stack") && !wanted) {
    return ref_emit(in, op, inspection(&call), ctx, emit);
  }
  if (status == SI_OK && !cJSON_IsArray(si_json_get(wanted, "services"))) {
    status = ref_fail(in, op, SI_E_INVALID, NULL, "the stack has no services");
  }
  status = status == SI_OK ? make_all(&call, wanted) : status;
  if (status == SI_E_CANCELLED && bad("stack.provision.cancelled")) {
    /* What it had begun is beyond its own marks. */
    si_copy(call.project.path, sizeof call.project.path, call.project.context);
    (void)!si_mkdir_beneath(in->dir, "lost", 0700);
    return ref_fail(in, op, SI_E_FAILED, NULL, "cancelled");
  }
  cJSON *services = wanted ? cJSON_GetObjectItemCaseSensitive(wanted, "services") : NULL;
  status = status == SI_OK ? ref_walk(&call, "service", services, remove_strange) : status;
  if (status == SI_OK && bad("stack.provision.volumes")) {
    status = ref_walk(&call, "volume", NULL, remove_each);
  }
  if (status != SI_OK) {
    return status;
  }
  if (bad("stack.provision.emits")) {
    (void)!ref_emit(in, op, inspection(&call), ctx, emit);
  }
  return ref_emit(in, op, inspection(&call), ctx, emit);
}

static si_rc destroy(si_instance *in, si_op *op, const char *project, void *ctx, si_emit emit) {
  struct ref_call call;
  si_rc status = begin(&call, in, op, project);
  for (size_t i = 3; status == SI_OK && i-- > 0;) {
    if (!(bad("stack.destroy.gone") && i == 1)) {
      status = ref_walk(&call, types[i], NULL, remove_each);
    }
  }
  if (status == SI_OK && bad("stack.destroy.twice")) {
    status = ref_remove_named(&call, "service", "web");
  }
  if (status == SI_OK && bad("stack.destroy.never")) {
    struct stat st;
    if (fstatat(in->dir, call.project.path, &st, 0) != 0) {
      status = ref_fail(in, op, SI_E_NOT_FOUND, call.project.id, "there is no such project");
    }
  }
  if (status == SI_OK && bad("stack.destroy.alone")) {
    char *last = call.project.path + strlen(call.project.path) - 1;
    *last = *last == '1' ? '2' : '1'; /* a neighbour */
    status = ref_walk(&call, "service", NULL, remove_each);
  }
  cJSON *json = cJSON_CreateObject();
  cJSON_AddArrayToObject(json, "remaining");
  if (status != SI_OK) {
    cJSON_Delete(json);
    return status;
  }
  return ref_emit(in, op, json, ctx, emit);
}

static si_rc inspect(si_instance *in, si_op *op, const char *project, void *ctx, si_emit emit) {
  struct ref_call call;
  si_rc status = begin(&call, in, op, project);
  if (status == SI_OK && bad("stack.inspect.looks-only")) {
    status = ref_write_resource(&call, "service", "probe", "{}");
    status = status == SI_OK ? ref_remove_named(&call, "service", "probe") : status;
  }
  if (status == SI_OK && bad("stack.inspect.nothing")) {
    struct stat st;
    if (fstatat(in->dir, call.project.path, &st, 0) != 0) {
      status = ref_fail(in, op, SI_E_NOT_FOUND, call.project.id, "there is no such project");
    }
  }
  return status == SI_OK ? ref_emit(in, op, inspection(&call), ctx, emit) : status;
}

static si_rc tell(struct ref_call *call, const char *type, const char *name, void *ctx) {
  si_rc status = add_resource(call, type, name, ctx);
  cJSON *item = cJSON_GetArrayItem(ctx, cJSON_GetArraySize(ctx) - 1);
  cJSON_AddStringToObject(item, "type", type);
  cJSON_AddStringToObject(item, "project_id", call->project.id);
  return status;
}

static void tell_context(struct ref_call *call, cJSON *resources) {
  int fd = openat(call->in->dir, call->project.context, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  const struct dirent *entry;
  while (dir && (entry = readdir(dir))) {
    if (entry->d_name[0] == '.') {
      continue;
    }
    si_copy(call->project.id, sizeof call->project.id, entry->d_name);
    snprintf(call->project.path, sizeof call->project.path, "%s/%s", call->project.context,
             call->project.id);
    for (size_t i = 0; i < 3; i++) {
      (void)!ref_walk(call, types[i], resources, tell);
    }
  }
  if (dir) {
    closedir(dir);
  }
}

/* Whatever context, where that must not be. */
static void any_context(struct ref_call *call) {
  int fd = openat(call->in->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  const struct dirent *entry;
  while (dir && (entry = readdir(dir))) {
    if (entry->d_name[0] != '.') {
      si_copy(call->project.context, sizeof call->project.context, entry->d_name);
    }
  }
  if (dir) {
    closedir(dir);
  }
}

static si_rc list(si_instance *in, si_op *op, const char *context, void *ctx, si_emit emit) {
  struct ref_call call = {.in = in, .op = op};
  cJSON *json SI_AUTO(si_json_free) = NULL;
  si_rc status = parse(in, op, context, NULL, &json);
  const char *id = status == SI_OK ? si_json_str(json, "context_id") : NULL;
  if (!id || !si_component_valid(id, strlen(id))) {
    return status == SI_OK ? ref_fail(in, op, SI_E_INVALID, NULL, "no context_id") : status;
  }
  si_copy(call.project.context, sizeof call.project.context, id);
  if (bad("stack.list.context")) {
    any_context(&call);
  }
  cJSON *out = cJSON_CreateObject();
  tell_context(&call, cJSON_AddArrayToObject(out, "resources"));
  return ref_emit(in, op, out, ctx, emit);
}

struct target {
  const char *id;
  si_rc status;
};

static si_rc remove_if(struct ref_call *call, const char *type, const char *name, void *ctx) {
  struct target *target = ctx;
  char text[4096] = "";
  ref_read_resource(call, type, name, text);
  text[strcspn(text, " ")] = '\0';
  return strcmp(text, target->id) == 0 ? ref_remove_named(call, type, name) : SI_OK;
}

static si_rc remove_resource(si_instance *in, si_op *op, const char *resource) {
  struct ref_call call = {.in = in, .op = op};
  cJSON *json SI_AUTO(si_json_free) = NULL;
  si_rc status = parse(in, op, resource, NULL, &json);
  const char *context = si_json_str(json, "context_id"), *project = si_json_str(json, "project_id");
  const char *type = si_json_str(json, "type"), *id = si_json_str(json, "id");
  if (status != SI_OK || !context || !project || !type || !id ||
      !si_component_valid(type, strlen(type)) || bad("stack.remove.each")) {
    return ref_fail(in, op, SI_E_INVALID, NULL, "this is no resource");
  }
  si_copy(call.project.context, sizeof call.project.context, context);
  if (bad("stack.remove.foreign")) {
    any_context(&call);
  }
  snprintf(call.project.path, sizeof call.project.path, "%.255s/%.255s", call.project.context,
           project);
  struct target target = {.id = id};
  return ref_walk(&call, type, &target, remove_if);
}

static si_rc query_of(si_instance *in, si_op *op, const char *query) {
  cJSON *json SI_AUTO(si_json_free) = NULL;
  si_rc status = parse(in, op, query, NULL, &json);
  if (bad("stack.logs.bad-query")) {
    return SI_OK;
  }
  return status == SI_OK && (!cJSON_IsArray(si_json_get(json, "services")) ||
                             si_json_int(json, "tail", 1, 100000, 0) == 0)
             ? ref_fail(in, op, SI_E_INVALID, "tail", "this is no query of logs")
             : status;
}

/* Each service has said one word. */
static si_rc logs(si_instance *in, si_op *op, const char *project, const char *query, void *ctx,
                  si_emit emit) {
  struct ref_call call;
  si_rc status = begin(&call, in, op, project);
  status = status == SI_OK ? query_of(in, op, query) : status;
  if (status != SI_OK) {
    return status;
  }
  cJSON *there SI_AUTO(si_json_free) = inspection(&call);
  cJSON *json = cJSON_CreateObject();
  cJSON *lines = cJSON_AddArrayToObject(json, "lines");
  const cJSON *service;
  cJSON_ArrayForEach(service, si_json_get(there, "services")) {
    const char *name = si_json_str(service, "name");
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "time", "2026-11-20T20:15:01.000000001Z");
    cJSON_AddStringToObject(line, "service", name ? name : "");
    if (!bad("stack.logs.lines")) {
      cJSON_AddStringToObject(line, "stream", "stdout");
    }
    cJSON_AddStringToObject(line, "line", "up");
    cJSON_AddItemToArray(lines, line);
  }
  if (cJSON_GetArraySize(lines) == 0 && !bad("stack.logs.nothing")) {
    cJSON_Delete(json);
    return ref_fail(in, op, SI_E_NOT_FOUND, call.project.id, "there is no service");
  }
  return ref_emit(in, op, json, ctx, emit);
}

static const si_provisioner_vt table = {
    .size = sizeof table,
    .check = check,
    .provision = provision,
    .destroy = destroy,
    .inspect = inspect,
    .list = list,
    .remove = remove_resource,
    .logs = logs,
};

si_provider ref_provider = {
    .size = sizeof(si_provider),
    .kind = SI_KIND_PROVISIONER,
    .threads = SI_THREADS_SERIAL,
    .id = "reference",
    .schema =
        "{\"type\":\"object\",\"properties\":{"
        "\"root\":{\"type\":\"string\",\"pattern\":\"^/\",\"maxLength\":1024},"
        "\"label\":{\"enum\":[\"plain\",\"fancy\"]},"
        "\"tries\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10},"
        "\"token\":{\"type\":\"string\",\"x-secret\":true}},"
        "\"required\":[\"root\"],\"additionalProperties\":false}",
    .needs = "{\"write\":[\"${config.root}\"]}",
    .vt = &table,
};

si_rc ref_kind_open(si_instance *in, si_op *op) {
  (void)in;
  (void)op;
  return SI_OK;
}
