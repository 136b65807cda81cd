/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/footprint.h - what a process holds, and what surrounds it: looked at before and after
 * the plugin did something. Depends on Linux's /proc and glibc.
 */
#ifndef SI_CONFORM_FOOTPRINT_H
#define SI_CONFORM_FOOTPRINT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct footprint {
  size_t fds;
  size_t threads;
  long bytes;          /* of the heap, in use */
  unsigned long calls; /* how often something was allocated */
};
struct footprint footprint_now(void);

/* The highest resident size so far, in bytes; 0: cannot be told. */
uint64_t footprint_peak(void);
/* Children that the process has, running or not waited for? */
bool footprint_children(void);
/* How many bytes stand on stdout and stderr. */
size_t footprint_output(void);

/* What a plugin must leave as it found it. */
struct surroundings {
  uintptr_t handlers[65];
  int flags[65];
  unsigned char blocked[65];
  char directory[4096];
  uint32_t mask;
  uint64_t environment;
  uint64_t limits;
  char locale[256];
};
void surroundings_take(struct surroundings *to);

#endif
