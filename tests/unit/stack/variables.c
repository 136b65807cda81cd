/* SPDX-License-Identifier: Apache-2.0 */
/* Variables in stack files: how they are written, where they come from, what they must not bring.
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
#define MAP "x-si-secrets: {KEY: }\n"

static void put(const char *name, const char *text) {
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ssize_t len = (ssize_t)strlen(text);
  CU_ASSERT_EQUAL_FATAL(write(fd, text, (size_t)len), len);
  close(fd);
}

/* A directory of its own, in which the test's own files stand. */
static char dir[64];

static void enter(void) {
  snprintf(dir, sizeof dir, "/tmp/si-stack-XXXXXX");
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
  CU_ASSERT_EQUAL_FATAL(chdir(dir), 0);
}

static void leave(void) {
  static const char *const names[] = {"stack.yaml", ".env",       "a.env",   "b.env",
                                      "app.env",    "sub/s.yaml", "sub/.env"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    unlink(names[i]);
  }
  rmdir("sub");
  CU_ASSERT_EQUAL(chdir("/"), 0);
  CU_ASSERT_EQUAL(rmdir(dir), 0);
}

/* stack.yaml with `.env`. */
static si_rc read_with(const char *text, const char *env, struct si_stack *out,
                       struct si_error *error) {
  static const char *const files[] = {"stack.yaml"};
  const struct si_stack_request request = {.files = files, .file_count = 1};
  memset(error, 0, sizeof *error);
  put("stack.yaml", text);
  put(".env", env);
  return si_stack_read(&request, out, NULL, error);
}

static void expect_piece(const char *text, const char *env, const char *piece) {
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  struct si_error error;
  si_rc status = read_with(text, env, &stack, &error);
  bool ok = status == SI_OK && strstr(stack.json, piece);
  if (!ok) {
    printf("\n%s  %s\n  got  %s %s\n  want %s\n", text, env, error.message,
           stack.json ? stack.json : "", piece);
  }
  CU_ASSERT_TRUE(ok);
}

#define ENV "A=one\nEMPTY=\nPORT=8080\nYES=true\nTIME=5s\nCOUNT=7\nMIXED=${A}-two\n"

static void every_form_of_compose_is_put_in(void) {
  static const struct {
    const char *value;
    const char *text; /* JSON, with its quotes */
  } table[] = {
      {"$A", "\"one\""},
      {"${A}", "\"one\""},
      {"x$A-y", "\"xone-y\""},
      {"${A}${A}", "\"oneone\""},
      {"$$A", "\"$A\""},
      {"$${A}", "\"${A}\""},
      {"$$$A", "\"$one\""},
      {"${A:-d}", "\"one\""},
      {"${A-d}", "\"one\""},
      {"${A:?e}", "\"one\""},
      {"${A?e}", "\"one\""},
      {"${A:+a}", "\"a\""},
      {"${A+a}", "\"a\""},
      {"${EMPTY}", "\"\""},
      {"${EMPTY:-d}", "\"d\""},
      {"${EMPTY-d}", "\"\""},
      {"${EMPTY?e}", "\"\""},
      {"${EMPTY:+a}", "\"\""},
      {"${EMPTY+a}", "\"a\""},
      {"${NONE:-d}", "\"d\""},
      {"${NONE-d}", "\"d\""},
      {"${NONE:-}", "\"\""},
      {"${NONE:+a}", "\"\""},
      {"${NONE+a}", "\"\""},
      {"${NONE:-${A}}", "\"one\""},
      {"${NONE:-${NONE2:-${A}x}y}z", "\"onexyz\""},
      {"${NONE:-a:-b}", "\"a:-b\""},
      {"${NONE:-{$A}}", "\"{one}\""},
      {"${NONE:-$$}", "\"$\""},
      {"${NONE:-$${x}}", "\"${x}\""},
      {"${A:+${NONE:-x}}", "\"x\""},
      {"${A:-${NONE}}", "\"one\""},
      {"${MIXED}", "\"one-two\""},
      {"$A_B${A}", NULL},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    char text[256];
    char piece[128];
    if (table[i].text) {
      snprintf(text, sizeof text, WEB("environment: {V: '%s'}"), table[i].value);
      snprintf(piece, sizeof piece, "\"environment\":{\"V\":%s}", table[i].text);
      expect_piece(text, ENV, piece);
      snprintf(text, sizeof text, WEB("command: [ '%s' ]"), table[i].value);
      snprintf(piece, sizeof piece, "\"command\":[%s]", table[i].text);
      expect_piece(text, ENV, piece);
    }
  }
}

