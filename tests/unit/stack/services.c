/* SPDX-License-Identifier: Apache-2.0 */
/* Which services of a file are run (`profiles`), and variables of theirs from files (`env_file`).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/stack/stack.h"
#include "tests/unit/unit.h"

#define WEB(key) "services:\n  web:\n    image: web:1\n    " key "\n"

static char dir[64];

static void put(const char *name, const char *text) {
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ssize_t len = (ssize_t)strlen(text);
  CU_ASSERT_EQUAL_FATAL(write(fd, text, (size_t)len), len);
  close(fd);
}

static void enter(void) {
  snprintf(dir, sizeof dir, "/tmp/si-stack-XXXXXX");
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
  CU_ASSERT_EQUAL_FATAL(chdir(dir), 0);
  CU_ASSERT_EQUAL_FATAL(mkdir("sub", 0700), 0);
  put("a.env", "A=1\nB=$A-b\n# c\nC='$A'\n");
  put("sub/b.env", "B=2\nD=\n");
  put("secret.env", "A=1\n\nDB_PASSWORD=hunter22\nURL=a://b:hunter22@c\nX=$DB_PASSWORD\n");
  put("bad.env", "A=1\nB hunter22\n");
}

static void leave(void) {
  static const char *const names[] = {"stack.yaml", "a.env", "sub/b.env", "secret.env", "bad.env"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    unlink(names[i]);
  }
  rmdir("sub");
  CU_ASSERT_EQUAL(chdir("/"), 0);
  CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static si_rc read_for(const char *text, const char *profile, struct si_stack *out,
                      struct si_faults *faults, struct si_error *error) {
  static const char *const files[] = {"stack.yaml"};
  const struct si_stack_request request = {
      .files = files, .file_count = 1, .profiles = &profile, .profile_count = profile ? 1 : 0};
  memset(error, 0, sizeof *error);
  put("stack.yaml", text);
  return si_stack_read(&request, out, faults, error);
}

struct accepted {
  const char *text;
  const char *profile;
  const char *piece;
  const char *none; /* does not stand there; NULL: nothing */
};

static void expect_pieces(const struct accepted *table, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct si_stack stack SI_AUTO(si_stack_free) = {0};
    struct si_error error;
    si_rc status = read_for(table[i].text, table[i].profile, &stack, NULL, &error);
    bool ok = status == SI_OK && strstr(stack.json, table[i].piece) &&
              (!table[i].none || !strstr(stack.json, table[i].none));
    if (!ok) {
      printf("\n%s\n  got  %s %s\n  want %s\n", table[i].text, error.message,
             stack.json ? stack.json : "", table[i].piece);
    }
    CU_ASSERT_TRUE(ok);
  }
}

struct refused {
  const char *text;
  const char *code;
  const char *target;
  const char *says;
  const char *hint;
};

static void expect_refusals(const struct refused *table, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct si_stack stack SI_AUTO(si_stack_free) = {0};
    struct si_error error;
    si_rc status = read_for(table[i].text, NULL, &stack, NULL, &error);
    bool ok = status == SI_E_INVALID && strcmp(error.code, table[i].code) == 0 &&
              strcmp(error.target, table[i].target) == 0 && strstr(error.message, table[i].says) &&
              strstr(error.hint, table[i].hint) && !strstr(error.message, "hunter2");
    if (!ok) {
      printf("\n%s\n  got %s %s: %s (%s)\n  want %s %s: %s\n", table[i].text, error.code,
             error.target, error.message, error.hint, table[i].code, table[i].target,
             table[i].says);
    }
    CU_ASSERT_TRUE(ok);
  }
}

#define ALL(what, table) what(table, sizeof(table) / sizeof *(table))

static void variables_come_from_files_of_a_service(void) {
  static const struct accepted table[] = {
      {WEB("env_file: a.env"), NULL, "\"environment\":{\"A\":\"1\",\"B\":\"1-b\",\"C\":\"$A\"}",
       NULL},
      {WEB("env_file: [a.env, ./sub/b.env]"), NULL,
       "\"environment\":{\"A\":\"1\",\"B\":\"2\",\"C\":\"$A\",\"D\":\"\"}", NULL},
      {WEB("env_file: [{path: a.env}, {path: none.env, required: false}]"), NULL, "\"B\":\"1-b\"",
       NULL},
      {WEB("env_file: a.env\n    environment: {A: x, B: y}"), NULL,
       "\"environment\":{\"A\":\"x\",\"B\":\"y\",\"C\":\"$A\"}", NULL},
      {WEB("environment: [A=x]\n    env_file: a.env"), NULL, "{\"A\":\"x\",\"B\":\"1-b\"", NULL},
      {"x-si-secrets: {DB: }\n" WEB("environment: {DB_PASSWORD: $DB, URL: none, X: none}\n"
                                    "    env_file: secret.env"),
       NULL, "\"A\":\"1\",\"DB_PASSWORD\":[{\"revision\":0,\"secret\":\"DB\"}]", "hunter2"},
      {WEB("env_file: ${F:-a}.env"), NULL, "\"B\":\"1-b\"", NULL},
  };
  ALL(expect_pieces, table);
}

