/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/repository.h - the git repository that a directory lies in, told from the files
 * there: git is not run. Depends on sdk/kit/base.
 */
#ifndef SI_PAAS_DOCTOR_REPOSITORY_H
#define SI_PAAS_DOCTOR_REPOSITORY_H

#include <stdbool.h>

#include "kit/base/path.h"

/* The outermost work tree or bare repository around `dir` (any existing path), without links: what
 * is nested in it is seen with it. *found false: there is none. SI_E_REFUSED, with errno: it cannot
 * be told. */
si_rc si_repository_around(const char *dir, char to[SI_PATH_MAX], bool *found) SI_MUST_USE;

#endif
