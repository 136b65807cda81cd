/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/events/anchor.h - is a runpack's manifest told of in an audit chain (R50)? The chain is
 * verified as a whole: an event in a chain that was tampered with proves nothing. Depends on
 * paas/events.
 *
 * Events that anchor are evidence.store and runpack.export with status ok, by their
 * fields.manifest_sha256: what si made and stored itself. EVENTS_TAMPERED (SI_E_CORRUPT).
 */
#ifndef SI_PAAS_EVENTS_ANCHOR_H
#define SI_PAAS_EVENTS_ANCHOR_H

#include "kit/base/hash.h"
#include "paas/events/events.h"

/* In the context's own audit chain, up to the head that its store knows. */
si_rc si_events_anchored(const struct si_context *context, struct si_state *state,
                         const char manifest_sha256[SI_SHA256_HEX], bool *found,
                         struct si_error *error) SI_MUST_USE;

/* In a copy of an audit.jsonl, without the store: that it begins as it did, and was not cut off at
 * its end, cannot be told from it. EVENTS_IO where the file cannot be read. */
si_rc si_events_anchored_in(const char *path, const char manifest_sha256[SI_SHA256_HEX],
                            bool *found, struct si_error *error) SI_MUST_USE;

#endif
