/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/main.c - si-host: ONE provider for ONE operation, in a process of its own. libltdl and
 * plugins live only here. si starts it with an empty environment, the wire on descriptor 3, the
 * ring on 4, and the operation's lock on 5; it leaves when the wire closes or si dies.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/host/dispatch.h"
#include "core/host/loader.h"
#include "core/host/resolve.h"
#include "core/host/sandbox.h"

static char plugin_id[64] = "?"; /* for the crash report */

/* --- a crash of the plugin: say where, then die of it --- */

#ifndef __SANITIZE_ADDRESS__ /* which brings a better report of its own */
/* Lines of "FILE(+OFFSET)", as addr2line takes them: a plugin's by its name, for the linker knows
 * it as a descriptor alone. */
static void print_frames(void *const *frames, int count) {
  for (int i = 0; i < count; i++) {
    char line[SI_PATH_MAX + 64];
    Dl_info at;
    if (dladdr(frames[i], &at) == 0 || !at.dli_fname) {
      continue;
    }
    bool own = strncmp(at.dli_fname, "/proc/self/fd/", 14) == 0;
    int len = snprintf(line, sizeof line, "  %s%s(+0x%zx)\n", own ? plugin_id : at.dli_fname,
                       own ? ".so" : "", (size_t)((char *)frames[i] - (char *)at.dli_fbase));
    if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0) {
      return;
    }
  }
}

static void crashed(int number, siginfo_t *info, void *context) {
  void *frames[32];
  char line[256];
  (void)context;
  int len = snprintf(line, sizeof line, "si-host: plugin %s died of %s (address %p) in %s\n",
                     plugin_id, strsignal(number), info->si_addr, si_doing());
  if (len > 0 && write(STDERR_FILENO, line, (size_t)len) >= 0) {
    print_frames(frames, backtrace(frames, 32));
  }
  raise(number); /* the handler was reset on entry */
}

static void report_crashes(void) {
  static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};
  static char stack[64 * 1024]; /* the plugin's own may be what overflowed */
  void *warm[1];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction action = {
      .sa_sigaction = crashed,
      .sa_flags = (int)(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER)};
  backtrace(warm, 1); /* loads what it needs now, not in the handler */
  sigaltstack(&alternate, NULL);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    sigaction(signals[i], &action, NULL);
  }
}
#else
static void report_crashes(void) {
}
#endif

/* Secrets pass through here: no core file, not even by way of a pipe, and nobody traces it. */
static bool undumpable(void) {
#ifdef __SANITIZE_ADDRESS__ /* whose search for leaks traces the process */
  return true;
#else
  return prctl(PR_SET_DUMPABLE, 0) == 0;
#endif
}

static bool confine(void) {
  const struct rlimit no_core = {0, 0};
  signal(SIGPIPE, SIG_IGN);
  report_crashes();
  return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         setrlimit(RLIMIT_CORE, &no_core) == 0 && undumpable() && clearenv() == 0 &&
         fcntl(SI_HOST_FD_WIRE, F_SETFD, FD_CLOEXEC) == 0 &&
         fcntl(SI_HOST_FD_RING, F_SETFD, FD_CLOEXEC) == 0 &&
         (syscall(SYS_close_range, SI_HOST_FD_LOCK + 1, ~0U, 0) == 0 || errno == ENOSYS);
}

/* --- the one session --- */

struct opening {
  const char *dir;
  const char *plugin;
  uint32_t kind;
  const char *config;
  uint64_t deadline_ns;
  uint32_t describe;
  const char *trust; /* JSON: core/host/trust.h */
  uint32_t sandbox;  /* SI_SANDBOX_* */
};

static bool read_opening(const struct si_request *request, struct opening *out) {
  struct si_unpack in = si_unpack_of(&request->frame);
  out->dir = si_unpack_text(&in);
  out->plugin = si_unpack_text(&in);
  out->kind = si_unpack_u32(&in);
  out->config = si_unpack_text(&in);
  out->deadline_ns = si_unpack_u64(&in);
  out->describe = si_unpack_u32(&in);
  out->trust = si_unpack_text(&in);
  out->sandbox = si_unpack_u32(&in);
  return request->frame.type == SI_FRAME_OPEN && !in.bad;
}

/* All that decides which plugin it is; the choice belongs to it. */
struct trusted {
  struct si_plugin_trust trust;
  struct si_plugins plugins;
};

static si_rc find(const struct opening *opening, struct trusted *by,
                  struct si_plugin_choice *choice, struct si_error *error) {
  si_rc status = si_plugin_trust_parse(opening->trust, strlen(opening->trust), &by->trust, error);
  if (status == SI_OK) {
    status = si_plugins_open(opening->dir, &by->trust, &by->plugins, error);
  }
  return status == SI_OK
             ? si_plugins_find(&by->plugins, opening->plugin, opening->kind, choice, error)
             : status;
}

