/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/hash.h"
#include "kit/base/json.h"
#include "paas/state/private.h"
#include "paas/state/release.h"

#define COLUMNS \
  "id,project_id,kind,status,evidence,started_at,ended_at,runpack,manifest_sha256,error,result"

#define FIELD(member) \
  { offsetof(struct si_operation, member), sizeof(((struct si_operation *)0)->member) }
#define OWNED(member) \
  { offsetof(struct si_operation, member), 0 }
static const struct si_state_field fields[] = {
    FIELD(id),         FIELD(project_id), FIELD(kind),    FIELD(status),          FIELD(evidence),
    FIELD(started_at), FIELD(ended_at),   FIELD(runpack), FIELD(manifest_sha256), OWNED(error),
    OWNED(result),
};
enum { FIELDS = sizeof fields / sizeof *fields };

/* What beginning an operation does to its project's status. */
static const struct {
  const char *kind, *from, *to;
} begins[] = {
    {"provision", "failed", "provisioning"}, {"destroy", "running", "deleting"},
    {"destroy", "failed", "deleting"},       {"destroy", "deleting", "deleting"},
    {"converge", "running", "running"},      {"deploy", "running", "running"},
    {"reset", "running", "running"},
};

/* And what its end does, well or not. */
static const struct {
  const char *kind, *well, *badly;
} ends[] = {
    {"provision", "running", "failed"}, {"destroy", "deleted", "deleting"},
    {"converge", "running", "running"}, {"deploy", "running", "running"},
    {"reset", "running", "running"},
};

void si_operation_free(struct si_operation *operation) {
  free(operation->error);
  free(operation->result);
  operation->error = operation->result = NULL;
}

si_rc si_state_operation_new(const char *project_id, const char *kind, struct si_operation *out,
                             struct si_error *error) {
  char suffix[11];
  struct si_operation made = {.status = "running", .evidence = "none"};
  if (si_random_hex(suffix, 5) != SI_OK) {
    return si_error_set(error, SI_E_IO, "RANDOM", "the kernel gave no random bytes");
  }
  si_copy(made.project_id, sizeof made.project_id, project_id);
  si_copy(made.kind, sizeof made.kind, kind);
  si_now_text(made.started_at);
  const char *t = made.started_at; /* 2026-11-20T20:15:01.042Z */
  snprintf(made.id, sizeof made.id, "op-%.4s%.2s%.2sT%.2s%.2s%.2s-%s", t, t + 5, t + 8, t + 11,
           t + 14, t + 17, suffix);
  *out = made;
  return SI_OK;
}

si_rc si_state_operation_insert(struct si_state *state, const struct si_operation *operation,
                                struct si_error *error) {
  return si_state_run(
      state, "INSERT INTO operations(id,project_id,kind,started_at)VALUES(?1,?2,?3,?4)",
      SI_VALUES(operation->id, operation->project_id, operation->kind, operation->started_at),
      error);
}

static si_rc refuse_unfinished(struct si_state *state, const char *project_id, const char *slug,
                               struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status = si_state_prepare(
      state, "SELECT id,kind FROM operations WHERE project_id=?1 AND status='running'",
      SI_VALUES(project_id), &statement, error);
  if (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
  }
  if (status == SI_OK && row) {
    si_error_set(error, SI_E_CONFLICT, "PAAS_OPERATION_RUNNING",
                 "project %s has an unfinished operation: %s (%s)", slug,
                 (const char *)sqlite3_column_text(statement, 0),
                 (const char *)sqlite3_column_text(statement, 1));
    si_error_target(error, NULL, slug);
    si_error_hint(error,
                  "wait until it has ended; if its process is gone, run: si paas "
                  "reconcile --apply");
    return SI_E_CONFLICT;
  }
  return status;
}

/* The status that follows from `kind` and `from`; NULL where it is not allowed. */
static const char *status_after(const char *kind, const char *from) {
  for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
    if (strcmp(begins[i].kind, kind) == 0 && strcmp(begins[i].from, from) == 0) {
      return begins[i].to;
    }
  }
  return NULL;
}

static bool kind_known(const char *kind) {
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    if (strcmp(ends[i].kind, kind) == 0) {
      return true;
    }
  }
  return false;
}

