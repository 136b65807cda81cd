/* SPDX-License-Identifier: Apache-2.0 */
/* Stack files that are refused: with which code, on which line, and in which words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/stack/stack.h"
#include "tests/unit/unit.h"

struct refusal {
  const char *text;
  const char *code;
  unsigned line;
  const char *says; /* in the message */
  const char *hint; /* in the hint; NULL: any */
};

static void expect_refusal(const struct refusal *want) {
  struct si_stack stack = {0};
  struct si_error error = {0};
  char target[64];
  char place[64];
  si_rc status = si_stack_parse("stack.yaml", want->text, strlen(want->text), &stack, &error);
  snprintf(target, sizeof target, "stack.yaml:%u", want->line);
  snprintf(place, sizeof place, "stack.yaml:%u: ", want->line);
  bool ok = status == SI_E_INVALID && error.status == status &&
            strcmp(error.code, want->code) == 0 && strcmp(error.target, target) == 0 &&
            strncmp(error.message, place, strlen(place)) == 0 &&
            strstr(error.message, want->says) != NULL && stack.json == NULL &&
            (!want->hint || strstr(error.hint, want->hint));
  if (!ok) {
    printf("\n%s\n  status %d code %s target %s\n  message %s\n  hint %s\n  want %s %u: %s (%s)\n",
           want->text, status, error.code, error.target, error.message, error.hint, want->code,
           want->line, want->says, want->hint ? want->hint : "");
  }
  CU_ASSERT_TRUE(ok);
  CU_ASSERT_EQUAL(si_stack_parse("stack.yaml", want->text, strlen(want->text), &stack, NULL),
                  SI_E_INVALID);
  si_stack_free(&stack);
}

#define ALL(table)                                               \
  for (size_t i = 0; i < sizeof(table) / sizeof *(table); i++) { \
    expect_refusal(&(table)[i]);                                 \
  }

#define UNSUPPORTED "STACK_UNSUPPORTED_KEY"
#define INVALID "STACK_INVALID"
#define REFERENCE "STACK_REFERENCE"
#define YAML "STACK_YAML"
#define VARIABLE "STACK_VARIABLE"
/* The key under test stands on line 4. */
#define WEB(key) "services:\n  web:\n    image: web:1\n    " key "\n"
/* As WEB, with a volume `data` and a network `net`: the key stands on line 6. */
#define RICH(key) "volumes: {data: }\nnetworks: {net: }\n" WEB(key)
/* Two services; the keys of `web` stand on line 2, those of `db` on line 3. */
#define PAIR(web, db) "services:\n  web: {image: w, " web "}\n  db: {image: d, " db "}\n"

static void a_key_that_is_not_supported_is_named_with_its_line(void) {
  static const struct refusal table[] = {
      {WEB("privileged: true"), UNSUPPORTED, 4, "services.web.privileged is not", "remove it"},
      {WEB("enviroment: {}"), UNSUPPORTED, 4, "services.web.enviroment", "`environment`"},
      {WEB("helthcheck: {}"), UNSUPPORTED, 4, "services.web.helthcheck", "`healthcheck`"},
      {WEB("build: ."), UNSUPPORTED, 4, "services.web.build", "build the image beforehand"},
      {WEB("container_name: w"), UNSUPPORTED, 4, "services.web.container_name", "named after"},
      {WEB("quite_other_thing: 1"), UNSUPPORTED, 4, "quite_other_thing", "supported here: image"},
      {WEB("x-si-onshot: true"), UNSUPPORTED, 4, "x-si-onshot", "`x-si-oneshot`"},
      {WEB("healthcheck: {tset: a}"), UNSUPPORTED, 4, "healthcheck.tset", "`test`"},
      {WEB("healthcheck: {x-si-a: 1}"), UNSUPPORTED, 4, "healthcheck.x-si-a", NULL},
      {WEB("ports: [{target: 80, name: a}]"), UNSUPPORTED, 4, "ports[0].name", "comments"},
      {WEB("ports: [{target: 80, mode: any}]"), INVALID, 4, "ports[0].mode", NULL},
      {WEB("networks: {default: {ipv4_address: 1}}"), UNSUPPORTED, 4, "ipv4_address", "aliases"},
      {WEB("depends_on: {web: {required: true}}"), UNSUPPORTED, 4, "web.required", NULL},
      {"service: {}\n", UNSUPPORTED, 1, "stack.yaml:1: service is not", "`services`"},
      {"secrets: {}\n" WEB(""), UNSUPPORTED, 1, "secrets", "holds no secrets"},
      {"x-si-other: 1\n" WEB(""), UNSUPPORTED, 1, "x-si-other", NULL},
      {"x-si-secrets: {KEY: }\n" WEB("environment: {URL: \"x${KEY}a://u:pw@h\"}"), "STACK_SECRET",
       5, "a URL with a password", "${NAME}"},
      {"volumes:\n  data:\n    driver: nfs\n" WEB(""), INVALID, 3, "volumes.data.driver",
       "`local`"},
      {"networks:\n  n: {external: true}\n" WEB(""), UNSUPPORTED, 2, "networks.n.external",
       "its own networks"},
      {"networks:\n  n: {quite_other: true}\n" WEB(""), UNSUPPORTED, 2, "networks.n.quite_other",
       "internal, driver"},
  };
  ALL(table)
}

