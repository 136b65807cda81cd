/* SPDX-License-Identifier: Apache-2.0 */
/* Several files that are one stack, merge keys, and all faults of a stack at once. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "paas/stack/stack.h"
#include "tests/unit/unit.h"

enum { FILES = 3 };

/* Reads texts as files 0.yaml, 1.yaml ... of a directory of their own, in which the names are told.
 */
static si_rc read_files(const char *const texts[FILES], struct si_stack *out,
                        struct si_faults *faults, struct si_error *error) {
  static const char *const names[FILES] = {"0.yaml", "1.yaml", "2.yaml"};
  char dir[] = "/tmp/si-stack-XXXXXX";
  char old[4096];
  size_t count = 0;
  CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(old, sizeof old));
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
  CU_ASSERT_EQUAL_FATAL(chdir(dir), 0);
  for (; count < FILES && texts[count]; count++) {
    int fd = open(names[count], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ssize_t len = (ssize_t)strlen(texts[count]);
    CU_ASSERT_EQUAL_FATAL(write(fd, texts[count], (size_t)len), len);
    close(fd);
  }
  const struct si_stack_request request = {.files = names, .file_count = count};
  si_rc status = si_stack_read(&request, out, faults, error);
  for (size_t i = 0; i < count; i++) {
    unlink(names[i]);
  }
  CU_ASSERT_EQUAL(chdir(old), 0);
  CU_ASSERT_EQUAL(rmdir(dir), 0);
  return status;
}

#define WEB(key) "services:\n  web:\n    image: web:1\n    " key "\n"
#define TOP "volumes: {data: , other: }\nnetworks: {net: , far: }\n"

/* The document of the files is that of the one text. */
struct same {
  const char *texts[FILES];
  const char *whole;
};

static void expect_same(const struct same *want) {
  struct si_stack whole SI_AUTO(si_stack_free) = {0};
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  struct si_error error = {0};
  si_rc status = si_stack_parse("whole", want->whole, strlen(want->whole), &whole, &error);
  if (status == SI_OK) {
    status = read_files(want->texts, &stack, NULL, &error);
  }
  bool ok = status == SI_OK && strcmp(stack.json, whole.json) == 0;
  if (!ok) {
    printf("\n%s---\n%s  %s\n  got  %s\n  want %s\n", want->texts[0],
           want->texts[1] ? want->texts[1] : "", error.message, stack.json ? stack.json : "",
           whole.json ? whole.json : "");
  }
  CU_ASSERT_TRUE(ok);
}

#define ALL_SAME(table)                                          \
  for (size_t i = 0; i < sizeof(table) / sizeof *(table); i++) { \
    expect_same(&(table)[i]);                                    \
  }

