/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/local/request.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/path.h"
#include "kit/base/text.h"
#include "plugins/local/confine.h"

/* cJSON's adders answer NULL when memory is out; one flag gathers them. */
struct maker {
  bool failed;
  const char *wrong; /* a member whose value makes no sense */
};

static void add(struct maker *m, cJSON *object, const char *key, cJSON *value) {
  if (!value || !cJSON_AddItemToObject(object, key, value)) {
    cJSON_Delete(value);
    m->failed = true;
  }
}

static void push(struct maker *m, cJSON *list, cJSON *value) {
  if (!value || !cJSON_AddItemToArray(list, value)) {
    cJSON_Delete(value);
    m->failed = true;
  }
}

static cJSON *object_in(struct maker *m, cJSON *parent, const char *key) {
  cJSON *object = cJSON_AddObjectToObject(parent, key);
  m->failed = m->failed || !object;
  return object;
}

static void copy_member(struct maker *m, cJSON *to, const char *key, const cJSON *spec,
                        const char *from) {
  const cJSON *value = si_json_get(spec, from);
  if (value) {
    add(m, to, key, cJSON_Duplicate(value, 1));
  }
}

/* --- parts of a container --- */

static void put_environment(struct maker *m, cJSON *body, const cJSON *spec) {
  struct si_buf pair SI_AUTO(si_buf_free) = SI_BUF(1024 * 1024);
  cJSON *list = cJSON_CreateArray();
  const cJSON *entry;
  cJSON_ArrayForEach(entry, si_json_get(spec, "environment")) {
    if (cJSON_IsArray(entry)) {
      continue; /* with secrets: local_environment_fill */
    }
    si_buf_clear(&pair);
    if (!cJSON_IsString(entry) ||
        si_buf_printf(&pair, "%s=%s", entry->string, entry->valuestring) != SI_OK) {
      m->wrong = "environment";
      break;
    }
    push(m, list, cJSON_CreateString(si_buf_text(&pair)));
  }
  add(m, body, "Env", list);
}

static void put_nanoseconds(struct maker *m, cJSON *to, const char *key, const cJSON *check,
                            const char *from) {
  if (si_json_get(check, from)) {
    int64_t ms = si_json_int(check, from, 0, INT32_MAX, -1);
    if (ms < 0) {
      m->wrong = "healthcheck";
    } else if (ms > 0) { /* the engine takes 0 for its own default */
      add(m, to, key, cJSON_CreateNumber((double)ms * 1e6));
    }
  }
}

static void put_healthcheck(struct maker *m, cJSON *body, const cJSON *spec) {
  const cJSON *check = si_json_get(spec, "healthcheck");
  const cJSON *test = si_json_get(check, "test");
  if (!check) {
    return;
  }
  cJSON *to = object_in(m, body, "Healthcheck");
  if (si_json_bool(check, "disable", false)) {
    const char *none = "NONE";
    add(m, to, "Test", cJSON_CreateStringArray(&none, 1));
    return;
  }
  if (cJSON_IsString(test)) {
    const char *const words[] = {"CMD-SHELL", test->valuestring};
    add(m, to, "Test", cJSON_CreateStringArray(words, 2));
  } else if (test) {
    add(m, to, "Test", cJSON_Duplicate(test, 1));
  }
  put_nanoseconds(m, to, "Interval", check, "interval_ms");
  put_nanoseconds(m, to, "Timeout", check, "timeout_ms");
  put_nanoseconds(m, to, "StartPeriod", check, "start_period_ms");
  copy_member(m, to, "Retries", check, "retries");
}

si_rc local_request_port(const cJSON *port, char out[24]) {
  int64_t number = si_json_int(port, "port", 1, 65535, 0);
  const char *protocol = si_json_str(port, "protocol");
  protocol = protocol ? protocol : "tcp";
  if (number == 0 || (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 &&
                      strcmp(protocol, "sctp") != 0)) {
    return SI_E_INVALID;
  }
  snprintf(out, 24, "%u/%s", (unsigned)number, protocol);
  return SI_OK;
}

static void put_binding(struct maker *m, cJSON *exposed, cJSON *bindings, const cJSON *port) {
  char key[24];
  char number[8] = "";
  int64_t host = si_json_int(port, "host_port", 0, 65535, -1);
  const char *ip = si_json_str(port, "host_ip");
  if (local_request_port(port, key) != SI_OK || host < 0) {
    m->wrong = "ports";
    return;
  }
  if (host > 0) {
    snprintf(number, sizeof number, "%u", (unsigned)host);
  }
  if (!si_json_get(exposed, key)) {
    object_in(m, exposed, key);
    cJSON_AddArrayToObject(bindings, key);
  }
  cJSON *binding = cJSON_CreateObject();
  add(m, binding, "HostIp", cJSON_CreateString(ip ? ip : "127.0.0.1"));
  add(m, binding, "HostPort", cJSON_CreateString(number));
  push(m, cJSON_GetObjectItemCaseSensitive(bindings, key), binding);
}

