/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/state/place.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "kit/base/json.h"
#include "paas/state/private.h"

#define PLACE_MAX 16384u

static si_rc no_memory(struct si_error *error) {
  return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: a context's identity");
}

/* The document as it must be for the directory that the store is open in. */
static si_rc describe(const struct si_state *state, const char *context_id, const char *path,
                      struct si_buf *out, struct si_error *error) {
  struct stat st;
  if (fstat(state->dir, &st) != 0) {
    return si_state_errno(state, errno, "looking at its directory", error);
  }
  if (si_buf_puts(out, "{\"id\":") != SI_OK ||
      si_json_quote(context_id, strlen(context_id), out) != SI_OK ||
      si_buf_printf(out, ",\"inode\":\"%" PRIu64 "\",\"path\":", (uint64_t)st.st_ino) != SI_OK ||
      si_json_quote(path, strlen(path), out) != SI_OK || si_buf_puts(out, "}") != SI_OK) {
    return no_memory(error);
  }
  return SI_OK;
}

/* Appends the stored document; *found false where there is none. */
static si_rc stored(struct si_state *state, struct si_buf *out, bool *found,
                    struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status = si_state_prepare(state, "SELECT json FROM documents WHERE name='identity'",
                                  SI_NO_VALUES, &statement, error);
  if (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
  }
  if (status == SI_OK && row) {
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    status = si_buf_puts(out, text ? text : "") == SI_OK ? SI_OK : no_memory(error);
  }
  if (status == SI_OK) {
    *found = row;
  }
  return status;
}

static si_rc put(struct si_state *state, const char *name, const char *json,
                 struct si_error *error) {
  char now[SI_TIME_SIZE];
  si_now_text(now);
  return si_state_run(state,
                      "INSERT INTO documents VALUES(?1,?2,?3)ON CONFLICT(name)DO UPDATE "
                      "SET json=excluded.json,updated_at=excluded.updated_at",
                      SI_VALUES(name, json, now), error);
}

static si_rc put_alone(struct si_state *state, const char *name, const char *json,
                       struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  si_rc status = si_state_enter(state, &tx, error);
  if (status == SI_OK) {
    status = put(state, name, json, error);
  }
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

static void path_of(const char *document, size_t len, char *to, size_t size) {
  cJSON *value SI_AUTO(si_json_free) = NULL;
  if (si_json_parse(document, len, &value, NULL) == SI_OK) {
    si_copy(to, size, si_json_str(value, "path"));
  }
}

si_rc si_state_copied(const char *dir, const char *path, struct si_error *error) {
  const char *slash = strrchr(dir, '/');
  bool here = strcmp(dir, path) == 0;
  si_error_set(error, SI_E_REFUSED, "PAAS_CONTEXT_COPIED",
               here ? "%s is not the directory that its context was made in, but a copy of it%s"
                    : "%s is a copy of a context's directory, or was moved: it belongs to %s",
               dir, here ? "" : path);
  si_error_target(error, NULL, dir);
  si_error_hint(error,
                "settings go from context to context with: si paas context export and import; if "
                "it was moved or restored, and the one it came from is gone: si paas context adopt "
                "%s --yes --confirm %s",
                slash && slash[1] ? slash + 1 : "NAME", slash && slash[1] ? slash + 1 : "NAME");
  return SI_E_REFUSED;
}

si_rc si_state_place_check(struct si_state *state, const char *context_id, const char *dir,
                           struct si_error *error) {
  struct si_buf here SI_AUTO(si_buf_free) = SI_BUF(PLACE_MAX);
  struct si_buf there SI_AUTO(si_buf_free) = SI_BUF(65536);
  char path[SI_PATH_MAX] = "";
  bool found = false;
  si_rc status = describe(state, context_id, dir, &here, error);
  if (status == SI_OK) {
    status = stored(state, &there, &found, error);
  }
  if (status != SI_OK || (!found && state->mode == SI_STATE_READ)) {
    return status;
  }
  if (!found) {
    return put_alone(state, "identity", here.data, error);
  }
  if (strcmp(si_buf_text(&here), si_buf_text(&there)) == 0) {
    return SI_OK;
  }
  path_of(si_buf_text(&there), there.len, path, sizeof path);
  return si_state_copied(dir, path[0] ? path : "(nowhere)", error);
}

si_rc si_state_place_set(struct si_state *state, const char *context_id, const char *path,
                         struct si_error *error) {
  struct si_buf document SI_AUTO(si_buf_free) = SI_BUF(PLACE_MAX);
  si_rc status = describe(state, context_id, path, &document, error);
  return status == SI_OK ? put_alone(state, "identity", document.data, error) : status;
}

si_rc si_state_place(struct si_state *state, char *to, size_t size, struct si_error *error) {
  struct si_buf document SI_AUTO(si_buf_free) = SI_BUF(65536);
  bool found = false;
  si_rc status = stored(state, &document, &found, error);
  if (status == SI_OK) {
    to[0] = '\0';
    path_of(si_buf_text(&document), document.len, to, size);
  }
  return status;
}

/* --- the end of a store --- */

/* The first row's text; "" where there is none. */
static si_rc first(struct si_state *state, const char *sql, char *to, size_t size,
                   struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  bool row = false;
  si_rc status = si_state_prepare(state, sql, SI_NO_VALUES, &statement, error);
  if (status == SI_OK) {
    status = si_state_next(state, statement, &row, error);
  }
  if (status == SI_OK) {
    si_copy(to, size, row ? (const char *)sqlite3_column_text(statement, 0) : "");
  }
  return status;
}

static si_rc refuse_living(struct si_state *state, struct si_error *error) {
  static const struct {
    const char *sql, *message, *hint;
  } checks[] = {
      {"SELECT slug FROM projects WHERE status<>'deleted' ORDER BY seq",
       "project %s still lives in the context",
       "delete it first: si paas project delete; all of them: si paas project list"},
      {"SELECT id FROM operations WHERE status='running' ORDER BY seq",
       "operation %s has not ended", "wait for it, or end it with: si paas reconcile --apply"},
      {"SELECT id FROM operations WHERE evidence='pending' ORDER BY seq",
       "the evidence of operation %s is not stored yet",
       "store it with: si paas reconcile --apply"},
  };
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
    char what[128] = "";
    si_rc status = first(state, checks[i].sql, what, sizeof what, error);
    if (status != SI_OK) {
      return status;
    }
    if (what[0]) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      si_error_set(error, SI_E_CONFLICT, "PAAS_CONTEXT_NOT_EMPTY", checks[i].message, what);
#pragma GCC diagnostic pop
      si_error_target(error, NULL, what);
      si_error_hint(error, "%s", checks[i].hint);
      return SI_E_CONFLICT;
    }
  }
  return SI_OK;
}

si_rc si_state_retire(struct si_state *state, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  si_rc status = si_state_enter(state, &tx, error);
  if (status == SI_OK) {
    status = refuse_living(state, error);
  }
  if (status == SI_OK) {
    status = put(state, "removed", "{}", error);
  }
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

si_rc si_state_unretire(struct si_state *state, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  si_rc status = si_state_enter(state, &tx, error);
  if (status == SI_OK) {
    status = si_state_run(state, "DELETE FROM documents WHERE name='removed'", SI_NO_VALUES, error);
  }
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}
