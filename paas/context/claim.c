/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/context/claim.c - the places that a new context wants are nobody else's: one vault, one
 * context (R10); one directory, one context (R8). Depends on sdk/kit/base.
 */
#include <string.h>
#include <sys/stat.h>

#include "paas/context/private.h"

bool si_context_lies_in(const char *path, const char *dir) {
  size_t len = strlen(dir);
  return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool same_file(const char *a, const char *b) {
  struct stat one, two;
  return strcmp(a, b) == 0 || (stat(a, &one) == 0 && stat(b, &two) == 0 &&
                               one.st_dev == two.st_dev && one.st_ino == two.st_ino);
}

/* A context that cannot be read does not say where its vault and its directory are: then only what
 * lies in the new context's own place below contexts/ is surely no one else's. */
static si_rc refuse_unsure(const struct si_context_claim *claim, const char *name,
                           struct si_error *error) {
  const char *option = claim->vault_given ? "--vault-file" : "--state-root";
  if (!claim->vault_given && !claim->elsewhere) {
    return SI_OK;
  }
  si_error_set(error, SI_E_REFUSED, "PAAS_VAULT_UNCHECKED",
               "context %s cannot be read, so %s may belong to it", name,
               claim->vault_given ? claim->vault : claim->dir);
  si_error_hint(error, "see what is wrong with it: si paas context show %s; or leave %s out", name,
                option);
  return SI_E_REFUSED;
}

static si_rc overlap(const char *inner, const char *outer, const char *name,
                     struct si_error *error) {
  si_error_set(error, SI_E_REFUSED, "PAAS_CONTEXT_OVERLAP",
               "%s lies in %s, and one of the two is context %s's: who removes one would remove "
               "the other",
               inner, outer, name);
  si_error_target(error, NULL, name);
  si_error_hint(error, "name a place that lies in no other context's, and that holds none");
  return SI_E_REFUSED;
}

/* Whose directory is removed takes along all that lies in it. */
static si_rc refuse_overlap(const struct si_context_claim *claim, const struct si_context *other,
                            const char *vault, struct si_error *error) {
  const char *dir = claim->dir;
  char real[SI_PATH_MAX];
  if (vault && si_context_real(vault, real, NULL) == SI_OK) {
    vault = real;
  }
  if (si_context_lies_in(dir, other->dir) || si_context_lies_in(claim->vault, other->dir)) {
    return overlap(si_context_lies_in(dir, other->dir) ? dir : claim->vault, other->dir,
                   other->name, error);
  }
  if (si_context_lies_in(other->dir, dir) || (vault && si_context_lies_in(vault, dir))) {
    return overlap(si_context_lies_in(other->dir, dir) ? other->dir : vault, dir, other->name,
                   error);
  }
  return SI_OK;
}

/* What a vault file must not be: something of the root's own, or of a context that is yet to be. */
static si_rc refuse_vault_of_root(const struct si_context_home *home,
                                  const struct si_context_claim *claim, struct si_error *error) {
  static const char *const rooms[] = {"contexts", "keys"};
  char room[SI_PATH_MAX];
  for (size_t i = 0; i < 2; i++) {
    if (si_path_join(room, sizeof room, home->path, rooms[i]) == SI_OK &&
        si_context_lies_in(claim->vault, room) && !si_context_lies_in(claim->vault, claim->dir)) {
      si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                   "the vault file %s lies in %s, which si keeps for itself", claim->vault, room);
      si_error_hint(error, "leave --vault-file out, or name a file elsewhere");
      return SI_E_INVALID;
    }
  }
  return SI_OK;
}

si_rc si_context_claim_check(const struct si_context_home *home,
                             const struct si_context_claim *claim, struct si_error *error) {
  struct si_context_names names SI_AUTO(si_context_names_free) = {NULL, 0};
  si_rc status = si_context_names(home, &names, error);
  for (size_t i = 0; status == SI_OK && i < names.count; i++) {
    struct si_context other SI_AUTO(si_context_free) = {.name = ""};
    if (si_context_open_in(home, names.list[i], &other, NULL) != SI_OK) {
      status = refuse_unsure(claim, names.list[i], error);
      continue;
    }
    const char *vault = si_json_str(other.config, "vault_file");
    if (vault && same_file(vault, claim->vault)) {
      si_error_set(error, SI_E_REFUSED, "PAAS_VAULT_SHARED", "%s is the vault of context %s",
                   claim->vault, other.name);
      si_error_hint(error, "give each context a vault file of its own");
      status = SI_E_REFUSED;
    } else {
      status = refuse_overlap(claim, &other, vault, error);
    }
  }
  return status == SI_OK ? refuse_vault_of_root(home, claim, error) : status;
}
