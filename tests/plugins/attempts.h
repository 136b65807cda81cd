/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/plugins/attempts.h - what a hostile plugin tries, one function each: 0, or the errno value
 * that it failed with. The test makes the same attempts itself, to show that they would succeed.
 */
#ifndef SI_TESTS_PLUGINS_ATTEMPTS_H
#define SI_TESTS_PLUGINS_ATTEMPTS_H

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int try_open(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC, 0600);
  if (fd < 0) {
    return errno;
  }
  close(fd);
  return 0;
}

static int try_read(const char *path) {
  return try_open(path, O_RDONLY);
}

static int try_write(const char *path) {
  return try_open(path, O_WRONLY | O_CREAT);
}

/* By a thread that blocks all signals, as many a library's do. */
static int try_masked(const char *path) {
  sigset_t all, before;
  sigfillset(&all);
  int err = pthread_sigmask(SIG_SETMASK, &all, &before);
  err = err ? err : try_open(path, O_RDONLY);
  return pthread_sigmask(SIG_SETMASK, &before, NULL) ? EINVAL : err;
}

static int try_cut(const char *path) {
  return truncate(path, 0) == 0 ? 0 : errno;
}

static int try_remove(const char *path) {
  return unlink(path) == 0 ? 0 : errno;
}

static int try_mkdir(const char *path) {
  return mkdir(path, 0700) == 0 ? 0 : errno;
}

static int try_chmod(const char *path) {
  return chmod(path, 0777) == 0 ? 0 : errno;
}

static int try_environ(const char *path) {
  char name[64];
  (void)path;
  snprintf(name, sizeof name, "/proc/%d/environ", (int)getppid());
  return try_open(name, O_RDONLY);
}

static int try_shadow(const char *path) {
  (void)path;
  return try_open("/etc/shadow", O_RDONLY);
}

static int try_socket(int domain) {
  int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return errno;
  }
  close(fd);
  return 0;
}

static int try_tcp(const char *path) {
  (void)path;
  return try_socket(AF_INET);
}

/* Behind much else that it says, which has no end. */
static int try_murmur(const char *path) {
  for (int i = 0; i < 1000; i++) {
    fputs("psst. ", stderr);
  }
  fflush(stderr);
  return try_tcp(path);
}

static int try_unix(const char *path) {
  (void)path;
  return try_socket(AF_UNIX);
}

static int try_vsock(const char *path) {
  (void)path;
  return try_socket(40);
}

static int try_ptrace(const char *path) {
  (void)path;
  pid_t parent = getppid();
  if (ptrace(PTRACE_ATTACH, parent, NULL, NULL) != 0) {
    return errno;
  }
  waitpid(parent, NULL, __WALL);
  ptrace(PTRACE_DETACH, parent, NULL, NULL);
  return 0;
}

/* A process that would outlive the operation. */
static pid_t forked;

static int try_fork(const char *path) {
  (void)path;
  forked = fork();
  if (forked == 0) {
    setsid();
    for (;;) {
      pause();
    }
  }
  return forked > 0 ? 0 : errno;
}

static int try_exec(const char *path) {
  char *const argv[] = {(char *)"sh", (char *)"-c", (char *)"exit 3", NULL};
  pid_t pid;
  int status = 0;
  (void)path;
  int err = posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, NULL);
  if (err) {
    return err;
  }
  return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 3 ? 0
                                                                                          : ECHILD;
}

static int try_mount(const char *path) {
  return mount("none", path, "tmpfs", 0, NULL) == 0 ? 0 : errno;
}

static int try_namespace(const char *path) {
  (void)path;
  return unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
}

static int try_kill(const char *path) {
  (void)path;
  return kill(getppid(), 0) == 0 ? 0 : errno;
}

static int try_limit(const char *path) {
  struct rlimit now;
  (void)path;
  return prlimit(getppid(), RLIMIT_NOFILE, NULL, &now) == 0 ? 0 : errno;
}

/* To go on unseen, and to outlive si. */
static int try_silence(const char *path) {
  (void)path;
  return signal(SIGSYS, SIG_IGN) != SIG_ERR ? 0 : errno;
}

static int try_outlive(const char *path) {
  (void)path;
  return prctl(PR_SET_PDEATHSIG, 0) == 0 ? 0 : errno;
}

/* --- what must go on working --- */

static void *run_thread(void *argument) {
  *(int *)argument = raise(0);
  return NULL;
}

static int try_thread(const char *path) {
  pthread_t thread;
  int ran = -1;
  (void)path;
  int err = pthread_create(&thread, NULL, run_thread, &ran);
  return err ? err : pthread_join(thread, NULL) ? EINVAL : ran;
}

static int try_usual(const char *path) {
  struct addrinfo *found = NULL;
  (void)path;
  int err = try_open("/dev/urandom", O_RDONLY);
  err = err ? err : try_open("/dev/null", O_RDWR);
  err = err ? err : try_open("/proc/self/status", O_RDONLY);
  if (!err && getaddrinfo("127.0.0.1", NULL, NULL, &found) == 0) {
    freeaddrinfo(found);
  }
  return err;
}

static const struct {
  const char *name;
  int (*run)(const char *path);
} attempts[] = {
    {"masked", try_masked}, {"read", try_read},           {"write", try_write},
    {"cut", try_cut},       {"remove", try_remove},       {"mkdir", try_mkdir},
    {"chmod", try_chmod},   {"environ", try_environ},     {"shadow", try_shadow},
    {"tcp", try_tcp},       {"unix", try_unix},           {"vsock", try_vsock},
    {"ptrace", try_ptrace}, {"fork", try_fork},           {"exec", try_exec},
    {"mount", try_mount},   {"namespace", try_namespace}, {"kill", try_kill},
    {"limit", try_limit},   {"silence", try_silence},     {"outlive", try_outlive},
    {"thread", try_thread}, {"usual", try_usual},         {"murmur", try_murmur},
};

static int attempt(const char *name, const char *path) {
  for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
    if (strcmp(attempts[i].name, name) == 0) {
      return attempts[i].run(path);
    }
  }
  return EINVAL;
}

#endif
