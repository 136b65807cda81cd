/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/check_files.c - every file and directory of the state: whose it is, who may read it,
 * and whether a secret stands in it in plain text (R13, R16). Depends on walk.h, look.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paas/doctor/look.h"
#include "paas/doctor/private.h"
#include "paas/doctor/walk.h"

enum { TOLD_MAX = 20, ENTRIES_MAX = 2000000, DEPTH_MAX = 64 };

/* --- permissions --- */

struct owning {
  struct si_doctor *doctor;
  const char *top;
  size_t seen;
  size_t bad;
};

static void tell(struct owning *owning, int severity, const char *remedy, const char *path,
                 const char *what) {
  if (++owning->bad <= TOLD_MAX) {
    si_doctor_tell(owning->doctor, severity, remedy, "%.900s/%.900s %s", owning->top, path, what);
  }
}

static void judge(struct owning *owning, const char *path, const struct stat *st) {
  char what[96];
  unsigned mode = (unsigned)(st->st_mode & 07777);
  const char *chmod_it = S_ISDIR(st->st_mode) ? "chmod 700, if only you have been using it"
                                              : "chmod 600; if it held a secret, rotate that";
  owning->seen++;
  if (st->st_uid != geteuid()) {
    snprintf(what, sizeof what, "belongs to user %u, not to you (%u)", (unsigned)st->st_uid,
             (unsigned)geteuid());
    tell(owning, SI_FINDING_CRITICAL, "find out who put it there; then chown or remove it", path,
         what);
  } else if (S_ISLNK(st->st_mode)) {
    tell(owning, SI_FINDING_WARNING, "si makes no links: put what it leads to in its place", path,
         "is a link");
  } else if (mode & S_IRWXO) {
    snprintf(what, sizeof what, "is open to everybody (mode %04o)", mode);
    tell(owning, SI_FINDING_CRITICAL, chmod_it, path, what);
  } else if (mode & S_IRWXG) {
    snprintf(what, sizeof what, "is open to its group (mode %04o)", mode);
    tell(owning, SI_FINDING_WARNING, chmod_it, path, what);
  } else if (S_ISREG(st->st_mode) && st->st_nlink > 1) {
    tell(owning, SI_FINDING_WARNING, "find its other name (find DIR -samefile FILE), and remove it",
         path, "has another name somewhere (a hard link)");
  } else if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !S_ISSOCK(st->st_mode)) {
    tell(owning, SI_FINDING_WARNING, "remove it: si makes no such files", path,
         "is neither file nor directory");
  }
}

static bool look_at(void *ctx, int dir, const char *name, const char *path, unsigned char type) {
  struct owning *owning = ctx;
  struct stat st;
  if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
    judge(owning, path, &st);
  } else if (errno != ENOENT) {
    tell(owning, owning->doctor->row->severity, "make it readable", path, strerror(errno));
  }
  /* From the root the contexts' own directories are left to the contexts. */
  return owning->doctor->context || type != DT_DIR || strncmp(path, "contexts/", 9) != 0;
}

static void unseen(void *ctx, const char *path, const char *why) {
  struct owning *owning = ctx;
  tell(owning, owning->doctor->row->severity, "make it readable, or remove it", path, why);
}

void si_check_permissions(struct si_doctor *doctor) {
  struct si_error error;
  struct stat st;
  const char *top = doctor->context ? doctor->context->dir : doctor->root;
  struct owning owning = {.doctor = doctor, .top = top};
  struct si_walk walk = {.depth_max = DEPTH_MAX,
                         .entries_max = ENTRIES_MAX,
                         .ctx = &owning,
                         .entry = look_at,
                         .trouble = unseen};
  int dir SI_AUTO(si_close) = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0 && errno == ENOENT && !doctor->context && doctor->root[0]) {
    si_doctor_ok(doctor, "nothing was made yet");
    return;
  }
  if (dir < 0 || fstat(dir, &st) != 0) {
    si_error_errno(&error, errno, "STATE_ROOT_IO", "opening %s", top);
    si_doctor_failed(doctor, "who may read the state", &error);
    return;
  }
  judge(&owning, "", &st);
  si_walk_run(&walk, dir);
  if (owning.bad > TOLD_MAX) {
    si_doctor_tell(doctor, SI_FINDING_WARNING, "mend those above first",
                   "%s: and %zu more like these", top, owning.bad - TOLD_MAX);
  }
  if (owning.bad == 0) {
    si_doctor_ok(doctor, "%zu files and directories are yours alone", owning.seen);
  }
}

