/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/conform/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/base/crypt.h"
#include "kit/base/text.h"
#include "sdk/conform/load.h"
#include "sdk/conform/scratch.h"

enum { CHILDREN_MAX = 64, VERDICT_FD = 3, OUTPUT_MAX = 64 * 1024 };

/* One check that runs. */
struct child {
  struct result *result;
  pid_t pid;
  int pidfd;
  int verdict; /* the pipe's reading end */
  int output;  /* what it writes on stdout and stderr */
  uint64_t started_ns;
  char dir[SI_PATH_MAX];
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
  interrupted = number;
}

/* --- the child --- */

_Noreturn void verdict_send(int verdict, const char *reason) {
  char line[1040];
  int n = snprintf(line, sizeof line, "%d %s", verdict, reason);
  size_t len = n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
  _exit(si_write_all(VERDICT_FD, line, len) == 0 ? 0 : 125);
}

/* Not only forgotten: what stood in it (a secret, perhaps) must not be found in memory. */
static void wipe_environment(void) {
  for (char **at = environ; at && *at; at++) {
    si_wipe(*at, strlen(*at));
  }
  clearenv();
}

/* The plugin's process: an empty environment, nothing open but 0 to 3, no core file, a group of
 * its own, and an end with the kit's. */
static void settle(int verdict, int output, pid_t parent) {
  const struct rlimit none = {0, 0};
  int null = open("/dev/null", O_RDONLY);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  setpgid(0, 0);
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (getppid() != parent || null < 0 || dup2(verdict, 63) < 0 || dup2(output, 62) < 0 ||
      dup2(null, 0) < 0 || dup2(62, 1) < 0 || dup2(62, 2) < 0 || dup2(63, VERDICT_FD) < 0) {
    _exit(125);
  }
  closefrom(VERDICT_FD + 1);
  wipe_environment();
}

static _Noreturn void child_run(const struct run *run, const struct result *result,
                                const char *dir) {
  struct trial t = {.options = run->options, .check = result->check};
  uint64_t hash = run->options->seed;
  for (const char *at = result->check->id; *at; at++) {
    hash = hash * 31 + (unsigned char)*at; /* so that --only gives a check the same numbers */
  }
  t.random = hash;
  si_copy(t.dir, sizeof t.dir, dir);
  crash_watch(run->options->plugin, VERDICT_FD);
  load_for(&t, result->provider);
  result->check->run(&t);
  verdict_send(PASS, "");
}

static int start(const struct run *run, struct result *result, struct child *child) {
  int pipes[2];
  pid_t parent = getpid();
  memset(child, 0, sizeof *child);
  if (scratch_make(run->dir, child->dir, sizeof child->dir) != 0 || pipe2(pipes, O_CLOEXEC) != 0) {
    return -1;
  }
  child->output = memfd_create("output", MFD_CLOEXEC);
  child->result = result;
  child->started_ns = si_monotonic_ns();
  fflush(NULL);
  child->pid = fork();
  if (child->pid == 0) {
    settle(pipes[1], child->output, parent);
    child_run(run, result, child->dir);
  }
  close(pipes[1]);
  child->verdict = pipes[0];
  child->pidfd = child->pid > 0 ? (int)syscall(SYS_pidfd_open, child->pid, 0) : -1;
  return child->pidfd >= 0 && child->output >= 0 ? 0 : -1;
}

/* --- what came of it --- */

/* The last lines of what it wrote, for a reason. */
static void add_output(struct result *result, int output) {
  char text[241];
  off_t end = lseek(output, 0, SEEK_END);
  off_t from = end > 240 ? end - 240 : 0;
  ssize_t n = pread(output, text, sizeof text - 1, from);
  size_t len = strlen(result->reason);
  if (n <= 0) {
    return;
  }
  text[n] = '\0';
  for (char *at = text; *at; at++) {
    *at = (unsigned char)*at < 0x20 ? ' ' : *at;
  }
  snprintf(result->reason + len, sizeof result->reason - len, "; it wrote: %s", text);
}

