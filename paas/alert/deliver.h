/* SPDX-License-Identifier: Apache-2.0 */
/* paas/alert/deliver.h - one alert on its way. Private to paas/alert. */
#ifndef SI_PAAS_ALERT_DELIVER_H
#define SI_PAAS_ALERT_DELIVER_H

#include "paas/alert/alert.h"

/* One attempt for a pending alert, settled in the store whatever it came to. *why is filled in
 * where the alert was not sent. *tried false: another process has it. */
si_rc si_alert_attempt(const struct si_alert_sender *sender, const struct si_alert_policy *policy,
                       struct si_alert *alert, bool once, bool *tried, struct si_error *why,
                       struct si_error *error) SI_MUST_USE;

int64_t si_alert_now(const struct si_alert_sender *sender);
/* Unix time in milliseconds as text. */
void si_alert_time(int64_t ms, char to[32]);

#endif
