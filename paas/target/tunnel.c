/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/target/tunnel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/base/path.h"
#include "kit/base/text.h"

#define SSH "/usr/bin/ssh"
#define ALIAS "si-target" /* the name that the pinned key stands under */

enum { LOOK_MS = 20, LONGEST_MS = 30000, END_MS = 2000 };

/* --- its files --- */

static si_rc make_files(struct si_tunnel *tunnel, const struct si_tunnel_way *way,
                        struct si_error *error) {
  struct si_buf line SI_AUTO(si_buf_free) = SI_BUF(16384);
  si_rc status = si_den_make(&tunnel->den, error);
  if (status != SI_OK) {
    return status;
  }
  snprintf(tunnel->socket, sizeof tunnel->socket, "%s/engine", tunnel->den.path);
  status = si_buf_printf(&line, "%s %s\n", ALIAS, way->host_key);
  status =
      status == SI_OK ? si_write_file(tunnel->den.fd, "known", line.data, line.len, 0600) : status;
  return status == SI_OK ? SI_OK
                         : si_error_set(error, status, "TARGET_TUNNEL",
                                        "the host key cannot be written to %s", tunnel->den.path);
}

/* --- the process --- */

/* In the child, between fork and exec: nothing that takes a lock. It stays in our session, which
 * the sweep after a provider's child spares (core/host/child.h), out of reach of the terminal's
 * SIGINT.
 */
static void become(char *const *argv, int said, pid_t parent) {
  static char *const none[] = {NULL};
  sigset_t all;
  sigemptyset(&all);
  int null = open("/dev/null", O_RDWR);
  if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent || setpgid(0, 0) != 0 ||
      null < 0 || dup2(said, 2) < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || chdir("/") != 0) {
    _exit(127);
  }
  close_range(3, ~0U, 0);
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, &all, NULL);
  execve(SSH, argv, none);
  _exit(127);
}

static si_rc spawn(struct si_tunnel *tunnel, const struct si_tunnel_way *way,
                   struct si_error *error) {
  char known[128], identity[SI_PATH_MAX + 16], forward[256];
  int pipes[2];
  snprintf(known, sizeof known, "UserKnownHostsFile=%s/known", tunnel->den.path);
  snprintf(identity, sizeof identity, "IdentityFile=%s", way->identity);
  snprintf(forward, sizeof forward, "%s:%s", tunnel->socket, way->socket);
  const char *const argv[] = {"ssh",  "-F",
                              "none", "-N",
                              "-T",   "-n",
                              "-x",   "-a",
                              "-o",   "BatchMode=yes",
                              "-o",   "StrictHostKeyChecking=yes",
                              "-o",   known,
                              "-o",   "GlobalKnownHostsFile=/dev/null",
                              "-o",   "HostKeyAlias=" ALIAS,
                              "-o",   "CheckHostIP=no",
                              "-o",   "UpdateHostKeys=no",
                              "-o",   "VerifyHostKeyDNS=no",
                              "-o",   "IdentitiesOnly=yes",
                              "-o",   "IdentityAgent=none",
                              "-o",   identity,
                              "-o",   "PreferredAuthentications=publickey",
                              "-o",   "ExitOnForwardFailure=yes",
                              "-o",   "ConnectTimeout=15",
                              "-o",   "ServerAliveInterval=5",
                              "-o",   "ServerAliveCountMax=3",
                              "-o",   "StreamLocalBindMask=0177",
                              "-o",   "ControlMaster=no",
                              "-o",   "ControlPath=none",
                              "-o",   "PermitLocalCommand=no",
                              "-o",   "LogLevel=ERROR",
                              "-L",   forward,
                              "-p",   way->address.port,
                              "-l",   way->address.user,
                              "--",   way->address.host,
                              NULL};
  if (pipe2(pipes, O_CLOEXEC) != 0) {
    return si_error_errno(error, errno, "TARGET_TUNNEL", "cannot start %s", SSH);
  }
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0) {
    become((char *const *)argv, pipes[1], parent);
  }
  int err = errno;
  close(pipes[1]);
  if (pid < 0) {
    close(pipes[0]);
    return si_error_errno(error, err, "TARGET_TUNNEL", "cannot start %s", SSH);
  }
  fcntl(pipes[0], F_SETFL, O_NONBLOCK);
  tunnel->said = pipes[0];
  tunnel->pid = pid;
  return SI_OK;
}