/* --- secrets in plain text --- */

/* Of the context's evidence so much is read; what lies beyond it is told. */
#define BYTES_MAX (1ull << 30)

struct exposing {
  struct si_doctor *doctor;
  struct si_look look;
  const char *path;
  size_t files;
  size_t found;
};

static bool on_exposure(void *ctx, size_t line, const char *what) {
  struct exposing *exposing = ctx;
  if (++exposing->found <= TOLD_MAX) {
    si_doctor_tell(exposing->doctor, SI_FINDING_CRITICAL,
                   "rotate that secret, and remove the file or the line; redaction should have "
                   "caught it: tell its maker how it came there",
                   "%.900s/%.900s:%zu: %s stands in plain text", exposing->doctor->context->dir,
                   exposing->path, line, what);
  }
  return exposing->found <= TOLD_MAX;
}

/* The store's own pages and the vault's sealed lines are no text of people. */
static bool passes(const char *path) {
  return strcmp(path, "vault") == 0 || strncmp(path, "state.db", 8) == 0;
}

static bool read_one(void *ctx, int dir, const char *name, const char *path, unsigned char type) {
  struct exposing *exposing = ctx;
  if (passes(path)) {
    return type != DT_DIR;
  }
  if (type != DT_REG) {
    return true;
  }
  exposing->path = path;
  exposing->files++;
  si_rc status = si_look(&exposing->look, dir, name);
  if (status == SI_E_IO) {
    si_doctor_tell(exposing->doctor, exposing->doctor->row->severity, "make it readable",
                   "%.900s cannot be read: %s", path, strerror(errno));
  } else if (status != SI_OK || exposing->look.bytes > BYTES_MAX) {
    si_doctor_tell(exposing->doctor, SI_FINDING_INFO, "read older evidence by other means",
                   "there is more than 1 GiB of evidence: the rest was not read");
    return false;
  }
  return true;
}

static void unread(void *ctx, const char *path, const char *why) {
  struct exposing *exposing = ctx;
  si_doctor_tell(exposing->doctor, exposing->doctor->row->severity, "make it readable",
                 "%.900s: %s", path, why);
}

void si_check_state_exposure(struct si_doctor *doctor) {
  struct si_error error;
  char *piece = malloc(SI_LOOK_PIECE + SI_LOOK_KEEP);
  struct exposing exposing = {.doctor = doctor};
  struct si_walk walk = {.depth_max = DEPTH_MAX,
                         .entries_max = ENTRIES_MAX,
                         .ctx = &exposing,
                         .entry = read_one,
                         .trouble = unread};
  int dir SI_AUTO(si_close) = open(doctor->context->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  exposing.look = (struct si_look){.piece = piece,
                                   .most = 2 * BYTES_MAX,
                                   .exposures = true,
                                   .ctx = &exposing,
                                   .found = on_exposure};
  if (dir < 0 || !piece) {
    si_error_errno(&error, piece ? errno : ENOMEM, "STATE_ROOT_IO", "opening %s",
                   doctor->context->dir);
    si_doctor_failed(doctor, "the context's files", &error);
  } else {
    si_walk_run(&walk, dir);
  }
  free(piece);
  if (doctor->told == 0) {
    si_doctor_ok(doctor, "no secret stands in plain text in %zu files", exposing.files);
  }
}
