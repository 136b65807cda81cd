/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/sandbox_tell.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include "core/wire/wire.h"
#include "kit/base/path.h"
#include "kit/base/text.h"

/* --- the place that is let through: one system call instruction, known by its address --- */

long si_sandbox_through(long number, long a, long b, long c, long d, long e, long f);
extern const char si_sandbox_through_end[];

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
__asm__(
    ".pushsection .text\n"
    ".globl si_sandbox_through\n.type si_sandbox_through, @function\n"
    "si_sandbox_through:\n"
    "  endbr64\n"
    "  mov %rdi, %rax\n  mov %rsi, %rdi\n  mov %rdx, %rsi\n  mov %rcx, %rdx\n"
    "  mov %r8, %r10\n  mov %r9, %r8\n  mov 8(%rsp), %r9\n"
    "  syscall\n"
    ".globl si_sandbox_through_end\n"
    "si_sandbox_through_end:\n"
    "  ret\n"
    ".popsection\n");

static void arguments(const ucontext_t *context, long to[6]) {
  static const int registers[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
  for (size_t i = 0; i < 6; i++) {
    to[i] = context->uc_mcontext.gregs[registers[i]];
  }
}

static void set_result(ucontext_t *context, long result) {
  context->uc_mcontext.gregs[REG_RAX] = result;
}
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
__asm__(
    ".pushsection .text\n"
    ".globl si_sandbox_through\n.type si_sandbox_through, %function\n"
    "si_sandbox_through:\n"
    "  mov x8, x0\n  mov x0, x1\n  mov x1, x2\n  mov x2, x3\n"
    "  mov x3, x4\n  mov x4, x5\n  mov x5, x6\n"
    "  svc 0\n"
    ".globl si_sandbox_through_end\n"
    "si_sandbox_through_end:\n"
    "  ret\n"
    ".popsection\n");

static void arguments(const ucontext_t *context, long to[6]) {
  for (size_t i = 0; i < 6; i++) {
    to[i] = (long)context->uc_mcontext.regs[i];
  }
}

static void set_result(ucontext_t *context, long result) {
  context->uc_mcontext.regs[0] = (unsigned long long)result;
}
#else
#error "say how a system call is made here"
#endif

/* --- the calls --- */

enum how { BY_FLAGS, BY_OPEN_HOW, WRITES };

/* `at`: the first argument is a directory, and only AT_FDCWD is looked at. A store that works below
 * directories that it holds open pays for what it opens alone. */
static const struct call {
  int number;
  unsigned path; /* which argument */
  bool has_dir;
  bool at;
  enum how how;
  unsigned flags; /* BY_FLAGS: which argument */
} calls[] = {
    {SYS_openat, 1, true, false, BY_FLAGS, 2},  {SYS_openat2, 1, true, false, BY_OPEN_HOW, 2},
    {SYS_truncate, 0, false, false, WRITES, 0}, {SYS_mkdirat, 1, true, true, WRITES, 0},
    {SYS_unlinkat, 1, true, true, WRITES, 0},   {SYS_renameat2, 1, true, true, WRITES, 0},
#ifdef SYS_open /* older machines have these, too */
    {SYS_open, 0, false, false, BY_FLAGS, 1},   {SYS_creat, 0, false, false, WRITES, 0},
    {SYS_mkdir, 0, false, false, WRITES, 0},    {SYS_rmdir, 0, false, false, WRITES, 0},
    {SYS_unlink, 0, false, false, WRITES, 0},   {SYS_rename, 0, false, false, WRITES, 0},
#endif
};
enum { CALLS = sizeof calls / sizeof *calls };

/* --- what is allowed --- */

enum { ALLOWED_MAX = 200, PATHS_BYTES = 64 * 1024, TOLD_MAX = 20, TOLD_PATH = 300 };

static struct {
  const char *path;
  size_t len;
  bool writable;
} allowed[ALLOWED_MAX];
static size_t allowed_count;
static char paths[PATHS_BYTES];
static size_t paths_used;

void si_sandbox_allowed(const char *path, bool writable) {
  const size_t len = strlen(path);
  if (allowed_count < ALLOWED_MAX && len + 1 <= sizeof paths - paths_used) {
    memcpy(paths + paths_used, path, len + 1);
    allowed[allowed_count].path = paths + paths_used;
    allowed[allowed_count].len = len;
    allowed[allowed_count++].writable = writable;
    paths_used += len + 1;
  }
}

/* What libraries look for by themselves, and do without. */
static bool is_usual(const char *path) {
  static const char *const usual[] = {
      "/etc/ld.so.preload", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/hosts",
      "/etc/host.conf",     "/etc/gai.conf",      "/etc/services",    "/etc/protocols",
      "/etc/passwd",        "/etc/group",         "/etc/localtime",   "/etc/ssl/private"};
  for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
    if (strcmp(path, usual[i]) == 0) {
      return true;
    }
  }
  return false;
}

