/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/lifecycle/logs.h - what the services of an app wrote, as its provisioner tells it, without
 * the secrets that the vault holds for the app. No operation: nothing is changed, nothing is
 * locked, nothing is journalled. Depends on paas/lifecycle/life.h.
 */
#ifndef SI_PAAS_LIFECYCLE_LOGS_H
#define SI_PAAS_LIFECYCLE_LOGS_H

#include "paas/lifecycle/life.h"

enum { SI_LOGS_SERVICES = 256, SI_LOGS_TAIL = 100000 };

struct si_logs {
  const char *slug;
  const char *target;          /* NULL: the only one that the app lives on */
  const char *const *services; /* by name; none: all */
  size_t service_count;        /* at most SI_LOGS_SERVICES */
  uint64_t tail;               /* lines of each service, 1 to SI_LOGS_TAIL */
  int64_t since_ms;            /* Unix time; 0: all */
  bool follow;
};

struct si_logs_line {
  const char *time; /* RFC 3339 */
  const char *service;
  const char *stream; /* "stdout" or "stderr" */
  const char *line;   /* may hold any characters but NUL and line ends: show it visibly */
  bool cut;           /* there was more of it */
};
/* A status other than SI_OK ends the reading with it. */
typedef si_rc (*si_logs_each)(void *ctx, const struct si_logs_line *line);

/* Calls `each` for every line, in the order of their times; while following, as they come, until
 * life->interrupt_fd or life->timeout_ms ends it. PAAS_TARGET_AMBIGUOUS (SI_E_INVALID) where the
 * app lives on several targets and none is named, PAAS_NOT_DEPLOYED (SI_E_NOT_FOUND) where it does
 * not live on the one that is, PROVIDER_UNSUPPORTED of a provisioner that cannot show logs, and
 * what the vault refuses: without it nobody could know the secrets in them. */
si_rc si_life_logs(struct si_life *life, const struct si_logs *logs, void *ctx, si_logs_each each,
                   struct si_error *error) SI_MUST_USE;

#endif
