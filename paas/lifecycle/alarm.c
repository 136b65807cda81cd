/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/alarm.h"

#include "paas/alert/alert.h"

static struct si_alert_sender sender_of(const struct si_life *life) {
  return (struct si_alert_sender){.context = life->context,
                                  .state = life->state,
                                  .ask = life->ask,
                                  .ask_ctx = life->ask_ctx,
                                  .interrupt_fd = life->interrupt_fd};
}

void si_alarm_failed(const struct si_life *life, const struct si_project *project,
                     const struct si_operation *operation, const struct si_error *why) {
  struct si_alert_sender sender = sender_of(life);
  /* Nobody is asked for a passphrase for the alert's sake alone: it can wait. */
  if (!life->secrets) {
    sender.ask = NULL;
  }
  if (why->status != SI_OK && why->status != SI_E_CANCELLED) {
    si_alert_operation_failed(&sender, project->slug, operation->kind, operation->id, why);
  }
}

static si_rc count_one(void *ctx, const struct si_alert *alert) {
  (void)alert;
  ++*(size_t *)ctx;
  return SI_OK;
}

si_rc si_alarm_pending(const struct si_life *life, bool apply, size_t *pending,
                       struct si_error *error) {
  const struct si_alert_sender sender = sender_of(life);
  const struct si_alert_filter filter = {.pending = true, .limit = 1000};
  struct si_alert_run run;
  size_t count = 0;
  if (apply && si_alert_deliver(&sender, true, &run, NULL) != SI_OK) {
    /* What is left is counted below; why stands with each alert. */
  }
  si_rc status = si_alert_list(life->state, &filter, &count, count_one, error);
  if (status == SI_OK) {
    *pending = count;
  }
  return status;
}
