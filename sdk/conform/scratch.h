/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/scratch.h - directories that a run makes below $TMPDIR, and removes with all that is
 * in them. 0, or -1 and errno.
 */
#ifndef SI_CONFORM_SCRATCH_H
#define SI_CONFORM_SCRATCH_H

#include <stddef.h>

/* The run's own. */
int scratch_root(char *to, size_t size);
/* A fresh one below it. */
int scratch_make(const char *root, char *to, size_t size);
/* With all below it, no link followed. What cannot be removed stays. */
void scratch_remove(const char *path);

#endif
