/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/services.h - what a plugin may ask of its host (si_host_vt), answered over the link. In
 * si-host alone. Depends on core/host/link.h.
 */
#ifndef SI_CORE_HOST_SERVICES_H
#define SI_CORE_HOST_SERVICES_H

#include "core/host/link.h"

/* The bodies of the handles that the ABI leaves opaque. */
struct si_host {
  struct si_link *link;
};

struct si_op {
  struct si_host *host;
  uint64_t deadline_ns;
  uint64_t id;             /* of the request it serves */
  uint64_t progressed_ns;  /* when progress was last told */
  const char *subject;     /* what a failure is about where the provider does not say; or NULL */
  struct si_error failure; /* the last one recorded */
};

extern const struct si_host_vt si_host_services;

/* Begins a call that serves request `id`. */
void si_op_begin(struct si_op *op, uint64_t id);
/* Ends it: sends DONE with what was recorded, or with a plain word on `status`. */
void si_op_done(struct si_op *op, si_rc status, uint64_t value, bool now);

/* What this thread does in the provider, for the report of a crash or a failure; never NULL. */
const char *si_doing(void);
void si_doing_set(const char *verb);

#endif