static void a_variable_takes_the_type_of_its_place(void) {
  expect_piece(WEB("init: ${YES}"), ENV, "\"init\":true");
  expect_piece(WEB("init: \"${NO:-false}\""), ENV, "\"init\":false");
  expect_piece(WEB("ports: [\"${PORT}:80\"]"), ENV, "\"host_port\":8080");
  expect_piece(WEB("ports: [{target: \"${PORT}\"}]"), ENV, "\"port\":8080");
  expect_piece(WEB("stop_grace_period: ${TIME}"), ENV, "\"stop_grace_ms\":5000");
  expect_piece(WEB("healthcheck: {test: a, retries: $COUNT}"), ENV, "\"retries\":7");
  expect_piece("services: {web: {image: \"web:${A}\"}}\n", ENV, "\"image\":\"web:one\"");
  expect_piece(WEB("command: run ${A} 'b c'"), ENV, "[\"run\",\"one\",\"b c\"]");
  expect_piece("x-a: {b: $NONE}\n" WEB(""), ENV, "web:1");
  expect_piece(WEB("labels: {\"${A}\": b}"), ENV, "{\"${A}\":\"b\"}");
}

static void files_of_variables_are_read_as_compose_does(void) {
  static const struct {
    const char *env;
    const char *value; /* of V, as JSON */
  } table[] = {
      {"V=a b\n", "a b"},
      {"V=a", "a"},
      {"  V = a  \n", "a"},
      {"export V=a\n", "a"},
      {"V: a\n", "a"},
      {"# c\n\nV=a # c\n", "a"},
      {"V=a#b\n", "a#b"},
      {"V= # c\n", ""},
      {"V=a\r\nW=b\r\n", "a"},
      {"\xEF\xBB\xBFV=a\n", "a"},
      {"V='a # $A \\n'\n", "a # $A \\\\n"},
      {"V='it\\'s'\n", "it's"},
      {"A=1\nV=\"a\\n$A \\$A \\\"x\\\" \\q\" # c\n", "a\\n1 $A \\\"x\\\" \\\\q"},
      {"V=\"two\nlines\"\nW=1\n", "two\\nlines"},
      {"A=1\nV=${A}-${B:-2}\n", "1-2"},
      {"V=$$A\n", "$A"},
      {"V=1\nV=2\n", "2"},
      {"V.x-y=1\nV=3\nW\n", "3"},
      {"V=a=b\n", "a=b"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    char piece[128];
    snprintf(piece, sizeof piece, "{\"V\":\"%s\"}", table[i].value);
    expect_piece(WEB("environment: {V: $V}"), table[i].env, piece);
  }
}

struct refusal {
  const char *text;
  const char *env;
  const char *code;
  const char *target;
  const char *says;
  const char *hint;
};

static void expect_refusals(const struct refusal *table, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct si_stack stack SI_AUTO(si_stack_free) = {0};
    struct si_error error;
    si_rc status = read_with(table[i].text, table[i].env, &stack, &error);
    bool ok = status == SI_E_INVALID && strcmp(error.code, table[i].code) == 0 &&
              strcmp(error.target, table[i].target) == 0 && strstr(error.message, table[i].says) &&
              strstr(error.hint, table[i].hint) && !strstr(error.message, "hunter2");
    if (!ok) {
      printf("\n%s%s\n  got %s %s: %s (%s)\n  want %s %s: %s (%s)\n", table[i].text, table[i].env,
             error.code, error.target, error.message, error.hint, table[i].code, table[i].target,
             table[i].says, table[i].hint);
    }
    CU_ASSERT_TRUE(ok);
  }
}
#define ALL_REFUSED(table) expect_refusals(table, sizeof(table) / sizeof *(table))

#define VARIABLE "STACK_VARIABLE"
#define INVALID "STACK_INVALID"
#define SECRET "STACK_SECRET"

