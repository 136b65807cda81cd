/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/place.h - where a store belongs, so that a copied directory is found out (R8), and the
 * end of a store. For paas/context alone. Depends on paas/state/state.h.
 *
 * The document "identity" holds {"id","inode","path"}: the context's id, the inode of the directory
 * and its path. The first opener for writing that finds none writes what it sees; every later one
 * (si_state_open) refuses a directory that differs: PAAS_CONTEXT_COPIED (SI_E_REFUSED).
 */
#ifndef SI_PAAS_STATE_PLACE_H
#define SI_PAAS_STATE_PLACE_H

#include "paas/state/state.h"

/* As si_state_open for writing, but wherever the store says that it belongs. */
si_rc si_state_open_anywhere(const char *dir, const char *context_id, struct si_state **out,
                             struct si_error *error) SI_MUST_USE;
/* From now on the store belongs to `path` (absolute, without links), which the directory that it is
 * open in has, or is about to be renamed to. */
si_rc si_state_place_set(struct si_state *state, const char *context_id, const char *path,
                         struct si_error *error) SI_MUST_USE;
/* The path it belongs to; "" where it says none. */
si_rc si_state_place(struct si_state *state, char *to, size_t size,
                     struct si_error *error) SI_MUST_USE;

/* Fills *error with PAAS_CONTEXT_COPIED and returns SI_E_REFUSED: the directory `dir` bears the
 * identity of one that was at `path`. */
si_rc si_state_copied(const char *dir, const char *path, struct si_error *error);

/* Ends the store: from the commit on no project can begin in it, for any process that has it open.
 * Idempotent. PAAS_CONTEXT_NOT_EMPTY (SI_E_CONFLICT) while anything lives in it: a project that is
 * not deleted, an unfinished operation, evidence that is not stored. */
si_rc si_state_retire(struct si_state *state, struct si_error *error) SI_MUST_USE;
/* Takes it back. */
si_rc si_state_unretire(struct si_state *state, struct si_error *error) SI_MUST_USE;

#endif