/* --- is it well? --- */

/* One line; control characters must not reach a terminal. */
static void take_words(struct si_tunnel *tunnel) {
  char piece[512];
  ssize_t n;
  while (tunnel->said >= 0 && (n = read(tunnel->said, piece, sizeof piece)) > 0) {
    for (ssize_t i = 0; i < n; i++) {
      size_t len = strlen(tunnel->words);
      if (len + 2 >= sizeof tunnel->words) {
        memmove(tunnel->words, tunnel->words + len / 2, len - len / 2 + 1);
        len -= len / 2;
      }
      unsigned char c = (unsigned char)piece[i];
      tunnel->words[len] = (char)(c < 0x20 || c >= 0x7F ? ' ' : c);
      tunnel->words[len + 1] = '\0';
    }
  }
}

bool si_tunnel_runs(struct si_tunnel *tunnel) {
  take_words(tunnel);
  if (tunnel->pid > 0 && waitpid(tunnel->pid, NULL, WNOHANG) != 0) {
    tunnel->pid = 0;
    take_words(tunnel);
  }
  return tunnel->pid > 0;
}

static bool listens(const struct si_tunnel *tunnel) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd SI_AUTO(si_close) = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  si_copy(address.sun_path, sizeof address.sun_path, tunnel->socket);
  return access(tunnel->socket, F_OK) == 0 && fd >= 0 &&
         connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
}

static si_rc unreachable(struct si_tunnel *tunnel, const struct si_tunnel_way *way, const char *how,
                         struct si_error *error) {
  si_error_set(error, SI_E_UNAVAILABLE, "TARGET_UNREACHABLE", "%s@%s, port %s, %s%s%s",
               way->address.user, way->address.host, way->address.port, how,
               tunnel->words[0] ? ": " : "", tunnel->words);
  error->retry = SI_RETRY_SAFE;
  return si_error_hint(error,
                       "try it by hand: ssh -i %.200s -p %s %s@%s true; a host key that changed "
                       "is looked into before the target is added anew",
                       way->identity, way->address.port, way->address.user, way->address.host);
}

static si_rc wait_for(struct si_tunnel *tunnel, const struct si_tunnel_way *way,
                      uint64_t deadline_ns, int interrupt_fd, struct si_error *error) {
  uint64_t longest = si_monotonic_ns() + LONGEST_MS * 1000000ull;
  uint64_t deadline = deadline_ns && deadline_ns < longest ? deadline_ns : longest;
  struct pollfd interrupt = {.fd = interrupt_fd, .events = POLLIN};
  for (;;) {
    if (!si_tunnel_runs(tunnel)) {
      return unreachable(tunnel, way, "cannot be reached", error);
    }
    if (listens(tunnel)) {
      return SI_OK;
    }
    if (si_monotonic_ns() >= deadline) {
      return unreachable(tunnel, way, "does not answer in time", error);
    }
    if (poll(&interrupt, 1, LOOK_MS) > 0) {
      return si_error_set(error, SI_E_CANCELLED, "CANCELLED", "interrupted while connecting");
    }
  }
}

si_rc si_tunnel_start(struct si_tunnel *tunnel, const struct si_tunnel_way *way,
                      uint64_t deadline_ns, int interrupt_fd, struct si_error *error) {
  if (access(SSH, X_OK) != 0) {
    si_error_set(error, SI_E_UNSUPPORTED, "TARGET_TUNNEL", "there is no %s", SSH);
    return si_error_hint(error, "install OpenSSH's client");
  }
  si_rc status = make_files(tunnel, way, error);
  status = status == SI_OK ? spawn(tunnel, way, error) : status;
  return status == SI_OK ? wait_for(tunnel, way, deadline_ns, interrupt_fd, error) : status;
}

/* --- its end --- */

static void reap(pid_t pid) {
  uint64_t end = si_monotonic_ns() + END_MS * 1000000ull;
  kill(pid, SIGTERM);
  while (waitpid(pid, NULL, WNOHANG) == 0) {
    if (si_monotonic_ns() >= end) {
      kill(pid, SIGKILL);
    }
    poll(NULL, 0, 5);
  }
}

void si_tunnel_end(struct si_tunnel *tunnel) {
  if (si_tunnel_runs(tunnel)) {
    reap(tunnel->pid);
    tunnel->pid = 0;
  }
  si_close(&tunnel->said);
  si_den_remove(&tunnel->den);
}
