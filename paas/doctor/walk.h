/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/walk.h - reads a directory tree within bounds: no link is followed, and what git
 * keeps for itself (.git, the inside of a bare repository) is passed over. Depends on sdk/kit/base.
 *
 * Every bound that is reached, and every directory that cannot be read, is trouble: the tree was
 * not wholly seen.
 */
#ifndef SI_PAAS_DOCTOR_WALK_H
#define SI_PAAS_DOCTOR_WALK_H

#include <sys/stat.h>

#include "kit/base/path.h"

struct si_walk {
  unsigned depth_max;
  size_t entries_max;
  bool git; /* pass over what git keeps for itself */
  void *ctx;
  /* `path` is relative to the top, `name` its last component in `dir`; type DT_* of dirent.h,
   * DT_DIR once before the directory is read. False: do not go into it, or (not a directory) end.
   */
  bool (*entry)(void *ctx, int dir, const char *name, const char *path, unsigned char type);
  void (*trouble)(void *ctx, const char *path, const char *why);

  /* the walk's own */
  size_t entries;
  bool ended;
  char path[SI_PATH_MAX];
};

/* Walks `top` (an open directory, which stays open). */
void si_walk_run(struct si_walk *walk, int top);

#endif
