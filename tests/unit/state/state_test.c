/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/state/state_test.c - projects, operations, steps and locks through paas/state/state.h
 * (R62 to R65, R68).
 */
#include <dirent.h>
#include <sys/file.h>

#include "tests/unit/state/scratch.h"

static char dir[64];

static struct si_state *fresh(void) {
  scratch_make(dir);
  return scratch_open(dir, SI_STATE_WRITE);
}

static void done(struct si_state *state) {
  si_state_close(state);
  scratch_remove(dir);
}

static void expect_status(struct si_state *state, const char *id, const char *status) {
  struct si_project project = {.id = ""};
  CU_ASSERT_EQUAL_FATAL(si_state_project_by_id(state, id, &project, NULL), SI_OK);
  EXPECT_TEXT(project.status, status);
  si_project_free(&project);
}

static void a_new_project_is_provisioning_before_anything_is_called(void) {
  struct si_state *state = fresh();
  struct si_project made, found = {.id = ""};
  struct si_operation operation, read = {.id = ""};
  int lock = -1;
  CU_ASSERT_EQUAL(scratch_create(state, "blog", &made, &operation, &lock, NULL), SI_OK);
  CU_ASSERT(lock >= 0);
  CU_ASSERT(fcntl(lock, F_GETFD) & FD_CLOEXEC);
  CU_ASSERT_EQUAL(strlen(made.id), 24);
  CU_ASSERT_EQUAL(strncmp(made.id, "prj-", 4), 0);
  CU_ASSERT_EQUAL(strlen(operation.id), strlen("op-20261120T201501-0123456789"));

  struct si_state *reader = scratch_open(dir, SI_STATE_READ);
  CU_ASSERT_EQUAL(si_state_project(reader, "local", "blog", false, &found, NULL), SI_OK);
  EXPECT_TEXT(found.id, made.id);
  EXPECT_TEXT(found.status, "provisioning");
  EXPECT_TEXT(found.provisioner, "local");
  EXPECT_TEXT(found.spec_sha256, SPEC);
  EXPECT_TEXT(found.stack, "{\"schema\":\"si.stack/1\"}");
  EXPECT_TEXT(found.config, "{}");
  EXPECT_TEXT(found.created_at, made.created_at);
  CU_ASSERT_PTR_NULL(found.last_error);
  CU_ASSERT_EQUAL(si_state_operation(reader, operation.id, &read, NULL), SI_OK);
  EXPECT_TEXT(read.project_id, made.id);
  EXPECT_TEXT(read.kind, "provision");
  EXPECT_TEXT(read.status, "running");
  EXPECT_TEXT(read.evidence, "none");
  EXPECT_TEXT(read.ended_at, "");
  CU_ASSERT(si_state_owned(reader, operation.id));
  si_state_close(reader);
  si_project_free(&found);
  si_operation_free(&read);
  close(lock);
  done(state);
}

/* What begins and ends on a project, and what becomes of it. begin NULL: end what is unfinished;
 * end NULL: leave it unfinished. */
static const struct walk {
  const char *begin, *end, *status, *code;
} walk[] = {
    {"converge", "ok", "provisioning", "PAAS_OPERATION_RUNNING"},
    {"destroy", "ok", "provisioning", "PAAS_OPERATION_RUNNING"},
    {NULL, "failed", "failed", NULL},
    {"converge", "ok", "failed", "PAAS_PROJECT_STATE"},
    {"provision", "cancelled", "failed", NULL},
    {"provision", "interrupted", "failed", NULL},
    {"explode", "ok", "failed", "PAAS_INVALID_ARGUMENT"},
    {"provision", NULL, "provisioning", NULL},
    {"provision", "ok", "provisioning", "PAAS_OPERATION_RUNNING"},
    {NULL, "finished", "provisioning", "PAAS_INVALID_ARGUMENT"},
    {NULL, "ok", "running", NULL},
    {NULL, "ok", "running", "PAAS_OPERATION_ENDED"},
    {"provision", "ok", "running", "PAAS_PROJECT_STATE"},
    {"converge", "failed", "running", NULL},
    {"converge", "ok", "running", NULL},
    {"destroy", "failed", "deleting", NULL},
    {"provision", "ok", "deleting", "PAAS_PROJECT_STATE"},
    {"converge", "ok", "deleting", "PAAS_PROJECT_STATE"},
    {"destroy", "interrupted", "deleting", NULL},
    {"destroy", "ok", "deleted", NULL},
    {"destroy", "ok", "deleted", "PAAS_PROJECT_STATE"},
    {"provision", "ok", "deleted", "PAAS_PROJECT_STATE"},
};

