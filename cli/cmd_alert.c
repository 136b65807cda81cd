/* SPDX-License-Identifier: Apache-2.0 */
/* `si paas alert ...`: where alerts go, which there were, and who has seen them. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/exit.h"
#include "cli/grid.h"
#include "cli/interrupt.h"
#include "cli/scope.h"
#include "cli/secrets.h"
#include "kit/base/text.h"
#include "paas/alert/alert.h"

enum { HISTORY_MAX = 1000 };

static struct si_alert_sender sender_of(const struct si_scope *scope) {
  return (struct si_alert_sender){
      .context = &scope->context, .state = scope->state, .interrupt_fd = si_interrupt_fd()};
}

static si_rc add_u64(cJSON *json, const char *name, uint64_t value) {
  return cJSON_AddNumberToObject(json, name, (double)value) ? SI_OK : SI_E_NOMEM;
}

static cJSON *alert_json(const struct si_alert *alert) {
  const char *texts[][2] = {
      {"id", alert->id},
      {"severity", alert->severity},
      {"source", alert->source},
      {"dedupe", alert->dedupe},
      {"message", alert->message},
      {"raised_at", alert->raised_at},
      {"last_at", alert->last_at},
      {"channel", alert->channel},
      {"delivery", alert->delivery},
      {"next_at", strcmp(alert->delivery, "pending") == 0 ? alert->next_at : ""},
      {"delivery_error", alert->delivery_error},
      {"acked_at", alert->acked_at},
      {"acked_by", alert->acked_by},
  };
  cJSON *json = cJSON_CreateObject();
  si_rc status = add_u64(json, "count", alert->count);
  status = status == SI_OK ? add_u64(json, "attempts", alert->attempts) : status;
  for (size_t i = 0; status == SI_OK && i < sizeof texts / sizeof *texts; i++) {
    status = si_json_add_text(json, texts[i][0], texts[i][1]);
  }
  if (status != SI_OK) {
    cJSON_Delete(json);
    return NULL;
  }
  return json;
}

/* --- policy --- */

static void print_channel(struct si_invocation *inv, const struct si_alert_channel *channel) {
  if (!channel->webhook) {
    si_out_field(inv->out, channel->name, "the alerts event stream alone");
    return;
  }
  si_out_field(inv->out, channel->name, "webhook %s%s\nsigned with %s of the vault%s%s%s%s",
               channel->url ? "" : "at the address in the vault, ",
               channel->url ? channel->url : channel->url_secret, channel->secret,
               channel->ca_file ? ", trusts " : "", channel->ca_file ? channel->ca_file : "",
               channel->allow_private ? ", private addresses allowed" : "",
               channel->allow_http_loopback ? ", plain HTTP on loopback allowed" : "");
}

static si_rc show_policy(struct si_invocation *inv, const struct si_alert_policy *policy,
                         bool set) {
  static const char *const severities[] = {"critical", "warning", "info"};
  const cJSON *each;
  for (size_t i = 0; i < 3; i++) {
    si_out_field(inv->out, severities[i], "%s", si_alert_policy_route(policy, severities[i]));
  }
  si_out_field(inv->out, "dedupe", "%llu s",
               (unsigned long long)(si_alert_policy_dedupe_ms(policy) / 1000));
  si_out_line(inv->out, "channels");
  cJSON_ArrayForEach(each, si_json_get(policy->json, "channels")) {
    struct si_alert_channel channel;
    if (si_alert_policy_channel(policy, each->string, &channel)) {
      print_channel(inv, &channel);
    }
  }
  if (!set) {
    si_out_note(inv->out, "no policy is set: alerts are only written to the event stream");
  }
  return si_out_result(inv->out, cJSON_Duplicate(policy->json, true));
}

static si_rc policy_show(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_alert_policy policy SI_AUTO(si_alert_policy_free) = SI_ALERT_POLICY;
  bool set = false;
  si_rc status = si_scope_open(&scope, inv, SI_STATE_READ);
  if (status == SI_OK) {
    status = si_alert_policy_load(scope.state, &policy, &set, &inv->error);
  }
  return status == SI_OK ? show_policy(inv, &policy, set) : status;
}

