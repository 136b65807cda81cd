/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/runpack/key.h - where a runpack lies in a store (R47):
 *
 *   tenant/{tenant}/namespace/{namespace}/scenario/{scenario}/run/{run}/{spec hash}
 *
 * and below that prefix `manifest.json` and `artifacts/<name>`. Keys are derived from ids, never
 * given by a caller; an id that cannot be a component of a key is refused. The same rules read a
 * prefix back into its ids. Depends on sdk/kit/base. Thread-safe: no state.
 */
#ifndef SI_CORE_RUNPACK_KEY_H
#define SI_CORE_RUNPACK_KEY_H

#include "kit/base/hash.h"

#define SI_KEY_SIZE 4097      /* a key of 4096 bytes and its NUL */
#define SI_KEY_COMPONENT 256  /* a component of 255 bytes and its NUL */
#define SI_KEY_PREFIX_DEPTH 9 /* components of a prefix */

#define SI_KEY_MANIFEST "manifest.json"
#define SI_KEY_ARTIFACTS "artifacts/" /* what every artifact's path begins with */
#define SI_KEY_SPEC "artifacts/spec.json"
#define SI_KEY_COMPLIANCE "artifacts/compliance.json"
/* Scenarios that begin so are operations of si itself. */
#define SI_KEY_RESERVED "op."

struct si_runpack_ids {
  char tenant[SI_KEY_COMPONENT];
  char namespace_id[SI_KEY_COMPONENT];
  char scenario[SI_KEY_COMPONENT];
  char run[SI_KEY_COMPONENT];
  char spec_hash[SI_SHA256_HEX];
};

enum {
  SI_KEY_OPERATION = 1u << 0 /* the caller exports si's own operations: "op." is allowed */
};

/* Copies the five ids; RUNPACK_ID_INVALID (SI_E_INVALID) names the one that is wrong, or
 * RUNPACK_SCENARIO_RESERVED (SI_E_REFUSED) a scenario that only operations may have. `spec_hash`
 * may be NULL where it is not known yet. */
si_rc si_runpack_ids_set(struct si_runpack_ids *ids, const char *tenant, const char *namespace_id,
                         const char *scenario, const char *run, const char *spec_hash,
                         uint32_t flags, struct si_error *error) SI_MUST_USE;

/* The prefix, without a '/' at its end. The ids are checked again. */
si_rc si_runpack_prefix(const struct si_runpack_ids *ids, char prefix[SI_KEY_SIZE],
                        struct si_error *error) SI_MUST_USE;

/* Reads a prefix back; SI_E_INVALID where it does not have that shape in every byte. Reserved
 * scenarios are fine: this only reads. */
si_rc si_runpack_prefix_parse(const char *prefix, struct si_runpack_ids *ids) SI_MUST_USE;

/* Splits an absolute path whose last nine components are a prefix: *root_len bytes of it are the
 * store's root ("/" at least), *prefix points at the rest. SI_E_INVALID where they are not. */
si_rc si_runpack_path_split(const char *path, size_t *root_len, const char **prefix) SI_MUST_USE;

/* key = prefix + '/' + path, or the path alone where the prefix is "". SI_E_QUOTA: over 4096. */
si_rc si_runpack_key(const char *prefix, const char *path, char key[SI_KEY_SIZE]) SI_MUST_USE;

/* Is it a well-formed key: valid components joined by single '/', at most 4096 bytes? */
int si_runpack_key_valid(const char *key, size_t len);
/* Is it the path of an artifact: a valid key that begins with "artifacts/"? */
int si_runpack_path_valid(const char *path, size_t len);

#endif
