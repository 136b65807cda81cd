/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/context/guard_test.c - no state in a git repository, however it is reached (R2, R11).
 * The repositories are made by git itself.
 */
#include <grp.h>

#include "paas/context/context.h"
#include "tests/unit/state/scratch.h"

static char base[64];

/* Runs git with these arguments in base; its settings and the user's are kept out. */
static void git(const char *const *arguments) {
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    char *argv[16] = {(char *)(uintptr_t) "git"};
    for (size_t i = 0; i < 14 && arguments[i]; i++) {
      argv[i + 1] = (char *)(uintptr_t)arguments[i];
    }
    int null = open("/dev/null", O_RDWR);
    if (null >= 0 && dup2(null, 1) >= 0 && dup2(null, 2) >= 0 && chdir(base) == 0) {
      setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
      setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
      execvp("git", argv);
    }
    _exit(127);
  }
  int status;
  NEED(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
#define GIT(...) git((const char *const[]){__VA_ARGS__, NULL})

static void make_dir(const char *name) {
  char path[160];
  snprintf(path, sizeof path, "%s/%s", base, name);
  NEED(si_mkdir_path(path, 0700) == 0);
}

static void make_link(const char *to, const char *name) {
  char target[160], path[160];
  snprintf(target, sizeof target, "%s/%s", base, to);
  snprintf(path, sizeof path, "%s/%s", base, name);
  NEED(symlink(target, path) == 0);
}

static void lay_out(void) {
  snprintf(base, sizeof base, "/tmp/si-guard-XXXXXX");
  NEED(mkdtemp(base) != NULL);
  GIT("init", "-q", "tree");
  GIT("-C", "tree", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty",
      "-m", "a");
  GIT("-C", "tree", "worktree", "add", "-q", "--detach", "../linked");
  GIT("init", "-q", "--bare", "bare.git");
  GIT("init", "-q", "--separate-git-dir", "apart.git", "apart");
  make_dir("tree/deep/er");
  make_dir("free/state");
  make_dir("free/refs"); /* refs alone are no repository */
  make_dir("free/objects");
  make_dir("module");
  scratch_file(base, "module/.git", "gitdir: ../tree/.git/modules/module\n");
  scratch_file(base, "file", "");
  make_link("tree/deep", "into");
  make_link("free/state", "tree/out");
  make_link("nowhere", "dangling");
  make_link("loop", "loop");
}

static const struct {
  const char *path, *code;
} cases[] = {
    {"free/state", ""},
    {"free", ""},
    {"free/not/yet/there", ""},
    {"tree/out", ""}, /* a link that leads out of the tree */
    {"tree/out/new", ""},
    {"tree/../free/state", ""},
    {"tree-not", ""},
    {"file", ""},
    {"tree", "STATE_ROOT_IN_REPOSITORY"},
    {"tree/", "STATE_ROOT_IN_REPOSITORY"},
    {"tree/deep/er", "STATE_ROOT_IN_REPOSITORY"},
    {"tree/not/yet/there", "STATE_ROOT_IN_REPOSITORY"},
    {"tree/.git", "STATE_ROOT_IN_REPOSITORY"},
    {"tree/.git/objects/new", "STATE_ROOT_IN_REPOSITORY"},
    {"linked", "STATE_ROOT_IN_REPOSITORY"},
    {"linked/new", "STATE_ROOT_IN_REPOSITORY"},
    {"bare.git", "STATE_ROOT_IN_REPOSITORY"},
    {"bare.git/hooks/new", "STATE_ROOT_IN_REPOSITORY"},
    {"apart", "STATE_ROOT_IN_REPOSITORY"},
    {"apart.git/new", "STATE_ROOT_IN_REPOSITORY"},
    {"module/new", "STATE_ROOT_IN_REPOSITORY"},
    {"into", "STATE_ROOT_IN_REPOSITORY"},
    {"into/er/new", "STATE_ROOT_IN_REPOSITORY"},
    {"into/../new", "STATE_ROOT_IN_REPOSITORY"}, /* `..` of where the link leads */
    {"free/../tree/new", "STATE_ROOT_IN_REPOSITORY"},
    {"free/state/../../tree/deep", "STATE_ROOT_IN_REPOSITORY"},
    {"not-yet/../tree/new", "STATE_ROOT_UNCHECKED"},
    {"dangling", "STATE_ROOT_UNCHECKED"},
    {"dangling/new", "STATE_ROOT_UNCHECKED"},
    {"loop/new", "STATE_ROOT_UNCHECKED"},
    {"file/new", "STATE_ROOT_UNCHECKED"},
};

static void expect_all(bool relative) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[200];
    struct si_error error = {0};
    snprintf(path, sizeof path, "%s/%s", base, cases[i].path);
    si_rc status = si_context_guard(relative ? cases[i].path : path, &error);
    if (strcmp(error.code, cases[i].code) != 0) {
      printf("\n%s: %s\n", cases[i].path, error.message);
    }
    EXPECT_TEXT(error.code, cases[i].code);
    CU_ASSERT_EQUAL(status, cases[i].code[0] ? SI_E_REFUSED : SI_OK);
    CU_ASSERT_EQUAL(error.hint[0] != '\0', status != SI_OK);
  }
}