static void a_later_file_is_put_over_the_one_before(void) {
  static const struct same table[] = {
      {{WEB(""), "services: {web: {image: \"web:2\"}}\n"}, "services: {web: {image: \"web:2\"}}\n"},
      {{WEB("init: true"), WEB("user: me"), WEB("user: you")}, WEB("init: true\n    user: you")},
      {{WEB(""), "services: {db: {image: d}}\n"}, WEB("") "  db: {image: d}\n"},
      {{WEB("command: [a, b]"), WEB("command: [c]")}, WEB("command: [c]")},
      {{WEB("entrypoint: a b"), WEB("entrypoint: [c]")}, WEB("entrypoint: [c]")},
      {{WEB("healthcheck: {test: [CMD, a], retries: 3}"), WEB("healthcheck: {test: b}")},
       WEB("healthcheck: {test: b, retries: 3}")},
      {{WEB("environment: {A: 1, B: 2}"), WEB("environment: [B=3, C=4]")},
       WEB("environment: {A: 1, B: 3, C: 4}")},
      {{WEB("environment: [A=1, B=2=2]"), WEB("environment: {B: 3}")},
       WEB("environment: {A: 1, B: 3}")},
      {{WEB("environment: [A=1]"), WEB("environment: [A=2]")}, WEB("environment: {A: 2}")},
      {{WEB("labels: [a]"), WEB("labels: {b: c}")}, WEB("labels: {a: \"\", b: c}")},
      {{WEB("ports: [\"80:80\"]"), WEB("ports: [\"81:80\", \"80:80/tcp\"]")},
       WEB("ports: [\"80:80\", \"81:80\"]")},
      {{WEB("ports: [\"80\"]"), WEB("ports: [80]")}, WEB("ports: [\"80\"]")},
      {{TOP WEB("volumes: [\"data:/a\", \"data:/b\"]"), WEB("volumes: [\"other:/a:ro\"]")},
       TOP WEB("volumes: [\"other:/a:ro\", \"data:/b\"]")},
      {{WEB("tmpfs: /a"), WEB("tmpfs: [/b, /a]")}, WEB("tmpfs: [/a, /b]")},
      {{TOP WEB("networks: [net]"), WEB("networks: {far: {aliases: [x]}}")},
       TOP WEB("networks: {net: , far: {aliases: [x]}}")},
      {{TOP WEB("networks: {net: {aliases: [a]}}"), WEB("networks: {net: {aliases: [b]}}")},
       TOP WEB("networks: {net: {aliases: [a, b]}}")},
      {{WEB("healthcheck: {test: a}\n    depends_on: [db]") "  db: {image: d, healthcheck: {test: "
                                                            "a}}\n",
        "services: {web: {depends_on: {db: {condition: service_healthy}}}}\n"},
       WEB("healthcheck: {test: a}\n    depends_on: {db: {condition: service_healthy}}")  //
       "  db: {image: d, healthcheck: {test: a}}\n"},
      {{WEB(""), "x-si-secrets: {K: }\n" WEB("environment: {A: \"${K}\"}")},
       "x-si-secrets: {K: }\n" WEB("environment: {A: \"${K}\"}")},
      {{WEB("user: me"), "services: {web: }\n"}, WEB("user: me")},
      {{WEB("user: me"), "services: {web: {user: }}\n"}, WEB("user: me")},
      {{"x-a: {b: c}\n" WEB(""), "x-a: {b: d}\n" WEB("")}, WEB("")},
  };
  ALL_SAME(table)
}

static void a_value_can_be_taken_away_or_put_in_the_place_of_another(void) {
  static const struct same table[] = {
      {{WEB("ports: [\"80:80\"]"), WEB("ports: !override [\"81:80\"]")}, WEB("ports: [\"81:80\"]")},
      {{WEB("ports: [\"80:80\"]"), WEB("ports: !reset []")}, WEB("")},
      {{WEB("ports: [\"80:80\"]"), WEB("ports: !reset null")}, WEB("")},
      {{WEB("environment: {A: 1, B: 2}"), WEB("environment: {A: !reset x}")},
       WEB("environment: {B: 2}")},
      {{WEB("environment: {A: 1, B: 2}"), WEB("environment: !override {C: 3}")},
       WEB("environment: {C: 3}")},
      {{WEB("command: a"), WEB("command: !reset [a]"), WEB("command: b")}, WEB("command: b")},
      {{WEB("") "  db: {image: d}\n", "services: {db: !reset {}}\n"}, WEB("")},
      {{WEB(""), WEB("user: !reset x")}, WEB("")},
      {{WEB(""), WEB("healthcheck: {test: a, retries: !reset 3}")}, WEB("healthcheck: {test: a}")},
      {{WEB("user: me"), WEB("user: !override you")}, WEB("user: you")},
  };
  ALL_SAME(table)
}

static void merge_keys_are_carried_out(void) {
#define COMMON "x-a: &a {user: me, init: true}\nx-b: &b {user: you, hostname: h}\n"
  static const struct same table[] = {
      {{COMMON WEB("<<: *a")}, WEB("user: me\n    init: true")},
      {{COMMON WEB("<<: *a\n    user: us")}, WEB("user: us\n    init: true")},
      {{COMMON WEB("user: us\n    <<: *a")}, WEB("user: us\n    init: true")},
      {{COMMON WEB("<<: [*a, *b]")}, WEB("user: me\n    init: true\n    hostname: h")},
      {{COMMON WEB("<<: [*b, *a]")}, WEB("user: you\n    init: true\n    hostname: h")},
      {{COMMON "x-c: &c {<<: *b, user: them}\n" WEB("<<: *c")}, WEB("user: them\n    hostname: h")},
      {{WEB("<<: {user: me}")}, WEB("user: me")},
      {{"x-e: &e {A: 1, B: 2}\n" WEB("environment: {<<: *e, B: 3}")},
       WEB("environment: {A: 1, B: 3}")},
      {{WEB("environment: &e {A: 1}") "  db: {image: d, environment: {<<: *e, C: 2}}\n"},
       WEB("environment: {A: 1}") "  db: {image: d, environment: {A: 1, C: 2}}\n"},
      {{"x-n: &n {o: &o {A: 1}}\n" WEB("environment: *o")}, WEB("environment: {A: 1}")},
      {{WEB("labels: {\"<<\": a}")}, WEB("labels: {\"<<\": a}")},
      {{WEB("<<: []")}, WEB("")},
  };
  ALL_SAME(table)
}

