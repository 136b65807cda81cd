/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/doctor/vaults.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/vault/vault.h"

/* What exists of the path without links, and the rest of it; NULL without memory. */
static char *resolve(char path[SI_PATH_MAX]) {
  char whole[SI_PATH_MAX];
  char name[256];
  char *real = realpath(path, NULL);
  char *slash = strrchr(path, '/');
  if (real || !slash || slash == path) {
    return real ? real : strdup(path);
  }
  si_copy(name, sizeof name, slash);
  *slash = '\0';
  real = realpath(path, NULL);
  (void)snprintf(whole, sizeof whole, "%.3800s%s", real ? real : path, name);
  free(real);
  return strdup(whole);
}

void si_vault_place_of(const struct si_context *context, struct si_vault_place *place) {
  char path[SI_PATH_MAX];
  struct si_error error;
  *place = (struct si_vault_place){.path = NULL};
  si_copy(place->name, sizeof place->name, context->name);
  if (si_vault_path(context, path, sizeof path, &error) != SI_OK) {
    return;
  }
  place->path = resolve(path);
  place->exists = place->path && stat(place->path, &place->st) == 0;
  place->err = place->exists || errno == ENOENT || errno == ENOTDIR ? 0 : errno;
}

static si_rc add(void *ctx, const char *name, const struct si_context *context,
                 const struct si_error *error) {
  struct si_vaults *vaults = ctx;
  (void)error; /* context_opens tells */
  struct si_vault_place *list = realloc(vaults->list, (vaults->count + 1) * sizeof *vaults->list);
  if (!list) {
    return SI_E_NOMEM;
  }
  vaults->list = list;
  if (context) {
    si_vault_place_of(context, &list[vaults->count]);
  } else {
    list[vaults->count] = (struct si_vault_place){.path = NULL};
    si_copy(list[vaults->count].name, sizeof list->name, name);
  }
  vaults->count++;
  return SI_OK;
}

si_rc si_vaults_read(struct si_vaults *vaults, struct si_error *error) {
  if (vaults->read) {
    return SI_OK;
  }
  si_rc status = si_context_list(vaults, add, error);
  vaults->read = status == SI_OK;
  return status;
}

void si_vaults_free(struct si_vaults *vaults) {
  for (size_t i = 0; i < vaults->count; i++) {
    free(vaults->list[i].path);
  }
  free(vaults->list);
  *vaults = (struct si_vaults){.list = NULL};
}
