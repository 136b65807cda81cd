/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/state.h - the truth about a context: projects, operations and their steps, in SQLite
 * (R62 to R65, R68). Depends on sqlite3 and sdk/kit/base.
 *
 * Every write is one transaction inside the write lock (flock on state.lock), journal TRUNCATE,
 * synchronous FULL: what was acknowledged survives a power cut. Triggers refuse illegal
 * transitions, from any client. Errors: STATE_* codes; a full disk is SI_E_QUOTA (STATE_FULL), a
 * read-only store SI_E_IO (STATE_READONLY), a damaged one SI_E_CORRUPT (STATE_CORRUPT), a newer
 * one SI_E_UNSUPPORTED (STATE_NEWER), one held by another for too long SI_E_CONFLICT
 * (PAAS_STATE_BUSY), no access SI_E_AUTH (STATE_DENIED). A commit that failed so that nobody can
 * tell whether the disk took it has retry SI_OUTCOME_UNKNOWN. One thread a handle; a handle does
 * not survive fork().
 */
#ifndef SI_PAAS_STATE_STATE_H
#define SI_PAAS_STATE_STATE_H

#include <stdbool.h>

#include "kit/base/buf.h"

struct si_state;
struct si_state_event;  /* paas/state/event.h: what rides in the transaction of a write */
struct si_state_teller; /* NULL in place of either: nothing is told */

enum { SI_STATE_READ, SI_STATE_WRITE };

/* Opens <dir>/state.db. WRITE makes or migrates it; READ changes nothing (but rolls back what a
 * writer that died left half-done), and needs the present schema (STATE_MIGRATE: run any mutating
 * command). `context_id` must be the one stored (STATE_FOREIGN), and `dir`, a path without links,
 * the directory that the store belongs to (PAAS_CONTEXT_COPIED, paas/state/place.h). A store that
 * was made once and is gone is an error (STATE_MISSING), never made again: state.lock remembers. */
si_rc si_state_open(const char *dir, const char *context_id, int mode, struct si_state **out,
                    struct si_error *error) SI_MUST_USE;
void si_state_close(struct si_state *state);
/* How long a write waits for other writers before PAAS_STATE_BUSY: 30 s unless told. */
void si_state_wait(struct si_state *state, unsigned wait_ms);

struct si_project {
  char id[40]; /* "prj-" and 20 hex digits */
  char slug[64];
  char owner_id[64]; /* "local" for the CLI */
  char status[16];   /* pending provisioning running failed deleting deleted */
  char provisioner[64];
  char spec_sha256[65];
  char created_at[32];
  char updated_at[32];
  char release[12]; /* number of the release that is its stack; "" once it is deleted, maybe */
  char target[64];  /* of a new one alone: where it is to live; "" is `local` */
  char *config;     /* the provisioner's configuration, a JSON object to 1 MiB; owned */
  char *stack;      /* si.stack/1, to 16 MiB; owned; NULL in lists */
  char *last_error; /* JSON {code,stage,target,message,remediation,detail}, or NULL; owned */
};

struct si_operation {
  char id[48]; /* "op-YYYYMMDDTHHMMSS-" and 10 hex digits: sorts by time */
  char project_id[40];
  char kind[24];     /* provision, destroy, converge, deploy */
  char status[16];   /* running, ok, failed, cancelled, interrupted */
  char evidence[16]; /* none (still running), pending, stored */
  char started_at[32];
  char ended_at[32];  /* "" while it runs */
  char runpack[1024]; /* key prefix once stored, or "" */
  char manifest_sha256[65];
  char *error;  /* as last_error, to 64 KiB, or NULL; owned */
  char *result; /* the provider's result document, to 16 MiB, or NULL; owned */
};

void si_project_free(struct si_project *project);
void si_operation_free(struct si_operation *operation);

/* --- writes: each is one transaction --- */

/* A new project in `provisioning` (by way of pending) with its first operation, all at once.
 * `project` gives slug, owner_id, provisioner, spec_sha256, config, stack; ids and times are
 * filled in on success. The operation's lock file exists and is locked before the transaction
 * begins: *lock is its descriptor, O_CLOEXEC, the caller's to close; processes that inherit it own
 * the operation too. PAAS_PROJECT_EXISTS (SI_E_EXISTS) where a live project has that slug. */
si_rc si_state_project_create(struct si_state *state, struct si_project *project,
                              const struct si_state_teller *teller, struct si_operation *operation,
                              int *lock, struct si_error *error) SI_MUST_USE;

/* Begins an operation on an existing project: kind provision (failed -> provisioning), destroy
 * (running, failed or deleting -> deleting), converge (running stays running).
 * PAAS_OPERATION_RUNNING (SI_E_CONFLICT) where another is unfinished, PAAS_PROJECT_STATE
 * (SI_E_CONFLICT) where the status does not allow it. */
