/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/plain.h - finds what looks like a secret in plain text where a stack cannot put one of
 * the vault's: in the words of a command line, in a label. A finding of rule secret.literal, for
 * whoever reads a line cannot know what its program makes of it. Depends on report.h, paas/redact.
 */
#ifndef SI_PAAS_STACK_PLAIN_H
#define SI_PAAS_STACK_PLAIN_H

#include "paas/stack/report.h"
#include "paas/stack/service.h"

/* `words` is a list of texts; lines for a shell among them. */
si_rc si_plain_words(struct si_reading *r, const struct si_place *place,
                     const struct si_service *service, const cJSON *words) SI_MUST_USE;
si_rc si_plain_label(struct si_reading *r, const struct si_place *place,
                     const struct si_service *service, const char *key,
                     const char *value) SI_MUST_USE;

/* Does a line hold `--password=X`, `--password X`, `API_KEY=X` or a URL with a password that is no
 * reference? *name is then what it is called. Pure. */
bool si_plain_line(const char *line, char name[70]);

#endif
