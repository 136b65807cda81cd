/* SPDX-License-Identifier: Apache-2.0 */
/* Smaller keys that the engine takes as they are: rights given up, kernel settings of the
 * container's own, names of hosts, ports inside, the log. */
#include <arpa/inet.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/stack/document.h"
#include "paas/stack/parts.h"
#include "paas/stack/value.h"

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* A later file may say once more what an earlier one says. */
static si_rc refuse_second(struct si_reading *r, const struct si_place *place, const char *text) {
  return SI_LINE_FILE(place->line) > 0
             ? SI_OK
             : si_stack_invalid(r, place, "names %.70s a second time", text);
}

typedef si_rc (*item_reader)(struct si_reading *r, const struct si_place *place, char *text,
                             struct si_service *service, cJSON *list);

/* A list of texts, each of which `read` looks at. */
static si_rc read_items(struct si_reading *r, const struct si_yaml_node *value,
                        const struct si_place *place, struct si_service *service,
                        const char *member, item_reader read) {
  cJSON *list = NULL;
  bool failed = false;
  si_rc status = si_kind_check(r, value, place, SI_YAML_LIST);
  status = status == SI_OK && member ? si_put_list(r, service->json, member, &list) : status;
  for (size_t i = 0; status == SI_OK && i < value->count; i++) {
    char *text SI_AUTO(si_text_free) = NULL;
    struct si_place at = si_place_of(place, value, i);
    status = si_value_text(r, value->entries[i].value, &at, SI_TEXT_NUMBERS, &text);
    status = status == SI_OK ? read(r, &at, text, service, list) : status;
    status = si_stack_go_on(r, status, &failed);
  }
  return si_stack_came_to(status, failed);
}

/* --- cap_drop, security_opt --- */

/* Those of Linux 5.9 and later (capabilities(7)); an engine refuses others, and only when the
 * service before is gone. */
static bool is_capability(const char *name) {
  static const char *const known[] = {"ALL",
                                      "AUDIT_CONTROL",
                                      "AUDIT_READ",
                                      "AUDIT_WRITE",
                                      "BLOCK_SUSPEND",
                                      "BPF",
                                      "CHECKPOINT_RESTORE",
                                      "CHOWN",
                                      "DAC_OVERRIDE",
                                      "DAC_READ_SEARCH",
                                      "FOWNER",
                                      "FSETID",
                                      "IPC_LOCK",
                                      "IPC_OWNER",
                                      "KILL",
                                      "LEASE",
                                      "LINUX_IMMUTABLE",
                                      "MAC_ADMIN",
                                      "MAC_OVERRIDE",
                                      "MKNOD",
                                      "NET_ADMIN",
                                      "NET_BIND_SERVICE",
                                      "NET_BROADCAST",
                                      "NET_RAW",
                                      "PERFMON",
                                      "SETFCAP",
                                      "SETGID",
                                      "SETPCAP",
                                      "SETUID",
                                      "SYSLOG",
                                      "SYS_ADMIN",
                                      "SYS_BOOT",
                                      "SYS_CHROOT",
                                      "SYS_MODULE",
                                      "SYS_NICE",
                                      "SYS_PACCT",
                                      "SYS_PTRACE",
                                      "SYS_RAWIO",
                                      "SYS_RESOURCE",
                                      "SYS_TIME",
                                      "SYS_TTY_CONFIG",
                                      "WAKE_ALARM"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(known[i], name) == 0) {
      return true;
    }
  }
  return false;
}

static si_rc read_capability(struct si_reading *r, const struct si_place *place, char *text,
                             struct si_service *service, cJSON *list) {
  (void)service;
  const char *name = strncmp(text, "CAP_", 4) == 0 ? text + 4 : text;
  if (!is_capability(name)) {
    return si_stack_invalid(r, place, "\"%.70s\" is no capability (`NET_RAW`, or `ALL`)", text);
  }
  if (si_list_has(list, NULL, name)) {
    return refuse_second(r, place, name);
  }
  return si_add_text(r, list, name);
}

si_rc si_read_cap_drop(struct si_reading *r, const struct si_yaml_node *value,
                       const struct si_place *place, void *into) {
  struct si_service *service = into;
  si_rc status = read_items(r, value, place, service, "cap_drop", read_capability);
  cJSON *list = cJSON_GetObjectItemCaseSensitive(service->json, "cap_drop");
  return status == SI_OK ? si_list_sort(r, list, NULL) : status;
}

/* Those that engines give to every container, and cap_drop may have taken. */
static bool is_usual(const char *name) {
  static const char *const usual[] = {
      "AUDIT_WRITE",      "CHOWN",   "DAC_OVERRIDE", "FOWNER", "FSETID",  "KILL",   "MKNOD",
      "NET_BIND_SERVICE", "NET_RAW", "SETFCAP",      "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"};
  for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
    if (strcmp(usual[i], name) == 0) {
      return true;
    }
  }
  return false;
}