static void a_file_without_services_is_refused(void) {
  static const struct refusal table[] = {
      {"volumes: {}\n", INVALID, 1, "no services", "services:"},
      {"services:\n", INVALID, 1, "services must be a map", NULL},
      {"services: {}\n", INVALID, 1, "services is empty", NULL},
      {"services: [a]\n", INVALID, 1, "services must be a map (`key: value`), and is a list", NULL},
      {"services:\n  web:\n", INVALID, 2, "services.web must be a map", NULL},
      {"services:\n  web: {}\n", INVALID, 2, "services.web has no `image`", "image"},
      {"services\n", INVALID, 1, "must be a map", NULL},
      {"- services\n", INVALID, 1, "must be a map", NULL},
      {"---\n", INVALID, 2, "must be a map", NULL},
      {"volumes:\n" WEB(""), INVALID, 1, "volumes must be a map", NULL},
      {"name: [a]\n" WEB(""), INVALID, 1, "name must be a single value", NULL},
  };
  ALL(table)
}

static void names_are_kept_to_what_hosts_and_engines_take(void) {
  static const struct refusal table[] = {
      {"services:\n  Web: {image: a}\n", INVALID, 2, "\"Web\" is no name", "a-z 0-9 _ . -"},
      {"services:\n  -w: {image: a}\n", INVALID, 2, "is no name", NULL},
      {"services:\n  \"w b\": {image: a}\n", INVALID, 2, "is no name", NULL},
      {"services:\n  \"../up\": {image: a}\n", INVALID, 2, "is no name", NULL},
      {"services:\n  a234567890123456789012345678901234567890123456789012345678901234: {}\n",
       INVALID, 2, "is no name", NULL},
      {"volumes: {Data: }\n" WEB(""), INVALID, 1, "volumes.Data \"Data\" is no name", NULL},
      {"networks: {\"a/b\": }\n" WEB(""), INVALID, 1, "is no name", NULL},
      {WEB("networks: {default: {aliases: [\"a b\"]}}"), INVALID, 4, "aliases[0] \"a b\"", NULL},
  };
  ALL(table)
}