static void what_is_not_set_or_not_written_well_is_an_error(void) {
  static const struct refusal table[] = {
      {WEB("user: $NONE"), "", VARIABLE, "stack.yaml:4",
       "services.web.user needs the variable NONE, which is not set", "--env-file"},
      {WEB("user: ${EMPTY:?set me}"), "EMPTY=\n", VARIABLE, "stack.yaml:4", "not set: set me",
       "--env EMPTY"},
      {WEB("user: ${NONE?say $A}"), "A=it\n", VARIABLE, "stack.yaml:4", "not set: say it", ""},
      {WEB("user: ${A:-${NONE}}"), "A=\n", VARIABLE, "stack.yaml:4", "variable NONE", ""},
      {WEB("environment: {V: $HOME}"), "", VARIABLE, "stack.yaml:4", "variable HOME", ""},
      {WEB("user: ${}"), "", INVALID, "stack.yaml:4", "uses `$`", "`$$`"},
      {WEB("user: ${A"), "A=a\n", INVALID, "stack.yaml:4", "uses `$`", "`$$`"},
      {WEB("user: ${A!b}"), "A=a\n", INVALID, "stack.yaml:4", "uses `$`", "`$$`"},
      {WEB("user: ${A:b}"), "A=a\n", INVALID, "stack.yaml:4", "uses `$`", "`$$`"},
      {WEB("user: a$"), "", INVALID, "stack.yaml:4", "uses `$`", "`$$`"},
      {WEB("user: $1"), "", INVALID, "stack.yaml:4", "uses `$`", "`$$`"},
      {WEB("user: ${A}"), "A=\n", INVALID, "stack.yaml:4", "is empty text", ""},
      {WEB("init: ${A}"), "A=yes\n", INVALID, "stack.yaml:4", "must be true or false", ""},
      {WEB("user: $A"), "1A=b\n", VARIABLE, ".env:1", "no name of a variable", "NAME=value"},
      {WEB("user: $A"), "A=b\nB C\n", VARIABLE, ".env:2", "no `=`", "NAME=value"},
      {WEB("user: $A"), "A=b\nB='c\n\n", VARIABLE, ".env:2", "a quote is not closed", ""},
      {WEB("user: $A"), "A=\"b\" hunter2\n", VARIABLE, ".env:1", "behind the closing quote", ""},
      {WEB("user: $A"), "A=$NONE\n", VARIABLE, ".env:1", "variable NONE", ""},
      {WEB("user: $A"), "A=\xFF\n", VARIABLE, ".env:1", "not UTF-8", ""},
  };
  ALL_REFUSED(table);
}

static void no_secret_comes_in_by_a_variable(void) {
  static const struct refusal table[] = {
      {WEB("environment: {DB_PASSWORD: $PW}"), "PW=hunter22\n", SECRET, "stack.yaml:4",
       "sets DB_PASSWORD to what looks like a secret", "x-si-secrets"},
      {WEB("environment: {DB_PASSWORD: \"${DB_PASSWORD}\"}"), "DB_PASSWORD=hunter22\n", SECRET,
       "stack.yaml:4", "the value of DB_PASSWORD, which looks like a secret", "x-si-secrets"},
      {WEB("environment: {A: $DB_PASSWORD}"), "DB_PASSWORD=hunter22\n", SECRET, "stack.yaml:4",
       "the value of DB_PASSWORD", "{DB_PASSWORD: }"},
      {WEB("environment: {A: \"${DB_PASSWORD:-hunter22}\"}"), "", SECRET, "stack.yaml:4",
       "the value of DB_PASSWORD", ""},
      {WEB("command: [run, \"--password=${DB_PASSWORD}\"]"), "DB_PASSWORD=hunter22\n", SECRET,
       "stack.yaml:4", "services.web.command[1] would put the value of DB_PASSWORD", ""},
      {WEB("labels: {a: $API_TOKEN}"), "API_TOKEN=hunter22\n", SECRET, "stack.yaml:4", "API_TOKEN",
       ""},
      {WEB("environment: {A: $X}"), "DB_PASSWORD=hunter22\nX=a$DB_PASSWORD\n", SECRET,
       "stack.yaml:4", "the value of X", ""},
      {WEB("environment: {A: \"${N:-$DB_PASSWORD}\"}"), "DB_PASSWORD=hunter22\n", SECRET,
       "stack.yaml:4", "the value of DB_PASSWORD", ""},
      {WEB("command: [$URL]"), "URL=postgres://me:hunter22@db\n", SECRET, "stack.yaml:4",
       "the value of URL", ""},
      {WEB("command: [\"postgres://me:${W}@db\"]"), "W=hunter22\n", SECRET, "stack.yaml:4",
       "a URL with a password", ""},
      {MAP WEB("environment: {A: \"a://b:${W}@c${KEY}\"}"), "W=hunter22\n", SECRET, "stack.yaml:5",
       "a URL with a password", ""},
      {MAP WEB("environment: {A: \"${KEY:-x}\"}"), "KEY=hunter22\n", INVALID, "stack.yaml:5",
       "the secret KEY together with a default", "alone"},
      {MAP WEB("environment: {A: \"${N:-$KEY}\"}"), "", INVALID, "stack.yaml:5",
       "the secret KEY together with a default", ""},
      {MAP WEB("command: [\"${KEY}\"]"), "KEY=hunter22\n", INVALID, "stack.yaml:5",
       "the secret KEY, which only a variable can", "`environment`"},
      {WEB("user: ${NONE:?$DB_PASSWORD}"), "DB_PASSWORD=hunter22\n", VARIABLE, "stack.yaml:4",
       "variable NONE, which is not set", ""},
  };
  ALL_REFUSED(table);
  expect_piece(MAP WEB("environment: {A: \"x${KEY}y$B\"}"), "KEY=hunter22\nB=b\n",
               "[\"x\",{\"revision\":0,\"secret\":\"KEY\"},\"yb\"]");
  expect_piece(MAP WEB("environment: {A: $KEY}"), "", "[{\"revision\":0,\"secret\":\"KEY\"}]");
  expect_piece(WEB("environment: {A: $DB_PASSWORD_FILE}"), "DB_PASSWORD_FILE=/run/x\n", "/run/x");
  expect_piece(WEB("environment: {A: \"${DB_PASSWORD:+set}\"}"), "DB_PASSWORD=hunter22\n", "set");
}