static void judge(struct child *child, int ended, bool late) {
  struct result *r = child->result;
  char line[1040] = "";
  ssize_t n = read(child->verdict, line, sizeof line - 1);
  r->verdict = FAIL;
  r->seconds = (double)(si_monotonic_ns() - child->started_ns) / 1e9;
  if (late) {
    snprintf(r->reason, sizeof r->reason, "it hung: it was not done after %.1f s", r->seconds);
  } else if (WIFSIGNALED(ended)) {
    const char *name = sigabbrev_np(WTERMSIG(ended));
    snprintf(r->reason, sizeof r->reason, "it crashed: ended by SIG%s%.600s", name ? name : "?",
             line[0] == CRASH_MARK ? line + 1 : "");
    add_output(r, child->output);
  } else if (n < 2) {
    snprintf(r->reason, sizeof r->reason, "the plugin ended the process: exit code %d",
             WEXITSTATUS(ended));
    add_output(r, child->output);
  } else {
    r->refused = line[0] - '0' == REFUSED;
    r->verdict = r->refused ? FAIL : (enum verdict)(line[0] - '0');
    si_copy(r->reason, sizeof r->reason, line + 2);
  }
}

static void finish(struct child *child, bool late) {
  int ended = 0;
  if (late) {
    kill(-child->pid, SIGKILL);
    kill(child->pid, SIGKILL);
  }
  while (waitpid(child->pid, &ended, 0) < 0 && errno == EINTR) {
  }
  kill(-child->pid, SIGKILL); /* what it left behind in its group */
  judge(child, ended, late);
  close(child->pidfd);
  close(child->verdict);
  close(child->output);
  scratch_remove(child->dir);
}

/* --- the run --- */

/* Waits until a child ends or its time is up; its place, or -1 when interrupted. */
static int wait_for_one(const struct child *children, size_t count, uint64_t timeout_ms,
                        bool *late) {
  while (!interrupted) {
    struct pollfd fds[CHILDREN_MAX];
    uint64_t now = si_monotonic_ns(), least = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
      uint64_t ends = children[i].started_ns + timeout_ms * 1000000u;
      fds[i] = (struct pollfd){.fd = children[i].pidfd, .events = POLLIN};
      least = ends < least ? ends : least;
    }
    uint64_t wait_ms = least > now ? (least - now) / 1000000u + 1 : 0;
    int n = poll(fds, count, wait_ms > 60000 ? 60000 : (int)wait_ms);
    for (size_t i = 0; i < count; i++) {
      *late = n == 0 && si_monotonic_ns() >= children[i].started_ns + timeout_ms * 1000000u;
      if (*late || (n > 0 && fds[i].revents)) {
        return (int)i;
      }
    }
  }
  return -1;
}

static void catch_interrupts(void) {
  const struct sigaction action = {.sa_handler = on_interrupt};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
}

si_rc run_all(struct run *run, void (*done)(const struct result *), struct si_error *error) {
  struct child children[CHILDREN_MAX];
  size_t running = 0, next = 0;
  catch_interrupts();
  while (next < run->count || running > 0) {
    while (next < run->count && running < run->options->jobs) {
      if (start(run, &run->results[next], &children[running]) != 0) {
        return si_error_errno(error, errno, "CONFORM_PROCESS", "cannot start a check's process");
      }
      next++;
      running++;
    }
    bool late = false;
    int which = wait_for_one(children, running, run->options->timeout_ms, &late);
    if (which < 0) {
      for (size_t i = 0; i < running; i++) {
        finish(&children[i], true);
      }
      return si_error_set(error, SI_E_CANCELLED, "CONFORM_INTERRUPTED", "interrupted");
    }
    finish(&children[which], late);
    done(children[which].result);
    children[which] = children[--running];
  }
  return SI_OK;
}

/* --- which checks --- */

