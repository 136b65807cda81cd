/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/literal.h - may a text stand in the document, or does it look like a secret? The
 * document is kept as it is, in the state store and in runpacks. Depends on paas/redact.
 */
#ifndef SI_PAAS_STACK_LITERAL_H
#define SI_PAAS_STACK_LITERAL_H

#include <stdbool.h>

/* A switch, a small number, or a path: no secret, whatever the variable is called. */
bool si_is_setting(const char *value);
/* scheme://user:password@host */
bool si_has_password(const char *value);
/* A variable of that name must not have that value in plain text. */
bool si_tells_secret(const char *name, const char *value);

#endif
