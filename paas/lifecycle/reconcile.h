/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/reconcile.h - holds the state store against the engines, and mends what differs
 * (R65, R68): operations whose owner died, projects that are not as they should be, resources that
 * no live project owns, evidence that was not stored. Depends on paas/lifecycle/life.h.
 */
#ifndef SI_PAAS_LIFECYCLE_RECONCILE_H
#define SI_PAAS_LIFECYCLE_RECONCILE_H

#include "paas/lifecycle/life.h"

/*
 * Without `apply` nothing changes, and life->state may be opened for reading. *report (the
 * caller's) is {"projects":[{"slug","id","status","verdict","detail","action","outcome"}],
 * "orphans":[{"type","id","name","project_id","provisioner","outcome"}],
 * "unreachable":[{"provisioner","message"}],"evidence_pending","alerts_pending","clean"}.
 *
 * verdict: ok, busy (an operation runs), interrupted (its owner died), deleting (half-deleted),
 * failed, drifted (not what its stack says), unknown (the engine cannot be asked).
 * action: none, retry, delete, converge; outcome: "" before, "ok", or what failed.
 *
 * With `apply` interrupted and half-deleted projects are run again, drifted ones converged,
 * orphans removed, evidence stored, alerts sent. A failed project stays: mending is the operator's,
 * and retry is his word for it. The first failure's record is returned; the report is whole all the
 * same.
 */
si_rc si_life_reconcile(struct si_life *life, bool apply, cJSON **report,
                        struct si_error *error) SI_MUST_USE;

#endif
