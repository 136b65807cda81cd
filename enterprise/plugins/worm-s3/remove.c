/* SPDX-License-Identifier: LicenseRef-si-enterprise */
/*
 * remove.c - removing an object with every version, where none is locked. Depends on worm.h.
 */
#include "worm.h"

/* The oldest first: a reader gets the same until the last is gone, and no old one comes to light.
 */
static si_rc remove_all(const si_instance *store, si_op *op, const struct worm_versions *versions,
                        const char *key, const char *full) {
  struct si_bucket_call call;
  si_bucket_call_begin(&call, store, op);
  for (size_t i = versions->count; i > 0; i--) {
    struct si_error error;
    if (si_s3_delete(store->s3, &call.s3, full, versions->list[i - 1].id, &error) != SI_OK) {
      return si_bucket_fail(store, op, &error, key);
    }
  }
  return SI_OK;
}

si_rc worm_remove(si_instance *store, si_op *op, const char *key) {
  struct worm_versions versions SI_AUTO(worm_versions_free) = {NULL, 0};
  char full[SI_BUCKET_KEY];
  struct si_bucket_call call;
  struct si_error error;
  si_rc status = si_bucket_key(store, op, key, full);
  if (status != SI_OK) {
    return status;
  }
  si_bucket_call_begin(&call, store, op);
  if (worm_versions(store, &call.s3, full, &versions, &error) != SI_OK) {
    return si_bucket_fail(store, op, &error, key);
  }
  status = worm_none_locked(store, op, &versions, key, full);
  return status == SI_OK ? remove_all(store, op, &versions, key, full) : status;
}
