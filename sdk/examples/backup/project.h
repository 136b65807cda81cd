/* SPDX-License-Identifier: Apache-2.0 */
/*
 * project.h - what is done inside of a project, through the host's `si.exec/1`: tar, test and rm in
 * the configured service. Functions that fail have told the host. Depends on archive.h.
 */
#ifndef PROJECT_H
#define PROJECT_H

#include "archive.h"

/* Writes the project's data as a tar archive to `fd`, and its length and hash to *backup. */
si_rc project_save(const struct call *call, int fd, struct backup *backup) SI_MUST_USE;
/* Does the project hold data where backups are taken? */
si_rc project_holds(const struct call *call, bool *out) SI_MUST_USE;
/* Replaces the project's data by the archive. Once it began, a failure leaves the project unusable:
 * SI_OUTCOME_UNKNOWN. */
si_rc project_replace(const struct call *call, int fd, bool holds) SI_MUST_USE;
/* Is there a tar that can be run? */
si_rc project_check(const struct call *call, bool *out) SI_MUST_USE;

#endif