static void a_value_of_another_kind_is_refused(void) {
  static const struct refusal table[] = {
      {"services:\n  web:\n    image: 5\n", INVALID, 3, "must be text, and 5 is a number",
       "quotes"},
      {"services:\n  web:\n    image: \"a b\"\n", INVALID, 3, "not the name of an image", NULL},
      {"services:\n  web:\n    image: \"\"\n", INVALID, 3, "is empty text", NULL},
      {"services:\n  web:\n    image:\n", INVALID, 3, "has no value", NULL},
      {"services:\n  web:\n    image: [a]\n", INVALID, 3, "single value, and is a list", NULL},
      {"services:\n  web:\n    image: -a\n", INVALID, 3, "not the name of an image", NULL},
      {WEB("init: yes"), INVALID, 4, "must be true or false", NULL},
      {WEB("read_only: \"true\""), INVALID, 4, "must be true or false", NULL},
      {WEB("command: []"), INVALID, 4, "services.web.command is empty", "remove the key"},
      {WEB("command: [a, 5]"), INVALID, 4, "services.web.command[1] must be text", "quotes"},
      {WEB("command: {a: b}"), INVALID, 4, "single value, and is a map", NULL},
      {WEB("command: echo a | cat"), INVALID, 4, "only a shell understands", "[sh, -c"},
      {WEB("command: echo 'a"), INVALID, 4, "a quote is not closed", NULL},
      {WEB("command: echo a\\"), INVALID, 4, "ends in a backslash", NULL},
      {WEB("environment: text"), INVALID, 4, "must be a map, or a list", NULL},
      {WEB("environment: [A]"), INVALID, 4, "environment[0] has no value", "give it a value"},
      {WEB("environment: {A: }"), INVALID, 4, "environment.A has no value", NULL},
      {WEB("environment: {A: [b]}"), INVALID, 4, "environment.A must be a single value", NULL},
      {WEB("environment: [A=1, A=2]"), INVALID, 4, "environment[1] sets \"A\" a second", NULL},
      {WEB("environment: [\"=1\"]"), INVALID, 4, "is no name of a variable", NULL},
      {WEB("environment: {\"A B\": 1}"), INVALID, 4, "is no name of a variable", NULL},
      {WEB("labels: {si.owner: me}"), INVALID, 4, "begins with `si.`", NULL},
      {WEB("labels: [si.owner=me]"), INVALID, 4, "begins with `si.`", NULL},
      {WEB("labels: [\"\"]"), INVALID, 4, "labels[0] is empty text", NULL},
      {WEB("labels: [\"=a\"]"), INVALID, 4, "has an empty key", NULL},
      {WEB("user: -0"), INVALID, 4, "is not a user", NULL},
      {WEB("user: \"a b\""), INVALID, 4, "is not a user", NULL},
      {WEB("stop_signal: term"), INVALID, 4, "is not a signal", NULL},
      {WEB("hostname: a_b"), INVALID, 4, "is not a host name", NULL},
      {WEB("working_dir: srv"), INVALID, 4, "\"srv\" is not an absolute path", NULL},
      {WEB("stop_grace_period: 5"), INVALID, 4, "must be a duration", "90s"},
      {WEB("restart: sometimes"), INVALID, 4, "is no restart policy", NULL},
      {WEB("restart: always:3"), INVALID, 4, "is no restart policy", NULL},
      {WEB("restart: on-failure:x"), INVALID, 4, "is no restart policy", NULL},
      {WEB("restart: false"), INVALID, 4, "false is a boolean", "quotes"},
      {WEB("x-si-oneshot: 1"), INVALID, 4, "must be true or false", NULL},
  };
  ALL(table)
}

/* A text alone has no variables: tests/unit/stack/variables.c has those that are set. */
static void variables_that_are_not_set_are_named(void) {
  static const struct refusal table[] = {
      {WEB("command: [\"$HOME\"]"), VARIABLE, 4, "the variable HOME, which is not set",
       "--env HOME"},
      {WEB("user: ${ME:?you}"), VARIABLE, 4, "services.web.user needs the variable ME", NULL},
      {WEB("environment: {A: 'b$'}"), INVALID, 4, "environment.A uses `$`", "`$$`"},
      {WEB("environment: {A: $$$B}"), VARIABLE, 4, "environment.A needs the variable B", NULL},
      {WEB("ports: [\"${PORT}:80\"]"), VARIABLE, 4, "ports[0] needs the variable PORT", NULL},
      {"name: ${X}\n" WEB(""), VARIABLE, 1, "name needs the variable X", NULL},
  };
  ALL(table)
}

