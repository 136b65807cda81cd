/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/age.h"

#include <stdio.h>

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
