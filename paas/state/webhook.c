/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/state/webhook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paas/state/private.h"

#define SELECT                                                                                    \
  "SELECT seq,name,app,source,secret,enabled_at,enabled_by,stack,branches,targets FROM webhooks " \
  "WHERE removed_at IS NULL AND owner_id=?1 "
#define SELECT_PUSH                                                                              \
  "SELECT seq,digest,delivery,branch,commit_id,outcome,received_at,ended_at,detail FROM pushes " \
  "WHERE webhook=CAST(?1 AS INTEGER)"

#define FIELD(member) \
  { offsetof(struct si_webhook, member), sizeof(((struct si_webhook *)0)->member) }
#define OWNED(member) \
  { offsetof(struct si_webhook, member), 0 }
static const struct si_state_field fields[] = {
    FIELD(seq),        FIELD(name),       FIELD(app),   FIELD(source),   FIELD(secret),
    FIELD(enabled_at), FIELD(enabled_by), OWNED(stack), OWNED(branches), OWNED(targets)};
enum { FIELDS = sizeof fields / sizeof *fields };

#define PUSH(member) \
  { offsetof(struct si_push_row, member), sizeof(((struct si_push_row *)0)->member) }
static const struct si_state_field push_fields[] = {
    PUSH(seq),     PUSH(digest),      PUSH(delivery), PUSH(branch), PUSH(commit),
    PUSH(outcome), PUSH(received_at), PUSH(ended_at), PUSH(detail)};
enum { PUSH_FIELDS = sizeof push_fields / sizeof *push_fields };

void si_webhook_free(struct si_webhook *webhook) {
  free(webhook->stack);
  free(webhook->branches);
  free(webhook->targets);
  webhook->stack = webhook->branches = webhook->targets = NULL;
}

/* --- what a push may deploy --- */

si_rc si_state_webhook(struct si_state *state, const char *owner_id, const char *name,
                       struct si_webhook *out, struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  struct si_webhook found = {.name = ""};
  bool row = false;
  si_rc status =
      si_state_prepare(state, SELECT "AND name=?2", SI_VALUES(owner_id, name), &statement, error);
  status = status == SI_OK ? si_state_next(state, statement, &row, error) : status;
  if (status == SI_OK && !row) {
    si_error_set(error, SI_E_NOT_FOUND, "WEBHOOK_NOT_FOUND", "there is no webhook %.63s", name);
    si_error_target(error, NULL, name);
    return si_error_hint(error, "see those there are: si paas webhook map list");
  }
  status =
      status == SI_OK ? si_state_read(state, statement, fields, FIELDS, &found, error) : status;
  if (status != SI_OK) {
    si_webhook_free(&found);
    return status;
  }
  *out = found;
  return SI_OK;
}

static si_rc check_free(struct si_state *state, const char *owner_id, const char *name,
                        struct si_error *error) {
  struct si_webhook there SI_AUTO(si_webhook_free) = {.name = ""};
  struct si_error why;
  si_rc status = si_state_webhook(state, owner_id, name, &there, &why);
  if (status == SI_OK) {
    si_error_set(error, SI_E_CONFLICT, "WEBHOOK_EXISTS", "there is a webhook %.63s already", name);
    si_error_target(error, NULL, name);
    return si_error_hint(error, "remove it first, or take another name");
  }
  if (status != SI_E_NOT_FOUND && error) {
    *error = why;
  }
  return status == SI_E_NOT_FOUND ? SI_OK : status;
}

