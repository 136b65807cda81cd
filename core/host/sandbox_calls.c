/* SPDX-License-Identifier: Apache-2.0 */
/* core/host/sandbox_calls.c - the sandbox's system calls, by seccomp. */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include "core/host/sandbox.h"
#include "core/host/sandbox_tell.h"
#include "core/wire/wire.h"

/* --- a call that is refused fails, and is told --- */

/* Younger than the headers; the same number everywhere. */
enum { SYS_FCHMODAT2 = 452 };

enum { TELLABLE = 512, NAME_MAX_LEN = 32 };
static char names[TELLABLE][NAME_MAX_LEN]; /* by number, filled before the filter is there */
static atomic_bool told[TELLABLE];

/* Makes the call that was trapped fail with EPERM. */
static void fail_call(ucontext_t *context) {
#if defined __x86_64__
  context->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined __aarch64__
  context->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
#else
#error "say how a system call's result is set here"
#endif
}

static void stopped(int number, siginfo_t *info, void *context) {
  const int call = info->si_syscall;
  char line[160];
  const int saved = errno;
  (void)number;
  if (si_sandbox_tell(info, context)) {
    errno = saved;
    return;
  }
  fail_call(context);
  if (call >= 0 && call < TELLABLE && atomic_exchange(&told[call], true)) {
    return;
  }
  int len = snprintf(line, sizeof line,
                     "\n" SI_TOLD_CALL "%s, number %d, which the plugin does not declare to need\n",
                     call >= 0 && call < TELLABLE ? names[call] : "", call);
  if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0) {
    errno = saved; /* nobody listens: it is stopped all the same */
  }
  errno = saved;
}

static bool hear(void) {
  const struct sigaction action = {.sa_sigaction = stopped,
                                   .sa_flags = (int)(SA_SIGINFO | SA_NODEFER | SA_RESTART)};
  return sigaction(SIGSYS, &action, NULL) == 0;
}

/* --- the filter --- */

struct filter {
  scmp_filter_ctx ctx;
  uint32_t refuse; /* tells, or fails only */
  int failed;      /* the first failure, as a negative errno value */
};

static void note_name(int call) {
  char *name = call >= 0 && call < TELLABLE
                   ? seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call)
                   : NULL;
  if (name) {
    snprintf(names[call], NAME_MAX_LEN, "%s", name);
    free(name);
  }
}

static void refuse_where(struct filter *f, int call, struct scmp_arg_cmp argument) {
  note_name(call);
  int err = seccomp_rule_add_array(f->ctx, f->refuse, call, 1, &argument);
  f->failed = f->failed ? f->failed : err;
}

static void refuse(struct filter *f, int call) {
  note_name(call);
  int err = seccomp_rule_add_array(f->ctx, f->refuse, call, 0, NULL);
  f->failed = f->failed ? f->failed : err;
}

/* The kernel takes 32 bits of such an argument: what stands above them must not lead past a rule.
 */
static struct scmp_arg_cmp is(unsigned argument, uint32_t value) {
  return (struct scmp_arg_cmp){argument, SCMP_CMP_MASKED_EQ, UINT32_MAX, value};
}
static struct scmp_arg_cmp is_not(unsigned argument, uint64_t value) {
  return (struct scmp_arg_cmp){argument, SCMP_CMP_NE, value, 0};
}

/* What no provider needs: into other processes, into the kernel, around Landlock. */
static void refuse_always(struct filter *f) {
  static const int calls[] = {
      /* other processes */
      SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(process_madvise),
      SCMP_SYS(process_mrelease), SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp), SCMP_SYS(shmget),
      SCMP_SYS(shmat), SCMP_SYS(semget), SCMP_SYS(msgget), SCMP_SYS(migrate_pages),
      SCMP_SYS(move_pages),
      /* mounts, roots and namespaces */
      SCMP_SYS(mount), SCMP_SYS(umount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
      SCMP_SYS(open_tree), SCMP_SYS(move_mount), SCMP_SYS(fsopen), SCMP_SYS(fsconfig),
      SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(setns),
      SCMP_SYS(unshare), SCMP_SYS(open_by_handle_at), SCMP_SYS(fanotify_init),
      /* the kernel */
      SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(bpf),
      SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(kexec_load),
      SCMP_SYS(kexec_file_load), SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter),
      SCMP_SYS(io_uring_register), SCMP_SYS(syslog), SCMP_SYS(lookup_dcookie),
      /* its keys */
      SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl),
      /* the machine */
      SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct), SCMP_SYS(quotactl),
      SCMP_SYS(quotactl_fd), SCMP_SYS(sethostname), SCMP_SYS(setdomainname), SCMP_SYS(settimeofday),
      SCMP_SYS(clock_settime), SCMP_SYS(iopl), SCMP_SYS(ioperm), SCMP_SYS(vhangup)};
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    refuse(f, calls[i]);
  }
  refuse_where(f, SCMP_SYS(personality), is_not(0, 0xffffffff)); /* which asks */
  refuse_where(f, SCMP_SYS(prlimit64), is_not(0, 0));
  refuse_where(f, SCMP_SYS(ioctl), is(1, TIOCSTI)); /* types into a terminal */
  /* The telling stays. Not told: posix_spawn does it with all signals blocked, where it would die.
   */
  struct scmp_arg_cmp sigsys = is(0, SIGSYS);
  int err =
      seccomp_rule_add_array(f->ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(rt_sigaction), 1, &sigsys);
  f->failed = f->failed ? f->failed : err;