static void ports_are_checked(void) {
  static const struct refusal table[] = {
      {WEB("ports: 80"), INVALID, 4, "must be a list", NULL},
      {WEB("ports: [\"80:\"]"), INVALID, 4, "\"80:\" is no port", "8080:80"},
      {WEB("ports: [\":80\"]"), INVALID, 4, "is no port", NULL},
      {WEB("ports: [\"0:80\"]"), INVALID, 4, "is no port", NULL},
      {WEB("ports: [\"65536:80\"]"), INVALID, 4, "is no port", NULL},
      {WEB("ports: [\"080:80\"]"), INVALID, 4, "is no port", NULL},
      {WEB("ports: [\"80:80/sctp\"]"), INVALID, 4, "is no port", NULL},
      {WEB("ports: [\"80:80/\"]"), INVALID, 4, "is no port", NULL},
      {WEB("ports: [\"1:2:3:4\"]"), INVALID, 4, "is no port", NULL},
      {WEB("ports: [\"localhost:80:80\"]"), INVALID, 4, "is no port", NULL},
      {WEB("ports: [\"127.0.0.1:80\"]"), INVALID, 4, "is no port", NULL},
      {WEB("ports: [\"[::1]:80\"]"), INVALID, 4, "is no port", NULL},
      {WEB("ports: [\"[::1:80:80\"]"), INVALID, 4, "is no port", NULL},
      {WEB("ports: [\" 80\"]"), INVALID, 4, "is no port", NULL},
      {WEB("ports: [0x50]"), INVALID, 4, "is no port", NULL},
      {WEB("ports: [\"81-80\"]"), INVALID, 4, "is no port", NULL},
      {WEB("ports: [\"8000-8002:80-81\"]"), INVALID, 4, "ranges of different length", NULL},
      {WEB("ports: [\"8000-8001:80\"]"), INVALID, 4, "ranges of different length", NULL},
      {WEB("ports: [\"8000-8100:8000-8100\"]"), INVALID, 4, "more than 100 ports", NULL},
      {WEB("ports: [{published: 80}]"), INVALID, 4, "has no `target`", NULL},
      {WEB("ports: [{target: 0}]"), INVALID, 4, "ports[0].target must be a whole number", NULL},
      {WEB("ports: [{target: 80, published: 8000-8001}]"), INVALID, 4, "published must be", NULL},
      {WEB("ports: [{target: 80, host_ip: home}]"), INVALID, 4, "\"home\" is no IP", NULL},
      {WEB("ports: [{target: 80, protocol: sctp}]"), INVALID, 4, "tcp or udp", NULL},
      {WEB("ports: [\"80:80\", \"80:81\"]"), INVALID, 4, "ports[1] takes port 127.0.0.1:80/tcp",
       "another host port"},
      {PAIR("ports: [\"80:80\"]", "ports: [\"0.0.0.0:80:80\"]"), INVALID, 3,
       "which service web takes on line 2", NULL},
      {PAIR("ports: [\"[::]:80:80\"]", "ports: [\"[::1]:80:80\"]"), INVALID, 3,
       "which service web takes", NULL},
      {PAIR("ports: [\"80-90:80-90\"]", "ports: [\"85:1\"]"), INVALID, 3, "127.0.0.1:85/tcp", NULL},
  };
  ALL(table)
}

