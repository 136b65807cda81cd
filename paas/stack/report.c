/* SPDX-License-Identifier: Apache-2.0 */
#include "paas/stack/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/text.h"

enum { KEY_SHOWN = 64, NAME_SHOWN = 120 };

/* Keys and values come from the file: a message must not carry its escape sequences. */
static void tame(char *text) {
  unsigned char *p = (unsigned char *)text;
  for (; *p; p++) {
    if (*p < 0x20 || *p == 0x7F) {
      *p = '?';
    } else if (p[0] == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F) {
      p[0] = '?';
      p[1] = '?';
    }
  }
}

static void append(char *to, size_t size, const char *fmt, ...) SI_PRINTF(3, 4);
static void append(char *to, size_t size, const char *fmt, ...) {
  size_t have = strlen(to);
  va_list args;
  va_start(args, fmt);
  vsnprintf(to + have, size - have, fmt, args);
  va_end(args);
}

static void render(const struct si_place *place, char *to, size_t size) {
  if (!place || !place->up) {
    return;
  }
  render(place->up, to, size);
  if (place->key) {
    char key[KEY_SHOWN + 1];
    si_copy(key, sizeof key, place->key);
    append(to, size, "%s%s", to[0] ? "." : "", key);
  } else {
    append(to, size, "[%zu]", place->index);
  }
}

/* "stack.yaml:12"; of a long path the end is what tells files apart. */
static void locate(const struct si_reading *r, unsigned line, char *to, size_t size) {
  const char *whole = r->files[SI_LINE_FILE(line)];
  size_t len = strlen(whole);
  const char *name = whole;
  if (len > NAME_SHOWN) {
    name += si_utf8_cut(whole, len - NAME_SHOWN);
  }
  snprintf(to, size, "%s%s:%u", name == whole ? "" : "...", name, SI_LINE_NUMBER(line));
  tame(to);
}

static si_rc fail(struct si_reading *r, const char *code, const struct si_place *place,
                  const char *fmt, va_list args) SI_PRINTF(4, 0);
static si_rc fail(struct si_reading *r, const char *code, const struct si_place *place,
                  const char *fmt, va_list args) {
  char what[sizeof r->error->message];
  char path[512] = "";
  char where[160];
  vsnprintf(what, sizeof what, fmt, args);
  render(place, path, sizeof path);
  locate(r, place ? place->line : 1, where, sizeof where);
  si_error_set(r->error, SI_E_INVALID, code, "%s: %s%s%s", where, path, path[0] ? " " : "", what);
  tame(r->error->message);
  r->fresh = true;
  return si_error_target(r->error, "stack", where);
}

si_rc si_stack_fail(struct si_reading *r, const char *code, const struct si_place *place,
                    const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  si_rc status = fail(r, code, place, fmt, args);
  va_end(args);
  return status;
}

si_rc si_stack_invalid(struct si_reading *r, const struct si_place *place, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  si_rc status = fail(r, "STACK_INVALID", place, fmt, args);
  va_end(args);
  return status;
}

si_rc si_stack_nomem(struct si_reading *r) {
  si_error_set(r->error, SI_E_NOMEM, "STACK_UNREADABLE", "%s: out of memory while reading it",
               r->files[0]);
  return si_error_target(r->error, "stack", r->files[0]);
}

static bool add_finding(struct si_reading *r, const char *rule, const char *service,
                        const char *hint) {
  cJSON *item = cJSON_CreateObject();
  r->findings = r->findings ? r->findings : cJSON_CreateArray();
  if (!item || !cJSON_AddItemToArray(r->findings, item)) {
    cJSON_Delete(item);
    return false;
  }
  return cJSON_AddStringToObject(item, "rule", rule) &&
         cJSON_AddStringToObject(item, "service", service) &&
         cJSON_AddStringToObject(item, "target", r->error->target) &&
         cJSON_AddStringToObject(item, "message", r->error->message) &&
         cJSON_AddStringToObject(item, "remediation", hint);
}

si_rc si_stack_find(struct si_reading *r, const char *rule, const char *service,
                    const struct si_place *place, const char *hint, const char *fmt, ...) {
  const struct si_error kept = *r->error;
  bool fresh = r->fresh;
  va_list args;
  va_start(args, fmt);
  fail(r, "STACK_GUARD", place, fmt, args);
  va_end(args);
  bool well = add_finding(r, rule, service, hint);
  *r->error = kept;
  r->fresh = fresh;
  return well ? SI_OK : si_stack_nomem(r);
}

const char *si_stack_line(const struct si_reading *r, unsigned line, unsigned from, char to[200]) {
  bool same = SI_LINE_FILE(line) == SI_LINE_FILE(from);
  snprintf(to, 200, "line %u%s%.160s", SI_LINE_NUMBER(line), same ? "" : " of ",
           same ? "" : r->files[SI_LINE_FILE(line)]);
  return to;
}

si_rc si_stack_hint(struct si_reading *r, const char *fmt, ...) {
  char hint[sizeof r->error->hint];
  va_list args;
  va_start(args, fmt);
  vsnprintf(hint, sizeof hint, fmt, args);
  va_end(args);
  tame(hint);
  return si_error_hint(r->error, "%s", hint);
}

si_rc si_stack_keep(struct si_reading *r) {
  if (!r->fresh || r->fault_count == SI_STACK_FAULTS) {
    return SI_OK;
  }
  struct si_error *faults = realloc(r->faults, (r->fault_count + 1) * sizeof *faults);
  if (!faults) {
    return si_stack_nomem(r);
  }
  r->faults = faults;
  r->faults[r->fault_count++] = *r->error;
  r->fresh = false;
  return SI_OK;
}

si_rc si_stack_go_on(struct si_reading *r, si_rc status, bool *failed) {
  if (status != SI_E_INVALID) {
    return status;
  }
  *failed = true;
  bool last = r->fault_count == SI_STACK_FAULTS || strcmp(r->error->code, "STACK_TOO_LARGE") == 0;
  return last ? status : si_stack_keep(r);
}

si_rc si_stack_came_to(si_rc status, bool failed) {
  return status == SI_OK && failed ? SI_E_INVALID : status;
}
