/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/value.h - single values of the file, as Compose understands them, variables put in
 * (expand.h). Depends on paas/stack/report.h. Each fails with a message that names the
 * place and what was expected there.
 */
#ifndef SI_PAAS_STACK_VALUE_H
#define SI_PAAS_STACK_VALUE_H

#include "paas/stack/report.h"

enum {
  SI_TEXT_BYTES = 65536, /* of one value */
  SI_DURATION_DAYS = 24, /* so that milliseconds stay below 2^31, as providers take them */

  SI_TEXT_NUMBERS = 1u << 0, /* numbers and booleans are taken as they are written */
  SI_TEXT_EMPTY = 1u << 1,   /* "" is a value */
  SI_TEXT_DOLLARS = 1u << 2  /* every `$` is left as it is, for paas/stack/secrets.h */
};

void si_text_free(char **text); /* for SI_AUTO */

/* *out is the caller's to free. */
si_rc si_value_text(struct si_reading *r, const struct si_yaml_node *node,
                    const struct si_place *place, unsigned flags, char **out) SI_MUST_USE;
/* `true` or `false`, without quotes. */
si_rc si_value_flag(struct si_reading *r, const struct si_yaml_node *node,
                    const struct si_place *place, bool *out) SI_MUST_USE;
/* A decimal number, with or without quotes. */
si_rc si_value_count(struct si_reading *r, const struct si_yaml_node *node,
                     const struct si_place *place, uint64_t min, uint64_t max,
                     uint64_t *out) SI_MUST_USE;
/* "90s", "1m30s": milliseconds, at least `min_ms`, at most SI_DURATION_DAYS. */
si_rc si_value_duration(struct si_reading *r, const struct si_yaml_node *node,
                        const struct si_place *place, uint64_t min_ms, uint64_t *out) SI_MUST_USE;

/* Names of services, volumes, networks: [a-z0-9][a-z0-9_.-]{0,62}. Compose allows more; what is
 * also a host name and an engine's resource name is kept to what both take. */
si_rc si_name_check(struct si_reading *r, const struct si_place *place,
                    const char *name) SI_MUST_USE;
/* An absolute path without `.` and `..` components, `:` and control characters, at most 4095
 * bytes. Slashes at its end are cut off. */
si_rc si_path_check(struct si_reading *r, const struct si_place *place, char *path) SI_MUST_USE;

#endif
