/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store/direct_store.h - a si_store straight over an artifact provider's table, in this
 * process: what the engine and the provider do together, without the wire between them.
 */
#ifndef SI_TESTS_DIRECT_STORE_H
#define SI_TESTS_DIRECT_STORE_H

#include "core/runpack/store.h"

struct direct_store {
  struct si_store head;
  const si_artifact_vt *vt;
  si_instance *instance;
  struct si_op *op;
  si_sink *sink;
  si_rc failed; /* a put that failed: told at flush */
  char *block;
};

void direct_store_init(struct direct_store *store, const si_artifact_vt *vt, si_instance *instance,
                       struct si_op *op);
void direct_store_free(struct direct_store *store);

#endif