/* From here on the process can do no more than the plugin needs. Tells what the kernel lacks. */
static si_rc enclose(const struct opening *opening, const struct si_plugin_choice *choice,
                     struct si_host *host, struct si_error *error) {
  struct si_buf lacks SI_AUTO(si_buf_free) = SI_BUF(4096);
  cJSON *config SI_AUTO(si_json_free) = NULL;
  struct si_needs needs;
  struct si_error why;
  si_rc status = si_needs_read(choice->entry.needs, &needs, error);
  if (status != SI_OK) {
    return status;
  }
  if (si_json_parse(opening->config, strlen(opening->config), &config, &why) != SI_OK) {
    config = NULL; /* the provider refuses it, in its own words */
  }
  const struct si_sandbox sandbox = {.needs = &needs,
                                     .tree = &choice->source->tree,
                                     .config = config,
                                     .reading = (opening->sandbox & SI_SANDBOX_READING) != 0,
                                     .required = (opening->sandbox & SI_SANDBOX_REQUIRED) != 0};
  status = si_sandbox_apply(&sandbox, &lacks, error);
  if (status == SI_OK && lacks.len > 0) {
    si_host_services.log(host, SI_LOG_WARN, si_buf_text(&lacks));
  }
  return status;
}

static si_rc load(const struct opening *opening, const struct si_plugin_choice *choice,
                  struct si_descriptor *descriptor, struct si_error *error) {
  const si_plugin *(*entry_point)(void) = NULL;
  const struct si_tree_entry *entry = &choice->entry;
  si_rc status = si_loader_load(&choice->source->tree, entry, &entry_point, error);
  if (status == SI_OK) {
    status = si_descriptor_read(entry_point(), entry, opening->kind, descriptor, error);
  }
  return status == SI_OK ? si_plugin_needs_equal(entry, descriptor->provider.needs, error) : status;
}

static void send_ready(struct si_link *link, const struct si_descriptor *descriptor,
                       const struct si_tree_entry *entry) {
  struct si_buf json SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  size_t mark;
  si_rc status = si_descriptor_json(descriptor, entry, &json);
  struct si_buf *out = si_link_lock(link);
  status = status == SI_OK ? si_frame_begin(out, SI_FRAME_READY, 0, &mark) : status;
  status = status == SI_OK ? si_pack_text(out, si_buf_text(&json)) : status;
  status = status == SI_OK ? si_pack_u32(out, descriptor->provider.threads) : status;
  if (status != SI_OK || si_frame_end(out, mark) != SI_OK) {
    _Exit(4);
  }
  si_link_unlock(link, true);
}

static void refuse(struct si_op *op, si_rc status, const struct si_error *error) {
  if (error) {
    op->failure = *error;
  }
  si_op_done(op, status, 0, true);
}

/* Opens the provider, serves, closes it. */
static int serve(const struct opening *opening, struct si_link *link, struct si_op *op,
                 const struct si_descriptor *descriptor, const struct si_tree_entry *entry) {
  struct si_dispatch dispatch = {.descriptor = descriptor, .op = op};
  if (!opening->describe) {
    si_rc status = descriptor->provider.open(&si_host_services, op->host, op, opening->config,
                                             &dispatch.instance);
    if (status != SI_OK) {
      refuse(op, status, NULL);
      return 0;
    }
  }
  send_ready(link, descriptor, entry);
  si_rc status = si_dispatch_run(&dispatch, link);
  if (!opening->describe) {
    descriptor->provider.close(dispatch.instance);
  }
  if (status != SI_OK) {
    fprintf(stderr, "si-host: a request made no sense\n");
  }
  return status == SI_OK ? 0 : 4;
}

static int session(struct si_link *link) {
  struct si_request *request = si_link_first(link);
  struct si_host host = {.link = link};
  struct si_op op = {.host = &host};
  struct opening opening;
  struct trusted by = {.trust = {NULL}};
  struct si_plugin_choice choice;
  struct si_descriptor descriptor;
  struct si_error error;
  if (!request) {
    return 3; /* si is gone */
  }
  if (!read_opening(request, &opening)) {
    fprintf(stderr, "si-host: the first frame is not OPEN\n");
    return 4;
  }
  snprintf(plugin_id, sizeof plugin_id, "%s", opening.plugin);
  op.deadline_ns = opening.deadline_ns;
  si_op_begin(&op, 0);
  si_rc status = find(&opening, &by, &choice, &error);
  status = status == SI_OK ? enclose(&opening, &choice, &host, &error) : status;
  int code = 0;
  /* The thread that reads is confined with the rest, so it starts now. */
  if (si_link_start(link) != SI_OK) {
    fprintf(stderr, "si-host: cannot start its thread\n");
    return 4;
  }
  status = status == SI_OK ? load(&opening, &choice, &descriptor, &error) : status;
  if (status != SI_OK) {
    refuse(&op, status, &error);
  } else {
    code = serve(&opening, link, &op, &descriptor, &choice.entry);
  }
  si_plugins_close(&by.plugins);
  si_plugin_trust_free(&by.trust);
  free(request);
  return code;
}

int main(int argc, char **argv) {
  struct stat st;
  struct si_link *link = NULL;
  (void)argv;
  if (argc != 1 || fstat(SI_HOST_FD_WIRE, &st) != 0 || !S_ISSOCK(st.st_mode)) {
    fprintf(stderr, "si-host is started by si, for one operation; it does nothing by itself\n");
    return 2;
  }
  if (!confine() || si_link_make(SI_HOST_FD_WIRE, SI_HOST_FD_RING, &link) != SI_OK) {
    fprintf(stderr, "si-host: cannot set itself up: %s\n", strerror(errno));
    return 4;
  }
  int code = session(link);
  /* The link's reader still waits on the wire: leave without tearing it down. */
  fflush(NULL);
  _exit(code);
}