static void only_named_volumes_are_mounted_each_at_a_place_of_its_own(void) {
  static const struct refusal table[] = {
      {RICH("volumes: [\"./data:/srv\"]"), INVALID, 6, "\"./data\" of the host: only named", NULL},
      {RICH("volumes: [\"/data:/srv\"]"), INVALID, 6, "only named volumes", "by name"},
      {RICH("volumes: [\"~/data:/srv\"]"), INVALID, 6, "only named volumes", NULL},
      {RICH("volumes: [\"../data:/srv\"]"), INVALID, 6, "only named volumes", NULL},
      {RICH("volumes: [{type: bind, source: /a, target: /b}]"), INVALID, 6,
       "volumes[0].type is \"bind\": only named volumes", NULL},
      {RICH("volumes: [{type: volume, source: /a, target: /b}]"), INVALID, 6, "only named", NULL},
      {RICH("volumes: [{source: data, target: /b}]"), INVALID, 6, "must have `type: volume`", NULL},
      {RICH("volumes: [/srv]"), INVALID, 6, "\"/srv\" names no volume", NULL},
      {RICH("volumes: [\"data:/srv:z\"]"), INVALID, 6, "the mode \"z\"", NULL},
      {RICH("volumes: [\"data:/srv:ro,z\"]"), INVALID, 6, "the mode \"ro,z\"", NULL},
      {RICH("volumes: [\"data:srv\"]"), INVALID, 6, "not an absolute path", NULL},
      {RICH("volumes: [\"data:\"]"), INVALID, 6, "not an absolute path", NULL},
      {RICH("volumes: [\"data:/\"]"), INVALID, 6, "mounts a volume at /", NULL},
      {RICH("volumes: [\"data:/a/../b\"]"), INVALID, 6, "must have no `//`", NULL},
      {RICH("volumes: [\"data:/a//b\"]"), INVALID, 6, "must have no `//`", NULL},
      {RICH("volumes: [\"data:/a/.\"]"), INVALID, 6, "must have no `//`", NULL},
      {RICH("volumes: [{type: volume, source: data, target: \"/a:b\"}]"), INVALID, 6, "a colon",
       NULL},
      {RICH("volumes: [\"C:\\\\x:/srv\"]"), INVALID, 6, "", NULL},
      {RICH("volumes: [\"date:/srv\"]"), REFERENCE, 6, "volume date, which is not declared",
       "`date:` under"},
      {RICH("volumes: [\"data:/srv\", \"data:/srv/\"]"), INVALID, 6, "mounts at /srv, as line 6",
       NULL},
      {RICH("volumes: [\"data:/srv\"]\n    tmpfs: /srv"), INVALID, 7, "mounts at /srv, as line 6",
       NULL},
      {RICH("tmpfs: [run]"), INVALID, 6, "tmpfs[0] \"run\" is not an absolute path", NULL},
      {RICH("tmpfs: /"), INVALID, 6, "mounts a tmpfs at /", NULL},
      {RICH("tmpfs: \"/run:size=1m\""), INVALID, 6, "has options", NULL},
  };
  ALL(table)
}

static void health_checks_are_whole(void) {
  static const struct refusal table[] = {
      {WEB("healthcheck: {interval: 1s}"), INVALID, 4, "has no `test`", NULL},
      {WEB("healthcheck: {test: []}"), INVALID, 4, "healthcheck.test is no test", "CMD-SHELL"},
      {WEB("healthcheck: {test: [CMD]}"), INVALID, 4, "is no test", NULL},
      {WEB("healthcheck: {test: [CMD-SHELL, a, b]}"), INVALID, 4, "is no test", NULL},
      {WEB("healthcheck: {test: [curl, x]}"), INVALID, 4, "is no test", NULL},
      {WEB("healthcheck: {test: [NONE, x]}"), INVALID, 4, "is no test", NULL},
      {WEB("healthcheck: {test: a, disable: true}"), INVALID, 4, "other keys besides", NULL},
      {WEB("healthcheck: {test: [NONE], retries: 3}"), INVALID, 4, "other keys besides", NULL},
      {WEB("healthcheck: {test: a, interval: 0s}"), INVALID, 4, "longer than 0", NULL},
      {WEB("healthcheck: {test: a, timeout: soon}"), INVALID, 4, "must be a duration", NULL},
      {WEB("healthcheck: {test: a, timeout: 400d}"), INVALID, 4, "must be a duration", "24d"},
      {WEB("healthcheck: {test: a, interval: 24d1ms}"), INVALID, 4, "must be a duration", "24d"},
      {WEB("stop_grace_period: 25d"), INVALID, 4, "must be a duration", "24d"},
      {WEB("healthcheck: {test: a, retries: 0}"), INVALID, 4, "whole number from 1", NULL},
      {WEB("healthcheck: {test: a, retries: 1.5}"), INVALID, 4, "whole number from 1", NULL},
      {WEB("healthcheck: true"), INVALID, 4, "must be a map", NULL},
  };
  ALL(table)
}