static void a_project_walks_only_the_allowed_ways(void) {
  struct si_state *state = fresh();
  struct si_project project;
  struct si_operation operation;
  int lock = -1;
  CU_ASSERT_EQUAL_FATAL(scratch_create(state, "blog", &project, &operation, &lock, NULL), SI_OK);
  for (size_t i = 0; i < sizeof walk / sizeof *walk; i++) {
    struct si_error error = {0};
    si_rc status = SI_OK;
    if (walk[i].begin) {
      int other = -1;
      status =
          si_state_operation_begin(state, project.id, walk[i].begin, &operation, &other, &error);
      if (status == SI_OK) {
        close(lock);
        lock = other;
      }
    }
    if (status == SI_OK && walk[i].end) {
      status =
          si_state_operation_end(state, operation.id, walk[i].end, NULL, NULL, NULL, 0, &error);
    }
    EXPECT_TEXT(error.code, walk[i].code ? walk[i].code : "");
    CU_ASSERT_EQUAL(status == SI_OK, walk[i].code == NULL);
    expect_status(state, project.id, walk[i].status);
  }
  close(lock);
  done(state);
}

static void a_project_that_never_came_up_can_be_removed(void) {
  struct si_state *state = fresh();
  struct si_project project;
  struct si_operation operation;
  int lock = -1;
  CU_ASSERT_EQUAL_FATAL(scratch_create(state, "blog", &project, &operation, &lock, NULL), SI_OK);
  close(lock);
  CU_ASSERT_EQUAL(si_state_operation_end(state, operation.id, "failed", NULL, NULL, NULL, 0, NULL),
                  SI_OK);
  CU_ASSERT_EQUAL_FATAL(
      si_state_operation_begin(state, project.id, "destroy", &operation, &lock, NULL), SI_OK);
  close(lock);
  expect_status(state, project.id, "deleting");
  CU_ASSERT_EQUAL(si_state_operation_end(state, operation.id, "ok", NULL, NULL, NULL, 0, NULL),
                  SI_OK);
  expect_status(state, project.id, "deleted");
  done(state);
}

static void a_failure_leaves_its_error_and_a_success_clears_it(void) {
  static const char why[] = "{\"code\":\"PORT_TAKEN\"}";
  struct si_state *state = fresh();
  struct si_project project, found = {.id = ""};
  struct si_operation operation, read = {.id = ""};
  int lock = -1;
  CU_ASSERT_EQUAL_FATAL(scratch_create(state, "blog", &project, &operation, &lock, NULL), SI_OK);
  close(lock);
  CU_ASSERT_EQUAL(
      si_state_operation_end(state, operation.id, "failed", why, "{\"n\":1}", NULL, 0, NULL),
      SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_state_project(state, "local", "blog", false, &found, NULL), SI_OK);
  EXPECT_TEXT(found.last_error, why);
  si_project_free(&found);
  CU_ASSERT_EQUAL_FATAL(si_state_operation(state, operation.id, &read, NULL), SI_OK);
  EXPECT_TEXT(read.error, why);
  EXPECT_TEXT(read.result, "{\"n\":1}");
  EXPECT_TEXT(read.evidence, "pending");
  CU_ASSERT_EQUAL(strlen(read.ended_at), 24);
  si_operation_free(&read);

  static const char *const ends[] = {"interrupted", "ok"};
  for (size_t i = 0; i < 2; i++) { /* the first leaves a plain error, the second none */
    CU_ASSERT_EQUAL_FATAL(
        si_state_operation_begin(state, project.id, "provision", &operation, &lock, NULL), SI_OK);
    close(lock);
    CU_ASSERT_EQUAL(si_state_operation_end(state, operation.id, ends[i], NULL, NULL, NULL, 0, NULL),
                    SI_OK);
    CU_ASSERT_EQUAL_FATAL(si_state_project(state, "local", "blog", false, &found, NULL), SI_OK);
    CU_ASSERT_EQUAL(found.last_error != NULL, i == 0);
    CU_ASSERT(i == 1 || strstr(found.last_error, "PAAS_OPERATION_INTERRUPTED"));
    si_project_free(&found);
  }
  done(state);
}

