/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/doctor/expose.h - finds secrets that stand in plain text: keys of well-known shapes in any
 * text, and members named like a secret's (paas/redact) with a literal value in settings and logs.
 * References (${X}, /run/secrets/x), placeholders (changeme, <...>) and masks are none. Depends on
 * paas/redact. Thread-safe.
 *
 * What is found is told by line and by name; the value itself is never told.
 */
#ifndef SI_PAAS_DOCTOR_EXPOSE_H
#define SI_PAAS_DOCTOR_EXPOSE_H

#include <stdbool.h>
#include <stddef.h>

enum {
  SI_EXPOSE_SHAPES = 1, /* age identities, private keys in PEM, AWS access keys, signed tokens */
  SI_EXPOSE_KEYS = 2,   /* settings: KEY=value, key: value, "key": "value", URLs with a password */
  SI_EXPOSE_LOG = 4     /* with KEYS: key=value in the middle of a line too */
};

/* Which rules a file of that name gets. */
unsigned si_expose_rules(const char *name);
/* Would it be a place for secrets by its name alone? The gate reads no others. */
bool si_expose_likely(const char *name);

/* `what` as in "the value of DB_PASSWORD". False: no more. */
typedef bool (*si_expose_found)(void *ctx, size_t line, const char *what);
/* Reads lines of text; `line` is the number of the first. */
void si_expose_text(const char *text, size_t len, unsigned rules, size_t line, void *ctx,
                    si_expose_found found);

#endif
