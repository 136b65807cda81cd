/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/check_machine.c - the machine under it: clock, disk, the installed plugins, what the
 * kernel offers to confine them and to keep memory private. Depends on core/host, paas/events.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "core/host/offer.h"
#include "core/host/seen.h"
#include "paas/doctor/private.h"
#include "paas/events/events.h"
#include "paas/state/check.h"

/* --- clock --- */

enum { AHEAD_MAX_MS = 5 * 60 * 1000 };
#define YEAR_2024_MS 1704067200000ll
#define YEAR_2100_MS 4102444800000ll

static si_rc newest_event(void *ctx, const char *stream, const cJSON *event) {
  int64_t *newest = ctx;
  int64_t at = 0;
  const char *text = si_json_str(event, "at");
  (void)stream;
  if (text && si_time_parse(text, &at) == SI_OK && at > *newest) {
    *newest = at;
  }
  return SI_OK;
}

/* Unix time in milliseconds; 0 where there is none. What cannot be read is told by
 * database_integrity and event_chain. */
static int64_t newest_write(const struct si_doctor *doctor) {
  struct si_error error;
  int64_t written = 0;
  int64_t told = 0;
  const struct si_events_filter filter = {.limit = 1};
  if (!doctor->state || si_state_newest(doctor->state, &written, &error) != SI_OK) {
    written = 0;
  }
  if (si_events_list(doctor->context, &filter, &told, newest_event, &error) != SI_OK) {
    told = 0;
  }
  return written > told ? written : told;
}

/* What was written cannot be of tomorrow. */
static void clock_of_context(struct si_doctor *doctor) {
  int64_t ahead = newest_write(doctor) - si_now_ms();
  if (ahead > AHEAD_MAX_MS) {
    si_doctor_tell(doctor, SI_FINDING_WARNING, "set the clock; see which of the two is right first",
                   "the context was written %lld minutes after what the clock says now",
                   (long long)(ahead / 60000));
  } else {
    si_doctor_ok(doctor, "nothing in the context is later than the clock");
  }
}

void si_check_clock(struct si_doctor *doctor) {
  struct timex t = {.modes = 0};
  int64_t now = si_now_ms();
  if (doctor->context) {
    clock_of_context(doctor);
    return;
  }
  if (now < YEAR_2024_MS || now > YEAR_2100_MS) {
    si_doctor_tell(doctor, SI_FINDING_CRITICAL, "set the clock (timedatectl)",
                   "the clock cannot be right: it says %lld seconds since 1970",
                   (long long)(now / 1000));
    return;
  }
  int state = adjtimex(&t);
  if (state < 0) {
    si_doctor_tell(doctor, SI_FINDING_INFO, "ask it with timedatectl",
                   "the kernel does not say whether the clock is synchronised: %s",
                   strerror(errno));
  } else if (state == TIME_ERROR || (t.status & STA_UNSYNC)) {
    si_doctor_tell(doctor, SI_FINDING_WARNING,
                   "run a time service (systemd-timesyncd, chrony): times in the audit trail and "
                   "retention rest on the clock",
                   "the clock is not synchronised");
  } else {
    si_doctor_ok(doctor, "the clock is synchronised");
  }
}

/* --- disk --- */

static void judge_disk(struct si_doctor *doctor, const char *path, const struct statvfs *fs) {
  static const char remedy[] =
      "free some space there, or move the state to a larger file system: a full one stops every "
      "operation";
  uint64_t unit = fs->f_frsize;
  uint64_t free_mib = (uint64_t)fs->f_bavail * unit >> 20;
  uint64_t all_mib = (uint64_t)fs->f_blocks * unit >> 20;
  int severity = free_mib < 100                               ? SI_FINDING_CRITICAL
                 : free_mib < 1024 || free_mib * 20 < all_mib ? SI_FINDING_WARNING
                                                              : SI_FINDING_OK;
  if (severity == SI_FINDING_OK) {
    si_doctor_ok(doctor, "%llu MiB of %llu are free at %s", (unsigned long long)free_mib,
                 (unsigned long long)all_mib, path);
  } else {
    si_doctor_tell(doctor, severity, remedy, "%llu MiB of %llu are free at %s",
                   (unsigned long long)free_mib, (unsigned long long)all_mib, path);
  }
  if (fs->f_files > 0 && (fs->f_favail < 1000 || fs->f_favail * 100 < fs->f_files)) {
    si_doctor_tell(doctor, SI_FINDING_WARNING, "remove files that nobody needs there",
                   "%llu of %llu inodes are free at %s", (unsigned long long)fs->f_favail,
                   (unsigned long long)fs->f_files, path);
  }
}

/* The nearest directory that exists. */
static int open_near(char path[SI_PATH_MAX]) {
  for (;;) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *slash = strrchr(path, '/');
    if (fd >= 0 || errno != ENOENT || !slash || strcmp(path, "/") == 0) {
      return fd;
    }
    slash[slash == path] = '\0';
  }
}

