/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/folder.h - every file below a directory as an artifact, in byte order of their
 * paths: sub-directories become components of the name. Links, devices and names that cannot be
 * part of a key are refused before anything is stored. Depends on describe.h.
 */
#ifndef SI_CORE_RUNPACK_FOLDER_H
#define SI_CORE_RUNPACK_FOLDER_H

#include "core/runpack/describe.h"

#define SI_FOLDER_DEPTH 16

/* Adds all files below `dir` as required artifacts of kind "custom", their content type told by
 * the name's ending, unless `description` (or NULL) says otherwise. RUNPACK_FOLDER_INVALID names
 * the entry that is refused. */
si_rc si_export_add_folder(struct si_export *e, int dir, struct si_description *description,
                           struct si_error *error) SI_MUST_USE;

#endif
