/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/hash.h"
#include "paas/state/private.h"

#define COLUMNS                                                                              \
  "id,slug,owner_id,status,provisioner,spec_sha256,created_at,updated_at,config,last_error," \
  "release"

#define FIELD(member) \
  { offsetof(struct si_project, member), sizeof(((struct si_project *)0)->member) }
#define OWNED(member) \
  { offsetof(struct si_project, member), 0 }
static const struct si_state_field fields[] = {
    FIELD(id),          FIELD(slug),        FIELD(owner_id),   FIELD(status),
    FIELD(provisioner), FIELD(spec_sha256), FIELD(created_at), FIELD(updated_at),
    OWNED(config),      OWNED(last_error),  FIELD(release),    OWNED(stack),
};
enum { ALL_FIELDS = sizeof fields / sizeof *fields, LIST_FIELDS = ALL_FIELDS - 1 };

void si_project_free(struct si_project *project) {
  free(project->config);
  free(project->stack);
  free(project->last_error);
  project->config = project->stack = project->last_error = NULL;
}

static si_rc invalid(struct si_error *error, const char *what, const char *value) {
  si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT", "%.80s is not a %s",
               value && value[0] ? value : "(nothing)", what);
  si_error_hint(error, "a name is 1 to 63 of a-z, 0-9 and -, and does not begin with -");
  return SI_E_INVALID;
}

static si_rc check_new(const struct si_project *project, struct si_error *error) {
  if (!si_name_valid(project->slug)) {
    return invalid(error, "project's name", project->slug);
  }
  if (!si_name_valid(project->provisioner)) {
    return invalid(error, "provisioner's name", project->provisioner);
  }
  if (!project->owner_id[0] || !project->config || !project->stack ||
      !si_sha256_hex_valid(project->spec_sha256)) {
    return si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT",
                        "project %s has no owner, configuration, stack or spec hash",
                        project->slug);
  }
  return SI_OK;
}

static si_rc refuse_taken(struct si_state *state, const struct si_project *project,
                          struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status = si_state_prepare(
      state, "SELECT status FROM projects WHERE owner_id=?1 AND slug=?2 AND status<>'deleted'",
      SI_VALUES(project->owner_id, project->slug), &statement, error);
  if (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
  }
  if (status == SI_OK && row) {
    si_error_set(error, SI_E_EXISTS, "PAAS_PROJECT_EXISTS", "project %s exists already (%s)",
                 project->slug, (const char *)sqlite3_column_text(statement, 0));
    si_error_target(error, NULL, project->slug);
    si_error_hint(error, "look at it with: si paas project show %s; or choose another name",
                  project->slug);
    return SI_E_EXISTS;
  }
  return status;
}

static si_rc insert(struct si_state *state, const struct si_project *project,
                    struct si_error *error) {
  char release[12];
  si_rc status = si_state_run(
      state,
      "INSERT INTO projects(id,slug,owner_id,status,provisioner,spec_sha256,created_at,"
      "updated_at,config,stack)VALUES(?1,?2,?3,'pending',?4,?5,?6,?6,?7,?8)",
      SI_VALUES(project->id, project->slug, project->owner_id, project->provisioner,
                project->spec_sha256, project->created_at, project->config, project->stack),
      error);
  if (status == SI_OK) {
    status = si_state_release_add(state, project->id, project->spec_sha256, project->stack, release,
                                  error);
  }
  if (status == SI_OK) {
    status = si_state_run(state,
                          "UPDATE projects SET status='provisioning',release=CAST(?2 AS INTEGER) "
                          "WHERE id=?1",
                          SI_VALUES(project->id, release), error);
  }
  return status == SI_OK ? si_state_run(state,
                                        "INSERT INTO instances(project_id,target,updated_at)"
                                        "VALUES(?1,?3,?2)",
                                        SI_VALUES(project->id, project->created_at,
                                                  project->target[0] ? project->target : "local"),
                                        error)
                         : status;
}

/* The record with ids and times; its pointers are still the caller's. */
static si_rc new_project(const struct si_project *from, struct si_project *out,
                         struct si_error *error) {
  *out = *from;
  memcpy(out->id, "prj-", 4);
  if (si_random_hex(out->id + 4, 10) != SI_OK) {
    return si_error_set(error, SI_E_IO, "RANDOM", "the kernel gave no random bytes");
  }
  si_copy(out->status, sizeof out->status, "provisioning");
  si_now_text(out->created_at);
  si_copy(out->updated_at, sizeof out->updated_at, out->created_at);
  return SI_OK;
}

si_rc si_state_project_create(struct si_state *state, struct si_project *project,
                              const struct si_state_teller *teller, struct si_operation *operation,
                              int *lock, struct si_error *error) {
  struct si_project made;
  struct si_operation begun;
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  struct si_state_owner owner SI_AUTO(si_state_owner_drop) = {.fd = -1};
  si_rc status = check_new(project, error);
  if (status == SI_OK) {
    status = new_project(project, &made, error);
  }
  if (status == SI_OK) {
    status = si_state_operation_new(made.id, "provision", &begun, error);
  }
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
    status = refuse_taken(state, &made, error);
  }
  if (status == SI_OK) {
    status = insert(state, &made, error);
  }
  if (status == SI_OK) {
    status = si_state_operation_insert(state, &begun, error);
  }
  if (status == SI_OK) {
    status = si_state_event_tell(state, teller, &begun, error);
  }
  if (status == SI_OK) {
    status = si_state_commit(&tx, error);
  }
  if (status != SI_OK) {
    return status;
  }
  *project = made;
  *operation = begun;
  *lock = si_state_owner_keep(&owner);
  return SI_OK;
}