static void put_ports(struct maker *m, cJSON *body, cJSON *host, const cJSON *spec) {
  cJSON *exposed = object_in(m, body, "ExposedPorts");
  cJSON *bindings = object_in(m, host, "PortBindings");
  const cJSON *port;
  cJSON_ArrayForEach(port, si_json_get(spec, "ports")) {
    put_binding(m, exposed, bindings, port);
  }
}

static void put_mounts(struct maker *m, cJSON *host, const struct local_project *project,
                       const cJSON *spec) {
  cJSON *mounts = cJSON_AddArrayToObject(host, "Mounts");
  const cJSON *entry;
  cJSON_ArrayForEach(entry, si_json_get(spec, "volumes")) {
    const char *source = si_json_str(entry, "source");
    char name[LOCAL_NAME_SIZE];
    if (local_resource_name(project, source, name) != SI_OK) {
      m->wrong = "volumes";
      return;
    }
    cJSON *mount = cJSON_CreateObject();
    add(m, mount, "Type", cJSON_CreateString("volume"));
    add(m, mount, "Source", cJSON_CreateString(name));
    copy_member(m, mount, "Target", entry, "target");
    add(m, mount, "ReadOnly", cJSON_CreateBool(si_json_bool(entry, "read_only", false)));
    /* The volume is there already. Were it removed in between, the engine would make a new one by
     * itself: that one must carry the marks, too. */
    cJSON *options = object_in(m, mount, "VolumeOptions");
    cJSON *labels = object_in(m, options, "Labels");
    m->failed = m->failed || local_labels(project, "si.volume", source, "", labels) != SI_OK;
    push(m, mounts, mount);
  }
}

static void put_restart(struct maker *m, cJSON *host, const cJSON *spec) {
  const cJSON *restart = si_json_get(spec, "restart");
  cJSON *policy = object_in(m, host, "RestartPolicy");
  const char *name = si_json_str(restart, "policy");
  add(m, policy, "Name", cJSON_CreateString(name ? name : "no"));
  if (name && strcmp(name, "on-failure") == 0) {
    int64_t retries = si_json_int(restart, "retries", 0, INT32_MAX, 0);
    add(m, policy, "MaximumRetryCount", cJSON_CreateNumber((double)retries));
  }
}

static void put_tmpfs(struct maker *m, cJSON *host, const cJSON *spec) {
  const cJSON *list = si_json_get(spec, "tmpfs");
  cJSON *tmpfs = list ? object_in(m, host, "Tmpfs") : NULL;
  const cJSON *entry;
  cJSON_ArrayForEach(entry, list) {
    /* "/path" or "/path:options", as the compose file has it. */
    char path[SI_PATH_MAX];
    const char *text = cJSON_GetStringValue(entry);
    size_t len = text ? strcspn(text, ":") : 0;
    if (len == 0 || len >= sizeof path || text[0] != '/') {
      m->wrong = "tmpfs";
      return;
    }
    memcpy(path, text, len);
    path[len] = '\0';
    add(m, tmpfs, path, cJSON_CreateString(text[len] ? text + len + 1 : ""));
  }
}

cJSON *local_request_aliases(const struct local_service *service, const cJSON *network) {
  cJSON *list = cJSON_CreateArray();
  struct maker m = {0};
  push(&m, list, cJSON_CreateString(service->name));
  const cJSON *entry;
  cJSON_ArrayForEach(entry, si_json_get(network, "aliases")) {
    bool known = !cJSON_IsString(entry);
    for (const cJSON *e = list ? list->child : NULL; e && !known; e = e->next) {
      known = strcmp(e->valuestring, entry->valuestring) == 0;
    }
    if (!known) {
      push(&m, list, cJSON_CreateString(entry->valuestring));
    }
  }
  if (m.failed) {
    cJSON_Delete(list);
    return NULL;
  }
  return list;
}

static void put_network(struct maker *m, cJSON *body, cJSON *host, const struct local_plan *plan,
                        const struct local_service *service,
                        const struct local_network_ids *networks) {
  const cJSON *first = cJSON_GetArrayItem(si_json_get(service->spec, "networks"), 0);
  if (!first) {
    add(m, host, "NetworkMode", cJSON_CreateString("none"));
    return;
  }
  const struct local_part *part = local_plan_network(plan, si_json_str(first, "name"));
  const char *id = networks->ids[part - plan->networks];
  cJSON *endpoints = object_in(m, object_in(m, body, "NetworkingConfig"), "EndpointsConfig");
  cJSON *endpoint = object_in(m, endpoints, id);
  add(m, endpoint, "Aliases", local_request_aliases(service, first));
  add(m, host, "NetworkMode", cJSON_CreateString(id));
}