static void what_is_named_must_be_there(void) {
  static const struct refusal table[] = {
      {RICH("networks: [nett]"), REFERENCE, 6, "network nett, which is not declared", "`nett:`"},
      {RICH("networks: {other: }"), REFERENCE, 6, "network other", NULL},
      {RICH("networks: [net, net]"), INVALID, 6, "networks[1] joins the network net a second",
       NULL},
      {RICH("networks: []"), INVALID, 6, "networks is empty", NULL},
      {RICH("networks: net"), INVALID, 6, "a list or a map", NULL},
      {RICH("networks: {net: {aliases: [a, a]}}"), INVALID, 6, "the alias a a second time", NULL},
      {PAIR("depends_on: [dbb]", ""), REFERENCE, 2, "\"dbb\", which is no service", "`db`"},
      {PAIR("depends_on: [db, db]", ""), INVALID, 2, "depends_on[1] names db a second time", NULL},
      {PAIR("depends_on: {db: }", ""), INVALID, 2, "depends_on.db must be a map", NULL},
      {PAIR("depends_on: {db: {}}", ""), INVALID, 2, "has no `condition`", NULL},
      {PAIR("depends_on: {db: {condition: ready}}", ""), INVALID, 2, "is no condition",
       "service_healthy"},
      {PAIR("depends_on: {db: {condition: service_healthy}}", ""), REFERENCE, 2,
       "waits until db is healthy, which has no health check", "healthcheck"},
      {PAIR("depends_on: {db: {condition: service_healthy}}", "healthcheck: {disable: true}"),
       REFERENCE, 2, "which has no health check", NULL},
      {PAIR("depends_on: {db: {condition: service_completed_successfully}}", "restart: always"),
       INVALID, 3, "services.db.restart would start it again for ever", "on-failure:N"},
      {PAIR("", "x-si-oneshot: true, restart: unless-stopped"), INVALID, 3, "services.db.restart",
       NULL},
      {PAIR("depends_on: {db: {condition: service_completed_successfully}}", "x-si-oneshot: false"),
       REFERENCE, 2, "waits for the end of db", NULL},
  };
  ALL(table)
}

static void a_cycle_of_dependencies_is_named(void) {
  static const struct refusal table[] = {
      {WEB("depends_on: [web]"), REFERENCE, 4, "closes a cycle: web -> web", NULL},
      {PAIR("depends_on: [db]", "depends_on: [web]"), REFERENCE, 3, "cycle: web -> db -> web",
       "never start"},
      {"services:\n"
       "  top: {image: a, depends_on: [a]}\n"
       "  a: {image: a, depends_on: [b]}\n"
       "  b: {image: a, depends_on: [c]}\n"
       "  c:\n"
       "    image: a\n"
       "    depends_on:\n"
       "      a: {condition: service_started}\n",
       REFERENCE, 8, "services.c.depends_on closes a cycle: a -> b -> c -> a", NULL},
  };
  ALL(table)
}

static void yaml_beyond_the_plain_is_refused(void) {
  static const struct refusal table[] = {
      {"", YAML, 1, "the file is empty", NULL},
      {"\n# only\n# comments\n", YAML, 4, "the file is empty", NULL},
      {WEB("") "---\n" WEB(""), YAML, 5, "second document", NULL},
      {WEB("user: a\n    user: b"), YAML, 5, "the key \"user\" stands twice, here and on line 4",
       NULL},
      {WEB("user: a\n    user: b\n    init: true\n    init: true"), YAML, 5, "\"user\"", NULL},
      {WEB("labels: {a: 1, \"a\": 2}"), YAML, 4, "stands twice", NULL},
      {WEB("x-a: {b: 1, b: 2}"), YAML, 4, "stands twice", NULL},
      {WEB("ports: !reset []"), YAML, 4, "the tag \"!reset\"", "remove the tag"},
      {WEB("labels: !override {a: b}"), YAML, 4, "the tag \"!override\"", NULL},
      {WEB("user: !!binary aGk="), YAML, 4, "binary", NULL},
      {WEB("user: !!int me"), YAML, 4, "not what its tag says", NULL},
      {WEB("labels: !!seq {a: b}"), YAML, 4, "tag", NULL},
      {WEB("? [a]\n    : b"), YAML, 4, "a key must be text", NULL},
      {WEB("\"\": b"), YAML, 4, "a key must be text", NULL},
      {WEB("user: *nobody"), YAML, 4, "an anchor that does not stand before it", NULL},
      {WEB("x-a: &a [*a]"), YAML, 4, "stands inside what it names", NULL},
      {WEB("x-a: &a {b: &a [*a]}"), YAML, 4, "stands inside what it names", NULL},
      {WEB("user: [a"), YAML, 5, "expected ',' or ']'", NULL},
      {"services:\n\tweb:\n", YAML, 2, "cannot start any token", NULL},
      {WEB("user: \"a\\0b\""), YAML, 4, "a NUL character", NULL},
      {WEB("user: \"a\\ud800\""), YAML, 4, "", NULL},
  };
  ALL(table)
}

