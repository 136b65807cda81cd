/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/bech32.h - 32-byte keys as Bech32 texts (BIP 173), as age writes them: `age1...` and
 * `AGE-SECRET-KEY-1...`. Depends on kit/base. Thread-safe.
 */
#ifndef SI_PAAS_VAULT_BECH32_H
#define SI_PAAS_VAULT_BECH32_H

#include "kit/base/crypt.h"

#define SI_BECH32_SIZE 80 /* holds any text of these two, with its NUL */

/* `prefix` is "age" or "AGE-SECRET-KEY-"; its case is that of the whole text. */
si_rc si_bech32_encode(const char *prefix, const uint8_t key[SI_KEY_SIZE],
                       char to[SI_BECH32_SIZE]) SI_MUST_USE;
/* SI_E_INVALID: another prefix, length or case, a character too many, a wrong checksum, bits of
 * padding that are set. */
si_rc si_bech32_decode(const char *prefix, const char *text, size_t len,
                       uint8_t key[SI_KEY_SIZE]) SI_MUST_USE;

#endif
