/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/local/confine.h"

#include <stdio.h>
#include <string.h>

struct confine {
  const cJSON *service;
  cJSON *host;
  bool failed; /* no memory */
  const char *wrong;
};

static void add(struct confine *c, cJSON *object, const char *key, cJSON *value) {
  if (!value || !cJSON_AddItemToObject(object, key, value)) {
    cJSON_Delete(value);
    c->failed = true;
  }
}

static void push(struct confine *c, cJSON *list, cJSON *value) {
  if (!value || !cJSON_AddItemToArray(list, value)) {
    cJSON_Delete(value);
    c->failed = true;
  }
}

/* A whole number of at least 1, where it is there. */
static void put_number(struct confine *c, const cJSON *from, const char *member, const char *key,
                       const char *wrong) {
  if (si_json_get(from, member)) {
    int64_t number = si_json_int(from, member, 1, INT64_C(1) << 50, 0);
    c->wrong = number > 0 ? c->wrong : wrong;
    add(c, c->host, key, cJSON_CreateNumber((double)number));
  }
}

static void put_limits(struct confine *c) {
  const cJSON *limits = si_json_get(c->service, "limits");
  put_number(c, limits, "memory_bytes", "Memory", "limits");
  put_number(c, limits, "nano_cpus", "NanoCpus", "limits");
  put_number(c, limits, "pids", "PidsLimit", "limits");
  put_number(c, c->service, "shm_bytes", "ShmSize", "shm_bytes");
}

static void put_ulimits(struct confine *c) {
  const cJSON *ulimits = si_json_get(c->service, "ulimits");
  cJSON *list = ulimits ? cJSON_AddArrayToObject(c->host, "Ulimits") : NULL;
  const cJSON *each;
  cJSON_ArrayForEach(each, ulimits) {
    const char *name = si_json_str(each, "name");
    int64_t soft = si_json_int(each, "soft", 0, INT64_C(1) << 50, -1);
    int64_t hard = si_json_int(each, "hard", 0, INT64_C(1) << 50, -1);
    if (!name || soft < 0 || hard < soft) {
      c->wrong = "ulimits";
      return;
    }
    cJSON *item = cJSON_CreateObject();
    add(c, item, "Name", cJSON_CreateString(name));
    add(c, item, "Soft", cJSON_CreateNumber((double)soft));
    add(c, item, "Hard", cJSON_CreateNumber((double)hard));
    push(c, list, item);
  }
}

/* A list of texts, as it stands. */
static void put_texts(struct confine *c, const char *member, const char *name) {
  const cJSON *list = si_json_get(c->service, member);
  const cJSON *each;
  cJSON_ArrayForEach(each, list) {
    c->wrong = cJSON_IsString(each) ? c->wrong : member;
  }
  if (list) {
    add(c, c->host, name, cJSON_Duplicate(list, 1));
  }
}

static void put_rights(struct confine *c) {
  put_texts(c, "cap_add", "CapAdd");
  put_texts(c, "cap_drop", "CapDrop");
  if (si_json_bool(c->service, "no_new_privileges", false)) {
    const char *option = "no-new-privileges:true";
    add(c, c->host, "SecurityOpt", cJSON_CreateStringArray(&option, 1));
  }
}

static void put_hosts(struct confine *c) {
  const cJSON *hosts = si_json_get(c->service, "extra_hosts");
  cJSON *list = hosts ? cJSON_AddArrayToObject(c->host, "ExtraHosts") : NULL;
  const cJSON *each;
  cJSON_ArrayForEach(each, hosts) {
    char pair[384];
    const char *host = si_json_str(each, "host");
    const char *ip = si_json_str(each, "ip");
    if (!host || !ip || snprintf(pair, sizeof pair, "%s:%s", host, ip) >= (int)sizeof pair) {
      c->wrong = "extra_hosts";
      return;
    }
    push(c, list, cJSON_CreateString(pair));
  }
}

/* An object whose members are texts. */
static cJSON *texts_of(struct confine *c, const cJSON *from, const char *wrong) {
  const cJSON *each;
  cJSON_ArrayForEach(each, from) {
    c->wrong = cJSON_IsString(each) ? c->wrong : wrong;
  }
  return from ? cJSON_Duplicate(from, 1) : cJSON_CreateObject();
}

static void put_logging(struct confine *c) {
  const cJSON *logging = si_json_get(c->service, "logging");
  const char *driver = si_json_str(logging, "driver");
  if (!logging) {
    return;
  }
  /* The log must be one that the engine gives back, and stay on the machine. */
  if (!driver || (strcmp(driver, "json-file") != 0 && strcmp(driver, "local") != 0)) {
    c->wrong = "logging";
    return;
  }
  cJSON *config = cJSON_AddObjectToObject(c->host, "LogConfig");
  add(c, config, "Type", cJSON_CreateString(driver));
  add(c, config, "Config", texts_of(c, si_json_get(logging, "options"), "logging"));
}

static void put_exposed(struct confine *c, cJSON *body) {
  cJSON *exposed = cJSON_GetObjectItemCaseSensitive(body, "ExposedPorts");
  const cJSON *each;
  cJSON_ArrayForEach(each, si_json_get(c->service, "expose")) {
    char key[24];
    int64_t port = si_json_int(each, "port", 1, 65535, 0);
    const char *protocol = si_json_str(each, "protocol");
    if (port == 0 || !protocol || (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0)) {
      c->wrong = "expose";
      return;
    }
    snprintf(key, sizeof key, "%u/%s", (unsigned)port, protocol);
    if (!si_json_get(exposed, key)) {
      add(c, exposed, key, cJSON_CreateObject());
    }
  }
}

si_rc local_confine(const cJSON *service, cJSON *body, cJSON *host, const char **wrong) {
  struct confine c = {service, host, false, NULL};
  const cJSON *sysctls = si_json_get(service, "sysctls");
  put_limits(&c);
  put_ulimits(&c);
  put_rights(&c);
  put_hosts(&c);
  put_logging(&c);
  put_exposed(&c, body);
  if (sysctls) {
    add(&c, host, "Sysctls", texts_of(&c, sysctls, "sysctls"));
  }
  if (si_json_get(service, "stdin_open")) {
    add(&c, body, "OpenStdin", cJSON_CreateBool(si_json_bool(service, "stdin_open", false)));
  }
  *wrong = c.wrong;
  return c.wrong ? SI_E_INVALID : c.failed ? SI_E_NOMEM : SI_OK;
}