static void what_a_shared_value_holds_is_reported_where_it_stands(void) {
  static const struct refusal table[] = {
      {"x-w: &w\n  image: w\n  pid: host\nservices:\n  web: *w\n", UNSUPPORTED, 3,
       "services.web.pid", NULL},
  };
  ALL(table)
}

static void a_message_never_carries_control_characters(void) {
  static const char text[] = "services:\n  web:\n    image: a\n    \"k\\e[31m\\x9b\\n\": 1\n";
  struct si_stack stack = {0};
  struct si_error error = {0};
  CU_ASSERT_EQUAL(si_stack_parse("a\033[1m.yaml", text, strlen(text), &stack, &error),
                  SI_E_INVALID);
  CU_ASSERT_STRING_EQUAL(error.message, "a?[1m.yaml:4: services.web.k?[31m??? is not supported");
  CU_ASSERT_STRING_EQUAL(error.target, "a?[1m.yaml:4");
}

static void a_long_file_name_leaves_the_line_in_the_target(void) {
  char name[400];
  struct si_stack stack = {0};
  struct si_error error = {0};
  memset(name, 'd', sizeof name);
  snprintf(name + 390, 10, "/s.yaml");
  name[0] = '/';
  CU_ASSERT_EQUAL(si_stack_parse(name, "services: 1", 11, &stack, &error), SI_E_INVALID);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.target, "/s.yaml:1"));
}

static void a_file_that_cannot_be_read_says_why(void) {
  char dir[] = "/tmp/si-stack-XXXXXX";
  char path[64];
  struct si_stack stack = {0};
  struct si_error error = {0};
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/none.yaml", dir);
  CU_ASSERT_EQUAL(si_stack_load(path, &stack, &error), SI_E_NOT_FOUND);
  CU_ASSERT_STRING_EQUAL(error.code, "STACK_UNREADABLE");
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "No such file"));
  CU_ASSERT_STRING_EQUAL(error.target, path);
  CU_ASSERT_EQUAL(si_stack_load(dir, &stack, &error), SI_E_INVALID);
  CU_ASSERT_STRING_EQUAL(error.code, "STACK_UNREADABLE");
  CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
  CU_ASSERT_EQUAL(si_stack_load(path, &stack, &error), SI_E_INVALID); /* and does not wait */
  CU_ASSERT_STRING_EQUAL(error.code, "STACK_UNREADABLE");
  CU_ASSERT_EQUAL(si_stack_load(path, &stack, NULL), SI_E_INVALID);
  unlink(path);
  rmdir(dir);
  CU_ASSERT_PTR_NULL(stack.json);
}

UNIT_MAIN("stack: refusals", UNIT(a_key_that_is_not_supported_is_named_with_its_line),
          UNIT(a_file_without_services_is_refused),
          UNIT(names_are_kept_to_what_hosts_and_engines_take),
          UNIT(a_value_of_another_kind_is_refused), UNIT(variables_that_are_not_set_are_named),
          UNIT(ports_are_checked), UNIT(only_named_volumes_are_mounted_each_at_a_place_of_its_own),
          UNIT(health_checks_are_whole), UNIT(what_is_named_must_be_there),
          UNIT(a_cycle_of_dependencies_is_named), UNIT(yaml_beyond_the_plain_is_refused),
          UNIT(what_a_shared_value_holds_is_reported_where_it_stands),
          UNIT(a_message_never_carries_control_characters),
          UNIT(a_long_file_name_leaves_the_line_in_the_target),
          UNIT(a_file_that_cannot_be_read_says_why))