static si_rc read_policy(struct si_invocation *inv, struct si_buf *text) {
  const char *file = si_opt(inv, "file");
  if (!file == !si_opt_flag(inv, "stdin")) {
    return si_usage_error(inv, "give the policy once: with --file or on standard input, --stdin");
  }
  si_rc status = file ? si_read_file(AT_FDCWD, file, text) : si_read_fd(inv->out->in, text);
  if (status == SI_E_QUOTA) {
    return si_error_set(&inv->error, SI_E_INVALID, "ALERT_POLICY",
                        "the alert policy is longer than %u bytes", SI_DOCUMENT_MAX);
  }
  if (status != SI_OK) {
    return si_error_set(&inv->error, status, "ALERT_POLICY", "cannot read %s: %s",
                        file ? file : "standard input", si_status_text(status));
  }
  return SI_OK;
}

static si_rc policy_set(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_alert_policy policy SI_AUTO(si_alert_policy_free) = SI_ALERT_POLICY;
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_DOCUMENT_MAX);
  si_rc status = read_policy(inv, &text);
  if (status == SI_OK) {
    status = si_alert_policy_parse(si_buf_text(&text), text.len, &policy, &inv->error);
  }
  status = status == SI_OK ? si_scope_open(&scope, inv, SI_STATE_WRITE) : status;
  if (status == SI_OK) {
    status = si_alert_policy_store(&scope.context, scope.state, &policy, &inv->error);
  }
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out,
              "the alert policy is set; to try a channel: si paas --context %s alert test",
              scope.context.name);
  return show_policy(inv, &policy, true);
}

const struct si_command si_cmd_alert_policy_show = {
    .path = "paas alert policy show",
    .summary = "Show where the context's alerts go",
    .flags = SI_CMD_CONTEXT,
    .run = policy_show,
};

static const struct si_option policy_options[] = {
    {"file", 'f', "FILE", "The policy, a JSON document", 0, NULL},
    {"stdin", 0, NULL, "Read it from standard input", 0, NULL},
    {0},
};

const struct si_command si_cmd_alert_policy_set = {
    .path = "paas alert policy set",
    .summary = "Say where the context's alerts go",
    .text =
        "The policy replaces the one before. A webhook's host must be allowed by the context's "
        "webhook policy, and the secret that signs it must be in the vault.",
    .options = policy_options,
    .flags = SI_CMD_MUTATING,
    .run = policy_set,
};

/* --- test --- */

static si_rc undelivered(struct si_invocation *inv, const struct si_alert *alert) {
  si_error_set(&inv->error, SI_E_UNAVAILABLE, "ALERT_UNDELIVERED",
               "the test alert did not get through channel %s: %s", alert->channel,
               alert->delivery_error);
  si_error_target(&inv->error, "alert", alert->channel);
  return si_error_hint(&inv->error,
                       "mend the receiver or the policy (si paas --context %s alert policy show), "
                       "then try again",
                       inv->context);
}

static si_rc test(struct si_invocation *inv) {
  struct si_secrets secrets SI_AUTO(si_secrets_close) = {.vault = NULL};
  struct si_alert alert = {.id = ""};
  char key[64] = "test/";
  si_rc status = si_secrets_begin(&secrets, inv, SI_STATE_WRITE);
  if (status != SI_OK) {
    return status;
  }
  if (si_random_hex(key + strlen(key), 8) != SI_OK) {
    return si_error_set(&inv->error, SI_E_IO, "STATE_RANDOM", "the kernel gives no random bytes");
  }
  struct si_alert_sender sender = sender_of(&secrets.scope);
  sender.ask = si_secrets_ask;
  sender.ask_ctx = &secrets;
  const struct si_alert_notice notice = {.severity = "info",
                                         .source = "test",
                                         .dedupe = key,
                                         .message = "this is a test of the alert channel",
                                         .channel = si_opt(inv, "channel"),
                                         .once = true};
  status = si_alert_raise(&sender, &notice, &alert, &inv->error);
  if (status != SI_OK) {
    return status;
  }
  si_out_result(inv->out, alert_json(&alert));
  if (strcmp(alert.delivery, "sent") != 0 && strcmp(alert.delivery, "none") != 0) {
    return undelivered(inv, &alert);
  }
  si_out_note(inv->out,
              strcmp(alert.delivery, "sent") == 0
                  ? "channel %s: the receiver took alert %s"
                  : "channel %s is the log: alert %s is in the event stream",
              alert.channel, alert.id);
  return SI_OK;
}

