/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/bench/steps.c - what a step in the operation journal costs against the least that SQLite
 * asks for a durable row: the same row into a bare table, with the same journal and synchronous,
 * in turn. Depends on paas/state and sqlite3.
 *
 *   steps ROUNDS DIR       DIR is an empty directory, on the file system to measure
 *
 * Prints: <median milliseconds of a bare row> <median of a step> <median of the rounds' ratios>
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "paas/state/state.h"

enum { ROUNDS_MAX = 40000 }; /* an operation takes 100,000 steps */

static _Noreturn void give_up(const char *what) {
  fprintf(stderr, "steps: %s\n", what);
  exit(2);
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, compare);
  return values[count / 2];
}

static void say(sqlite3 *db, const char *sql) {
  if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
    give_up(sqlite3_errmsg(db));
  }
}

static sqlite3 *bare(const char *dir) {
  char path[1024];
  sqlite3 *db = NULL;
  snprintf(path, sizeof path, "%s/bare.db", dir);
  if (sqlite3_open(path, &db) != SQLITE_OK) {
    give_up("cannot make a bare database");
  }
  say(db,
      "PRAGMA journal_mode=TRUNCATE;PRAGMA synchronous=FULL;"
      "CREATE TABLE rows(at TEXT,name TEXT,phase TEXT,outside_id TEXT)STRICT");
  return db;
}

static struct si_state *store(const char *dir, struct si_operation *operation, int *lock) {
  struct si_error error;
  struct si_state *state = NULL;
  struct si_project project = {
      .slug = "bench",
      .owner_id = "local",
      .provisioner = "none",
      .spec_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      .config = (char[]){"{}"},
      .stack = (char[]){"{}"},
  };
  if (si_state_open(dir, "ctx-00112233445566778899aabbccddeeff", SI_STATE_WRITE, &state, &error) !=
          SI_OK ||
      si_state_project_create(state, &project, NULL, operation, lock, &error) != SI_OK) {
    give_up(error.message);
  }
  return state;
}

int main(int argc, char **argv) {
  static double rows[ROUNDS_MAX], steps[ROUNDS_MAX], ratios[ROUNDS_MAX];
  struct si_operation operation = {.id = ""};
  struct si_error error;
  int lock = -1;
  long rounds = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
  if (rounds < 1 || rounds > ROUNDS_MAX) {
    fprintf(stderr, "usage: steps ROUNDS DIR\n");
    return 2;
  }
  struct si_state *state = store(argv[2], &operation, &lock);
  sqlite3 *db = bare(argv[2]);
  for (long i = 0; i < rounds; i++) {
    double begin = now_ms();
    say(db, "INSERT INTO rows VALUES('2026-01-01T00:00:00.000Z','thing.make','begin','outside-1')");
    double between = now_ms();
    if (si_state_step(state, operation.id, "thing.make", "begin", "outside-1", &error) != SI_OK) {
      give_up(error.message);
    }
    steps[i] = now_ms() - between;
    rows[i] = between - begin;
    ratios[i] = steps[i] / rows[i];
  }
  size_t count = (size_t)rounds;
  printf("%.3f %.3f %.3f\n", median(rows, count), median(steps, count), median(ratios, count));
  sqlite3_close(db);
  si_state_close(state);
  si_operation_free(&operation);
  close(lock);
  return 0;
}
