/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas webhook ingest` and `pushes`: a push that came, and what became of those before. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/exit.h"
#include "cli/grid.h"
#include "cli/secrets.h"
#include "cli/stack.h"
#include "kit/base/path.h"
#include "kit/base/text.h"
#include "paas/events/events.h"
#include "paas/vault/reading.h"
#include "paas/webhook/map.h"
#include "paas/webhook/webhook.h"

/* --- what was sent --- */

struct sent {
  struct si_buf head;
  struct si_buf body;
  struct si_webhook_headers headers;
};

static void sent_free(struct sent *sent) {
  si_webhook_headers_free(&sent->headers);
  si_buf_free(&sent->head);
  si_buf_free(&sent->body);
}

/* A file, or "-": standard input. */
static si_rc read_all(struct si_invocation *inv, const char *option, struct si_buf *out) {
  const char *name = si_opt(inv, option);
  bool std_in = strcmp(name, "-") == 0;
  int fd = std_in ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    return si_error_set(&inv->error, SI_E_NOT_FOUND, "WEBHOOK_UNREADABLE",
                        "--%s %.512s cannot be opened", option, name);
  }
  si_rc status = si_read_fd(fd, out);
  if (!std_in) {
    close(fd);
  }
  if (status == SI_E_QUOTA) {
    return si_error_set(&inv->error, status, "WEBHOOK_MALFORMED", "--%s holds more than %zu bytes",
                        option, out->max);
  }
  return status == SI_OK ? SI_OK
                         : si_error_set(&inv->error, status, "WEBHOOK_UNREADABLE",
                                        "--%s cannot be read", option);
}

static si_rc read_sent(struct si_invocation *inv, struct sent *sent) {
  if (strcmp(si_opt(inv, "headers"), "-") == 0 && strcmp(si_opt(inv, "body"), "-") == 0) {
    return si_usage_error(inv, "headers and body cannot both come from standard input");
  }
  si_rc status = read_all(inv, "headers", &sent->head);
  status = status == SI_OK ? read_all(inv, "body", &sent->body) : status;
  return status == SI_OK ? si_webhook_headers_read(si_buf_text(&sent->head), sent->head.len,
                                                   &sent->headers, &inv->error)
                         : status;
}

/* --- is it to be believed? --- */

struct verifying {
  struct si_invocation *inv;
  const struct sent *sent;
  enum si_webhook_source source;
};

static si_rc verify(void *ctx, const void *secret, size_t len) {
  const struct verifying *v = ctx;
  return si_webhook_verify(v->source, &v->sent->headers, si_buf_text(&v->sent->body),
                           v->sent->body.len, secret, len, (int64_t)time(NULL), &v->inv->error);
}

static si_rc check_sender(struct si_invocation *inv, struct si_secrets *secrets,
                          const struct si_webhook *webhook, const struct sent *sent) {
  struct si_vault_reading reading SI_AUTO(si_vault_reading_close) = {.state = NULL};
  struct verifying verifying = {.inv = inv, .sent = sent};
  struct si_error untold;
  if (!si_webhook_source_read(webhook->source, &verifying.source)) {
    return si_error_set(&inv->error, SI_E_CORRUPT, "WEBHOOK_INVALID", "%s is no source",
                        webhook->source);
  }
  si_rc status = si_vault_reading_open(&secrets->scope.context, si_secrets_ask, secrets, &reading,
                                       &inv->error);
  status = status == SI_OK
               ? si_vault_get(reading.vault, "", webhook->secret, &verifying, verify, &inv->error)
               : status;
  if (status == SI_E_AUTH && strcmp(inv->error.code, "WEBHOOK_SIGNATURE") == 0 &&
      si_webhook_tell(&secrets->scope.context, secrets->scope.state, webhook->name, NULL,
                      "signature", &untold) != SI_OK) {
    si_out_warn(inv->out, "that was not written down: %s", untold.message);
  }
  return status;
}

/* --- deploying --- */

static si_rc take_targets(const char *text, cJSON **list, const char **names, size_t *count) {
  const cJSON *each;
  si_rc status = si_json_parse(text, strlen(text), list, NULL);
  cJSON_ArrayForEach(each, *list) {
    if (*count < SI_DEPLOY_TARGETS && cJSON_IsString(each)) {
      names[(*count)++] = each->valuestring;
    }
  }
  return status;
}

/* Onto what runs, or from nothing: as `si paas deploy` does it. */
static si_rc deploy(struct si_invocation *inv, struct si_scope *scope,
                    const struct si_webhook *webhook, struct si_outcome *outcome) {
  struct si_stack stack SI_AUTO(si_stack_free) = {.json = NULL};
  struct si_project project SI_AUTO(si_project_free) = {.id = ""};
  cJSON *list SI_AUTO(si_json_free) = NULL;
  const char *targets[SI_DEPLOY_TARGETS];
  size_t count = 0;
  si_rc status = take_targets(webhook->targets, &list, targets, &count);
  status = status == SI_OK ? si_stack_of(inv, webhook->app, webhook->stack, &stack) : status;
  status = status == SI_OK ? si_stack_guarded(inv, &scope->context, &stack, NULL) : status;
  status = status == SI_OK ? si_state_project(scope->state, scope->life.owner_id, webhook->app,
                                              false, &project, &inv->error)
                           : status;
  if (status == SI_E_NOT_FOUND && strcmp(inv->error.code, "PAAS_PROJECT_NOT_FOUND") == 0) {
    si_error_hint(&inv->error,
                  "its first deploy is yours, with the provisioner that it is to have: si paas "
                  "--context %s deploy --app %s --stack %s",
                  inv->context, webhook->app, webhook->stack);
  }
  const struct si_deploy request = {
      .slug = webhook->app, .stack = &stack, .targets = targets, .target_count = count};
  return status == SI_OK ? si_life_deploy(&scope->life, &request, outcome, &inv->error) : status;
}

static si_rc end_push(struct si_invocation *inv, struct si_scope *scope,
                      const struct si_webhook *webhook, const struct si_push_row *row,
                      const char *outcome, const char *detail) {
  struct si_error why;
  si_rc status = si_state_push_end(scope->state, row->seq, outcome, detail, &why);
  status = status == SI_OK
               ? si_webhook_tell(&scope->context, scope->state, webhook->name, row, outcome, &why)
               : status;
  if (status != SI_OK) {
    si_out_warn(inv->out, "what became of the push was not written down: %s", why.message);
  }
  return status;
}

static si_rc say(struct si_invocation *inv, const struct si_push_row *row, const char *outcome,
                 const struct si_outcome *deployed) {
  cJSON *data = cJSON_CreateObject();
  cJSON_AddStringToObject(data, "outcome", outcome);
  cJSON_AddStringToObject(data, "branch", row->branch);
  cJSON_AddStringToObject(data, "commit", row->commit);
  cJSON_AddStringToObject(data, "delivery", row->delivery);
  if (deployed && deployed->project.id[0]) {
    cJSON_AddItemToObject(data, "project", si_project_json(&deployed->project));
    cJSON_AddItemToObject(data, "operation", si_operation_json(&deployed->operation));
  }
  si_out_field(inv->out, "push", "%s %.12s: %s", row->branch[0] ? row->branch : "no branch",
               row->commit, outcome);
  return si_out_result(inv->out, data);
}

/* A push that is new, and is signed: what it is worth. */
static si_rc deal(struct si_invocation *inv, struct si_scope *scope,
                  const struct si_webhook *webhook, const struct si_push *push,
                  const struct si_push_row *row) {
  struct si_outcome outcome SI_AUTO(si_outcome_free) = {.ran = false};
  char note[512], title[96];
  if (!push->push || push->deleted || !si_webhook_matches(webhook->branches, push->branch)) {
    si_rc status = end_push(inv, scope, webhook, row, "ignored",
                            !push->push     ? "no push"
                            : push->deleted ? "the branch was deleted"
                                            : "another branch");
    return status == SI_OK ? say(inv, row, "ignored", NULL) : status;
  }
  snprintf(note, sizeof note, "webhook %s: branch %s, commit %s", webhook->name, push->branch,
           push->commit);
  snprintf(title, sizeof title, "deploy %.63s", webhook->app);
  si_state_note(scope->state, note);
  si_rc status = si_scope_deploy_on(scope, title);
  status = status == SI_OK ? deploy(inv, scope, webhook, &outcome) : status;
  si_progress_end(&scope->progress);
  const struct si_error why = inv->error;
  si_rc ended = end_push(inv, scope, webhook, row, status == SI_OK ? "deployed" : "failed",
                         status == SI_OK ? outcome.project.release : why.code);
  if (status == SI_OK) {
    status = say(inv, row, "deployed", &outcome);
    return status == SI_OK ? ended : status;
  }
  if (outcome.ran) {
    status = say(inv, row, "failed", &outcome);
    return status == SI_OK ? si_exit_failed(inv) : status;
  }
  inv->error = why;
  return why.status;
}

static si_rc ingest(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct si_scope *scope = &secrets.scope;
  struct sent sent SI_AUTO(sent_free) = {.head = SI_SECRET_BUF(SI_WEBHOOK_HEADERS),
                                         .body = SI_BUF(SI_WEBHOOK_BODY)};
  struct si_webhook webhook SI_AUTO(si_webhook_free) = {.name = ""};
  enum si_webhook_source source = SI_WEBHOOK_SI;
  struct si_push push;
  struct si_push_row row = {.seq = ""};
  bool again = false;
  si_events_source("webhook");
  si_rc status = read_sent(inv, &sent);
  /* Who is not believed costs no more than a look at the vault. */
  status = status == SI_OK ? si_secrets_begin(&secrets, inv, SI_STATE_WRITE) : status;
  si_secrets_for_life(&secrets);
  status = status == SI_OK ? si_state_webhook(scope->state, scope->life.owner_id, si_arg(inv, 0),
                                              &webhook, &inv->error)
                           : status;
  status = status == SI_OK ? check_sender(inv, &secrets, &webhook, &sent) : status;
  if (status != SI_OK || !si_webhook_source_read(webhook.source, &source)) {
    return status;
  }
  status = si_webhook_push(source, &sent.headers, si_buf_text(&sent.body), sent.body.len, &push,
                           &inv->error);
  if (status != SI_OK) {
    return status;
  }
  si_copy(row.digest, sizeof row.digest, push.digest);
  si_copy(row.delivery, sizeof row.delivery, push.delivery);
  si_copy(row.branch, sizeof row.branch, push.branch);
  si_copy(row.commit, sizeof row.commit, push.commit);
  status = si_state_push_begin(scope->state, webhook.seq, &row, &again, &inv->error);
  if (status != SI_OK) {
    return status;
  }
  return again ? say(inv, &row, "replayed", NULL) : deal(inv, scope, &webhook, &push, &row);
}

static const struct si_option ingest_options[] = {
    {"headers", 0, "FILE", "The request's headers, a line each; - for standard input",
     SI_OPT_REQUIRED, NULL},
    {"body", 0, "FILE", "Its body, as it came; - for standard input", SI_OPT_REQUIRED, NULL},
    SI_SECRETS_PASSPHRASE_OPTION,
    {0},
};

const struct si_command si_cmd_webhook_ingest = {
    .path = "paas webhook ingest",
    .summary = "Take a push: check who sent it, and deploy what it may deploy",
    .text =
        "The signature over the body is checked before anything in it is read; a push that is not "
        "accepted is told to the audit chain. One that came before, with the same body, does "
        "nothing a second time, unless it had failed. Another branch than those of the webhook, a "
        "branch that is gone, and other events are passed over: exit code 0, outcome `ignored`.",
    .params = {{"NAME", 0, "The webhook"}},
    .options = ingest_options,
    .flags = SI_CMD_MUTATING,
    .run = ingest,
};

/* --- pushes --- */

struct rows {
  struct si_grid table;
  cJSON *json;
};

static si_rc list_row(void *ctx, const struct si_push_row *row) {
  struct rows *rows = ctx;
  cJSON *json = cJSON_CreateObject();
  si_grid_row(&rows->table, row->received_at, row->branch, row->commit, row->outcome, row->detail);
  cJSON_AddStringToObject(json, "received_at", row->received_at);
  cJSON_AddStringToObject(json, "branch", row->branch);
  cJSON_AddStringToObject(json, "commit", row->commit);
  cJSON_AddStringToObject(json, "delivery", row->delivery);
  cJSON_AddStringToObject(json, "outcome", row->outcome);
  cJSON_AddStringToObject(json, "detail", row->detail);
  si_rc status = si_json_add_text(json, "ended_at", row->ended_at);
  return status == SI_OK && cJSON_AddItemToArray(rows->json, json) ? SI_OK : SI_E_NOMEM;
}

static si_rc pushes(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_webhook webhook SI_AUTO(si_webhook_free) = {.name = ""};
  struct rows rows = {.table = SI_GRID("RECEIVED", "BRANCH", "COMMIT", "OUTCOME", "DETAIL"),
                      .json = cJSON_CreateArray()};
  uint64_t most = 0;
  si_rc status = si_opt_u64(inv, "limit", 1, 10000, 50, &most);
  status = status == SI_OK ? si_scope_open(&scope, inv, SI_STATE_READ) : status;
  status = status == SI_OK ? si_state_webhook(scope.state, scope.life.owner_id, si_arg(inv, 0),
                                              &webhook, &inv->error)
                           : status;
  status = status == SI_OK ? si_state_pushes(scope.state, webhook.seq, (unsigned)most, &rows,
                                             list_row, &inv->error)
                           : status;
  if (status == SI_OK) {
    si_grid_print(inv->out, &rows.table);
  }
  si_grid_free(&rows.table);
  if (status != SI_OK) {
    cJSON_Delete(rows.json);
    return status;
  }
  return si_out_list(inv->out, rows.json);
}

static const struct si_option pushes_options[] = {
    {"limit", 'n', "N", "The newest so many (50)", 0, NULL},
    {0},
};

const struct si_command si_cmd_webhook_pushes = {
    .path = "paas webhook pushes",
    .summary = "Tell which pushes came, and what became of each",
    .text = "One that is `pending` was left by a process that died: ingest it again.",
    .params = {{"NAME", 0, "The webhook"}},
    .options = pushes_options,
    .flags = SI_CMD_CONTEXT,
    .run = pushes,
};