#ifndef __SANITIZE_ADDRESS__ /* whose search for leaks traces the process */
  refuse(f, SCMP_SYS(ptrace));
  refuse_where(f, SCMP_SYS(prctl), is(0, PR_SET_PDEATHSIG));
#endif
}

static void refuse_clones(struct filter *f) {
  static const uint64_t spaces[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                    CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
  for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
    refuse_where(f, SCMP_SYS(clone),
                 (struct scmp_arg_cmp){0, SCMP_CMP_MASKED_EQ, spaces[i], spaces[i]});
  }
  /* Its flags lie in memory, where no filter can see them; the C library then takes clone. */
  int err = seccomp_rule_add(f->ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  f->failed = f->failed ? f->failed : err;
}

/* Landlock holds what is opened. What is changed by name alone it does not: refused here, but to
 * programs, which do it as a matter of course. By descriptor it goes on. */
static void refuse_changes(struct filter *f) {
  static const int calls[] = {SCMP_SYS(chmod),     SCMP_SYS(fchmodat),     SCMP_SYS(chown),
                              SCMP_SYS(lchown),    SCMP_SYS(fchownat),     SCMP_SYS(setxattr),
                              SCMP_SYS(lsetxattr), SCMP_SYS(removexattr),  SCMP_SYS(utime),
                              SCMP_SYS(utimes),    SCMP_SYS(lremovexattr), SCMP_SYS(futimesat)};
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    refuse(f, calls[i]);
  }
  refuse(f, SYS_FCHMODAT2);
  refuse_where(f, SCMP_SYS(utimensat), is_not(1, 0)); /* futimens has no name */
}

/* Without programs: no other process at all, and no signals but to itself. */
static void refuse_programs(struct filter *f) {
  refuse_changes(f);
  refuse(f, SCMP_SYS(execve));
  refuse(f, SCMP_SYS(execveat));
  refuse(f, SCMP_SYS(fork));
  refuse(f, SCMP_SYS(vfork));
  refuse(f, SCMP_SYS(pidfd_send_signal));
#ifndef __SANITIZE_ADDRESS__
  const uint64_t own = (uint64_t)getpid();
  /* A child that borrows the memory until it starts a program comes as far as execve: posix_spawn
   * makes it with all signals blocked, and would die here. */
  refuse_where(f, SCMP_SYS(clone),
               (struct scmp_arg_cmp){0, SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VFORK, 0});
  refuse_where(f, SCMP_SYS(clone),
               (struct scmp_arg_cmp){0, SCMP_CMP_MASKED_EQ, CLONE_VM | CLONE_VFORK, CLONE_VFORK});
  refuse(f, SCMP_SYS(tkill));
  refuse_where(f, SCMP_SYS(kill), is_not(0, own));
  refuse_where(f, SCMP_SYS(tgkill), is_not(0, own));
  refuse_where(f, SCMP_SYS(rt_sigqueueinfo), is_not(0, own));
  refuse_where(f, SCMP_SYS(rt_tgsigqueueinfo), is_not(0, own));
#endif
}

static void refuse_sockets(struct filter *f, const struct si_needs *needs) {
  for (int domain = 0; domain <= AF_NETLINK; domain++) {
    bool net = domain == AF_INET || domain == AF_INET6 || domain == AF_NETLINK;
    bool allowed = domain == AF_UNIX ? needs->unix_sockets : net && needs->network;
    /* The C library's resolver tries a unix socket of nscd's, and does without: not told. */
    uint32_t action = domain == AF_UNIX && needs->network ? SCMP_ACT_ERRNO(EPERM) : f->refuse;
    const struct scmp_arg_cmp same = {0, SCMP_CMP_EQ, (uint64_t)domain, 0};
    int err = allowed ? 0 : seccomp_rule_add_array(f->ctx, action, SCMP_SYS(socket), 1, &same);
    f->failed = f->failed ? f->failed : err;
  }
  refuse_where(f, SCMP_SYS(socket), (struct scmp_arg_cmp){0, SCMP_CMP_GT, AF_NETLINK, 0});
}

si_rc si_sandbox_calls(const struct si_needs *needs, struct si_error *error) {
  struct filter f = {.ctx = seccomp_init(SCMP_ACT_ALLOW),
                     .refuse = needs->exec ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_TRAP};
  if (!f.ctx || !hear()) {
    seccomp_release(f.ctx);
    return si_error_set(error, SI_E_NOMEM, "PLUGIN_SANDBOX", "out of memory: the sandbox");
  }
  f.failed = seccomp_attr_set(f.ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  refuse_always(&f);
  refuse_clones(&f);
  if (!needs->exec) {
    refuse_programs(&f);
  }
  refuse_sockets(&f, needs);
  int err = f.failed ? f.failed : seccomp_load(f.ctx);
  seccomp_release(f.ctx);
  if (err) {
    si_error_errno(error, -err, "PLUGIN_SANDBOX", "cannot restrict the provider's system calls");
    error->status = SI_E_REFUSED;
    return SI_E_REFUSED;
  }
  return SI_OK;
}
