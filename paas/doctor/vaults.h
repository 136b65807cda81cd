/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/vaults.h - where the vaults of all contexts are, read once in a run. Depends on
 * paas/vault, paas/context.
 */
#ifndef SI_PAAS_DOCTOR_VAULTS_H
#define SI_PAAS_DOCTOR_VAULTS_H

#include <sys/stat.h>

#include "paas/context/context.h"

struct si_vault_place {
  char name[64];
  char *path; /* without links, as far as it exists; NULL: the context cannot be opened; owned */
  struct stat st; /* where it exists */
  bool exists;
  int err; /* why that cannot be told; or 0 */
};

struct si_vaults {
  struct si_vault_place *list;
  size_t count;
  bool read;
};

/* Of one context, in place[]; path NULL where it has no vault. The caller frees place->path. */
void si_vault_place_of(const struct si_context *context, struct si_vault_place *place);
/* Of all, unless that was read before. */
si_rc si_vaults_read(struct si_vaults *vaults, struct si_error *error) SI_MUST_USE;
void si_vaults_free(struct si_vaults *vaults); /* for SI_AUTO */

#endif
