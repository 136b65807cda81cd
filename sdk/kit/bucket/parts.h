/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit/bucket/parts.h - an object sent in parts, some at once, while it comes. At most
 * SI_BUCKET_CREW_SLOTS parts are in memory. Depends on store.h, crew.h, kit/base, kit/net. One
 * thread at a time.
 */
#ifndef SI_KIT_BUCKET_PARTS_H
#define SI_KIT_BUCKET_PARTS_H

#include "kit/bucket/store.h"

struct si_bucket_parts;

/* Begins the upload. What it is given must outlive it. */
si_rc si_bucket_parts_open(const struct si_bucket_put *put, si_op *op, const char *content_type,
                           uint64_t length, struct si_bucket_parts **out) SI_MUST_USE;
/* Takes all bytes; waits where every slot is on its way. */
si_rc si_bucket_parts_write(struct si_bucket_parts *parts, si_op *op, const void *data,
                            size_t len) SI_MUST_USE;
/* Sends what is left and makes the object visible; *out is what the store says of it. */
si_rc si_bucket_parts_finish(struct si_bucket_parts *parts, si_op *op,
                             struct si_s3_object *out) SI_MUST_USE;
/* Frees; unless the object is finished, what was sent is dropped first, in the store, too. */
void si_bucket_parts_drop(struct si_bucket_parts **parts);

#endif
