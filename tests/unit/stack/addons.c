/* SPDX-License-Identifier: Apache-2.0 */
/* Add-ons beside an app's files: they add, and nobody overrides anything; no port of theirs, and
 * none of Databasus, gets into a document (R39). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "paas/stack/stack.h"
#include "tests/unit/unit.h"

enum { FILES = 3 };

#define PACK                                                                               \
  "services:\n  databasus:\n    image: databasus/databasus:v1\n    networks: [inside]\n"   \
  "    volumes: [\"kept:/kept\"]\n    environment: {KEY: \"${ADDON_KEY}\", DB: db, USER: " \
  "\"a$$b\"}\n"                                                                            \
  "  job:\n    image: job:1\n    profiles: [job]\n    networks: [inside]\n"                \
  "volumes:\n  kept:\nnetworks:\n  inside: {internal: true}\n"                             \
  "x-si-secrets:\n  ADDON_KEY: {generate: password}\n"
#define TERMS                                                                              \
  "{\"schema\":\"si.addon/1\",\"id\":\"keeper\",\"services\":[{\"name\":\"databasus\","    \
  "\"run\":\"always\"},{\"name\":\"job\",\"run\":\"asked\"}],\"volumes\":[{\"name\":\""    \
  "kept\"}],\"networks\":[{\"name\":\"inside\"}],\"secrets\":[{\"name\":\"ADDON_KEY\","    \
  "\"generated\":true}],\"settings\":[{\"name\":\"image\",\"form\":\"image\",\"default\":" \
  "\"databasus/databasus:v2\",\"at\":[\"/services/databasus/image\"]},{\"name\":\"db\","   \
  "\"form\":\"service\",\"default\":\"web\",\"at\":[\"/services/databasus/environment/DB\"]}]}"
#define WEB "services:\n  web:\n    image: web:1\n"

/* The app's files 0.yaml, 1.yaml ..., with the pack in this form. */
static si_rc read_app(const char *const files[FILES], const char *pack, const char *terms,
                      const char *settings, struct si_stack *out, struct si_error *error) {
  static const char *const names[FILES] = {"0.yaml", "1.yaml", "2.yaml"};
  cJSON *described SI_AUTO(si_json_free) = cJSON_Parse(terms);
  cJSON *set SI_AUTO(si_json_free) = cJSON_Parse(settings ? settings : "{}");
  char dir[] = "/tmp/si-addon-XXXXXX", old[4096];
  size_t count = 0;
  CU_ASSERT_PTR_NOT_NULL_FATAL(described);
  CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(old, sizeof old));
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
  CU_ASSERT_EQUAL_FATAL(chdir(dir), 0);
  for (; count < FILES && files[count]; count++) {
    int fd = open(names[count], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ssize_t len = (ssize_t)strlen(files[count]);
    CU_ASSERT_EQUAL_FATAL(write(fd, files[count], (size_t)len), len);
    close(fd);
  }
  const struct si_stack_addon addon = {"addons/keeper/stack.yaml", pack, strlen(pack), described,
                                       set};
  const struct si_stack_request request = {
      .files = names, .file_count = count, .addons = &addon, .addon_count = pack[0] ? 1 : 0};
  si_rc status = si_stack_read(&request, out, NULL, error);
  for (size_t i = 0; i < count; i++) {
    unlink(names[i]);
  }
  CU_ASSERT_EQUAL(chdir(old), 0);
  CU_ASSERT_EQUAL(rmdir(dir), 0);
  return status;
}

static void a_pack_stands_beside_the_app_as_if_one_file_said_both(void) {
  static const char *const files[FILES] = {WEB
                                           "    environment: {K: \"${ADDON_KEY}\"}\n"
                                           "    networks: [inside]\nvolumes:\n"};
  static const char whole[] = WEB
      "    environment: {K: \"${ADDON_KEY}\"}\n    networks: [inside]\n"
      "  databasus:\n    image: databasus/databasus:v3\n    networks: [inside]\n"
      "    volumes: [\"kept:/kept\"]\n    environment: {KEY: \"${ADDON_KEY}\", DB: web, USER: "
      "\"a$$b\"}\nvolumes: {kept: }\nnetworks: {inside: {internal: true}}\n"
      "x-si-secrets: {ADDON_KEY: {generate: password}}\n";
  struct si_stack stack SI_AUTO(si_stack_free) = {0}, want SI_AUTO(si_stack_free) = {0};
  struct si_error error = {0};
  si_rc status =
      read_app(files, PACK, TERMS, "{\"image\":\"databasus/databasus:v3\"}", &stack, &error);
  CU_ASSERT_EQUAL_FATAL(si_stack_parse("whole", whole, strlen(whole), &want, NULL), SI_OK);
  if (status != SI_OK || strcmp(stack.json, want.json) != 0) {
    printf("\n%s\n%s\n%s\n", error.message, stack.json ? stack.json : "", want.json);
  }
  CU_ASSERT_EQUAL(status, SI_OK);
  CU_ASSERT_STRING_EQUAL(stack.json ? stack.json : "", want.json);
}

