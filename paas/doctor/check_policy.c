/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/check_policy.c - the context's engine answers, and its rules for webhooks fit what is
 * configured (R14). Depends on engine.h, paas/alert/policy.h.
 */
#include <string.h>

#include "paas/alert/hosts.h"
#include "paas/alert/net/url.h"
#include "paas/alert/policy.h"
#include "paas/doctor/engine.h"
#include "paas/doctor/private.h"

void si_check_engine(struct si_doctor *doctor) {
  struct si_error error;
  const char *provider = NULL;
  const cJSON *config = NULL;
  const struct si_engine *engine = NULL;
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
  si_rc status = si_context_provider(doctor->context, "provisioner", &provider, &config, &error);
  if (status == SI_OK) {
    status = si_json_canonical(config, &text);
  }
  if (status == SI_OK) {
    status = si_engines_ask(doctor->engines, provider, text.data, &engine, &error);
  }
  if (status != SI_OK) {
    si_doctor_failed(doctor, "the engine", &error);
  } else if (engine->answers) {
    si_doctor_ok(doctor, "%s answers (provisioner %s)", engine->what, provider);
  } else {
    si_doctor_tell(doctor, SI_FINDING_WARNING,
                   engine->hint[0] ? engine->hint
                                   : "start the engine, or name its socket in the context's "
                                     "provisioner settings",
                   "provisioner %s: %s", provider, engine->what);
  }
}

/* Is the host that a severity's alerts go to denied by the context? Its channel's name goes to
 * to[]. */
static bool denied(const struct si_context *context, const struct si_alert_policy *policy,
                   const char *severity, char *to, size_t size) {
  struct si_alert_channel channel;
  struct si_url url;
  struct si_error why;
  const char *name = si_alert_policy_route(policy, severity);
  if (!name || !si_alert_policy_channel(policy, name, &channel) || !channel.webhook) {
    return false;
  }
  if (!channel.url) {
    return false; /* it lies in the vault, and is judged when it is used */
  }
  si_copy(to, size, channel.name);
  return si_url_parse(channel.url, &url) != NULL ||
         si_webhook_host(context, url.host, &why) != SI_OK;
}

void si_check_webhooks(struct si_doctor *doctor) {
  static const char *const severities[] = {"critical", "warning", "info"};
  struct si_error error = {.status = SI_OK};
  struct si_alert_policy policy SI_AUTO(si_alert_policy_free) = SI_ALERT_POLICY;
  char name[65] = "";
  si_rc status = SI_OK; /* what the rules say was validated when the context was opened */
  if (!doctor->state) {
    status = si_error_set(&error, SI_E_IO, "STATE_UNOPENED", "the state store is not open");
  }
  status = status == SI_OK ? si_alert_policy_load(doctor->state, &policy, NULL, &error) : status;
  if (status != SI_OK) {
    si_doctor_failed(doctor, "the rules for webhooks", &error);
    return;
  }
  for (size_t i = 0; i < 3 && doctor->told == 0; i++) {
    if (denied(doctor->context, &policy, severities[i], name, sizeof name)) {
      si_doctor_tell(doctor, SI_FINDING_WARNING,
                     "allow its host in the context's webhook_policy, or send alerts to the log",
                     "%s alerts go to the webhook %s, whose host the context denies: they are not "
                     "sent",
                     severities[i], name);
    }
  }
  if (doctor->told == 0) {
    si_doctor_ok(doctor, "alerts go where the context allows");
  }
}
