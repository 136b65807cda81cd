/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/crash.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FRAMES_MAX = 64, STACK_BYTES = 64 * 1024 };

_Thread_local const char *calling;

static const char *plugin_path;
static int tell_to;
static pid_t watched;
static unsigned char stack[STACK_BYTES]; /* the plugin's own may be what overflowed */

/* The instruction that the signal came from. */
static uintptr_t interrupted_at(const void *context) {
  const ucontext_t *at = context;
#if defined(__x86_64__)
  return (uintptr_t)at->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
  return (uintptr_t)at->uc_mcontext.pc;
#else
  (void)at;
  return 0;
#endif
}

/* The innermost place in the plugin, from its file's beginning in memory; 0 where there is none.
 * An address that is returned to lies behind the call: one byte less is the line that called. */
static uintptr_t innermost(uintptr_t interrupted) {
  void *frames[FRAMES_MAX];
  int count = backtrace(frames, FRAMES_MAX);
  for (int i = 0; i < count; i++) {
    Dl_info info;
    if (dladdr(frames[i], &info) && info.dli_fname && strcmp(info.dli_fname, plugin_path) == 0) {
      uintptr_t at = (uintptr_t)frames[i];
      return at - (uintptr_t)info.dli_fbase - (at == interrupted ? 0 : 1);
    }
  }
  return 0;
}

static void on_crash(int number, siginfo_t *info, void *context) {
  char line[512];
  (void)info;
  if (getpid() == watched) { /* and not a child of the plugin's */
    const char *name = strrchr(plugin_path, '/') + 1;
    const char *call = calling ? calling : "";
    uintptr_t at = innermost(interrupted_at(context));
    int n =
        at ? snprintf(line, sizeof line,
                      "%c in %s, at %.64s+0x%zx; built with -g, its line is: addr2line -e %.64s "
                      "0x%zx",
                      CRASH_MARK, call, name, (size_t)at, name, (size_t)at)
           : snprintf(line, sizeof line, "%c outside of its code; its last call was %s", CRASH_MARK,
                      *call ? call : "none");
    ssize_t sent = write(tell_to, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
    (void)sent; /* the signal itself still tells */
  }
  raise(number); /* its own action is back, and takes it once this handler returns */
}

void crash_prepare(void) {
  void *frame[1];
  (void)backtrace(frame, 1);
}

void crash_watch(const char *plugin, int fd) {
  static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
  const stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
  const struct sigaction action = {.sa_sigaction = on_crash,
                                   .sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND};
  plugin_path = plugin;
  tell_to = fd;
  watched = getpid();
  sigaltstack(&own, NULL);
  for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) {
    sigaction(fatal[i], &action, NULL);
  }
}
