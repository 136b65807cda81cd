/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/places.h"
#include "core/wire/wire.h"
#include "kit/base/path.h"

/* The living si-hosts of this process: what else is our child was theirs. */
enum { CHILDREN_MAX = 8 };
static pid_t living[CHILDREN_MAX];

static void remember(pid_t old, pid_t new) {
  for (size_t i = 0; i < CHILDREN_MAX; i++) {
    if (living[i] == old) {
      living[i] = new;
      return;
    }
  }
}

/* The child's descriptors, moved out of the way of the numbers they shall have there. */
static int lift(int fd) {
  return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 16);
}

static int spawn(const char *path, int wire, int ring, int lock, int output, pid_t *pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  char *argv[] = {(char *)"si-host", NULL};
  char *envp[] = {NULL};
  const struct {
    int from;
    int to;
  } moves[] = {{output, 1},
               {output, 2},
               {wire, SI_HOST_FD_WIRE},
               {ring, SI_HOST_FD_RING},
               {lock, SI_HOST_FD_LOCK}};
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  int err = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  for (size_t i = 0; err == 0 && i < sizeof moves / sizeof *moves; i++) {
    /* What is not given must not be whatever si itself inherited under that number. */
    err = moves[i].from >= 0
              ? posix_spawn_file_actions_adddup2(&actions, moves[i].from, moves[i].to)
              : posix_spawn_file_actions_addclose(&actions, moves[i].to);
  }
  err = err ? err : posix_spawn_file_actions_addchdir_np(&actions, "/");
  err = err ? err : posix_spawnattr_setsigmask(&attributes, &none);
  err = err ? err : posix_spawnattr_setsigdefault(&attributes, &all);
  err = err ? err
            : posix_spawnattr_setflags(
                  &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  err = err ? err : posix_spawn(pid, path, &actions, &attributes, argv, envp);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return err;
}

si_rc si_child_start(struct si_child *child, int ring, int lock, struct si_error *error) {
  char path[SI_PATH_MAX];
  int wires[2] = {-1, -1}, outputs[2] = {-1, -1};
  si_rc status = si_place_host(path, sizeof path, error);
  if (status != SI_OK) {
    return status;
  }
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wires) != 0 ||
      pipe2(outputs, O_CLOEXEC) != 0 || fcntl(wires[0], F_SETFL, O_NONBLOCK) != 0 ||
      fcntl(outputs[0], F_SETFL, O_NONBLOCK) != 0 ||
      prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
    status = si_error_errno(error, errno, "PLUGIN_START", "cannot prepare the provider's process");
  }
  int high[] = {lift(wires[1]), lift(ring), lift(lock), lift(outputs[1])};
  pid_t pid = 0;
  /* Without its lock the child would not own the operation that it works on. */
  if (status == SI_OK &&
      (high[0] < 0 || high[1] < 0 || (lock >= 0 && high[2] < 0) || high[3] < 0)) {
    status = si_error_errno(error, errno, "PLUGIN_START", "cannot prepare the provider's process");
  }
  if (status == SI_OK) {
    int err = spawn(path, high[0], high[1], high[2], high[3], &pid);
    if (err) {
      si_error_errno(error, err, "PLUGIN_START", "cannot start %s", path);
      status = si_error_hint(error, "is si installed whole? `cmake --install` puts it there");
    }
  }
  for (size_t i = 0; i < sizeof high / sizeof *high; i++) {
    si_close(&high[i]);
  }
  si_close(&wires[1]);
  si_close(&outputs[1]);
  if (status != SI_OK) {
    si_close(&wires[0]);
    si_close(&outputs[0]);
    return status;
  }
  remember(0, pid);
  *child = (struct si_child){.pid = pid, .wire = wires[0], .output = outputs[0], .pidfd = -1};
  child->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  return SI_OK;
}

void si_child_signal(const struct si_child *child, int number) {
  if (child->pid > 0) {
    kill(-child->pid, number); /* its session; fails harmlessly in its first moments */
    kill(child->pid, number);
  }
}

void si_child_reap(struct si_child *child, int ms) {
  if (child->pid <= 0) {
    return;
  }
  struct pollfd wait = {.fd = child->pidfd, .events = POLLIN};
  while (child->pidfd >= 0 && poll(&wait, 1, ms) < 0 && errno == EINTR) {
  }
  /* While it is not waited for, its number is its own: what stayed in its session goes now. Its
   * own end, where it has come, stays what it was. */
  si_child_signal(child, SIGKILL);
  while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR) {
  }
  remember(child->pid, 0);
  child->pid = 0;
}

static int is_living(pid_t pid) {
  for (size_t i = 0; i < CHILDREN_MAX; i++) {
    if (living[i] == pid) {
      return 1;
    }
  }
  return 0;
}

void si_child_sweep(void) {
  /* Killing one can hand us its children: look again until none is left (bounded). */
  for (int round = 0; round < 100; round++) {
    char path[64];
    int found = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "re");
    for (long pid; file && fscanf(file, "%ld", &pid) == 1;) {
      /* What shares our session was ours before: a shell that became si by exec had children, and
       * nothing that si-host starts can come here. */
      if (!is_living((pid_t)pid) && getsid((pid_t)pid) != getsid(0)) {
        kill((pid_t)pid, SIGKILL);
        found += waitpid((pid_t)pid, NULL, 0) == (pid_t)pid;
      }
    }
    if (file) {
      fclose(file);
    }
    if (!found) {
      return;
    }
  }
}
