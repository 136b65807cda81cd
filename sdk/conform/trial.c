/* SPDX-License-Identifier: Apache-2.0 */
/* What the body of a check says: demand, skip; and the seed's numbers. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kit/base/text.h"
#include "sdk/conform/host.h"
#include "sdk/conform/run.h"

_Noreturn void check_failed(const char *fmt, ...) {
  char reason[1024];
  va_list args;
  va_start(args, fmt);
  vsnprintf(reason, sizeof reason, fmt, args);
  va_end(args);
  verdict_send(FAIL, reason);
}

void demand_ok(si_rc status, const si_op *op, const char *what) {
  bool recorded = op && op->records;
  demand(status == SI_OK, "%s failed (%s)%s%s", what, si_status_text(status),
         recorded ? ": "
         : op     ? ", and recorded no reason (si_fail)"
                  : "",
         recorded ? op->message : "");
}

void demand_status(si_rc status, si_rc wanted, const char *what) {
  demand(status == wanted, "%s came to \"%s\" (%d) where \"%s\" (%d) is demanded", what,
         si_status_text(status), status, si_status_text(wanted), wanted);
}

_Noreturn void skip_check(const char *fmt, ...) {
  char reason[1024];
  va_list args;
  va_start(args, fmt);
  vsnprintf(reason, sizeof reason, fmt, args);
  va_end(args);
  verdict_send(SKIP, reason);
}

_Noreturn void kit_broken(const char *what) {
  verdict_send(BROKEN, what);
}

/* SplitMix64: small, and the same everywhere. */
static uint64_t next(struct trial *t) {
  uint64_t z = t->random += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

uint64_t random_below(struct trial *t, uint64_t bound) {
  return next(t) % bound;
}

void random_fill(struct trial *t, void *to, size_t len) {
  for (size_t at = 0; at < len; at += 8) {
    uint64_t word = next(t);
    memcpy((char *)to + at, &word, len - at < 8 ? len - at : 8);
  }
}
