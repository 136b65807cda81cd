/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/alert/deliver.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kit/base/crypt.h"
#include "kit/base/text.h"
#include "paas/alert/courier.h"
#include "paas/alert/hosts.h"
#include "paas/alert/net/url.h"
#include "paas/alert/sign.h"
#include "paas/events/events.h"
#include "paas/redact/redact.h"
#include "paas/vault/reading.h"

enum { BACKOFF_MS = 30000, BACKOFF_MAX_MS = 3600000, AFTER_MS = 5000, BODY_MAX = 65536 };

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

/* --- what the vault lends --- */

struct signing {
  const char *timestamp;
  const char *body;
  char signature[SI_SIGNATURE_SIZE];
};

static si_rc sign(void *ctx, const void *secret, size_t len) {
  struct signing *s = ctx;
  return si_alert_sign(secret, len, s->timestamp, s->body, s->signature);
}

/* Where a message goes. An address of the vault's is a secret, and so is each part of it. */
struct address {
  char text[SI_URL_MAX];
  struct si_url url;
};

static void wipe_address(struct address *address) {
  si_wipe(address, sizeof *address);
}

static si_rc take_text(void *ctx, const void *value, size_t len) {
  struct address *address = ctx;
  size_t taken =
      len < sizeof address->text ? len : sizeof address->text - 1; /* too long all the same */
  memcpy(address->text, value, taken);
  address->text[taken] = '\0';
  return SI_OK;
}

/* The vault is shut again before anything is sent. */
static si_rc lend(const struct si_alert_sender *sender, const struct si_alert_channel *channel,
                  struct signing *signing, struct address *address, struct si_error *error) {
  struct si_vault_reading reading SI_AUTO(si_vault_reading_close) = {.state = NULL};
  si_rc status =
      si_vault_reading_open(sender->context, sender->ask, sender->ask_ctx, &reading, error);
  if (status != SI_OK) {
    return status;
  }
  status = si_vault_get(reading.vault, "", channel->secret, signing, sign, error);
  return status == SI_OK && channel->url_secret
             ? si_vault_get(reading.vault, "", channel->url_secret, address, take_text, error)
             : status;
}

/* Its parts stand in messages of who could not reach it. */
static si_rc remember_parts(const struct si_url *url) {
  si_rc status = si_redact_remember(url->target, strlen(url->target));
  return status == SI_OK && !si_url_loopback(url) ? si_redact_remember(url->host, strlen(url->host))
                                                  : status;
}

/* The address in the vault is held to all that one in the policy is; nothing of it is said. */
static si_rc judge_address(const struct si_alert_sender *sender,
                           const struct si_alert_channel *channel, struct address *address,
                           struct si_error *error) {
  const char *why = si_url_parse(address->text, &address->url);
  struct si_error denied;
  if (!why && remember_parts(&address->url) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: an address");
  }
  if (!why && !address->url.tls &&
      !(channel->allow_http_loopback && si_url_loopback(&address->url))) {
    why = "it is not https";
  }
  if (why) {
    si_error_set(error, SI_E_INVALID, "ALERT_ADDRESS",
                 "channel %s: its address in the vault cannot be used: %s", channel->name, why);
    return si_error_hint(error, "set it anew: si vault set %s --stdin --trim --context %s",
                         channel->url_secret, sender->context->name);
  }
  if (si_webhook_host(sender->context, address->url.host, &denied) != SI_OK) {
    return si_error_set(error, SI_E_REFUSED, "WEBHOOK_POLICY",
                        "the webhook policy of context %s does not allow the host of channel %s, "
                        "whose address is in the vault",
                        sender->context->name, channel->name);
  }
  return SI_OK;
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
  struct address address SI_AUTO(wipe_address) = {.text = ""};
  char timestamp[24];
  int http = 0;
  snprintf(timestamp, sizeof timestamp, "%" PRId64, si_alert_now(sender) / 1000);
  if ((channel->url && si_url_parse(channel->url, &address.url)) ||
      make_body(sender, alert, &body) != SI_OK) {
    *final = true;
    return si_error_set(error, SI_E_INTERNAL, "ALERT_MESSAGE", "alert %s cannot be put into words",
                        alert->id);
  }
  struct signing signing = {.timestamp = timestamp, .body = si_buf_text(&body)};
  /* Asked again at each attempt: the context may have been closed since the policy was set. */
  si_rc status = channel->url ? si_webhook_host(sender->context, address.url.host, error) : SI_OK;
  status = status == SI_OK ? lend(sender, channel, &signing, &address, error) : status;
  if (status == SI_OK && !channel->url) {
    status = judge_address(sender, channel, &address, error);
  }
  if (status != SI_OK) {
    return status;
  }
  cJSON *headers SI_AUTO(si_json_free) = make_headers(alert, &signing);
  const struct si_post post = {
      .url = channel->url ? channel->url : address.text,
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

/* Not before this one is over, too: until then the alert is this process's. */
static void next_attempt(const struct si_alert_policy *policy, const struct si_alert *alert,
                         int64_t now_ms, char to[32]) {
  struct si_alert_channel channel;
  int64_t pause = BACKOFF_MS, least = 0;
  for (uint32_t i = 0; i < alert->attempts && pause < BACKOFF_MAX_MS; i++) {
    pause *= 2;
  }
  pause = pause < BACKOFF_MAX_MS ? pause : BACKOFF_MAX_MS;
  if (si_alert_policy_channel(policy, alert->channel, &channel)) {
    least = channel.timeout_ms + AFTER_MS;
  }
  si_alert_time(now_ms + (pause > least ? pause : least), to);
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
  char now[32], next_at[32];
  bool final = once;
  *tried = false;
  si_alert_time(si_alert_now(sender), now);
  next_attempt(policy, alert, si_alert_now(sender), next_at);
  si_rc status = si_state_alert_claim(sender->state, alert, now, next_at, tried, error);
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
