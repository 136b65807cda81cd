/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/state/deployment.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "paas/state/private.h"

#define FIELD(member) \
  { offsetof(struct si_deployment, member), sizeof(((struct si_deployment *)0)->member) }
static const struct si_state_field fields[] = {
    FIELD(operation_id), FIELD(project_id),   FIELD(target),
    FIELD(release),      FIELD(from_release), FIELD(status),
    FIELD(started_at),   FIELD(ended_at),     {offsetof(struct si_deployment, error), 0},
};
#undef FIELD
#define FIELD(member) \
  { offsetof(struct si_instance, member), sizeof(((struct si_instance *)0)->member) }
static const struct si_state_field instance_fields[] = {
    FIELD(project_id),
    FIELD(target),
    FIELD(release),
    FIELD(updated_at),
};

void si_deployment_free(struct si_deployment *deployment) {
  free(deployment->error);
  deployment->error = NULL;
}

/* --- beginning --- */

struct starting {
  const struct si_deploy_start *start;
  char release[12];
};

static si_rc queue(struct si_state *state, const struct si_operation *operation, const char *target,
                   const char *release, struct si_error *error) {
  si_rc status =
      si_state_run(state,
                   "INSERT INTO deployments(operation_id,project_id,target,release,from_release)"
                   "SELECT ?1,?2,?3,CAST(?4 AS INTEGER),CASE WHEN i.target IS NULL THEN NULL ELSE "
                   "coalesce(i.release,p.release)END FROM projects p LEFT JOIN instances i ON "
                   "i.project_id=p.id AND i.target=?3 WHERE p.id=?2",
                   SI_VALUES(operation->id, operation->project_id, target, release), error);
  return status == SI_OK
             ? si_state_run(state,
                            "INSERT INTO instances(project_id,target,updated_at)VALUES(?1,?2,?3)"
                            "ON CONFLICT DO NOTHING",
                            SI_VALUES(operation->project_id, target, operation->started_at), error)
             : status;
}

static si_rc start_rows(void *ctx, struct si_state *state, const struct si_operation *operation,
                        struct si_error *error) {
  struct starting *starting = ctx;
  const struct si_deploy_start *start = starting->start;
  si_rc status = SI_OK;
  if (start->release) {
    si_copy(starting->release, sizeof starting->release, start->release);
  } else {
    status = si_state_release_add(state, operation->project_id, start->spec_sha256, start->stack,
                                  starting->release, error);
  }
  for (size_t i = 0; status == SI_OK && i < start->target_count; i++) {
    status = queue(state, operation, start->targets[i], starting->release, error);
  }
  return status;
}

si_rc si_state_deploy_begin(struct si_state *state, const char *project_id,
                            const struct si_deploy_start *start,
                            const struct si_state_teller *teller, struct si_operation *operation,
                            int *lock, char release[12], struct si_error *error) {
  struct starting starting = {.start = start};
  if (start->target_count == 0 || (!start->release && (!start->stack || !start->spec_sha256))) {
    return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                        "a deploy needs a target, and a release or a stack");
  }
  const struct si_state_hook hook = {start_rows, &starting};
  si_rc status = si_state_operation_begin_hook(state, project_id, "deploy", NULL, teller, &hook,
                                               operation, lock, error);
  if (status == SI_OK) {
    si_copy(release, 12, starting.release);
  }
  return status;
}

/* --- target by target --- */

