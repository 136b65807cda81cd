/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/alert/alert.h - what an operator must hear of (R30): raised once within a window, written to
 * the alerts event stream, and sent to the channel that the context's policy names for its severity
 * (docs/alerts.md). Depends on paas/{context,state,events,vault,redact}.
 *
 * An alert is committed before anything is sent; what cannot be sent now stays pending, and is
 * tried again by the next alert once its turn has come (30 seconds after the first attempt, twice
 * as long each time, an hour at most) or by si_alert_deliver, SI_ALERT_ATTEMPTS times in all. A
 * receiver may see the same alert twice: its id tells. Nothing here ever changes what came of the
 * operation that an alert is about.
 */
#ifndef SI_PAAS_ALERT_ALERT_H
#define SI_PAAS_ALERT_ALERT_H

#include "paas/alert/policy.h"
#include "paas/state/alert.h"
#include "paas/vault/vault.h"

#define SI_ALERT_ATTEMPTS 10u

struct si_alert_sender {
  const struct si_context *context;
  struct si_state *state; /* opened for writing */
  si_vault_ask ask;       /* for the identity's passphrase; NULL: nobody can be asked */
  void *ask_ctx;
  int64_t now_ms;   /* Unix time; 0: the clock's */
  int interrupt_fd; /* readable: stop sending; -1: none */
};

struct si_alert_notice {
  const char *severity;  /* info, warning, critical */
  const char *source;    /* "operation", "doctor": at most 64 bytes */
  const char *dedupe;    /* what makes two of them the same, at most 255 bytes */
  const char *message;   /* for people; redacted and cut to SI_ALERT_MESSAGE_MAX bytes */
  const char *channel;   /* NULL: as the policy says */
  const char *operation; /* id, or NULL */
  bool once;             /* a failed attempt is final (a test) */
};

/* Records the alert and sends it, and what else is due (five at most). SI_OK once it is recorded;
 * *out (which may be NULL) tells how its delivery stands. A policy that cannot be read counts as
 * the default one: the alert is at least written. ALERT_CHANNEL (SI_E_NOT_FOUND) where
 * notice->channel is none. */
si_rc si_alert_raise(const struct si_alert_sender *sender, const struct si_alert_notice *notice,
                     struct si_alert *out, struct si_error *error) SI_MUST_USE;

/* What a delivery run came to. */
struct si_alert_run {
  size_t sent;
  size_t failed;  /* for good */
  size_t pending; /* left */
};

/* Sends pending alerts, oldest first: those that are due, or (`all`) every one. A channel that
 * cannot be reached is not tried twice in one run. *error tells the last failure where one is left
 * (SI_OK is returned all the same: failures of the store alone are errors). */
si_rc si_alert_deliver(const struct si_alert_sender *sender, bool all, struct si_alert_run *run,
                       struct si_error *error) SI_MUST_USE;

/* As si_state_alerts. */
si_rc si_alert_list(struct si_state *state, const struct si_alert_filter *filter, void *ctx,
                    si_alert_each each, struct si_error *error) SI_MUST_USE;

/* Acknowledges it in the name of this process's user, with an audit event. *acked as
 * si_state_alert_ack; *out (which may be NULL) is the alert as it stands then. */
si_rc si_alert_ack(const struct si_alert_sender *sender, const char *id, bool *acked,
                   struct si_alert *out, struct si_error *error) SI_MUST_USE;

/* A warning that an operation on a project failed. What goes wrong is nobody's business: the alert
 * is lost at worst, and `why` is never touched. */
void si_alert_operation_failed(const struct si_alert_sender *sender, const char *project,
                               const char *kind, const char *operation, const struct si_error *why);

#endif
