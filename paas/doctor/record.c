/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/doctor/record.h"

#include <string.h>

#include "kit/base/text.h"
#include "paas/events/events.h"
#include "paas/state/document.h"

/* One finding is enough to block, and the documents of a store are small: with every byte escaped
 * as two, these fill less than SI_DOCUMENT_MAX. */
enum { FINDINGS_MAX = 16, REPOSITORIES_MAX = 16, DETAIL_MAX = 480, PATH_MAX_KEPT = 700 };
#define NAME "doctor"

si_rc si_record_read(struct si_state *state, cJSON **out, struct si_error *error) {
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_DOCUMENT_MAX);
  struct si_error why;
  si_rc status = si_state_document_get(state, NAME, &text, error ? error : &why);
  if (status == SI_E_NOT_FOUND) {
    *out = NULL;
    return SI_OK;
  }
  return status == SI_OK ? si_json_parse(si_buf_text(&text), text.len, out, error) : status;
}

cJSON *si_record_new(void) {
  cJSON *record = cJSON_CreateObject();
  if (!cJSON_AddStringToObject(record, "schema", "si.doctor/1") ||
      !cJSON_AddArrayToObject(record, "critical") ||
      !cJSON_AddArrayToObject(record, "repositories")) {
    cJSON_Delete(record);
    return NULL;
  }
  return record;
}

static cJSON *list(cJSON *record, const char *name) {
  return cJSON_GetObjectItemCaseSensitive(record, name);
}

static bool is_control(char c) {
  return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_plain(const char *text) {
  while (*text && !is_control(*text)) {
    text++;
  }
  return *text == '\0';
}

static bool add_text(cJSON *to, const char *name, const char *text) {
  char cut[DETAIL_MAX];
  si_copy(cut, sizeof cut, text);
  for (char *c = cut; *c; c++) {
    *c = is_control(*c) ? '?' : *c;
  }
  return cJSON_AddStringToObject(to, name, cut) != NULL;
}

bool si_record_add(cJSON *record, const struct si_finding *finding, bool own) {
  cJSON *findings = list(record, "critical");
  if (cJSON_GetArraySize(findings) >= FINDINGS_MAX) {
    return true;
  }
  cJSON *entry = cJSON_CreateObject();
  bool added = add_text(entry, "check", finding->check) &&
               add_text(entry, "scope", own ? "context" : "root") &&
               add_text(entry, "detail", finding->detail) &&
               add_text(entry, "remedy", finding->remedy) && cJSON_AddItemToArray(findings, entry);
  if (!added) {
    cJSON_Delete(entry);
  }
  return added;
}

bool si_record_add_repository(cJSON *record, const char *path) {
  cJSON *paths = list(record, "repositories");
  const cJSON *entry;
  cJSON_ArrayForEach(entry, paths) {
    if (strcmp(entry->valuestring, path) == 0) {
      return true;
    }
  }
  if (cJSON_GetArraySize(paths) >= REPOSITORIES_MAX || strlen(path) > PATH_MAX_KEPT ||
      !is_plain(path) || !si_utf8_valid(path, strlen(path))) {
    return true;
  }
  return cJSON_AddItemToArray(paths, cJSON_CreateString(path));
}

bool si_record_join(cJSON *record, const cJSON *from) {
  const cJSON *entry;
  cJSON *findings = list(record, "critical");
  cJSON_ArrayForEach(entry, si_json_get(from, "critical")) {
    if (cJSON_GetArraySize(findings) < FINDINGS_MAX &&
        !cJSON_AddItemToArray(findings, cJSON_Duplicate(entry, true))) {
      return false;
    }
  }
  cJSON_ArrayForEach(entry, si_json_get(from, "repositories")) {
    if (!si_record_add_repository(record, entry->valuestring)) {
      return false;
    }
  }
  return true;
}

static bool same(const cJSON *old, const cJSON *new) {
  static const char *const parts[] = {"critical", "repositories"};
  for (size_t i = 0; i < 2; i++) {
    const cJSON *a = si_json_get(old, parts[i]);
    const cJSON *b = si_json_get(new, parts[i]);
    if (old && !cJSON_IsArray(a)) {
      return false; /* it makes no sense, and blocks until it is written anew */
    }
    bool empty = cJSON_GetArraySize(a) == 0 && cJSON_GetArraySize(b) == 0;
    if (!empty && !cJSON_Compare(a, b, true)) {
      return false;
    }
  }
  return true;
}

/* "doctor": which checks are critical now, and where it will look again; neither: all is mended. */
static si_rc make_event(const struct si_context *context, const cJSON *record, struct si_buf *out) {
  const cJSON *entry;
  cJSON *fields SI_AUTO(si_json_free) = cJSON_CreateObject();
  cJSON *checks = cJSON_AddArrayToObject(fields, "checks");
  cJSON_ArrayForEach(entry, si_json_get(record, "critical")) {
    const char *check = si_json_str(entry, "check");
    if (!cJSON_AddItemToArray(checks, cJSON_CreateString(check ? check : "?"))) {
      return SI_E_NOMEM;
    }
  }
  const cJSON *repositories = si_json_get(record, "repositories");
  if (!cJSON_AddItemToObject(fields, "repositories", cJSON_Duplicate(repositories, true))) {
    return SI_E_NOMEM;
  }
  bool critical = cJSON_GetArraySize(checks) > 0;
  const struct si_event event = {.action = "doctor",
                                 .status = critical ? "failed" : "ok",
                                 .severity = critical ? "critical" : "info",
                                 .fields = fields};
  return si_event_record(context, &event, out);
}

si_rc si_record_write(const struct si_context *context, struct si_state *state, cJSON *record,
                      bool *changed, struct si_error *error) {
  char now[SI_TIME_SIZE];
  cJSON *old SI_AUTO(si_json_free) = NULL;
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(SI_DOCUMENT_MAX);
  struct si_buf told SI_AUTO(si_buf_free) = SI_BUF(SI_EVENT_MAX);
  si_rc status = si_record_read(state, &old, error);
  if (status != SI_OK) {
    return status;
  }
  if (changed) {
    *changed = !same(old, record);
  }
  if (same(old, record)) {
    return SI_OK;
  }
  si_now_text(now);
  if (!cJSON_AddStringToObject(record, "at", now) || si_json_canonical(record, &text) != SI_OK ||
      make_event(context, record, &told) != SI_OK) {
    return si_error_set(error, SI_E_NOMEM, "OUT_OF_MEMORY", "out of memory: the doctor's record");
  }
  const struct si_state_event event = {"audit", told.data};
  status = si_state_document_put(state, NAME, text.data, &event, error);
  return status == SI_OK ? si_events_flush(context, state, error) : status;
}
