/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/release.h - the releases of a project: stacks that were asked for, numbered from 1,
 * never changed. A release is made in the transaction that begins the operation which brings its
 * stack (a create, a retry with another stack, a deploy); the digests of its images are added once
 * it was seen to serve. Depends on paas/state/state.h.
 */
#ifndef SI_PAAS_STATE_RELEASE_H
#define SI_PAAS_STATE_RELEASE_H

#include "paas/state/event.h"
#include "paas/state/state.h"

struct si_release {
  char project_id[40];
  char number[12]; /* "1" and on */
  char spec_sha256[65];
  char made_at[32];
  char made_by[128];  /* "" where nobody knows */
  char *note;         /* or NULL; owned */
  char *secrets;      /* {"KEY": revision}: never a value; owned */
  char *images;       /* {"service": image id} as the engine told, NULL until it served; owned */
  char pruned_at[32]; /* "": it is whole. Else its stack is gone for good */
  char *stack;        /* si.stack/1; NULL in lists; owned */
};
void si_release_free(struct si_release *release);

/* Who makes the releases of this handle, from now on: at most 127 bytes of `who` are kept. */
void si_state_actor(struct si_state *state, const char *who);
/* And why: at most 1023 bytes; NULL or "": nothing is said. */
void si_state_note(struct si_state *state, const char *note);

/* number NULL: the project's current one. RELEASE_NOT_FOUND, RELEASE_PRUNED (SI_E_NOT_FOUND). */
si_rc si_state_release(struct si_state *state, const char *project_id, const char *number,
                       struct si_release *out, struct si_error *error) SI_MUST_USE;

typedef si_rc (*si_release_each)(void *ctx, const struct si_release *release);
/* Newest first, without stacks; each() as si_state_projects. */
si_rc si_state_releases(struct si_state *state, const char *project_id, void *ctx,
                        si_release_each each, struct si_error *error) SI_MUST_USE;

/* --- pruning (prune.c) --- */

/* A release that nobody needs any more, by the store's own rule: see schema_prune.c. */
struct si_prunable {
  char project_id[40];
  char number[12];
  char made_at[32];
  char slug[64];
};
typedef si_rc (*si_prunable_each)(void *ctx, const struct si_prunable *release);
/* Those of an owner made before `before` (as made_at) of which at least `keep` of the same project
 * that are whole are newer; oldest first. */
si_rc si_state_prunable(struct si_state *state, const char *owner_id, uint64_t keep,
                        const char *before, void *ctx, si_prunable_each each,
                        struct si_error *error) SI_MUST_USE;
/* Prunes them, all or none, with the event in the same transaction: their rows stay, their stacks
 * go. RELEASE_NEEDED (SI_E_CONFLICT) names the first that is not prunable (any more). */
si_rc si_state_prune(struct si_state *state, const struct si_prunable *releases, size_t count,
                     const struct si_state_event *event, struct si_error *error) SI_MUST_USE;

/* The images of an operation's result, {"verified":{"services":[{"name","image_id"}]}}, as a
 * release keeps them: {"SERVICE":id}; nothing where it tells of none. */
si_rc si_state_images(const char *result, struct si_buf *out) SI_MUST_USE;

#endif