static si_rc in_transaction(struct si_state *state, const char *row, const char *instance,
                            const char *const *values, size_t count, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  si_rc status = si_state_enter(state, &tx, error);
  status = status == SI_OK ? si_state_run(state, row, values, count, error) : status;
  status = status == SI_OK ? si_state_run(state, instance, values, count, error) : status;
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

#define OF_ROW                                                                         \
  "WHERE project_id=(SELECT project_id FROM operations WHERE id=?1)AND target=?2 AND " \
  "coalesce(?3,?4,?5,?6,'')IS NOT NULL"

si_rc si_state_deployment_begin(struct si_state *state, const char *operation_id,
                                const char *target, struct si_error *error) {
  char now[SI_TIME_SIZE];
  si_now_text(now);
  return in_transaction(
      state,
      "UPDATE deployments SET status='applying',started_at=?3 WHERE operation_id=?1 AND target=?2",
      "UPDATE instances SET release=NULL,updated_at=?3 WHERE target=?2 AND project_id="
      "(SELECT project_id FROM operations WHERE id=?1)",
      SI_VALUES(operation_id, target, now), error);
}

si_rc si_state_deployment_end(struct si_state *state, const char *operation_id, const char *target,
                              const char *status, const char *serves, const char *error_json,
                              struct si_error *error) {
  char now[SI_TIME_SIZE];
  si_now_text(now);
  /* Each statement names all six values: one list serves both. */
  return in_transaction(
      state,
      "UPDATE deployments SET status=?4,ended_at=?3,error=?6 WHERE operation_id=?1 AND target=?2 "
      "AND coalesce(?5,'')IS NOT NULL",
      "UPDATE instances SET release=CAST(?5 AS INTEGER),updated_at=?3 " OF_ROW,
      SI_VALUES(operation_id, target, now, status, serves, error_json), error);
}

/* --- ending --- */

si_rc si_state_deploy_close(struct si_state *state, const struct si_operation *operation,
                            const char *now, struct si_error *error) {
  return si_state_run(state,
                      "UPDATE deployments SET status=iif(status='queued','skipped','unknown'),"
                      "ended_at=?2 WHERE operation_id=?1 AND status IN('queued','applying')",
                      SI_VALUES(operation->id, now), error);
}

/* The project's stack is that of the release which serves everywhere now. */
static si_rc settle_deploy(struct si_state *state, const struct si_operation *operation,
                           struct si_error *error) {
  return si_state_run(state,
                      "UPDATE projects SET(release,spec_sha256,stack)=(SELECT number,spec_sha256,"
                      "stack FROM releases WHERE project_id=?2 AND number=(SELECT release FROM "
                      "deployments WHERE operation_id=?1 LIMIT 1))WHERE id=?2",
                      SI_VALUES(operation->id, operation->project_id), error);
}

si_rc si_state_deploy_settle(struct si_state *state, const struct si_operation *operation,
                             bool well, const char *images, const char *now,
                             struct si_error *error) {
  const char *project = operation->project_id;
  si_rc status = SI_OK;
  if (strcmp(operation->kind, "destroy") == 0) {
    return well ? si_state_run(state, "DELETE FROM instances WHERE project_id=?1",
                               SI_VALUES(project), error)
                : SI_OK;
  }
  if (strcmp(operation->kind, "deploy") == 0) {
    status = well ? settle_deploy(state, operation, error) : SI_OK;
  } else {
    status = si_state_run(state,
                          "UPDATE instances SET updated_at=?2,release=CASE ?3 WHEN '1' THEN"
                          "(SELECT release FROM projects WHERE id=?1)END WHERE project_id=?1",
                          SI_VALUES(project, now, well ? "1" : "0"), error);
  }
  return status == SI_OK && well && images
             ? si_state_run(state,
                            "UPDATE releases SET images=?2 WHERE project_id=?1 AND images IS NULL "
                            "AND number=(SELECT release FROM projects WHERE id=?1)",
                            SI_VALUES(project, images), error)
             : status;
}

/* --- reading --- */

static void drop(void *deployment) {
  si_deployment_free(deployment);
}

si_rc si_state_deployments(struct si_state *state, const char *project_id, const char *operation_id,
                           void *ctx, si_deployment_each each, struct si_error *error) {
  struct si_state_list list SI_AUTO(si_state_list_free) = {.size = sizeof(struct si_deployment),
                                                           .drop = drop};
  si_rc status = si_state_list_read(
      state,
      "SELECT operation_id,project_id,target,release,from_release,status,started_at,ended_at,error "
      "FROM deployments WHERE project_id=?1 AND operation_id=coalesce(?2,(SELECT operation_id FROM "
      "deployments WHERE project_id=?1 ORDER BY seq DESC LIMIT 1))ORDER BY seq",
      SI_VALUES(project_id, operation_id), fields, sizeof fields / sizeof *fields, &list, error);
  const struct si_deployment *rows = list.items;
  for (size_t i = 0; status == SI_OK && i < list.count; i++) {
    status = each(ctx, &rows[i]);
  }
  return status;
}

static void drop_nothing(void *instance) {
  (void)instance;
}

si_rc si_state_instances(struct si_state *state, const char *project_id, void *ctx,
                         si_instance_each each, struct si_error *error) {
  struct si_state_list list SI_AUTO(si_state_list_free) = {.size = sizeof(struct si_instance),
                                                           .drop = drop_nothing};
  si_rc status = si_state_list_read(
      state,
      "SELECT project_id,target,release,updated_at FROM instances WHERE project_id=?1 ORDER BY "
      "target",
      SI_VALUES(project_id), instance_fields, sizeof instance_fields / sizeof *instance_fields,
      &list, error);
  const struct si_instance *rows = list.items;
  for (size_t i = 0; status == SI_OK && i < list.count; i++) {
    status = each(ctx, &rows[i]);
  }
  return status;
}
