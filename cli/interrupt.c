/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#define PATIENCE 3u /* after so many the signals act as before */

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { SIGNALS = sizeof signals / sizeof *signals };

static struct sigaction before[SIGNALS];
static int ends[2] = {-1, -1};
static atomic_uint arrived;

/* Async-signal-safe: sigaction, write and a lock-free counter. */
static void put_back(void) {
  for (int i = 0; i < SIGNALS; i++) {
    sigaction(signals[i], &before[i], NULL);
  }
}

static void note(int number) {
  int saved = errno;
  unsigned char byte = (unsigned char)number;
  unsigned count = atomic_fetch_add(&arrived, 1) + 1;
  /* A full pipe is no loss: its reader has thousands of interrupts to take. */
  ssize_t n = write(ends[1], &byte, 1);
  (void)n;
  if (count >= PATIENCE) {
    put_back();
  }
  errno = saved;
}

static void watch(void) {
  struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < SIGNALS; i++) {
    sigaddset(&action.sa_mask, signals[i]);
  }
  for (int i = 0; i < SIGNALS; i++) {
    sigaction(signals[i], NULL, &before[i]);
    if (before[i].sa_handler != SIG_IGN) {
      sigaction(signals[i], &action, NULL);
    }
  }
}

int si_interrupt_fd(void) {
  if (ends[0] < 0) {
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
      return -1;
    }
    watch();
  }
  return ends[0];
}

int si_interrupt_take(void) {
  unsigned char byte;
  ssize_t n;
  if (ends[0] < 0) {
    return 0;
  }
  do {
    n = read(ends[0], &byte, 1);
  } while (n < 0 && errno == EINTR);
  return n == 1 ? byte : 0;
}

unsigned si_interrupt_count(void) {
  return atomic_load(&arrived);
}

void si_interrupt_restore(void) {
  if (ends[0] < 0) {
    return;
  }
  put_back();
  close(ends[0]);
  close(ends[1]);
  ends[0] = ends[1] = -1;
  atomic_store(&arrived, 0);
}
