/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/alert/deliver.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kit/base/text.h"
#include "paas/alert/courier.h"
#include "paas/alert/hosts.h"
#include "paas/alert/net/url.h"
#include "paas/alert/sign.h"
#include "paas/events/events.h"
#include "paas/redact/redact.h"

enum { BACKOFF_MS = 30000, BACKOFF_MAX_MS = 3600000, BODY_MAX = 65536 };

int64_t si_alert_now(const struct si_alert_sender *sender) {
  return sender->now_ms ? sender->now_ms : si_now_ms();
}

void si_alert_time(int64_t ms, char to[32]) {
  struct tm tm = {0};
  time_t seconds = (time_t)(ms / 1000);
  char date[24] = "";
  gmtime_r(&seconds, &tm);
  if (strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
    date[0] = '\0';
  }
  snprintf(to, 32, "%s.%03dZ", date, (int)(ms % 1000));
}

/* --- the message --- */

static si_rc make_body(const struct si_alert_sender *sender, const struct si_alert *alert,
                       struct si_buf *out) {
  const char *texts[][2] = {
      {"schema", "si.alert/1"},           {"id", alert->id},
      {"context", sender->context->name}, {"severity", alert->severity},
      {"source", alert->source},          {"dedupe", alert->dedupe},
      {"message", alert->message},        {"channel", alert->channel},
      {"raised_at", alert->raised_at},    {"last_at", alert->last_at},
  };
  cJSON *body SI_AUTO(si_json_free) = cJSON_CreateObject();
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (!cJSON_AddStringToObject(body, texts[i][0], texts[i][1])) {
      return SI_E_NOMEM;
    }
  }
  if (!cJSON_AddNumberToObject(body, "count", (double)alert->count)) {
    return SI_E_NOMEM;
  }
  si_rc status = si_redact_json(body);
  return status == SI_OK ? si_json_canonical(body, out) : status;
}

struct signing {
  const char *timestamp;
  const char *body;
  char signature[SI_SIGNATURE_SIZE];
};

static si_rc sign(void *ctx, const void *secret, size_t len) {
  struct signing *s = ctx;
  return si_alert_sign(secret, len, s->timestamp, s->body, s->signature);
}

static void close_vault(struct si_vault **vault) {
  si_vault_close(*vault);
  *vault = NULL;
}

static void close_state(struct si_state **state) {
  si_state_close(*state);
  *state = NULL;
}

/* Opened to read, through a store of its own: who writes to the vault holds its lock, and that may
 * be this very process, in the middle of the operation that the alert is about. It is shut again
 * before anything is sent. */
static si_rc sign_with_vault(const struct si_alert_sender *sender, const char *key,
                             struct signing *signing, struct si_error *error) {
  struct si_state *state SI_AUTO(close_state) = NULL;
  struct si_vault *vault SI_AUTO(close_vault) = NULL;
  const struct si_context *context = sender->context;
  si_rc status = si_state_open(context->dir, context->id, SI_STATE_READ, &state, error);
  status = status == SI_OK ? si_vault_open(context, state, &vault, error) : status;
  if (status != SI_OK) {
    return status;
  }
  if (sender->ask) {
    si_vault_asker(vault, sender->ask, sender->ask_ctx);
  }
  return si_vault_get(vault, "", key, signing, sign, error);
}

static cJSON *make_headers(const struct si_alert *alert, const struct signing *signing) {
  const char *texts[][2] = {
      {"Content-Type", "application/json"},
      {"X-Si-Timestamp", signing->timestamp},
      {"X-Si-Signature", signing->signature},
      {"X-Si-Alert-Id", alert->id},
  };
  cJSON *headers = cJSON_CreateObject();
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (!cJSON_AddStringToObject(headers, texts[i][0], texts[i][1])) {
      cJSON_Delete(headers);
      return NULL;
    }
  }
  return headers;
}

/* --- one attempt --- */

/* What an answer means: *final where asking again would bring the same. */
static si_rc judge(const struct si_alert_channel *channel, int http, bool *final,
                   struct si_error *error) {
  if (http >= 200 && http < 300) {
    return SI_OK;
  }
  *final = *final || (http < 500 && http != 408 && http != 425 && http != 429);
  si_error_set(error, SI_E_UNAVAILABLE, "ALERT_ANSWER",
               "channel %s: the receiver answered HTTP %d%s", channel->name, http,
               http >= 300 && http < 400 ? " (a redirect, which is not followed)" : "");
  return SI_E_UNAVAILABLE;
}

