/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/redact/literal.h - is what stands behind a key a secret in plain text, or only a reference,
 * a placeholder, a mask, a number of things? Depends on paas/redact/redact.h. Thread-safe.
 */
#ifndef SI_PAAS_REDACT_LITERAL_H
#define SI_PAAS_REDACT_LITERAL_H

#include <stdbool.h>
#include <stddef.h>

/* Does the key name a secret itself? `token_ttl` and `password_file` do not. */
bool si_literal_key(const char *key);
/* Is the value (without its quotes) a secret of its own? `bare`: an unquoted YAML or JSON value. */
bool si_literal_value(const char *key, const char *value, size_t len, bool bare);

#endif
