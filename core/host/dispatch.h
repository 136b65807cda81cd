/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/dispatch.h - serves si's requests with a provider's tables: objects' bytes by
 * core/host/transfer.h, everything else one after the other, alone. In si-host alone. Depends on
 * core/host/{descriptor,services,transfer}.h.
 */
#ifndef SI_CORE_HOST_DISPATCH_H
#define SI_CORE_HOST_DISPATCH_H

#include "core/host/descriptor.h"
#include "core/host/services.h"
#include "core/host/transfer.h"

struct si_dispatch {
  const struct si_descriptor *descriptor;
  si_instance *instance;
  struct si_op *op;
  struct si_transfers *transfers; /* its own; NULL before si_dispatch_run */
};

/* Serves until BYE. SI_E_CORRUPT where a request makes no sense. */
si_rc si_dispatch_run(struct si_dispatch *dispatch, struct si_link *link) SI_MUST_USE;

/* An si_emit whose ctx is the si_op: sends a RESULT. */
si_rc si_dispatch_emit(void *ctx, const char *json, size_t len);

#endif
