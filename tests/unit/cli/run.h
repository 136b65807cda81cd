/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/cli/run.h - runs a command line on a table, in this process, and keeps what it
 * printed. Depends on si_cli and CUnit.
 */
#ifndef SI_TESTS_CLI_RUN_H
#define SI_TESTS_CLI_RUN_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/command.h"
#include "tests/unit/unit.h"

struct run {
  int code;
  char out[131072];
  char err[131072];
};

static inline void run_keep(int fd, char *to, size_t size) {
  ssize_t n = pread(fd, to, size - 1, 0);
  to[n > 0 ? n : 0] = '\0';
  close(fd);
}

/* argv[0] is "si" and counts. Standard input is at its end. */
static inline void run_argv(const struct si_cli *cli, int argc, const char *const *argv,
                            struct run *run) {
  int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
  int out = memfd_create("out", MFD_CLOEXEC);
  int err = memfd_create("err", MFD_CLOEXEC);
  run->code = si_cli_run(cli, argc, (char **)argv, in, out, err);
  close(in);
  run_keep(out, run->out, sizeof run->out);
  run_keep(err, run->err, sizeof run->err);
}

/* The words behind "si", split at blanks. */
static inline void run_line(const struct si_cli *cli, const char *line, struct run *run) {
  char copy[4096];
  const char *argv[64] = {"si"};
  int argc = 1;
  snprintf(copy, sizeof copy, "%s", line);
  char *rest = copy;
  for (char *word = strsep(&rest, " "); word && argc < 63; word = strsep(&rest, " ")) {
    if (word[0]) {
      argv[argc++] = word;
    }
  }
  run_argv(cli, argc, argv, run);
}

static inline bool run_holds(const char *text, const char *part, const char *of) {
  bool holds = strstr(text, part) != NULL;
  if (!holds) {
    printf("\n  %s: \"%s\" does not stand in: %s", of, part, text);
  }
  return holds;
}

#endif