si_rc si_state_operation_begin(struct si_state *state, const char *project_id, const char *kind,
                               struct si_operation *operation, int *lock,
                               struct si_error *error) SI_MUST_USE;

/* As much, and in the same transaction replaces what is not NULL of change->stack (together with
 * change->spec_sha256) and change->config (its other members are not looked at), and adds the
 * teller's event. */
si_rc si_state_operation_begin_with(struct si_state *state, const char *project_id,
                                    const char *kind, const struct si_project *change,
                                    const struct si_state_teller *teller,
                                    struct si_operation *operation, int *lock,
                                    struct si_error *error) SI_MUST_USE;

/* Ends it: operation `status` (ok, failed, cancelled, interrupted), error and result as JSON or
 * NULL, evidence = pending; the project's status follows from kind and status (provision: running
 * or failed; destroy: deleted, or stays deleting; converge, deploy: stays running), its last_error
 * too (set on failure, to a plain one where error_json is NULL; cleared on success). The events are
 * added in the same transaction. PAAS_OPERATION_ENDED (SI_E_CONFLICT) where it has ended already.
 */
si_rc si_state_operation_end(struct si_state *state, const char *operation_id, const char *status,
                             const char *error_json, const char *result,
                             const struct si_state_event *events, size_t count,
                             struct si_error *error) SI_MUST_USE;

/* Appends a step to a running operation: phase begin, done or failed; name of at most 255 bytes,
 * outside_id of 1023, or NULL. seq is given by the store, 1 and on, at most 100000. */
si_rc si_state_step(struct si_state *state, const char *operation_id, const char *name,
                    const char *phase, const char *outside_id, struct si_error *error) SI_MUST_USE;

/* The runpack of an operation that has ended is stored; `event` (or NULL) is added in the same
 * transaction, once. Idempotent; PAAS_EVIDENCE_STATE (SI_E_CONFLICT) where it is still running or
 * has another runpack. */
si_rc si_state_evidence(struct si_state *state, const char *operation_id, const char *runpack,
                        const char *manifest_sha256, const struct si_state_event *event,
                        struct si_error *error) SI_MUST_USE;

/* --- the owner of an operation --- */

/* Takes over the lock of an unfinished operation whose owner is gone. SI_E_CONFLICT:
 * PAAS_OPERATION_RUNNING while somebody holds it, PAAS_OPERATION_ENDED. *lock as above. */
si_rc si_state_adopt(struct si_state *state, const char *operation_id, int *lock,
                     struct si_error *error) SI_MUST_USE;
/* Is somebody holding it? A read: takes and drops the lock at most. */
bool si_state_owned(struct si_state *state, const char *operation_id);
/* Removes lock files of operations that ended (or never began) and that nobody holds: an owner may
 * go on holding its lock while it stores the evidence. */
si_rc si_state_sweep(struct si_state *state, struct si_error *error) SI_MUST_USE;

/* --- reads --- */

/* The live project of that slug and owner, or the last deleted one where `deleted`;
 * PAAS_PROJECT_NOT_FOUND (SI_E_NOT_FOUND) with the nearest slug as a hint. */
si_rc si_state_project(struct si_state *state, const char *owner_id, const char *slug, bool deleted,
                       struct si_project *out, struct si_error *error) SI_MUST_USE;
si_rc si_state_project_by_id(struct si_state *state, const char *id, struct si_project *out,
                             struct si_error *error) SI_MUST_USE;

typedef si_rc (*si_project_each)(void *ctx, const struct si_project *project);
/* Oldest first; without stacks; deleted ones only where asked; owner_id NULL: of all owners. Rows
 * are read before the first call, which may write to the store; what it returns other than SI_OK
 * ends the listing and is returned. */
si_rc si_state_projects(struct si_state *state, const char *owner_id, bool deleted, void *ctx,
                        si_project_each each, struct si_error *error) SI_MUST_USE;

si_rc si_state_operation(struct si_state *state, const char *id, struct si_operation *out,
                         struct si_error *error) SI_MUST_USE;

enum { SI_OPERATIONS_ALL, SI_OPERATIONS_UNFINISHED, SI_OPERATIONS_EVIDENCE_PENDING };
typedef si_rc (*si_operation_each)(void *ctx, const struct si_operation *operation);
/* Oldest first; project_id NULL: of all projects. each() as above. */
si_rc si_state_operations(struct si_state *state, const char *project_id, int which, void *ctx,
                          si_operation_each each, struct si_error *error) SI_MUST_USE;

/* Appends the steps as JSON lines: {"at","name","outside_id","phase","seq"}, in order; outside_id
 * may be null. */
si_rc si_state_steps(struct si_state *state, const char *operation_id, struct si_buf *out,
                     struct si_error *error) SI_MUST_USE;

#endif
