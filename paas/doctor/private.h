/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/private.h - what the checks share: one run over the root or over one context, the
 * table of the checks, and how a check tells what it found. Nothing outside this room and its tests
 * includes it. Depends on paas/doctor/doctor.h.
 */
#ifndef SI_PAAS_DOCTOR_PRIVATE_H
#define SI_PAAS_DOCTOR_PRIVATE_H

#include "kit/base/path.h"
#include "kit/base/text.h"
#include "paas/doctor/doctor.h"

struct si_repos;   /* repos.h: what was scanned already in this run */
struct si_engines; /* engine.h */
struct si_vaults;  /* vaults.h */

enum { SI_SCOPE_ROOT = 1, SI_SCOPE_CONTEXT = 2 };

struct si_doctor;
struct si_doctor_row {
  const char *id;
  int severity;   /* the worst that it tells */
  unsigned scope; /* SI_SCOPE_* */
  bool gate;      /* asked before every deploy and every change of a secret */
  void (*run)(struct si_doctor *doctor);
};
/* The table, in the order in which it is run: doctor/table.c. */
const struct si_doctor_row *si_doctor_rows(size_t *count);
/* Why a context could not be opened is told by the check that is about it. */
extern const struct si_doctor_row si_doctor_context_opens;
const struct si_doctor_row *si_doctor_row(const char *id);

struct si_doctor {
  unsigned mode;                    /* SI_DOCTOR_* */
  const char *const *repositories;  /* may be NULL */
  const char *const *forget;        /* may be NULL */
  const struct si_context *context; /* NULL: the root is looked at */
  const char *name;                 /* the context's, or "" */
  struct si_state *state;           /* may be NULL */
  const struct si_error *unopened;  /* why there is no state; or NULL */
  struct si_repos *repos;           /* shared by the scopes of a run */
  struct si_engines *engines;       /* so are these; both NULL in the gate */
  struct si_vaults *vaults;
  char root[SI_PATH_MAX]; /* without links; "" where it cannot be told */
  struct si_error root_error;
  void *ctx;
  si_finding_each each;
  const struct si_doctor_row *row; /* that runs */
  size_t told;                     /* by it */
  bool allowed;                    /* what is told now was decided by somebody: it blocks nothing */
  bool elsewhere;                  /* what is told now is none of the context's own affairs */
  si_rc status;                    /* of each() */
};

/* What the running check found. After a call of each() failed they do nothing. */
void si_doctor_ok(struct si_doctor *doctor, const char *fmt, ...) SI_PRINTF(2, 3);
void si_doctor_tell(struct si_doctor *doctor, int severity, const char *remedy, const char *fmt,
                    ...) SI_PRINTF(4, 5);
/* It could not be checked: a finding of the check's own severity (R15). */
void si_doctor_failed(struct si_doctor *doctor, const char *what, const struct si_error *error);

/* Runs the rows of the doctor's scope; returns its status. */
si_rc si_doctor_go(struct si_doctor *doctor) SI_MUST_USE;
/* Finds the root. */
void si_doctor_start(struct si_doctor *doctor);

/* How many of the 31 pools none of the addresses (IPv4, host order) lies in: check_pools.c. */
unsigned si_pools_free(const uint32_t *addresses, size_t count);

/* --- the checks --- */
void si_check_root_resolved(struct si_doctor *doctor);
void si_check_outside_repo(struct si_doctor *doctor);
void si_check_identity(struct si_doctor *doctor);
void si_check_vault_outside_repo(struct si_doctor *doctor);
void si_check_vault_own(struct si_doctor *doctor);
void si_check_vault_trust(struct si_doctor *doctor);
void si_check_repo_artifacts(struct si_doctor *doctor);
void si_check_repo_exposure(struct si_doctor *doctor);
void si_check_state_exposure(struct si_doctor *doctor);
void si_check_permissions(struct si_doctor *doctor);
void si_check_database(struct si_doctor *doctor);
void si_check_event_chain(struct si_doctor *doctor);
void si_check_pending(struct si_doctor *doctor);
void si_check_plugins(struct si_doctor *doctor);
void si_check_sandbox(struct si_doctor *doctor);
void si_check_processes(struct si_doctor *doctor);
void si_check_clock(struct si_doctor *doctor);
void si_check_disk(struct si_doctor *doctor);
void si_check_engine(struct si_doctor *doctor);
void si_check_pools(struct si_doctor *doctor);
void si_check_webhooks(struct si_doctor *doctor);

#endif