void si_check_disk(struct si_doctor *doctor) {
  char path[SI_PATH_MAX];
  struct si_error error;
  struct statvfs fs;
  struct stat own;
  struct stat root;
  const char *dir = doctor->context ? doctor->context->dir : doctor->root;
  if (doctor->context && stat(dir, &own) == 0 && stat(doctor->root, &root) == 0 &&
      own.st_dev == root.st_dev) {
    si_doctor_ok(doctor, "it lies on the file system of the root");
    return;
  }
  si_copy(path, sizeof path, dir);
  int fd SI_AUTO(si_close) = open_near(path);
  if (fd < 0 || fstatvfs(fd, &fs) != 0) {
    si_error_errno(&error, errno, "DISK_UNKNOWN", "asking the file system of %s", dir);
    si_doctor_failed(doctor, "how much room there is", &error);
    return;
  }
  judge_disk(doctor, path, &fs);
}

/* --- plugins --- */

static void verify_plugin(struct si_doctor *doctor, const struct si_plugin_choice *choice) {
  int fd SI_AUTO(si_close) = -1;
  struct si_error error;
  if (si_plugin_judge(choice, &error) != SI_OK ||
      si_plugin_open(&choice->source->tree, &choice->entry, &fd, &error) != SI_OK) {
    si_doctor_tell(doctor, SI_FINDING_CRITICAL,
                   error.hint[0] ? error.hint : "install si again: the file is not the listed one",
                   "plugin %s: %s", choice->entry.id, error.message);
  }
}

void si_check_plugins(struct si_doctor *doctor) {
  struct si_error error;
  char file[SI_PATH_MAX];
  struct si_plugin_trust trust SI_AUTO(si_plugin_trust_free) = {NULL};
  struct si_plugins plugins SI_AUTO(si_plugins_close) = {.sources = NULL};
  si_rc status = si_context_plugins(file, sizeof file, &error);
  status =
      status == SI_OK ? si_plugins_open_here(file, NULL, false, &trust, &plugins, &error) : status;
  if (status != SI_OK) {
    si_doctor_failed(doctor, "the plugins", &error);
    return;
  }
  size_t count = si_plugins_count(&plugins);
  for (size_t i = 0; i < count; i++) {
    struct si_plugin_choice choice;
    si_plugins_at(&plugins, i, &choice);
    verify_plugin(doctor, &choice);
  }
  if (doctor->told == 0) {
    si_doctor_ok(doctor, "%zu plugins in %s are as listed", count, plugins.sources[0].tree.dir);
  }
}

/* --- confinement --- */

void si_check_sandbox(struct si_doctor *doctor) {
  struct si_buf lacks SI_AUTO(si_buf_free) = SI_BUF(4096);
  const int landlock = si_offer_landlock();
  const bool seccomp = si_offer_seccomp();
  struct si_error error;
  if (si_offer_lacks(landlock, seccomp, &lacks) != SI_OK) {
    si_error_set(&error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: the kernel's offers");
    si_doctor_failed(doctor, "what the kernel offers", &error);
  } else if (lacks.len > 0) {
    si_doctor_tell(doctor, SI_FINDING_WARNING,
                   "run a newer kernel (6.12 has all), with Landlock among its security modules; "
                   "until then use plugins that you trust alone, or refuse to run any: "
                   "\"sandbox\": \"required\" in a context's config.json",
                   "the sandbox of providers is not whole: %s", si_buf_text(&lacks));
  } else {
    si_doctor_ok(doctor, "providers are held to their needs by Landlock %d and seccomp", landlock);
  }
}

static bool read_line(const char *path, char *to, size_t size) {
  int fd SI_AUTO(si_close) = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd >= 0 ? read(fd, to, size - 1) : -1;
  if (n <= 0) {
    return false;
  }
  to[n] = '\0';
  to[strcspn(to, "\n")] = '\0';
  return true;
}

void si_check_processes(struct si_doctor *doctor) {
  char pattern[256];
  char scope[16];
  if (!read_line("/proc/sys/kernel/core_pattern", pattern, sizeof pattern)) {
    pattern[0] = '\0';
  }
  bool piped = pattern[0] == '|';
  bool open_ptrace =
      read_line("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof scope) && scope[0] == '0';
  if (!piped && !open_ptrace) {
    si_doctor_ok(doctor, "core files go to no program, and memory is private to a process");
    return;
  }
  si_doctor_tell(
      doctor, SI_FINDING_INFO,
      "si keeps secrets out of core files; to close the rest: kernel.yama.ptrace_scope=1", "%s%s%s",
      piped ? "core files are handed to a program" : "", piped && open_ptrace ? "; " : "",
      open_ptrace ? "a process may read the memory of others of the same user" : "");
}
