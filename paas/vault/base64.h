/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/base64.h - Base64 (RFC 4648, section 4), strict: one text for each value, nothing
 * skipped. Depends on kit/base. Thread-safe.
 */
#ifndef SI_PAAS_VAULT_BASE64_H
#define SI_PAAS_VAULT_BASE64_H

#include <stdbool.h>

#include "kit/base/buf.h"

/* Characters for `len` bytes, without padding and with it. */
#define SI_BASE64_LEN(len) (((len)*4 + 2) / 3)
#define SI_BASE64_PADDED_LEN(len) (((len) + 2) / 3 * 4)

si_rc si_base64_add(const void *data, size_t len, bool padded, struct si_buf *out) SI_MUST_USE;
/* Writes at most `size` bytes, *used of them. SI_E_INVALID: a foreign character, a wrong length,
 * padding where there is to be none or the reverse, unused bits that are set; SI_E_QUOTA. */
si_rc si_base64_decode(const char *text, size_t len, bool padded, void *to, size_t size,
                       size_t *used) SI_MUST_USE;

#endif
