/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/conform/ref_store.h - the parts of the reference store.
 */
#ifndef SI_TESTS_CONFORM_REF_STORE_H
#define SI_TESTS_CONFORM_REF_STORE_H

#include <si/artifact.h>

#include "tests/conform/ref.h"

enum { REF_KEY_MAX = 4096 };

/* Is it a key? Records the failure where not. */
si_rc ref_key(si_instance *in, si_op *op, const char *key);

si_rc ref_list(si_instance *in, si_op *op, const char *prefix, void *ctx, si_list_fn each);
si_rc ref_unfinished(si_instance *in, si_op *op, const char *prefix, void *ctx,
                     si_unfinished_fn each);
si_rc ref_discard(si_instance *in, si_op *op, const char *key, const char *id);

#endif
