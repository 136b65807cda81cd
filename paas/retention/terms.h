/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/retention/terms.h - what a lock is to be: what a caller asked for, within what the context's
 * policy allows. Depends on paas/context/context.h, core/runpack/lock.h.
 */
#ifndef SI_PAAS_RETENTION_TERMS_H
#define SI_PAAS_RETENTION_TERMS_H

#include "core/runpack/lock.h"
#include "paas/context/context.h"
#include "paas/retention/policy.h"

/* What a caller asked for; all of it zero: what the policy says. */
struct si_retention_ask {
  uint32_t mode;    /* SI_LOCK_NONE: the policy's; governance where there is none */
  bool held;        /* under legal hold, too */
  int64_t keep_ms;  /* locked for so long from now on; 0: */
  int64_t until_ms; /* until then; 0: nothing was asked */
  int64_t now_ms;   /* what until_ms is held against; 0: this machine's clock */
};

struct si_retention_terms {
  bool locked;               /* else nothing is to be locked, and the rest is zero */
  struct si_lock_terms lock; /* .policy is policy.data, or NULL where none holds */
  struct si_buf policy;      /* {"mode","rule":{"max","min","scenario"}} */
};
#define SI_RETENTION_TERMS \
  { .policy = SI_BUF(4096) }

/* `context` NULL: no policy. SI_E_REFUSED, each with the limit in words: RETENTION_BELOW_MIN,
 * RETENTION_ABOVE_MAX, RETENTION_MODE (a weaker mode than the policy's). SI_E_INVALID
 * (RETENTION_PERIOD): a mode, and no word on how long. */
si_rc si_retention_terms(const struct si_context *context, const char *scenario,
                         const struct si_retention_ask *ask, struct si_retention_terms *out,
                         struct si_error *error) SI_MUST_USE;
void si_retention_terms_free(struct si_retention_terms *terms); /* for SI_AUTO */

/* The same for what is locked already, of which only the end is asked for: above `max` is refused,
 * and so is a weaker mode; less than `min` is not, for the lock that is there stays. */
si_rc si_retention_extend(const struct si_context *context, const char *scenario,
                          const struct si_retention_ask *ask, struct si_retention_terms *out,
                          struct si_error *error) SI_MUST_USE;

#endif