static void probe(struct trial *t) {
  char line[1024] = "";
  size_t at = 0;
  for (size_t i = 0; i < 16 && t->plugin->providers[i]; i++) {
    const si_provider *p = t->plugin->providers[i];
    at += (size_t)snprintf(line + at, sizeof line - at, "%.62s %u\n", p->id, (unsigned)p->kind);
  }
  verdict_send(PASS, line);
}

static const struct check probing = {.id = "probe", .kind = KIND_PLUGIN, .run = probe};

/* Runs one check by itself, before all others. */
static si_rc run_one(struct run *run, struct result *result, struct si_error *error) {
  struct child child;
  bool late = false;
  if (start(run, result, &child) != 0) {
    return si_error_errno(error, errno, "CONFORM_PROCESS", "cannot start a process");
  }
  int which = wait_for_one(&child, 1, run->options->timeout_ms, &late);
  finish(&child, late || which < 0);
  return SI_OK;
}

/* Of what is no shared object at all there is one thing to say, not one for each check. */
static si_rc look_at_file(struct run *run, struct si_error *error) {
  struct result result = {.check = &elf_checks[0]}; /* elf.object */
  si_rc status = run_one(run, &result, error);
  run->no_object = status == SI_OK && result.verdict == FAIL;
  return status;
}

/* A process of its own looks which providers there are, so that this one never loads the plugin. */
static si_rc find_providers(struct run *run, struct si_error *error) {
  struct result result = {.check = &probing};
  si_rc status = run_one(run, &result, error);
  if (status != SI_OK) {
    return status;
  }
  if (result.verdict != PASS) {
    si_copy(run->no_plugin, sizeof run->no_plugin, result.reason);
    return SI_OK;
  }
  for (char *save = NULL, *line = strtok_r(result.reason, "\n", &save); line;
       line = strtok_r(NULL, "\n", &save)) {
    struct offered *offered = &run->providers[run->provider_count];
    char *space = strchr(line, ' ');
    if (space && run->provider_count < 16) {
      *space = '\0';
      si_copy(offered->id, sizeof offered->id, line);
      offered->kind = (uint32_t)strtoul(space + 1, NULL, 10);
      run->provider_count++;
    }
  }
  return SI_OK;
}

static si_rc add(struct run *run, const struct check *check, const struct offered *provider) {
  struct result *more = reallocarray(run->results, run->count + 1, sizeof *more);
  if (!more) {
    return SI_E_NOMEM;
  }
  run->results = more;
  more[run->count++] = (struct result){.check = check, .provider = provider};
  return SI_OK;
}

static si_rc add_check(struct run *run, const struct check *check) {
  si_rc status = SI_OK;
  if (run->no_object ? check != elf_checks : !options_wants(run->options, check->id)) {
    return SI_OK;
  }
  if (check->kind == KIND_PLUGIN) {
    return add(run, check, NULL);
  }
  for (size_t i = 0; status == SI_OK && i < run->provider_count; i++) {
    const struct offered *offered = &run->providers[i];
    const char *wanted = run->options->provider;
    if ((check->kind == KIND_ANY || check->kind == offered->kind) &&
        (!wanted || strcmp(wanted, offered->id) == 0)) {
      status = add(run, check, offered);
    }
  }
  return status;
}

si_rc run_begin(const struct options *options, struct run *out, struct si_error *error) {
  memset(out, 0, sizeof *out);
  out->options = options;
  catch_interrupts();
  if (scratch_root(out->dir, sizeof out->dir) != 0) {
    return si_error_errno(error, errno, "CONFORM_SCRATCH", "cannot make a directory for the run");
  }
  crash_prepare();
  si_rc status = look_at_file(out, error);
  status = status == SI_OK ? find_providers(out, error) : status;
  const struct check *check;
  for (size_t i = 0; status == SI_OK && (check = check_at(i)); i++) {
    status = add_check(out, check);
  }
  return status;
}

void run_end(struct run *run) {
  if (run->dir[0]) {
    scratch_remove(run->dir);
  }
  free(run->results);
}
