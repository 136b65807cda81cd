/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/engine/machine.h"

#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"

enum { SECONDS = 19 /* "2026-12-01T13:56:21" */ };

/* Two digits; -1: they are none. */
static int read_two(const char *text) {
  bool digits = text[0] >= '0' && text[0] <= '9' && text[1] >= '0' && text[1] <= '9';
  return digits ? (text[0] - '0') * 10 + text[1] - '0' : -1;
}

/* "+01:00" or "-05:30" in minutes, or "Z". */
static bool read_offset(const char *text, int64_t *minutes) {
  if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
    *minutes = 0;
    return true;
  }
  if (strlen(text) != 6 || !strchr("+-", text[0]) || text[3] != ':') {
    return false;
  }
  int hours = read_two(text + 1), rest = read_two(text + 4);
  *minutes = (hours * 60 + rest) * (text[0] == '-' ? -1 : 1);
  return hours >= 0 && hours < 24 && rest >= 0 && rest < 60;
}

si_rc si_engine_time(const char *text, int64_t *ms) {
  char plain[SI_TIME_SIZE];
  char thousandths[4] = "000";
  int64_t minutes = 0, at = 0;
  if (!text || strnlen(text, SECONDS) < SECONDS) {
    return SI_E_INVALID;
  }
  const char *rest = text + SECONDS;
  if (*rest == '.') {
    size_t digits = strspn(rest + 1, "0123456789");
    for (size_t i = 0; i < 3 && i < digits; i++) {
      thousandths[i] = rest[1 + i];
    }
    if (digits == 0) {
      return SI_E_INVALID;
    }
    rest += 1 + digits;
  }
  snprintf(plain, sizeof plain, "%.19s.%sZ", text, thousandths);
  if (!read_offset(rest, &minutes) || si_time_parse(plain, &at) != SI_OK) {
    return SI_E_INVALID;
  }
  *ms = at - minutes * 60000;
  return SI_OK;
}

si_rc si_engine_machine(struct si_engine *engine, struct si_engine_machine *out,
                        struct si_error *error) {
  cJSON *answer SI_AUTO(si_json_free) = NULL;
  struct si_engine_version version;
  struct si_engine_query query = {
      .method = "GET", .path = "/info", .what = "asking the engine for its machine"};
  int64_t then = 0;
  si_rc status =
      si_engine_version(engine, &version, error); /* once, and not within the time below */
  int64_t before = si_now_ms();
  status = status == SI_OK ? si_engine_ask(engine, &query, &answer, error) : status;
  int64_t after = si_now_ms();
  if (status != SI_OK) {
    return status;
  }
  *out = (struct si_engine_machine){
      .cpus = si_json_int(answer, "NCPU", 1, 65536, 0),
      .memory_bytes = si_json_int(answer, "MemTotal", 1, INT64_C(1) << 52, 0)};
  si_copy(out->os, sizeof out->os, si_json_str(answer, "OSType"));
  si_copy(out->arch, sizeof out->arch, si_json_str(answer, "Architecture"));
  out->has_clock = si_engine_time(si_json_str(answer, "SystemTime"), &then) == SI_OK;
  out->clock_skew_ms = out->has_clock ? then - (before + (after - before) / 2) : 0;
  return SI_OK;
}
