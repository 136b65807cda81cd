/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/evidence.h - the runpack of an operation: what was asked, what was done step by
 * step, what came of it. Made from the state store and the operation's log alone, so that it can be
 * made again after a crash, with the same bytes. Depends on core/runpack.
 */
#ifndef SI_PAAS_LIFECYCLE_EVIDENCE_H
#define SI_PAAS_LIFECYCLE_EVIDENCE_H

#include "core/runpack/export.h"
#include "paas/lifecycle/life.h"
#include "paas/lifecycle/sink.h"

/* Exports the runpack of an operation that has ended into a store: artifacts spec.json,
 * operation.json, result.json, steps.jsonl, log.txt, under `lock` (NULL: none). RUNPACK_EXISTS
 * where it is there already. */
si_rc si_evidence_export(struct si_life *life, const struct si_operation *operation,
                         struct si_store *store, const struct si_lock_terms *lock,
                         struct si_export_result *result, struct si_error *error) SI_MUST_USE;

/* Says in the state store that an attempt under this lock is about to begin, so that whoever goes
 * on with the evidence knows what it was begun under. */
si_rc si_evidence_note_lock(const struct si_life *life, const struct si_operation *operation,
                            const struct si_lock_terms *lock, struct si_error *error) SI_MUST_USE;

/* Where the runpack of an operation is, whether it is stored or not. prefix[SI_KEY_SIZE] */
si_rc si_evidence_prefix(const struct si_life *life, const struct si_operation *operation,
                         char *prefix, struct si_error *error) SI_MUST_USE;

/* A session with this artifact provider on behalf of `operation`. */
si_rc si_evidence_open(struct si_life *life, const struct si_operation *operation,
                       const char *provider, const char *config, struct si_sink_session **out,
                       struct si_error *error) SI_MUST_USE;
/* A session with an artifact provider that takes the evidence of `operation`: the life's sink, or
 * the context's where that is NULL. */
si_rc si_evidence_sink(struct si_life *life, const struct si_operation *operation,
                       struct si_sink_session **out, struct si_error *error) SI_MUST_USE;

#endif