static si_rc send_webhook(const struct si_alert_sender *sender,
                          const struct si_alert_channel *channel, const struct si_alert *alert,
                          bool *final, struct si_error *error) {
  struct si_buf body SI_AUTO(si_buf_free) = SI_BUF(BODY_MAX);
  struct si_url url;
  char timestamp[24];
  int http = 0;
  snprintf(timestamp, sizeof timestamp, "%" PRId64, si_alert_now(sender) / 1000);
  if (si_url_parse(channel->url, &url) || make_body(sender, alert, &body) != SI_OK) {
    *final = true;
    return si_error_set(error, SI_E_INTERNAL, "ALERT_MESSAGE", "alert %s cannot be put into words",
                        alert->id);
  }
  struct signing signing = {.timestamp = timestamp, .body = si_buf_text(&body)};
  /* Asked again at each attempt: the context may have been closed since the policy was set. */
  si_rc status = si_webhook_host(sender->context, url.host, error);
  if (status == SI_OK) {
    status = sign_with_vault(sender, channel->secret, &signing, error);
  }
  if (status != SI_OK) {
    return status;
  }
  cJSON *headers SI_AUTO(si_json_free) = make_headers(alert, &signing);
  const struct si_post post = {
      .url = channel->url,
      .headers = headers,
      .body = signing.body,
      .timeout_ms = channel->timeout_ms,
      .ca_file = channel->ca_file,
      .allow_private = channel->allow_private,
      .allow_http_loopback = channel->allow_http_loopback,
      .interrupt_fd = sender->interrupt_fd,
  };
  status = si_post(&post, &http, error);
  return status == SI_OK ? judge(channel, http, final, error) : status;
}

static si_rc send(const struct si_alert_sender *sender, const struct si_alert_policy *policy,
                  const struct si_alert *alert, bool *final, struct si_error *error) {
  struct si_alert_channel channel;
  if (!si_alert_policy_channel(policy, alert->channel, &channel) || !channel.webhook) {
    *final = true;
    return si_error_set(error, SI_E_NOT_FOUND, "ALERT_CHANNEL",
                        "the policy has no webhook channel %s any more", alert->channel);
  }
  return send_webhook(sender, &channel, alert, final, error);
}

static void next_attempt(const struct si_alert_sender *sender, const struct si_alert *alert,
                         char to[32]) {
  int64_t pause = BACKOFF_MS;
  for (uint32_t i = 0; i < alert->attempts && pause < BACKOFF_MAX_MS; i++) {
    pause *= 2;
  }
  si_alert_time(si_alert_now(sender) + (pause < BACKOFF_MAX_MS ? pause : BACKOFF_MAX_MS), to);
}

static si_rc make_record(const struct si_alert_sender *sender, const struct si_alert *alert,
                         const char *delivery, const struct si_error *why, struct si_buf *out) {
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON_AddStringToObject(fields, "id", alert->id);
  cJSON_AddStringToObject(fields, "channel", alert->channel);
  cJSON_AddStringToObject(fields, "delivery", delivery);
  cJSON_AddNumberToObject(fields, "attempts", alert->attempts);
  const struct si_event event = {.stream = "alerts",
                                 .action = "alert.deliver",
                                 .severity = why ? "warning" : "info",
                                 .target = alert->source,
                                 .fields = fields,
                                 .error = why};
  return si_event_record(sender->context, &event, out);
}

si_rc si_alert_attempt(const struct si_alert_sender *sender, const struct si_alert_policy *policy,
                       struct si_alert *alert, bool once, bool *tried, struct si_error *why,
                       struct si_error *error) {
  struct si_buf record SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  char next_at[32];
  bool final = once;
  *tried = false;
  next_attempt(sender, alert, next_at);
  si_rc status = si_state_alert_claim(sender->state, alert, next_at, tried, error);
  if (status != SI_OK || !*tried) {
    return status;
  }
  memset(why, 0, sizeof *why);
  si_rc sent = send(sender, policy, alert, &final, why);
  const char *delivery = sent == SI_OK                                   ? "sent"
                         : final || alert->attempts >= SI_ALERT_ATTEMPTS ? "failed"
                                                                         : "pending";
  if (sent != SI_OK) {
    why->status = sent;
    si_redact_error(why);
  }
  status = make_record(sender, alert, delivery, sent == SI_OK ? NULL : why, &record);
  if (status != SI_OK) {
    return si_error_set(error, status, "OUT_OF_MEMORY", "no event can be made of a delivery");
  }
  const struct si_state_event event = {"alerts", si_buf_text(&record)};
  return si_state_alert_settle(sender->state, alert, delivery, sent == SI_OK ? NULL : why->message,
                               &event, error);
}
