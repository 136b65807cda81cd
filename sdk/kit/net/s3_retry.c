/* SPDX-License-Identifier: Apache-2.0 */
/* Pauses between the tries of the S3 client, and the times that stores write. */
#include <string.h>
#include <time.h>

#include "kit/base/crypt.h"
#include "kit/base/text.h"
#include "kit/net/s3_private.h"

enum { BASE_MS = 100, CAP_MS = 5000, SLICE_MS = 50, PATIENT_MS = 60000 };

uint32_t s3_backoff_ms(uint32_t attempt, uint32_t random) {
  uint32_t whole = BASE_MS;
  for (uint32_t i = 1; i < attempt && whole < CAP_MS; i++) {
    whole *= 2;
  }
  whole = whole < CAP_MS ? whole : CAP_MS;
  return whole / 2 + random % (whole / 2 + 1);
}

/* False: cancelled. */
static bool sleep_ms(const struct si_s3_call *call, uint32_t ms) {
  const uint64_t until = si_monotonic_ns() + (uint64_t)ms * 1000000;
  for (uint64_t now = si_monotonic_ns(); now < until; now = si_monotonic_ns()) {
    if (call->cancelled && call->cancelled(call->ctx)) {
      return false;
    }
    uint64_t left = until - now < SLICE_MS * 1000000ull ? until - now : SLICE_MS * 1000000ull;
    struct timespec span = {0, (long)left};
    nanosleep(&span, NULL);
  }
  return true;
}

bool s3_again(struct si_s3 *client, const struct si_s3_call *call, uint32_t attempt,
              const struct s3_reply *reply, struct si_error *error) {
  if ((error->retry != SI_RETRY_SAFE && error->retry != SI_RETRY_AFTER) ||
      attempt >= client->max_attempts) {
    return false;
  }
  uint32_t random = 0;
  if (si_random_bytes(&random, sizeof random) != SI_OK) {
    random = attempt; /* a pause that is not random is still one */
  }
  uint32_t ms = s3_backoff_ms(attempt, random);
  if (error->retry == SI_RETRY_AFTER && reply->http.retry_after_ms > ms) {
    ms = reply->http.retry_after_ms;
  }
  if (ms > PATIENT_MS ||
      (call->deadline_ns && si_monotonic_ns() + (uint64_t)ms * 1000000 >= call->deadline_ns)) {
    return false; /* the failure itself tells more than "timed out" would */
  }
  if (!sleep_ms(call, ms)) {
    si_error_set(error, SI_E_CANCELLED, "HTTP_CANCELLED", "cancelled");
    return false;
  }
  return true;
}

/* ".042" -> 42 */
static int64_t fraction_ms(const char *at) {
  int64_t ms = 0;
  if (*at++ != '.') {
    return 0;
  }
  for (int64_t unit = 100; unit > 0 && *at >= '0' && *at <= '9'; unit /= 10) {
    ms += unit * (*at++ - '0');
  }
  return ms;
}

int64_t si_s3_time(const char *text) {
  struct tm tm = {0};
  const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
  int64_t ms = rest ? fraction_ms(rest) : 0;
  if (!rest) {
    memset(&tm, 0, sizeof tm);
    rest = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
  }
  time_t seconds = rest ? timegm(&tm) : 0;
  return seconds > 0 ? (int64_t)seconds * 1000 + ms : 0;
}
