/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/dispatch.h - serves si's requests with a provider's tables, one after the other. In
 * si-host alone. Depends on core/host/{descriptor,services}.h.
 */
#ifndef SI_CORE_HOST_DISPATCH_H
#define SI_CORE_HOST_DISPATCH_H

#include "core/host/descriptor.h"
#include "core/host/services.h"

struct si_dispatch {
  const struct si_descriptor *descriptor;
  si_instance *instance;
  struct si_op *op;
  /* the object being written, if any */
  si_sink *sink;
  uint64_t sink_id;
  si_rc sink_status;
};

/* Serves until BYE. SI_E_CORRUPT where a request makes no sense. */
si_rc si_dispatch_run(struct si_dispatch *dispatch, struct si_link *link) SI_MUST_USE;

/* The verb that runs now, for a crash report; never NULL. */
const char *si_dispatch_doing(void);

#endif