static bool is_allowed(const char *path, bool writes) {
  for (size_t i = 0; i < allowed_count; i++) {
    const size_t len = allowed[i].len;
    if ((allowed[i].writable || !writes) && strncmp(path, allowed[i].path, len) == 0 &&
        (path[len] == '/' || path[len] == '\0' || len == 1)) {
      return !strstr(path, "/../");
    }
  }
  return !writes && is_usual(path);
}

/* --- the telling; in a signal handler, on any thread --- */

static atomic_uint told_count;

/* The path as it was given; what it is relative to goes before it. */
static void name_path(const struct call *call, const long a[6], char to[TOLD_PATH]) {
  const char *path;
  char link[40];
  memcpy(&path, &a[call->path], sizeof path);
  size_t len = 0;
  if (path[0] != '/') {
    const int dir = call->has_dir ? (int)a[0] : AT_FDCWD;
    if (dir == AT_FDCWD) {
      snprintf(link, sizeof link, "/proc/self/cwd");
    } else {
      snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    }
    ssize_t n = readlink(link, to, TOLD_PATH / 2);
    len = n > 0 ? (size_t)n : 0;
    to[len++] = '/';
  }
  snprintf(to + len, TOLD_PATH - len, "%s", path);
}

static bool wants_to_write(const struct call *call, const long a[6]) {
  const struct open_how *how;
  switch (call->how) {
    case BY_FLAGS: return a[call->flags] & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC);
    case BY_OPEN_HOW:
      memcpy(&how, &a[2], sizeof how);
      return how->flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC);
    default: return true;
  }
}

/* The kernel could read the path: it looked at what it names. */
static void tell(const struct call *call, const long a[6]) {
  char path[TOLD_PATH];
  char line[TOLD_PATH + 160];
  name_path(call, a, path);
  for (char *c = path; *c; c++) {
    *c = *c < ' ' || *c > '~' || *c == ',' ? '?' : *c;
  }
  if (is_allowed(path, wants_to_write(call, a)) || atomic_fetch_add(&told_count, 1) >= TOLD_MAX) {
    return;
  }
  int len = snprintf(line, sizeof line,
                     "\n" SI_TOLD_FILE "%s, which the plugin does not declare to need\n", path);
  if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0) {
    return; /* nobody listens: it is stopped all the same */
  }
}

/* Blocks what is asked for but SIGSYS: in the mask that the thread goes on with. */
static long set_mask(ucontext_t *context, const long a[6]) {
  uint64_t now, set, *old;
  const uint64_t *given;
  const uint64_t kept = 1ull << (SIGSYS - 1);
  memcpy(&given, &a[1], sizeof given);
  memcpy(&old, &a[2], sizeof old);
  if (a[3] != sizeof set) {
    return -EINVAL;
  }
  memcpy(&now, &context->uc_sigmask, sizeof now);
  memcpy(&set, given, sizeof set);
  set &= ~kept;
  if (old) {
    memcpy(old, &now, sizeof now);
  }
  now = a[0] == SIG_BLOCK ? now | set : set;
  memcpy(&context->uc_sigmask, &now, sizeof now);
  return 0;
}