si_rc si_state_webhook_add(struct si_state *state, const char *owner_id,
                           const struct si_webhook *webhook, const struct si_state_event *event,
                           struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  char now[SI_TIME_SIZE];
  si_now_text(now);
  si_rc status = si_state_enter(state, &tx, error);
  status = status == SI_OK ? check_free(state, owner_id, webhook->name, error) : status;
  status = status == SI_OK
               ? si_state_run(state,
                              "INSERT INTO webhooks(owner_id,name,app,source,secret,enabled_at,"
                              "enabled_by,stack,branches,targets)"
                              "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
                              SI_VALUES(owner_id, webhook->name, webhook->app, webhook->source,
                                        webhook->secret, now, webhook->enabled_by, webhook->stack,
                                        webhook->branches, webhook->targets),
                              error)
               : status;
  status = status == SI_OK && event ? si_state_event_insert(state, event, error) : status;
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

si_rc si_state_webhook_remove(struct si_state *state, const char *owner_id, const char *name,
                              const char *by, const struct si_state_event *event,
                              struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  struct si_webhook there SI_AUTO(si_webhook_free) = {.name = ""};
  char now[SI_TIME_SIZE];
  si_now_text(now);
  si_rc status = si_state_enter(state, &tx, error);
  status = status == SI_OK ? si_state_webhook(state, owner_id, name, &there, error) : status;
  status = status == SI_OK ? si_state_run(state,
                                          "UPDATE webhooks SET removed_at=?2,removed_by=?3 WHERE "
                                          "seq=CAST(?1 AS INTEGER)",
                                          SI_VALUES(there.seq, now, by), error)
                           : status;
  status = status == SI_OK && event ? si_state_event_insert(state, event, error) : status;
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

static void drop(void *row) {
  si_webhook_free(row);
}

si_rc si_state_webhooks(struct si_state *state, const char *owner_id, void *ctx,
                        si_webhook_each each, struct si_error *error) {
  struct si_state_list list SI_AUTO(si_state_list_free) = {.size = sizeof(struct si_webhook),
                                                           .drop = drop};
  si_rc status = si_state_list_read(state, SELECT "ORDER BY name", SI_VALUES(owner_id), fields,
                                    FIELDS, &list, error);
  const struct si_webhook *rows = list.items;
  for (size_t i = 0; status == SI_OK && i < list.count; i++) {
    status = each(ctx, &rows[i]);
  }
  return status;
}

/* --- which pushes came --- */

static si_rc find_push(struct si_state *state, const char *webhook_seq, const char *digest,
                       struct si_push_row *row, bool *found, struct si_error *error) {
  sqlite3_stmt *statement SI_AUTO(si_state_finalize) = NULL;
  struct si_push_row there = {.seq = ""};
  si_rc status = si_state_prepare(state, SELECT_PUSH " AND digest=?2",
                                  SI_VALUES(webhook_seq, digest), &statement, error);
  status = status == SI_OK ? si_state_next(state, statement, found, error) : status;
  if (status == SI_OK && *found) {
    status = si_state_read(state, statement, push_fields, PUSH_FIELDS, &there, error);
    *row = status == SI_OK ? there : *row;
  }
  return status;
}

static si_rc add_push(struct si_state *state, const char *webhook_seq,
                      const struct si_push_row *row, struct si_error *error) {
  char now[SI_TIME_SIZE];
  si_now_text(now);
  si_rc status = si_state_run(state,
                              "DELETE FROM pushes WHERE outcome<>'pending' AND seq<=(SELECT "
                              "max(seq) FROM pushes)-10000",
                              SI_NO_VALUES, error);
  return status == SI_OK
             ? si_state_run(state,
                            "INSERT INTO pushes(webhook,digest,delivery,branch,commit_id,outcome,"
                            "received_at)VALUES(CAST(?1 AS INTEGER),?2,?3,?4,?5,'pending',?6)",
                            SI_VALUES(webhook_seq, row->digest, row->delivery, row->branch,
                                      row->commit, now),
                            error)
             : status;
}

si_rc si_state_push_begin(struct si_state *state, const char *webhook_seq, struct si_push_row *row,
                          bool *again, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  bool found = false;
  si_rc status = si_state_enter(state, &tx, error);
  status =
      status == SI_OK ? find_push(state, webhook_seq, row->digest, row, &found, error) : status;
  *again = found && (strcmp(row->outcome, "deployed") == 0 || strcmp(row->outcome, "ignored") == 0);
  if (status == SI_OK && !found) {
    status = add_push(state, webhook_seq, row, error);
    status =
        status == SI_OK ? find_push(state, webhook_seq, row->digest, row, &found, error) : status;
  } else if (status == SI_OK && !*again) {
    status = si_state_run(state,
                          "UPDATE pushes SET outcome='pending',ended_at=NULL,detail='' WHERE "
                          "seq=CAST(?1 AS INTEGER)",
                          SI_VALUES(row->seq), error);
  }
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

si_rc si_state_push_end(struct si_state *state, const char *seq, const char *outcome,
                        const char *detail, struct si_error *error) {
  struct si_state_tx tx SI_AUTO(si_state_leave) = {0};
  char now[SI_TIME_SIZE];
  si_now_text(now);
  si_rc status = si_state_enter(state, &tx, error);
  status = status == SI_OK
               ? si_state_run(state,
                              "UPDATE pushes SET outcome=?2,detail=?3,ended_at=?4 WHERE "
                              "seq=CAST(?1 AS INTEGER)",
                              SI_VALUES(seq, outcome, detail, now), error)
               : status;
  return status == SI_OK ? si_state_commit(&tx, error) : status;
}

static void keep(void *row) {
  (void)row; /* it owns nothing */
}

si_rc si_state_pushes(struct si_state *state, const char *webhook_seq, unsigned most, void *ctx,
                      si_push_each each, struct si_error *error) {
  struct si_state_list list SI_AUTO(si_state_list_free) = {.size = sizeof(struct si_push_row),
                                                           .drop = keep};
  char limit[16];
  snprintf(limit, sizeof limit, "%u", most);
  si_rc status =
      si_state_list_read(state, SELECT_PUSH " ORDER BY seq DESC LIMIT CAST(?2 AS INTEGER)",
                         SI_VALUES(webhook_seq, limit), push_fields, PUSH_FIELDS, &list, error);
  const struct si_push_row *rows = list.items;
  for (size_t i = 0; status == SI_OK && i < list.count; i++) {
    status = each(ctx, &rows[i]);
  }
  return status;
}
