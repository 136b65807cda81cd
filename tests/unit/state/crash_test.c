/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/state/crash_test.c - writers that are killed and writers that race: what was
 * acknowledged is there, the store is whole, and no operation is stuck (R63, R65).
 */
#include <sqlite3.h>
#include <sys/prctl.h>

#include "tests/unit/state/scratch.h"
#include "tests/unit/sweep.h"

static char dir[64];

static sqlite3 *bare(void) {
  char path[96];
  sqlite3 *db = NULL;
  snprintf(path, sizeof path, "%s/state.db", dir);
  NEED(sqlite3_open(path, &db) == SQLITE_OK);
  return db;
}

static bool store_is_whole(void) {
  sqlite3 *db = bare();
  sqlite3_stmt *check = NULL;
  bool whole = sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &check, NULL) == SQLITE_OK &&
               sqlite3_step(check) == SQLITE_ROW &&
               strcmp((const char *)sqlite3_column_text(check, 0), "ok") == 0;
  sqlite3_finalize(check);
  whole = whole &&
          sqlite3_prepare_v2(db, "PRAGMA foreign_key_check", -1, &check, NULL) == SQLITE_OK &&
          sqlite3_step(check) == SQLITE_DONE;
  sqlite3_finalize(check);
  sqlite3_close(db);
  return whole;
}

/* What a writer says it was told. */
struct ack {
  char slug[64];
  char operation[48];
  int steps;
  int ended;
};

struct writer {
  int pipe;
  unsigned round;
  int projects;
};

static void say(int pipe, const struct ack *ack) {
  NEED(write(pipe, ack, sizeof *ack) == (ssize_t)sizeof *ack);
}

/* A few projects: create, two steps, end; each acknowledged write is told at once. */
static int write_some(void *ctx) {
  const struct writer *writer = ctx;
  struct si_state *state = NULL;
  if (si_state_open(dir, CONTEXT_ID, SI_STATE_WRITE, &state, NULL) != SI_OK) {
    return 1;
  }
  for (int i = 0; i < writer->projects; i++) {
    struct ack ack = {.steps = 0};
    struct si_project project;
    struct si_operation operation;
    int lock = -1;
    snprintf(ack.slug, sizeof ack.slug, "p%u-%d", writer->round, i);
    if (scratch_create(state, ack.slug, &project, &operation, &lock, NULL) != SI_OK) {
      return 2;
    }
    si_copy(ack.operation, sizeof ack.operation, operation.id);
    say(writer->pipe, &ack);
    for (ack.steps = 1; ack.steps <= 2; ack.steps++) {
      if (si_state_step(state, operation.id, "volume", "begin", NULL, NULL) != SI_OK) {
        return 3;
      }
      say(writer->pipe, &ack);
    }
    ack.steps = 2;
    if (si_state_operation_end(state, operation.id, "ok", NULL, NULL, NULL, 0, NULL) != SI_OK) {
      return 4;
    }
    ack.ended = 1;
    say(writer->pipe, &ack);
  }
  si_state_close(state);
  return 0;
}

static int lines(const char *text) {
  int n = 0;
  for (; *text; text++) {
    n += *text == '\n';
  }
  return n;
}