bool si_sandbox_tell(const siginfo_t *info, void *context) {
  long a[6];
  arguments(context, a);
  if (info->si_syscall == SYS_rt_sigprocmask) {
    set_result(context, set_mask(context, a));
    return true;
  }
  for (size_t i = 0; i < CALLS; i++) {
    if (calls[i].number == info->si_syscall) {
      long result = si_sandbox_through(calls[i].number, a[0], a[1], a[2], a[3], a[4], a[5]);
      if (result == -EACCES) {
        tell(&calls[i], a);
      }
      set_result(context, result);
      return true;
    }
  }
  return false;
}

/* --- the filter: beside the one that refuses, for libseccomp knows no addresses --- */

struct program {
  struct sock_filter code[10 * CALLS + 16]; /* what the longest call takes, and the frame */
  unsigned short len;
};

static void add(struct program *p, uint32_t code, uint32_t k, uint8_t if_true, uint8_t if_false) {
  p->code[p->len++] = (struct sock_filter){(uint16_t)code, if_true, if_false, k};
}

static void load(struct program *p, size_t offset) {
  add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(struct program *p, uint32_t action) {
  add(p, BPF_RET | BPF_K, action, 0, 0);
}

/* Where the value that was loaded is `k`: the next `count` instructions; else beyond them. */
static void where_is(struct program *p, uint32_t k, uint8_t count) {
  add(p, BPF_JMP | BPF_JEQ | BPF_K, k, 0, count);
}

static void low_argument(struct program *p, size_t i) {
  load(p, offsetof(struct seccomp_data, args) + 8 * i);
}

/* Little-endian: the low half comes first. */
static void trap_but_from(struct program *p, const char *end) {
  const uint64_t address = (uint64_t)(uintptr_t)end;
  load(p, offsetof(struct seccomp_data, instruction_pointer));
  where_is(p, (uint32_t)address, 3);
  load(p, offsetof(struct seccomp_data, instruction_pointer) + 4);
  where_is(p, (uint32_t)(address >> 32), 1);
  answer(p, SECCOMP_RET_ALLOW);
  answer(p, SECCOMP_RET_TRAP);
}

static void write_program(struct program *p) {
  p->len = 0;
  load(p, offsetof(struct seccomp_data, arch));
  add(p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
  answer(p, SECCOMP_RET_ALLOW); /* the other filter kills it */
  load(p, offsetof(struct seccomp_data, nr));
  where_is(p, SYS_rt_sigprocmask, 7);
  low_argument(p, 0);
  where_is(p, SIG_UNBLOCK, 1);
  answer(p, SECCOMP_RET_ALLOW);
  low_argument(p, 1); /* no set: it only asks */
  where_is(p, 0, 1);
  answer(p, SECCOMP_RET_ALLOW);
  answer(p, SECCOMP_RET_TRAP);
  for (size_t i = 0; i < CALLS; i++) {
    where_is(p, (uint32_t)calls[i].number, calls[i].at ? 9 : 6);
    if (calls[i].at) {
      low_argument(p, 0);
      add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)AT_FDCWD, 1, 0);
      answer(p, SECCOMP_RET_ALLOW);
    }
    trap_but_from(p, si_sandbox_through_end);
  }
  answer(p, SECCOMP_RET_ALLOW);
}

si_rc si_sandbox_tell_files(struct si_error *error) {
  struct program program;
  write_program(&program);
  const struct sock_fprog filter = {program.len, program.code};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    si_error_errno(error, errno, "PLUGIN_SANDBOX", "cannot watch the provider's files");
    error->status = SI_E_REFUSED;
    return SI_E_REFUSED;
  }
  return SI_OK;
}
