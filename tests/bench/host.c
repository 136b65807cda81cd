/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/bench/host.c - what a provider's process costs: started, its plugin checked, confined and
 * loaded, opened, asked for nothing and ended, against the start and end of /bin/true, in turn.
 * Depends on core/host; SI_PLUGIN_DIR names a tree with the plugin `misbehave`.
 *
 *   host ROUNDS
 *
 * Prints: <median milliseconds of /bin/true> <median of an operation> <median of the rounds'
 * ratios>
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "core/host/session.h"
#include "kit/base/text.h"

enum { ROUNDS_MAX = 10000 };

static _Noreturn void give_up(const char *what) {
  fprintf(stderr, "host: %s\n", what);
  exit(2);
}

static double now_ms(void) {
  return (double)si_monotonic_ns() / 1e6;
}

static double run_true(void) {
  char *const argv[] = {(char *)"true", NULL};
  char *const envp[] = {NULL};
  pid_t pid;
  int status = 1;
  double from = now_ms();
  if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, envp) != 0 ||
      waitpid(pid, &status, 0) != pid || status != 0) {
    give_up("/bin/true does not run");
  }
  return now_ms() - from;
}

static double run_operation(void) {
  const struct si_session_options options = {.plugin = "misbehave",
                                             .kind = SI_KIND_PROVISIONER,
                                             .config = "{\"do\":\"good\"}",
                                             .lock_fd = -1,
                                             .interrupt_fd = -1};
  struct si_session *session = NULL;
  struct si_buf result SI_AUTO(si_buf_free) = SI_BUF(65536);
  struct si_error error;
  double from = now_ms();
  if (si_session_open(&options, &session, &error) != SI_OK ||
      si_session_call(session, SI_VERB_CHECK, NULL, NULL, &result, &error) != SI_OK) {
    give_up(error.message);
  }
  si_session_close(session);
  return now_ms() - from;
}

static int ascending(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

static double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, ascending);
  return values[count / 2];
}

int main(int argc, char **argv) {
  static double bare[ROUNDS_MAX], ours[ROUNDS_MAX], ratios[ROUNDS_MAX];
  uint64_t rounds;
  if (argc != 2 || si_parse_u64(argv[1], 1, ROUNDS_MAX, &rounds) != SI_OK) {
    give_up("usage: host ROUNDS");
  }
  run_true();
  run_operation();
  for (size_t i = 0; i < rounds; i++) {
    bare[i] = run_true();
    ours[i] = run_operation();
    ratios[i] = ours[i] / bare[i];
  }
  printf("%.3f %.3f %.2f\n", median(bare, rounds), median(ours, rounds), median(ratios, rounds));
  return 0;
}
