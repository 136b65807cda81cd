/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/stopped.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/events/events.h"
#include "paas/redact/redact.h"

/* Plain text, whatever the plugin made it of, and no value of a secret. */
static void make_plain(const char *what, char to[SI_STOPPED_WHAT]) {
  si_copy(to, SI_STOPPED_WHAT, what);
  for (char *c = to; *c; c++) {
    *c = *c < ' ' || *c > '~' ? '?' : *c;
  }
  si_redact_line(to, SI_STOPPED_WHAT);
}

/* Is this the first time? Then it is remembered. */
static bool is_new(struct si_stopped *stopped, const char *kind, const char *what) {
  char line[SI_STOPPED_WHAT];
  snprintf(line, sizeof line, "%.15s %.140s", kind, what);
  for (unsigned i = 0; i < stopped->count; i++) {
    if (strcmp(stopped->told[i], line) == 0) {
      return false;
    }
  }
  if (stopped->count == SI_STOPPED_TOLD) {
    return false;
  }
  si_copy(stopped->told[stopped->count++], SI_STOPPED_WHAT, line);
  return true;
}

static si_rc append(const struct si_stopped *stopped, const struct si_event *event,
                    struct si_error *error) {
  struct si_state *own = NULL;
  si_rc status = stopped->state ? SI_OK
                                : si_state_open(stopped->context->dir, stopped->context->id,
                                                SI_STATE_WRITE, &own, error);
  if (status == SI_OK) {
    status =
        si_events_append(stopped->context, stopped->state ? stopped->state : own, event, error);
  }
  si_state_close(own);
  return status;
}

static si_rc tell_chain(const struct si_stopped *stopped, const char *kind, const char *what,
                        struct si_error *error) {
  struct si_error why;
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  if (!cJSON_AddStringToObject(fields, "kind", kind) ||
      !cJSON_AddStringToObject(fields, "what", what)) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: an event");
  }
  bool secret = strcmp(kind, SI_STOPPED_SECRET) == 0;
  si_error_set(&why, SI_E_REFUSED, secret ? SI_SECRET_NOT_REFERRED : "PLUGIN_STOPPED",
               secret ? "the plugin asked for a secret that it was not given to use"
                      : "the plugin tried what it does not declare to need");
  const struct si_event event = {.action = "plugin.stop",
                                 .severity = "critical",
                                 .target = stopped->plugin,
                                 .operation = stopped->operation,
                                 .fields = fields,
                                 .error = &why};
  return append(stopped, &event, error);
}

void si_stopped_tell(struct si_stopped *stopped, const char *kind, const char *said) {
  char what[SI_STOPPED_WHAT];
  char line[512];
  struct si_error untold = {.status = SI_OK};
  make_plain(said, what);
  if (!is_new(stopped, kind, what)) {
    return;
  }
  if (stopped->context && tell_chain(stopped, kind, what, &untold) != SI_OK) {
    snprintf(line, sizeof line, "the audit chain could not be told of what follows: %.300s",
             untold.message);
    if (stopped->log) {
      stopped->log(stopped->ctx, SI_LOG_ERROR, line);
    }
  }
  if (stopped->log) {
    bool secret = strcmp(kind, SI_STOPPED_SECRET) == 0;
    snprintf(line, sizeof line, "plugin %.63s was kept from a %s that it may not have: %s%s",
             stopped->plugin, kind, what, secret ? "" : " (its needs do not declare it)");
    stopped->log(stopped->ctx, SI_LOG_WARN, line);
  }
}
