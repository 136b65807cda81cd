/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/vault/dotenv.h - a plain dotenv text, read line by line: `KEY=VALUE`, `export KEY=VALUE`,
 * blank lines, comments. A value is bare (to the end of the line, without the blanks around it, and
 * without ` #`, which readers disagree on), 'as it is', or "with \n \t \" \\ and \$". Nothing is
 * expanded. Depends on kit/base/locked.h.
 */
#ifndef SI_PAAS_VAULT_DOTENV_H
#define SI_PAAS_VAULT_DOTENV_H

#include <stdbool.h>

#include "kit/base/locked.h"

struct si_dotenv {
  const char *at;
  const char *end;
  size_t line; /* of the pair that was read last, from 1 */
  char key[132];
  const char *value; /* in `room` */
  size_t len;
};

/* The next pair: *more false at the end. `room` holds at least as much as the whole text, and is
 * added to: values stay valid. PAAS_INVALID_ARGUMENT, naming the line and never its content. */
si_rc si_dotenv_next(struct si_dotenv *text, struct si_locked *room, bool *more,
                     struct si_error *error) SI_MUST_USE;

#endif