/* The release that the project's stack is from now on; none where the stack does not change. */
static si_rc change_release(struct si_state *state, const char *project_id,
                            const struct si_project *change, char number[12],
                            struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool same = false;
  si_rc status = si_state_prepare(
      state, "SELECT 1 FROM projects WHERE id=?1 AND spec_sha256=?2 AND release IS NOT NULL",
      SI_VALUES(project_id, change->spec_sha256), &statement, error);
  status = status == SI_OK ? si_state_next(state, statement, &same, error) : status;
  number[0] = '\0';
  return status == SI_OK && !same ? si_state_release_add(state, project_id, change->spec_sha256,
                                                         change->stack, number, error)
                                  : status;
}

static si_rc change_project(struct si_state *state, const char *project_id, const char *status,
                            const struct si_project *change, const char *now,
                            struct si_error *error) {
  const char *stack = change ? change->stack : NULL;
  char release[12] = "";
  si_rc done = stack ? change_release(state, project_id, change, release, error) : SI_OK;
  return done == SI_OK
             ? si_state_run(
                   state,
                   "UPDATE projects SET status=?2,updated_at=?3,stack=coalesce(?4,stack),"
                   "spec_sha256=coalesce(?5,spec_sha256),config=coalesce(?6,config),"
                   "release=coalesce(CAST(?7 AS INTEGER),release)WHERE id=?1",
                   SI_VALUES(project_id, status, now, stack, stack ? change->spec_sha256 : NULL,
                             change ? change->config : NULL, release[0] ? release : NULL),
                   error)
             : done;
}

/* In the transaction: may it begin, and what becomes of the project? */
static si_rc begin_on(struct si_state *state, const struct si_operation *operation,
                      const struct si_project *change, struct si_error *error) {
  char slug[64];
  char from[16];
  si_rc status = si_state_project_status(state, operation->project_id, slug, from, error);
  if (status == SI_OK) {
    status = refuse_unfinished(state, operation->project_id, slug, error);
  }
  if (status != SI_OK) {
    return status;
  }
  const char *to = status_after(operation->kind, from);
  if (!to) {
    si_error_set(error, SI_E_CONFLICT, "PAAS_PROJECT_STATE",
                 "project %s is %s: that does not allow to %s it", slug, from, operation->kind);
    si_error_target(error, NULL, slug);
    si_error_hint(error, "see what it is and may become with: si paas project show %s", slug);
    return SI_E_CONFLICT;
  }
  status = change_project(state, operation->project_id, to, change, operation->started_at, error);
  return status == SI_OK ? si_state_operation_insert(state, operation, error) : status;
}

si_rc si_state_operation_begin_hook(struct si_state *state, const char *project_id,
                                    const char *kind, const struct si_project *change,
                                    const struct si_state_teller *teller,
                                    const struct si_state_hook *hook,
                                    struct si_operation *operation, int *lock,
                                    struct si_error *error) {
  struct si_operation begun;
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  struct si_state_owner owner SI_AUTO(si_state_owner_drop) = {.fd = -1};
  if (!kind_known(kind) || strlen(project_id) >= sizeof begun.project_id) {
    return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                        "no operation of kind %.24s on project %.40s", kind, project_id);
  }
  if (change && change->stack && !si_sha256_hex_valid(change->spec_sha256)) {
    return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                        "the new stack of project %s comes without its hash", project_id);
  }
  si_rc status = si_state_operation_new(project_id, kind, &begun, error);
  if (status == SI_OK) {
    status = si_state_lock(state, &tx, error);
  }
  if (status == SI_OK) {
    status = si_state_owner_make(state, begun.id, &owner, error);
  }
  if (status == SI_OK) {
    status = si_state_begin(&tx, error);
  }
  if (status == SI_OK) {
    status = begin_on(state, &begun, change, error);
  }
  if (status == SI_OK && hook) {
    status = hook->run(hook->ctx, state, &begun, error);
  }
  if (status == SI_OK) {
    status = si_state_event_tell(state, teller, &begun, error);
  }
  if (status == SI_OK) {
    status = si_state_commit(&tx, error);
  }
  if (status == SI_OK) {
    *operation = begun;
    *lock = si_state_owner_keep(&owner);
  }
  return status;
}