static void files_of_a_service_bring_no_secret_and_nothing_of_the_machine(void) {
  static const struct refused table[] = {
      {WEB("env_file: secret.env"), "STACK_SECRET", "secret.env:3",
       "services.web.env_file.DB_PASSWORD sets DB_PASSWORD to what looks like", "x-si-secrets"},
      {WEB("env_file: secret.env\n    environment: {DB_PASSWORD: ''}"), "STACK_SECRET",
       "secret.env:4", "sets URL", ""},
      {WEB("env_file: secret.env\n    environment: {DB_PASSWORD: '', URL: ''}"), "STACK_SECRET",
       "secret.env:5", "sets X", ""},
      {WEB("env_file: bad.env"), "STACK_VARIABLE", "bad.env:2", "no `=`", ""},
      {WEB("env_file: none.env"), "STACK_VARIABLE", "stack.yaml:4",
       "env_file cannot read the file of variables none.env: No such file", ""},
      {WEB("env_file: sub"), "STACK_VARIABLE", "stack.yaml:4", "no regular file", ""},
      {WEB("env_file: /etc/passwd"), "STACK_INVALID", "stack.yaml:4", "no path below", "beside"},
      {WEB("env_file: ../a.env"), "STACK_INVALID", "stack.yaml:4", "no path below", ""},
      {WEB("env_file: sub/../../a.env"), "STACK_INVALID", "stack.yaml:4", "no path below", ""},
      {WEB("env_file: sub/.."), "STACK_INVALID", "stack.yaml:4", "no path below", ""},
      {WEB("env_file: [{required: false}]"), "STACK_INVALID", "stack.yaml:4", "has no `path`", ""},
      {WEB("env_file: [{path: a.env, format: raw}]"), "STACK_UNSUPPORTED_KEY", "stack.yaml:4",
       "env_file[0].format", ""},
      {WEB("extends: {service: db}"), "STACK_UNSUPPORTED_KEY", "stack.yaml:4", "web.extends",
       "<<: *common"},
  };
  ALL(expect_refusals, table);
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  struct si_error error = {0};
  static const char text[] = WEB("env_file: a.env");
  CU_ASSERT_EQUAL(si_stack_parse("s", text, strlen(text), &stack, &error), SI_E_INVALID);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "this text stands beside none"));
}

#define TWO                                              \
  WEB("")                                                \
  "  debug: {image: d, profiles: [debug, \"test\"]}\n"   \
  "  other: {image: o, profiles: [other], odd_key: 1}\n" \
  "  any: {image: a, profiles: []}\n"

static void services_of_a_profile_are_run_where_it_is_named(void) {
  static const struct accepted table[] = {
      {TWO, NULL, "\"name\":\"web\"", "debug"},
      {TWO, NULL, "\"name\":\"any\"", "other"},
      {TWO, "debug", "\"name\":\"debug\"", "other"},
      {TWO, "test", "\"name\":\"debug\"", "other"},
      {TWO, "none", "\"name\":\"web\"", "debug"},
      {WEB("") "  debug: {image: d, profiles: [debug], depends_on: [web]}\n", "*",
       "\"name\":\"debug\"", NULL},
  };
  ALL(expect_pieces, table);
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  struct si_error error;
  CU_ASSERT_EQUAL(read_for(TWO, "other", &stack, NULL, &error), SI_E_INVALID);
  CU_ASSERT_STRING_EQUAL(error.code, "STACK_UNSUPPORTED_KEY");
}

static void what_profiles_leave_out_is_named(void) {
  static const struct refused table[] = {
      {WEB("depends_on: [debug]") "  debug: {image: d, profiles: [x, y]}\n", "STACK_REFERENCE",
       "stack.yaml:4", "names debug, which only a profile runs", "--profile x"},
      {WEB("profiles: [a]"), "STACK_INVALID", "stack.yaml:1", "no service that runs without",
       "--profile"},
      {WEB("profiles: a"), "STACK_INVALID", "stack.yaml:4", "profiles must be a list", ""},
      {WEB("profiles: [1]"), "STACK_INVALID", "stack.yaml:4", "profiles[0] must be text", ""},
      {WEB("profiles: [\"a b\"]"), "STACK_INVALID", "stack.yaml:4", "is no name of a profile", ""},
      {WEB("profiles: [\"*\"]"), "STACK_INVALID", "stack.yaml:4", "is no name of a profile", ""},
  };
  ALL(expect_refusals, table);
}

UNIT_MAIN("stack: services", UNIT(enter), UNIT(variables_come_from_files_of_a_service),
          UNIT(files_of_a_service_bring_no_secret_and_nothing_of_the_machine),
          UNIT(services_of_a_profile_are_run_where_it_is_named),
          UNIT(what_profiles_leave_out_is_named), UNIT(leave))
