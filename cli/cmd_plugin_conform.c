/* SPDX-License-Identifier: Apache-2.0 */
/* `si plugin conform`: runs the conformance kit (si-conform) on a plugin's file. si itself never
 * loads one: the kit is a program of its own, and gets an empty environment. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"
#include "kit/base/path.h"
#include "kit/base/text.h"

enum { ARGS_MAX = 256, PROGRAM = SI_PATH_MAX + 16, OUTPUT_MAX = 8 << 20 };

struct run {
  const char *argv[ARGS_MAX];
  size_t argc;
  char program[PROGRAM];
};

/* The kit stands beside si itself. */
static si_rc find_kit(struct run *run, struct si_error *error) {
  char self[SI_PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  if (n <= 0) {
    return si_error_errno(error, errno, "PLACE_UNKNOWN", "cannot tell where si is installed");
  }
  self[n] = '\0';
  char *slash = strrchr(self, '/');
  snprintf(run->program, sizeof run->program, "%.*s/si-conform", slash ? (int)(slash - self) : 0,
           self);
  if (access(run->program, X_OK) != 0) {
    si_error_set(error, SI_E_NOT_FOUND, "PLUGIN_CONFORM_MISSING", "there is no %s", run->program);
    return si_error_hint(error, "install si with its SDK");
  }
  run->argv[run->argc++] = run->program;
  return SI_OK;
}

static si_rc add(struct si_invocation *inv, struct run *run, const char *option,
                 const char *value) {
  if (run->argc + 3 >= ARGS_MAX) {
    return si_usage_error(inv, "too many options");
  }
  run->argv[run->argc++] = option;
  if (value) {
    run->argv[run->argc++] = value;
  }
  return SI_OK;
}

/* The options of si-conform that this row has, by name. */
static si_rc add_options(struct si_invocation *inv, struct run *run) {
  static const char *const repeated[][2] = {
      {"config", "--config"}, {"secret", "--secret"}, {"only", "--only"}};
  static const char *const single[][2] = {
      {"config-file", "--config-file"}, {"stack", "--stack"},      {"source", "--source"},
      {"provider", "--provider"},       {"seed", "--seed"},        {"jobs", "--jobs"},
      {"stream-mb", "--stream-mb"},     {"per-check", "--timeout"}};
  si_rc status = SI_OK;
  for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
    const char *value = si_opt(inv, single[i][0]);
    status = status == SI_OK && value ? add(inv, run, single[i][1], value) : status;
  }
  for (size_t i = 0; i < sizeof repeated / sizeof *repeated; i++) {
    const char *value;
    size_t at = 0;
    while (status == SI_OK && (value = si_opt_each(inv, repeated[i][0], &at))) {
      status = add(inv, run, repeated[i][1], value);
    }
  }
  if (status == SI_OK && si_opt_flag(inv, "offline")) {
    status = add(inv, run, "--offline", NULL);
  }
  if (status == SI_OK && inv->out->json) {
    status = add(inv, run, "--json", NULL);
  }
  status = status == SI_OK ? add(inv, run, "--", NULL) : status;
  return status == SI_OK ? add(inv, run, si_arg(inv, 0), NULL) : status;
}

static int spawn(const struct run *run, int out, int err, pid_t *pid) {
  static char *const nothing[] = {NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &pipe);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  int failed = posix_spawn_file_actions_adddup2(&actions, out, 1);
  failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, err, 2);
  failed = failed ? failed
                  : posix_spawn(pid, run->program, &actions, &attributes, (char *const *)run->argv,
                                nothing);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failed;
}

/* What it prints goes to people as it comes; as JSON it is kept. */
static si_rc take_output(struct si_invocation *inv, int fd, struct si_buf *json) {
  char bytes[16384];
  ssize_t n;
  while ((n = read(fd, bytes, sizeof bytes)) != 0) {
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return si_error_errno(&inv->error, errno, "PLUGIN_CONFORM", "cannot read from si-conform");
    }
    if (!inv->out->json) {
      si_out_text(inv->out, bytes, (size_t)n);
      si_rc status = si_out_flush(inv->out, &inv->error);
      if (status != SI_OK) {
        return status;
      }
    } else if (si_buf_add(json, bytes, (size_t)n) != SI_OK) {
      return si_error_set(&inv->error, SI_E_QUOTA, "PLUGIN_CONFORM", "si-conform says too much");
    }
  }
  return SI_OK;
}