static void repositories_are_found_through_links_and_dots(void) {
  expect_all(false);
}

static void relative_paths_are_judged_from_here(void) {
  char here[SI_PATH_MAX];
  NEED(getcwd(here, sizeof here) && chdir(base) == 0);
  expect_all(true);
  NEED(chdir(here) == 0);
}

static void gits_environment_changes_nothing(void) {
  char tree[100];
  snprintf(tree, sizeof tree, "%s/tree", base);
  setenv("GIT_DIR", "/nonexistent", 1);
  setenv("GIT_CEILING_DIRECTORIES", tree, 1);
  setenv("GIT_WORK_TREE", "/nonexistent", 1);
  expect_all(false);
  unsetenv("GIT_DIR");
  unsetenv("GIT_CEILING_DIRECTORIES");
  unsetenv("GIT_WORK_TREE");
}

/* Root may search everything, so there the question is asked by nobody. */
static void what_cannot_be_searched_is_refused(void) {
  char closed[100], path[120];
  snprintf(closed, sizeof closed, "%s/closed", base);
  snprintf(path, sizeof path, "%s/closed/inner", base);
  make_dir("closed/inner");
  NEED(chmod(base, 0711) == 0 && chmod(closed, 0) == 0);
  fflush(stdout);
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    struct si_error error = {0};
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)) {
      _exit(3);
    }
    si_rc status = si_context_guard(path, &error);
    _exit(status == SI_E_REFUSED && strcmp(error.code, "STATE_ROOT_UNCHECKED") == 0 ? 0 : 1);
  }
  int status;
  NEED(waitpid(child, &status, 0) == child);
  CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  NEED(chmod(base, 0700) == 0 && chmod(closed, 0700) == 0);
}

static void a_path_that_is_too_long_is_refused(void) {
  static char path[SI_PATH_MAX * 2];
  struct si_error error = {0};
  memset(path, 'a', sizeof path - 1);
  for (size_t i = 0; i < sizeof path - 1; i += 100) {
    path[i] = '/';
  }
  CU_ASSERT_EQUAL(si_context_guard(path, &error), SI_E_REFUSED);
  EXPECT_TEXT(error.code, "STATE_ROOT_UNCHECKED");
  path[SI_PATH_MAX - 1] = '\0';
  CU_ASSERT_EQUAL(si_context_guard(path, &error), SI_E_REFUSED);
  CU_ASSERT_EQUAL(si_context_guard("", &error), SI_E_REFUSED);
}

int main(void) {
  static const struct unit_test tests[] = {
      UNIT(repositories_are_found_through_links_and_dots),
      UNIT(relative_paths_are_judged_from_here),
      UNIT(gits_environment_changes_nothing),
      UNIT(what_cannot_be_searched_is_refused),
      UNIT(a_path_that_is_too_long_is_refused),
  };
  lay_out();
  int result = unit_main("context guard", tests, sizeof tests / sizeof *tests);
  scratch_remove(base);
  return result;
}
