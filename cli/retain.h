/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/retain.h - how long and how something is to be locked, as the options of a row say it, and
 * the context in whose name that happens. Depends on cli/runpack_store.h, paas/retention.
 */
#ifndef SI_CLI_RETAIN_H
#define SI_CLI_RETAIN_H

#include "cli/runpack_store.h"
#include "core/runpack/locks.h"
#include "paas/retention/terms.h"

#define SI_RETAIN_OPTIONS                                                                           \
  {"retain-for", 0, "TIME", "Lock it for that long from now on: 36h, 30d", 0, NULL},                \
      {"retain-until", 0, "TIME", "Lock it until then: 2027-11-20, 2027-11-20T20:15:01Z", 0, NULL}, \
  {                                                                                                 \
    "lock-mode", 0, "MODE",                                                                         \
        "governance, or compliance, which nobody can end early; by default "                        \
        "the policy's, or governance",                                                              \
        0, NULL                                                                                     \
  }
#define SI_RETAIN_HOLD_OPTION \
  { "hold", 0, "REASON", "Put it under legal hold, too, and why", 0, NULL }

/* Reads them; `holds`: the row has --hold. What was given is told to si_about(). */
si_rc si_retain_ask(struct si_invocation *inv, bool holds,
                    struct si_retention_ask *ask) SI_MUST_USE;

/* The context whose policy holds for what is done in this store, and whose audit chain hears of it:
 * the store's own, or that of --context; NULL: none. */
const struct si_context *si_place_owner(const struct si_place *place);

/* What the row is about to do belongs to a context: a failure is told to its chain. A row that does
 * it in a context's own store wants it named by --context (PAAS_CONTEXT_EXPLICIT). Call it before
 * the place is opened. */
si_rc si_retain_changes(struct si_invocation *inv) SI_MUST_USE;

/* Tells the owner's audit chain of it, with si_about(): `status` "started" before something is done
 * that cannot be undone; NULL: it was done. */
si_rc si_retain_tell(struct si_invocation *inv, const struct si_place *place, const char *action,
                     const char *status) SI_MUST_USE;

/* Adds to si_about() what a lock is: "mode" and "until". */
void si_retain_about(struct si_invocation *inv, uint32_t mode, int64_t until_ms);

/* A warning where this machine's clock and the store's differ by more than SI_LOCK_SKEW_MS. */
void si_retain_warn_skew(struct si_invocation *inv, int64_t skew_ms);

/* "lock" of a result: {"held","mode","skew_ms","until"} or null; shown, too. */
si_rc si_retain_add(struct si_invocation *inv, const struct si_store_lock *lock, int64_t skew_ms,
                    cJSON *json) SI_MUST_USE;

/* "COMPLIANCE until TIME", ", legal hold", or "not locked". to[96] */
void si_retain_text(uint32_t mode, int64_t until_ms, bool held, char *to, size_t size);

#endif
