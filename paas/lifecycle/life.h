/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/life.h - the life of a project: create, retry, delete, and the recovery of what a
 * crash left (R62 to R66, R68). Business rules alone: a provider does the work in a process of its
 * own (core/host), the state store is the truth, and what a provider says is verified before it is
 * believed. Depends on paas/context, paas/state, paas/vault, core/host,
 * core/runpack.
 *
 * Each call runs one whole operation: it is journalled before anything happens, owned by a lock
 * while it runs, ended in one transaction, and leaves its evidence in the context's sink. When the
 * operation ran and failed, *error tells why, and so does the project's last_error.
 *
 * A stack that declares secrets is bound to the vault first (paas/lifecycle/secrets.h): what the
 * operator has to set and did not (SECRET_NOT_FOUND, VAULT_MISSING) is refused before anything is
 * begun. What a provider says is redacted where it comes in.
 */
#ifndef SI_PAAS_LIFECYCLE_LIFE_H
#define SI_PAAS_LIFECYCLE_LIFE_H

#include "core/host/session.h"
#include "paas/context/context.h"
#include "paas/stack/stack.h"
#include "paas/state/release.h"
#include "paas/state/state.h"
#include "paas/vault/vault.h"

struct si_life {
  const struct si_context *context;
  struct si_state *state;  /* opened for writing */
  const char *owner_id;    /* "local" */
  uint64_t timeout_ms;     /* for one operation; 0: ten minutes */
  int interrupt_fd;        /* as si_session_options */
  const char *sink;        /* artifact provider for evidence; NULL: the context's */
  const char *sink_config; /* its configuration, JSON */
  void *ctx;               /* for what follows; all may be NULL */
  void (*log)(void *ctx, uint32_t level, const char *message);
  void (*progress)(void *ctx, uint64_t done, uint64_t total, const char *what);
  void (*step)(void *ctx, const char *name, uint32_t phase, const char *outside_id);
  si_vault_ask ask; /* for the passphrase of the vault's identity; or NULL */
  void *ask_ctx;
  struct si_life_secrets *secrets; /* the lifecycle's own: of the operation that runs */
};

/* What came of an operation, for people and programs. */
struct si_outcome {
  struct si_project project;     /* as it stands now */
  struct si_operation operation; /* the last one that ran; id "" where none did */
  bool ran;                      /* false: refused before anything began */
};
void si_outcome_free(struct si_outcome *outcome);

struct si_create {
  const char *slug;
  const struct si_stack *stack;
  const char *provisioner; /* plugin id */
  const char *config;      /* JSON object */
  const char *target;      /* NULL: the context's default */
};

/* *outcome is valid on failure too (start from zero; free it always). */
si_rc si_life_create(struct si_life *life, const struct si_create *create,
                     struct si_outcome *outcome, struct si_error *error) SI_MUST_USE;
/* Provisions a failed project again, with another stack or configuration where not NULL. */
si_rc si_life_retry(struct si_life *life, const char *slug, const struct si_stack *stack,
                    const char *config, struct si_outcome *outcome,
                    struct si_error *error) SI_MUST_USE;
/* Destroys a running, failed or half-deleted project, volumes included, on every target that it
 * lives on. With `accept_unverified` the project is deleted although something could not be proven
 * gone (a target that cannot be reached, what an engine still lists): the audit chain and the
 * evidence have the list of it, and reconcile finds it again as orphans. */
si_rc si_life_delete(struct si_life *life, const char *slug, bool accept_unverified,
                     struct si_outcome *outcome, struct si_error *error) SI_MUST_USE;
/* Takes a running or failed project down, volumes included, proves it gone, and brings its own
 * release up again, on every target that it lives on, with the secrets of now. */
si_rc si_life_reset(struct si_life *life, const char *slug, struct si_outcome *outcome,
                    struct si_error *error) SI_MUST_USE;
/* Brings a running project back to its own stack; it stays running. */
si_rc si_life_converge(struct si_life *life, const char *project_id, struct si_outcome *outcome,
                       struct si_error *error) SI_MUST_USE;

struct si_deploy {
  const char *slug;
  const struct si_stack *stack; /* a new release; or NULL: */
  const char *release;          /* an earlier one, by its number; or NULL: the one that serves */
  bool keep_failed;             /* leave a release that fails as it is */
  bool go_on;                   /* to the next target, though one failed */
  uint64_t ready_timeout_ms;    /* how long a service may take to be ready; 0: as configured */
  bool all_back;                /* where one fails, those that serve it already go back, too */
  const char *const *targets;   /* in that order; none: all that the project lives on */
  size_t target_count;          /* at most SI_DEPLOY_TARGETS, each once */
};
enum { SI_DEPLOY_TARGETS = 64 };

/* Deploys a release onto a running project, which stays running. Where it fails, the release that
 * served before is put back and judged, unless keep_failed; the status is that of the failure all
 * the same. Rows of `deployments` (paas/state/deployment.h) tell what came of it. An earlier
 * release whose secrets have other revisions by now makes a new one. RELEASE_NOT_FOUND,
 * PAAS_PROJECT_STATE.
 */
si_rc si_life_deploy(struct si_life *life, const struct si_deploy *deploy,
                     struct si_outcome *outcome, struct si_error *error) SI_MUST_USE;

/* What the engine of a target (NULL: the project's first) shows of a project now: an inspection
 * (JSON) is appended to *out. */
si_rc si_life_inspect(struct si_life *life, const struct si_project *project, const char *target,
                      struct si_buf *out, struct si_error *error) SI_MUST_USE;

/* Ends every operation whose owner is gone as `interrupted`: provision -> failed, destroy stays
 * deleting; then tries to store its evidence. *ended counts them. The projects can then be retried
 * or deleted. */
si_rc si_life_recover(struct si_life *life, size_t *ended, struct si_error *error) SI_MUST_USE;

/* Exports the evidence of one operation that ended, and notes where it went. Idempotent. */
si_rc si_life_evidence(struct si_life *life, const char *operation_id,
                       struct si_error *error) SI_MUST_USE;
/* The same, where a failure is told to the log and leaves the evidence pending. */
void si_life_evidence_try(struct si_life *life, const char *operation_id);
/* The same for all whose evidence is pending; *stored counts those stored. The first failure is
 * returned; it keeps back none of the others, but where the sink cannot be reached. */
si_rc si_life_evidence_all(struct si_life *life, size_t *stored,
                           struct si_error *error) SI_MUST_USE;

/* {"code","stage","target","message","remediation","retry","detail"}; NULL without memory. */
cJSON *si_error_json(const struct si_error *error);

#endif
