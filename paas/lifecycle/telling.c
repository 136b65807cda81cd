/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/lifecycle/telling.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"

struct si_telling si_telling_of(const struct si_life *life, const char *action,
                                const struct si_project *project) {
  return (struct si_telling){.life = life,
                             .action = action,
                             .slug = project->slug,
                             .provisioner = project->provisioner,
                             .spec_sha256 = project->spec_sha256};
}

static cJSON *object_of(const char *const (*members)[2], size_t count) {
  cJSON *object = cJSON_CreateObject();
  for (size_t i = 0; object && i < count; i++) {
    if (!cJSON_AddStringToObject(object, members[i][0], members[i][1])) {
      cJSON_Delete(object);
      object = NULL;
    }
  }
  return object;
}

static si_rc write_record(const struct si_life *life, const struct si_event *event,
                          struct si_buf *record, struct si_error *error) {
  si_rc status = event->fields ? si_event_record(life->context, event, record) : SI_E_NOMEM;
  return status == SI_OK ? SI_OK
                         : si_error_set(error, status, "EVENT_RECORD",
                                        "the event %s cannot be written down: %s", event->action,
                                        si_status_text(status));
}

/* "target: type name (reason)" of each thing, or why nobody could look; an event has room for so
 * many, and the evidence has all of them. */
static bool add_unverified(cJSON *fields, const cJSON *unverified) {
  enum { TOLD = 40 };
  cJSON *list = cJSON_AddArrayToObject(fields, "unverified");
  const cJSON *target, *thing;
  size_t count = 0;
  cJSON_ArrayForEach(target, unverified) {
    const char *name = si_json_str(target, "target");
    const char *message = si_json_str(target, "message");
    char text[600];
    snprintf(text, sizeof text, "%.63s: %.500s", name ? name : "", message ? message : "");
    if (count++ < TOLD && !cJSON_AddItemToArray(list, cJSON_CreateString(text))) {
      return false;
    }
    cJSON_ArrayForEach(thing, si_json_get(target, "remaining")) {
      const char *type = si_json_str(thing, "type"), *id = si_json_str(thing, "name");
      const char *reason = si_json_str(thing, "reason");
      snprintf(text, sizeof text, "%.63s: %.20s %.160s (%.200s)", name ? name : "",
               type ? type : "", id ? id : "", reason ? reason : "");
      if (count++ < TOLD && !cJSON_AddItemToArray(list, cJSON_CreateString(text))) {
        return false;
      }
    }
  }
  char more[48];
  snprintf(more, sizeof more, "and %zu more", count > TOLD ? count - TOLD : 0);
  return list && (count <= TOLD || cJSON_AddItemToArray(list, cJSON_CreateString(more)));
}

static si_rc write_operation(const struct si_telling *telling, const struct si_operation *operation,
                             const char *status, const char *severity, const struct si_error *why,
                             struct si_buf *record, struct si_error *error) {
  const char *const members[][2] = {
      {"kind", operation->kind},
      {"project_id", operation->project_id},
      {"provisioner", telling->provisioner},
      {"spec_sha256", telling->spec_sha256},
  };
  cJSON *fields SI_AUTO(si_json_free) = object_of(members, sizeof members / sizeof *members);
  if (telling->unverified && !add_unverified(fields, telling->unverified)) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  const struct si_event event = {.action = telling->action,
                                 .status = status,
                                 .severity = severity,
                                 .target = telling->slug,
                                 .operation = operation->id,
                                 .fields = fields,
                                 .error = why};
  return write_record(telling->life, &event, record, error);
}

si_rc si_tell_begin(void *ctx, const struct si_operation *operation, struct si_buf *record,
                    struct si_error *error) {
  return write_operation(ctx, operation, "started", "info", NULL, record, error);
}

/* A running project that could not be brought back to its stack, a deploy after which nobody knows
 * what serves, and an end that nobody knows, are incidents; what did not come up or go away can be
 * run again. */
static const char *severity_of(const struct si_telling *telling,
                               const struct si_operation *operation, const char *status,
                               const struct si_error *why) {
  if (strcmp(status, "ok") == 0) {
    return telling->unverified ? "warning" : "info";
  }
  bool deploy = strcmp(operation->kind, "deploy") == 0 && !telling->unharmed;
  bool running = (deploy || strcmp(operation->kind, "converge") == 0 ||
                  strcmp(operation->kind, "reset") == 0) &&
                 strcmp(status, "failed") == 0;
  return running || (why && why->retry == SI_OUTCOME_UNKNOWN) ? "critical" : "warning";
}

si_rc si_tell_end(const struct si_telling *telling, const struct si_operation *operation,
                  const char *status, const struct si_error *why, struct si_told *told,
                  struct si_error *error) {
  si_rc written =
      write_operation(telling, operation, status, severity_of(telling, operation, status, why), why,
                      &told->record, error);
  if (written == SI_OK) {
    told->events[0] = (struct si_state_event){"audit", told->record.data};
    told->events[1] = (struct si_state_event){"deployments", told->record.data};
  }
  return written;
}

void si_told_free(struct si_told *told) {
  si_buf_free(&told->record);
}

si_rc si_tell_evidence(const struct si_life *life, const struct si_operation *operation,
                       const struct si_export_result *result, struct si_buf *record,
                       struct si_error *error) {
  char until[SI_TIME_SIZE] = "";
  const char *const members[][2] = {
      {"manifest_sha256", result->manifest_sha256},
      {"project_id", operation->project_id},
      {"runpack", result->prefix},
  };
  cJSON *fields SI_AUTO(si_json_free) = object_of(members, sizeof members / sizeof *members);
  if (result->lock.mode != SI_LOCK_NONE) {
    si_time_text(result->lock.until_ms, until);
    cJSON_AddStringToObject(fields, "mode", si_lock_mode_name(result->lock.mode));
    cJSON_AddStringToObject(fields, "until", until);
  }
  const struct si_event event = {
      .action = "evidence.store", .operation = operation->id, .fields = fields};
  return write_record(life, &event, record, error);
}

si_rc si_tell_orphan(const struct si_life *life, const char *provisioner, const cJSON *resource,
                     const struct si_error *why, struct si_error *error) {
  static const char *const keys[] = {"id", "name", "project_id", "type"};
  char target[160];
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    const char *value = si_json_str(resource, keys[i]);
    if (value && !cJSON_AddStringToObject(fields, keys[i], value)) {
      return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
    }
  }
  const char *type = si_json_str(fields, "type");
  const char *name = si_json_str(fields, "name");
  snprintf(target, sizeof target, "%.30s %.120s", type ? type : "resource", name ? name : "");
  if (!cJSON_AddStringToObject(fields, "provisioner", provisioner)) {
    return si_error_set(error, SI_E_NOMEM, "STATE_MEMORY", "out of memory");
  }
  const struct si_event event = {
      .action = "orphan.remove", .target = target, .fields = fields, .error = why};
  return si_events_append(life->context, life->state, &event, error);
}

void si_tell_flush(const struct si_life *life) {
  struct si_error why;
  if (si_events_flush(life->context, life->state, &why) != SI_OK && life->log) {
    char line[sizeof why.message + 64];
    snprintf(line, sizeof line, "the events stay in state.db for now: %s", why.message);
    life->log(life->ctx, SI_LOG_WARN, line);
  }
}