si_rc si_state_operation_begin_with(struct si_state *state, const char *project_id,
                                    const char *kind, const struct si_project *change,
                                    const struct si_state_teller *teller,
                                    struct si_operation *operation, int *lock,
                                    struct si_error *error) {
  return si_state_operation_begin_hook(state, project_id, kind, change, teller, NULL, operation,
                                       lock, error);
}

si_rc si_state_operation_begin(struct si_state *state, const char *project_id, const char *kind,
                               struct si_operation *operation, int *lock, struct si_error *error) {
  return si_state_operation_begin_with(state, project_id, kind, NULL, NULL, operation, lock, error);
}

si_rc si_state_operation(struct si_state *state, const char *id, struct si_operation *out,
                         struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  struct si_operation found SI_AUTO(si_operation_free) = {.id = ""};
  bool row = false;
  si_rc status = si_state_prepare(state, "SELECT " COLUMNS " FROM operations WHERE id=?1",
                                  SI_VALUES(id), &statement, error);
  if (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
  }
  if (status == SI_OK && !row) {
    si_error_set(error, SI_E_NOT_FOUND, "PAAS_OPERATION_NOT_FOUND",
                 "there is no operation %.64s in this context", id);
    return SI_E_NOT_FOUND;
  }
  if (status == SI_OK) {
    status = si_state_read(state, statement, fields, FIELDS, &found, error);
  }
  if (status == SI_OK) {
    *out = found;
    found.error = found.result = NULL;
  }
  return status;
}

/* A failure always leaves a last_error, even where nobody could say more. */
static si_rc fallback_error(const char *status, struct si_buf *out) {
  return si_buf_printf(out,
                       "{\"code\":\"PAAS_OPERATION_%s\",\"stage\":\"\",\"target\":\"\","
                       "\"message\":\"the operation ended as %s\",\"remediation\":\"run it "
                       "again\",\"detail\":\"\"}",
                       strcmp(status, "cancelled") == 0     ? "CANCELLED"
                       : strcmp(status, "interrupted") == 0 ? "INTERRUPTED"
                                                            : "FAILED",
                       status);
}

static si_rc end_project(struct si_state *state, const struct si_operation *operation,
                         const char *status, const char *error_json, const char *now,
                         struct si_error *error) {
  bool well = strcmp(status, "ok") == 0;
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    if (strcmp(ends[i].kind, operation->kind) == 0) {
      return si_state_run(state,
                          "UPDATE projects SET status=?2,last_error=?3,updated_at=?4 WHERE id=?1",
                          SI_VALUES(operation->project_id, well ? ends[i].well : ends[i].badly,
                                    well ? NULL : error_json, now),
                          error);
    }
  }
  return si_error_set(error, SI_E_UNSUPPORTED, "STATE_NEWER",
                      "operation %s is of kind %s, which this si does not know", operation->id,
                      operation->kind);
}

static si_rc end_operation(struct si_state *state, const char *operation_id, const char *status,
                           const char *error_json, const char *result, struct si_error *error) {
  struct si_operation operation SI_AUTO(si_operation_free) = {.id = ""};
  struct si_buf images SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  char now[SI_TIME_SIZE];
  si_rc done = si_state_operation(state, operation_id, &operation, error);
  if (done == SI_OK && strcmp(operation.status, "running") != 0) {
    return si_error_set(error, SI_E_CONFLICT, "PAAS_OPERATION_ENDED",
                        "operation %s has ended already (%s)", operation_id, operation.status);
  }
  if (done != SI_OK) {
    return done;
  }
  si_now_text(now);
  done = si_state_deploy_close(state, &operation, now, error);
  done = done == SI_OK
             ? si_state_run(state,
                            "UPDATE operations SET status=?2,ended_at=?3,error=?4,result=?5,"
                            "evidence='pending' WHERE id=?1",
                            SI_VALUES(operation_id, status, now, error_json, result), error)
             : done;
  done = done == SI_OK ? end_project(state, &operation, status, error_json, now, error) : done;
  bool well = strcmp(status, "ok") == 0;
  if (done == SI_OK && well && result && si_state_images(result, &images) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  return done == SI_OK ? si_state_deploy_settle(state, &operation, well,
                                                images.len ? images.data : NULL, now, error)
                       : done;
}

si_rc si_state_operation_end(struct si_state *state, const char *operation_id, const char *status,
                             const char *error_json, const char *result,
                             const struct si_state_event *events, size_t count,
                             struct si_error *error) {
  static const char *const statuses[] = {"ok", "failed", "cancelled", "interrupted"};
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  struct si_buf fallback SI_AUTO(si_buf_free) = SI_BUF(1024);
  size_t i = 0;
  while (i < 4 && strcmp(statuses[i], status) != 0) {
    i++;
  }
  if (i == 4) {
    return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                        "an operation cannot end as %.16s", status);
  }
  if (i > 0 && !error_json) {
    if (fallback_error(status, &fallback) != SI_OK) {
      return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory");
    }
    error_json = si_buf_text(&fallback);
  }
  si_rc done = si_state_enter(state, &tx, error);
  if (done == SI_OK) {
    done = end_operation(state, operation_id, status, error_json, result, error);
  }
  if (done == SI_OK) {
    done = si_state_events_insert(state, events, count, error);
  }
  return done == SI_OK ? si_state_commit(&tx, error) : done;
}

