/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk/conform/schema.h - a provider's configuration schema as far as the kit reads it: the types,
 * bounds and references of its properties.
 */
#ifndef SI_CONFORM_SCHEMA_H
#define SI_CONFORM_SCHEMA_H

#include "sdk/conform/check.h"

/* The schema as JSON; NULL and `why` where it is none. To be freed. */
cJSON *schema_parse(const char *text, const char **why);
/* Its properties (perhaps none), or NULL. */
const cJSON *schema_properties(const cJSON *schema);
/* Does the member refer to a secret? */
bool schema_is_secret(const cJSON *property);
/* A value that its `type` does not allow; NULL where it allows any. To be freed. */
cJSON *schema_wrong_type(const cJSON *property);

#endif