struct refusal {
  const char *files[FILES];
  const char *code;
  const char *message; /* a part of it */
  const char *pack;    /* NULL: PACK */
  const char *terms;   /* NULL: TERMS */
  const char *settings;
};

static void expect_refusal(const struct refusal *want) {
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  struct si_error error = {0};
  si_rc status = read_app(want->files, want->pack ? want->pack : PACK,
                          want->terms ? want->terms : TERMS, want->settings, &stack, &error);
  bool ok = status == SI_E_INVALID && strcmp(error.code, want->code) == 0 &&
            strstr(error.message, want->message) && error.hint[0];
  if (!ok) {
    printf("\n%s---\n  %s: %s\n  %s\n  wanted %s: %s\n", want->files[0], error.code, error.message,
           stack.json ? stack.json : "", want->code, want->message);
  }
  CU_ASSERT_TRUE(ok);
}

#define ALL_REFUSED(table)                                       \
  for (size_t i = 0; i < sizeof(table) / sizeof *(table); i++) { \
    expect_refusal(&(table)[i]);                                 \
  }
#define CONFLICT "STACK_ADDON_CONFLICT"

static void a_name_that_stands_in_both_is_told_with_both_lines(void) {
  static const struct refusal table[] = {
      {{WEB "  databasus: {image: mine}\n"},
       CONFLICT,
       "0.yaml:4: services.databasus is what the add-on keeper brings, on line 2 of "
       "addons/keeper/stack.yaml",
       NULL,
       NULL,
       NULL},
      /* A name that is no service yet for want of its profile. */
      {{WEB "  job: {image: mine}\n"},
       CONFLICT,
       "0.yaml:4: services.job is what",
       NULL,
       NULL,
       NULL},
      {{WEB "volumes: {kept: }\n"}, CONFLICT, "0.yaml:4: volumes.kept is", NULL, NULL, NULL},
      {{WEB "networks: {inside: }\n"}, CONFLICT, "0.yaml:4: networks.inside is", NULL, NULL, NULL},
      {{WEB "x-si-secrets: {ADDON_KEY: }\n"},
       CONFLICT,
       "0.yaml:4: x-si-secrets.ADDON_KEY is",
       NULL,
       NULL,
       NULL},
      {{WEB "    networks: {inside: {aliases: [databasus]}}\n"},
       CONFLICT,
       "0.yaml:2: services.web answers to databasus",
       NULL,
       NULL,
       NULL},
  };
  ALL_REFUSED(table)
}

