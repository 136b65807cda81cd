/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/addon/pack.h - add-on packs: a directory ID with `pack.json`, the descriptor (si.addon/1,
 * docs/addons.md), and `stack.yaml`, the fragment that an app's stack is given. Depends on
 * sdk/kit/base and core/host/places.h.
 *
 * As safely kept as plugins: every directory down to the pack belongs to root or this user, is no
 * link and not writable by others; so do its two files, which are regular, no links, and bounded
 * (64 KiB, 1 MiB). Codes: ADDON_DIR_UNSAFE, ADDON_FILE_UNSAFE (SI_E_AUTH), ADDON_NOT_FOUND,
 * ADDON_INVALID (SI_E_CORRUPT) where the descriptor is not what it must be.
 */
#ifndef SI_PAAS_ADDON_PACK_H
#define SI_PAAS_ADDON_PACK_H

#include "kit/base/hash.h"
#include "kit/base/json.h"

struct si_pack {
  char id[64];
  char file[96]; /* how messages name the fragment: "addons/redis/stack.yaml" */
  /* Of "<sha256 of pack.json>  pack.json\n<sha256 of stack.yaml>  stack.yaml\n", which is what
   * `sha256sum pack.json stack.yaml` prints. */
  char sha256[SI_SHA256_HEX];
  const char *version; /* these two are the descriptor's */
  const char *summary;
  cJSON *descriptor;  /* checked; owned */
  struct si_buf text; /* of the fragment; owned */
};

/* Reads a pack of `dir` (NULL: SI_ADDON_DIR, else where they are installed). */
si_rc si_pack_open(const char *dir, const char *id, struct si_pack *out,
                   struct si_error *error) SI_MUST_USE;
void si_pack_free(struct si_pack *pack); /* for SI_AUTO */

typedef si_rc (*si_pack_each)(void *ctx, const char *id);
/* The names of all packs, sorted. What each() returns other than SI_OK ends it and is returned. */
si_rc si_pack_list(const char *dir, void *ctx, si_pack_each each,
                   struct si_error *error) SI_MUST_USE;

/* Is it a descriptor of the pack `id`, whole and with nothing else in it? ADDON_INVALID says what
 * is wrong (describe.c). */
si_rc si_pack_check(const char *id, const cJSON *descriptor, struct si_error *error) SI_MUST_USE;

#endif
