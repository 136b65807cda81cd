/* SPDX-License-Identifier: Apache-2.0 */
/* Limits, rights given up, and the smaller keys of a service; and those that are refused by name.
 */
#include <stdio.h>
#include <string.h>

#include "paas/stack/stack.h"
#include "tests/unit/unit.h"

#define WEB(key) "services:\n  web:\n    image: web:1\n    %s\n", key

struct key {
  const char *lines;
  const char *piece; /* of the document; or of the message, where `code` is given */
  const char *code;
  const char *hint;
};

static void judge(const struct key *key) {
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  struct si_error error = {0};
  char text[1024];
  snprintf(text, sizeof text, WEB(key->lines));
  si_rc status = si_stack_parse("s.yaml", text, strlen(text), &stack, &error);
  bool ok = key->code ? status == SI_E_INVALID && strcmp(error.code, key->code) == 0 &&
                            strstr(error.message, key->piece) &&
                            (!key->hint || strstr(error.hint, key->hint))
                      : status == SI_OK && strstr(stack.json, key->piece);
  if (!ok) {
    printf("\n  %s\n  got  %s %s (%s) %s\n  want %s\n", key->lines, error.code, error.message,
           error.hint, stack.json ? stack.json : "", key->piece);
  }
  CU_ASSERT_TRUE(ok);
}

#define ALL(table)                                               \
  for (size_t i = 0; i < sizeof(table) / sizeof *(table); i++) { \
    judge(&(table)[i]);                                          \
  }

static void keys_that_the_engine_takes_stand_in_the_document(void) {
  static const struct key table[] = {
      {"mem_limit: 64m", "\"limits\":{\"memory_bytes\":67108864}", NULL, NULL},
      {"mem_limit: 1GB", "\"memory_bytes\":1073741824", NULL, NULL},
      {"mem_limit: 65536KiB", "\"memory_bytes\":67108864", NULL, NULL},
      {"mem_limit: 67108864", "\"memory_bytes\":67108864", NULL, NULL},
      {"mem_limit: 67108864b", "\"memory_bytes\":67108864", NULL, NULL},
      {"cpus: 0.5", "\"limits\":{\"nano_cpus\":500000000}", NULL, NULL},
      {"cpus: \"2\"", "\"nano_cpus\":2000000000", NULL, NULL},
      {"cpus: .25", "\"nano_cpus\":250000000", NULL, NULL},
      {"cpus: 12.000000001", "\"nano_cpus\":12000000001", NULL, NULL},
      {"pids_limit: 100", "\"limits\":{\"pids\":100}", NULL, NULL},
      {"deploy: {resources: {limits: {cpus: \"1.5\", memory: 512M, pids: 9}}}",
       "\"limits\":{\"memory_bytes\":536870912,\"nano_cpus\":1500000000,\"pids\":9}", NULL, NULL},
      {"shm_size: 2m", "\"shm_bytes\":2097152", NULL, NULL},
      {"ulimits: {nproc: 65535, nofile: {soft: 20000, hard: 40000}}",
       "\"ulimits\":[{\"hard\":40000,\"name\":\"nofile\",\"soft\":20000},"
       "{\"hard\":65535,\"name\":\"nproc\",\"soft\":65535}]",
       NULL, NULL},
      {"cap_drop: [NET_RAW, CAP_CHOWN, ALL]", "\"cap_drop\":[\"ALL\",\"CHOWN\",\"NET_RAW\"]", NULL,
       NULL},
      {"security_opt: [\"no-new-privileges:true\"]", "\"no_new_privileges\":true", NULL, NULL},
      {"security_opt: [no-new-privileges]", "\"no_new_privileges\":true", NULL, NULL},
      {"expose: [\"80\", 81, \"53/udp\"]",
       "\"expose\":[{\"port\":80,\"protocol\":\"tcp\"},{\"port\":81,\"protocol\":\"tcp\"},{"
       "\"port\":53,\"protocol\":\"udp\"}]",
       NULL, NULL},
      {"extra_hosts: [\"a:10.0.0.1\", \"b=::1\", \"c=[::2]\"]",
       "\"extra_hosts\":[{\"host\":\"a\",\"ip\":\"10.0.0.1\"},{\"host\":\"b\",\"ip\":\"::1\"},{"
       "\"host\":\"c\",\"ip\":\"::2\"}]",
       NULL, NULL},
      {"extra_hosts: {a.b: 10.0.0.1}", "\"extra_hosts\":[{\"host\":\"a.b\",\"ip\":\"10.0.0.1\"}]",
       NULL, NULL},
      {"sysctls: {net.core.somaxconn: 99}", "\"sysctls\":{\"net.core.somaxconn\":\"99\"}", NULL,
       NULL},
      {"sysctls: [\"net.ipv4.ip_forward=0\"]", "\"sysctls\":{\"net.ipv4.ip_forward\":\"0\"}", NULL,
       NULL},
      {"logging: {driver: json-file, options: {max-size: 10m, max-file: 3}}",
       "\"logging\":{\"driver\":\"json-file\",\"options\":{\"max-file\":\"3\",\"max-size\":"
       "\"10m\"}}",
       NULL, NULL},
      {"logging: {driver: local}", "\"logging\":{\"driver\":\"local\"}", NULL, NULL},
      {"stdin_open: true", "\"stdin_open\":true", NULL, NULL},
  };
  ALL(table)
}

#define INVALID "STACK_INVALID"
#define UNSUPPORTED "STACK_UNSUPPORTED_KEY"