static si_rc store_evidence(struct si_state *state, const char *operation_id, const char *runpack,
                            const char *manifest_sha256, const struct si_state_event *event,
                            struct si_error *error) {
  struct si_operation operation SI_AUTO(si_operation_free) = {.id = ""};
  si_rc status = si_state_operation(state, operation_id, &operation, error);
  if (status != SI_OK) {
    return status;
  }
  bool stored = strcmp(operation.evidence, "stored") == 0;
  if (stored && strcmp(operation.runpack, runpack) == 0 &&
      strcmp(operation.manifest_sha256, manifest_sha256) == 0) {
    return SI_OK;
  }
  if (strcmp(operation.evidence, "pending") != 0) {
    return si_error_set(error, SI_E_CONFLICT, "PAAS_EVIDENCE_STATE",
                        stored ? "operation %s has its runpack already, and another one"
                               : "operation %s has not ended: it has no runpack yet",
                        operation_id);
  }
  status = si_state_run(
      state, "UPDATE operations SET evidence='stored',runpack=?2,manifest_sha256=?3 WHERE id=?1",
      SI_VALUES(operation_id, runpack, manifest_sha256), error);
  return status == SI_OK && event ? si_state_event_insert(state, event, error) : status;
}

si_rc si_state_evidence(struct si_state *state, const char *operation_id, const char *runpack,
                        const char *manifest_sha256, const struct si_state_event *event,
                        struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  if (!runpack[0] || strlen(runpack) >= 1024 || !si_sha256_hex_valid(manifest_sha256)) {
    return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                        "a runpack of operation %s needs its key prefix and its manifest's hash",
                        operation_id);
  }
  si_rc status = si_state_enter(state, &tx, error);
  if (status == SI_OK) {
    status = store_evidence(state, operation_id, runpack, manifest_sha256, event, error);
  }
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

static void drop(void *operation) {
  si_operation_free(operation);
}

si_rc si_state_operations(struct si_state *state, const char *project_id, int which, void *ctx,
                          si_operation_each each, struct si_error *error) {
#define SELECT "SELECT " COLUMNS " FROM operations WHERE(?1 IS NULL OR project_id=?1)"
  static const char *const queries[] = {
      [SI_OPERATIONS_ALL] = SELECT "ORDER BY seq",
      [SI_OPERATIONS_UNFINISHED] = SELECT "AND status='running' ORDER BY seq",
      [SI_OPERATIONS_EVIDENCE_PENDING] = SELECT "AND evidence='pending' ORDER BY seq",
  };
#undef SELECT
  struct si_state_list list SI_AUTO(si_state_list_free) = {.size = sizeof(struct si_operation),
                                                           .drop = drop};
  si_rc status = si_state_list_read(state, queries[which], SI_VALUES(project_id), fields, FIELDS,
                                    &list, error);
  const struct si_operation *operations = list.items;
  for (size_t i = 0; status == SI_OK && i < list.count; i++) {
    status = each(ctx, &operations[i]);
  }
  return status;
}
