/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look.h - the verbs that look at backups and change nothing, and what a restore needs of them.
 * Functions that fail have told the host. Depends on archive.h.
 */
#ifndef LOOK_H
#define LOOK_H

#include "archive.h"

/* Verbs of si_backup_vt. */
si_rc look_list(si_instance *store, si_op *op, const char *project, void *ctx, si_backup_fn each);
si_rc look_inventory(si_instance *store, si_op *op, const char *project, const char *id, void *ctx,
                     si_backup_object_fn each);
si_rc look_read(si_instance *store, si_op *op, const char *project, const char *id,
                const char *object, uint64_t offset, void *ctx, si_backup_bytes_fn take);
si_rc look_verify(si_instance *store, si_op *op, const char *project, const char *id,
                  uint32_t depth, void *ctx, si_emit emit);
si_rc look_window(si_instance *store, si_op *op, const char *project, void *ctx, si_emit emit);

/* Finds a backup that is complete, and opens its data. SI_E_CORRUPT: it is not complete. */
si_rc look_open(const struct call *call, const char *id, struct backup *out, int *fd) SI_MUST_USE;
/* Reads the open data; *same: is it what was written? The file then stands at its beginning. */
si_rc look_hash(const struct call *call, int fd, const struct backup *one, bool *same) SI_MUST_USE;

/* Gives a document to the host. NULL: there was no memory for it. */
si_rc look_emit(const cJSON *json, void *ctx, si_emit emit) SI_MUST_USE;

#endif