static void values_that_make_no_sense_are_named(void) {
  static const struct key table[] = {
      {"mem_limit: lots", "\"lots\" is no size", INVALID, "64m"},
      {"mem_limit: 1m", "no size that a container could live with", INVALID, "least 6m"},
      {"mem_limit: 64mx", "is no size", INVALID, NULL},
      {"mem_limit: 64bb", "is no size", INVALID, NULL},
      {"mem_limit: 9999999999t", "is no size", INVALID, NULL},
      {"mem_limit: 1.5g", "is no size", INVALID, "whole number"},
      {"mem_limit: -1", "is no size", INVALID, NULL},
      {"mem_limit: 64m\n    deploy: {resources: {limits: {memory: 32m}}}",
       "limits.memory is said a second time", INVALID, "as a key of the service"},
      {"cpus: 0", "no number of processors", INVALID, "0.5"},
      {"cpus: 1e3", "no number of processors", INVALID, NULL},
      {"cpus: 9999", "no number of processors", INVALID, NULL},
      {"cpus: 0.0000000001", "no number of processors", INVALID, NULL},
      {"pids_limit: -1", "must be a whole number from 1", INVALID, NULL},
      {"shm_size: 0", "is no size", INVALID, NULL},
      {"ulimits: {nofiles: 1}", "ulimits.nofiles is no limit", INVALID, NULL},
      {"ulimits: {nofile: {soft: 2, hard: 1}}", "not above its `hard`", INVALID, NULL},
      {"ulimits: {nofile: {soft: 2}}", "must have a `soft`", INVALID, NULL},
      {"ulimits: {nofile: -1}", "must be a whole number", INVALID, NULL},
      {"pull_policy: always", "\"always\" is no policy", INVALID, "`missing`"},
      {"cap_drop: [net_raw]", "is no capability", INVALID, NULL},
      {"cap_drop: [NET_RAWER]", "is no capability", INVALID, NULL},
      {"cap_drop: [ALL, ALL]", "names ALL a second time", INVALID, NULL},
      {"security_opt: [\"seccomp:unconfined\"]", "\"seccomp:unconfined\" is not", INVALID,
       "no-new-privileges:true"},
      {"security_opt: [\"no-new-privileges:false\"]", "is not supported", INVALID, NULL},
      {"expose: [\"80-90\"]", "is no port", INVALID, "services of one network"},
      {"expose: [\"80/sctp\"]", "is no port", INVALID, NULL},
      {"expose: [80, \"80\"]", "a second time", INVALID, NULL},
      {"extra_hosts: [\"a:host-gateway\"]", "the machine itself", INVALID, "service of the stack"},
      {"extra_hosts: [\"a:b\"]", "\"b\" is no IP", INVALID, NULL},
      {"extra_hosts: [a]", "is no IP", INVALID, NULL},
      {"extra_hosts: [\"a b:10.0.0.1\"]", "no name of a host", INVALID, NULL},
      {"extra_hosts: [\"a:10.0.0.1\", \"a:10.0.0.2\"]", "names a a second", INVALID, NULL},
      {"sysctls: {kernel.panic: 1}", "\"kernel.panic\" is no setting", INVALID, "net.*"},
      {"sysctls: {vm.swappiness: 1}", "no setting that a container", INVALID, NULL},
      {"logging: {driver: syslog}", "\"syslog\" is not supported", INVALID, "json-file"},
      {"logging: {options: {max-size: 1m}}", "has no `driver`", INVALID, NULL},
      {"logging: {driver: local, options: {tag: a}}", "options.tag", UNSUPPORTED, "max-size"},
  };
  ALL(table)
}

static void keys_of_compose_that_si_has_not_say_what_to_do_instead(void) {
  static const struct key table[] = {
      {"deploy: {replicas: 2}", "deploy.replicas", UNSUPPORTED, "runs once"},
      {"deploy: {resources: {reservations: {memory: 1g}}}", "reservations", UNSUPPORTED,
       "`limits`"},
      {"deploy: {restart_policy: {}}", "restart_policy", UNSUPPORTED, "`restart`"},
      {"platform: linux/amd64", "platform", UNSUPPORTED, "own kind"},
      {"runtime: nvidia", "runtime", UNSUPPORTED, "own runtime"},
      {"secrets: [a]", "web.secrets", UNSUPPORTED, "x-si-secrets"},
      {"configs: [a]", "web.configs", UNSUPPORTED, "image"},
      {"network_mode: host", "network_mode", UNSUPPORTED, "`networks`"},
      {"develop: {watch: []}", "develop", UNSUPPORTED, "what was built"},
      {"tty: true", "tty", UNSUPPORTED, "has a terminal"},
      {"dns: 1.1.1.1", "dns", UNSUPPORTED, "name service"},
      {"group_add: [1]", "group_add", UNSUPPORTED, "user:"},
      {"gpus: all", "gpus", UNSUPPORTED, "devices"},
      {"userns_mode: host", "userns_mode", UNSUPPORTED, "namespaces"},
      {"memswap_limit: 1g", "memswap_limit", UNSUPPORTED, "mem_limit"},
      {"cpu_shares: 1", "cpu_shares", UNSUPPORTED, "`cpus`"},
      {"volumes_from: [a]", "volumes_from", UNSUPPORTED, "named volume"},
  };
  ALL(table)
}

UNIT_MAIN("stack: keys", UNIT(keys_that_the_engine_takes_stand_in_the_document),
          UNIT(values_that_make_no_sense_are_named),
          UNIT(keys_of_compose_that_si_has_not_say_what_to_do_instead))
