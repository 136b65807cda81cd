/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/host/seal.h - the detached signature of a plugin tree: manifest.sig beside manifest.json,
 *
 *   {"schema":"si.plugins.sig/1","algorithm":"ed25519","key":<16 hex: the key's id>,
 *    "value":<128 hex>}
 *
 * over the ASCII text (no newline), the digits being the SHA-256 of manifest.json's bytes:
 *
 *   si.plugins/1 manifest sha256:<64 hex digits>
 *
 * Depends on core/host/trust.h, core/host/tree.h. Thread-safe.
 */
#ifndef SI_CORE_HOST_SEAL_H
#define SI_CORE_HOST_SEAL_H

#include "core/host/tree.h"
#include "core/host/trust.h"

/* Is the tree signed by a key that is trusted for its kind? PLUGIN_SIGNATURE_MISSING,
 * PLUGIN_SIGNATURE_INVALID (no such document), PLUGIN_SIGNATURE_WRONG (not that key's, or of
 * another manifest), PLUGIN_KEY_UNTRUSTED, PLUGIN_KEY_DENIED. */
si_rc si_seal_check(const struct si_tree *tree, bool enterprise,
                    const struct si_plugin_trust *trust, struct si_error *error) SI_MUST_USE;
/* Appends the document that signs a manifest of that hash. */
si_rc si_seal_make(const uint8_t secret[SI_SIGN_KEY], const char sha256[SI_SHA256_HEX],
                   struct si_buf *out) SI_MUST_USE;

#endif
