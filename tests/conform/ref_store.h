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

/* The key as a path below the root: lower case where case does not count. */
void ref_path(const char *key, char to[REF_KEY_MAX + 64]);

si_rc ref_reader_open(si_instance *in, si_op *op, const char *key, uint64_t offset, uint64_t limit,
                      si_reader **out);
si_rc ref_reader_read(si_reader *reader, si_op *op, void *buf, size_t cap, size_t *got);
void ref_reader_close(si_reader *reader);
si_rc ref_stat(si_instance *in, si_op *op, const char *key, si_object_info *out);
si_rc ref_remove_object(si_instance *in, si_op *op, const char *key);
si_rc ref_uri(si_instance *in, const char *key, char *out, size_t cap);

si_rc ref_list(si_instance *in, si_op *op, const char *prefix, void *ctx, si_list_fn each);
si_rc ref_unfinished(si_instance *in, si_op *op, const char *prefix, void *ctx,
                     si_unfinished_fn each);
si_rc ref_discard(si_instance *in, si_op *op, const char *key, const char *id);

#endif
