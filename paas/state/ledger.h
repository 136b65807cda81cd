/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/ledger.h - what the vault's file must hold: the SHA-256 of each line, the revision of
 * each secret, the context's own key and the trusted set of recipients. Depends on
 * paas/state/event.h.
 *
 * A write of the vault begins with an intent (what each line will be) and ends when it is settled:
 * taken (the file holds the new content) or dropped (it holds the old). The audit event of the
 * write is told with the intent, and becomes part of its chain in the transaction that takes it.
 * The caller holds the vault's lock from the one to the other. Errors: the store's.
 */
#ifndef SI_PAAS_STATE_LEDGER_H
#define SI_PAAS_STATE_LEDGER_H

#include "paas/state/event.h"

struct si_ledger_row {
  char app[64];
  char key[132];
  char sha256[65]; /* of the line; "" where there is to be none */
  char origin[16]; /* set, generated, imported */
  char created_at[32];
  char updated_at[32];
  char next_sha256[65];
  uint64_t revision;      /* the last that was settled; 0: none yet */
  uint64_t next_revision; /* where `pending` */
  bool pending;
  char numbers[2][24]; /* the store's own */
};

struct si_ledger {
  struct si_ledger_row *rows; /* by app, then key; also those that were removed */
  size_t count;
  char own[80];     /* recipient of the context's identity; "" before there is a vault */
  char trusted[65]; /* or "" */
  char trusted_at[32];
  char next_own[80];
  char next_trusted[65];
  bool pending; /* an intent waits to be settled */
};

/* All of it, as of one moment. */
si_rc si_ledger_read(struct si_state *state, struct si_ledger *out,
                     struct si_error *error) SI_MUST_USE;
void si_ledger_free(struct si_ledger *ledger); /* for SI_AUTO */
/* The row of a secret, or NULL. */
const struct si_ledger_row *si_ledger_find(const struct si_ledger *ledger, const char *app,
                                           const char *key);

struct si_ledger_change {
  const char *app;
  const char *key;
  uint64_t revision;
  const char *sha256; /* NULL: the line goes */
  const char *origin; /* NULL: as it was */
};

/* Notes what a write is about to do. own, trusted: NULL where they stay. `record` is the event's,
 * for the stream audit. LEDGER_PENDING (SI_E_INTERNAL) while another waits to be settled. */
si_rc si_ledger_intend(struct si_state *state, const struct si_ledger_change *changes, size_t count,
                       const char *own, const char *trusted, const char *record,
                       struct si_error *error) SI_MUST_USE;
/* Takes the intent (its event is added) or drops it (as if it had not been). */
si_rc si_ledger_settle(struct si_state *state, bool taken, struct si_error *error) SI_MUST_USE;

/* Trusts another set, or none (NULL), and adds the event. */
si_rc si_ledger_trust(struct si_state *state, const char *trusted, const char *record,
                      struct si_error *error) SI_MUST_USE;

/* Was the store opened for writing, and how long does it wait for others? */
bool si_ledger_writable(const struct si_state *state);
unsigned si_ledger_wait(const struct si_state *state);

#endif