static si_rc conclude(struct si_invocation *inv, int ended, const struct si_buf *json,
                      const struct si_buf *said) {
  static const si_rc by_code[] = {SI_OK, SI_E_FAILED, SI_E_INVALID, SI_E_NOT_FOUND};
  cJSON *report = NULL;
  int code = WIFEXITED(ended) ? WEXITSTATUS(ended) : 6;
  si_rc status = code < 4 ? by_code[code] : code == 130 ? SI_E_CANCELLED : SI_E_INTERNAL;
  if (json->len > 0 && si_json_parse(json->data, json->len, &report, NULL) != SI_OK) {
    status = SI_E_INTERNAL;
  }
  if (status == SI_OK || status == SI_E_FAILED) {
    si_rc kept = si_out_result(inv->out, report ? report : cJSON_CreateObject());
    status = kept == SI_OK ? status : kept;
  } else {
    cJSON_Delete(report);
  }
  if (status == SI_E_FAILED) {
    si_error_set(&inv->error, status, "PLUGIN_NOT_CONFORMING",
                 "%s does not keep the contract of the ABI headers", si_arg(inv, 0));
    return si_error_hint(&inv->error, "docs/conformance.md tells what each check demands");
  }
  return status == SI_OK ? SI_OK
                         : si_error_set(&inv->error, status, "PLUGIN_CONFORM", "%.900s",
                                        said->len ? si_buf_text(said) : "si-conform failed");
}

static si_rc conform(struct si_invocation *inv) {
  struct run run = {.argc = 0};
  struct si_buf json SI_AUTO(si_buf_free) = SI_BUF(OUTPUT_MAX);
  struct si_buf said SI_AUTO(si_buf_free) = SI_BUF(65536);
  int out[2] = {-1, -1}, ended = 0;
  pid_t pid = -1;
  si_rc status = find_kit(&run, &inv->error);
  status = status == SI_OK ? add_options(inv, &run) : status;
  if (status != SI_OK) {
    return status;
  }
  int err SI_AUTO(si_close) = memfd_create("stderr", MFD_CLOEXEC);
  int failed = err < 0 || pipe2(out, O_CLOEXEC) != 0 ? errno : spawn(&run, out[1], err, &pid);
  si_close(&out[1]);
  if (failed) {
    si_close(&out[0]);
    return si_error_errno(&inv->error, failed, "PLUGIN_CONFORM", "cannot start %s", run.program);
  }
  status = take_output(inv, out[0], &json);
  si_close(&out[0]);
  while (waitpid(pid, &ended, 0) < 0 && errno == EINTR) {
  }
  if (status == SI_OK && lseek(err, 0, SEEK_SET) == 0) {
    status = si_read_fd(err, &said);
  }
  return status == SI_OK ? conclude(inv, ended, &json, &said) : status;
}

static const struct si_option options[] = {
    {"config", 0, "KEY=VALUE", "A setting for the plugin; {dir} is a fresh directory of each check",
     SI_OPT_REPEAT, NULL},
    {"config-file", 0, "FILE", "The settings as a JSON object", 0, NULL},
    {"secret", 0, "NAME=@FILE", "The value of a secret that the settings refer to", SI_OPT_REPEAT,
     NULL},
    {"stack", 0, "FILE", "The si.stack/1 document that a provisioner is given", 0, NULL},
    {"source", 0, "DIR", "Where the commands of a backup provider run", 0, NULL},
    {"provider", 0, "ID", "Look at this provider alone", 0, NULL},
    {"only", 0, "CHECK", "This check, or all that begin with it", SI_OPT_REPEAT, NULL},
    {"offline", 0, NULL, "Only what needs nothing that the provider stands on", 0, NULL},
    {"seed", 0, "N", "What is random comes from it", 0, NULL},
    {"jobs", 0, "N", "Checks at once", 0, NULL},
    {"stream-mb", 0, "N", "Length of the long stream in MiB", 0, NULL},
    {"per-check", 0, "DURATION", "The longest that one check may take", 0, NULL},
    {0}};

const struct si_command si_cmd_plugin_conform = {
    .path = "plugin conform",
    .summary = "Hold a plugin against the contract of the ABI",
    .text =
        "Runs si-conform: each check loads the plugin into a process of its own, with your "
        "rights and outside of any sandbox, so know what you try. docs/conformance.md tells "
        "what each check demands.",
    .params = {{"FILE", 0, "The plugin's shared object"}},
    .options = options,
    .run = conform,
};