/* Whatever the overlay, by whatever way a file comes over another. */
static void no_overlay_gives_an_add_on_a_port(void) {
  static const struct refusal table[] = {
      {{WEB, "services: {databasus: {ports: [\"4005:4005\"]}}\n"},
       CONFLICT,
       "1.yaml:1: services.databasus is",
       NULL,
       NULL,
       NULL},
      {{"services: {databasus: {ports: [\"4005:4005\"]}}\n", WEB},
       CONFLICT,
       "0.yaml:1: services.databasus is",
       NULL,
       NULL,
       NULL},
      {{WEB, "services: {databasus: !override {image: a, ports: [\"1:1\"]}}\n"},
       CONFLICT,
       "services.databasus is",
       NULL,
       NULL,
       NULL},
      {{WEB, "services: {databasus: {image: a}}\n", "services: {databasus: {ports: [\"1:1\"]}}\n"},
       CONFLICT,
       "2.yaml:1: services.databasus is",
       NULL,
       NULL,
       NULL},
      /* By anchors and merge keys. */
      {{"x-p: &p {ports: [\"4005:4005\"]}\n" WEB "  databasus: {<<: *p}\n"},
       CONFLICT,
       "services.databasus is",
       NULL,
       NULL,
       NULL},
      {{"x-s: &s {databasus: {ports: [\"4005:4005\"]}}\nservices:\n  <<: *s\n  web: {image: a}\n"},
       CONFLICT,
       "services.databasus is",
       NULL,
       NULL,
       NULL},
      {{WEB "    extends: {service: databasus}\n    ports: [\"4005:4005\"]\n"},
       "STACK_UNSUPPORTED_KEY",
       "extends is not supported",
       NULL,
       NULL,
       NULL},
      {{WEB "    network_mode: service:databasus\n"},
       "STACK_UNSUPPORTED_KEY",
       "network_mode is not supported",
       NULL,
       NULL,
       NULL},
      /* Under another name, with the pack and without one. */
      {{WEB "  ui: {image: \"databasus/databasus:v1\", ports: [\"4005:4005\"]}\n"},
       "STACK_ADDON_PORT",
       "services.ui runs Databasus",
       NULL,
       NULL,
       NULL},
      {{WEB "  ui: {image: \"r.example:5000/x/databasus@sha256:ab\", ports: [\"80\"]}\n"},
       "STACK_ADDON_PORT",
       "services.ui runs Databasus",
       "",
       NULL,
       NULL},
      {{WEB "  ui: {image: databasus}\n", "services: {ui: {ports: [\"80\"]}}\n"},
       "STACK_ADDON_PORT",
       "services.ui runs Databasus",
       "",
       NULL,
       NULL},
      /* The pack itself. */
      {{WEB},
       "STACK_ADDON_PORT",
       "services.databasus is an add-on's, and publishes a port",
       "services:\n  databasus: {image: other:1, ports: [\"80:80\"]}\n",
       "{\"id\":\"keeper\",\"services\":[{\"name\":\"databasus\"}]}",
       NULL},
  };
  ALL_REFUSED(table)
  static const char *const fine[FILES] = {
      WEB
      "  ui: {image: databasus-proxy, ports: [\"80\"]}\n  d: {image: \"databasus/web\", ports: "
      "[\"81\"]}\n"};
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  CU_ASSERT_EQUAL(read_app(fine, PACK, TERMS, NULL, &stack, NULL), SI_OK);
}

static void what_a_pack_builds_on_is_there(void) {
  static const struct refusal table[] = {
      {{WEB},
       "STACK_ADDON_NEEDS",
       "services.databasus.environment.DB needs the service api, which the app's stack does not",
       NULL,
       NULL,
       "{\"db\":\"api\"}"},
      {{"services: {api: {image: a}}\n"},
       "STACK_ADDON_NEEDS",
       "needs the service web",
       NULL,
       NULL,
       NULL},
  };
  ALL_REFUSED(table)
}

#define SERVICE(rest) "services:\n  a: {image: \"a:1\"" rest "}\n"
#define A "{\"id\":\"a\",\"services\":[{\"name\":\"a\",\"run\":\"always\"}]"
static void a_pack_is_what_its_descriptor_says(void) {
  static const struct {
    const char *pack;
    const char *terms;
    const char *message;
  } table[] = {
      {SERVICE("") "  b: {image: \"b:1\"}\n", A "}", "has not the members"},
      {"services:\n  b: {image: \"b:1\"}\n", A "}", "services.b is nothing that its descriptor"},
      {SERVICE("") "volumes: {v: }\n", A "}", "volumes has not the members"},
      {SERVICE(", profiles: [x]"), A "}", "services.a has profiles"},
      {SERVICE(", env_file: secrets.env"), A "}", "services.a has `env_file`"},
      {SERVICE(", user: !reset null"), A "}", "services.a.user is marked"},
      {SERVICE(", user: \"${HOME}\""), A "}",
       "services.a.user has a `$` that stands for no secret"},
      {SERVICE(", user: \"$HOME\""), A "}", "has a `$` that stands for no secret"},
      {SERVICE("") "name: x\n", A "}", "has keys besides"},
      {"[]\n", A "}", "the pack must be a map"},
      {SERVICE("") "x-si-secrets: {K: }\n", A ",\"secrets\":[{\"name\":\"K\",\"generated\":true}]}",
       "x-si-secrets.K is generated"},
      {SERVICE(""),
       A ",\"settings\":[{\"name\":\"u\",\"form\":\"word\",\"default\":\"x\",\"at\":[\"/services/a/"
         "user\"]}]}",
       "has no place for a setting"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    const struct refusal want = {{WEB},         "STACK_ADDON_INVALID", table[i].message,
                                 table[i].pack, table[i].terms,        NULL};
    expect_refusal(&want);
  }
}

UNIT_MAIN("stack_addons", UNIT(a_pack_stands_beside_the_app_as_if_one_file_said_both),
          UNIT(a_name_that_stands_in_both_is_told_with_both_lines),
          UNIT(no_overlay_gives_an_add_on_a_port), UNIT(what_a_pack_builds_on_is_there),
          UNIT(a_pack_is_what_its_descriptor_says))