static si_rc read_added(struct si_reading *r, const struct si_place *place, char *text,
                        struct si_service *service, cJSON *list) {
  const char *name = strncmp(text, "CAP_", 4) == 0 ? text + 4 : text;
  si_rc status = read_capability(r, place, text, service, list);
  return status == SI_OK && !is_usual(name)
             ? si_stack_find(r, "cap.add", service->name, place,
                             "remove it; what engines give anyway can be given back after "
                             "`cap_drop: [ALL]`",
                             "gives the service %.40s", name)
             : status;
}

si_rc si_read_cap_add(struct si_reading *r, const struct si_yaml_node *value,
                      const struct si_place *place, void *into) {
  struct si_service *service = into;
  si_rc status = read_items(r, value, place, service, "cap_add", read_added);
  cJSON *list = cJSON_GetObjectItemCaseSensitive(service->json, "cap_add");
  return status == SI_OK ? si_list_sort(r, list, NULL) : status;
}

static si_rc read_option(struct si_reading *r, const struct si_place *place, char *text,
                         struct si_service *service, cJSON *list) {
  (void)list;
  if (strcmp(text, "no-new-privileges") != 0 && strcmp(text, "no-new-privileges:true") != 0 &&
      strcmp(text, "no-new-privileges=true") != 0) {
    si_stack_invalid(r, place, "\"%.70s\" is not supported", text);
    return si_stack_hint(r,
                         "remove it: `no-new-privileges:true` is the one that is taken, and the "
                         "engine's own profiles stay on");
  }
  return si_json_get(service->json, "no_new_privileges")
             ? SI_OK
             : si_put_flag(r, service->json, "no_new_privileges", true);
}

si_rc si_read_security_opt(struct si_reading *r, const struct si_yaml_node *value,
                           const struct si_place *place, void *into) {
  return read_items(r, value, place, into, NULL, read_option);
}

/* --- expose --- */

static si_rc read_exposed(struct si_reading *r, const struct si_place *place, char *text,
                          struct si_service *service, cJSON *list) {
  (void)service;
  cJSON *item = NULL;
  uint64_t port = 0;
  char *slash = strchr(text, '/');
  const char *protocol = slash ? slash + 1 : "tcp";
  size_t len = slash ? (size_t)(slash - text) : strlen(text);
  text[len] = '\0';
  if (si_parse_u64(text, 1, 65535, &port) != SI_OK ||
      (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0)) {
    si_stack_invalid(r, place, "\"%.20s\" is no port", text);
    return si_stack_hint(r,
                         "write \"80\" or \"53/udp\": services of one network reach all ports of "
                         "each other, whether they stand here or not");
  }
  for (const cJSON *known = list->child; known; known = known->next) {
    if (si_json_int(known, "port", 1, 65535, 0) == (int64_t)port &&
        strcmp(si_json_str(known, "protocol"), protocol) == 0) {
      return refuse_second(r, place, text);
    }
  }
  si_rc status = si_add_object(r, list, &item);
  status = status == SI_OK ? si_put_number(r, item, "port", port) : status;
  return status == SI_OK ? si_put_text(r, item, "protocol", protocol) : status;
}

si_rc si_read_expose(struct si_reading *r, const struct si_yaml_node *value,
                     const struct si_place *place, void *into) {
  return read_items(r, value, place, into, "expose", read_exposed);
}

/* --- extra_hosts --- */

static si_rc put_host(struct si_reading *r, const struct si_place *place, cJSON *list,
                      const char *host, const char *ip) {
  unsigned char raw[16];
  cJSON *item = NULL;
  size_t len = strlen(ip);
  char bare[64];
  bool braces = len > 2 && len < sizeof bare && ip[0] == '[' && ip[len - 1] == ']';
  si_copy(bare, sizeof bare, braces ? ip + 1 : ip);
  bare[braces ? len - 2 : strlen(bare)] = '\0';
  if (!host[0] || strlen(host) > 253 || host[strspn(host, LOWER UPPER DIGITS "._-")] != '\0') {
    return si_stack_invalid(r, place, "\"%.70s\" is no name of a host", host);
  }
  if (strcmp(ip, "host-gateway") == 0) {
    si_stack_invalid(r, place, "names the machine itself, which no service reaches");
    return si_stack_hint(r, "run what it needs as a service of the stack");
  }
  if (inet_pton(AF_INET, bare, raw) != 1 && inet_pton(AF_INET6, bare, raw) != 1) {
    si_stack_invalid(r, place, "\"%.60s\" is no IP address", ip);
    return si_stack_hint(r, "write \"host=10.0.0.5\"");
  }
  if (si_list_has(list, "host", host)) {
    return refuse_second(r, place, host);
  }
  si_rc status = si_add_object(r, list, &item);
  status = status == SI_OK ? si_put_text(r, item, "host", host) : status;
  return status == SI_OK ? si_put_text(r, item, "ip", bare) : status;
}