struct refusal {
  const char *texts[FILES];
  const char *code;
  const char *target;
  const char *says;
  const char *hint;
};

static void what_cannot_be_merged_names_its_file(void) {
  static const struct refusal table[] = {
      {{WEB(""), WEB("privileged: true")},
       "STACK_UNSUPPORTED_KEY",
       "1.yaml:4",
       "web.privileged",
       NULL},
      {{WEB("privileged: true"), WEB("")},
       "STACK_UNSUPPORTED_KEY",
       "0.yaml:4",
       "web.privileged",
       NULL},
      {{WEB("ports: [\"80:80\"]"), WEB("ports: {a: b}")},
       "STACK_INVALID",
       "1.yaml:4",
       "services.web.ports is of another kind than on line 4 of 0.yaml",
       "!override"},
      {{WEB(""), WEB("environment: [A=1, A=2]")}, "STACK_INVALID", "1.yaml:4", "sets \"A\"", NULL},
      {{WEB("environment: {B: 1}"), WEB("environment: [A=1, A=2]")},
       "STACK_INVALID",
       "1.yaml:4",
       "sets \"A\" a second time",
       NULL},
      {{WEB("environment: [A=1]"), WEB("environment: [[a]]")},
       "STACK_INVALID",
       "1.yaml:4",
       "environment[0] must be text",
       NULL},
      {{WEB(""), WEB("ports: [!reset \"80\"]")},
       "STACK_YAML",
       "1.yaml:4",
       "inside a list",
       "whole list"},
      {{WEB("ports: !reset []")},
       "STACK_YAML",
       "0.yaml:4",
       "the tag \"!reset\"",
       "no file before this one"},
      {{TOP WEB("volumes: [\"data:/a\"]"), WEB("tmpfs: /a")},
       "STACK_INVALID",
       "1.yaml:4",
       "as line 6 of 0.yaml does",
       NULL},
      {{WEB("ports: [\"80:80\"]"), "services: {db: {image: d, ports: [\"80:1\"]}}\n"},
       "STACK_INVALID",
       "1.yaml:1",
       "which service web takes on line 4 of 0.yaml",
       NULL},
      {{WEB(""), "services: [a]\n"},
       "STACK_INVALID",
       "1.yaml:1",
       "services is of another kind",
       NULL},
      {{WEB(""), "- a\n"}, "STACK_INVALID", "1.yaml:1", "another kind", NULL},
      {{WEB("<<: me")}, "STACK_YAML", "0.yaml:4", "`<<` takes a map", "*common"},
      {{WEB("<<: [{user: a}, b]")}, "STACK_YAML", "0.yaml:4", "`<<` takes a map", NULL},
      {{WEB("<<: {user: a}\n    <<: {init: true}")},
       "STACK_YAML",
       "0.yaml:5",
       "stands twice",
       "[*one, *other]"},
      {{"x-a: &a\n  pid: host\n" WEB("<<: *a")},
       "STACK_UNSUPPORTED_KEY",
       "0.yaml:2",
       "web.pid",
       NULL},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    struct si_stack stack SI_AUTO(si_stack_free) = {0};
    struct si_error error = {0};
    si_rc status = read_files(table[i].texts, &stack, NULL, &error);
    bool ok = status == SI_E_INVALID && strcmp(error.code, table[i].code) == 0 &&
              strcmp(error.target, table[i].target) == 0 && strstr(error.message, table[i].says) &&
              (!table[i].hint || strstr(error.hint, table[i].hint)) && !stack.json;
    if (!ok) {
      printf("\n  got %s %s: %s (%s)\n  want %s %s: %s\n", error.code, error.target, error.message,
             error.hint, table[i].code, table[i].target, table[i].says);
    }
    CU_ASSERT_TRUE(ok);
  }
}