static void variables_come_from_where_the_request_says(void) {
  static const char *const files[] = {"sub/s.yaml"};
  static const char *const env_files[] = {"a.env", "b.env"};
  static const char *const variables[] = {"D=named"};
  struct si_stack_request request = {.files = files, .file_count = 1};
  struct si_error error = {0};
  CU_ASSERT_EQUAL_FATAL(mkdir("sub", 0700), 0);
  put("sub/s.yaml", WEB("command: [\"${B:-}\", \"${C:-}\", \"${D:-}\"]"));
  put("sub/.env", "B=beside\nD=beside\n");
  put("a.env", "B=a\nC=a\nD=a\n");
  put("b.env", "C=b\nD=b\n");
  setenv("B", "environment", 1);
  static const struct {
    size_t env_files, variables;
    const char *piece;
  } table[] = {{0, 0, "[\"beside\",\"\",\"beside\"]"},
               {0, 1, "[\"beside\",\"\",\"named\"]"},
               {1, 0, "[\"a\",\"a\",\"a\"]"},
               {2, 1, "[\"a\",\"b\",\"named\"]"}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    struct si_stack stack SI_AUTO(si_stack_free) = {0};
    request.env_files = env_files;
    request.env_file_count = table[i].env_files;
    request.variables = variables;
    request.variable_count = table[i].variables;
    CU_ASSERT_EQUAL_FATAL(si_stack_read(&request, &stack, NULL, &error), SI_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(stack.json, table[i].piece));
  }
  unlink("b.env");
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  struct si_faults faults SI_AUTO(si_faults_free) = {0};
  CU_ASSERT_EQUAL(si_stack_read(&request, &stack, &faults, &error), SI_E_INVALID);
  CU_ASSERT_STRING_EQUAL(error.code, VARIABLE);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "b.env: No such file"));
  CU_ASSERT_EQUAL(faults.count, 1); /* told of once, and no variable is said to be unset */
}

static void a_file_without_variables_reads_no_other(void) {
  expect_piece(WEB(""), "this is no file of variables\n", "web:1");
}

static void deep_nests_and_much_text_are_refused(void) {
  static char text[70000];
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  struct si_error error;
  char *to = text + sprintf(text, "%s", "services: {web: {image: w, user: '");
  for (int i = 0; i < 3000; i++) {
    to += sprintf(to, "%s", "${N?");
  }
  memset(to, '}', 3000);
  strcpy(to + 3000, "'}}\n");
  CU_ASSERT_EQUAL(read_with(text, "", &stack, &error), SI_E_INVALID);
  CU_ASSERT_STRING_EQUAL(error.code, VARIABLE);
  for (char *p = strstr(text, "?"); p; p = strstr(p, "?")) {
    *p = '-';
  }
  CU_ASSERT_EQUAL(read_with(text, "", &stack, &error), SI_E_INVALID);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "more than 16 deep"));
  static char env[60100];
  memset(env, 'a', 60000);
  memcpy(env, "A=", 2);
  to = text + sprintf(text, "%s", "services: {web: {image: w, command: [a");
  for (int i = 0; i < 20; i++) {
    to += sprintf(to, "%s", ", $A");
  }
  strcpy(to, "]}}\n");
  CU_ASSERT_EQUAL(read_with(text, env, &stack, &error), SI_E_INVALID);
  CU_ASSERT_STRING_EQUAL(error.code, "STACK_TOO_LARGE");
  CU_ASSERT_EQUAL(read_with(WEB("command: [$A$A]"), env, &stack, &error), SI_E_INVALID);
  CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "longer than 65536"));
}

UNIT_MAIN("stack: variables", UNIT(enter), UNIT(every_form_of_compose_is_put_in),
          UNIT(a_variable_takes_the_type_of_its_place),
          UNIT(files_of_variables_are_read_as_compose_does),
          UNIT(what_is_not_set_or_not_written_well_is_an_error),
          UNIT(no_secret_comes_in_by_a_variable), UNIT(variables_come_from_where_the_request_says),
          UNIT(a_file_without_variables_reads_no_other), UNIT(deep_nests_and_much_text_are_refused),
          UNIT(leave))
