/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/check_place.c - where state lies: the root is found, nothing of it is in a
 * repository, and a context's directory is the one that it was made in (R8, R11). Depends on
 * paas/context.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "paas/doctor/private.h"

void si_check_root_resolved(struct si_doctor *doctor) {
  struct stat st;
  if (!doctor->root[0]) {
    si_doctor_failed(doctor, "the state root", &doctor->root_error);
    return;
  }
  int err = stat(doctor->root, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
  if (err == 0) {
    si_doctor_ok(doctor, "the state root is %s", doctor->root);
  } else if (err == ENOENT) {
    si_doctor_ok(doctor, "the state root will be %s; nothing was made yet", doctor->root);
  } else {
    si_doctor_tell(doctor, SI_FINDING_CRITICAL,
                   "set SI_PAAS_STATE_ROOT to a directory of your own, outside any repository",
                   "the state root %s cannot be used: %s", doctor->root, strerror(err));
  }
}

void si_check_outside_repo(struct si_doctor *doctor) {
  struct si_error error;
  const char *path = doctor->context ? doctor->context->dir : doctor->root;
  if (!path[0]) {
    si_doctor_failed(doctor, "the state root", &doctor->root_error);
    return;
  }
  /* Nothing opens in a repository but what the override is for: this finding needs no gate. */
  doctor->allowed = true;
  si_rc status = si_context_guard(path, &error);
  if (status == SI_OK) {
    si_doctor_ok(doctor, "%s lies in no git repository", path);
  } else {
    si_doctor_tell(doctor, SI_FINDING_CRITICAL,
                   "move the state out of the repository: choose another SI_PAAS_STATE_ROOT, or "
                   "export the context and import it into one made elsewhere",
                   "%s", error.message);
  }
}

void si_check_identity(struct si_doctor *doctor) {
  struct stat st;
  uint64_t inode = 0;
  const cJSON *identity = si_json_get(doctor->context->config, "identity");
  const char *path = si_json_str(identity, "path");
  const char *number = si_json_str(identity, "inode");
  if (doctor->unopened && strcmp(doctor->unopened->code, "STATE_FOREIGN") == 0) {
    si_doctor_tell(doctor, SI_FINDING_CRITICAL, doctor->unopened->hint, "%s",
                   doctor->unopened->message);
  } else if (stat(doctor->context->dir, &st) != 0 || !path || !number ||
             si_parse_u64(number, 0, UINT64_MAX, &inode) != SI_OK) {
    si_doctor_tell(doctor, SI_FINDING_CRITICAL,
                   "put back the config.json that was written when the context was made",
                   "%s/config.json does not say which directory it belongs to",
                   doctor->context->dir);
  } else if (strcmp(path, doctor->context->dir) != 0 || inode != (uint64_t)st.st_ino) {
    si_doctor_tell(doctor, SI_FINDING_CRITICAL,
                   "never copy a context's directory: move metadata with si paas context export "
                   "and import, and remove the copy",
                   "%s is a copy of a context that was made in %s", doctor->context->dir, path);
  } else {
    si_doctor_ok(doctor, "%s is the directory that the context was made in", path);
  }
}
