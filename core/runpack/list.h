/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/list.h - which runpacks a store holds, told from its keys alone: complete ones have
 * a manifest, incomplete ones only artifacts. Nothing is read or verified. Depends on store.h.
 */
#ifndef SI_CORE_RUNPACK_LIST_H
#define SI_CORE_RUNPACK_LIST_H

#include <stdbool.h>

#include "core/runpack/key.h"
#include "core/runpack/store.h"

#define SI_LIST_OBJECTS_MAX 2000000u /* keys looked at */
#define SI_LIST_RUNPACKS_MAX 100000u /* runpacks told */

struct si_runpack_found {
  const char *prefix;
  struct si_runpack_ids ids;
  bool complete;
  uint64_t objects; /* the manifest included */
  uint64_t bytes;   /* as the listing says */
  /* Unix time in milliseconds, as the listing says; 0 = unknown, be it of one object alone. */
  int64_t newest_ms;
  int64_t manifest_ms;
};

/* The length of the prefix that a key's object belongs to, and whether it is the manifest; 0: to
 * none. An object belongs to a runpack as its manifest.json, or below its artifacts/. */
size_t si_runpack_prefix_of(const char *key, bool *manifest);

/* Calls `each` for every runpack below `under` ("", "tenant/a", ... or a whole prefix), sorted by
 * prefix, once the listing has ended. *foreign (or NULL) counts the objects that belong to none.
 * SI_E_QUOTA: the store holds more than the bounds above. */
si_rc si_runpack_list(struct si_store *store, const char *under, void *ctx,
                      si_rc (*each)(void *ctx, const struct si_runpack_found *found),
                      uint64_t *foreign, struct si_error *error) SI_MUST_USE;

#endif
