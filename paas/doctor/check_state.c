/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/check_state.c - the store is whole, the chains of events are unbroken, nothing waits
 * for recovery (R26, R65). Depends on paas/state, paas/events.
 */
#include <string.h>

#include "paas/doctor/private.h"
#include "paas/events/events.h"
#include "paas/state/check.h"

/* False, and told, where there is no store. */
static bool have_state(struct si_doctor *doctor, const char *what) {
  struct si_error error;
  if (doctor->state) {
    return true;
  }
  if (doctor->unopened) {
    error = *doctor->unopened;
  } else {
    si_error_set(&error, SI_E_IO, "STATE_UNOPENED", "the state store is not open");
  }
  si_doctor_failed(doctor, what, &error);
  return false;
}

void si_check_database(struct si_doctor *doctor) {
  struct si_error error;
  int schema = 0;
  if (!have_state(doctor, "the state store")) {
    return;
  }
  if (doctor->unopened) { /* for writing; it is open for reading */
    si_doctor_tell(doctor, SI_FINDING_WARNING, doctor->unopened->hint,
                   "the state store can be read alone: %s", doctor->unopened->message);
  }
  if (si_state_verify(doctor->state, &schema, &error) == SI_OK) {
    si_doctor_ok(doctor, "every page of the state store is sound; its schema is %d", schema);
  } else {
    si_doctor_tell(doctor, SI_FINDING_CRITICAL,
                   error.hint[0] ? error.hint : "restore state.db from a backup", "%s",
                   error.message);
  }
}

void si_check_event_chain(struct si_doctor *doctor) {
  struct si_error error = {.status = SI_OK};
  struct si_events_fault fault = {.line = 0};
  uint64_t counts[3] = {0, 0, 0};
  if (!have_state(doctor, "the chains of events")) {
    return;
  }
  si_rc status = si_events_verify(doctor->context, doctor->state, counts, &fault, &error);
  if (status == SI_OK) {
    si_doctor_ok(doctor, "%llu audit, %llu deployment and %llu alert events in unbroken chains",
                 (unsigned long long)counts[0], (unsigned long long)counts[1],
                 (unsigned long long)counts[2]);
  } else if (status == SI_E_CORRUPT) {
    si_doctor_tell(doctor, SI_FINDING_CRITICAL,
                   "somebody or something changed the audit trail: keep the file as it is, and put "
                   "back the events of a backup beside it",
                   "%s", error.message);
  } else {
    si_doctor_failed(doctor, "the chains of events", &error);
  }
}

/* --- what waits --- */

struct waiting {
  struct si_doctor *doctor;
  size_t abandoned;
  char first[48];
  size_t evidence;
  size_t events;
};

static si_rc unfinished(void *ctx, const struct si_operation *operation) {
  struct waiting *waiting = ctx;
  if (!si_state_owned(waiting->doctor->state, operation->id)) {
    if (waiting->abandoned++ == 0) {
      si_copy(waiting->first, sizeof waiting->first, operation->id);
    }
  }
  return SI_OK;
}

static si_rc pending(void *ctx, const struct si_operation *operation) {
  struct waiting *waiting = ctx;
  (void)operation;
  waiting->evidence++;
  return SI_OK;
}

static si_rc event(void *ctx, uint64_t seq, const char *line) {
  struct waiting *waiting = ctx;
  (void)seq, (void)line;
  waiting->events++;
  return SI_OK;
}

static si_rc count(struct waiting *waiting, struct si_error *error) {
  static const char *const streams[] = {"audit", "deployments", "alerts"};
  struct si_state *state = waiting->doctor->state;
  si_rc status =
      si_state_operations(state, NULL, SI_OPERATIONS_UNFINISHED, waiting, unfinished, error);
  if (status == SI_OK) {
    status =
        si_state_operations(state, NULL, SI_OPERATIONS_EVIDENCE_PENDING, waiting, pending, error);
  }
  for (size_t i = 0; status == SI_OK && i < 3; i++) {
    status = si_state_events_waiting(state, streams[i], 0, waiting, event, error);
  }
  return status;
}

void si_check_pending(struct si_doctor *doctor) {
  struct si_error error;
  struct waiting waiting = {.doctor = doctor};
  if (!have_state(doctor, "what waits for recovery")) {
    return;
  }
  if (count(&waiting, &error) != SI_OK) {
    si_doctor_failed(doctor, "what waits for recovery", &error);
    return;
  }
  if (waiting.abandoned > 0) {
    si_doctor_tell(
        doctor, SI_FINDING_WARNING,
        "si paas --context NAME reconcile --apply ends them, and finishes what they began",
        "%zu operations have lost the process that ran them, %s first", waiting.abandoned,
        waiting.first);
  }
  if (waiting.evidence > 0) {
    si_doctor_tell(doctor, SI_FINDING_WARNING,
                   "see that the audit sink can be reached, then si paas --context NAME reconcile "
                   "--apply",
                   "the evidence of %zu operations is not stored yet", waiting.evidence);
  }
  if (waiting.events > 0) {
    si_doctor_tell(doctor, SI_FINDING_WARNING,
                   "see that events/ can be written; the next command that changes something "
                   "writes them",
                   "%zu events wait for their file", waiting.events);
  }
  if (doctor->told == 0) {
    si_doctor_ok(doctor, "nothing waits for recovery");
  }
}