/* The first row of a query for projects, or NOT_FOUND. */
static si_rc first(struct si_state *state, const char *sql, const char *const *values, size_t count,
                   struct si_project *out, struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  struct si_project found SI_AUTO(si_project_free) = {.id = ""};
  bool row = false;
  si_rc status = si_state_prepare(state, sql, values, count, &statement, error);
  if (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
  }
  if (status == SI_OK && !row) {
    return SI_E_NOT_FOUND;
  }
  if (status == SI_OK) {
    status = si_state_read(state, statement, fields, ALL_FIELDS, &found, error);
  }
  if (status == SI_OK) {
    *out = found;
    found.config = found.stack = found.last_error = NULL;
  }
  return status;
}

struct names {
  char **list;
  size_t count;
};

static si_rc add_name(void *ctx, const struct si_project *project) {
  struct names *names = ctx;
  if (names->count < 1000) {
    names->list[names->count] = strdup(project->slug);
    names->count += names->list[names->count] != NULL;
  }
  return SI_OK;
}

/* Best effort: the error stands without a hint, too. */
static void hint_nearest(struct si_state *state, const char *owner_id, const char *slug,
                         struct si_error *error) {
  struct names names = {calloc(1000, sizeof(char *)), 0};
  const char *near = NULL;
  if (names.list && si_state_projects(state, owner_id, false, &names, add_name, NULL) == SI_OK) {
    near = si_nearest(slug, (const char *const *)names.list, names.count);
  }
  if (near) {
    si_error_hint(error, "did you mean %s? All projects: si paas project list", near);
  } else {
    si_error_hint(error, "see all projects with: si paas project list");
  }
  for (size_t i = 0; i < names.count; i++) {
    free(names.list[i]);
  }
  free(names.list);
}

static si_rc not_found(const char *what, struct si_error *error) {
  si_error_set(error, SI_E_NOT_FOUND, "PAAS_PROJECT_NOT_FOUND",
               "there is no project %.64s in this context", what);
  si_error_target(error, NULL, what);
  return SI_E_NOT_FOUND;
}

si_rc si_state_project(struct si_state *state, const char *owner_id, const char *slug, bool deleted,
                       struct si_project *out, struct si_error *error) {
  si_rc status = deleted ? first(state,
                                 "SELECT " COLUMNS
                                 ",stack FROM projects WHERE owner_id=?1 AND slug=?2 "
                                 "ORDER BY status='deleted',seq DESC LIMIT 1",
                                 SI_VALUES(owner_id, slug), out, error)
                         : first(state,
                                 "SELECT " COLUMNS
                                 ",stack FROM projects WHERE owner_id=?1 AND slug=?2 AND "
                                 "status<>'deleted'",
                                 SI_VALUES(owner_id, slug), out, error);
  if (status == SI_E_NOT_FOUND) {
    not_found(slug, error);
    hint_nearest(state, owner_id, slug, error);
  }
  return status;
}

si_rc si_state_project_by_id(struct si_state *state, const char *id, struct si_project *out,
                             struct si_error *error) {
  si_rc status =
      first(state, "SELECT " COLUMNS ",stack FROM projects WHERE id=?1", SI_VALUES(id), out, error);
  return status == SI_E_NOT_FOUND ? not_found(id, error) : status;
}

si_rc si_state_project_status(struct si_state *state, const char *project_id, char *slug,
                              char *status, struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc result = si_state_prepare(state, "SELECT slug,status FROM projects WHERE id=?1",
                                  SI_VALUES(project_id), &statement, error);
  if (result == SI_OK) {
    result = si_state_next(state, statement, &row, error);
  }
  if (result == SI_OK && !row) {
    return not_found(project_id, error);
  }
  if (result == SI_OK) {
    si_copy(slug, 64, (const char *)sqlite3_column_text(statement, 0));
    si_copy(status, 16, (const char *)sqlite3_column_text(statement, 1));
  }
  return result;
}

static void drop(void *project) {
  si_project_free(project);
}

si_rc si_state_projects(struct si_state *state, const char *owner_id, bool deleted, void *ctx,
                        si_project_each each, struct si_error *error) {
  struct si_state_list list SI_AUTO(si_state_list_free) = {.size = sizeof(struct si_project),
                                                           .drop = drop};
  si_rc status = si_state_list_read(
      state,
      deleted ? "SELECT " COLUMNS " FROM projects WHERE(?1 IS NULL OR owner_id=?1)ORDER BY seq"
              : "SELECT " COLUMNS
                " FROM projects WHERE(?1 IS NULL OR owner_id=?1)AND "
                "status<>'deleted' ORDER BY seq",
      SI_VALUES(owner_id), fields, LIST_FIELDS, &list, error);
  const struct si_project *projects = list.items;
  for (size_t i = 0; status == SI_OK && i < list.count; i++) {
    status = each(ctx, &projects[i]);
  }
  return status;
}