static void limits_hold_for_all_files_together(void) {
  enum { ITEMS = 3500 };
  static char text[ITEMS * 8 + 100];
  char *to = text + sprintf(text, "%s", "x-a: [0");
  for (int i = 0; i < ITEMS; i++) {
    to += sprintf(to, ",%d", i);
  }
  sprintf(to, "%s", "]\n" WEB(""));
  const char *const texts[FILES] = {text, text, text};
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  struct si_error error = {0};
  CU_ASSERT_EQUAL(read_files(texts, &stack, NULL, &error), SI_E_INVALID);
  CU_ASSERT_STRING_EQUAL(error.code, "STACK_TOO_LARGE");
  CU_ASSERT_STRING_EQUAL(error.target, "2.yaml:1");
}

static void all_faults_of_a_stack_are_told(void) {
  static const char *const texts[FILES] = {
      "x-si-odd: 1\n"
      "volumes: {data: {driver: nfs}, Bad: }\n"
      "services:\n"
      "  web:\n"
      "    image: w\n"
      "    privileged: true\n"
      "    build: .\n"
      "    ports: [\"80:\", {mode: any}]\n"
      "    volumes: [\"data:/a\", \"gone:/b\"]\n"
      "    environment: {DB_PASSWORD: hunter22, API_TOKEN: hunter23, A: [1]}\n"
      "  db:\n"
      "    container_name: d\n"
      "  End: {image: e}\n"};
  /* `volumes.data` is wrong, but there: a mount of it is no fault; nor is `db` without an image. */
  static const char *const want[] = {"0.yaml:1: x-si-odd",
                                     "0.yaml:2: volumes.data.driver",
                                     "0.yaml:2: volumes.Bad",
                                     "0.yaml:13: services.End",
                                     "0.yaml:6: services.web.p",
                                     "0.yaml:7: services.web.build",
                                     "0.yaml:8: services.web.ports[0]",
                                     "0.yaml:8: services.web.ports[1].mode",
                                     "0.yaml:9: services.web.volumes[1]",
                                     "0.yaml:10: services.web.environment.DB_PASSWORD",
                                     "0.yaml:10: services.web.environment.API_TOKEN",
                                     "0.yaml:10: services.web.environment.A must",
                                     "0.yaml:12: services.db.container_name"};
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  struct si_faults faults SI_AUTO(si_faults_free) = {0};
  struct si_error error = {0};
  CU_ASSERT_EQUAL(read_files(texts, &stack, &faults, &error), SI_E_INVALID);
  CU_ASSERT_EQUAL(faults.count, sizeof want / sizeof *want);
  for (size_t i = 0; i < faults.count && i < sizeof want / sizeof *want; i++) {
    if (strncmp(faults.list[i].message, want[i], strlen(want[i])) != 0) {
      printf("\n  got  %s\n  want %s\n", faults.list[i].message, want[i]);
    }
    CU_ASSERT_NSTRING_EQUAL(faults.list[i].message, want[i], strlen(want[i]));
    CU_ASSERT_TRUE(i == 0 || strstr(error.detail, want[i]));
  }
  CU_ASSERT_STRING_EQUAL(error.message, faults.list[0].message);
}

static void no_more_faults_than_a_hundred_are_told(void) {
  static char text[8192];
  char *to = text + sprintf(text, "%s", "services:\n  web:\n    image: w\n");
  for (int i = 0; i < 150; i++) {
    to += sprintf(to, "    odd-key-%d: 1\n", i);
  }
  const char *const texts[FILES] = {text};
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  struct si_faults faults SI_AUTO(si_faults_free) = {0};
  struct si_error error = {0};
  CU_ASSERT_EQUAL(read_files(texts, &stack, &faults, &error), SI_E_INVALID);
  CU_ASSERT_EQUAL(faults.count, 100);
  CU_ASSERT_STRING_EQUAL(error.target, "0.yaml:4");
}

UNIT_MAIN("stack: files", UNIT(a_later_file_is_put_over_the_one_before),
          UNIT(a_value_can_be_taken_away_or_put_in_the_place_of_another),
          UNIT(merge_keys_are_carried_out), UNIT(what_cannot_be_merged_names_its_file),
          UNIT(limits_hold_for_all_files_together), UNIT(all_faults_of_a_stack_are_told),
          UNIT(no_more_faults_than_a_hundred_are_told))
