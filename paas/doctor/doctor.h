/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/doctor.h - looks a context over and says what is wrong, how badly, and what to do
 * (R11, R15, R20, R21, R23, R29, R30). Depends on the other rooms of paas and on core/host; changes
 * nothing but its own record of what was found, the audit chain and alerts. One thread.
 *
 * A check has a stable id (`state_root_outside_repo`), and yields one finding or several. What
 * cannot be checked is a finding of the check's own severity, never a pass (R15). A critical
 * finding blocks deploys and changes of secrets until it is mended: what si_doctor_run finds is
 * recorded in the context's store (document "doctor"), and blocks until a later run finds it no
 * more. A context that was made in a repository by the override is a critical finding that does
 * not block: somebody has decided it.
 *
 * docs/doctor.md lists every check.
 */
#ifndef SI_PAAS_DOCTOR_DOCTOR_H
#define SI_PAAS_DOCTOR_DOCTOR_H

#include "paas/context/context.h"
#include "paas/state/state.h"

enum { SI_FINDING_OK, SI_FINDING_INFO, SI_FINDING_WARNING, SI_FINDING_CRITICAL };

struct si_finding {
  const char *check;   /* id of the check */
  const char *context; /* name, or "" for the root */
  int severity;        /* SI_FINDING_* */
  const char *detail;  /* what was seen: never a secret's value */
  const char *remedy;  /* what to do; "" for OK */
};
typedef si_rc (*si_finding_each)(void *ctx, const struct si_finding *finding);

enum {
  SI_DOCTOR_ALL = 0,
  SI_DOCTOR_GATE = 1 /* only the checks whose critical findings block: no engine, no long scans */
};

struct si_doctor_options {
  unsigned mode;                   /* SI_DOCTOR_* */
  const char *const *repositories; /* further ones to scan; NULL ends it; may be NULL */
};

/* Runs the checks of one context. `state` may be NULL where the store cannot be opened: that is a
 * finding then. What each() returns other than SI_OK ends the run. */
si_rc si_doctor_context(const struct si_context *context, struct si_state *state,
                        const struct si_doctor_options *options, void *ctx, si_finding_each each,
                        struct si_error *error) SI_MUST_USE;
/* The checks of the root that all contexts share: its place, permissions, plugins, sandbox, clock,
 * disk, address pools. */
si_rc si_doctor_root(const struct si_doctor_options *options, void *ctx, si_finding_each each,
                     struct si_error *error) SI_MUST_USE;

struct si_doctor_request {
  const char *context;             /* this one alone; NULL: all */
  const char *const *repositories; /* as in the options */
  const char *const *forget;       /* repositories where something was found and that are not to be
                                      looked at again, unless they are at hand; NULL ends it; may be
                                      NULL. Audited. */
};
/* The root, then the contexts, whatever state they are in: a context or store that cannot be opened
 * is a finding. Records what is critical in each store that can be written, audits the change, and
 * raises alerts (R30). *critical (may be NULL) counts. PAAS_CONTEXT_NOT_FOUND where the one asked
 * for is not there. */
si_rc si_doctor_run(const struct si_doctor_request *request, void *ctx, si_finding_each each,
                    size_t *critical, struct si_error *error) SI_MUST_USE;

/* "ok", "info", "warning", "critical" */
const char *si_doctor_severity(int severity);

/* PAAS_DOCTOR_CRITICAL (SI_E_CORRUPT, exit 8) naming the first critical finding of mode GATE and
 * its remedy; asked by every deploy and every change of a secret before anything is begun (R21). */
si_rc si_doctor_gate(const struct si_context *context, struct si_state *state,
                     struct si_error *error) SI_MUST_USE;

#endif
