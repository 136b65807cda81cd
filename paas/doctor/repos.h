/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/repos.h - repositories that were scanned in a run, each once, and what was found in
 * them. Depends on walk.h, look.h, repository.h.
 */
#ifndef SI_PAAS_DOCTOR_REPOS_H
#define SI_PAAS_DOCTOR_REPOS_H

#include <stdbool.h>

#include "kit/base/path.h"

enum { SI_HIT_ARTIFACT, SI_HIT_EXPOSURE, SI_HIT_LINK, SI_HIT_UNSEEN, SI_HIT_KINDS };
#define SI_HITS_MAX 20 /* of a kind are kept; the others are counted */

struct si_hit {
  char *path;     /* relative to the repository; owned */
  size_t line;    /* or 0 */
  char what[128]; /* "a state store", "the value of DB_PASSWORD", "Permission denied" */
};

struct si_repo {
  char path[SI_PATH_MAX];
  bool of_root;   /* asked for by the scope of the root */
  unsigned round; /* the last check that told of it */
  char asked[64]; /* the last context that asked */
  struct si_hit hits[SI_HIT_KINDS][SI_HITS_MAX];
  size_t counts[SI_HIT_KINDS];
  size_t files;
  struct si_repo *next;
};

struct si_repos {
  struct si_repo *first;
  unsigned round;
};

struct si_repos_scan {
  const char *dir;   /* anywhere in a repository, or any directory where `whole` */
  bool whole;        /* the directory itself, where it lies in no repository */
  bool likely_only;  /* only files that are called like a place for secrets or state */
  const char *state; /* the root of the state: links into it are told, it is not scanned; or "" */
};
/* Scans the repository around a directory unless that was done. *out NULL: there is none.
 * SI_E_NOT_FOUND: the directory is not there. Where it cannot be told and the path is absolute, the
 * directory stands for a repository of which nothing was seen; else SI_E_REFUSED with *error. */
si_rc si_repos_scan(struct si_repos *repos, const struct si_repos_scan *scan, struct si_repo **out,
                    struct si_error *error) SI_MUST_USE;
void si_repos_free(struct si_repos *repos); /* for SI_AUTO */

#endif
