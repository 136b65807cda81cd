/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins/s3/parts.h - an object sent in parts, some at once, while it comes. At most CREW_SLOTS
 * parts are in memory. Depends on store.h, crew.h, sdk/kit. One thread at a time.
 */
#ifndef SI_PLUGINS_S3_PARTS_H
#define SI_PLUGINS_S3_PARTS_H

#include "plugins/s3/store.h"

struct store_parts;

/* Begins the upload. The texts must outlive it. */
si_rc store_parts_open(si_instance *store, si_op *op, const char *key, const char *full,
                       const char *content_type, uint64_t length,
                       struct store_parts **out) SI_MUST_USE;
/* Takes all bytes; waits where every slot is on its way. */
si_rc store_parts_write(struct store_parts *parts, si_op *op, const void *data,
                        size_t len) SI_MUST_USE;
/* Sends what is left and makes the object visible. */
si_rc store_parts_finish(struct store_parts *parts, si_op *op) SI_MUST_USE;
/* Frees; unless the object is finished, what was sent is dropped first, in the store, too. */
void store_parts_drop(struct store_parts **parts);

#endif
