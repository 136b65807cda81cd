/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/run.h - checks as processes: a fork a check, its verdict through a pipe, an end by
 * force when its time is up. What the plugin does to its process (a crash, exit(), a hang) is that
 * check's verdict. Depends on Linux (pidfd). One thread.
 */
#ifndef SI_CONFORM_RUN_H
#define SI_CONFORM_RUN_H

#include "sdk/conform/check.h"

enum verdict { PASS, FAIL, SKIP, BROKEN /* the kit itself could not */ };
enum { REFUSED = 4 /* on its way from the child: FAIL, for open() refused the configuration */ };

struct result {
  const struct check *check;
  const struct offered *provider; /* NULL: of the plugin itself */
  enum verdict verdict;
  char reason[1024]; /* "" where it passed */
  bool refused;      /* it failed because open() did, with the configuration that was given */
  double seconds;
};

/* A provider, as the first process found it. */
struct offered {
  char id[64];
  uint32_t kind;
};

/* What the processes of one run share. */
struct run {
  const struct options *options;
  struct offered providers[16];
  size_t provider_count;
  char no_plugin[512]; /* why it could not be loaded and read; "" where it could */
  bool no_object;      /* the file is none that could be: that is the one check then */
  char dir[SI_PATH_MAX];
  struct result *results;
  size_t count;
};

/* Finds the providers and lists the results-to-be. SI_E_NOMEM, SI_E_IO. */
si_rc run_begin(const struct options *options, struct run *out, struct si_error *error) SI_MUST_USE;
/* Runs every check; `done` is told of each as it ends. SI_E_CANCELLED: interrupted. */
si_rc run_all(struct run *run, void (*done)(const struct result *),
              struct si_error *error) SI_MUST_USE;
void run_end(struct run *run);

/* --- of the child --- */

/* Sends the verdict, a `enum verdict` or REFUSED, and ends the process. */
_Noreturn void verdict_send(int verdict, const char *reason);

#endif
