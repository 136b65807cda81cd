/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/evidence_lock.h - the evidence of an operation under its context's retention
 * policy: exported under lock, demanded back, and copied to the policy's replica. Private to
 * paas/lifecycle. Depends on paas/retention, core/runpack.
 *
 * What was put under lock cannot be put again with other bytes, and compliance.json names the
 * policy that it was put under. So the terms of every attempt stand in the state store
 * ("evidence_lock/<operation>") before it begins: where a policy was changed after an attempt that
 * did not end, that attempt is gone on with under its own terms, and locked for longer afterwards
 * where the policy of now asks for it.
 */
#ifndef SI_PAAS_LIFECYCLE_EVIDENCE_LOCK_H
#define SI_PAAS_LIFECYCLE_EVIDENCE_LOCK_H

#include "paas/lifecycle/evidence.h"
#include "paas/retention/terms.h"

/* What the policy asks for the evidence of this operation. */
si_rc si_evidence_terms(const struct si_life *life, const struct si_operation *operation,
                        struct si_retention_terms *out, struct si_error *error) SI_MUST_USE;

/* Exports under these terms, or those of an attempt that did not end. */
si_rc si_evidence_export_locked(struct si_life *life, const struct si_operation *operation,
                                struct si_store *store, const struct si_retention_terms *terms,
                                struct si_export_result *result,
                                struct si_error *error) SI_MUST_USE;

/* Is every object at `prefix` locked for as long as the terms ask, from the operation's end on?
 * Locks what is not, and asks again. *now is the weakest mode and the first end that were read. */
si_rc si_evidence_demand(const struct si_operation *operation, struct si_store *store,
                         const char *prefix, const struct si_retention_terms *terms,
                         struct si_store_lock *now, struct si_error *error) SI_MUST_USE;

/* The audit chain hears of an attempt under lock that was denied. What fails is said to the log. */
void si_evidence_tell_denied(const struct si_life *life, const struct si_operation *operation,
                             const struct si_retention_terms *terms, const struct si_error *why);

/* Copies the runpack at `prefix` to the replica of the policy, where it names one, under the same
 * terms, verified on both sides and demanded there. */
si_rc si_evidence_replicate(struct si_life *life, const struct si_operation *operation,
                            struct si_store *store, const struct si_export_result *result,
                            const struct si_retention_terms *terms,
                            struct si_error *error) SI_MUST_USE;

#endif
