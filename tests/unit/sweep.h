/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/sweep.h - how much of a sweep is tried: a test that stops or kills something at every
 * point of it. SI_TEST_EVERY=N takes one point in N (default 1: all), SI_TEST_OFFSET says which;
 * drawn anew by every run else, and told, so that many runs see them all.
 *
 *   for (unsigned nth = sweep_first(2); going && nth < 4000; nth += sweep_step(2)) ...
 */
#ifndef SI_TESTS_SWEEP_H
#define SI_TESTS_SWEEP_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline unsigned sweep_number(const char *name, unsigned otherwise) {
  const char *text = getenv(name);
  char *end = NULL;
  unsigned long number = text ? strtoul(text, &end, 10) : 0;
  return text && end != text && *end == '\0' && number <= 10000 ? (unsigned)number : otherwise;
}

/* One point in so many. */
static inline unsigned sweep_every(void) {
  unsigned every = sweep_number("SI_TEST_EVERY", 1);
  return every ? every : 1;
}

/* The first point, where a whole sweep has every `stride`-th from 1 on. */
static inline unsigned sweep_first(unsigned stride) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  unsigned offset = sweep_number("SI_TEST_OFFSET", (unsigned)now.tv_nsec / 1000) % sweep_every();
  if (sweep_every() > 1) {
    printf("(SI_TEST_EVERY=%u SI_TEST_OFFSET=%u) ", sweep_every(), offset);
    fflush(stdout);
  }
  return 1 + offset * stride;
}

static inline unsigned sweep_step(unsigned stride) {
  return stride * sweep_every();
}

/* How often something is met at least, that a whole sweep meets more than `count` times. */
static inline unsigned sweep_least(unsigned count) {
  return count / sweep_every();
}

#endif