static void expect_there(struct si_state *state, const struct ack *ack) {
  struct si_project project = {.id = ""};
  struct si_operation operation = {.id = ""};
  struct si_buf steps = SI_BUF(65536);
  CU_ASSERT_EQUAL(si_state_project(state, "local", ack->slug, false, &project, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_state_operation(state, ack->operation, &operation, NULL), SI_OK);
  CU_ASSERT_EQUAL(si_state_steps(state, ack->operation, &steps, NULL), SI_OK);
  CU_ASSERT(lines(si_buf_text(&steps)) >= ack->steps);
  CU_ASSERT(!ack->ended || strcmp(operation.status, "ok") == 0);
  CU_ASSERT(!ack->ended || strcmp(project.status, "running") == 0);
  si_project_free(&project);
  si_operation_free(&operation);
  si_buf_free(&steps);
}

/* One command's work after a crash: everything unfinished has no owner, and is ended. */
static si_rc recover(void *ctx, const struct si_operation *operation) {
  struct si_state *state = ctx;
  int lock = -1;
  CU_ASSERT(!si_state_owned(state, operation->id));
  CU_ASSERT_EQUAL(si_state_adopt(state, operation->id, &lock, NULL), SI_OK);
  CU_ASSERT_EQUAL(
      si_state_operation_end(state, operation->id, "interrupted", NULL, NULL, NULL, 0, NULL),
      SI_OK);
  close(lock);
  return SI_OK;
}

static void expect_recovery(int acks) {
  struct ack ack;
  CU_ASSERT(store_is_whole());
  struct si_state *state = scratch_open(dir, SI_STATE_READ);
  while (read(acks, &ack, sizeof ack) == (ssize_t)sizeof ack) {
    expect_there(state, &ack);
  }
  si_state_close(state);
  state = scratch_open(dir, SI_STATE_WRITE);
  CU_ASSERT_EQUAL(si_state_operations(state, NULL, SI_OPERATIONS_UNFINISHED, state, recover, NULL),
                  SI_OK);
  CU_ASSERT_EQUAL(si_state_sweep(state, NULL), SI_OK);
  si_state_close(state);
  char path[96];
  snprintf(path, sizeof path, "%s/operations", dir);
  CU_ASSERT_EQUAL(rmdir(path), 0); /* no lock is left */
}

static void a_writer_killed_at_any_system_call_loses_nothing_it_was_told(void) {
  bool killed = true;
  unsigned rounds = 0;
  scratch_make(dir);
  si_state_close(scratch_open(dir, SI_STATE_WRITE));
  for (unsigned nth = sweep_first(2); killed && nth < 4000; nth += sweep_step(2), rounds++) {
    int ends[2];
    NEED(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    struct writer writer = {ends[1], nth, 1};
    killed = killed_at(nth, write_some, &writer);
    expect_recovery(ends[0]);
    close(ends[0]);
    close(ends[1]);
  }
  CU_ASSERT(!killed);                   /* it came to its end, ... */
  CU_ASSERT(rounds >= sweep_least(50)); /* ... not at once */
  scratch_remove(dir);
}

static void a_store_whose_making_is_killed_is_made_by_the_next(void) {
  bool killed = true;
  for (unsigned nth = sweep_first(2); killed && nth < 4000; nth += sweep_step(2)) {
    int ends[2];
    NEED(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    struct writer writer = {ends[1], 0, 0};
    scratch_make(dir);
    killed = killed_at(nth, write_some, &writer);
    si_state_close(scratch_open(dir, SI_STATE_WRITE));
    expect_recovery(ends[0]);
    scratch_remove(dir);
    close(ends[0]);
    close(ends[1]);
  }
  CU_ASSERT(!killed);
}

static void writers_killed_at_random_lose_nothing_they_were_told(void) {
  scratch_make(dir);
  si_state_close(scratch_open(dir, SI_STATE_WRITE));
  srand(1);
  for (unsigned round = 0; round < 50; round++) {
    int ends[2];
    pid_t children[2];
    NEED(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    for (unsigned i = 0; i < 2; i++) {
      struct writer writer = {ends[1], round * 2 + i, 100};
      children[i] = fork();
      NEED(children[i] >= 0);
      if (children[i] == 0) {
        _exit(write_some(&writer));
      }
    }
    usleep((useconds_t)(rand() % 40000));
    for (unsigned i = 0; i < 2; i++) {
      int status;
      kill(children[i], SIGKILL);
      NEED(waitpid(children[i], &status, 0) == children[i]);
    }
    expect_recovery(ends[0]);
    close(ends[0]);
    close(ends[1]);
  }
  scratch_remove(dir);
}

static int create_same(unsigned round) {
  struct si_error error = {0};
  struct si_state *state = NULL;
  struct si_project project;
  struct si_operation operation;
  char slug[64];
  int lock = -1;
  snprintf(slug, sizeof slug, "same-%u", round);
  if (si_state_open(dir, CONTEXT_ID, SI_STATE_WRITE, &state, NULL) != SI_OK) {
    return 9;
  }
  si_rc status = scratch_create(state, slug, &project, &operation, &lock, &error);
  si_state_close(state);
  if (status == SI_OK) {
    return 0;
  }
  return status == SI_E_EXISTS && strcmp(error.code, "PAAS_PROJECT_EXISTS") == 0 ? 1 : 8;
}

static void of_two_creates_of_one_name_one_wins(void) {
  scratch_make(dir);
  for (unsigned round = 0; round < 20; round++) { /* the first round makes the store, too */
    int ends[2], results[10] = {0};
    pid_t children[2];
    NEED(pipe2(ends, O_CLOEXEC) == 0);
    for (size_t i = 0; i < 2; i++) {
      children[i] = fork();
      NEED(children[i] >= 0);
      if (children[i] == 0) {
        char go;
        close(ends[1]);
        (void)!read(ends[0], &go, 1); /* returns for both at once: the end of the pipe */
        _exit(create_same(round));
      }
    }
    close(ends[0]);
    close(ends[1]);
    for (size_t i = 0; i < 2; i++) {
      int status;
      NEED(waitpid(children[i], &status, 0) == children[i]);
      results[WIFEXITED(status) ? WEXITSTATUS(status) : 7]++;
    }
    CU_ASSERT_EQUAL(results[0], 1);
    CU_ASSERT_EQUAL(results[1], 1);
  }
  scratch_remove(dir);
}

/* A chain of processes, each the child of the one before, that all have inherited the lock; every
 * one tells its pid and waits to be killed. */
static void chain(int depth, int pids) {
  do {
    pid_t own = getpid();
    NEED(write(pids, &own, sizeof own) == (ssize_t)sizeof own);
  } while (--depth > 0 && fork() == 0);
  for (;;) {
    pause();
  }
}

static void an_operation_is_owned_until_the_last_heir_of_its_lock_is_gone(void) {
  enum { DEPTH = 64 };
  struct si_project project;
  struct si_operation operation;
  pid_t pids[DEPTH];
  int ends[2], lock = -1;
  scratch_make(dir);
  NEED(pipe2(ends, O_CLOEXEC) == 0);
  struct si_state *state = scratch_open(dir, SI_STATE_WRITE);
  NEED(scratch_create(state, "blog", &project, &operation, &lock, NULL) == SI_OK);
  NEED(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  pid_t first = fork();
  NEED(first >= 0);
  if (first == 0) {
    chain(DEPTH, ends[1]);
  }
  close(lock);
  for (size_t i = 0; i < DEPTH; i++) {
    NEED(read(ends[0], &pids[i], sizeof pids[i]) == (ssize_t)sizeof pids[i]);
  }
  for (size_t i = 0; i < DEPTH; i++) {
    CU_ASSERT(si_state_owned(state, operation.id));
    kill(pids[i], SIGKILL);
    NEED(waitpid(pids[i], NULL, 0) == pids[i]);
  }
  CU_ASSERT(!si_state_owned(state, operation.id));
  close(ends[0]);
  close(ends[1]);
  si_state_close(state);
  scratch_remove(dir);
}

static void a_reader_rolls_back_what_a_dead_writer_left(void) {
  struct si_project project, found = {.id = ""};
  struct si_operation operation;
  scratch_make(dir);
  struct si_state *state = scratch_open(dir, SI_STATE_WRITE);
  for (int i = 0; i < 8; i++) {
    char slug[16];
    int lock = -1;
    snprintf(slug, sizeof slug, "p%d", i);
    NEED(scratch_create(state, slug, &project, &operation, &lock, NULL) == SI_OK);
    close(lock);
  }
  si_state_close(state);
  for (int open_before = 0; open_before < 2; open_before++) {
    struct si_state *reader = open_before ? scratch_open(dir, SI_STATE_READ) : NULL;
    scratch_hot_journal(dir);
    reader = reader ? reader : scratch_open(dir, SI_STATE_READ);
    CU_ASSERT_EQUAL_FATAL(si_state_project(reader, "local", "p7", false, &found, NULL), SI_OK);
    CU_ASSERT_PTR_NULL(found.last_error);
    si_project_free(&found);
    si_state_close(reader);
    CU_ASSERT(store_is_whole());
  }
  scratch_remove(dir);
}

UNIT_MAIN("state crash", UNIT(a_writer_killed_at_any_system_call_loses_nothing_it_was_told),
          UNIT(a_store_whose_making_is_killed_is_made_by_the_next),
          UNIT(writers_killed_at_random_lose_nothing_they_were_told),
          UNIT(of_two_creates_of_one_name_one_wins),
          UNIT(an_operation_is_owned_until_the_last_heir_of_its_lock_is_gone),
          UNIT(a_reader_rolls_back_what_a_dead_writer_left))