static void a_retry_may_bring_another_stack(void) {
  static char stack[] = "{\"schema\":\"si.stack/1\",\"name\":\"new\"}";
  static const char spec[] = "0000000000000000000000000000000000000000000000000000000000000000";
  struct si_state *state = fresh();
  struct si_project project, change = {.id = ""}, found = {.id = ""};
  struct si_operation operation;
  struct si_error error;
  int lock = -1;
  CU_ASSERT_EQUAL_FATAL(scratch_create(state, "blog", &project, &operation, &lock, NULL), SI_OK);
  close(lock);
  CU_ASSERT_EQUAL(si_state_operation_end(state, operation.id, "failed", NULL, NULL, NULL, 0, NULL),
                  SI_OK);
  change.stack = stack;
  CU_ASSERT_EQUAL(si_state_operation_begin_with(state, project.id, "provision", &change, NULL,
                                                &operation, &lock, &error),
                  SI_E_INVALID); /* a stack without its hash */
  si_copy(change.spec_sha256, sizeof change.spec_sha256, spec);
  CU_ASSERT_EQUAL(si_state_operation_begin_with(state, project.id, "provision", &change, NULL,
                                                &operation, &lock, &error),
                  SI_OK);
  close(lock);
  CU_ASSERT_EQUAL_FATAL(si_state_project_by_id(state, project.id, &found, NULL), SI_OK);
  EXPECT_TEXT(found.stack, stack);
  EXPECT_TEXT(found.spec_sha256, spec);
  EXPECT_TEXT(found.config, "{}");
  si_project_free(&found);
  done(state);
}

/* Ends `operation` and then destroys its project. */
static void destroy(struct si_state *state, const struct si_operation *operation) {
  struct si_operation last;
  int lock = -1;
  CU_ASSERT_EQUAL(si_state_operation_end(state, operation->id, "ok", NULL, NULL, NULL, 0, NULL),
                  SI_OK);
  CU_ASSERT_EQUAL_FATAL(
      si_state_operation_begin(state, operation->project_id, "destroy", &last, &lock, NULL), SI_OK);
  close(lock);
  CU_ASSERT_EQUAL(si_state_operation_end(state, last.id, "ok", NULL, NULL, NULL, 0, NULL), SI_OK);
}

