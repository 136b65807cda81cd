/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kit/base/text.h"
#include "paas/events/actor.h"
#include "paas/events/events.h"
#include "paas/redact/redact.h"

static const char *status_of(const struct si_event *event) {
  if (event->status) {
    return event->status;
  }
  if (!event->error) {
    return "ok";
  }
  return event->error->status == SI_E_REFUSED     ? "refused"
         : event->error->status == SI_E_CANCELLED ? "cancelled"
                                                  : "failed";
}

static si_rc add_text(cJSON *to, const char *key, const char *value) {
  return !value || cJSON_AddStringToObject(to, key, value) ? SI_OK : SI_E_NOMEM;
}

static si_rc add_error(cJSON *to, const struct si_error *error) {
  cJSON *object = error ? cJSON_AddObjectToObject(to, "error") : NULL;
  if (!error) {
    return SI_OK;
  }
  return cJSON_AddStringToObject(object, "code", error->code) &&
                 cJSON_AddStringToObject(object, "stage", error->stage) &&
                 cJSON_AddStringToObject(object, "target", error->target) &&
                 cJSON_AddStringToObject(object, "message", error->message)
             ? SI_OK
             : SI_E_NOMEM;
}

static si_rc add_fields(cJSON *to, const cJSON *fields) {
  cJSON *copy = fields ? cJSON_Duplicate(fields, true) : NULL;
  if (!fields) {
    return SI_OK;
  }
  if (!copy || !cJSON_AddItemToObject(to, "fields", copy)) {
    cJSON_Delete(copy);
    return SI_E_NOMEM;
  }
  return SI_OK;
}

static si_rc fill(cJSON *record, const struct si_context *context, const struct si_event *event) {
  const char *severity = event->severity ? event->severity : event->error ? "warning" : "info";
  char now[SI_TIME_SIZE];
  si_now_text(now);
  const char *const texts[][2] = {
      {"at", now},
      {"context", context->name},
      {"source", si_events_source_name()},
      {"action", event->action},
      {"status", status_of(event)},
      {"severity", severity},
      {"target", event->target && event->target[0] ? event->target : NULL},
      {"operation", event->operation && event->operation[0] ? event->operation : NULL},
  };
  cJSON *actor = si_events_actor();
  if (!actor || !cJSON_AddItemToObject(record, "actor", actor)) {
    cJSON_Delete(actor);
    return SI_E_NOMEM;
  }
  si_rc status = SI_OK;
  for (size_t i = 0; status == SI_OK && i < sizeof texts / sizeof *texts; i++) {
    status = add_text(record, texts[i][0], texts[i][1]);
  }
  status = status == SI_OK ? add_fields(record, event->fields) : status;
  return status == SI_OK ? add_error(record, event->error) : status;
}

/* What of the fields cannot be kept (too long, a number with a fraction) must not cost the event.
 */
static si_rc write_record(cJSON *record, struct si_buf *out) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  si_rc status = si_json_canonical(record, &text);
  if (status != SI_OK && status != SI_E_NOMEM && cJSON_HasObjectItem(record, "fields")) {
    cJSON_DeleteItemFromObjectCaseSensitive(record, "fields");
    cJSON *fields = cJSON_AddObjectToObject(record, "fields");
    if (!cJSON_AddTrueToObject(fields, "left_out")) {
      return SI_E_NOMEM;
    }
    si_buf_clear(&text);
    status = si_json_canonical(record, &text);
  }
  return status == SI_OK ? si_buf_add(out, text.data, text.len) : status;
}

si_rc si_event_record(const struct si_context *context, const struct si_event *event,
                      struct si_buf *out) {
  cJSON *record SI_AUTO(si_json_free) = cJSON_CreateObject();
  if (!record) {
    return SI_E_NOMEM;
  }
  si_rc status = fill(record, context, event);
  status = status == SI_OK ? si_redact_json(record) : status;
  return status == SI_OK ? write_record(record, out) : status;
}
