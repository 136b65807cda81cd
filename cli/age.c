/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/age.h"

#include <stdio.h>
#include <string.h>

void si_age_text(int64_t ms, int64_t now_ms, char to[SI_AGE_SIZE]) {
  int64_t s = now_ms > ms ? (now_ms - ms) / 1000 : 0;
  if (ms <= 0) {
    snprintf(to, SI_AGE_SIZE, "-");
  } else if (s < 60) {
    snprintf(to, SI_AGE_SIZE, "%llds", (long long)s);
  } else if (s < 3600) {
    snprintf(to, SI_AGE_SIZE, "%lldm", (long long)(s / 60));
  } else if (s < 86400) {
    snprintf(to, SI_AGE_SIZE, "%lldh", (long long)(s / 3600));
  } else {
    snprintf(to, SI_AGE_SIZE, "%lldd", (long long)(s / 86400));
  }
}

si_rc si_moment_parse(const char *text, int64_t *ms) {
  char whole[SI_TIME_SIZE];
  size_t len = strlen(text);
  if (len == strlen("2026-11-20")) {
    snprintf(whole, sizeof whole, "%.10sT00:00:00.000Z", text);
  } else if (len == strlen("2026-11-20T20:15:01Z") && text[len - 1] == 'Z') {
    snprintf(whole, sizeof whole, "%.19s.000Z", text);
  } else {
    si_copy(whole, sizeof whole, text);
  }
  return si_time_parse(whole, ms);
}
