/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/retain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/age.h"
#include "kit/base/text.h"
#include "paas/events/events.h"

enum { REASON_MAX = 500 };

/* --- options --- */

static si_rc read_period(struct si_invocation *inv, struct si_retention_ask *ask) {
  const char *keep = si_opt(inv, "retain-for");
  const char *until = si_opt(inv, "retain-until");
  uint64_t span = 0;
  if (keep && until) {
    return si_usage_error(inv, "--retain-for and --retain-until exclude each other");
  }
  if (keep && si_parse_span_ms(keep, &span) != SI_OK) {
    return si_usage_error(inv, "--retain-for %.40s is no duration: write 36h, 90m or 30d", keep);
  }
  if (until && (si_moment_parse(until, &ask->until_ms) != SI_OK || ask->until_ms <= 0)) {
    return si_usage_error(
        inv, "--retain-until %.40s is no time: write 2027-11-20 or 2027-11-20T20:15:01Z", until);
  }
  ask->keep_ms = (int64_t)span;
  return SI_OK;
}

static si_rc read_hold(struct si_invocation *inv, struct si_retention_ask *ask) {
  const char *reason = si_opt(inv, "hold");
  if (!reason) {
    return SI_OK;
  }
  if (!reason[0] || strlen(reason) > REASON_MAX || !si_utf8_valid(reason, strlen(reason))) {
    return si_usage_error(inv, "--hold needs a reason, of at most %d bytes", REASON_MAX);
  }
  ask->held = true;
  cJSON_AddStringToObject(si_about(inv), "reason", reason);
  return SI_OK;
}

si_rc si_retain_ask(struct si_invocation *inv, bool holds, struct si_retention_ask *ask) {
  const char *mode = si_opt(inv, "lock-mode");
  static const char *const asked[] = {"retain-for", "retain-until", "lock-mode"};
  *ask = (struct si_retention_ask){.mode = SI_LOCK_NONE};
  for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
    if (si_opt(inv, asked[i])) {
      cJSON_AddStringToObject(si_about(inv), asked[i], si_opt(inv, asked[i]));
    }
  }
  if (mode && (ask->mode = si_lock_mode_of(mode)) == SI_LOCK_NONE) {
    return si_usage_error(inv, "--lock-mode %.40s is neither governance nor compliance", mode);
  }
  si_rc status = read_period(inv, ask);
  return status == SI_OK && holds ? read_hold(inv, ask) : status;
}

/* --- in whose name --- */

const struct si_context *si_place_owner(const struct si_place *place) {
  return place->context.config ? &place->context : place->lender.config ? &place->lender : NULL;
}

si_rc si_retain_changes(struct si_invocation *inv) {
  bool own = si_opt(inv, "operation") ||
             (si_arg(inv, 0) && strstr(si_arg(inv, 0), "://") && !si_opt(inv, "sink"));
  if (!inv->context[0]) {
    return SI_OK;
  }
  if (own && !inv->context_flag) {
    si_error_set(&inv->error, SI_E_INVALID, "PAAS_CONTEXT_EXPLICIT",
                 "`si %s` changes the evidence of a context, so the context must be named with "
                 "--context",
                 inv->command->path);
    return si_error_hint(&inv->error, "the same line with --context %s", inv->context);
  }
  if (inv->context_flag) {
    si_changes(inv, inv->context);
  }
  return SI_OK;
}

static void close_state(struct si_state **state) {
  si_state_close(*state);
  *state = NULL;
}

si_rc si_retain_tell(struct si_invocation *inv, const struct si_place *place, const char *action,
                     const char *status) {
  const struct si_context *owner = si_place_owner(place);
  struct si_state *state SI_AUTO(close_state) = NULL;
  if (!owner) {
    return SI_OK;
  }
  const struct si_event event = {
      .action = action, .status = status, .target = owner->name, .fields = si_about(inv)};
  si_rc opened = si_state_open(owner->dir, owner->id, SI_STATE_WRITE, &state, &inv->error);
  return opened == SI_OK ? si_events_append(owner, state, &event, &inv->error) : opened;
}

void si_retain_about(struct si_invocation *inv, uint32_t mode, int64_t until_ms) {
  char until[SI_TIME_SIZE];
  cJSON *about = si_about(inv);
  cJSON_DeleteItemFromObjectCaseSensitive(about, "mode");
  cJSON_DeleteItemFromObjectCaseSensitive(about, "until");
  if (mode != SI_LOCK_NONE) {
    cJSON_AddStringToObject(about, "mode", si_lock_mode_name(mode));
  }
  if (until_ms) {
    si_time_text(until_ms, until);
    cJSON_AddStringToObject(about, "until", until);
  }
}

/* --- what is shown --- */

void si_retain_warn_skew(struct si_invocation *inv, int64_t skew_ms) {
  if (skew_ms > SI_LOCK_SKEW_MS || skew_ms < -SI_LOCK_SKEW_MS) {
    si_out_warn(inv->out,
                "this machine's clock is %" PRId64 " s %s the store's, which the locks go by",
                (skew_ms < 0 ? -skew_ms : skew_ms) / 1000, skew_ms < 0 ? "behind" : "ahead of");
  }
}

void si_retain_text(uint32_t mode, int64_t until_ms, bool held, char *to, size_t size) {
  char until[SI_TIME_SIZE] = "";
  if (mode != SI_LOCK_NONE) {
    si_time_text(until_ms, until);
  }
  snprintf(to, size, "%s%s%s%s",
           mode != SI_LOCK_NONE ? si_lock_mode_name(mode)
           : held               ? "legal hold"
                                : "not locked",
           until[0] ? " until " : "", until, held && mode != SI_LOCK_NONE ? ", legal hold" : "");
}

si_rc si_retain_add(struct si_invocation *inv, const struct si_store_lock *lock, int64_t skew_ms,
                    cJSON *json) {
  char text[96], until[SI_TIME_SIZE] = "";
  if (lock->mode == SI_LOCK_NONE && !lock->held) {
    return cJSON_AddNullToObject(json, "lock") ? SI_OK : SI_E_NOMEM;
  }
  si_retain_text(lock->mode, lock->until_ms, lock->held, text, sizeof text);
  si_out_field(inv->out, "locked", "%s", text);
  si_retain_warn_skew(inv, skew_ms);
  if (lock->until_ms) {
    si_time_text(lock->until_ms, until);
  }
  cJSON *own = cJSON_AddObjectToObject(json, "lock");
  cJSON_AddBoolToObject(own, "held", lock->held);
  cJSON_AddNumberToObject(own, "skew_ms", (double)skew_ms);
  return cJSON_AddStringToObject(own, "mode", si_lock_mode_name(lock->mode))
             ? si_json_add_text(own, "until", until)
             : SI_E_NOMEM;
}
