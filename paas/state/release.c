/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/state/release.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/json.h"
#include "paas/state/private.h"

#define COLUMNS \
  "project_id,number,spec_sha256,made_at,made_by,note,secrets,images,coalesce(pruned_at,'')"

#define FIELD(member) \
  { offsetof(struct si_release, member), sizeof(((struct si_release *)0)->member) }
#define OWNED(member) \
  { offsetof(struct si_release, member), 0 }
static const struct si_state_field fields[] = {
    FIELD(project_id), FIELD(number),  FIELD(spec_sha256), FIELD(made_at),   FIELD(made_by),
    OWNED(note),       OWNED(secrets), OWNED(images),      FIELD(pruned_at), OWNED(stack),
};
enum { ALL_FIELDS = sizeof fields / sizeof *fields, LIST_FIELDS = ALL_FIELDS - 1 };

void si_release_free(struct si_release *release) {
  free(release->note);
  free(release->secrets);
  free(release->images);
  free(release->stack);
  release->note = release->secrets = release->images = release->stack = NULL;
}

void si_state_actor(struct si_state *state, const char *who) {
  si_copy(state->actor, sizeof state->actor, who);
}

void si_state_note(struct si_state *state, const char *note) {
  si_copy(state->note, sizeof state->note, note);
}

/* --- making one --- */

static void note_parts(const cJSON *parts, cJSON *revisions) {
  const cJSON *part;
  cJSON_ArrayForEach(part, parts) {
    const char *key = si_json_str(part, "secret");
    const cJSON *revision = si_json_get(part, "revision");
    if (key && cJSON_IsNumber(revision) && !si_json_get(revisions, key)) {
      cJSON_AddNumberToObject(revisions, key, revision->valuedouble);
    }
  }
}

/* {"KEY": revision} of all that the stack's services refer to. */
static si_rc write_secrets(const char *stack, struct si_buf *out) {
  cJSON *document SI_AUTO(si_json_free) = NULL;
  cJSON *revisions SI_AUTO(si_json_free) = cJSON_CreateObject();
  const cJSON *service, *value;
  if (!strstr(stack, "\"secret\"") ||
      si_json_parse(stack, strlen(stack), &document, NULL) != SI_OK) {
    return si_buf_puts(out, "{}");
  }
  cJSON_ArrayForEach(service, si_json_get(document, "services")) {
    cJSON_ArrayForEach(value, si_json_get(service, "environment")) {
      note_parts(cJSON_IsArray(value) ? value : NULL, revisions);
    }
  }
  return si_json_canonical(revisions, out);
}

/* The newest release, if it asks for the same and never served: another attempt at it. */
static si_rc newest(struct si_state *state, const char *project_id, const char *spec_sha256,
                    char next[12], bool *same, struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status = si_state_prepare(state,
                                  "SELECT number,spec_sha256=?2 AND images IS NULL FROM releases "
                                  "WHERE project_id=?1 ORDER BY number DESC LIMIT 1",
                                  SI_VALUES(project_id, spec_sha256), &statement, error);
  status = status == SI_OK ? si_state_next(state, statement, &row, error) : status;
  *same = row && sqlite3_column_int(statement, 1) != 0;
  snprintf(next, 12, "%d", (row ? sqlite3_column_int(statement, 0) : 0) + (*same ? 0 : 1));
  return status;
}

si_rc si_state_release_add(struct si_state *state, const char *project_id, const char *spec_sha256,
                           const char *stack, char number[12], struct si_error *error) {
  struct si_buf secrets SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  char now[SI_TIME_SIZE];
  bool same = false;
  si_rc status = newest(state, project_id, spec_sha256, number, &same, error);
  if (status != SI_OK || same) {
    return status;
  }
  if (write_secrets(stack, &secrets) != SI_OK) {
    return si_error_set(error, SI_E_QUOTA, "STATE_TOO_LARGE",
                        "the secrets of project %s cannot be listed", project_id);
  }
  si_now_text(now);
  return si_state_run(state,
                      "INSERT INTO releases(project_id,number,spec_sha256,made_at,made_by,note,"
                      "secrets,stack)VALUES(?1,CAST(?2 AS INTEGER),?3,?4,?5,?6,?7,?8)",
                      SI_VALUES(project_id, number, spec_sha256, now, state->actor,
                                state->note[0] ? state->note : NULL, secrets.data, stack),
                      error);
}

si_rc si_state_images(const char *result, struct si_buf *out) {
  cJSON *document SI_AUTO(si_json_free) = NULL;
  cJSON *images SI_AUTO(si_json_free) = cJSON_CreateObject();
  const cJSON *service;
  if (si_json_parse(result, strlen(result), &document, NULL) != SI_OK) {
    return SI_OK;
  }
  const cJSON *verified = si_json_get(document, "verified");
  cJSON_ArrayForEach(service, si_json_get(verified, "services")) {
    const char *name = si_json_str(service, "name");
    const char *id = si_json_str(service, "image_id");
    if (name && id && id[0] && !cJSON_AddStringToObject(images, name, id)) {
      return SI_E_NOMEM;
    }
  }
  return images && images->child ? si_json_canonical(images, out) : SI_OK;
}

/* --- reading --- */

si_rc si_state_release(struct si_state *state, const char *project_id, const char *number,
                       struct si_release *out, struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  struct si_release found SI_AUTO(si_release_free) = {.project_id = ""};
  bool row = false;
  si_rc status =
      si_state_prepare(state,
                       "SELECT " COLUMNS
                       ",stack FROM releases WHERE project_id=?1 AND number="
                       "coalesce(CAST(?2 AS INTEGER),(SELECT release FROM projects WHERE id=?1))",
                       SI_VALUES(project_id, number), &statement, error);
  status = status == SI_OK ? si_state_next(state, statement, &row, error) : status;
  if (status == SI_OK && !row) {
    si_error_set(error, SI_E_NOT_FOUND, "RELEASE_NOT_FOUND", "there is no release %.12s of it",
                 number ? number : "that is current");
    si_error_hint(error, "see all of them with: si paas releases --app NAME");
    return SI_E_NOT_FOUND;
  }
  status =
      status == SI_OK ? si_state_read(state, statement, fields, ALL_FIELDS, &found, error) : status;
  if (status == SI_OK && found.pruned_at[0]) {
    si_error_set(error, SI_E_NOT_FOUND, "RELEASE_PRUNED",
                 "release %s was pruned on %.10s: its stack is gone", found.number,
                 found.pruned_at);
    si_error_hint(error, "deploy a stack file, or another release: si paas releases --app NAME");
    return SI_E_NOT_FOUND;
  }
  if (status == SI_OK) {
    *out = found;
    found = (struct si_release){.project_id = ""};
  }
  return status;
}

static void drop(void *release) {
  si_release_free(release);
}

si_rc si_state_releases(struct si_state *state, const char *project_id, void *ctx,
                        si_release_each each, struct si_error *error) {
  struct si_state_list list SI_AUTO(si_state_list_free) = {.size = sizeof(struct si_release),
                                                           .drop = drop};
  si_rc status = si_state_list_read(
      state, "SELECT " COLUMNS " FROM releases WHERE project_id=?1 ORDER BY number DESC",
      SI_VALUES(project_id), fields, LIST_FIELDS, &list, error);
  const struct si_release *releases = list.items;
  for (size_t i = 0; status == SI_OK && i < list.count; i++) {
    status = each(ctx, &releases[i]);
  }
  return status;
}
