/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/check_vault.c - the vault of a context: outside any repository, its own alone, its
 * recipients trusted and its lines unchanged (R10, R11, R30). Depends on paas/vault, paas/context.
 */
#include <stdlib.h>
#include <string.h>

#include "paas/doctor/private.h"
#include "paas/doctor/vaults.h"
#include "paas/vault/vault.h"

#define REMEDY_OWN                                                                                \
  "give each context a vault file of its own: si vault init in the context that lacks one, then " \
  "move its secrets with si vault export and import"

static void no_vault(struct si_doctor *doctor) {
  si_doctor_tell(doctor, SI_FINDING_INFO,
                 "si vault init --context NAME, once a project has secrets",
                 "the context has no vault file");
}

void si_check_vault_outside_repo(struct si_doctor *doctor) {
  char path[SI_PATH_MAX];
  struct si_error error;
  if (si_vault_path(doctor->context, path, sizeof path, &error) != SI_OK) {
    no_vault(doctor);
    return;
  }
  if (si_context_guard(path, &error) == SI_OK) {
    si_doctor_ok(doctor, "%s lies in no git repository", path);
    return;
  }
  doctor->allowed = si_json_bool(doctor->context->config, "unsafe_repo_state", false);
  si_doctor_tell(doctor, SI_FINDING_CRITICAL,
                 "move the vault file out of the repository, and rotate every secret that it held",
                 "the vault: %s", error.message);
}

/* --- one vault, one context --- */

static void compare(struct si_doctor *doctor, const struct si_vault_place *own,
                    const struct si_vault_place *other) {
  if (strcmp(other->name, doctor->context->name) == 0 || !other->path) {
    return;
  }
  bool same_file = own->exists && other->exists && other->st.st_dev == own->st.st_dev &&
                   other->st.st_ino == own->st.st_ino;
  if (same_file || strcmp(other->path, own->path) == 0) {
    si_doctor_tell(doctor, SI_FINDING_CRITICAL, REMEDY_OWN,
                   "context %s has the same vault: %s is %s", other->name, other->path, own->path);
  }
}

static void look_at(struct si_doctor *doctor, const struct si_vault_place *own) {
  struct si_error error;
  if (own->err != 0) {
    si_error_errno(&error, own->err, "VAULT_UNREADABLE", "looking at %s", own->path);
    si_doctor_failed(doctor, "the vault", &error);
    return;
  }
  if (own->exists && own->st.st_nlink > 1) {
    si_doctor_tell(doctor, SI_FINDING_CRITICAL,
                   "find the other name (find DIR -samefile FILE) and remove it",
                   "%s has %lu names (hard links): another context or program may hold it",
                   own->path, (unsigned long)own->st.st_nlink);
  }
  /* Every context refuses a vault that is another's when it is made; what was changed by hand since
   * is left to the whole run, whose cost grows with their number. */
  if (doctor->mode != SI_DOCTOR_GATE && si_vaults_read(doctor->vaults, &error) != SI_OK) {
    si_doctor_failed(doctor, "whether the vault is the context's own", &error);
  }
  for (size_t i = 0; doctor->vaults && i < doctor->vaults->count; i++) {
    compare(doctor, own, &doctor->vaults->list[i]);
  }
  if (doctor->told == 0) {
    si_doctor_ok(doctor, "%s is this context's alone", own->path);
  }
}

void si_check_vault_own(struct si_doctor *doctor) {
  struct si_vault_place own;
  si_vault_place_of(doctor->context, &own);
  if (own.path) {
    look_at(doctor, &own);
  } else {
    no_vault(doctor);
  }
  free(own.path);
}

/* --- trust --- */

static void not_trusted(struct si_doctor *doctor, const struct si_error *error) {
  bool missing = strcmp(error->code, "VAULT_MISSING") == 0;
  bool busy = error->status == SI_E_CONFLICT;
  int severity = missing ? SI_FINDING_INFO : busy ? SI_FINDING_WARNING : SI_FINDING_CRITICAL;
  si_doctor_tell(doctor, severity, error->hint[0] ? error->hint : "si vault doctor --context NAME",
                 "%s", error->message);
}

void si_check_vault_trust(struct si_doctor *doctor) {
  char path[SI_PATH_MAX];
  struct si_error error = {.status = SI_OK};
  struct si_vault *vault = NULL;
  if (si_vault_path(doctor->context, path, sizeof path, &error) != SI_OK) {
    no_vault(doctor);
    return;
  }
  if (!doctor->state) {
    si_error_set(&error, SI_E_IO, "STATE_UNREADABLE", "the ledger is in the state store: %s",
                 doctor->unopened ? doctor->unopened->message : "it is not open");
    si_doctor_failed(doctor, "the vault", &error);
    return;
  }
  if (si_vault_open(doctor->context, doctor->state, &vault, &error) != SI_OK) {
    /* Where it lies in a repository it is not opened, and context_vault_outside_repo tells why. */
    struct si_error place;
    doctor->allowed = si_json_bool(doctor->context->config, "unsafe_repo_state", false) &&
                      si_context_guard(path, &place) != SI_OK;
    not_trusted(doctor, &error);
    return;
  }
  si_vault_close(vault);
  si_doctor_ok(doctor, "its recipients are the trusted ones, and every line is as it was written");
}
