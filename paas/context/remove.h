/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/context/remove.h - the end of a context, and its coming to another place (R5, R8). Depends
 * on paas/context/context.h and paas/state.
 */
#ifndef SI_PAAS_CONTEXT_REMOVE_H
#define SI_PAAS_CONTEXT_REMOVE_H

#include "paas/context/context.h"
#include "paas/state/state.h"

struct si_context_removal {
  const char *name;
  bool with_secrets; /* the vault too, where it still holds secrets, and the key that opens it */
  /* Called once it is sure that the context goes, with its store still open: the place for its
   * last event. A failure takes the removal back. NULL: nothing. */
  si_rc (*last)(void *ctx, const struct si_context *context, struct si_state *state,
                struct si_error *error);
  void *ctx;
};

/* Removes a context, wherever its state lies: directory, store, events, runpacks, vault and the
 * vault's identity. Whole or not at all: one rename is the moment at which it is gone; what a crash
 * leaves behind it is finished by the next create, init, import, adopt or remove.
 * <root>/removed.jsonl (0600) gets one line
 * {"actor":{"uid"},"at","audit":{"hash","seq"}|null,"id","name","type",...}; current_context is
 * cleared where it was this one.
 *
 * PAAS_CONTEXT_NOT_EMPTY (SI_E_CONFLICT) while anything lives there (paas/state/place.h), for which
 * there is no override; PAAS_CONTEXT_SECRETS (SI_E_CONFLICT) where the vault holds secrets and
 * with_secrets is not set; PAAS_CONTEXT_NOT_FOUND; what opening says of a context that cannot be
 * looked at: that is never removed. */
si_rc si_context_remove(const struct si_context_removal *removal,
                        struct si_error *error) SI_MUST_USE;

/* Does the context's vault file hold any secret, sealed or not? False where there is no file. */
si_rc si_context_vault_holds(const struct si_context *context, bool *holds,
                             struct si_error *error) SI_MUST_USE;

/* A context's directory that was moved or restored: its identity becomes that of where it is now,
 * and the paths in config.json that lay in the old directory lie in the new one. Refused with
 * PAAS_CONTEXT_COPIED where the directory it was made in still holds a context of its id, or
 * another context of this root has that id; PAAS_CONTEXT_UNCHECKED where that cannot be told.
 * *from[SI_PATH_MAX] is where it was. A context that is where it belongs is left alone, with *from
 * "". */
si_rc si_context_adopt(const char *name, struct si_context *out, char *from,
                       struct si_error *error) SI_MUST_USE;

/* Empties cache/ and what ended operations left in operations/: what a demo's reset clears. */
si_rc si_context_clear(const struct si_context *context, struct si_error *error) SI_MUST_USE;

#endif
