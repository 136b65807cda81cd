/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/expand.h - puts variables into a text, as Compose does: $X ${X} ${X:-d} ${X-d} ${X:?e}
 * ${X?e} ${X:+a} ${X+a}, one inside another, and `$$` for `$`. A variable that is not set and has
 * no default is an error, and so is what would bring a secret into the document (literal.h).
 * Depends on paas/stack/variables.h.
 */
#ifndef SI_PAAS_STACK_EXPAND_H
#define SI_PAAS_STACK_EXPAND_H

#include "paas/stack/report.h"

/* For the document, where no secret of the file can stand. */
si_rc si_expand_text(struct si_reading *r, const struct si_place *place, const char *text,
                     struct si_buf *out) SI_MUST_USE;
/* For the document, where secrets can stand: `${KEY}` of one that x-si-secrets declares becomes a
 * part
 * {"secret", "revision": 0}, the text around it parts of their own. */
si_rc si_expand_parts(struct si_reading *r, const struct si_place *place, const char *text,
                      cJSON *parts) SI_MUST_USE;
/* For another variable: any value can be put in. *secret says whether one was a secret's. */
si_rc si_expand_variables(struct si_reading *r, const struct si_place *place, const char *text,
                          struct si_buf *out, bool *secret) SI_MUST_USE;

#endif
