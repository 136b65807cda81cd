/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/cli/terminal.h - a real terminal (a pty) for output and questions. Depends on libc.
 */
#ifndef SI_TESTS_CLI_TERMINAL_H
#define SI_TESTS_CLI_TERMINAL_H

#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

struct terminal {
  int keys;   /* what is typed, and what is seen */
  int screen; /* the program's side: stdin, stdout and stderr */
};

/* No echo, no \r before \n: what is seen is what was written. */
static inline bool terminal_open(struct terminal *t, unsigned short columns) {
  struct termios mode;
  struct winsize size = {.ws_row = 24, .ws_col = columns};
  if (openpty(&t->keys, &t->screen, NULL, NULL, &size) != 0) {
    return false;
  }
  tcgetattr(t->screen, &mode);
  mode.c_lflag &= ~(tcflag_t)ECHO;
  mode.c_oflag &= ~(tcflag_t)OPOST;
  return tcsetattr(t->screen, TCSANOW, &mode) == 0;
}

static inline void terminal_type(const struct terminal *t, const char *text) {
  ssize_t n = write(t->keys, text, strlen(text));
  (void)n;
}

/* All that was written so far. */
static inline void terminal_seen(const struct terminal *t, char *to, size_t size) {
  struct pollfd wait = {.fd = t->keys, .events = POLLIN};
  size_t len = 0;
  while (len + 1 < size && poll(&wait, 1, 100) > 0) {
    ssize_t n = read(t->keys, to + len, size - len - 1);
    if (n <= 0) {
      break;
    }
    len += (size_t)n;
  }
  to[len] = '\0';
}

static inline void terminal_close(struct terminal *t) {
  close(t->keys);
  close(t->screen);
}

#endif