static const struct si_option test_options[] = {
    {"channel", 0, "NAME", "A channel of the policy; by default that of severity info", 0, NULL},
    SI_SECRETS_PASSPHRASE_OPTION,
    {0},
};

const struct si_command si_cmd_alert_test = {
    .path = "paas alert test",
    .summary = "Send a test alert through a channel",
    .options = test_options,
    .flags = SI_CMD_MUTATING,
    .run = test,
};

/* --- history --- */

struct listing {
  struct si_grid table;
  cJSON *json;
};

static si_rc list_one(void *ctx, const struct si_alert *alert) {
  struct listing *listing = ctx;
  char count[24];
  snprintf(count, sizeof count, "%llu", (unsigned long long)alert->count);
  si_grid_row(&listing->table, alert->id, alert->severity, alert->last_at, count, alert->channel,
              alert->delivery, alert->acked_at[0] ? alert->acked_by : "", alert->message);
  cJSON *json = alert_json(alert);
  return json && cJSON_AddItemToArray(listing->json, json) ? SI_OK : SI_E_NOMEM;
}

static si_rc history(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct listing listing = {.table = SI_GRID("ID", "SEVERITY", "LAST", "COUNT", "CHANNEL",
                                             "DELIVERY", "ACKED", "MESSAGE")};
  struct si_alert_filter filter = {.severity = si_opt(inv, "severity")};
  uint64_t limit = 0;
  si_rc status = si_opt_u64(inv, "limit", 1, HISTORY_MAX, 50, &limit);
  if (status == SI_OK && filter.severity && si_alert_severity(filter.severity) < 0) {
    return si_usage_error(inv, "--severity %.40s: info, warning or critical is needed",
                          filter.severity);
  }
  status = status == SI_OK ? si_scope_open(&scope, inv, SI_STATE_READ) : status;
  if (status != SI_OK) {
    return status;
  }
  filter.limit = (size_t)limit;
  listing.json = cJSON_CreateArray();
  status = si_alert_list(scope.state, &filter, &listing, list_one, &inv->error);
  si_grid_print(inv->out, &listing.table);
  si_grid_free(&listing.table);
  if (status != SI_OK) {
    cJSON_Delete(listing.json);
    return status;
  }
  if (cJSON_GetArraySize(listing.json) == 0) {
    si_out_note(inv->out, "no alerts");
  }
  return si_out_list(inv->out, listing.json);
}

static const struct si_option history_options[] = {
    {"limit", 0, "N", "The newest N, 50 by default, 1000 at most", 0, NULL},
    {"severity", 0, "S", "At least this: info, warning, critical", 0, NULL},
    {0},
};

const struct si_command si_cmd_alert_history = {
    .path = "paas alert history",
    .summary = "List the context's alerts, newest first",
    .options = history_options,
    .flags = SI_CMD_CONTEXT,
    .run = history,
};

/* --- ack --- */

static si_rc ack(struct si_invocation *inv) {
  struct si_scope scope SI_AUTO(si_scope_close) = {.state = NULL};
  struct si_alert alert = {.id = ""};
  bool acked = false;
  si_rc status = si_scope_open(&scope, inv, SI_STATE_WRITE);
  if (status != SI_OK) {
    return status;
  }
  struct si_alert_sender sender = sender_of(&scope);
  status = si_alert_ack(&sender, si_arg(inv, 0), &acked, &alert, &inv->error);
  if (status != SI_OK) {
    return status;
  }
  si_out_note(inv->out, "alert %s %s by %s", alert.id,
              acked ? "is acknowledged" : "was acknowledged before", alert.acked_by);
  return si_out_result(inv->out, alert_json(&alert));
}

const struct si_command si_cmd_alert_ack = {
    .path = "paas alert ack",
    .summary = "Say that somebody has seen an alert",
    .params = {{"ID", 0, "As the history shows it"}},
    .flags = SI_CMD_MUTATING,
    .run = ack,
};