static void put_plain(struct maker *m, cJSON *body, const struct local_service *service,
                      uint32_t stop_timeout_s) {
  static const char *const same[][2] = {
      {"Cmd", "command"},       {"Entrypoint", "entrypoint"},  {"User", "user"},
      {"Hostname", "hostname"}, {"WorkingDir", "working_dir"}, {"StopSignal", "stop_signal"}};
  add(m, body, "Image", cJSON_CreateString(service->image));
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    copy_member(m, body, same[i][0], service->spec, same[i][1]);
  }
  int64_t grace = si_json_int(service->spec, "stop_grace_ms", 0, INT32_MAX, -1);
  if (grace < 0 && si_json_get(service->spec, "stop_grace_ms")) {
    m->wrong = "stop_grace_ms";
  }
  int64_t seconds = grace >= 0 ? (grace + 999) / 1000 : (int64_t)stop_timeout_s;
  add(m, body, "StopTimeout", cJSON_CreateNumber((double)seconds));
}

static void put_labels(struct maker *m, cJSON *body, const struct local_project *project,
                       const struct local_service *service, const char *spec) {
  const cJSON *own = si_json_get(service->spec, "labels");
  cJSON *labels = own ? cJSON_Duplicate(own, 1) : cJSON_CreateObject();
  if (!labels || local_labels(project, "si.service", service->name, spec, labels) != SI_OK) {
    m->failed = true;
  }
  add(m, body, "Labels", labels);
}

si_rc local_request_container(const struct local_project *project, const struct local_plan *plan,
                              const struct local_service *service,
                              const struct local_network_ids *networks, const char *spec,
                              uint32_t stop_timeout_s, cJSON **out, struct si_error *error) {
  struct maker m = {0};
  cJSON *body SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON *host = object_in(&m, body, "HostConfig");
  put_plain(&m, body, service, stop_timeout_s);
  put_labels(&m, body, project, service, spec);
  put_environment(&m, body, service->spec);
  put_healthcheck(&m, body, service->spec);
  put_ports(&m, body, host, service->spec);
  put_mounts(&m, host, project, service->spec);
  put_restart(&m, host, service->spec);
  put_tmpfs(&m, host, service->spec);
  put_network(&m, body, host, plan, service, networks);
  copy_member(&m, host, "Init", service->spec, "init");
  copy_member(&m, host, "ReadonlyRootfs", service->spec, "read_only");
  const char *wrong = NULL;
  m.failed = local_confine(service->spec, body, host, &wrong) == SI_E_NOMEM || m.failed;
  m.wrong = m.wrong ? m.wrong : wrong;
  if (m.wrong || m.failed) {
    si_rc status = m.wrong ? SI_E_INVALID : SI_E_NOMEM;
    si_error_set(error, status, "LOCAL_STACK", "service %s: %s%s", service->name,
                 m.wrong ? m.wrong : "out of memory", m.wrong ? " has a value that cannot be" : "");
    si_error_target(error, "stack", service->name);
    return status;
  }
  *out = body;
  body = NULL;
  return SI_OK;
}

/* --- volumes and networks --- */

static si_rc make_part(const struct local_project *project, const char *kind,
                       const struct local_part *part, const char *spec, cJSON **out) {
  struct maker m = {0};
  char name[LOCAL_NAME_SIZE];
  si_rc status = local_resource_name(project, part->name, name);
  cJSON *body = cJSON_CreateObject();
  add(&m, body, "Name", cJSON_CreateString(status == SI_OK ? name : ""));
  cJSON *labels = object_in(&m, body, "Labels");
  status = status == SI_OK ? local_labels(project, kind, part->name, spec, labels) : status;
  if (m.failed || status != SI_OK) {
    cJSON_Delete(body);
    return status != SI_OK ? status : SI_E_NOMEM;
  }
  *out = body;
  return SI_OK;
}

si_rc local_request_volume(const struct local_project *project, const struct local_part *volume,
                           const char *spec, cJSON **out) {
  cJSON *body = NULL;
  struct maker m = {0};
  si_rc status = make_part(project, "si.volume", volume, spec, &body);
  if (status == SI_OK) {
    add(&m, body, "Driver", cJSON_CreateString("local"));
    *out = body;
  }
  return status;
}

si_rc local_request_network(const struct local_project *project, const struct local_part *network,
                            const char *spec, cJSON **out) {
  cJSON *body = NULL;
  struct maker m = {0};
  si_rc status = make_part(project, "si.network", network, spec, &body);
  if (status == SI_OK) {
    add(&m, body, "Driver", cJSON_CreateString("bridge"));
    add(&m, body, "CheckDuplicate", cJSON_CreateBool(1));
    add(&m, body, "Internal", cJSON_CreateBool(si_json_bool(network->spec, "internal", false)));
    *out = body;
  }
  return status;
}
