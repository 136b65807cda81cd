/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas stack check` and `show`: no context, all errors, one document. */
#include <stdlib.h>

#include "paas/stack/stack.h"
#include "tests/unit/cli/run.h"

static struct run ran;
static char dir[] = "/tmp/si-cli-stack-XXXXXX";

static void put(const char *name, const char *text) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *file = fopen(path, "w");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  CU_ASSERT_TRUE(fputs(text, file) >= 0 && fclose(file) == 0);
}

static void si(const char *line) {
  run_line(&si_commands, line, &ran);
}

/* The first of the tests: the others work in the directory that it makes. */
static void there_is_no_context(void) {
  unsetenv("SI_PAAS_CONTEXT");
  setenv("SI_PAAS_STATE_ROOT", "/nowhere", 1);
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
  CU_ASSERT_EQUAL_FATAL(chdir(dir), 0);
}

static void a_sound_stack_is_told_by_its_parts(void) {
  put("a.yaml", "services: {web: {image: \"web:1\"}, db: {image: \"db:1\"}}\n");
  put("b.yaml", "services: {web: {image: \"web:2\"}}\n");
  si("paas stack check a.yaml");
  CU_ASSERT_EQUAL(ran.code, 0);
  CU_ASSERT_TRUE(run_holds(ran.out, "services:       db, web\n", "stdout"));
  si("--json paas stack check a.yaml --stack b.yaml");
  CU_ASSERT_EQUAL(ran.code, 0);
  CU_ASSERT_TRUE(run_holds(ran.out, "\"services\":[\"db\",\"web\"]", "stdout"));
}

static void the_document_is_shown_as_it_is(void) {
  struct si_stack stack SI_AUTO(si_stack_free) = {0};
  CU_ASSERT_EQUAL_FATAL(si_stack_load("a.yaml", &stack, NULL), SI_OK);
  si("paas stack show a.yaml");
  CU_ASSERT_EQUAL(ran.code, 0);
  CU_ASSERT_NSTRING_EQUAL(ran.out, stack.json, stack.len);
  CU_ASSERT_STRING_EQUAL(ran.out + stack.len, "\n");
  si("paas stack show --stack a.yaml --compose-file b.yaml");
  CU_ASSERT_TRUE(run_holds(ran.out, "\"image\":\"web:2\"", "stdout"));
  si("--json paas stack show a.yaml");
  CU_ASSERT_TRUE(run_holds(ran.out, "\"schema\":\"si/1\",\"ok\":true", "stdout"));
  CU_ASSERT_TRUE(run_holds(ran.out, "\"schema\":\"si.stack/1\"", "stdout"));
  CU_ASSERT_TRUE(run_holds(ran.out, stack.sha256, "stdout"));
}

static void every_error_is_told_with_its_way_out(void) {
  put("bad.yaml", "services:\n  web:\n    build: .\n  db:\n    privileged: true\n    image: d\n");
  si("paas stack check a.yaml bad.yaml");
  CU_ASSERT_EQUAL(ran.code, 2);
  CU_ASSERT_TRUE(run_holds(ran.out,
                           "bad.yaml:3: services.web.build is not supported\n  next: "
                           "build the image beforehand",
                           "stdout"));
  CU_ASSERT_TRUE(run_holds(ran.out, "bad.yaml:5: services.db.privileged", "stdout"));
  CU_ASSERT_TRUE(run_holds(ran.err, "2 errors, the first of them: bad.yaml:3", "stderr"));
  si("--json paas stack check a.yaml bad.yaml");
  CU_ASSERT_EQUAL(ran.code, 2);
  CU_ASSERT_TRUE(run_holds(ran.out, "\"ok\":false", "stdout"));
  CU_ASSERT_TRUE(run_holds(ran.out, "\"target\":\"bad.yaml:5\"", "stdout"));
  CU_ASSERT_TRUE(run_holds(ran.out, "\"remediation\":\"build the image", "stdout"));
}

static void files_are_missing(void) {
  si("paas stack check");
  CU_ASSERT_EQUAL(ran.code, 2);
  CU_ASSERT_TRUE(run_holds(ran.err, "no stack file is given", "stderr"));
  si("paas stack show none.yaml");
  CU_ASSERT_EQUAL(ran.code, 3);
  si("paas stack check a a a a a a a a a a a a a a a a a");
  CU_ASSERT_EQUAL(ran.code, 2);
  CU_ASSERT_TRUE(run_holds(ran.err, "at most 16 files", "stderr"));
}

/* The last one. */
static void nothing_else_was_written(void) {
  static const char *const names[] = {"a.yaml", "b.yaml", "bad.yaml"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    unlink(names[i]);
  }
  CU_ASSERT_EQUAL(chdir("/"), 0);
  CU_ASSERT_EQUAL(rmdir(dir), 0);
}

UNIT_MAIN("cli: stack", UNIT(there_is_no_context), UNIT(a_sound_stack_is_told_by_its_parts),
          UNIT(the_document_is_shown_as_it_is), UNIT(every_error_is_told_with_its_way_out),
          UNIT(files_are_missing), UNIT(nothing_else_was_written))
