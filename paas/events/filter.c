/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/events/private.h"

static const char *const severities[] = {"info", "warning", "critical"};
enum { SEVERITIES = 3 };

static int rank(const char *severity) {
  for (int i = 0; severity && i < SEVERITIES; i++) {
    if (strcmp(severities[i], severity) == 0) {
      return i;
    }
  }
  return -1;
}

si_rc si_events_filter_check(const struct si_events_filter *filter, struct si_error *error) {
  bool stream = filter->stream == NULL;
  for (int i = 0; !stream && i < SI_STREAMS; i++) {
    stream = strcmp(filter->stream, si_event_streams[i]) == 0;
  }
  if (!stream) {
    si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT", "there is no stream \"%.40s\"",
                 filter->stream);
    return si_error_hint(error, "the streams are audit, deployments and alerts");
  }
  if (filter->severity && rank(filter->severity) < 0) {
    si_error_set(error, SI_E_INVALID, "PAAS_INVALID_ARGUMENT", "there is no severity \"%.40s\"",
                 filter->severity);
    return si_error_hint(error, "the severities are info, warning and critical");
  }
  return SI_OK;
}

bool si_events_wants(const struct si_events_filter *filter, const char *stream) {
  return !filter->stream || strcmp(filter->stream, stream) == 0;
}

/* Lines are canonical, so a member stands in them as `"key":"value"`: what has not got these bytes
 * is not worth its parsing. */
static bool has(const char *line, size_t len, const char *key, const char *value) {
  char text[96];
  int n = snprintf(text, sizeof text, "\"%s\":\"%s\"", key, value);
  return n <= 0 || (size_t)n >= sizeof text || memmem(line, len, text, (size_t)n) != NULL;
}

static bool may_fit(const struct si_events_filter *filter, const char *line, size_t len) {
  bool plain = filter->status && strpbrk(filter->status, "\"\\") == NULL;
  bool fits = !plain || has(line, len, "status", filter->status);
  int least = filter->severity ? rank(filter->severity) : 0;
  bool severe = least == 0;
  for (int i = least; fits && !severe && i < SEVERITIES; i++) {
    severe = has(line, len, "severity", severities[i]);
  }
  return fits && severe;
}

static bool fits(const struct si_events_filter *filter, const cJSON *event) {
  const char *status = si_json_str(event, "status");
  int64_t at = 0;
  if (filter->status && (!status || strcmp(status, filter->status) != 0)) {
    return false;
  }
  if (filter->severity && rank(si_json_str(event, "severity")) < rank(filter->severity)) {
    return false;
  }
  return filter->since_ms == 0 ||
         (si_time_parse(si_event_at(event), &at) == SI_OK && at >= filter->since_ms);
}

si_rc si_events_take(const struct si_events_filter *filter, const char *line, size_t len,
                     cJSON **event, bool *readable) {
  cJSON *parsed SI_AUTO(si_json_free) = NULL;
  *event = NULL;
  *readable = true;
  if (!may_fit(filter, line, len)) {
    return SI_OK;
  }
  si_rc status = si_json_parse(line, len, &parsed, NULL);
  if (status == SI_E_NOMEM) {
    return status;
  }
  *readable = status == SI_OK && cJSON_IsObject(parsed);
  if (*readable && fits(filter, parsed)) {
    *event = parsed;
    parsed = NULL;
  }
  return SI_OK;
}

const char *si_event_at(const cJSON *event) {
  const char *at = si_json_str(event, "at");
  return at ? at : "";
}