static si_rc read_host(struct si_reading *r, const struct si_place *place, char *text,
                       struct si_service *service, cJSON *list) {
  (void)service;
  size_t len = strcspn(text, "=:");
  bool pair = text[len] != '\0';
  text[len] = '\0';
  return put_host(r, place, list, text, pair ? text + len + 1 : "");
}

si_rc si_read_extra_hosts(struct si_reading *r, const struct si_yaml_node *value,
                          const struct si_place *place, void *into) {
  struct si_service *service = into;
  cJSON *list = NULL;
  bool failed = false;
  if (value->kind == SI_YAML_LIST) {
    return read_items(r, value, place, service, "extra_hosts", read_host);
  }
  si_rc status = si_filled_check(r, value, place);
  status = status == SI_OK ? si_put_list(r, service->json, "extra_hosts", &list) : status;
  for (size_t i = 0; status == SI_OK && i < value->count; i++) {
    char *text SI_AUTO(si_text_free) = NULL;
    struct si_place at = si_place_of(place, value, i);
    status = si_value_text(r, value->entries[i].value, &at, 0, &text);
    status = status == SI_OK ? put_host(r, &at, list, at.key, text) : status;
    status = si_stack_go_on(r, status, &failed);
  }
  return si_stack_came_to(status, failed);
}

/* --- sysctls --- */

/* Those that the container has for itself: any other would be the machine's. */
si_rc si_check_sysctl(struct si_reading *r, const struct si_place *place, const char *key) {
  static const char *const own[] = {"net.", "fs.mqueue.", "kernel.msg", "kernel.shm", "kernel.sem"};
  bool ok = key[strspn(key, LOWER UPPER DIGITS "._-/")] == '\0' && strlen(key) < 128;
  bool there = false;
  for (size_t i = 0; ok && i < sizeof own / sizeof *own; i++) {
    there = there || strncmp(key, own[i], strlen(own[i])) == 0;
  }
  if (there) {
    return SI_OK;
  }
  si_stack_invalid(r, place, "\"%.70s\" is no setting that a container has for itself", key);
  return si_stack_hint(r,
                       "remove it: net.*, kernel.msg*, kernel.sem, kernel.shm* and fs.mqueue.* "
                       "can be set, all others are the machine's");
}

/* --- logging --- */

static si_rc read_driver(struct si_reading *r, const struct si_yaml_node *value,
                         const struct si_place *place, void *into) {
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, value, place, 0, &text);
  if (status == SI_OK && strcmp(text, "json-file") != 0 && strcmp(text, "local") != 0) {
    si_stack_invalid(r, place, "\"%.60s\" is not supported", text);
    return si_stack_hint(r,
                         "write json-file or local: si reads the log to tell why a service "
                         "failed");
  }
  return status == SI_OK ? si_put_text(r, into, "driver", text) : status;
}

static si_rc read_log_options(struct si_reading *r, const struct si_yaml_node *value,
                              const struct si_place *place, void *into) {
  static const char *const known[] = {"max-size", "max-file", "compress"};
  cJSON *options = NULL;
  si_rc status = si_kind_check(r, value, place, SI_YAML_MAP);
  status = status == SI_OK ? si_put_object(r, into, "options", &options) : status;
  for (size_t i = 0; status == SI_OK && i < value->count; i++) {
    char *text SI_AUTO(si_text_free) = NULL;
    struct si_place at = si_place_of(place, value, i);
    bool there = false;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
      there = there || strcmp(at.key, known[k]) == 0;
    }
    if (!there) {
      si_stack_fail(r, "STACK_UNSUPPORTED_KEY", &at, "is not supported");
      return si_stack_hint(r, "remove it; supported here: max-size, max-file, compress");
    }
    status = si_value_text(r, value->entries[i].value, &at, SI_TEXT_NUMBERS, &text);
    status = status == SI_OK ? si_put_text(r, options, at.key, text) : status;
  }
  return status;
}

si_rc si_read_logging(struct si_reading *r, const struct si_yaml_node *value,
                      const struct si_place *place, void *into) {
  static const struct si_key known[] = {{"driver", read_driver}, {"options", read_log_options}};
  static const struct si_keys keys = {known, sizeof known / sizeof *known, NULL, 0};
  cJSON *logging = NULL;
  si_rc status = si_put_object(r, ((struct si_service *)into)->json, "logging", &logging);
  status = status == SI_OK ? si_keys_read(r, value, place, &keys, logging) : status;
  if (status == SI_OK && !si_json_get(logging, "driver")) {
    si_stack_invalid(r, place, "has no `driver`");
    return si_stack_hint(r,
                         "add `driver: json-file` or `driver: local`: the engine's own default "
                         "may be another one");
  }
  return status;
}
