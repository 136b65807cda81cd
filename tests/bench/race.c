/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/bench/race.c - times commands against each other: every round runs each of them once, in
 * turn, so that what else the machine does falls on all alike. Depends on libc alone.
 *
 *   race ROUNDS -- COMMAND ARGUMENT... -- COMMAND ARGUMENT... [-- ...]
 *
 * The first command is the measure of the others. Prints a line per command:
 *   <median milliseconds> <median of the rounds' ratios to the first command> <lowest milliseconds>
 * The commands' stdout goes to /dev/null, their stderr stays. One that fails ends the race: a time
 * of a failure is no time.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { COMMANDS_MAX = 16, ROUNDS_MAX = 100000, WARM_UP = 3 };

extern char **environ;

static _Noreturn void give_up(const char *what, const char *name) {
  fprintf(stderr, "race: %s %s\n", what, name);
  exit(2);
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double run(char **command, const posix_spawn_file_actions_t *quiet) {
  pid_t pid;
  int status = 0;
  double begin = now_ms();
  int failed = posix_spawnp(&pid, command[0], quiet, NULL, command, environ);
  if (failed) {
    give_up(strerror(failed), command[0]);
  }
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) {
      give_up(strerror(errno), command[0]);
    }
  }
  double took = now_ms() - begin;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    give_up("this command failed:", command[0]);
  }
  return took;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, compare);
  return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Cuts the arguments at "--". */
static size_t split(char **argv, char **commands[COMMANDS_MAX]) {
  size_t count = 0;
  for (char **at = argv; *at; at++) {
    if (strcmp(*at, "--") != 0) {
      continue;
    }
    *at = NULL;
    if (!at[1] || count == COMMANDS_MAX) {
      return 0;
    }
    commands[count++] = at + 1;
  }
  return count;
}

static void print(const double *times, size_t rounds, size_t count) {
  double *column = calloc(rounds, sizeof *column);
  double *ratios = calloc(rounds, sizeof *ratios);
  if (!column || !ratios) {
    give_up("out of", "memory");
  }
  for (size_t i = 0; i < count; i++) {
    for (size_t r = 0; r < rounds; r++) {
      column[r] = times[r * count + i];
      ratios[r] = times[r * count + i] / times[r * count];
    }
    double middle = median(column, rounds); /* sorts: the lowest comes first */
    printf("%.3f %.3f %.3f\n", middle, median(ratios, rounds), column[0]);
  }
  free(ratios);
  free(column);
}

int main(int argc, char **argv) {
  char **commands[COMMANDS_MAX];
  posix_spawn_file_actions_t quiet;
  long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
  size_t count = argc > 3 && strcmp(argv[2], "--") == 0 ? split(argv + 2, commands) : 0;
  if (rounds < 1 || rounds > ROUNDS_MAX || count == 0) {
    fprintf(stderr, "usage: race ROUNDS -- COMMAND ARGUMENT... [-- COMMAND ARGUMENT...]...\n");
    return 2;
  }
  double *times = calloc((size_t)rounds * count, sizeof *times);
  if (!times || posix_spawn_file_actions_init(&quiet) != 0 ||
      posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) != 0) {
    give_up("out of", "memory");
  }
  for (long r = -WARM_UP; r < rounds; r++) {
    for (size_t i = 0; i < count; i++) {
      double took = run(commands[i], &quiet);
      if (r >= 0) {
        times[(size_t)r * count + i] = took;
      }
    }
  }
  print(times, (size_t)rounds, count);
  posix_spawn_file_actions_destroy(&quiet);
  free(times);
  return 0;
}
