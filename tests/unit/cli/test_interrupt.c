/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "tests/unit/unit.h"

static bool readable(int fd) {
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  return poll(&wait, 1, 0) == 1;
}

static void the_waiter_sees_each_signal(void) {
  int fd = si_interrupt_fd();
  CU_ASSERT_TRUE_FATAL(fd >= 0);
  CU_ASSERT_EQUAL(si_interrupt_fd(), fd);
  CU_ASSERT_FALSE(readable(fd));
  CU_ASSERT_EQUAL(si_interrupt_take(), 0);
  raise(SIGINT);
  CU_ASSERT_TRUE(readable(fd));
  CU_ASSERT_EQUAL(si_interrupt_count(), 1);
  raise(SIGTERM);
  CU_ASSERT_EQUAL(si_interrupt_count(), 2);
  CU_ASSERT_EQUAL(si_interrupt_take(), SIGINT);
  CU_ASSERT_TRUE(readable(fd));
  CU_ASSERT_EQUAL(si_interrupt_take(), SIGTERM);
  CU_ASSERT_EQUAL(si_interrupt_take(), 0);
  raise(SIGHUP);
  CU_ASSERT_EQUAL(si_interrupt_take(), SIGHUP);
  si_interrupt_restore();
  CU_ASSERT_EQUAL(si_interrupt_count(), 0);
}

/* How a child ends that raises SIGINT `times` times. */
static int ends_by(int times, bool watched, bool ignored) {
  pid_t child = fork();
  if (child == 0) {
    signal(SIGINT, ignored ? SIG_IGN : SIG_DFL);
    if (watched && si_interrupt_fd() < 0) {
      _exit(9);
    }
    for (int i = 0; i < times; i++) {
      raise(SIGINT);
    }
    _exit((int)si_interrupt_count());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void the_fourth_ends_the_process_whatever_hangs(void) {
  CU_ASSERT_EQUAL(ends_by(3, true, false), 3);
  CU_ASSERT_EQUAL(ends_by(4, true, false), -SIGINT);
}

static void one_that_never_asked_is_ended_by_the_first(void) {
  CU_ASSERT_EQUAL(ends_by(1, false, false), -SIGINT);
}

static void an_ignored_signal_stays_ignored(void) {
  CU_ASSERT_EQUAL(ends_by(5, true, true), 0);
}

UNIT_MAIN("cli interrupt", UNIT(the_waiter_sees_each_signal),
          UNIT(the_fourth_ends_the_process_whatever_hangs),
          UNIT(one_that_never_asked_is_ended_by_the_first), UNIT(an_ignored_signal_stays_ignored))
