/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/stack/variables.h - the variables that a stack file can name, and the files they come from
 * (dotenv, as Compose reads it). Depends on paas/stack/report.h.
 */
#ifndef SI_PAAS_STACK_VARIABLES_H
#define SI_PAAS_STACK_VARIABLES_H

#include "paas/stack/report.h"

enum { SI_VARIABLES = 2000 /* in one table */ };

/* Sets it, in place of an earlier value. `secret`: its value was made of one that its name tells to
 * be a secret. */
si_rc si_variable_set(struct si_reading *r, struct si_variables *table, const char *name,
                      const char *value, bool secret, unsigned line) SI_MUST_USE;
const struct si_variable *si_variable_find(const struct si_variables *table, const char *name);
void si_variables_free(struct si_variables *table);

/* The variable that the stack file means, or NULL in *out: of r->local, else what the request
 * names, else of the files of the request, which are read when the first one is asked for. */
si_rc si_variable_of(struct si_reading *r, const char *name,
                     const struct si_variable **out) SI_MUST_USE;

/* Reads a file of variables into the table. `optional`: it need not be there. A file that cannot be
 * read is told of at `place`. */
si_rc si_variables_read(struct si_reading *r, const struct si_place *place, const char *path,
                        bool optional, struct si_variables *table) SI_MUST_USE;

/* Takes a dotenv text apart: calls set for each variable with its value, quotes taken away and
 * variables put in. dotenv.c. */
si_rc si_dotenv_parse(struct si_reading *r, size_t file, const char *text, size_t len,
                      struct si_variables *table) SI_MUST_USE;

/* "DIR/name" where DIR is that of the first stack file; the reading owns it. NULL without memory.
 */
const char *si_path_beside(struct si_reading *r, const char *name);

#endif