static void a_name_is_taken_while_its_project_lives(void) {
  struct si_state *state = fresh();
  struct si_project first, second, found = {.id = ""};
  struct si_operation operation, other;
  struct si_error error = {0};
  int lock = -1;
  CU_ASSERT_EQUAL_FATAL(scratch_create(state, "blog", &first, &operation, &lock, NULL), SI_OK);
  close(lock);
  CU_ASSERT_EQUAL(scratch_create(state, "blog", &second, &other, &lock, &error), SI_E_EXISTS);
  EXPECT_TEXT(error.code, "PAAS_PROJECT_EXISTS");
  EXPECT_TEXT(second.id, "");
  second = scratch_project("blog"); /* another owner's is another project */
  si_copy(second.owner_id, sizeof second.owner_id, "somebody");
  CU_ASSERT_EQUAL(si_state_project_create(state, &second, NULL, &other, &lock, NULL), SI_OK);
  close(lock);

  destroy(state, &operation);
  CU_ASSERT_EQUAL(si_state_project(state, "local", "blog", false, &found, NULL), SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(si_state_project(state, "local", "blog", true, &found, NULL), SI_OK);
  EXPECT_TEXT(found.status, "deleted");
  si_project_free(&found);
  CU_ASSERT_EQUAL(scratch_create(state, "blog", &second, &operation, &lock, NULL), SI_OK);
  close(lock);
  CU_ASSERT_EQUAL(si_state_project(state, "local", "blog", true, &found, NULL), SI_OK);
  EXPECT_TEXT(found.id, second.id); /* the live one goes before the deleted one */
  si_project_free(&found);
  done(state);
}

static void a_project_that_is_not_there_names_the_nearest(void) {
  struct si_state *state = fresh();
  struct si_project project, found = {.id = ""};
  struct si_operation operation;
  struct si_error error = {0};
  int lock = -1;
  CU_ASSERT_EQUAL_FATAL(scratch_create(state, "blog", &project, &operation, &lock, NULL), SI_OK);
  close(lock);
  CU_ASSERT_EQUAL(si_state_project(state, "local", "bolg", false, &found, &error), SI_E_NOT_FOUND);
  EXPECT_TEXT(error.code, "PAAS_PROJECT_NOT_FOUND");
  CU_ASSERT(strstr(error.hint, "did you mean blog?") != NULL);
  CU_ASSERT_EQUAL(si_state_project_by_id(state, "prj-0", &found, &error), SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(si_state_operation(state, "op-0", &operation, &error), SI_E_NOT_FOUND);
  EXPECT_TEXT(error.code, "PAAS_OPERATION_NOT_FOUND");
  done(state);
}

static void what_makes_no_project_is_refused(void) {
  static char no_json[] = "{";
  struct si_state *state = fresh();
  struct si_project bad[7];
  for (size_t i = 0; i < 7; i++) {
    bad[i] = scratch_project("blog");
  }
  si_copy(bad[0].slug, sizeof bad[0].slug, "Blog");
  si_copy(bad[1].slug, sizeof bad[1].slug, "");
  si_copy(bad[2].provisioner, sizeof bad[2].provisioner, "../local");
  si_copy(bad[3].spec_sha256, sizeof bad[3].spec_sha256, "abc");
  si_copy(bad[4].owner_id, sizeof bad[4].owner_id, "");
  bad[5].config = NULL;
  bad[6].stack = no_json; /* the store's own check */
  for (size_t i = 0; i < 7; i++) {
    struct si_operation operation;
    struct si_error error = {0};
    int lock = -1;
    si_rc status = si_state_project_create(state, &bad[i], NULL, &operation, &lock, &error);
    CU_ASSERT_EQUAL(status, i == 6 ? SI_E_CONFLICT : SI_E_INVALID);
    EXPECT_TEXT(error.code, i == 6 ? "STATE_REFUSED" : "PAAS_INVALID_ARGUMENT");
    CU_ASSERT_EQUAL(lock, -1);
  }
  done(state);
}

struct seen {
  char slugs[256];
  struct si_state *state;
};

static si_rc see_project(void *ctx, const struct si_project *project) {
  struct seen *seen = ctx;
  size_t len = strlen(seen->slugs);
  snprintf(seen->slugs + len, sizeof seen->slugs - len, "%s=%s ", project->slug, project->status);
  CU_ASSERT_PTR_NULL(project->stack);
  return SI_OK;
}

static si_rc end_it(void *ctx, const struct si_operation *operation) {
  struct seen *seen = ctx;
  return si_state_operation_end(seen->state, operation->id, "ok", NULL, NULL, NULL, 0, NULL);
}

static si_rc count_it(void *ctx, const struct si_operation *operation) {
  (void)operation;
  ++*(int *)ctx;
  return SI_OK;
}

static int count(struct si_state *state, const char *project_id, int which) {
  int n = 0;
  CU_ASSERT_EQUAL(si_state_operations(state, project_id, which, &n, count_it, NULL), SI_OK);
  return n;
}

static void lists_are_oldest_first_and_may_be_written_under(void) {
  static const char *const slugs[] = {"zeta", "alpha", "mid"};
  struct si_state *state = fresh();
  struct si_project projects[3];
  struct si_operation operation;
  struct seen seen = {"", state};
  for (size_t i = 0; i < 3; i++) {
    int lock = -1;
    CU_ASSERT_EQUAL_FATAL(scratch_create(state, slugs[i], &projects[i], &operation, &lock, NULL),
                          SI_OK);
    close(lock);
  }
  CU_ASSERT_EQUAL(count(state, NULL, SI_OPERATIONS_UNFINISHED), 3);
  CU_ASSERT_EQUAL(count(state, projects[1].id, SI_OPERATIONS_UNFINISHED), 1);
  CU_ASSERT_EQUAL(count(state, NULL, SI_OPERATIONS_EVIDENCE_PENDING), 0);
  CU_ASSERT_EQUAL(si_state_operations(state, NULL, SI_OPERATIONS_UNFINISHED, &seen, end_it, NULL),
                  SI_OK);
  CU_ASSERT_EQUAL(count(state, NULL, SI_OPERATIONS_UNFINISHED), 0);
  CU_ASSERT_EQUAL(count(state, NULL, SI_OPERATIONS_EVIDENCE_PENDING), 3);
  CU_ASSERT_EQUAL(count(state, NULL, SI_OPERATIONS_ALL), 3);
  CU_ASSERT_EQUAL(si_state_projects(state, "local", false, &seen, see_project, NULL), SI_OK);
  EXPECT_TEXT(seen.slugs, "zeta=running alpha=running mid=running ");

  int lock = -1;
  CU_ASSERT_EQUAL(
      si_state_operation_begin(state, projects[1].id, "destroy", &operation, &lock, NULL), SI_OK);
  close(lock);
  CU_ASSERT_EQUAL(si_state_operation_end(state, operation.id, "ok", NULL, NULL, NULL, 0, NULL),
                  SI_OK);
  static const struct {
    const char *owner;
    bool deleted;
    const char *want;
  } cases[] = {
      {"local", false, "zeta=running mid=running "},
      {"local", true, "zeta=running alpha=deleted mid=running "},
      {NULL, false, "zeta=running mid=running "},
      {"nobody", true, ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    seen.slugs[0] = '\0';
    CU_ASSERT_EQUAL(
        si_state_projects(state, cases[i].owner, cases[i].deleted, &seen, see_project, NULL),
        SI_OK);
    EXPECT_TEXT(seen.slugs, cases[i].want);
  }
  done(state);
}

enum { MANY = 40 };

struct told {
  int projects, operations;
  int most; /* then it is enough */
};

static si_rc tell_project(void *ctx, const struct si_project *project) {
  struct told *told = ctx;
  char slug[8];
  snprintf(slug, sizeof slug, "p%d", told->projects);
  EXPECT_TEXT(project->slug, slug);
  EXPECT_TEXT(project->config, "{}");
  return ++told->projects == told->most ? SI_E_CANCELLED : SI_OK;
}

static si_rc tell_operation(void *ctx, const struct si_operation *operation) {
  struct told *told = ctx;
  EXPECT_TEXT(operation->kind, "provision");
  return ++told->operations == told->most ? SI_E_CANCELLED : SI_OK;
}

static void a_long_list_is_whole_and_ends_when_the_receiver_says_so(void) {
  static const struct {
    int most, seen;
    si_rc status;
  } cases[] = {{0, MANY, SI_OK}, {20, 20, SI_E_CANCELLED}, {1, 1, SI_E_CANCELLED}};
  struct si_state *state = fresh();
  for (int i = 0; i < MANY; i++) {
    struct si_project project;
    struct si_operation operation;
    char slug[8];
    int lock = -1;
    snprintf(slug, sizeof slug, "p%d", i);
    CU_ASSERT_EQUAL_FATAL(scratch_create(state, slug, &project, &operation, &lock, NULL), SI_OK);
    close(lock);
  }
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct told told = {0, 0, cases[i].most};
    CU_ASSERT_EQUAL(si_state_projects(state, NULL, false, &told, tell_project, NULL),
                    cases[i].status);
    CU_ASSERT_EQUAL(
        si_state_operations(state, NULL, SI_OPERATIONS_ALL, &told, tell_operation, NULL),
        cases[i].status);
    CU_ASSERT_EQUAL(told.projects, cases[i].seen);
    CU_ASSERT_EQUAL(told.operations, cases[i].seen);
  }
  done(state);
}

static void steps_are_numbered_and_end_with_their_operation(void) {
  struct si_state *state = fresh();
  struct si_project project;
  struct si_operation operation;
  struct si_error error = {0};
  struct si_buf text = SI_BUF(65536);
  int lock = -1;
  CU_ASSERT_EQUAL_FATAL(scratch_create(state, "blog", &project, &operation, &lock, NULL), SI_OK);
  close(lock);
  CU_ASSERT_EQUAL(si_state_step(state, operation.id, "volume \"data\"", "begin", NULL, NULL),
                  SI_OK);
  CU_ASSERT_EQUAL(si_state_step(state, operation.id, "volume \"data\"", "done", "vol-1", NULL),
                  SI_OK);
  static const struct {
    const char *operation, *name, *phase;
  } bad[] = {{"", "volume", "later"}, {"", "", "begin"}, {"op-0", "volume", "begin"}};
  for (size_t i = 0; i < 3; i++) {
    const char *id = bad[i].operation[0] ? bad[i].operation : operation.id;
    CU_ASSERT(si_state_step(state, id, bad[i].name, bad[i].phase, NULL, NULL) != SI_OK);
  }
  CU_ASSERT_EQUAL(si_state_operation_end(state, operation.id, "ok", NULL, NULL, NULL, 0, NULL),
                  SI_OK);
  CU_ASSERT_EQUAL(si_state_step(state, operation.id, "late", "begin", NULL, &error), SI_E_CONFLICT);
  CU_ASSERT_EQUAL(si_state_steps(state, operation.id, &text, NULL), SI_OK);
  const char *second = strchr(si_buf_text(&text), '\n');
  CU_ASSERT_FATAL(second != NULL);
  CU_ASSERT(strstr(si_buf_text(&text),
                   "\"name\":\"volume \\\"data\\\"\",\"outside_id\":null,\"phase\":\"begin\","
                   "\"seq\":1}\n{\"at\":") != NULL);
  CU_ASSERT(strstr(second, "\"outside_id\":\"vol-1\",\"phase\":\"done\",\"seq\":2}\n") != NULL);
  CU_ASSERT_PTR_NULL(strstr(second, "\"seq\":3"));
  si_buf_free(&text);
  done(state);
}

static void evidence_is_stored_once_after_the_end(void) {
  static const char other[] = "0000000000000000000000000000000000000000000000000000000000000000";
  struct si_state *state = fresh();
  struct si_project project;
  struct si_operation operation, read = {.id = ""};
  struct si_error error = {0};
  int lock = -1;
  CU_ASSERT_EQUAL_FATAL(scratch_create(state, "blog", &project, &operation, &lock, NULL), SI_OK);
  close(lock);
  CU_ASSERT_EQUAL(si_state_evidence(state, operation.id, "tenant/a", SPEC, NULL, &error),
                  SI_E_CONFLICT);
  EXPECT_TEXT(error.code, "PAAS_EVIDENCE_STATE");
  CU_ASSERT_EQUAL(si_state_operation_end(state, operation.id, "ok", NULL, NULL, NULL, 0, NULL),
                  SI_OK);
  static const struct {
    const char *runpack, *hash;
    si_rc want;
  } cases[] = {
      {"", SPEC, SI_E_INVALID},           {"tenant/a", "abc", SI_E_INVALID},
      {"tenant/a", SPEC, SI_OK},          {"tenant/a", SPEC, SI_OK},
      {"tenant/a", other, SI_E_CONFLICT}, {"tenant/b", SPEC, SI_E_CONFLICT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CU_ASSERT_EQUAL(
        si_state_evidence(state, operation.id, cases[i].runpack, cases[i].hash, NULL, NULL),
        cases[i].want);
  }
  CU_ASSERT_EQUAL_FATAL(si_state_operation(state, operation.id, &read, NULL), SI_OK);
  EXPECT_TEXT(read.evidence, "stored");
  EXPECT_TEXT(read.runpack, "tenant/a");
  EXPECT_TEXT(read.manifest_sha256, SPEC);
  si_operation_free(&read);
  done(state);
}

static bool lock_exists(const char *operation_id) {
  char path[200];
  snprintf(path, sizeof path, "%s/operations/%s.lock", dir, operation_id);
  return access(path, F_OK) == 0;
}

static void an_unfinished_operation_is_taken_over_once_its_owner_is_gone(void) {
  struct si_state *state = fresh();
  struct si_project project;
  struct si_operation operation;
  struct si_error error = {0};
  int lock = -1, other = -1;
  CU_ASSERT_EQUAL_FATAL(scratch_create(state, "blog", &project, &operation, &lock, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_state_adopt(state, operation.id, &other, &error), SI_E_CONFLICT);
  EXPECT_TEXT(error.code, "PAAS_OPERATION_RUNNING");
  close(lock);
  CU_ASSERT(!si_state_owned(state, operation.id));
  CU_ASSERT_EQUAL(si_state_adopt(state, operation.id, &lock, NULL), SI_OK);
  CU_ASSERT(si_state_owned(state, operation.id));
  CU_ASSERT_EQUAL(
      si_state_operation_end(state, operation.id, "interrupted", NULL, NULL, NULL, 0, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_state_sweep(state, NULL), SI_OK);
  CU_ASSERT(lock_exists(operation.id)); /* held: its owner stores the evidence */
  close(lock);
  CU_ASSERT_EQUAL(si_state_adopt(state, operation.id, &other, &error), SI_E_CONFLICT);
  EXPECT_TEXT(error.code, "PAAS_OPERATION_ENDED");
  CU_ASSERT_EQUAL(si_state_adopt(state, "../state", &other, &error), SI_E_INVALID);
  CU_ASSERT_EQUAL(si_state_adopt(state, "op-0", &other, &error), SI_E_NOT_FOUND);
  CU_ASSERT_EQUAL(other, -1);
  done(state);
}

static void sweeping_leaves_the_locks_of_the_unfinished_alone(void) {
  struct si_state *state = fresh();
  struct si_project project;
  struct si_operation ended, running;
  int lock = -1;
  CU_ASSERT_EQUAL_FATAL(scratch_create(state, "one", &project, &ended, &lock, NULL), SI_OK);
  close(lock);
  CU_ASSERT_EQUAL_FATAL(scratch_create(state, "two", &project, &running, &lock, NULL), SI_OK);
  close(lock);
  CU_ASSERT_EQUAL(si_state_operation_end(state, ended.id, "ok", NULL, NULL, NULL, 0, NULL), SI_OK);
  scratch_file(dir, "operations/op-never-began.lock", "");
  scratch_file(dir, "operations/note.txt", "");
  CU_ASSERT_EQUAL(si_state_sweep(state, NULL), SI_OK);
  CU_ASSERT(!lock_exists(ended.id));
  CU_ASSERT(!lock_exists("op-never-began"));
  CU_ASSERT(lock_exists(running.id));
  CU_ASSERT(!si_state_owned(state, running.id));
  char note[128];
  snprintf(note, sizeof note, "%s/operations/note.txt", dir);
  CU_ASSERT_EQUAL(access(note, F_OK), 0);
  done(state);
}

static int count_locks(void) {
  char below[96];
  int n = 0;
  snprintf(below, sizeof below, "%s/operations", dir);
  DIR *list = opendir(below);
  NEED(list != NULL);
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
    n += entry->d_name[0] != '.';
  }
  closedir(list);
  return n;
}

static void a_refused_operation_leaves_no_lock_behind(void) {
  struct si_state *state = fresh();
  struct si_project project;
  struct si_operation operation, other;
  int lock = -1;
  CU_ASSERT_EQUAL_FATAL(scratch_create(state, "blog", &project, &operation, &lock, NULL), SI_OK);
  close(lock);
  CU_ASSERT_EQUAL(count_locks(), 1);
  CU_ASSERT_EQUAL(scratch_create(state, "blog", &project, &other, &lock, NULL), SI_E_EXISTS);
  CU_ASSERT_EQUAL(
      si_state_operation_begin(state, operation.project_id, "destroy", &other, &lock, NULL),
      SI_E_CONFLICT);
  CU_ASSERT_EQUAL(count_locks(), 1);
  done(state);
}

static void a_reader_writes_nothing(void) {
  struct si_state *state = fresh();
  struct si_state *reader = scratch_open(dir, SI_STATE_READ);
  struct si_project project;
  struct si_operation operation;
  struct si_error error = {0};
  int lock = -1;
  CU_ASSERT_EQUAL(scratch_create(reader, "blog", &project, &operation, &lock, &error),
                  SI_E_INTERNAL);
  EXPECT_TEXT(error.code, "STATE_OPENED_TO_READ");
  CU_ASSERT_EQUAL(si_state_sweep(reader, NULL), SI_E_INTERNAL);
  si_state_close(reader);
  done(state);
}

static void a_writer_waits_only_so_long(void) {
  struct si_state *state = fresh();
  struct si_project project;
  struct si_operation operation;
  struct si_error error = {0};
  char path[96];
  int lock = -1;
  snprintf(path, sizeof path, "%s/state.lock", dir);
  int held = open(path, O_RDWR | O_CLOEXEC);
  NEED(held >= 0 && flock(held, LOCK_EX) == 0);
  si_state_wait(state, 30);
  uint64_t before = si_monotonic_ns();
  CU_ASSERT_EQUAL(scratch_create(state, "blog", &project, &operation, &lock, &error),
                  SI_E_CONFLICT);
  CU_ASSERT(si_monotonic_ns() - before >= 30000000u);
  EXPECT_TEXT(error.code, "PAAS_STATE_BUSY");
  CU_ASSERT_EQUAL(error.retry, SI_RETRY_SAFE);
  close(held);
  CU_ASSERT_EQUAL(scratch_create(state, "blog", &project, &operation, &lock, &error), SI_OK);
  close(lock);
  done(state);
}

UNIT_MAIN("state", UNIT(a_new_project_is_provisioning_before_anything_is_called),
          UNIT(a_project_walks_only_the_allowed_ways),
          UNIT(a_project_that_never_came_up_can_be_removed),
          UNIT(a_failure_leaves_its_error_and_a_success_clears_it),
          UNIT(a_retry_may_bring_another_stack), UNIT(a_name_is_taken_while_its_project_lives),
          UNIT(a_project_that_is_not_there_names_the_nearest),
          UNIT(what_makes_no_project_is_refused),
          UNIT(lists_are_oldest_first_and_may_be_written_under),
          UNIT(a_long_list_is_whole_and_ends_when_the_receiver_says_so),
          UNIT(steps_are_numbered_and_end_with_their_operation),
          UNIT(evidence_is_stored_once_after_the_end),
          UNIT(an_unfinished_operation_is_taken_over_once_its_owner_is_gone),
          UNIT(sweeping_leaves_the_locks_of_the_unfinished_alone),
          UNIT(a_refused_operation_leaves_no_lock_behind), UNIT(a_reader_writes_nothing),
          UNIT(a_writer_waits_only_so_long))
