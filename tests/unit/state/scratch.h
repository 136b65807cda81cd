/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/state/scratch.h - what the tests of state and of contexts share: a scratch directory,
 * a project to create, and children that are killed at a chosen system call. Depends on CUnit,
 * sqlite3 and paas/state.
 */
#ifndef SI_TESTS_UNIT_STATE_SCRATCH_H
#define SI_TESTS_UNIT_STATE_SCRATCH_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/base/path.h"
#include "kit/base/text.h"
#include "paas/state/state.h"
#include "tests/unit/unit.h"

#define CONTEXT_ID "ctx-00112233445566778899aabbccddeeff"
#define SPEC "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* A setting up that fails is no result: it ends the program. */
#define NEED(condition)                                                                 \
  do {                                                                                  \
    if (!(condition)) {                                                                 \
      fprintf(stderr, "%s:%d: cannot set up: %s: %s\n", __FILE__, __LINE__, #condition, \
              strerror(errno));                                                         \
      exit(2);                                                                          \
    }                                                                                   \
  } while (0)

/* As CU_ASSERT_STRING_EQUAL, but says what was there. */
#define EXPECT_TEXT(actual, expected)                                                          \
  do {                                                                                         \
    if (strcmp((actual), (expected)) != 0) {                                                   \
      printf("\n%s:%d: \"%s\" instead of \"%s\"\n", __FILE__, __LINE__, (actual), (expected)); \
      CU_FAIL(#actual " is " #expected);                                                       \
    } else {                                                                                   \
      CU_PASS(#actual);                                                                        \
    }                                                                                          \
  } while (0)

static inline int scratch_remove_one(const char *path, const struct stat *st, int type,
                                     struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

static inline void scratch_remove(const char *path) {
  nftw(path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* A new directory, 0700; the caller removes it. */
static inline void scratch_make(char path[64]) {
  snprintf(path, 64, "/tmp/si-state-XXXXXX");
  NEED(mkdtemp(path) != NULL);
}

static inline void scratch_file(const char *dir, const char *name, const char *text) {
  int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  NEED(at >= 0);
  int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  NEED(fd >= 0 && si_write_all(fd, text, strlen(text)) == 0);
  close(fd);
  close(at);
}

static inline struct si_state *scratch_open(const char *dir, int mode) {
  struct si_state *state = NULL;
  struct si_error error = {0};
  if (si_state_open(dir, CONTEXT_ID, mode, &state, &error) != SI_OK) {
    fprintf(stderr, "cannot open the state in %s: %s: %s\n", dir, error.code, error.message);
    exit(2);
  }
  return state;
}

/* A project `slug`; config and stack are constants, not to be freed. */
static inline struct si_project scratch_project(const char *slug) {
  static char config[] = "{}";
  static char stack[] = "{\"schema\":\"si.stack/1\"}";
  struct si_project project = {.owner_id = "local", .provisioner = "local", .spec_sha256 = SPEC};
  si_copy(project.slug, sizeof project.slug, slug);
  project.config = config;
  project.stack = stack;
  return project;
}

static inline si_rc scratch_create(struct si_state *state, const char *slug,
                                   struct si_project *project, struct si_operation *operation,
                                   int *lock, struct si_error *error) {
  *project = scratch_project(slug);
  return si_state_project_create(state, project, NULL, operation, lock, error);
}

/* Leaves a hot journal: pages of a dead writer's unfinished transaction are in the file. The store
 * must hold a project. */
static inline void scratch_hot_journal(const char *dir) {
  char path[96];
  struct stat st;
  int status = 0;
  snprintf(path, sizeof path, "%s/state.db", dir);
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    sqlite3 *db = NULL;
    if (sqlite3_open(path, &db) == SQLITE_OK &&
        sqlite3_exec(db,
                     "PRAGMA cache_size=1;PRAGMA journal_mode=TRUNCATE;BEGIN IMMEDIATE;"
                     "UPDATE projects SET last_error='{'||hex(zeroblob(15000))||'}';"
                     "UPDATE projects SET last_error='{'||hex(zeroblob(25000))||'}';",
                     NULL, NULL, NULL) == SQLITE_OK) {
      raise(SIGKILL);
    }
    fprintf(stderr, "no hot journal: %s\n", sqlite3_errmsg(db));
    _exit(1);
  }
  NEED(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
  snprintf(path, sizeof path, "%s/state.db-journal", dir);
  NEED(stat(path, &st) == 0 && st.st_size > 0);
}

/* Runs work(ctx) in a child that is killed (SIGKILL) at its nth stop at a system call: odd at the
 * entry, even behind it. True where it was, false where work had ended before (which it must do
 * with 0). */
static inline bool killed_at(unsigned nth, int (*work)(void *ctx), void *ctx) {
  int status = 0;
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
      _exit(99);
    }
    raise(SIGSTOP);
    _exit(work(ctx));
  }
  NEED(waitpid(child, &status, 0) == child);
  for (unsigned i = 0; WIFSTOPPED(status); i++) {
    if (i == nth) {
      kill(child, SIGKILL);
      NEED(waitpid(child, &status, 0) == child);
      return true;
    }
    NEED(ptrace(PTRACE_SYSCALL, child, NULL, NULL) == 0);
    NEED(waitpid(child, &status, 0) == child);
  }
  CU_ASSERT(WIFEXITED(status));
  CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
  return false;
}

#endif
