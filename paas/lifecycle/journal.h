/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/journal.h - what is written down while an operation runs: its steps in the state
 * store, its log in operations/<id>.log, and who owns it in its lock file. Depends on paas/state.
 */
#ifndef SI_PAAS_LIFECYCLE_JOURNAL_H
#define SI_PAAS_LIFECYCLE_JOURNAL_H

#include "paas/lifecycle/life.h"
#include "paas/lifecycle/stopped.h"
#include "paas/redact/redact.h"

struct si_journal {
  struct si_life *life;
  char operation_id[48];
  char doing[SI_PROGRESS_WHAT]; /* the last progress that was told */
  char target[64];              /* put before what is shown and logged; "": there is but one */
  int log;                      /* -1: it cannot be written, which is said once and stops nothing */
  size_t logged;                /* bytes of it */
  size_t stepped;               /* bytes that the steps take in the evidence, at most */
  unsigned refused;             /* secrets that the provider asked for and did not get */
  struct si_stopped stopped;    /* what it was kept from, for the audit chain */
  struct si_redact_stream
      lines; /* those of the provider's log that wait: they may end in a secret */
};

/* Opens the log and writes into the lock file who runs the operation. `provider` is the plugin
 * whose doings are written down; it must live as long. */
void si_journal_open(struct si_journal *journal, struct si_life *life, const char *operation_id,
                     const char *provider, int lock);
/* What follows is about that target, or (NULL) about the only one there is. */
void si_journal_place(struct si_journal *journal, const char *target);
void si_journal_close(struct si_journal *journal);

/* The listener of a session: ctx is the journal. */
extern const struct si_listener si_journal_listener;

/* <dir>/operations/<id>.<suffix> */
si_rc si_journal_path(const struct si_context *context, const char *operation_id,
                      const char *suffix, char *to, size_t size) SI_MUST_USE;
/* Is the process that the lock file names gone? Then a lock that is still held is about to fall. */
bool si_journal_owner_gone(const struct si_context *context, const char *operation_id);

#endif
